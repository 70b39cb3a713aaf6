"""Replies that are broken, hostile or simply not a login: one row each.

Every row says the exit code, the exact requests, and the words of the one-line message. That no credential shows up
anywhere is checked in every row by `run`."""

from __future__ import annotations

import json

import pytest
from fault import Fault, check, rows
from outcome import INFO, LOGIN, TOKEN, USER, check_result, error_lines, login

import zenml_replies as replies
from tls_server import Reply

# A new token that proves nothing may be the fault of the server's authentication scheme, so that is asked for.
ASKED_WHY = [LOGIN, USER, INFO]
LOGGED_IN = replies.login(replies.make_token(3600))
DAY = 86400


def on_login(name: str, reply, code: int, message: str = "", *, tries: int = 1, **row) -> Fault:
    """A row where the reply to the login is at fault."""
    return Fault(name, {LOGIN: reply}, code, row.pop("requests", [LOGIN] * tries), message, **row)


def on_user(name: str, reply, code: int, message: str = "", **row) -> Fault:
    """A row where the login succeeds and the reply to current-user is at fault."""
    return Fault(name, {USER: reply}, code, row.pop("requests", [LOGIN, USER]), message, **row)


def on_token(name: str, reply, code: int, message: str = "", *, expires_in: str = "1h", **row) -> Fault:
    """A row where all is well until an API token is asked for."""
    command = ("env", "--format", "json", "--expires-in", expires_in)
    return Fault(f"API token {name}", {TOKEN: reply}, code, [LOGIN, USER, TOKEN], message, command=command, **row)


def text(body: str | bytes) -> Reply:
    """A 200 with this text as JSON."""
    return Reply(body=body)


def user_text(old: str, new: str) -> Reply:
    """A current-user reply with one piece of its JSON text replaced."""
    good = json.dumps(replies.current_user())
    assert old in good
    return text(good.replace(old, new, 1))


NO_LOGIN = [
    on_login("200 with HTML", replies.dashboard(), 12, "not .*ZenML", fix="URL"),
    on_login("200 with authorization_url", Reply(json={"authorization_url": "https://sso.example.com/x"}), 12,
             "browser|SSO"),
    on_login("200 with an empty token", Reply(json=LOGGED_IN | {"access_token": ""}), 11, "no access token"),
    on_login("200 without a token", Reply(json={"token_type": "bearer"}), 11, "no access token"),
    on_login("200 with token null", Reply(json=LOGGED_IN | {"access_token": None}), 11, "no access token"),
    on_login("200 with a number as token", Reply(json=LOGGED_IN | {"access_token": 7}), 11, "no access token"),
    on_login("200 with a blank in the token", Reply(json=LOGGED_IN | {"access_token": "a b"}), 11, "token"),
    on_login("200 with a line break in the token", Reply(json=LOGGED_IN | {"access_token": "a\r\nX-Evil: 1"}), 11,
             "token"),
    on_login("200 with a token of 20 kB", Reply(json=LOGGED_IN | {"access_token": "x" * 20000}), 11, "token"),
    on_login("200 with token_type mac", Reply(json=LOGGED_IN | {"token_type": "mac"}), 11, "bearer"),
    on_login("200 without token_type", Reply(json={"access_token": LOGGED_IN["access_token"]}), 11, "bearer"),
    on_login("200 with an array", Reply(json=[LOGGED_IN]), 11, "token|object"),
    on_login("200 with a string", Reply(json="bearer"), 11, "token|object"),
    on_login("200 without a body", text(""), 11, "JSON"),
    on_login("204", Reply(204), 11, "JSON"),
    on_login("422 with an array", Reply(422, json=["ValueError", "1 validation error"]), 2, "1 validation error"),
    on_login("422 as FastAPI has it", Reply(422, json={"detail": [{"msg": "field required"}]}), 2, "field required"),
    on_login("400", Reply(400, json={"detail": "Invalid request: username is required."}), 11, "HTTP 400"),
    on_login("401", replies.error(401, "CredentialsNotValid", "Authentication error: error decoding API key"), 5,
             "rejected.*error decoding API key"),
    on_login("401 with a string", Reply(401, json={"detail": "Not authenticated"}), 5, "rejected"),
    on_login("401 without JSON", Reply(401, body="<h1>no</h1>", content_type="text/html"), 5, "rejected"),
    on_login("403", Reply(403, json={"detail": "File uploads are not allowed on this endpoint."}), 6, "forbid"),
    on_login("404", Reply(404, json={"detail": "Not Found"}), 12, "not the API of a ZenML server", fix="URL"),
    on_login("405", Reply(405, json={"detail": "Method Not Allowed"}), 12, "not the API of a ZenML server"),
    on_login("413 without a body", Reply(413), 11, "HTTP 413"),
]

