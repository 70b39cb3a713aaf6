#!/usr/bin/env python3
"""Record what real ZenML servers answer, as fixtures for the unit tests of the reply parsers.

    record_replies.py DIR 0.98.0=VENV [0.94.2=VENV 0.84.3=VENV 0.75.0=VENV 0.68.1=VENV 0.55.5=VENV 0.47.0=VENV]

Each VENV is a virtual environment with that release of zenml[server] (0.47.0 needs bcrypt<4.1 too). One file per reply
goes to DIR, and a row to DIR/INDEX.tsv: file, endpoint (login|current-user|info|api-token|project|
device-authorization|device-poll|device-delete), name of the zn_status that the parser must come to, origin. Rows and
files of other origins stay as they are. Of a login in a browser and of ZenML Pro, an older release gives the replies
that have another shape than those of every newer release in DIR, so the newest comes first.

A reply is a status line, the headers that matter, an empty line and the body. Everything that differs from run to run
is replaced, so that recording again gives the same bytes: UUIDs are numbered, codes are zeros, it is always
2026-01-01T00:00:00Z, tokens keep their claims but get no valid signature. The api-token replies answer a request for
600 seconds unless their name says otherwise.
"""

import base64
import contextlib
import csv
import http.client
import http.server
import json
import pathlib
import re
import sys
import tempfile
import threading
import time
import urllib.parse
import uuid

import zenml_server
from zenml_admin import Account, Admin, AdminError, approve, call, encode_key, log_in_with_key, mint_token

HEADERS = ("Content-Type", "Date", "WWW-Authenticate", "Retry-After", "Location", "Set-Cookie")
COLUMNS = ("file", "endpoint", "status", "origin")
NOW = 1767225600  # 2026-01-01T00:00:00Z
LOGIN, CURRENT_USER, INFO = "/api/v1/login", "/api/v1/current-user", "/api/v1/info"
API_TOKEN = "/api/v1/api_token?token_type=generic&expires_in=600&expires_minutes=10"
PROJECT = "/api/v1/projects/default"
DEVICE_AUTHORIZATION = "/api/v1/device_authorization"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
WRONG_SECRET = "0" * 64
UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"
ENDPOINTS = "login|current-user|info|api-token|project|device-authorization|device-poll|device-delete"
HTML_BYTES = 400  # the dashboard's page is long; its beginning tells enough


class Normaliser:
    """Replaces what differs between two runs; equal UUIDs stay equal."""

    def __init__(self, venv):
        self.venv = str(pathlib.Path(venv).absolute())
        self.uuids = {}

    def __call__(self, text):
        text = re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", lambda match: self._token(match[0]), text)
        text = self._plain(text).replace(self.venv, "/venv")
        text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8080", text)
        return re.sub(r'("request_id":")\w+', r"\g<1>00000000", text)

    def _plain(self, text):
        text = re.sub(r"\b([0-9a-f]{64}|[0-9a-f]{32})\b", lambda match: "0" * len(match[0]), text)
        text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", lambda match: self._uuid(match[0]), text)
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?", self._time, text)
        return re.sub(r"\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT", "Thu, 01 Jan 2026 00:00:00 GMT", text)

    def _uuid(self, uuid):
        number = self.uuids.setdefault(uuid, len(self.uuids) + 1)
        return f"00000000-0000-4000-8000-{number:012}"

    @staticmethod
    def _time(match):
        return "2026-01-01T00:00:00" + re.sub(r"\d", "0", match[1] or "")

    def _token(self, token):
        header, payload, signature = token.split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=="))
        if "exp" in claims:
            claims["exp"] = NOW + 60 * round((claims["exp"] - time.time()) / 60)
        if "iat" in claims:
            claims["iat"] = NOW + 0.5
        claims = self._plain(json.dumps(claims, separators=(",", ":")))
        encoded = base64.urlsafe_b64encode(claims.encode()).decode().rstrip("=")
        return f"{header}.{encoded}.{'A' * len(signature)}"


