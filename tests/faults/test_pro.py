"""Keys of ZenML Pro: who gets to see them, the login at workspaces before 0.91, and a Pro that is out of order.

What workspaces of today answer is in tests/e2e/test_pro.py.
"""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, replace

import pytest
from outcome import INFO, LOGIN, TOKEN, USER, check_result, login

import pro_api
import zenml_replies as replies
from pro_api import ProApi, older_login
from run import Result
from tls_server import Proxy, Reply, Server

VARIABLE = "ZENML_PRO_API_URL"
OUTAGE = "an outage of ZenML Pro looks the same"
# Not one of them may be reached: the proxy that the tests set for what is not loopback sees nothing.
ELSEWHERE = "pro.example.test"


@dataclass(frozen=True)
class World:
    """A Pro with the workspace that belongs to it, and a key of Pro; both servers speak TLS."""

    pro: ProApi
    api: Server
    workspace: Server
    key: str

    def login(self, *command: str, **variables: str) -> Result:
        """Runs `command` (else whoami) at the workspace, with the variables in addition to the key's."""
        env = {"ZENML_STORE_API_KEY": self.key, VARIABLE: self.api.url} | variables
        return login(self.workspace, env, *command, secrets=self.pro.tokens.values(),
                     secret_in={"stdout": "token"} if command[:1] == ("env",) else ())

    def seen(self) -> tuple[list[str], list[str]]:
        """The requests that workspace and Pro have seen."""
        return [str(request) for request in self.workspace.requests], [str(request) for request in self.api.requests]


@pytest.fixture
def make_world(start_server, binary):
    """A function that makes a World.

    takes     what the workspace takes in the grant zenml-external: "key", "token" of Pro, or "nothing"
    pro_says  the answers of Pro's API instead of the usual ones
    script    the answers of the workspace instead of the usual ones
    """
    def make(takes: str, pro_says=None, script=None) -> World:
        pro = ProApi()
        key = pro.make_key(pro_api.account())
        api = start_server(pro_says, healthy=pro)
        bearers = {"key": {key}, "token": pro.tokens.values(), "nothing": ()}[takes]
        answers = {INFO: Reply(json=pro_api.info(api.url)), LOGIN: older_login(bearers)} | (script or {})
        return World(pro, api, start_server(answers), key)

    return make


# Workspaces before 0.91

def test_key_as_a_bearer(make_world):
    world = make_world("key")
    check_result(world.login(), 0)
    assert world.seen() == ([INFO, LOGIN, LOGIN, USER], [])
    first, second = world.workspace.requests[1:3]
    assert first.form == {"password": world.key} and "authorization" not in first.headers
    assert second.form == {"grant_type": "zenml-external"}
    assert second.headers["authorization"] == f"Bearer {world.key}"
    assert (world.workspace.connections, world.api.connections) == (1, 0)


@pytest.mark.parametrize("slash", ["", "/"])
def test_token_of_pro(make_world, slash):
    world = make_world("token")
    check_result(world.login(ZENML_PRO_API_URL=world.api.url + slash), 0)
    assert world.seen() == ([INFO, LOGIN, LOGIN, LOGIN, USER], [pro_api.LOGIN])
    request, = world.api.requests
    assert request.form == {"password": world.key}
    assert request.headers["authorization"] == f"Bearer {world.key}"
    assert world.workspace.requests[3].form == {"grant_type": "zenml-external"}
    assert world.workspace.requests[3].headers["authorization"] == f"Bearer {world.pro.tokens[world.key]}"
    assert (world.workspace.connections, world.api.connections) == (1, 1)


def test_pro_below_a_path(make_world):
    below = "POST /api/pro/auth/login"
    world = make_world("token", {below: lambda request: world.pro.answer(replace(request, target="/auth/login"))})
    check_result(world.login(ZENML_PRO_API_URL=world.api.url + "/api/pro"), 0)
    assert world.seen()[1] == [below]