RETRIES = [
    on_login("429 without Retry-After", Reply(429, json={"detail": "Minute request limit exceeded."}), 10,
             "Minute request limit exceeded", fix="60 seconds without any attempt"),
    on_login("429 of a busy server", Reply(429, json={"error": "Server too busy. Please try again later."}), 10,
             "too busy"),
    on_login("429 with Retry-After", [Reply(429, headers={"Retry-After": "1"}), Reply(json=LOGGED_IN)], 0,
             requests=[LOGIN, LOGIN, USER]),
    on_login("429 with Retry-After, three times", Reply(429, headers={"Retry-After": "1"}), 10, "HTTP 429", tries=3),
    on_login("429 with Retry-After beyond the deadline", Reply(429, headers={"Retry-After": "3600"}), 10, "HTTP 429"),
    on_login("429 with Retry-After as a late date",
             Reply(429, headers={"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}), 10, "HTTP 429"),
    on_login("429 with an absurd Retry-After", Reply(429, headers={"Retry-After": "9" * 30}), 10, "HTTP 429"),
    on_login("500", Reply(500, json={"detail": "An unexpected error occurred."}), 11, "unexpected error"),
    on_login("500 of an old server for a Pro key", Reply(500, json={"detail": ["RuntimeError", ""]}), 11, "HTTP 500"),
    on_login("501", Reply(501), 11, "HTTP 501"),
    *(on_login(str(status), Reply(status, body="<h1>gateway</h1>", content_type="text/html"), 11, f"HTTP {status}",
               tries=3) for status in (408, 425, 502, 503, 504)),
    on_login("503 once", [Reply(503), Reply(json=LOGGED_IN)], 0, requests=[LOGIN, LOGIN, USER]),
    on_user("503 once at current-user", [Reply(503), Reply(json=replies.current_user())], 0,
            requests=[LOGIN, USER, USER]),
    on_user("401 at current-user", replies.error(401, "CredentialsNotValid", "account ci-bot is not active"), 5,
            "rejected.*not active", requests=ASKED_WHY),
]

BROKEN = [
    on_login("truncated body", Reply(json=LOGGED_IN, cut=40), 11, "incomplete|truncated"),
    on_login("endless body", Reply(body="{", endless=True), 11, "too large"),
    on_login("body over 256 KiB", text(json.dumps(LOGGED_IN) + " " * (256 * 1024)), 11, "too large"),
    on_login("body over 256 KiB of an error", Reply(401, json={"detail": "x" * (256 * 1024)}), 11, "too large"),
    on_login("gzip body", Reply(json=LOGGED_IN, gzip=True), 11, "compressed|JSON"),
    on_login("header of 1 MB", Reply(json=LOGGED_IN, header_filler=1 << 20), 11, "too large"),
    on_login("header of 65 KiB", Reply(json=LOGGED_IN, header_filler=65 << 10), 11, "too large"),
    on_login("no HTTP", Reply(raw="SSH-2.0-OpenSSH_9.2\r\n"), 11, "unusable|HTTP/0.9"),
    on_login("connection closed instead of a reply", Reply(raw=""), 8, "closed|broke"),
    on_login("slow headers", Reply(json=LOGGED_IN, header_pause=0.4), 8, "in time", timeout=2),
    on_login("no reply at all", Reply(json=LOGGED_IN, delay=60), 8, "in time", timeout=2),
    on_user("no reply to current-user", Reply(json=replies.current_user(), delay=60), 8, "in time", timeout=2),
]

JSON = [
    on_login("duplicate keys", text('{"access_token":"good","token_type":"bearer","access_token":"bad"}'), 11,
             "JSON"),
    on_login("trailing bytes", text(json.dumps(LOGGED_IN) + "x"), 11, "JSON"),
    on_login("a second document", text(json.dumps(LOGGED_IN) * 2), 11, "JSON"),
    on_login("a NUL byte at the end", text(json.dumps(LOGGED_IN) + "\0"), 11, "JSON"),
    on_login("key in another case", text('{"Access_Token":"good","token_type":"bearer"}'), 11, "no access token"),
    on_login("invalid UTF-8", text(b'{"access_token":"good","token_type":"bearer","x":"\xff\xfe"}'), 11, "JSON"),
    on_login("overlong UTF-8", text(b'{"access_token":"good","token_type":"bearer","x":"\xc0\xaf"}'), 11, "JSON"),
    on_login("deep nesting", text('{"x":' * 5000 + "1" + "}" * 5000), 11, "JSON"),
    on_login("nesting of 17", text('{"access_token":"good","token_type":"bearer","x":' + "[" * 16 + "]" * 16 + "}"),
             11, "JSON"),
    on_login("raw control byte", text('{"access_token":"good","token_type":"bearer","x":"a\x01b"}'), 11, "JSON"),
    on_login("infinity", text('{"access_token":"good","token_type":"bearer","expires_in":1e999}'), 11, "JSON"),
    on_login("byte-order mark", text("\ufeff" + json.dumps(LOGGED_IN)), 11, "JSON"),
    on_login("Latin-1 type", Reply(json=LOGGED_IN, content_type="text/plain"), 12, "JSON"),
]

IDENTITY = [
    on_user("NUL in the name", user_text('"ci-bot"', '"ci\\u0000bot"'), 11, "JSON"),
    on_user("raw line break in the name", user_text('"ci-bot"', '"ci\nbot"'), 11, "JSON"),
    on_user("escaped line break in the name", user_text('"ci-bot"', '"ci\\nbot"'), 11, "whose"),
    on_user("ESC in the name", user_text('"ci-bot"', '"ci\\u001b[31mbot"'), 11, "whose"),
    on_user("C1 control in the name", user_text('"ci-bot"', '"ci\\u009bbot"'), 11, "whose"),
    on_user("half a surrogate pair in the name", user_text('"ci-bot"', '"ci\\ud800bot"'), 11),
    on_user("name of 256 bytes", user_text("ci-bot", "x" * 256), 11, "whose"),
    on_user("name of 255 bytes", user_text("ci-bot", "x" * 255), 0),
    on_user("empty name", user_text("ci-bot", ""), 11, "whose"),
    on_user("id that is no UUID", user_text(replies.ACCOUNT_ID, "42"), 11, "whose"),
    on_user("permission denied", Reply(json=replies.current_user(permission_denied=True)), 6, "may not",
            requests=ASKED_WHY),
    on_user("permission denied without a body", Reply(json=replies.current_user(permission_denied=True)
                                                      | {"body": None}), 6, "may not", requests=ASKED_WHY),
    on_user("inactive", Reply(json=replies.current_user(active=False)), 6, "not active", requests=ASKED_WHY),
    on_user("active as a string", Reply(json=replies.current_user(active="true")), 11, "whether the account is active"),
    on_user("a person's account", Reply(json=replies.current_user(is_service_account=False)), 6,
            "not a service account", requests=ASKED_WHY),
    on_user("does not say what it is", user_text('"is_service_account": true, ', ""), 11, "what kind"),
    on_user("HTML", replies.dashboard(), 12, "not .*ZenML"),
    on_user("array", Reply(json=[replies.current_user()]), 11, "whose"),
    on_user("flat, as of release 0.47", Reply(json={"id": replies.ACCOUNT_ID, "name": "ci-bot", "active": True,
                                                    "is_service_account": True, "teams": None, "roles": None}), 0),
    on_user("without metadata", Reply(json=replies.current_user() | {"metadata": None}), 0),
]

HOSTILE = {
    "escape sequence": "\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    "GitHub command": "::error::owned",
    "GitHub command on a line of its own": "x\n::set-output name=a::b",
    "GitHub command after a carriage return": "x\r::add-mask::e",
    "GitHub command, split by what is removed": ":\u200b:stop-commands::x",
    "old GitHub command": "##[error]owned",
    "Azure command": "##vso[task.setvariable variable=PATH]/tmp",
    "many lines": "\n".join(f"line {number}" for number in range(1000)),
    "line separators of Unicode": "x\u2028zenml-login: fix: run this\u2029y\x85z",
    "right-to-left override": "user \u202egnp.exe\u2066",
    "not ASCII": "Schlüssel ungültig \U0001f511",
    "format directives": "%s%n%1000000d{0}${HOME}$(id)`id`",
    "other control characters": "a\tb\x01c\x08d\x7fe",
    "very long": "A" * 100000,
}

TOKENS = [
    on_token("without an expiry", lambda _: Reply(json=replies.make_token(None)), 11, "never expires"),
    on_token("that lives longer", lambda _: Reply(json=replies.make_token(DAY)), 11, "longer than asked"),
    on_token("that has expired", lambda _: Reply(json=replies.make_token(-60)), 11, "expired"),
    on_token("with an expiry that is no number", lambda _: Reply(json=replies.make_token(60, exp="9")), 11,
             "no API token"),
    on_token("that is no JWT", Reply(json="just-a-word"), 11, "no API token"),
    on_token("that is empty", Reply(json=""), 11, "no API token"),
    on_token("in an object", lambda _: Reply(json={"access_token": replies.make_token(60)}), 11, "no API token"),
    on_token("as HTML", replies.dashboard(), 12, "not .*ZenML"),
    on_token("refused", replies.error(401, "AuthorizationException", "Not authenticated."), 5, "rejected"),
    on_token("of a lifetime over the maximum", replies.Zenml().answer, 2, "604800", fix="--expires-in 604800",
             expires_in="30d"),
]


@pytest.mark.parametrize(**rows([*NO_LOGIN, *RETRIES, *BROKEN, *JSON, *IDENTITY, *TOKENS]))
def test_reply(fault, start_server, api_key, binary):
    server = start_server(fault.script)
    result = login(server, {"ZENML_STORE_API_KEY": api_key}, *fault.command, timeout=fault.timeout)
    check(fault, server, result)


@pytest.mark.parametrize("detail", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("status, code", ((401, 5), (500, 11)))
def test_text_of_the_server_stays_text(detail, status, code, start_server, api_key, binary):
    server = start_server({LOGIN: Reply(status, json={"detail": ["ValueError", detail]})})
    result = login(server, {"ZENML_STORE_API_KEY": api_key})
    check_result(result, code)
    cause, _ = error_lines(result.err)
    assert len(cause) <= 300


@pytest.mark.parametrize("hostile", ("::error::x", "##vso[x]", "\x1b[31m", "a\tb"), ids=repr)
def test_hostile_address_of_a_redirect(hostile, start_server, api_key, binary):
    location = "https://" + hostile
    server = start_server({LOGIN: Reply(302, headers={"Location": location})})
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key}), 12, "redirect")


def echo(shape):
    """A 401 whose detail tells back the key, as `shape` makes it."""
    return lambda request: replies.error(401, "ValueError", shape(request.form["password"]))


@pytest.mark.parametrize("shape", (
    lambda key: f"no such key: {key}",
    lambda key: key,
    lambda key: "x" * 150 + key,
    lambda key: key.removeprefix("ZENKEY_"),
    lambda key: f"password={key.replace('=', '%3D')}",
    lambda key: key[:100],
    lambda key: key[60:],
), ids=("in a sentence", "alone", "clipped", "without the prefix", "URL-encoded", "first part", "last part"))
@pytest.mark.parametrize("command", (("whoami",), ("whoami", "--json"), ("whoami", "-v")), ids=" ".join)
def test_key_echoed_by_the_server(shape, command, start_server, api_key, binary):
    server = start_server({LOGIN: echo(shape)})
    result = login(server, {"ZENML_STORE_API_KEY": api_key}, *command)
    assert result.code == 5
    assert [str(request) for request in server.requests].count(LOGIN) == 1


def test_key_echoed_in_the_address_of_a_redirect(start_server, api_key, binary):
    def tell_back(request):
        return Reply(302, headers={"Location": "https://127.0.0.1/?" + request.body.decode()})

    server = start_server({LOGIN: tell_back})
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key}), 12, "redirect")


