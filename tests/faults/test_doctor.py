"""`zenml-login doctor`: every mistake of tests/support/mistakes.toml is made here, and has to be named as it says.

Beside that: what doctor asks the server for, in which order it looks, what it does without a credential, its JSON, and
the documentation that is made of the same table."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import socket
import time
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import Callable, Mapping, Sequence
from urllib.parse import quote

import jsonschema
import pytest
from full_listener import full_listener
from keys import make_key, make_pro_key
from mistakes import CHECKS, MISTAKES, Mistake, document
from namespace import wrapper as replaced
from outcome import INFO, LOGIN, TOKEN as MINT, USER, check_result, error_lines

import canary
import pro_api
import zenml_replies as replies
from run import Result, run
from tls_server import Proxy, Reply, Server

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "docs" / "schema" / "doctor.schema.json").read_text())
KEY, TOKEN = "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN"
PASSWORD = "proxy-password-of-the-test"
PASSWORD_IN_URL = "hunter2"  # on the command line, where `run` would refuse it
HOST = "zenml.test"  # no loopback address by its looks, but by the file that stands for /etc/hosts
DAY = 86400
HTML = {"content_type": "text/html; charset=utf-8"}
HEALTHY = [INFO, LOGIN, USER, MINT]


@dataclass(frozen=True)
class Scene:
    """A mistake that somebody made: what doctor is given, and the server that it may reach.

    url  what is given as --server; None: nothing
    """

    url: str | None
    args: Sequence[str | Path] = ()
    env: Mapping[str, str | Path] = field(default_factory=dict)
    wrapper: Sequence[str | Path] = ()
    server: Server | None = None

    def doctor(self, *further: str) -> Result:
        """Runs doctor. No test waits for its time limit but those that say so."""
        given = ["--server", self.url] if self.url is not None else []
        return run(["doctor", *given, *self.args, *further], self.env, wrapper=self.wrapper, secrets=[PASSWORD])


class Stage:
    """What the mistakes are made of."""

    def __init__(self, start_server, certs, key: str, token: str, folder: Path, stack: contextlib.ExitStack):
        self.serve, self.certs, self.key, self.token = start_server, certs, key, token
        self._folder, self._stack = folder, stack

    def at(self, server: Server, *args, url: str = "", env=None, **options) -> Scene:
        """With the key, and the authority that vouches for the server; `env` stands for the key."""
        trusted = ["--ca-file", server.ca] if server.ca else []
        return Scene(url or server.url, [*trusted, *args], {KEY: self.key} if env is None else env, server=server,
                     **options)

    def answers(self, script: Mapping, *args, **options) -> Scene:
        """At a server with these answers."""
        return self.at(self.serve(script), *args, **options)

    def holding(self, credential: str, variable: str = KEY) -> Scene:
        """With this credential at a server on which all is well."""
        return self.at(self.serve(), env={variable: credential})

    def called(self, url: str | None, *args, **env: str) -> Scene:
        """With the key, at a URL behind which there is nothing of ours."""
        return Scene(url, args, {KEY: self.key} | env)

    def certified(self, name: str, *args, host: str = "127.0.0.1", **options) -> Scene:
        """At a server with the certificate `name` of certs.py."""
        server = self.serve(tls=getattr(self.certs, name))
        return self.at(server, *args, url=server.url_for(host), **options)

    def file(self, name: str, content: str, mode: int = 0o600) -> Path:
        """A file below a folder of the test's own."""
        path = self._folder / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(mode)
        return path

    def hosts(self, *lines: str) -> list:
        """The wrapper with which /etc/hosts has these lines."""
        return replaced(self.file("hosts", "".join(f"{line}\n" for line in lines), 0o644), "/etc/hosts")

    def names(self, resolver: str) -> list:
        """The wrapper with a name server in this state."""
        # Longer than `run` waits.
        settings = "nameserver 127.0.0.1\noptions timeout:30 attempts:2\n"
        return replaced(self.file("resolv.conf", settings, 0o644), "/etc/resolv.conf", resolver)

    def full_port(self) -> int:
        """A port that takes no connection and refuses none."""
        return self._stack.enter_context(full_listener())

    def closed_port(self) -> int:
        """A port that nobody listens on, and that nobody else can take meanwhile."""
        held = self._stack.enter_context(socket.socket())
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]

    def proxy(self, target: int) -> Proxy:
        """A proxy whose tunnels all lead to this port."""
        return self._stack.enter_context(Proxy(target))


@pytest.fixture
def stage(start_server, certs, api_key, api_token, tmp_path, binary):
    """What the mistakes are made of; it ends with the test."""
    with contextlib.ExitStack() as stack:
        yield Stage(start_server, certs, api_key, api_token, tmp_path, stack)


# The mistakes, by the names that they have in the table

def plain_http(stage: Stage, reply: Reply | None = None) -> Scene:
    """At a server that speaks plain http and is not called by a loopback address."""
    server = stage.serve({"*": reply} if reply else None, tls=None)
    return stage.at(server, "--allow-http", url=server.url_for(HOST), wrapper=stage.hosts(f"127.0.0.1 {HOST}"))


