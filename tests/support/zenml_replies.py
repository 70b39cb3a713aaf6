"""The replies of a healthy ZenML server (shapes of release 0.98), for the scripted server in tls_server.py.

`Zenml` is the whole server; the functions below it make single reply values, for tests that need one a bit different:

    Server({"GET /api/v1/current-user": Reply(json=current_user(active=False))}, healthy=Zenml())
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass, field
from typing import Callable, Collection

from messages import Reply, Request

SERVER_ID = "9c1f6a52-5a0b-4f38-9d7e-0c2f1d3a4b5c"
ACCOUNT_ID = "3f0e8b1a-7c44-4e1b-8a52-6d9b0f2c1e77"
ACCOUNT_NAME = "ci-bot"
PROJECT_ID = "b7d1c0de-1111-4222-8333-444455556666"
PROJECT_NAME = "default"
VERSION = "0.98.0"

_SIGNING_KEY = b"the test server's own signing key"
_MAX_LIFETIME = 604800


@dataclass
class Zenml:
    """Answers every request as a healthy ZenML server would.

    api_keys     the API keys that it knows; None: it takes any
    auth_scheme  what /info says; on NO_AUTH current-user names the admin to everybody, as on the real one
    lifetime     seconds that a login token lives; None: for ever
    on_token     is called with every token made, so that a test can look for it where it must not be
    """

    api_keys: Collection[str] | None = None
    auth_scheme: str = "OAUTH2_PASSWORD_BEARER"
    lifetime: int | None = 3600
    on_token: Callable[[str], object] = lambda token: None
    account: dict = field(default_factory=lambda: current_user())

    def answer(self, request: Request) -> Reply:
        """The reply to `request`."""
        routes = {
            "POST /api/v1/login": self._login,
            "GET /api/v1/info": lambda _: Reply(json=info(auth_scheme=self.auth_scheme)),
            "GET /api/v1/current-user": self._current_user,
            "GET /api/v1/api_token": self._api_token,
            "GET /api/v1/projects": self._projects,
            "GET /health": lambda _: Reply(body="ok", content_type="text/plain; charset=utf-8"),
        }
        route = routes.get(str(request))
        if route:
            return route(request)
        if request.method == "GET" and request.path.startswith("/api/v1/projects/"):
            return self._project(request)
        if request.path.startswith("/api/"):
            return Reply(404, json={"detail": "Not Found"})
        if request.method == "GET":
            return dashboard()
        return Reply(405, json={"detail": "Method Not Allowed"})

    def _login(self, request: Request) -> Reply:
        key = request.form.get("password", "")
        if not key:
            return Reply(400, json={"detail": "Invalid request: username is required."})
        if self.api_keys is not None and key not in self.api_keys:
            return error(401, "CredentialsNotValid", "Authentication error: error decoding API key")
        return Reply(json=login(self._make_token(self.lifetime), expires_in=self.lifetime))

    def _current_user(self, request: Request) -> Reply:
        if self.auth_scheme == "NO_AUTH":
            return Reply(json=current_user(name="default", is_service_account=False, is_admin=True))
        return _unauthorized(request) or Reply(json=self.account)

    def _api_token(self, request: Request) -> Reply:
        refusal = _unauthorized(request)
        if refusal:
            return refusal
        lifetime = int(request.query.get("expires_in", "3600"))
        if lifetime > _MAX_LIFETIME:
            return error(400, "ValueError", "The maximum expiration time for a generic API token allowed by this "
                                            f"server is {_MAX_LIFETIME} seconds.")
        return Reply(json=self._make_token(lifetime))

    def _projects(self, request: Request) -> Reply:
        page = {"index": 1, "max_size": 20, "total_pages": 1, "total": 1, "items": [project()]}
        return _unauthorized(request) or Reply(json=page)

    def _project(self, request: Request) -> Reply:
        known = request.path.rsplit("/", 1)[1] in (PROJECT_ID, PROJECT_NAME)
        missing = error(404, "KeyError", "Unable to get project: No project with this ID or name found.")
        return _unauthorized(request) or (Reply(json=project()) if known else missing)

    def _make_token(self, lifetime: int | None) -> str:
        token = make_token(lifetime)
        self.on_token(token)
        return token


def make_token(lifetime: int | None, **claims) -> str:
    """A JWT that `Zenml` accepts, expiring in `lifetime` seconds (None: never); `claims` are added to it."""
    now = time.time()
    payload = {"sub": ACCOUNT_ID, "iss": SERVER_ID, "aud": SERVER_ID, "iat": now, "jti": str(uuid.uuid4())}
    if lifetime is not None:
        payload["exp"] = int(now) + lifetime
    signed = f"{_json_part({'alg': 'HS256', 'typ': 'JWT'})}.{_json_part(payload | claims)}"
    return f"{signed}.{_signature(signed)}"


def login(token: str, expires_in: int | None = 3600, **changes) -> dict:
    """The body of a good login reply."""
    return {"access_token": token, "token_type": "bearer", "expires_in": expires_in, "refresh_token": None,
            "csrf_token": None, "scope": None, "device_id": None, "device_metadata": None} | changes


def current_user(*, name: str = ACCOUNT_NAME, permission_denied: bool = False, **body) -> dict:
    """The body of a current-user reply; `body` changes the members of its `body` object."""
    return {
        "id": ACCOUNT_ID, "name": name, "permission_denied": permission_denied,
        "body": {"created": "2026-11-01T08:00:00", "updated": "2026-11-01T08:00:00", "active": True,
                 "activation_token": None, "full_name": "", "email_opted_in": None, "is_service_account": True,
                 "is_admin": False, "default_project_id": None, "avatar_url": None} | body,
        "metadata": {"password_changed_at": None, "email": "", "external_user_id": None, "user_metadata": {},
                     "oidc_claims": {}},
        "resources": None,
    }


def info(**changes) -> dict:
    """The body of an info reply."""
    return {
        "id": SERVER_ID, "name": "default", "version": VERSION, "active": True, "debug": False,
        "deployment_type": "other", "database_type": "sqlite", "secrets_store_type": "sql",
        "auth_scheme": "OAUTH2_PASSWORD_BEARER", "server_url": "", "dashboard_url": "", "analytics_enabled": False,
        "metadata": {}, "last_user_activity": "2026-11-20T10:00:00", "pro_dashboard_url": None, "pro_api_url": None,
        "pro_organization_id": None, "pro_organization_name": None, "pro_workspace_id": None,
        "pro_workspace_name": None,
    } | changes


def project(**changes) -> dict:
    """The body of a project reply."""
    return {
        "id": PROJECT_ID, "name": PROJECT_NAME, "permission_denied": False,
        "body": {"created": "2026-11-01T08:00:00", "updated": "2026-11-01T08:00:00", "display_name": PROJECT_NAME},
        "metadata": {"description": ""}, "resources": None,
    } | changes


def error(status: int, name: str, message: str) -> Reply:
    """An error reply in the shape of ZenML's handled exceptions."""
    return Reply(status, json={"detail": [name, message]})


def dashboard() -> Reply:
    """The page that a ZenML server sends for every path that it does not know."""
    page = "<!doctype html><html><head><title>ZenML Dashboard</title></head><body></body></html>"
    return Reply(body=page, content_type="text/html; charset=utf-8")


def _unauthorized(request: Request) -> Reply | None:
    """The refusal that the bearer token of `request` deserves; None when it is good."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme != "Bearer":
        return Reply(401, json={"detail": "Not authenticated"}, headers={"WWW-Authenticate": "Bearer"})
    signed, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature, _signature(signed)):
        return error(401, "CredentialsNotValid", "Authentication error: error decoding access token")
    payload = signed.partition(".")[2]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    if claims.get("exp", time.time() + 1) <= time.time():
        return error(401, "CredentialsNotValid", "Authentication error: Signature has expired.")
    return None


def _signature(signed: str) -> str:
    return _base64url(hmac.digest(_SIGNING_KEY, signed.encode(), hashlib.sha256))


def _json_part(value: dict) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
