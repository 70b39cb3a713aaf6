"""The API of ZenML Pro, as its workspaces and their clients use it, for the scripted server in tls_server.py.

    pro = ProApi()
    with Server(healthy=pro) as api:
        key = pro.make_key(account("pro-bot"))        # Pro vouches for this key
        other = pro.make_key(Reply(503), account())   # its replies about this one, in order; the last one for ever
        with zenml_server.start(folder, workspace_settings(api.url)) as workspace:
            ...

VOUCHED and ANSWERS are all that Pro may say about a key, with what a real workspace makes of it; such a workspace is in
pro_workspace.py.

What Pro is asked about a key it also answers about the tokens that it makes for the key. `older_login` is the login of
a workspace that does not know such keys yet, for the script of a fake one.
"""

from __future__ import annotations

import json
import uuid
from typing import Callable, Collection

import canary
import zenml_replies as replies
from keys import make_pro_key
from messages import Reply, Request

WORKSPACE_ID = "5f0c9a4e-2b7d-4c1e-9a36-7d8e4b1f2c60"
ORGANIZATION_ID = "c2a7f3d1-8e64-4b0f-b5d9-13e6a0c47f82"
VOUCH = "GET /users/authorize_server"  # a workspace asks whose a key or token is
LOGIN = "POST /auth/login"  # a client gets a token for a key, a workspace one for itself
# What a workspace reports, and the limits of the subscription.
_NEVER_REFUSED = ("/workspace_status", "/rbac/", "/usage-event", f"/organizations/{ORGANIZATION_ID}/entitlement/")


def workspace_settings(pro_url: str) -> dict[str, str]:
    """Settings by which zenml_server.start starts a workspace of the Pro whose API is at `pro_url`."""
    settings = {
        "DEPLOYMENT_TYPE": "cloud", "PRO_API_URL": pro_url, "PRO_DASHBOARD_URL": pro_url,
        "PRO_OAUTH2_CLIENT_SECRET": "secret-of-the-workspace", "PRO_OAUTH2_AUDIENCE": "audience",
        "PRO_ORGANIZATION_ID": ORGANIZATION_ID, "PRO_ORGANIZATION_NAME": "organization",
        "PRO_WORKSPACE_ID": WORKSPACE_ID, "PRO_WORKSPACE_NAME": "workspace",
    }
    return {f"ZENML_SERVER_{name}": value for name, value in settings.items()}


def info(pro_url: str, **changes) -> dict:
    """The body of an info reply of a workspace."""
    return replies.info(auth_scheme="EXTERNAL", deployment_type="cloud", pro_api_url=pro_url) | changes


def account(name: str = "pro-bot", **changes) -> dict:
    """What Pro says about a service account, or with is_service_account=False about a person."""
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, name)), "username": name, "name": name.title(), "email": None,
        "is_service_account": True, "is_superuser": False, "avatar_url": None,
    } | changes


# A key that Pro vouches for, and whose it is then
VOUCHED = {
    "service account": (account("robot"), "service_account"),
    "service account, 201": (Reply(201, json=account("created")), "service_account"),
    "person": (account("anna", is_service_account=False, email="anna@example.test"), "user"),
    "admin": (account("root", is_service_account=False, is_superuser=True, email="root@example.test"), "user"),
    "does not say what it is": ({"id": "33333333-3333-4333-8333-333333333333", "username": "silent",
                                 "email": "silent@example.test"}, "user"),
}

# A key that Pro does not vouch for, or cannot, and the words of the workspace, which says 401 to all of that
REFUSED, NOT_RECOGNISED = "Not authorized to access this server", "did not recognize this server"
CANNOT_ASK, CANNOT_READ = "Error fetching user information", "Unknown external authenticator error"
ANSWERS = {
    "401": (Reply(401, json={"detail": "no"}), REFUSED),
    "403": (Reply(403, json={"detail": "no"}), REFUSED),
    "404": (Reply(404, json={"detail": "no"}), NOT_RECOGNISED),
    "302 to nowhere": (Reply(302, headers={"Location": "/elsewhere"}), NOT_RECOGNISED),
    "302 to nobody": (Reply(302, headers={"Location": "http://127.0.0.1:9/"}), CANNOT_ASK),
    "400": (Reply(400, json={"detail": "no"}), CANNOT_ASK),
    "422": (Reply(422, json={"detail": "no"}), CANNOT_ASK),
    "429": (Reply(429, json={"detail": "no"}), CANNOT_ASK),
    "500": (Reply(500, json={"detail": "no"}), CANNOT_ASK),
    "503": (Reply(503, body="down for maintenance", content_type="text/plain"), CANNOT_ASK),
    "no answer": (Reply(raw=""), CANNOT_ASK),
    "late": (Reply(delay=14, json=account("late")), CANNOT_ASK),
    "list": (Reply(json=[]), CANNOT_READ),
    "page": (Reply(body="<html>", content_type="text/html"), CANNOT_READ),
    "no name": (Reply(json={"id": WORKSPACE_ID, "is_service_account": True}), CANNOT_READ),
    "id that is none": (Reply(json=account("odd", id="abc")), CANNOT_READ),
}


def older_login(bearers: Collection[str]) -> Callable[[Request], Reply]:
    """Answers logins as a workspace before 0.91: keys of Pro mean nothing to it, but it takes `bearers` in the grant
    zenml-external."""
    def answer(request: Request) -> Reply:
        if request.form.get("grant_type") != "zenml-external":
            return replies.error(401, "CredentialsNotValid", "Authentication error: error decoding API key")
        if _bearer(request) not in bearers:
            return replies.error(401, "AuthorizationException", "Not authorized to access this server.")
        return Reply(json=replies.login(canary.remember(replies.make_token(3600))))

    return answer


class ProApi:
    """What Pro knows and answers. A Server takes it as `healthy`.

    tokens: the last token made for each key
    """

    def __init__(self):
        self.tokens: dict[str, str] = {}
        self._answers: dict[str, list[Reply]] = {}

    def make_key(self, *answers: Reply | dict) -> str:
        """A new API key of Pro, and what Pro answers when it is asked about it: accounts, or other replies."""
        key = make_pro_key()
        self._answers[key] = [answer if isinstance(answer, Reply) else Reply(json=answer) for answer in answers]
        return key

    def answer(self, request: Request) -> Reply:
        """The reply to `request`."""
        routes = {
            VOUCH: self._vouch,
            LOGIN: self._login,
            "POST /rbac/check_permissions": self._permit_all,
            "GET /rbac/allowed_resource_ids": lambda _: Reply(json={"full_access": True, "ids": []}),
        }
        if request.path.startswith(_NEVER_REFUSED) and str(request) not in routes:
            return Reply(json={})
        return routes.get(str(request), lambda _: Reply(404, json={"detail": "Not Found"}))(request)

    def _vouch(self, request: Request) -> Reply:
        answers = self._answers.get(_bearer(request), [Reply(401, json={"detail": "Unauthorized"})])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    def _login(self, request: Request) -> Reply:
        if "client_secret" in request.form:
            return Reply(json=replies.login("token-of-the-workspace"))
        key = request.form.get("password", "")
        if key not in self._answers or _bearer(request) != key:
            return replies.error(401, "AuthorizationException", "bad key")
        token = self.tokens[key] = canary.remember(replies.make_token(3600))
        self._answers[token] = self._answers[key]
        return Reply(json=replies.login(token))

    def _permit_all(self, request: Request) -> Reply:
        return Reply(json={resource: True for resource in json.loads(request.body)})


def _bearer(request: Request) -> str:
    return request.headers.get("authorization", "").removeprefix("Bearer ")