def test_token_echoed_by_the_server(start_server, api_key, binary):
    def tell_back(request):
        return replies.error(401, "CredentialsNotValid", "bad: " + request.headers["authorization"])

    server = start_server({USER: tell_back})
    assert login(server, {"ZENML_STORE_API_KEY": api_key}).code == 5


def test_key_echoed_as_the_name_of_the_account(start_server, api_key, binary):
    def tell_back(request):
        return Reply(json=replies.current_user(name=api_key))

    server = start_server({USER: tell_back})
    result = login(server, {"ZENML_STORE_API_KEY": api_key})
    assert result.code in (0, 11)


def test_server_without_authentication_refuses_a_token(start_server, api_token, binary):
    server = start_server({INFO: Reply(json=replies.info(auth_scheme="NO_AUTH"))})
    fault = Fault("", {}, 12, [INFO], "proves nobody|does not check|not safe")
    check(fault, server, login(server, {"ZENML_STORE_API_TOKEN": api_token}))


@pytest.mark.parametrize("scheme", ("HTTP_BASIC", "", None, 7, "oauth2_password_bearer"))
def test_unknown_authentication_refuses_a_token(scheme, start_server, api_token, binary):
    server = start_server({INFO: Reply(json=replies.info(auth_scheme=scheme))})
    check(Fault("", {}, 12, [INFO]), server, login(server, {"ZENML_STORE_API_TOKEN": api_token}))


