"""The way to the server: connections and their number, name resolution, deadlines, proxies."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest
from outcome import INFO, LOGIN, TOKEN, USER, check_result, error_lines, login

import zenml_replies as replies
from full_listener import full_listener
from run import run
from tls_server import Proxy, Reply

NAMESPACE = Path(__file__).with_name("namespace.py")
# A server that stalls does so for a minute. Whoever gives up because of --timeout 2 is done long before.
BOUND = 20


def requests_of(server) -> list[str]:
    return [str(request) for request in server.requests]


# One connection

def test_one_connection_for_a_login(server, api_key, binary):
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key}), 0)
    assert requests_of(server) == [LOGIN, USER]
    assert (server.connections, server.handshakes) == (1, 1)


def test_one_connection_for_everything(server, api_key, binary):
    result = login(server, {"ZENML_STORE_API_KEY": api_key}, "env", "--format", "shell", "--credential", "token",
                   "--expect-server-id", replies.SERVER_ID, secret_in={"stdout": "token"})
    assert result.code == 0, result.err
    assert requests_of(server) == [INFO, LOGIN, USER, TOKEN]
    assert (server.connections, server.handshakes) == (1, 1)


def test_what_is_sent(server, api_key, binary):
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key}), 0)
    first, second = server.requests
    assert first.form == {"password": api_key} and b"=" not in first.body.removeprefix(b"password=")
    assert first.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in first.headers and second.headers["authorization"].startswith("Bearer eyJ")
    for request in (first, second):
        assert request.headers["user-agent"].startswith("zn-login/")
        assert not {"cookie", "origin", "referer", "expect", "idempotency-key"} & set(request.headers)
        assert api_key not in request.target


@pytest.mark.parametrize("status", (200, 401))
def test_cookies_are_not_sent_back(status, start_server, api_key, binary):
    def set_cookie(_):
        body = replies.login(replies.make_token(60)) if status == 200 else {"detail": "no"}
        return Reply(status, json=body, headers={"Set-Cookie": "zenml-server=stolen; Path=/"})

    server = start_server({LOGIN: set_cookie})
    login(server, {"ZENML_STORE_API_KEY": api_key})
    assert not any("cookie" in request.headers for request in server.requests)


@pytest.mark.parametrize("then", ("drop", "close"))
def test_connection_lost_after_the_login(then, start_server, api_key, binary):
    def answer(_):
        return Reply(json=replies.login(replies.make_token(60)), then=then)

    server = start_server({LOGIN: answer})
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key}), 0)
    assert requests_of(server) == [LOGIN, USER]
    assert server.connections == 2


def test_connection_lost_while_current_user_is_asked(start_server, api_key, binary):
    server = start_server({USER: [Reply(raw=""), Reply(json=replies.current_user())]})
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key}), 0)
    assert requests_of(server) == [LOGIN, USER, USER]
    assert server.connections == 2


# No connection

@contextlib.contextmanager
def closed_port():
    """A port that nobody listens on, and that nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


def test_connection_refused(api_key, binary):
    with closed_port() as port:
        result = run(["whoami", "-v", "--server", f"https://127.0.0.1:{port}"], {"ZENML_STORE_API_KEY": api_key})
    assert result.code == 8 and result.out == ""
    attempts = [line for line in result.err.splitlines() if "POST /api/v1/login" in line]
    assert len(attempts) == 3, result.err


def test_connection_refused_message(api_key, binary):
    with closed_port() as port:
        result = run(["whoami", "--server", f"https://127.0.0.1:{port}"], {"ZENML_STORE_API_KEY": api_key})
    check_result(result, 8, "connect", "server runs")


