"""`zenml-login whoami`: what it prints about an account, for people and for programs."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import jsonschema
import pytest
from keys import key_id, make_key
from outcome import INFO, LOGIN, USER, check_result, error_lines, login
from surroundings import in_shell

import canary
from oracles.github import Log, command
from tls_server import Reply
from zenml_replies import ACCOUNT_ID, ACCOUNT_NAME, SERVER_ID, VERSION, Zenml, current_user, info, make_token

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schema" / "whoami.schema.json").read_text())
KEY, TOKEN = "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN"
DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def read(text: str) -> dict:
    """One line with one JSON object that fits the schema."""
    assert text.endswith("}\n") and text.count("\n") == 1
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    told = json.loads(text)
    jsonschema.validate(told, SCHEMA, jsonschema.Draft202012Validator)
    return told


def lines_of(text: str) -> dict[str, str]:
    """The `name: value` lines; no name twice."""
    pairs = [line.split(": ", 1) for line in text.splitlines()]
    assert len(dict(pairs)) == len(pairs)
    return dict(pairs)


# Success

def test_text_for_a_key(server, api_key, binary):
    result = login(server, {KEY: api_key})
    check_result(result, 0)
    assert lines_of(result.out) == {
        "server": server.url, "account": ACCOUNT_NAME, "account id": ACCOUNT_ID, "kind": "service account",
        "credential": "API key", "key id": key_id(api_key)}


def test_text_for_a_token(server, api_token, binary):
    told = lines_of(login(server, {TOKEN: api_token}).out)
    assert DATE.fullmatch(told.pop("expires"))
    assert told == {
        "server": server.url, "server id": SERVER_ID, "server version": VERSION, "account": ACCOUNT_NAME,
        "account id": ACCOUNT_ID, "kind": "service account", "credential": "API token"}


def test_token_without_expiry(server, binary):
    token = make_token(None)
    assert lines_of(login(server, {TOKEN: token}, secrets=[token]).out)["expires"] == "never"
    assert read(login(server, {TOKEN: token}, "whoami", "--json").out)["credential"]["expires_at"] is None


def test_json_for_a_key(server, api_key, binary):
    result = login(server, {KEY: api_key}, "whoami", "--json")
    check_result(result, 0)
    assert read(result.out) == {
        "ok": True, "server": {"url": server.url, "id": SERVER_ID, "version": VERSION},
        "account": {"id": ACCOUNT_ID, "name": ACCOUNT_NAME, "kind": "service_account"},
        "credential": {"kind": "api_key", "key_id": key_id(api_key), "expires_at": None}}


def test_json_for_a_token(server, api_token, binary):
    told = read(login(server, {TOKEN: api_token}, "whoami", "--json").out)
    assert DATE.fullmatch(told["credential"].pop("expires_at"))
    assert told["credential"] == {"kind": "api_token", "key_id": None}


def test_a_person(start_server, api_token, binary):
    """Behind an API token there may be a person; behind an API key there may not."""
    server = start_server({USER: Reply(json=current_user(is_service_account=False))})
    assert lines_of(login(server, {TOKEN: api_token}).out)["kind"] == "user"
    assert read(login(server, {TOKEN: api_token}, "whoami", "--json").out)["account"]["kind"] == "user"


def test_a_person_behind_a_key(start_server, api_key, binary):
    server = start_server({USER: Reply(json=current_user(is_service_account=False))})
    check_result(login(server, {KEY: api_key}), 6, "person.*ci-bot", "service account")


@pytest.mark.parametrize("reply", (Reply(404, json={"detail": "Not Found"}), Reply(json=info(version=""))))
def test_json_for_a_server_that_says_little(reply, start_server, api_key, binary):
    """An old or curtailed /info must not break the login; what is not known is null."""
    result = login(start_server({INFO: reply}), {KEY: api_key}, "whoami", "--json")
    told = read(result.out)
    assert told["ok"] is (result.code == 0)
    if told["ok"]:
        assert told["server"]["version"] is None


# Failure

FAILURES = {
    "rejected": ({LOGIN: Reply(401, json={"detail": ["CredentialsNotValid", "no"]})}, [], 5, 401),
    "forbidden": ({USER: Reply(403, json={"detail": "no"})}, [], 6, 403),
    "identity": ({}, ["--expect-user=other"], 7, None),
    "rate-limited": ({LOGIN: Reply(429, json={"error": "Rate limit exceeded"})}, [], 10, 429),
    "server-error": ({LOGIN: Reply(500)}, [], 11, 500),
    "bad-reply": ({USER: Reply(body="{")}, [], 11, 200),
    "not-zenml": ({"*": Reply(body="<html>", content_type="text/html")}, [], 12, 200),
    "redirect": ({"*": Reply(307, headers={"Location": "https://127.0.0.1:1/"})}, [], 12, 307),
    "tls": ({}, ["--ca-mode=replace", "--pin", "sha256//" + "A" * 43 + "="], 9, None),
}


@pytest.mark.parametrize("status", FAILURES)
def test_json_for_a_failure(status, start_server, api_key, binary):
    """The same on standard output, for programs, as on standard error, for people."""
    script, options, code, http_status = FAILURES[status]
    result = login(start_server(script), {KEY: api_key}, "whoami", "--json", *options)
    cause, fix = error_lines(result.err)
    assert result.code == code
    assert read(result.out) == {"ok": False, "error": {
        "status": status, "exit_code": code, "http_status": http_status, "detail": cause, "next": fix or None}}


@pytest.mark.parametrize("variables, status, code", (
    ({}, "missing", 3), ({KEY: ""}, "missing", 3), ({KEY: "x"}, "malformed", 4), ({f"{KEY}_FILE": "/"}, "config", 2),
))
def test_json_for_a_local_refusal(variables, status, code, server, binary):
    result = login(server, variables, "whoami", "--json")
    error = read(result.out)["error"]
    assert (result.code, error["exit_code"], error["status"], error["http_status"]) == (code, code, status, None)
    assert server.connections == 0


def test_json_for_an_unreachable_server(start_server, api_key, binary):
    server = start_server(on_connect=["stall"])
    result = login(server, {KEY: api_key}, "whoami", "--json", timeout=1)
    error = read(result.out)["error"]
    assert (result.code, error["status"], error["exit_code"]) == (8, "timeout", 8)


# Names that somebody chose to be printed

@pytest.mark.parametrize("name", ("\x1b[31mred", "::error::gotcha", "##[error]gotcha", "##vso[task.setvariable]x",
                                  "two\nlines", "tab\tx", "\x00", "\x7f", "\u009b31m", "\u202eoben", "é日本", " blank ",
                                  "a" * 255, "a" * 256, '"quote\\', "%0A::error::x", "\r::error::x", "a: b"))
def test_hostile_account_name(name, start_server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(b"")
    for arguments in (["whoami"], ["whoami", "--json"], ["whoami", "--expect-user=other"], ["whoami", "-v"],
                      ["env", "--format=github"]):
        server = start_server(healthy=Zenml(api_keys={api_key}, account=current_user(name=name)))
        result = login(server, {KEY: api_key, "GITHUB_ENV": path}, *arguments,
                       secret_in={"stdout", path} if arguments[0] == "env" else {})
        assert result.code in (0, 7, 11), result.err
        for line in [*Log().add(result.out).shown, *result.err.splitlines()]:
            assert not any(unicodedata.category(character) == "Cc" for character in line), ascii(line)
            assert line.isascii() or "--json" in arguments, ascii(line)
            assert command(line) is None and "##" not in line, line
        if "--json" in arguments and result.code == 0:
            assert read(result.out)["account"]["name"] == name


def test_names_that_no_line_can_hold_are_refused(start_server, api_key, binary):
    for name in ("two\nlines", "\x1b[31mred", "\x00", "a" * 256, ""):
        server = start_server({USER: Reply(json=current_user(name=name))})
        assert login(server, {KEY: api_key}).code == 11


# --expect-user and --expect-server-id

@pytest.mark.parametrize("expected, code", (
    (ACCOUNT_NAME, 0), (ACCOUNT_ID, 0), (ACCOUNT_ID.upper(), 0), (ACCOUNT_NAME.upper(), 7), (ACCOUNT_NAME + " ", 7),
    (ACCOUNT_NAME[:-1], 7), (ACCOUNT_NAME + "x", 7), (ACCOUNT_ID[:-1], 7), (SERVER_ID, 7), ("*", 7),
    (ACCOUNT_ID.replace("-", ""), 7),
))
def test_expect_user(expected, code, server, api_key, binary):
    message, fix = ("not the expected account.*ci-bot", "--expect-user") if code else ("", None)
    check_result(login(server, {KEY: api_key}, "whoami", "--expect-user", expected), code, message, fix)


def test_an_account_named_like_the_id_of_another(start_server, api_key, binary):
    """Who may choose a name must not become the account that is meant."""
    expected = "00000000-1111-4222-8333-444444444444"
    server = start_server({USER: Reply(json=current_user(name=expected))})
    check_result(login(server, {KEY: api_key}, "whoami", "--expect-user", expected), 7, "not the expected account")


@pytest.mark.parametrize("credential", (KEY, TOKEN))
@pytest.mark.parametrize("expected, code", ((SERVER_ID, 0), (SERVER_ID.upper(), 0), (ACCOUNT_ID, 7)))
def test_expect_server_id(expected, code, credential, server, api_key, api_token, binary):
    """Another server gets to see no credential."""
    variables = {credential: api_key if credential == KEY else api_token}
    result = login(server, variables, "whoami", "--expect-server-id", expected)
    message, fix = ("not the expected server", "--expect-server-id") if code else ("", None)
    check_result(result, code, message, fix)
    requests = server.requests
    assert str(requests[0]) == INFO and "authorization" not in requests[0].headers
    if code:
        assert len(requests) == 1


@pytest.mark.parametrize("closed", (">&-", "<&- >&-", "<&- >&- 2>&-"))
def test_closed_standard_output(closed, server, api_key, binary):
    """What was to be printed must not end up in the connection, which would get the free number."""
    result = login(server, {KEY: api_key}, "whoami", wrapper=in_shell(f'exec "$@" {closed}'))
    assert result.code == 13 and not result.out


# --min-ttl

ENDS_SOON = 15


def check_ends_soon(result) -> None:
    """The exit code of its own, and when it is that the credential ends."""
    cause, fix = error_lines(result.err)
    assert result.code == ENDS_SOON, result.err
    assert "ends too soon, at " in cause and DATE.search(cause) and "log in again" in fix


@pytest.mark.parametrize("lifetime, least, is_soon", (
    (3600, "3540", False), (3600, "59m", False), (90000, "1d", False), (None, "366d", False),
    (3600, "366d", True), (3600, "3660s", True), (3600, "61m", True), (3600, "2h", True),
))
def test_min_ttl_of_a_token(lifetime, least, is_soon, server, binary):
    token = canary.remember(make_token(lifetime))
    result = login(server, {TOKEN: token}, "whoami", "--min-ttl", least)
    assert lines_of(result.out)["account"] == ACCOUNT_NAME
    if is_soon:
        check_ends_soon(result)
    else:
        check_result(result, 0)


def test_what_ends_soon_is_printed_all_the_same(server, binary):
    """A monitor wants to know whose it is, and when."""
    token = canary.remember(make_token(60))
    for form in ([], ["--json"]):
        plain, warned = (login(server, {TOKEN: token}, "whoami", *form, *options)
                         for options in ([], ["--min-ttl=1h"]))
        check_result(plain, 0)
        check_ends_soon(warned)
        assert warned.out == plain.out
    told = read(warned.out)
    assert told["ok"] is True and told["credential"]["expires_at"] in warned.err


@pytest.mark.parametrize("form", ([], ["--json"]))
def test_a_key_has_no_end(form, server, api_key, binary):
    check_result(login(server, {KEY: api_key}, "whoami", *form, "--min-ttl=366d"), 0)


def test_other_failures_come_before_min_ttl(server, binary):
    ended, ends = (canary.remember(make_token(seconds)) for seconds in (-60, 60))
    check_result(login(server, {TOKEN: ended}, "whoami", "--min-ttl=1h"), 5, "rejected")
    check_result(login(server, {TOKEN: ends}, "whoami", "--min-ttl=1h", "--expect-user=other"), 7)
    check_result(login(server, {}, "whoami", "--min-ttl=1h"), 3)


def test_nothing_to_look_at_ends_not_soon(server, binary):
    result = login(server, {}, "whoami", "--min-ttl=1h", "--if-missing=skip")
    assert result.code == 0 and "note: " in result.err


def test_step_of_a_workflow_that_ends_soon(server, tmp_path, binary):
    """The step fails, so its annotation says why."""
    (tmp_path / "output").touch()
    variables = {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": tmp_path / "output",
                 TOKEN: canary.remember(make_token(60))}
    result = login(server, variables, "whoami", "--github-step", "--min-ttl=1h")
    assert result.code == ENDS_SOON
    assert "::error title=ZenML login%3A whoami --min-ttl" in result.out


# Progress

@pytest.mark.parametrize("credential, requests", ((KEY, [LOGIN, USER]), (TOKEN, [INFO, USER])))
def test_verbose(credential, requests, server, api_key, api_token, binary):
    result = login(server, {credential: api_key if credential == KEY else api_token}, "whoami", "-v")
    assert result.code == 0 and lines_of(result.out)["account"] == ACCOUNT_NAME
    lines = result.err.splitlines()
    assert [re.sub(r" -> 200 \(\d+ ms\)$", "", line) for line in lines] == [f"zenml-login: {name}" for name in requests]


def test_verbose_says_what_is_tried_again(start_server, api_key, binary):
    server = start_server({LOGIN: [Reply(503), Reply(401, json={"detail": "no"})]})
    result = login(server, {KEY: api_key}, "whoami", "--verbose")
    lines = result.err.splitlines()
    assert re.fullmatch(r"zenml-login: POST /api/v1/login -> 503 \(\d+ ms\), again in \d+ ms", lines[0])
    assert re.fullmatch(r"zenml-login: POST /api/v1/login -> 401 \(\d+ ms\)", lines[1])
    assert result.code == 5 and "fix: " in lines[-1]


def test_verbose_with_a_server_that_repeats_the_key(start_server, binary):
    """run() finds the key wherever it turns up."""
    key = make_key()
    server = start_server({LOGIN: lambda request: Reply(401, json={"detail": f"bad key: {request.form['password']}"})})
    assert login(server, {KEY: key}, "whoami", "-v").code == 5