@pytest.mark.parametrize("takes", ["key", "token"])
@pytest.mark.parametrize("credential", ["key", "token"])
def test_what_is_handed_on(make_world, takes, credential):
    """The URL of Pro is that of /info, byte for byte, and not the one that was asked."""
    url = "https://pro.example.test:443/API//v1/"
    world = make_world(takes, script={INFO: Reply(json=pro_api.info(url))})
    result = login(world.workspace, {"ZENML_STORE_API_KEY": world.key, VARIABLE: world.api.url}, "env", "--format",
                   "json", "--credential", credential, secrets=world.pro.tokens.values(),
                   secret_in={"stdout": credential})
    assert result.code == 0, result.err
    variables = json.loads(result.out)
    assert variables.get(VARIABLE) == (url if credential == "key" else None)
    assert not set(variables.values()) & set(world.pro.tokens.values())
    assert world.seen()[0][-1] == (USER if credential == "key" else TOKEN)


@pytest.mark.parametrize("changes", [
    {"pro_api_url": "https://pro.example.test\nX=1"}, {"pro_api_url": "https://pro.example.test/ü"},
    {"pro_api_url": "https://pro.example.test /"}, {"pro_api_url": "https://" + "x" * 256},
    {"pro_api_url": ""}, {"pro_api_url": None}, {"pro_api_url": 7}, {"deployment_type": "other"},
], ids=["line break", "not ASCII", "blank", "long", "empty", "null", "number", "no workspace"])
def test_url_that_is_not_handed_on(make_world, changes):
    """What /info says may not bring anything else into the environment of a job."""
    info = pro_api.info("https://pro.example.test", **changes)
    world = make_world("key", script={INFO: Reply(json=info)})
    result = login(world.workspace, {"ZENML_STORE_API_KEY": world.key}, "env", "--format=json", "--credential=key")
    assert result.code == 14 and result.out == "", result.err
    assert "does not name its ZenML Pro" in result.err and "--credential token" in result.err


# Who gets to see the key

@pytest.mark.parametrize("scheme", ["OAUTH2_PASSWORD_BEARER", "HTTP_BASIC", "NO_AUTH", "SOMETHING_NEW"])
def test_server_that_is_no_workspace(make_world, scheme):
    world = make_world("key", script={INFO: Reply(json=pro_api.info("", auth_scheme=scheme))})
    result = world.login()
    assert result.code == (5 if scheme == "OAUTH2_PASSWORD_BEARER" else 12), result.err
    assert OUTAGE not in result.err
    assert world.seen() == ([INFO], [])


@pytest.mark.parametrize("options", [[], ["--allow-http"]], ids=["", "allow-http"])
def test_pro_over_plain_http(make_world, options):
    world = make_world("token")
    with Proxy() as proxy:
        result = world.login("whoami", *options, ZENML_PRO_API_URL=f"http://{ELSEWHERE}",
                             http_proxy=f"http://127.0.0.1:{proxy.port}", no_proxy="127.0.0.1")
        assert proxy.connections == 0
    check_result(result, 2, f"^{VARIABLE}: .*plain http", "https://HOST")
    assert "--allow-http" not in result.err
    assert world.seen() == ([], [])


def test_pro_over_plain_http_of_loopback(make_world, start_server):
    world = make_world("token")
    plain = start_server(healthy=world.pro, tls=None)
    check_result(world.login(ZENML_PRO_API_URL=plain.url), 0)
    assert [str(request) for request in plain.requests] == [pro_api.LOGIN]


@pytest.mark.parametrize("url", [
    "pro.example.test", "ftp://pro.example.test", "https://", "https://user:pw@pro.example.test",
    "https://pro.example.test/?x=1", '"https://pro.example.test"', "https://pro example.test",
    "https://" + "x" * 3000,
], ids=["no scheme", "other scheme", "no host", "password", "query", "quotes", "blank", "long"])
def test_malformed_url_of_pro(make_world, url):
    """Before anything is sent."""
    world = make_world("token")
    check_result(world.login(ZENML_PRO_API_URL=url), 2, f"^{VARIABLE}: ")
    assert world.seen() == ([], [])


@pytest.mark.parametrize("url", ["http://pro.example.test", "nonsense"])
def test_url_of_pro_does_not_matter_to_other_credentials(server, api_key, api_token, url):
    for credential in {"ZENML_STORE_API_KEY": api_key}, {"ZENML_STORE_API_TOKEN": api_token}:
        check_result(login(server, credential | {VARIABLE: url}), 0)