def info(**changes) -> dict:
    """A script with an info reply that is a bit different."""
    return {INFO: Reply(json=replies.info(**changes))}


def refused(message: str, name: str = "CredentialsNotValid") -> dict:
    """A script that refuses a login."""
    return {LOGIN: replies.error(401, name, message)}


def dated(seconds: int) -> Callable[[Stage], Scene]:
    """At a server whose clock is ahead by that much, as is what it says and makes."""
    def make(stage: Stage) -> Scene:
        date = {"Date": formatdate(time.time() + seconds, usegmt=True)}

        def mint(_):
            return Reply(json=canary.remember(replies.make_token(seconds + 60)), headers=date)

        return stage.answers({INFO: Reply(json=replies.info(), headers=date), MINT: mint})
    return make


def given(**variables: str) -> Callable[[Stage], Scene]:
    """Without a credential, and with these variables."""
    return lambda stage: stage.at(stage.serve(), env=variables)


def through(proxy: Callable[[Stage], str]) -> Callable[[Stage], Scene]:
    """At a good server, and with this proxy."""
    def make(stage: Stage) -> Scene:
        server = stage.serve()
        return stage.at(server, env={KEY: stage.key, "https_proxy": proxy(stage)})
    return make


def refusing_proxy(status: int) -> Callable[[Stage], str]:
    def start(stage: Stage) -> str:
        proxy = stage.serve({"*": Reply(status, body="<h1>no</h1>", **HTML)}, tls=None)
        return f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"
    return start


def intercepted(stage: Stage) -> Scene:
    """The server that answers is the proxy's own, with a certificate that the proxy made."""
    impostor, server = stage.serve(tls=stage.certs.unknown_ca), stage.serve()
    proxy = stage.proxy(impostor.port)
    return stage.at(server, env={KEY: stage.key, "https_proxy": f"http://127.0.0.1:{proxy.port}"})


def person(stage: Stage) -> Scene:
    account = replies.current_user(name=replies.PERSON_NAME, is_service_account=False)
    return stage.answers({USER: Reply(json=account)}, "--expect-user", replies.ACCOUNT_NAME, env={TOKEN: stage.token})


def stored_login(stage: Stage, token: str, mode: int) -> Scene:
    """With what `login` keeps."""
    server = stage.serve()
    stored = {"server": server.url, "device_id": "", "access_token": token}
    stage.file(f"config/zenml-login/{quote(server.url, safe='')}", json.dumps(stored), mode)
    return stage.at(server, env={"XDG_CONFIG_HOME": stage.file("config/x", "").parent})


def pro_key(stage: Stage, script: Mapping, **variables: str) -> Scene:
    return stage.answers(script, env={KEY: make_pro_key()} | variables)


ADDRESS = {
    "no-server": lambda stage: stage.called(None),
    "two-servers": lambda stage: stage.called(None, ZENML_STORE_URL="https://a.example.com",
                                              ZENML_SERVER_URL="https://b.example.com"),
    "url-is-a-name": lambda stage: stage.called("$ZENML_URL"),
    "url-carriage-return": lambda stage: stage.called("https://127.0.0.1:1\r"),
    "no-scheme": lambda stage: stage.called("zenml.example.com"),
    "http": lambda stage: stage.called("http://zenml.example.com"),
    "http-allowed": plain_http,
    "quoted-url": lambda stage: stage.called('"https://zenml.example.com"'),
    "blank-in-url": lambda stage: stage.called("https://zenml.example.com "),
    "url-of-a-page": lambda stage: stage.called("https://zenml.example.com/projects?tab=runs"),
    "user-in-url": lambda stage: stage.called(f"https://ci:{PASSWORD_IN_URL}@zenml.example.com"),
    "trailing-path": lambda stage: stage.at(server := stage.serve(), url=server.url + "/api/v1"),
    "pro-dashboard": lambda stage: stage.answers({"*": replies.dashboard()}),
    "page-of-the-dashboard": lambda stage: stage.at(server := stage.serve(), url=server.url + "/settings"),
    "other-service": lambda stage: stage.answers({"*": Reply(json={"status": "ok"})}),
    "redirect-to-https": lambda stage: plain_http(stage, Reply(301, headers={"Location": f"https://{HOST}/"})),
    "redirect-to-a-login": lambda stage: stage.answers(
        {"*": Reply(302, headers={"Location": "https://sso.example.com/oauth2/start?rd=%2F"})}),
    "not-set-up": lambda stage: stage.answers(info(active=False)),
    "no-auth": lambda stage: stage.at(stage.serve(healthy=replies.Zenml(auth_scheme="NO_AUTH"))),
    "other-server": lambda stage: stage.at(stage.serve(), "--expect-server-id", replies.PROJECT_ID),
}