def test_server_without_authentication_refuses_a_key(start_server, api_key, binary):
    server = start_server(healthy=replies.Zenml(auth_scheme="NO_AUTH"))
    fault = Fault("", {}, 12, ASKED_WHY, "proves nobody|does not check|not safe")
    check(fault, server, login(server, {"ZENML_STORE_API_KEY": api_key}))


@pytest.mark.parametrize("options", ({}, {"tls": None}), ids=("to https", "to http"))
@pytest.mark.parametrize("status", (301, 302, 303, 307, 308))
def test_redirects_are_not_followed(status, options, start_server, api_key, binary):
    other = start_server(**options)
    location = other.url_for("localhost") + "/api/v1/login"
    server = start_server({LOGIN: Reply(status, headers={"Location": location})})
    fault = Fault("", {}, 12, [LOGIN], "redirect.*localhost", fix="server URL")
    check(fault, server, login(server, {"ZENML_STORE_API_KEY": api_key}))
    assert other.connections == 0


def test_redirect_to_the_same_server_is_not_followed(start_server, api_key, binary):
    server = start_server({USER: Reply(307, headers={"Location": "/api/v1/users/me"})})
    check(Fault("", {}, 12, [LOGIN, USER], "redirect"), server, login(server, {"ZENML_STORE_API_KEY": api_key}))
