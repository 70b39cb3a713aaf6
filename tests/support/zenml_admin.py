"""Administration of a ZenML test server over its REST interface: accounts, API keys, API tokens, devices, projects.

    admin = Admin.of(server)
    account = Account(admin, "ci-bot")
    ... account.key ...
    account.set_key_active(False)

Every function raises AdminError when the server does not answer 2xx.
"""

from __future__ import annotations

import base64
import json
import secrets
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Mapping

TIMEOUT_SECONDS = 30

_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # loopback never goes through a proxy


class AdminError(RuntimeError):
    """The server refused; `status` is the HTTP status, the text is its reply."""

    def __init__(self, status: int, text: str):
        super().__init__(f"HTTP {status}: {text}")
        self.status = status


def call(url: str, method: str = "GET", token: str | None = None, form: Mapping[str, str] | None = None,
         body: Any = None) -> Any:
    """One request; returns the decoded JSON of the reply.

    token: bearer token; form: dict sent urlencoded; body: object sent as JSON.
    """
    request = urllib.request.Request(url, method=method)
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    if form is not None:
        request.data = urllib.parse.urlencode(form).encode()
    elif body is not None:
        request.data = json.dumps(body).encode()
        request.add_header("Content-Type", "application/json")
    try:
        with _opener.open(request, timeout=TIMEOUT_SECONDS) as reply:
            return json.load(reply)
    except urllib.error.HTTPError as error:
        raise AdminError(error.code, error.read().decode(errors="replace")) from None


def log_in_with_key(url: str, key: str) -> str:
    """Exchange an API key for the access token (a JWT) of its service account."""
    return call(f"{url}/api/v1/login", "POST", form={"password": key})["access_token"]


def mint_token(url: str, access_token: str, expires_in: int) -> str:
    """A generic API token of `expires_in` seconds; a negative number gives one that has expired already."""
    query = urllib.parse.urlencode({"token_type": "generic", "expires_in": expires_in})
    return call(f"{url}/api/v1/api_token?{query}", token=access_token)


def approve(page: str, token: str, trusted: bool = False, user_code: str | None = None) -> str:
    """What the page of a login in a browser does for the person whose bearer token this is; returns the device's id.

    page: the URL that the login shows; user_code: another code than the one in it.
    """
    address = urllib.parse.urlsplit(page)
    query = dict(urllib.parse.parse_qsl(address.query))
    body = {"user_code": user_code or query["user_code"], "trusted_device": trusted}
    call(f"{address.scheme}://{address.netloc}/api/v1/devices/{query['device_id']}/verify", "PUT", token, body=body)
    return query["device_id"]


def encode_key(key_id: str, secret: str) -> str:
    """The API key that holds this UUID and secret."""
    inner = json.dumps({"id": key_id, "key": secret}, separators=(",", ":"))
    return "ZENKEY_" + base64.b64encode(inner.encode()).decode()


class Admin:
    """An administrator's session on the server at `url`, opened with name and password."""

    def __init__(self, url: str, name: str, password: str):
        self.url = url
        self.token = call(f"{url}/api/v1/login", "POST", form={"username": name, "password": password})["access_token"]

    @classmethod
    def of(cls, server) -> Admin:
        """The session of the first user of a zenml_server.ServerHandle."""
        return cls(server.url, server.admin_name, server.admin_password)

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """One request below /api/v1/ with an optional JSON body; returns the decoded reply."""
        return call(f"{self.url}/api/v1/{path}", method, token=self.token, body=body)

    def create_person(self, name: str) -> Admin:
        """Create a user who may do everything, too; returns their session."""
        password = secrets.token_urlsafe(16)
        self.request("POST", "users", {"name": name, "password": password, "active": True, "is_admin": False})
        return Admin(self.url, name, password)

    def create_project(self, name: str) -> str:
        """Create a project; returns its UUID."""
        return self.request("POST", "projects", {"name": name, "display_name": name, "description": ""})["id"]

    def delete_project(self, project_id: str) -> None:
        """Delete a project."""
        self.request("DELETE", f"projects/{project_id}")


class Account:
    """A new service account with one API key.

    id, name: of the account; key_id: UUID of the key; key: the API key itself, which the server never tells again.
    """

    def __init__(self, admin: Admin, name: str):
        self.admin, self.name = admin, name
        body = {"name": name, "description": "", "active": True}
        self.id = admin.request("POST", "service_accounts", body)["id"]
        reply = admin.request("POST", f"service_accounts/{self.id}/api_keys", {"name": "ci", "description": ""})
        self.key_id = reply["id"]
        self.key = (reply.get("body") or reply)["key"]  # 0.47 has no body member

    @property
    def _key_path(self) -> str:
        return f"service_accounts/{self.id}/api_keys/{self.key_id}"

    def access_token(self) -> str:
        """A fresh access token (a JWT) for the key."""
        return log_in_with_key(self.admin.url, self.key)

    def api_token(self, expires_in: int) -> str:
        """A fresh API token of `expires_in` seconds; a negative number gives one that has expired already."""
        return mint_token(self.admin.url, self.access_token(), expires_in)

    def set_active(self, active: bool) -> None:
        """Activate or deactivate the account."""
        self.admin.request("PUT", f"service_accounts/{self.id}", {"active": active})

    def set_key_active(self, active: bool) -> None:
        """Activate or deactivate the key."""
        self.admin.request("PUT", self._key_path, {"active": active})

    def rotate_key(self, retain_minutes: int) -> str:
        """Replace the key; the old one stays good for `retain_minutes`. Returns the new key, `key` becomes it."""
        reply = self.admin.request("PUT", self._key_path + "/rotate", {"retain_period_minutes": retain_minutes})
        self.key = reply["body"]["key"]
        return self.key

    def delete_key(self) -> None:
        """Delete the key."""
        self.admin.request("DELETE", self._key_path)

    def delete(self) -> None:
        """Delete the account; its key goes with it."""
        self.admin.request("DELETE", f"service_accounts/{self.id}")
