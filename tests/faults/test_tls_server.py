"""The scripted server itself, seen through the standard library's client: what the fault rows rest on."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl

import pytest

from tls_server import Proxy, Reply, Seen, read_log, spawn
from zenml_replies import make_token


@contextlib.contextmanager
def client(server):
    """One client with one connection (and another one when that was closed), and one second of patience."""
    context = ssl.create_default_context(cafile=server.ca)
    connection = http.client.HTTPSConnection("127.0.0.1", server.port, timeout=1, context=context)
    with contextlib.closing(connection):
        yield connection


def get(connection, path: str, **headers):
    """Status and body of a GET."""
    connection.request("GET", path, headers=headers)
    reply = connection.getresponse()
    return reply.status, reply.read()


def test_counts_what_it_saw(server):
    with client(server) as connection:
        assert get(connection, "/health") == (200, b"ok")
        assert get(connection, "/api/v1/info")[0] == 200
    with socket.create_connection(("127.0.0.1", server.port)):
        pass
    assert (server.connections, server.handshakes) == (2, 1)
    assert [str(request) for request in server.requests] == ["GET /health", "GET /api/v1/info"]


def test_healthy_replies_check_the_credential(server, api_key, api_token):
    with client(server) as connection:
        connection.request("POST", "/api/v1/login", "password=ZENKEY_wrong")
        assert (refused := connection.getresponse()).status == 401 and refused.read()
        connection.request("POST", "/api/v1/login", "password=" + api_key.replace("=", "%3D"))
        token = json.loads(connection.getresponse().read())["access_token"]
        for good in (token, api_token):
            assert get(connection, "/api/v1/current-user", Authorization=f"Bearer {good}")[0] == 200
        for bad in (token[:-2], make_token(-1), "x"):
            assert get(connection, "/api/v1/current-user", Authorization=f"Bearer {bad}")[0] == 401
        assert get(connection, "/api/v1/current-user")[0] == 401
        assert get(connection, "//api/v1/current-user")[1].startswith(b"<!doctype html>")


def test_a_list_is_used_up_to_its_last_reply(start_server):
    server = start_server({"GET /x": [Reply(503), Reply(200)], "*": Reply(418)})
    with client(server) as connection:
        assert [get(connection, path)[0] for path in ("/x", "/x", "/y", "/x")] == [503, 200, 418, 200]


@pytest.mark.parametrize("reply, broken", (
    (Reply(json={"a": 1}, cut=3), http.client.IncompleteRead),
    (Reply(raw="garbage\r\n"), http.client.BadStatusLine),
    (Reply(raw=""), http.client.RemoteDisconnected),
    (Reply(header_filler=1 << 20), http.client.HTTPException),
    (Reply(delay=30), TimeoutError),
    (Reply(header_pause=1.5), TimeoutError),
))
def test_broken_replies(reply, broken, start_server):
    server = start_server({"*": reply})
    with client(server) as connection, pytest.raises(broken):
        get(connection, "/x")
    assert len(server.requests) == 1


def test_endless_reply(start_server):
    server = start_server({"*": Reply(endless=True)})
    with client(server) as connection:
        connection.request("GET", "/x")
        assert len(connection.getresponse().read(1 << 20)) == 1 << 20


def test_lost_keep_alive(start_server):
    server = start_server({"*": Reply(then="drop")})
    with client(server) as connection:
        assert get(connection, "/x")[0] == 200
        with pytest.raises((http.client.RemoteDisconnected, OSError)):
            get(connection, "/x")


@pytest.mark.parametrize("action", ("close", "reset", "stall"))
def test_refused_handshake(action, start_server):
    server = start_server(on_connect=[action, "serve"])
    with client(server) as connection, pytest.raises(OSError):
        get(connection, "/health")
    with client(server) as connection:
        assert get(connection, "/health")[0] == 200
    assert (server.connections, server.handshakes) == (2, 1)


def test_proxy_sees_what_it_carries(start_server):
    server = start_server(tls=None)
    with Proxy() as proxy:
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=5)
        connection.set_tunnel("127.0.0.1", server.port)
        with contextlib.closing(connection):
            assert get(connection, "/health", Secret="in-clear") == (200, b"ok")
        assert [request.method for request in proxy.requests] == ["CONNECT"]
        assert b"in-clear" in proxy.carried


def test_as_a_program(certs, tmp_path):
    script, log = tmp_path / "script.json", tmp_path / "log"
    script.write_text(json.dumps({"GET /x": [{"status": 503}, {"body": "fine"}]}))
    with spawn("--cert", certs.good.crt, "--key", certs.good.key, "--script", script, "--log-file", log) as process:
        context = ssl.create_default_context(cafile=certs.ca)
        connection = http.client.HTTPSConnection("localhost", process["port"], timeout=5, context=context)
        with contextlib.closing(connection):
            assert [get(connection, path)[0] for path in ("/x", "/x", "/health")] == [503, 200, 200]
        seen: Seen = read_log(log)
    assert (seen.connections, seen.handshakes, len(seen.requests)) == (1, 1, 3)