class Recorder:
    """Writes the replies of one release into a folder and keeps their index rows."""

    def __init__(self, folder, version, venv):
        self.folder, self.version, self.venv = pathlib.Path(folder), version, venv
        self.origin = f"recorded {version}"
        self.normalise = Normaliser(venv)
        self.rows = []

    @contextlib.contextmanager
    def server(self, **settings):
        """A server of this release with these settings, e.g. AUTH_SCHEME="NO_AUTH"."""
        settings = {f"ZENML_SERVER_{name}": value for name, value in settings.items()}
        settings["PYTHONHASHSEED"] = "0"  # 0.47 sends sets, in any order
        with tempfile.TemporaryDirectory() as folder, zenml_server.start(folder, settings, self.venv) as server:
            yield server

    def keep(self, name, status, server, path, token=None, **request):
        """Send one request, as `ask` does, and keep the reply as `name`.http; the name begins with the endpoint."""
        self.write(name, status, self.ask(server, path, token, **request))

    def ask(self, server, path, token=None, form=None, headers=None, method=None):
        """The reply to one request, normalised."""
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = f"Bearer {token}"
        body = None
        if form is not None:
            body = form if isinstance(form, str) else urllib.parse.urlencode(form)
            headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        connection.request(method or ("GET" if form is None else "POST"), path, body, headers)
        reply = connection.getresponse()
        text = reply.read().decode()
        connection.close()
        if "html" in (reply.headers["Content-Type"] or ""):
            text = text[:HTML_BYTES]
        lines = [f"HTTP/1.1 {reply.status} {reply.reason}"]
        lines += [f"{header}: {value}" for header in HEADERS for value in reply.headers.get_all(header, [])]
        return self.normalise("\n".join(lines) + "\n\n" + text)

    def write(self, name, status, reply):
        """Keep the reply as `name`.http."""
        (self.folder / f"{name}.http").write_text(reply, encoding="utf-8")
        endpoint = re.match(ENDPOINTS, name)[0]
        self.rows.append(dict(zip(COLUMNS, (f"{name}.http", endpoint, status, self.origin))))

    def write_index(self):
        """Put this release's rows into INDEX.tsv in place of those it had; remove files that have no row any more."""
        path = self.folder / "INDEX.tsv"
        old = []
        if path.exists():
            with open(path, encoding="utf-8", newline="") as file:
                old = list(csv.DictReader(file, delimiter="\t"))
        files = {row["file"] for row in self.rows}
        for row in old:
            if row["origin"] == self.origin and row["file"] not in files:
                (self.folder / row["file"]).unlink(missing_ok=True)
        rows = [row for row in old if row["origin"] != self.origin and row["file"] not in files] + self.rows
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, delimiter="\t", lineterminator="\n")
            writer.writeheader()
            writer.writerows(sorted(rows, key=lambda row: row["file"]))


def shape(reply):
    """What parsers tell replies apart by: the HTTP status, the JSON members and their types, the code of an error."""
    def kind(value):
        if isinstance(value, dict):
            return {name: member if name == "error" else kind(member) for name, member in value.items()}
        return [kind(member) for member in value] if isinstance(value, list) else type(value).__name__

    head, body = reply.split("\n\n", 1)
    return head.split()[1], kind(json.loads(body)) if "application/json" in head else None


def number(version):
    """The release as numbers, in their order."""
    return [int(part) for part in version.split(".")]


class News:
    """Stands in for a Recorder of an older release, and keeps what is new for whoever reads from the newest on: replies
    whose shape no newer release has that was recorded. They are called `name`-VERSION.http."""

    def __init__(self, recorder):
        self.recorder, self.server = recorder, recorder.server

    def keep(self, name, status, server, path, token=None, **request):
        """As a Recorder does. status: of the current release; OTHER_OUTCOMES knows where another one is right."""
        reply = self.recorder.ask(server, path, token, **request)
        if shape(reply) not in [shape(newer) for newer in self._of_newer_releases(name)]:
            status = OTHER_OUTCOMES.get(name, status)
            self.recorder.write(f"{name}-{self.recorder.version}", status, reply)

    def _of_newer_releases(self, name):
        for path in self.recorder.folder.glob(f"{name}*.http"):
            version = re.fullmatch(r"-(\d+\.\d+\.\d+)|", path.stem.removeprefix(name))
            if version and (not version[1] or number(version[1]) > number(self.recorder.version)):
                yield path.read_text(encoding="utf-8")


