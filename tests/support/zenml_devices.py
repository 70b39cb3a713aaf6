"""Logins in a browser at real ZenML servers, which call them devices: what their tests share."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path

import canary
from tls_server import Reply
from zenml_admin import Admin

# What a login asks a server, and the page that a person approves: nothing else is documented.
INFO, AUTHORIZE, POLL = "GET /api/v1/info", "POST /api/v1/device_authorization", "POST /api/v1/login"
USER, DELETE, APPROVE = "GET /api/v1/current-user", "DELETE /api/v1/devices/ID", "PUT /api/v1/devices/ID/verify"

UNTRUSTED_SECONDS, TRUSTED_SECONDS = 2 * 3600, 30 * 86400

# A server with lifetimes for devices, and with the limiter of logins as it is by default.
LIMITED = {"ZENML_SERVER_DEVICE_EXPIRATION_MINUTES": str(UNTRUSTED_SECONDS // 60),
           "ZENML_SERVER_TRUSTED_DEVICE_EXPIRATION_MINUTES": str(TRUSTED_SECONDS // 60),
           "ZENML_SERVER_RATE_LIMIT_ENABLED": "true"}

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def devices_of(session: Admin) -> set[str]:
    """The ids of the person's devices."""
    return {device["id"] for device in session.request("GET", "devices?size=100")["items"]}


def answered(server) -> list[str]:
    """Requests and status codes in the server's log, without its health checks: `DELETE /api/v1/devices/ID 200`."""
    log = Path(server.log).read_text(errors="replace")
    return [_UUID.sub("ID", f"{request} {code}")
            for request, code in re.findall(r'"(\w+ [^ ?]+)\S* HTTP/1\.1" (\d+)', log) if "/health" not in request]


class Front:
    """The address of a server whose process changes behind it; while there is none, connections break.

    target   URL of the server; None: there is none
    broke    set as soon as a connection broke
    secrets  what the server has handed out and nobody is shown: device codes and access tokens; the canary, too,
             looks for them from then on
    """

    def __init__(self, target: str | None):
        self.target = target
        self.broke = threading.Event()
        self.secrets: set[str] = set()

    def __call__(self, request) -> Reply:
        if not self.target:
            self.broke.set()
            raise ConnectionError
        headers = {name: value for name, value in request.headers.items() if name in ("authorization", "content-type")}
        forwarded = urllib.request.Request(self.target + request.target, request.body or None, headers,
                                           method=request.method)
        try:
            with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(forwarded, timeout=60) as answer:
                reply = Reply(answer.status, body=answer.read(), content_type=answer.headers["Content-Type"])
        except urllib.error.HTTPError as error:
            return Reply(error.code, body=error.read(), content_type=error.headers["Content-Type"])
        self._remember_secrets(reply.body)
        return reply

    def _remember_secrets(self, body: bytes) -> None:
        told = json.loads(body)
        if isinstance(told, dict):
            self.secrets |= {canary.remember(told[name]) for name in ("device_code", "access_token") if name in told}
