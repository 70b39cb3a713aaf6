"""The replies of a healthy ZenML server (shapes of release 0.98), for the scripted server in tls_server.py.

`Zenml` is the whole server; the functions below it make single reply values, for tests that need one a bit different:

    Server({"GET /api/v1/current-user": Reply(json=current_user(active=False))}, healthy=Zenml())
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from dataclasses import dataclass, field
from typing import Callable, Collection

from messages import Reply, Request

SERVER_ID = "9c1f6a52-5a0b-4f38-9d7e-0c2f1d3a4b5c"
ACCOUNT_ID = "3f0e8b1a-7c44-4e1b-8a52-6d9b0f2c1e77"
ACCOUNT_NAME = "ci-bot"
PERSON_NAME = "ada"
PROJECT_ID = "b7d1c0de-1111-4222-8333-444455556666"
PROJECT_NAME = "default"
VERSION = "0.98.0"

_SIGNING_KEY = b"the test server's own signing key"
_MAX_LIFETIME = 604800


@dataclass
class Device:
    """A login in a browser: its codes, how often the client has asked, and whether it has its token."""

    client_id: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    code: str = field(default_factory=lambda: secrets.token_hex(32))
    user_code: str = field(default_factory=lambda: secrets.token_hex(16))
    polls: int = 0
    is_active: bool = False


@dataclass
class Zenml:
    """Answers every request as a healthy ZenML server would.

    api_keys     the API keys that it knows; None: it takes any
    auth_scheme  what /info says; on NO_AUTH current-user names the admin to everybody, as on the real one
    lifetime     seconds that a login token lives; None: for ever
    on_token     is called with every token made, so that a test can look for it where it must not be
    account      whose the keys and API tokens are
    person       who approves a login in a browser (device flow): at the `approval`-th poll, 0: never
    device_lifetime  seconds that the token of such a login lives; None: for ever
    device_patience  seconds that such a login may be approved
    devices      the logins in a browser by the ids of their devices, unless deleted
    deletion     what is answered to the deletion of a device, instead of deleting it
    """

    api_keys: Collection[str] | None = None
    auth_scheme: str = "OAUTH2_PASSWORD_BEARER"
    lifetime: int | None = 3600
    on_token: Callable[[str], object] = lambda token: None
    account: dict = field(default_factory=lambda: current_user())
    person: dict = field(default_factory=lambda: current_user(name=PERSON_NAME, is_service_account=False))
    approval: int = 1
    device_lifetime: int | None = 86400
    device_patience: int = 300
    devices: dict[str, Device] = field(default_factory=dict)
    deletion: Reply | None = None

    def answer(self, request: Request) -> Reply:
        """The reply to `request`."""
        routes = {
            "POST /api/v1/login": self._login,
            "POST /api/v1/device_authorization": self._authorize_device,
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
        if request.method == "DELETE" and request.path.startswith("/api/v1/devices/"):
            return self._delete_device(request)
        if request.path.startswith("/api/"):
            return Reply(404, json={"detail": "Not Found"})
        if request.method == "GET":
            return dashboard()
        return Reply(405, json={"detail": "Method Not Allowed"})

    def _login(self, request: Request) -> Reply:
        if "device_code" in request.form:
            return self._poll(request)
        key = request.form.get("password", "")
        if not key:
            return Reply(400, json={"detail": "Invalid request: username is required."})
        if self.api_keys is not None and key not in self.api_keys:
            return error(401, "CredentialsNotValid", "Authentication error: error decoding API key")
        return Reply(json=login(self._make_token(self.lifetime), expires_in=self.lifetime))

    def _current_user(self, request: Request) -> Reply:
        if self.auth_scheme == "NO_AUTH":
            return Reply(json=current_user(name="default", is_service_account=False, is_admin=True))
        return self._unauthorized(request) or Reply(json=self.person if _claims(request).get("device_id")
                                                    else self.account)

    def _authorize_device(self, request: Request) -> Reply:
        device = Device(request.form["client_id"])
        self.devices[device.id] = device
        self.on_token(device.code)
        return Reply(json=device_authorization(device, expires_in=self.device_patience))

    def _poll(self, request: Request) -> Reply:
        found = [device for device in self.devices.values()
                 if (device.client_id, device.code) == (request.form["client_id"], request.form["device_code"])]
        if not found:
            return oauth_error("invalid_client", "No such device.")
        device = found[0]
        device.polls += 1
        if device.is_active:
            return oauth_error("expired_token", f"Device {device.id} is active.")
        if device.polls != self.approval:
            return oauth_error("authorization_pending", f"Device {device.id} is pending.")
        device.is_active = True
        return Reply(json=login(self._make_token(self.device_lifetime, device_id=device.id),
                                expires_in=self.device_lifetime))

    def _delete_device(self, request: Request) -> Reply:
        refusal = self.deletion or self._unauthorized(request)
        if refusal:
            return refusal
        known = self.devices.pop(request.path.rsplit("/", 1)[1], None)
        return Reply(json=None) if known else error(404, "KeyError", "Unable to get device.")

    def _api_token(self, request: Request) -> Reply:
        refusal = self._unauthorized(request)
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

    def _unauthorized(self, request: Request) -> Reply | None:
        """As _unauthorized; the token of a device that was deleted has ended."""
        refusal = _unauthorized(request)
        if refusal or _claims(request).get("device_id", "") in {"", *self.devices}:
            return refusal
        return error(401, "CredentialsNotValid", "Authentication error: error retrieving token device")

    def _make_token(self, lifetime: int | None, **claims) -> str:
        token = make_token(lifetime, **claims)
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


def device_authorization(device: Device, **changes) -> dict:
    """The body of a good reply to a request for a login in a browser. The real interval is 5 seconds."""
    page = "/devices/verify"
    return {"device_code": device.code, "user_code": device.user_code, "verification_uri": page,
            "verification_uri_complete": f"{page}?device_id={device.id}&user_code={device.user_code}",
            "expires_in": 300, "interval": 1} | changes


def oauth_error(code: str, description: str) -> Reply:
    """An error reply of a poll (RFC 8628 section 3.5)."""
    return Reply(400, json={"error": code, "error_description": description, "error_uri": None})


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
    if _claims(request).get("exp", time.time() + 1) <= time.time():
        return error(401, "CredentialsNotValid", "Authentication error: Signature has expired.")
    return None


def _claims(request: Request) -> dict:
    """What the bearer token of `request`, a JWT, says."""
    payload = request.headers["authorization"].split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def _signature(signed: str) -> str:
    return _base64url(hmac.digest(_SIGNING_KEY, signed.encode(), hashlib.sha256))


def _json_part(value: dict) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