class Authenticator(http.server.BaseHTTPRequestHandler):
    """What an EXTERNAL server asks about a Pro key: ZENPROKEY_ok is a service account, ZENPROKEY_500 an outage."""

    def do_GET(self):
        """Answer the server's question about a key, and its calls at start."""
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        account = {"id": UNKNOWN_ID, "username": "pro-bot", "name": "Pro Bot", "is_service_account": True}
        own_call = self.path.startswith(("/auth/login", "/workspace_status"))
        credential = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if own_call:
            self._answer(200, {"access_token": "own", "token_type": "bearer", "expires_in": 3600})
        elif credential == "ZENPROKEY_ok":
            self._answer(200, account)
        else:
            self._answer(500 if credential == "ZENPROKEY_500" else 401, {"detail": "no"})

    do_POST = do_PATCH = do_GET

    def _answer(self, status, body):
        body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments):
        """Say nothing."""


@contextlib.contextmanager
def authenticator():
    """Run an Authenticator; yields its URL."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Authenticator) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def record_good_replies(recorder, server, account):
    """The replies of one successful login."""
    token = account.access_token()
    recorder.keep("info-ok", "ok", server, INFO)
    recorder.keep("login-ok", "ok", server, LOGIN, form={"password": account.key})
    recorder.keep("current-user-service-account", "ok", server, CURRENT_USER, token)
    recorder.keep("current-user-person", "ok", server, CURRENT_USER, account.admin.token)
    recorder.keep("api-token-ok", "ok", server, API_TOKEN, token)
    recorder.keep("project-ok", "ok", server, PROJECT, token)


def record_refused_logins(recorder, server):
    """Every reason for which a key is refused."""
    def keep(name, key, status="rejected"):
        recorder.keep(f"login-{name}", status, server, LOGIN, form={"password": key})

    account = Account(Admin.of(server), "refused")
    keep("malformed-key", "garbage")
    keep("unknown-key", encode_key(UNKNOWN_ID, WRONG_SECRET))
    keep("wrong-secret", encode_key(account.key_id, WRONG_SECRET))
    account.set_key_active(False)
    keep("inactive-key", account.key)
    account.set_key_active(True)
    account.set_active(False)
    keep("inactive-account", account.key)
    keep("pro-key-on-own-server", "ZENPROKEY_x", "server-error")


def record_odd_logins(recorder, server):
    """Requests that zenml-login does not make, for the shape of their replies."""
    form_file = {"Content-Type": "multipart/form-data; boundary=x"}
    device = {"grant_type": DEVICE_GRANT, "client_id": UNKNOWN_ID, "device_code": "x"}
    recorder.keep("login-empty-form", "bad-reply", server, LOGIN, form="")
    recorder.keep("login-unknown-grant", "bad-reply", server, LOGIN, form={"grant_type": "x"})
    recorder.keep("login-oauth-error", "bad-reply", server, LOGIN, form=device)
    recorder.keep("login-multipart", "forbidden", server, LOGIN, form="--x--", headers=form_file)
    recorder.keep("login-double-slash", "not-zenml", server, "/" + LOGIN, form={"password": "x"})
    recorder.keep("login-not-found", "not-zenml", server, LOGIN)


def record_refused_tokens(recorder, server):
    """Every reason for which a token is refused."""
    def keep(name, token):
        recorder.keep(f"current-user-{name}", "rejected", server, CURRENT_USER, token)

    account = Account(Admin.of(server), "bearer")
    token = account.access_token()
    keep("no-credential", None)
    keep("bad-token", "garbage")
    keep("expired-token", mint_token(server.url, token, -3600))
    account.set_key_active(False)
    keep("inactive-key", token)
    account.set_key_active(True)
    account.set_active(False)
    keep("inactive-account", token)
    account.set_active(True)
    account.rotate_key(0)
    account.rotate_key(0)
    keep("rotated-key", token)
    account.delete_key()
    keep("deleted-key", token)
    account.delete()
    keep("deleted-account", token)


def record_our_mistakes(recorder, server, account):
    """Requests that the server refuses because of what we asked for."""
    token = account.access_token()
    recorder.keep("api-token-above-maximum", "config", server, API_TOKEN.replace("600", "604801"), token)
    recorder.keep("api-token-invalid-number", "config", server, API_TOKEN.replace("600", "soon"), token)
    recorder.keep("api-token-direct-key", "rejected", server, API_TOKEN, account.key)
    recorder.keep("project-unknown", "config", server, "/api/v1/projects/nowhere", token)
    recorder.keep("current-user-double-slash", "not-zenml", server, "/" + CURRENT_USER, token)
    recorder.keep("info-dashboard", "not-zenml", server, "/elsewhere" + INFO)


def record_settings(recorder):
    """Replies that a server gives under other settings only."""
    with recorder.server(JWT_TOKEN_EXPIRE_MINUTES="") as server:
        account = Account(Admin.of(server), "ci-bot")
        recorder.keep("login-no-expiry", "ok", server, LOGIN, form={"password": account.key})
    with recorder.server(MAX_REQUEST_BODY_SIZE_IN_BYTES="20") as server:
        recorder.keep("login-too-large", "bad-reply", server, LOGIN, form={"password": "x" * 40})
    with recorder.server(AUTO_ACTIVATE="") as server:
        recorder.keep("info-not-activated", "ok", server, INFO)
    for name, limits in (("minute", {"LOGIN_RATE_LIMIT_MINUTE": "1"}), ("day", {"LOGIN_RATE_LIMIT_DAY": "1"})):
        with recorder.server(RATE_LIMIT_ENABLED="true", **limits) as server:
            with contextlib.suppress(AdminError):
                log_in_with_key(server.url, "garbage")
            recorder.keep(f"login-{name}-limit", "rate-limited", server, LOGIN, form={"password": "garbage"})


def record_schemes(recorder):
    """Servers that do not look at bearer tokens."""
    for name, scheme, status in (("no-auth", "NO_AUTH", "ok"), ("http-basic", "HTTP_BASIC", "rejected")):
        with recorder.server(AUTH_SCHEME=scheme) as server:
            token = Admin.of(server).token
            recorder.keep(f"info-{name}", "ok", server, INFO)
            recorder.keep(f"current-user-{name}", status, server, CURRENT_USER, token)
            recorder.keep(f"api-token-{name}", "rejected", server, API_TOKEN, token)


def external_settings(url):
    """Settings of a server that lets the authenticator at `url` decide, as a workspace of ZenML Pro does."""
    return {"AUTH_SCHEME": "EXTERNAL", "EXTERNAL_LOGIN_URL": url + "/api/auth/login", "EXTERNAL_SERVER_ID": UNKNOWN_ID,
            "EXTERNAL_USER_INFO_URL": url + "/users/authorize_server", "EXTERNAL_COOKIE_NAME": "cookie"}


def record_external(recorder):
    """A workspace that lets an authenticator decide."""
    with authenticator() as url:
        with recorder.server(**external_settings(url)) as server:
            recorder.keep("info-external", "ok", server, INFO)
            recorder.keep("device-authorization-external", "sso-required", server, DEVICE_AUTHORIZATION,
                          form={"client_id": UNKNOWN_ID})
            recorder.keep("login-sso", "sso-required", server, LOGIN, form="")
            recorder.keep("login-pro", "ok", server, LOGIN, form={"password": "ZENPROKEY_ok"})
            token = log_in_with_key(server.url, "ZENPROKEY_ok")
            recorder.keep("current-user-pro", "ok", server, CURRENT_USER, token)
            for name in ("refused", "500"):
                recorder.keep(f"login-pro-{name}", "rejected", server, LOGIN, form={"password": f"ZENPROKEY_{name}"})
        pro = {"DEPLOYMENT_TYPE": "cloud", "PRO_API_URL": url, "PRO_DASHBOARD_URL": url, "SERVER_URL": url,
               "PRO_OAUTH2_CLIENT_SECRET": "x", "PRO_OAUTH2_AUDIENCE": "x", "PRO_ORGANIZATION_ID": UNKNOWN_ID,
               "PRO_ORGANIZATION_NAME": "org", "PRO_WORKSPACE_ID": UNKNOWN_ID, "PRO_WORKSPACE_NAME": "ws"}
        with recorder.server(**pro) as server:
            recorder.keep("info-pro", "ok", server, INFO)


class Device:
    """A login in a browser, of a client of its own."""

    def __init__(self, recorder, server):
        self.recorder, self.server = recorder, server
        client = str(uuid.uuid4())
        granted = call(server.url + DEVICE_AUTHORIZATION, "POST", form={"client_id": client})
        self.page = server.url + granted["verification_uri_complete"]
        self.form = {"grant_type": DEVICE_GRANT, "client_id": client, "device_code": granted["device_code"]}

    def keep(self, name, status, **changes):
        """Poll, with these changes of the form, and keep the reply."""
        self.recorder.keep(f"device-poll-{name}", status, self.server, LOGIN, form=self.form | changes)

    def finish(self, approver):
        """Approve; the path of the device, and its token."""
        path = f"/api/v1/devices/{approve(self.page, approver.token)}"
        return path, call(self.server.url + LOGIN, "POST", form=self.form)["access_token"]


def record_polls(recorder, server):
    """What becomes of a login in a browser."""
    admin = Admin.of(server)
    device = Device(recorder, server)
    device.keep("pending", "ok")
    device.keep("unknown-client", "rejected", client_id=str(uuid.uuid4()))
    device.keep("no-client", "bad-reply", client_id="")
    approve(device.page, admin.token)
    device.keep("wrong-code", "rejected", device_code=WRONG_SECRET)
    device.keep("approved", "ok")
    device.keep("handed-out", "timeout")
    device = Device(recorder, server)
    for _ in range(3):
        with contextlib.suppress(AdminError):
            approve(device.page, admin.token, user_code=WRONG_SECRET)
    device.keep("locked", "rejected")
    device = Device(recorder, server)
    admin.request("DELETE", f"devices/{approve(device.page, admin.token)}")
    device.keep("deleted", "rejected")


def keep_authorization(recorder, name, status, server, client_id=UNKNOWN_ID):
    """Ask for a login in a browser, and keep the reply."""
    recorder.keep(f"device-authorization-{name}", status, server, DEVICE_AUTHORIZATION, form={"client_id": client_id})


def record_device_flow(recorder, server):
    """Logins in a browser, until their end."""
    keep_authorization(recorder, "ok", "ok", server)
    keep_authorization(recorder, "no-uuid", "config", server, client_id="x")
    record_polls(recorder, server)


def record_devices(recorder):
    """Logins in a browser, and where servers send the person."""
    with recorder.server() as server:
        record_device_flow(recorder, server)
    with recorder.server(SERVER_URL="https://zen.example.test/zenml/") as server:
        keep_authorization(recorder, "server-url", "ok", server)
    with recorder.server(DASHBOARD_URL="https://dash.example.test/base/") as server:
        recorder.keep("info-dashboard-url", "ok", server, INFO)
        keep_authorization(recorder, "dashboard", "bad-reply", server)  # where it is not known to be the server's


def record_device_ends(recorder, server):
    """What becomes of a device, and of its token."""
    path, token = Device(recorder, server).finish(Admin.of(server))
    unknown = f"/api/v1/devices/{UNKNOWN_ID}"
    recorder.keep("device-delete-unknown", "ok", server, unknown, token, method="DELETE")
    recorder.keep("device-delete-ok", "ok", server, path, token, method="DELETE")
    recorder.keep("device-delete-ended", "rejected", server, path, token, method="DELETE")
    recorder.keep("current-user-ended-device", "rejected", server, CURRENT_USER, token)


def record_late_approval(recorder):
    """Somebody approves, and nobody asks in time."""
    with recorder.server(DEVICE_AUTH_TIMEOUT="3") as server:
        admin = Admin.of(server)
        device = Device(recorder, server)
        approve(device.page, admin.token)
        time.sleep(4)
        device.keep("too-late", "timeout")


def record_external_grant(recorder, server):
    """The older way to log in with a key of ZenML Pro."""
    for name, key, status in (("external", "ok", "ok"), ("external-refused", "refused", "rejected")):
        recorder.keep(f"login-{name}", status, server, LOGIN, f"ZENPROKEY_{key}",
                      form={"grant_type": "zenml-external"})


def record_endings(recorder):
    """What a login in a browser comes to, and the older way to log in at a workspace."""
    with recorder.server() as server:
        record_device_ends(recorder, server)
    record_late_approval(recorder)
    with authenticator() as url, recorder.server(**external_settings(url)) as server:
        record_external_grant(recorder, server)


def record_news(recorder):
    """An older release: what is new in logins in a browser and of ZenML Pro."""
    news = News(recorder)
    with news.server() as server:
        record_device_flow(news, server)
        _, token = Device(news, server).finish(Admin.of(server))
        news.keep("current-user-person", "ok", server, CURRENT_USER, token)
    with authenticator() as url, news.server(**external_settings(url)) as server:
        news.keep("info-external", "ok", server, INFO)
        keep_authorization(news, "external", "sso-required", server)
        news.keep("login-sso", "sso-required", server, LOGIN, form="")
        news.keep("login-pro", "ok", server, LOGIN, form={"password": "ZENPROKEY_ok"})
    record_endings(news)


def record_current(recorder):
    """Everything that the release under test answers."""
    with recorder.server() as server:
        account = Account(Admin.of(server), "ci-bot")
        record_good_replies(recorder, server, account)
        record_refused_logins(recorder, server)
        record_odd_logins(recorder, server)
        record_refused_tokens(recorder, server)
        record_our_mistakes(recorder, server, account)
    record_settings(recorder)
    record_schemes(recorder)
    record_external(recorder)
    record_devices(recorder)
    record_endings(recorder)


def give_role(admin, name, account_id):
    """0.47.0: let an account do what this role may."""
    roles = admin.request("GET", f"roles?name={name}")["items"]
    admin.request("POST", "role_assignments", {"role": roles[0]["id"], "user": account_id})


def record_oldest(recorder):
    """0.47.0: nobody may do anything without a role, and an account is a flat object."""
    with recorder.server() as server:
        account = Account(Admin.of(server), "ci-bot")
        recorder.keep("info-0.47.0", "ok", server, INFO)
        recorder.keep("login-0.47.0", "ok", server, LOGIN, form={"password": account.key})
        recorder.keep("login-malformed-key-0.47.0", "rejected", server, LOGIN, form={"password": "garbage"})
        recorder.keep("login-empty-form-0.47.0", "bad-reply", server, LOGIN, form="")
        recorder.keep("current-user-no-role-0.47.0", "forbidden", server, CURRENT_USER, account.access_token())
        recorder.keep("current-user-bad-token-0.47.0", "rejected", server, CURRENT_USER, "garbage")
        give_role(account.admin, "admin", account.id)
        token = account.access_token()
        recorder.keep("current-user-flat-0.47.0", "ok", server, CURRENT_USER, token)
        recorder.keep("api-token-0.47.0", "bad-reply", server, API_TOKEN, token)
        recorder.keep("project-none-0.47.0", "config", server, PROJECT, token)
        guest = {"name": "guest", "password": WRONG_SECRET, "active": True}
        give_role(account.admin, "guest", account.admin.request("POST", "users", guest)["id"])
        path, token = Device(recorder, server).finish(Admin(server.url, guest["name"], guest["password"]))
        recorder.keep("device-delete-forbidden-0.47.0", "forbidden", server, path, token, method="DELETE")
    record_news(recorder)


def record_older(recorder):
    """The replies of this release that have another shape than those of the next one in the table."""
    with recorder.server() as server:
        token = Account(Admin.of(server), "ci-bot").access_token()
        for name, status, path, bearer in OLDER[recorder.version]:
            recorder.keep(f"{name}-{recorder.version}", status, server, path, token if bearer is None else bearer)
    record_news(recorder)


OLDER = {
    "0.55.5": [
        ("info", "ok", INFO, None),
        ("current-user", "ok", CURRENT_USER, None),
        ("api-token-too-long", "bad-reply", API_TOKEN, None),  # lives for the hour of the access token
    ],
    "0.68.1": [
        ("info", "ok", INFO, None),
        ("current-user", "ok", CURRENT_USER, None),
        ("current-user-bad-token", "rejected", CURRENT_USER, "garbage"),
        ("api-token", "ok", API_TOKEN, None),
        ("api-token-no-expiry", "bad-reply", API_TOKEN.replace("expires_minutes", "unknown"), None),
    ],
    "0.75.0": [
        ("info", "ok", INFO, None),
        ("api-token", "ok", API_TOKEN, None),  # no api_key_id: it outlives the key
        ("project-none", "config", PROJECT, None),
    ],
    "0.84.3": [
        ("current-user", "ok", CURRENT_USER, None),
        ("project", "ok", PROJECT, None),
    ],
}
# Where an older release ends otherwise than the current one when its reply has another shape.
OTHER_OUTCOMES = {
    "device-authorization-external": "ok",  # until 0.68 workspaces have logins in a browser
    "login-pro": "rejected",  # until 0.90 keys of ZenML Pro are not known,
    "login-external": "rejected",  # and until 0.75 service accounts of it
}
RECORDINGS = {"0.98.0": record_current, "0.47.0": record_oldest} | dict.fromkeys(OLDER, record_older)


def main():
    """Command line: see the top of this file."""
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    for argument in sys.argv[2:]:
        version, venv = argument.split("=", 1)
        recorder = Recorder(sys.argv[1], version, venv)
        RECORDINGS.get(version, record_news)(recorder)
        recorder.write_index()


if __name__ == "__main__":
    main()