@pytest.mark.parametrize("variables", [{}, {VARIABLE: ""}], ids=["unset", "empty"])
def test_pro_itself_where_the_workspace_names_it(make_world, start_server, variables):
    """Only the proxy of the test hears of it, and lets nothing pass."""
    url = "https://cloudapi.zenml.io"
    world, proxy = make_world("token", script={INFO: Reply(json=pro_api.info(url))}), start_server(tls=None)
    env = {"ZENML_STORE_API_KEY": world.key, "https_proxy": proxy.url, "no_proxy": "127.0.0.1"}
    result = login(world.workspace, env | variables)
    check_result(result, 8, "proxy|CONNECT")
    assert {str(request) for request in proxy.requests} == {"CONNECT cloudapi.zenml.io:443"}


@pytest.mark.parametrize("changes", [
    {}, {"pro_api_url": None}, {"deployment_type": "other"}, {"pro_api_url": f"https://{ELSEWHERE}/" + "x" * 256},
], ids=["another", "none", "not in the cloud", "too long"])
def test_key_of_another_pro_does_not_go_to_pro_itself(make_world, start_server, changes):
    """A self-hosted Pro has keys of its own. Nobody has said that they may go anywhere else."""
    info = pro_api.info(f"https://{ELSEWHERE}", **changes)
    world, proxy = make_world("token", script={INFO: Reply(json=info)}), start_server(tls=None)
    env = {"ZENML_STORE_API_KEY": world.key, "https_proxy": proxy.url, "no_proxy": "127.0.0.1"}
    check_result(login(world.workspace, env), 5, "Not authorized", VARIABLE)
    assert proxy.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_of_pro(make_world, start_server, status):
    other = start_server()
    world = make_world("token", {pro_api.LOGIN: Reply(status, headers={"Location": other.url + "/auth/login"})})
    check_result(world.login(), 12, "^ZenML Pro: .*redirects", VARIABLE)
    assert world.seen() == ([INFO, LOGIN, LOGIN], [pro_api.LOGIN])
    assert other.connections == 0


# What proves Pro, and what proves the workspace

@pytest.mark.parametrize("kind", ["self_signed", "unknown_ca", "expired", "wrong_host"])
def test_pro_with_a_certificate_of_somebody_else(make_world, start_server, certs, kind):
    """Also with the workspace's pin, which vouches for nobody else."""
    world = make_world("token")
    impostor = start_server(healthy=world.pro, tls=getattr(certs, kind))
    for pin in [], ["--pin", certs.pin(certs.good)]:
        result = world.login("whoami", *pin, ZENML_PRO_API_URL=impostor.url_for("localhost"))
        check_result(result, 9, "^ZenML Pro: .*certificate")
    assert impostor.requests == ()
    assert world.seen() == ([INFO, LOGIN, LOGIN] * 2, [])


@pytest.fixture
def other_pro(make_world, start_server, certs):
    """A World that needs a token of Pro, and a second address of its Pro, which has another certificate."""
    world = make_world("token")
    return world, start_server(healthy=world.pro, tls=certs.ip_only)


def test_pin_is_the_workspaces(other_pro, certs):
    """ZenML Pro is another server, with another key."""
    world, api = other_pro
    check_result(world.login("whoami", "--pin", certs.pin(certs.good), ZENML_PRO_API_URL=api.url), 0)
    assert world.seen()[0] == [INFO, LOGIN, LOGIN, LOGIN, USER]
    assert [str(request) for request in api.requests] == [pro_api.LOGIN]
    assert api.requests[0].form == {"password": world.key}


@pytest.mark.parametrize("kind", ["ip_only", "expired"], ids=["pin of Pro", "pin of nobody"])
def test_wrong_pin(other_pro, certs, kind):
    """Nothing is sent anywhere, not even to the Pro that has this key."""
    world, api = other_pro
    pin = certs.pin(getattr(certs, kind))
    result = world.login("whoami", "--pin", pin, ZENML_PRO_API_URL=api.url)
    check_result(result, 9, "^the server has another public key", "--pin")
    assert world.seen() == ([], [])
    assert (world.workspace.connections, api.connections) == (1, 0)