NETWORK = {
    "typo-in-host": lambda stage: Scene("https://zenml.exmaple.com", env={KEY: stage.key},
                                        wrapper=stage.names("unknown")),
    "no-name-server": lambda stage: Scene("https://zenml.example.com", ["--timeout", "2"], env={KEY: stage.key},
                                          wrapper=stage.names("closed")),
    "server-down": lambda stage: stage.called(f"https://127.0.0.1:{stage.closed_port()}"),
    "firewall": lambda stage: stage.called(f"https://127.0.0.1:{stage.full_port()}", "--timeout", "1"),
    "one-address-dead": lambda stage: stage.at(server := stage.serve(), url=server.url_for("localhost"),
                                               wrapper=stage.hosts("::1 localhost", "127.0.0.1 localhost")),
    "silent-server": lambda stage: stage.answers({"*": Reply(delay=60)}, "--timeout", "1"),
    "proxy-refuses": through(refusing_proxy(403)),
    "proxy-wants-a-password": through(refusing_proxy(407)),
    "proxy-down": through(lambda stage: f"http://user:{PASSWORD}@127.0.0.1:{stage.closed_port()}"),
    "proxy-name": lambda stage: Scene("https://zenml.example.com", wrapper=stage.names("unknown"),
                                      env={KEY: stage.key, "https_proxy": "http://proxy.exmaple.com:3128"}),
}

CERTIFICATES = {
    "private-ca": lambda stage: Scene((server := stage.serve()).url, env={KEY: stage.key}, server=server),
    "intercepting-proxy": intercepted,
    "other-ca-file": lambda stage: stage.at(stage.serve(ca=stage.certs.other_authority.crt)),
    "self-signed": lambda stage: stage.certified("self_signed"),
    "expired-certificate": lambda stage: stage.certified("expired"),
    "certificate-not-yet-valid": lambda stage: stage.certified("not_yet_valid"),
    "other-host-name": lambda stage: stage.certified("wrong_host", host="localhost"),
    "captive-portal": lambda stage: stage.certified("wrong_host", host="localhost"),
    "pin": lambda stage: stage.certified("good", "--pin", stage.certs.pin(stage.certs.expired)),
    "old-tls": lambda stage: stage.at(stage.serve(tls_max="1.1")),
    "http-on-the-port": lambda stage: stage.called(stage.serve(tls=None).url.replace("http:", "https:")),
    "certificate-ends-soon": lambda stage: stage.certified("ending"),
    "ca-file-missing": lambda stage: stage.at(stage.serve(ca=stage.certs.folder / "nothing.pem")),
    "ca-file-no-pem": lambda stage: stage.at(stage.serve(ca=stage.file("ca.pem", "no certificate\n"))),
    "clock-behind": dated(DAY),
    "clock-ahead": dated(-DAY),
}

SERVER = {
    "maintenance": lambda stage: stage.answers({"*": Reply(503, body="<h1>Back soon</h1>", **HTML)}),
    "server-error": lambda stage: stage.answers({"*": Reply(500, json={"detail": "An unexpected error occurred."})}),
    "rate-limit": lambda stage: stage.answers({LOGIN: Reply(429, json={"detail": "Minute request limit exceeded."})}),
    "rate-limit-before-the-login": lambda stage: stage.answers({"*": Reply(429, body="<h1>slow down</h1>", **HTML)}),
}