@pytest.fixture
def isolated(tmp_path):
    """A function that makes a wrapper for `run`: loopback only, with the name server in the given state."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("replacing the name server needs root and unshare(1)")
    settings = tmp_path / "resolv.conf"
    settings.write_text("nameserver 127.0.0.1\n")

    def wrapper(state: str) -> list:
        return ["unshare", "-mn", sys.executable, NAMESPACE, "--resolver", state,
                "--bind", settings, "/etc/resolv.conf", "--"]
    return wrapper


def test_name_that_does_not_resolve(isolated, api_key, binary):
    result = run(["whoami", "--server", "https://zenml.invalid"], {"ZENML_STORE_API_KEY": api_key},
                 wrapper=isolated("closed"))
    check_result(result, 8, "resolve", "host name|DNS")


def test_name_server_that_never_answers(isolated, api_key, binary):
    result = run(["whoami", "--server", "https://zenml.invalid", "--timeout", "2"], {"ZENML_STORE_API_KEY": api_key},
                 wrapper=isolated("silent"), timeout=BOUND)
    check_result(result, 8, "time|resolve")


def test_connection_that_never_comes(api_key, binary):
    with full_listener() as port:
        result = run(["whoami", "--server", f"https://127.0.0.1:{port}", "--timeout", "2"],
                     {"ZENML_STORE_API_KEY": api_key}, timeout=BOUND)
    check_result(result, 8, "time")


def test_stalled_handshake(start_server, api_key, binary):
    server = start_server(on_connect=["stall"])
    result = login(server, {"ZENML_STORE_API_KEY": api_key}, timeout=2)
    check_result(result, 8, "time")
    assert (server.connections, server.handshakes) == (1, 0)


def test_deadline_bounds_all_retries_together(start_server, api_key, binary):
    """Three replies of 0.8 s each fit one by one into 2 s, but not together with the pauses between them."""
    server = start_server({LOGIN: Reply(503, delay=0.8)})
    result = login(server, {"ZENML_STORE_API_KEY": api_key}, timeout=2)
    assert result.code in (8, 11) and result.out == ""
    assert 1 <= len(server.requests) <= 2


def test_body_that_drips(start_server, api_key, binary):
    """Progress without an end does not stretch the deadline."""
    server = start_server({LOGIN: Reply(json=replies.login("x"), header_pause=0.2)})
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key}, timeout=2), 8, "time")


# Plain http

def test_plain_http_of_loopback_is_allowed(start_server, api_key, binary):
    server = start_server(tls=None)
    check_result(run(["whoami", "--server", server.url], {"ZENML_STORE_API_KEY": api_key}), 0)
    assert requests_of(server) == [LOGIN, USER]


@pytest.mark.parametrize("variable", ("http_proxy", "ALL_PROXY", "all_proxy"))
def test_plain_http_of_loopback_avoids_the_proxy(variable, start_server, api_key, binary):
    """The credential would else cross the network to the proxy, unprotected."""
    server = start_server(tls=None)
    with Proxy() as proxy:
        env = {"ZENML_STORE_API_KEY": api_key, variable: f"http://127.0.0.1:{proxy.port}"}
        check_result(run(["whoami", "--server", server.url], env), 0)
        assert proxy.connections == 0


@pytest.mark.parametrize("host", (
    "zenml.example.com", "127.0.0.1.example.com", "localhost.example.com", "localhost@zenml.example.com", "10.0.0.1",
    "0.0.0.0", "[::ffff:7f00:1]",
))
def test_plain_http_of_another_host_is_refused(host, start_server, api_key, binary):
    """Everything would go through our proxy, which sees nothing."""
    with Proxy() as proxy:
        env = {"ZENML_STORE_API_KEY": api_key, "http_proxy": f"http://127.0.0.1:{proxy.port}"}
        result = run(["whoami", "--server", f"http://{host}:8080"], env)
        assert proxy.connections == 0
    check_result(result, 2, "http|user name")


# Proxies

PASSWORD = "proxy-password-of-the-test"


@pytest.mark.parametrize("variable", ("https_proxy", "HTTPS_PROXY", "ALL_PROXY"))
def test_proxy_carries_but_does_not_see(variable, server, api_key, binary):
    with Proxy() as proxy:
        env = {"ZENML_STORE_API_KEY": api_key, variable: f"http://user:{PASSWORD}@127.0.0.1:{proxy.port}"}
        result = login(server, env, "whoami", "-v", secrets=[PASSWORD])
        assert result.code == 0, result.err
        assert [str(request) for request in proxy.requests] == [f"CONNECT 127.0.0.1:{server.port}"]
        carried = bytes(proxy.carried)
    assert requests_of(server) == [LOGIN, USER]
    assert "proxy-authorization" not in server.requests[0].headers
    assert api_key.encode() not in carried and b"password=" not in carried and b"Bearer" not in carried


def test_no_proxy_for_the_named_host(server, api_key, binary):
    with Proxy() as proxy:
        env = {"ZENML_STORE_API_KEY": api_key, "https_proxy": f"http://127.0.0.1:{proxy.port}",
               "no_proxy": "127.0.0.1"}
        check_result(login(server, env), 0)
        assert proxy.connections == 0


def test_proxy_password_is_not_told_when_the_proxy_is_down(server, api_key, binary):
    with closed_port() as port:
        env = {"ZENML_STORE_API_KEY": api_key, "https_proxy": f"http://user:{PASSWORD}@127.0.0.1:{port}"}
        result = login(server, env, secrets=[PASSWORD])
    check_result(result, 8, "connect")
    assert server.connections == 0


@pytest.mark.parametrize("proxy", (
    f"http://user:{PASSWORD}@127.0.0.1:99999", f"htp://user:{PASSWORD}@127.0.0.1", f"user:{PASSWORD}@bad host",
    f"http://user:it's@{PASSWORD}@127.0.0.1:99999", f"http://user:{PASSWORD * 10}@127.0.0.1:99999",
    f"http://user:{PASSWORD}\n@127.0.0.1:99999",
), ids=("port", "scheme", "blank", "quote", "long", "line break"))
@pytest.mark.parametrize("command", (["whoami"], ["doctor"], ["env", "--format=json"]), ids=lambda words: words[0])
def test_proxy_password_is_not_told_when_libcurl_cannot_use_the_proxy(command, proxy, server, api_key, binary):
    """libcurl quotes such a proxy as a whole."""
    result = login(server, {"ZENML_STORE_API_KEY": api_key, "https_proxy": proxy}, *command, secrets=[PASSWORD])
    assert result.code == 8 and re.search(r"Unsupported proxy [a-z ]+ \.\.\.$", result.err, re.MULTILINE), result.err
    assert PASSWORD[:8] not in result.out + result.err
    assert server.connections == 0


def test_proxy_that_refuses(start_server, server, api_key, binary):
    refusing = start_server({"*": Reply(403, body="<h1>denied</h1>", content_type="text/html")}, tls=None)
    env = {"ZENML_STORE_API_KEY": api_key, "https_proxy": f"http://user:{PASSWORD}@127.0.0.1:{refusing.port}"}
    result = login(server, env, secrets=[PASSWORD])
    check_result(result, 8, "proxy|CONNECT")
    assert server.connections == 0


def test_verbose_tells_the_requests(server, api_key, binary):
    result = login(server, {"ZENML_STORE_API_KEY": api_key}, "whoami", "-v")
    assert result.code == 0
    for request in (LOGIN, USER):
        assert f"zenml-login: {request} -> 200 (" in result.err


def test_failure_after_progress_keeps_its_form(start_server, api_key, binary):
    server = start_server({LOGIN: Reply(401, json={"detail": "no"})})
    result = login(server, {"ZENML_STORE_API_KEY": api_key}, "whoami", "-v")
    progress, *error = result.err.splitlines(keepends=True)
    assert progress.startswith(f"zenml-login: {LOGIN} -> 401 (")
    error_lines("".join(error))