# A Pro that refuses, or is out of order

@pytest.mark.parametrize("answer, code, message, requests", [
    (replies.error(401, "AuthorizationException", "bad key"), 5, "401.*bad key", 1),
    (Reply(403, json={"detail": "no"}), 6, "403", 1),
    (Reply(404, json={"detail": "Not Found"}), 12, "404", 1),
    (Reply(422, json={"detail": "no"}), 2, "422", 1),
    (Reply(429, json={"detail": "slow down"}), 10, "429", 1),
    (Reply(500, json={"detail": "no"}), 11, "500", 1),
    (Reply(503, json={"detail": "maintenance"}), 11, "503", 3),
    (Reply(body="<html>", content_type="text/html"), 12, "JSON", 1),
    (Reply(json={}), 11, "no access token", 1),
    (Reply(json={"access_token": "x y", "token_type": "bearer"}), 11, "no access token", 1),
    (Reply(json=replies.login("x" * 4097)), 11, "longer than 4096", 1),
    (Reply(body=b"{" + b" " * 300_000 + b"}"), 11, "", 1),
], ids=["401", "403", "404", "422", "429", "500", "503", "page", "empty", "token with a blank", "long token", "huge"])
def test_what_pro_answers(make_world, answer, code, message, requests):
    world = make_world("token", {pro_api.LOGIN: answer})
    result = world.login()
    check_result(result, code, f"^ZenML Pro: .*{message}", VARIABLE)
    assert OUTAGE not in result.err
    assert world.seen() == ([INFO, LOGIN, LOGIN], [pro_api.LOGIN] * requests)


def test_pro_out_of_reach(make_world):
    world = make_world("token")
    with socket.socket() as taken:  # bound, but not listening: nobody else can get the port meanwhile
        taken.bind(("127.0.0.1", 0))
        result = world.login(ZENML_PRO_API_URL=f"https://127.0.0.1:{taken.getsockname()[1]}")
    check_result(result, 8, "^ZenML Pro: no connection", VARIABLE)


def test_pro_comes_back(make_world):
    world = make_world("token", {pro_api.LOGIN: lambda request: later.pop(0) or world.pro.answer(request)})
    later = [Reply(503), Reply(502), None]
    check_result(world.login(), 0)
    assert world.seen()[1] == [pro_api.LOGIN] * 3


def test_workspace_takes_nothing(make_world):
    """It refuses even the token that Pro has just made: it asks Pro about that, too, and may have failed to."""
    world = make_world("nothing")
    check_result(world.login(), 5, "Not authorized", OUTAGE)
    assert world.seen() == ([INFO, LOGIN, LOGIN, LOGIN], [pro_api.LOGIN])


def test_refusal_of_a_key_that_was_read(make_world):
    """Then the older forms of login would only be refused as well."""
    refusal = replies.error(401, "CredentialsNotValid", "Authentication error: Not authorized to access this server..")
    world = make_world("key", script={LOGIN: refusal})
    check_result(world.login(), 5, "Not authorized", OUTAGE)
    assert world.seen() == ([INFO, LOGIN], [])


def test_what_pro_and_workspace_repeat_is_not_told(make_world):
    """World.login fails when the key or a token of Pro shows up."""
    def repeat(request):
        return replies.error(401, "AuthorizationException", f"no: {request.headers} {request.form}")

    for world in (make_world("token", {pro_api.LOGIN: repeat}), make_world("nothing", script={LOGIN: repeat})):
        check_result(world.login(), 5, "no: ")


def test_progress_tells_both_servers(make_world):
    world = make_world("token")
    result = world.login("whoami", "-v")
    assert result.code == 0
    told = [line.split(" ")[1:3] for line in result.err.splitlines()]
    assert told == [request.split(" ") for request in (INFO, LOGIN, LOGIN, pro_api.LOGIN, LOGIN, USER)]


def test_no_key_in_a_pro_key(make_world):
    """Nobody but Pro can look into it: anything may follow ZENPROKEY_."""
    world = make_world("key")
    check_result(login(world.workspace, {"ZENML_STORE_API_KEY": "ZENPROKEY_"}), 4, "nothing follows ZENPROKEY_")
    assert world.seen() == ([], [])