CREDENTIAL = {
    "no-credential": given(),
    "other-variable": lambda stage: stage.holding(stage.key, "ZENML_KEY"),
    "empty-secret": given(**{KEY: ""}),
    "fork": given(**{KEY: "", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request"}),
    "dependabot": given(**{KEY: "", "GITHUB_ACTIONS": "true", "GITHUB_ACTOR": "dependabot[bot]",
                           "GITHUB_EVENT_NAME": "pull_request"}),
    "secret-not-in-workflow": given(**{KEY: "", "GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "push"}),
    "protected-variable": given(GITLAB_CI="true"),
    "two-credentials": lambda stage: stage.at(stage.serve(), env={KEY: stage.key, TOKEN: stage.token}),
    "blank": lambda stage: stage.holding(stage.key + " "),
    "quotes": lambda stage: stage.holding(f'"{stage.key}"'),
    "name-of-a-variable": lambda stage: stage.holding("$(ZENML_API_KEY)"),
    "base64": lambda stage: stage.holding(canary.remember(base64.b64encode(stage.key.encode()).decode())),
    "carriage-return": lambda stage: stage.holding(stage.key + "\r"),
    "bom": lambda stage: stage.at(stage.serve(), "--api-key-file", stage.file("key", "\ufeff" + stage.key), env={}),
    "two-lines": lambda stage: stage.holding(f"{stage.key}\n{make_key()}"),
    "too-long": lambda stage: stage.holding("ZENKEY_" + "A" * 4096),
    "cut-off": lambda stage: stage.holding(stage.key[:100]),
    "password": lambda stage: stage.holding(PASSWORD),
    "token-as-key": lambda stage: stage.holding(stage.token),
    "key-as-token": lambda stage: stage.holding(stage.key, TOKEN),
    "no-key-file": lambda stage: stage.at(stage.serve(), "--api-key-file", stage.certs.folder / "nothing", env={}),
    "login-file-of-everybody": lambda stage: stored_login(stage, stage.token, 0o644),
}

ACCOUNT = {
    "key-of-another-server": lambda stage: stage.answers(refused(
        "Authentication error: error retrieving API key 0d2f6c1b-8a5e-4b7c-9f10-2a3b4c5d6e7f")),
    "rotated-key": lambda stage: stage.answers(refused(
        "Authentication error: could not verify key value for API key ci")),
    "deactivated-key": lambda stage: stage.answers(refused("Authentication error: API key ci is not active")),
    "deactivated-account": lambda stage: stage.answers(refused(
        "Authentication error: service account ci-bot associated with API key ci is not active")),
    "expired-token": lambda stage: stage.holding(canary.remember(replies.make_token(-60)), TOKEN),
    "expired-login": lambda stage: stored_login(stage, canary.remember(replies.make_token(-60)), 0o600),
    "sso": lambda stage: stage.answers(info(auth_scheme="EXTERNAL") | {
        LOGIN: Reply(json={"authorization_url": "https://sso.example.com/authorize"})}),
    "person": person,
    "other-account": lambda stage: stage.at(stage.serve(), "--expect-user", "deploy-bot"),
    "no-role": lambda stage: stage.answers({USER: Reply(json=replies.current_user(permission_denied=True))}),
    "no-right-to-tokens": lambda stage: stage.answers({MINT: replies.error(
        403, "IllegalOperationError", "Insufficient permissions to make API tokens.")}),
    "server-sets-the-lifetime": lambda stage: stage.answers({
        MINT: Reply(json=canary.remember(replies.make_token(3600)))}),
    "unknown-project": lambda stage: stage.at(stage.serve(), "--project", "nothing"),
    "pro-key-elsewhere": lambda stage: pro_key(stage, {}),
    "pro-out-of-order": lambda stage: pro_key(stage, {
        INFO: Reply(json=pro_api.info("https://pro.example.com"))} | refused(
            "Authentication error: Error fetching user information from external authenticator..")),
    "own-pro": lambda stage: pro_key(stage, {
        INFO: Reply(json=pro_api.info("https://pro.example.com")), LOGIN: pro_api.older_login(())}),
    "url-of-pro": lambda stage: pro_key(stage, {}, ZENML_PRO_API_URL="pro.example.com"),
}

MADE: dict[str, Callable[[Stage], Scene]] = ADDRESS | NETWORK | CERTIFICATES | SERVER | CREDENTIAL | ACCOUNT


# What doctor says

@dataclass(frozen=True)
class Finding:
    """One line of doctor, and what to do about it ("": nothing)."""

    check: str
    level: str
    cause: str
    fix: str


def findings_of(text: str) -> list[Finding]:
    """The findings on standard output, whose form is checked."""
    assert text.isascii() and text.replace("\n", "").isprintable() and "::" not in text and "##" not in text, text
    findings: list[Finding] = []
    for line in text.splitlines():
        if line.startswith("  fix: "):
            last = findings.pop()
            assert not last.fix, text
            findings.append(Finding(last.check, last.level, last.cause, line.removeprefix("  fix: ")))
        else:
            found = re.fullmatch(r"([a-z]+): (ok|warn|fail): (.+) \(\d+ ms\)", line)
            assert found, text
            findings.append(Finding(*found.groups(), ""))
    return findings


def findings_in(text: str) -> tuple[list[Finding], dict]:
    """The findings of --json, and all of it; both have been compared with the schema."""
    assert text.isascii() and text.count("\n") == 1 and text.endswith("\n"), text
    told = json.loads(text)
    jsonschema.validate(told, SCHEMA, jsonschema.Draft202012Validator)
    return [Finding(one["check"], one["level"], one["cause"], one["fix"] or "") for one in told["checks"]], told


def check_form(findings: Sequence[Finding], result: Result, decisive: int = 0) -> None:
    """The order is that of CHECKS, whatever is wrong says what to do, and standard error says the decisive failure."""
    order = [CHECKS.index(finding.check) for finding in findings]
    assert order == sorted(order) and order[:2] == [0, 1], findings
    assert all(bool(finding.fix) == (finding.level != "ok") for finding in findings), findings
    failures = [finding for finding in findings if finding.level == "fail"]
    assert bool(failures) == (result.code != 0), (result.code, findings)
    if failures:
        cause, fix = error_lines(result.err)
        # Of several addresses, each has a line.
        assert cause in (failures[decisive].cause, "no address of the server answers")
        assert fix == failures[decisive].fix
    else:
        assert result.err == ""


def cause_of(check: str, findings: Sequence[Finding]) -> str:
    """What the first finding of a check says."""
    return next(finding.cause for finding in findings if finding.check == check)


def requests_of(scene: Scene) -> list[str]:
    return [str(request) for request in scene.server.requests] if scene.server else []


def pattern(text: str) -> str:
    """The regular expression for a text of the table."""
    return ".*".join(map(re.escape, text.split("…")))


def names(mistake: Mistake, findings: Sequence[Finding]) -> bool:
    """Whether one of the findings is what the table says, to the letter."""
    return any((finding.check, finding.level, finding.fix) == (mistake.check, mistake.level, mistake.fix)
               and any(re.fullmatch(pattern(text), finding.cause) for text in mistake.texts) for finding in findings)


# The mistakes

def test_every_mistake_of_the_table_is_made():
    assert len(MISTAKES) >= 30
    assert [mistake.id for mistake in MISTAKES] == list(dict.fromkeys(mistake.id for mistake in MISTAKES))
    assert set(MADE) == {mistake.id for mistake in MISTAKES}


@pytest.mark.parametrize("form", ("text", "json"))
@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.id for mistake in MISTAKES])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_mistake(mistake, form, stage):
    scene = MADE[mistake.id](stage)
    result = scene.doctor(*(["--json"] if form == "json" else []))
    findings, told = findings_in(result.out) if form == "json" else (findings_of(result.out), {})
    assert names(mistake, findings), findings
    failing = [mistake.check] if mistake.level == "fail" else []
    assert [finding.check for finding in findings if finding.level == "fail"] == failing
    assert result.code == mistake.code == told.get("exit_code", mistake.code)
    check_form(findings, result)
    assert PASSWORD_IN_URL not in result.out + result.err
    further = ("/settings/api/v1/info", "/api/v1/api/v1/info", "/api/v1/projects/nothing")
    assert set(requests_of(scene)) <= {*HEALTHY, *(f"GET {path}" for path in further)}


@pytest.mark.parametrize("name", sorted({*SERVER, *ACCOUNT} - {"own-pro"}))
def test_one_login_at_most(name, stage):
    """Refused attempts count where attempts are limited. (Older workspaces of Pro have two ways to ask.)"""
    scene = MADE[name](stage)
    scene.doctor()
    assert requests_of(scene).count(LOGIN) <= 1


@pytest.mark.parametrize("name", sorted(CREDENTIAL))
def test_bad_credential_is_not_shown_to_the_server(name, stage):
    """What can be found out without one is found out."""
    scene = MADE[name](stage)
    findings = findings_of(scene.doctor().out)
    assert requests_of(scene) == [INFO] and "authorization" not in scene.server.requests[0].headers
    assert [finding.check for finding in findings if finding.level == "ok"] == [
        "url", "proxy", "dns", "tcp", "tls", "tls", "server", "clock"]


# A server on which all is well

GOOD = (
    ("url", r"https://127\.0\.0\.1:\d+"),
    ("credential", "an API key with the id [0-9a-f-]{36}"),
    ("proxy", "none"),
    ("dns", "addresses of the server: 1"),
    ("tcp", "the server takes connections"),
    ("tls", r"certificate authorities: \S+/authority\.crt"),
    ("tls", r"the certificate is trusted, until 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ: zenml-login test good, "
            "by zenml-login test authority"),
    ("server", f"ZenML, version {replies.VERSION}"),
    ("clock", "as the server's"),
    ("login", f"the service account {replies.ACCOUNT_NAME}"),
    ("token", "the account may make API tokens"),
)
GOOD_CHECKS = [check for check, _ in GOOD]


@pytest.mark.parametrize("form", ("text", "json"))
def test_all_is_well(form, stage):
    scene = stage.at(stage.serve())
    result = scene.doctor(*(["--json"] if form == "json" else []))
    findings = findings_in(result.out)[0] if form == "json" else findings_of(result.out)
    assert (result.code, result.err) == (0, "")
    assert [finding.check for finding in findings] == GOOD_CHECKS
    for finding, (_, cause) in zip(findings, GOOD):
        assert finding.level == "ok" and re.fullmatch(cause, finding.cause), finding


def test_requests(stage):
    """One connection to see whether one can be made, and one for all requests."""
    scene = stage.at(stage.serve())
    assert scene.doctor().code == 0
    assert requests_of(scene) == HEALTHY
    assert (scene.server.connections, scene.server.handshakes) == (2, 1)
    assert scene.server.requests[-1].query == {"token_type": "generic", "expires_in": "60", "expires_minutes": "1"}


def test_verbose_tells_the_requests(stage):
    result = stage.at(stage.serve()).doctor("-v")
    told = re.findall(r"^zenml-login: (\w+ [^ ?]+)\S* -> 200 \(\d+ ms\)$", result.err, re.MULTILINE)
    assert told == HEALTHY and result.err.count("\n") == len(HEALTHY)
    assert [finding.check for finding in findings_of(result.out)] == GOOD_CHECKS


CREDENTIALS = {
    "API key": (lambda stage: {KEY: stage.key}, "an API key with the id"),
    "API token": (lambda stage: {TOKEN: stage.token}, "an API token, valid until 20"),
    "API token for ever": (lambda stage: {TOKEN: canary.remember(replies.make_token(None))},
                           "an API token that never expires"),
    "file": (lambda stage: {f"{KEY}_FILE": stage.file("key", stage.key + "\n")}, "an API key with the id"),
}


@pytest.mark.parametrize("make, words", CREDENTIALS.values(), ids=CREDENTIALS)
def test_credentials(make, words, stage):
    """A token is not asked for another one."""
    scene = stage.at(stage.serve(), env=make(stage))
    result = scene.doctor()
    findings = {finding.check: finding.cause for finding in findings_of(result.out)}
    assert result.code == 0 and findings["credential"].startswith(words)
    assert ("token" in findings) == (MINT in requests_of(scene)) == ("API key" in words)
    assert set(requests_of(scene)) <= set(HEALTHY)


def test_key_of_pro(stage):
    scene = pro_key(stage, {INFO: Reply(json=pro_api.info("https://pro.example.com")),
                            LOGIN: Reply(json=replies.login(stage.token))})
    result = scene.doctor()
    findings = {finding.check: finding.cause for finding in findings_of(result.out)}
    assert result.code == 0, result.out
    assert findings["credential"] == "an API key of ZenML Pro"
    assert findings["server"] == f"a workspace of ZenML Pro, version {replies.VERSION}"


def test_login_of_a_person(stage):
    scene = stored_login(stage, stage.token, 0o600)
    result = scene.doctor()
    assert result.code == 0 and LOGIN not in requests_of(scene), result.out


def test_two_keys_during_a_rotation(stage):
    """The second one is tried, and no third time."""
    lines = f"{make_key()}\n{stage.key}\n"
    scene = stage.at(stage.serve(), "--api-key-file", stage.file("key", lines), env={})
    result = scene.doctor()
    assert result.code == 0 and "note" in result.err, result.err
    assert requests_of(scene) == [INFO, LOGIN, LOGIN, USER, MINT]


def test_expired_token_is_not_called_good(stage):
    """It says so itself, before any server is asked."""
    findings = findings_of(MADE["expired-token"](stage).doctor().out)
    assert [finding.level for finding in findings if finding.check == "credential"] != ["ok"], findings


# Without a credential, and with several mistakes

def test_without_a_credential(stage):
    scene = stage.at(stage.serve(), env={})
    result = scene.doctor()
    findings = findings_of(result.out)
    assert result.code == 3 and requests_of(scene) == [INFO]
    assert [finding.check for finding in findings] == [
        check for check in GOOD_CHECKS if check not in ("login", "token")]


TWO_MISTAKES = {
    "no credential, no server": (lambda stage: Scene(None), 2, ["url", "credential"], 0),
    "no credential, server down": (lambda stage: Scene(f"https://127.0.0.1:{stage.closed_port()}"), 8,
                                   ["credential", "tcp"], 1),
    "no credential, wrong address": (lambda stage: stage.answers({"*": replies.dashboard()}, env={}), 12,
                                     ["credential", "server"], 1),
    "bad credential, server down": (lambda stage: Scene(f"https://127.0.0.1:{stage.closed_port()}",
                                                        env={KEY: stage.key + " "}), 4, ["credential", "tcp"], 0),
    "bad credential, bad URL": (lambda stage: Scene("http://zenml.example.com", env={KEY: stage.key + " "}), 2,
                                ["url", "credential"], 0),
    "two credentials, no server": (lambda stage: Scene(None, env={KEY: stage.key, TOKEN: stage.token}), 2,
                                   ["url", "credential"], 0),
}


@pytest.mark.parametrize("make, code, failing, decisive", TWO_MISTAKES.values(), ids=TWO_MISTAKES)
def test_exit_code_of_the_first_failure(make, code, failing, decisive, stage):
    """Only that no credential was given counts last: much can be found out without one."""
    result = make(stage).doctor()
    findings = findings_of(result.out)
    assert [finding.check for finding in findings if finding.level == "fail"] == failing
    assert result.code == code
    check_form(findings, result, decisive)


def test_time_limit(stage):
    """It holds for a name server that never answers as well."""
    scene = Scene("https://zenml.example.com", ["--timeout", "2"], {KEY: stage.key}, stage.names("silent"))
    assert scene.doctor().code == 8


# Proxies

@pytest.mark.parametrize("variable", ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"))
def test_proxy(variable, stage):
    """Names are resolved, and connections made, beyond it. Its password is not told."""
    server = stage.serve()
    proxy = stage.proxy(server.port)
    scene = stage.at(server, env={KEY: stage.key, variable: f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"})
    result = scene.doctor()
    findings = findings_of(result.out)
    assert result.code == 0
    assert [finding.check for finding in findings] == [check for check in GOOD_CHECKS if check not in ("dns", "tcp")]
    assert cause_of("proxy", findings) == f"{variable} names 127.0.0.1:{proxy.port}"
    assert (proxy.connections, server.connections) == (1, 1)


@pytest.mark.parametrize("host", ("127.0.0.1", "localhost"))
@pytest.mark.parametrize("spared", (
    "", "*", "* ,x", "localhost", "LOCALHOST", "ocalhost", ".localhost", "a.localhost", "127.0.0.1", "0.0.1", ".0.0.1",
    "127.0.0.0/8", "127.0.0.0/31", "127.0.0.2/31", "127.0.0.0/33", "127.0.0.1/32", "127.0.0.0/0", "127.0.0.0/x",
    "126.0.0.0/7", "128.0.0.0/7", "example.com,localhost", "example.com, 127.0.0.1", "example.com,,127.0.0.0/9"))
def test_no_proxy(host, spared, stage):
    """What is said is what libcurl does."""
    server = stage.serve()
    proxy = stage.proxy(server.port)
    scene = stage.at(server, url=server.url_for(host), env={
        KEY: stage.key, "https_proxy": f"http://127.0.0.1:{proxy.port}", "no_proxy": spared})
    result = scene.doctor()
    direct = cause_of("proxy", findings_of(result.out)) == "none: no_proxy spares the server from https_proxy"
    assert result.code == 0 and direct == (proxy.connections == 0), result.out


@pytest.mark.parametrize("variables, direct", (
    ({"NO_PROXY": "127.0.0.1"}, True),
    ({"NO_PROXY": "127.0.0.1", "no_proxy": "example.com"}, False),
    ({"NO_PROXY": "127.0.0.1", "no_proxy": ""}, True),
))
def test_variables_of_no_proxy(variables, direct, stage):
    server = stage.serve()
    proxy = stage.proxy(server.port)
    proxied = {"https_proxy": f"http://127.0.0.1:{proxy.port}"}
    result = stage.at(server, env={KEY: stage.key} | proxied | variables).doctor()
    assert result.code == 0 and ("no_proxy spares" in result.out) == direct == (proxy.connections == 0)


def test_plain_http_of_loopback_has_no_proxy(stage):
    server = stage.serve(tls=None)
    scene = stage.at(server, env={KEY: stage.key, "http_proxy": "http://proxy.example.com:3128"})
    findings = findings_of(scene.doctor().out)
    assert cause_of("proxy", findings) == "none"
    assert [finding.check for finding in findings] == [check for check in GOOD_CHECKS if check != "tls"]


# Certificates

def test_authorities_of_the_system(stage):
    """Where they are is said before a certificate is refused for them."""
    server = stage.serve()
    findings = findings_of(Scene(server.url, env={KEY: stage.key}, server=server).doctor().out)
    told = re.fullmatch(r"certificate authorities: (/\S+|CA bundle \S+)", cause_of("tls", findings))
    assert told and (told[1].startswith("CA bundle") or Path(told[1]).exists()), findings
    assert [finding.level for finding in findings if finding.check == "tls"] == ["ok", "fail"]


def test_authorities_that_are_added(stage):
    scene = stage.at(stage.serve(), "--ca-mode", "add")
    told = [finding.cause for finding in findings_of(scene.doctor().out) if finding.check == "tls"]
    assert len(told) == 3 and told[0] != told[1] == f"certificate authorities: {scene.server.ca}", told


def test_chain(stage):
    """The server's own comes first, then who signed it, and who signed that."""
    result = stage.certified("chained").doctor()
    told = [finding.cause for finding in findings_of(result.out) if finding.check == "tls"]
    assert result.code == 0 and told[-1].endswith(
        ": zenml-login test chained, by zenml-login test intermediate, by zenml-login test authority"), told


def test_certificate_of_what_is_no_zenml_server(stage):
    """It was trusted, and names who answered."""
    result = stage.answers({"*": replies.dashboard()}).doctor()
    told = [finding.cause for finding in findings_of(result.out) if finding.check == "tls"]
    assert result.code == 12 and told[-1].endswith(": zenml-login test good, by zenml-login test authority"), told


def test_who_signed_what_is_not_trusted(stage):
    """mbedTLS tells, OpenSSL does not."""
    findings = findings_of(stage.certified("unknown_ca").doctor().out)
    (cause,) = [finding.cause for finding in findings if finding.level == "fail"]
    told = cause.endswith("; it shows zenml-login test unknown-ca, by zenml-login test other-authority")
    assert told == ("mbedTLS" in run(["--version"], {}).out) and told == ("shows" in cause), cause


# The project

def test_project(stage):
    scene = stage.at(stage.serve(), "--project", replies.PROJECT_NAME)
    result = scene.doctor()
    findings = findings_of(result.out)
    assert result.code == 0 and cause_of("project", findings).startswith("the account may see it, its id is ")
    assert [finding.check for finding in findings] == [*GOOD_CHECKS, "project"]
    assert requests_of(scene) == [*HEALTHY, f"GET /api/v1/projects/{replies.PROJECT_NAME}"]


# Secrets and hostile servers (`run` looks for the secrets)

TOLD_BACK = {
    "error": lambda secret: refused(f"no such key: {secret}"),
    "name": lambda secret: {USER: Reply(json=replies.current_user(name=secret))},
    "version": lambda secret: info(version=secret[-31:]),
    "redirect": lambda secret: {INFO: Reply(302, headers={"Location": f"https://a.example.com/{secret}"})},
    "refused token": lambda secret: {MINT: replies.error(403, "IllegalOperationError", f"no: {secret}")},
}


@pytest.mark.parametrize("make", TOLD_BACK.values(), ids=TOLD_BACK)
@pytest.mark.parametrize("shape", (str, canary.secret_part, lambda key: key[:100]), ids=("whole", "inner", "cut off"))
def test_key_told_back(make, shape, stage):
    for options in ([], ["--json"], ["-v"]):
        stage.answers(make(shape(stage.key))).doctor(*options)


@pytest.mark.parametrize("hostile", (
    "::error::x", "##vso[task.complete]", "\x1b[31m", "a\nurl: ok: x (0 ms)", "ü",
), ids=repr)
def test_text_of_the_server_stays_text(hostile, stage):
    for script in (refused(hostile), info(version=f"1{hostile}"), {INFO: Reply(500, json={"detail": hostile})}):
        result = stage.answers(script).doctor()
        check_form(findings_of(result.out), result)
        findings_in(stage.answers(script).doctor("--json").out)


# The command line

@pytest.mark.parametrize("arguments, message", (
    (["--try"], "--try and --user are for doctor pam"),
    (["--user", "alice"], "--try and --user are for doctor pam"),
    (["dns"], "doctor cannot look at dns"),
    *((["pam", *options], "doctor pam takes the server from the configuration of pam_zenml") for options in (
        ["--server", "https://zenml.example.com"], ["--ca-file", "/ca.pem"], ["--pin", "sha256//" + "A" * 43 + "="],
        ["--allow-http"], ["--expect-user", "ci-bot"], ["--expect-server-id", replies.SERVER_ID], ["--json"])),
), ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_options_that_do_not_go_together(arguments, message, stage):
    result = run(["doctor", *arguments], {KEY: stage.key})
    check_result(result, 2, f"^{re.escape(message)}")


def test_output_that_cannot_be_written(stage):
    scene = stage.at(stage.serve())
    for options in ([], ["--json"]):
        result = run(["doctor", "--server", scene.url, *scene.args, *options], scene.env,
                     wrapper=["sh", "-c", 'exec "$@" >/dev/full', "sh"])
        assert result.code == 13, result.err


# Schema and documentation

def test_schema_refuses():
    """What would mislead a program that reads it."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    good = {"check": "url", "level": "ok", "cause": "https://a", "fix": None, "ms": 0}
    bad = {"check": "credential", "level": "fail", "cause": "no", "fix": "do", "ms": 0}
    valid = jsonschema.Draft202012Validator(SCHEMA).is_valid
    assert valid({"ok": True, "exit_code": 0, "checks": [good, good]})
    assert valid({"ok": False, "exit_code": 3, "checks": [good, bad]})
    for wrong in ({"ok": True, "exit_code": 3, "checks": [good, good]},
                  {"ok": False, "exit_code": 0, "checks": [good, bad]},
                  {"ok": True, "exit_code": 0, "checks": [good, bad]}, {"ok": True, "exit_code": 0, "checks": []},
                  {"ok": True, "exit_code": 0, "checks": [good, good | {"check": "x"}]},
                  {"ok": True, "exit_code": 0, "checks": [good, good | {"fix": "do"}]},
                  {"ok": False, "exit_code": 3, "checks": [good, bad | {"fix": None}]},
                  {"ok": True, "exit_code": 0, "checks": [good, good | {"secret": "x"}]}):
        assert not valid(wrong), wrong


def test_documentation_is_made_of_the_table():
    """Make it anew with: tests/support/mistakes.py > docs/troubleshooting.md"""
    assert (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8") == document()


def test_checks_are_the_same_everywhere():
    """In the schema, in the manual page, and in the program."""
    manual = (ROOT / "docs" / "man" / "zenml-login.1.scd").read_text(encoding="utf-8")
    chapter = re.search(r"^# DOCTOR\n(.*?)^# ", manual, re.MULTILINE | re.DOTALL)[1]
    source = "".join((ROOT / "src" / "cli" / "doctor" / name).read_text() for name in ("server.c", "network.c"))
    used = re.findall(r'(?:place\(|find_failure\(visit, |find_ok\(visit, |= \{)"([a-z]+)"', source)
    assert SCHEMA["properties"]["checks"]["items"]["properties"]["check"]["enum"] == list(CHECKS)
    assert tuple(re.findall(r"^\*([a-z]+)\*\n\t", chapter, re.MULTILINE)) == CHECKS
    chosen = re.search(r"check_of\(.*?\n}", source, re.DOTALL)[0]
    assert {*used, *re.findall(r'"([a-z]+)"', chosen)} == set(CHECKS)
