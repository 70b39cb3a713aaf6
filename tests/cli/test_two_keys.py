"""A file with two keys, as during a rotation: when the second one is tried, and what is said about it."""

from __future__ import annotations

import json
import uuid

import pytest
from keys import key_id, make_key, make_pro_key
from outcome import INFO, LOGIN, USER, check_result, error_lines, login
from surroundings import with_mounts

import canary
from tls_server import Reply
from zenml_replies import Zenml, error, make_token

KEY, TOKEN = "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN"
NOTE = "zenml-login: note: the server rejected the first key of the file; trying the second one\n"
WELL_KNOWN = "zenml_store_api_key"
SOURCES = ("--api-key-file", "-", f"{KEY}_FILE", "ZENML_API_KEY_FILE", "CREDENTIALS_DIRECTORY", "/run/secrets")
REJECTED = error(401, "CredentialsNotValid", "Authentication error: could not verify key value for API key ci")


@pytest.fixture
def new_key() -> str:
    """An API key, for the first line of a file."""
    return make_key()


@pytest.fixture
def old_key() -> str:
    """Another API key, for the second line."""
    return make_key()


@pytest.fixture
def start_knowing(start_server):
    """A function that starts a server which knows these keys only."""
    def start(*keys, script=None):
        return start_server(script, healthy=Zenml(api_keys=set(keys), on_token=canary.remember))
    return start


@pytest.fixture
def log_in(tmp_path, binary):
    """A function that runs a command with a file of this text, in the place that `source` says."""
    def run_with(server, text, *command, source="--api-key-file", **further):
        path = tmp_path / "secrets" / WELL_KNOWN
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text.encode())
        command = command or ("whoami",)
        if source == "-":
            return login(server, {}, command[0], "--api-key-file", "-", *command[1:], stdin=text, **further)
        if source == "--api-key-file":
            return login(server, {}, command[0], source, str(path), *command[1:], **further)
        if source == "/run/secrets":  # it need not exist here: another /run is put over the real one
            wrapper = with_mounts(f'mount --bind "{tmp_path}" /run && exec "$@"')
            return login(server, {}, *command, wrapper=wrapper, **further)
        return login(server, {source: path.parent if source == "CREDENTIALS_DIRECTORY" else path}, *command, **further)
    return run_with


def sent(server) -> list[str]:
    """The keys that the server was shown, in that order."""
    return [request.form["password"] for request in server.requests if str(request) == LOGIN]


def check_refused_unsent(server, result, code, message, fix="."):
    """Refused before any connection."""
    check_result(result, code, message, fix)
    assert server.connections == 0


# When the second one is tried

@pytest.mark.parametrize("source", SOURCES)
def test_a_good_first_key_is_the_only_one_sent(source, new_key, old_key, start_knowing, log_in):
    server = start_knowing(new_key, old_key)
    check_result(log_in(server, f"{new_key}\n{old_key}\n", source=source), 0)
    assert sent(server) == [new_key]


@pytest.mark.parametrize("source", SOURCES)
def test_second_key_after_a_rejected_first(source, new_key, old_key, start_knowing, log_in):
    server = start_knowing(old_key)
    result = log_in(server, f"{new_key}\n{old_key}\n", source=source)
    assert (result.code, result.err) == (0, NOTE)
    assert f"key id: {key_id(old_key)}\n" in result.out
    assert sent(server) == [new_key, old_key]
    assert [str(request) for request in server.requests] == [LOGIN, LOGIN, USER]


@pytest.mark.parametrize("source", SOURCES)
def test_never_a_third_attempt(source, new_key, old_key, start_knowing, log_in):
    """Each rejected login counts towards a lockout."""
    server = start_knowing()
    result = log_in(server, f"{new_key}\n{old_key}\n", source=source)
    assert (result.code, result.out) == (5, "") and result.err.startswith(NOTE)
    cause, fix = error_lines(result.err.removeprefix(NOTE))
    assert "rejected" in cause and fix
    assert sent(server) == [new_key, old_key]


OTHER_ANSWERS = {
    "a bad request": (Reply(400, json={"detail": "no"}), 11), "forbidden": (Reply(403, json={"detail": "no"}), 6),
    "not found": (Reply(404, json={"detail": "Not Found"}), 12), "unprocessable": (Reply(422, json=["ValueError"]), 2),
    "rate limited": (Reply(429, json={"detail": "Minute request limit exceeded."}), 10), "broken": (Reply(500), 11),
    "unavailable": (Reply(503), 11), "no JSON": (Reply(body="{"), 11), "another page": (Reply(body="<html>"), None),
    "a redirect": (Reply(307, headers={"Location": "https://127.0.0.1:1/"}), 12),
}


@pytest.mark.parametrize("answer", OTHER_ANSWERS)
def test_only_a_rejection_leads_to_the_second_key(answer, new_key, old_key, start_knowing, log_in):
    reply, code = OTHER_ANSWERS[answer]
    server = start_knowing(new_key, old_key, script={LOGIN: reply})
    result = log_in(server, f"{new_key}\n{old_key}\n")
    assert result.code == code if code else result.code in (11, 12)
    assert NOTE not in result.err and set(sent(server)) == {new_key}


def test_a_server_that_cannot_be_reached_sees_neither(new_key, old_key, start_server, log_in):
    server = start_server(on_connect=["stall"])
    result = log_in(server, f"{new_key}\n{old_key}\n", timeout=1)
    assert result.code == 8 and NOTE not in result.err


@pytest.mark.parametrize("option", ("--expect-user=somebody", f"--expect-server-id={uuid.UUID(int=0)}"))
def test_an_account_or_server_that_was_not_expected(option, new_key, old_key, start_knowing, log_in):
    """The second key is no way around a check."""
    server = start_knowing(new_key, old_key)
    check_result(log_in(server, f"{new_key}\n{old_key}\n", "whoami", option), 7)
    assert old_key not in sent(server)


def test_checks_hold_for_the_second_key(new_key, old_key, start_knowing, log_in):
    result = log_in(start_knowing(old_key), f"{new_key}\n{old_key}\n", "whoami", "--expect-user", "somebody")
    assert (result.code, result.out) == (7, "") and result.err.startswith(NOTE)


def test_refusals_of_the_second_key_are_told(new_key, old_key, start_knowing, log_in):
    server = start_knowing(script={LOGIN: [REJECTED, Reply(429, json={"detail": "Minute request limit exceeded."})]})
    result = log_in(server, f"{new_key}\n{old_key}\n", "whoami", "--json")
    assert result.code == 10 and json.loads(result.out)["error"]["status"] == "rate-limited"
    assert len(sent(server)) == 2


# What is done with the second one

def test_json_tells_the_key_that_was_taken(new_key, old_key, start_knowing, log_in):
    result = log_in(start_knowing(old_key), f"{new_key}\n{old_key}\n", "whoami", "--json")
    assert json.loads(result.out)["credential"]["key_id"] == key_id(old_key)


@pytest.mark.parametrize("known", (0, 1))
def test_the_key_that_was_taken_is_handed_on(known, new_key, old_key, start_knowing, log_in):
    keys = (new_key, old_key)
    result = log_in(start_knowing(keys[known]), f"{new_key}\n{old_key}\n", "env", "--credential=key", "--format=json",
                    secret_in={"stdout": "key"})
    assert result.code == 0 and json.loads(result.out)[KEY] == keys[known]
    assert keys[1 - known] not in result.out


def test_a_command_gets_the_key_that_was_taken(new_key, old_key, start_knowing, log_in):
    result = log_in(start_knowing(old_key), f"{new_key}\n{old_key}\n", "exec", "--", "printenv", KEY,
                    secret_in={"stdout": "key"})
    assert (result.code, result.out, result.err) == (0, f"{old_key}\n", NOTE)


def test_token_made_with_the_second_key(new_key, old_key, start_knowing, log_in):
    result = log_in(start_knowing(old_key), f"{new_key}\n{old_key}\n", "env", "--format=json",
                    secret_in={"stdout": "token"})
    assert result.code == 0 and result.err.startswith(NOTE) and TOKEN in json.loads(result.out)


def test_progress(new_key, old_key, start_knowing, log_in):
    result = log_in(start_knowing(old_key), f"{new_key}\n{old_key}\n", "whoami", "-v")
    first, note, second, user = result.err.splitlines(keepends=True)
    assert (f"{LOGIN} -> 401 " in first, note, f"{LOGIN} -> 200 " in second, f"{USER} -> 200 " in user) == (
        True, NOTE, True, True)


@pytest.mark.parametrize("pro_line", (0, 1))
def test_a_key_of_pro_is_shown_to_no_other_server(pro_line, new_key, start_knowing, log_in):
    pro_key = make_pro_key()
    lines = [new_key, new_key]
    lines[pro_line] = pro_key
    server = start_knowing()
    assert log_in(server, "\n".join(lines)).code == 5
    assert pro_key not in sent(server)


@pytest.mark.parametrize("part", (str, canary.secret_part), ids=("whole", "inner secret"))
def test_a_server_that_repeats_both_keys(part, new_key, old_key, start_knowing, log_in):
    """run() finds them wherever they turn up."""
    seen = []

    def refuse(request):
        seen.append(part(request.form["password"]))
        return Reply(401, json={"detail": f"no good: {' '.join(seen)}"})

    assert log_in(start_knowing(script={LOGIN: refuse}), f"{new_key}\n{old_key}\n", "whoami", "--json").code == 5
    assert seen == [part(new_key), part(old_key)]


@pytest.mark.parametrize("part", (str, canary.secret_part), ids=("whole", "inner secret"))
def test_a_server_that_gives_the_first_key_as_a_name(part, new_key, old_key, start_knowing, log_in):
    server = start_knowing(old_key)
    server.healthy.account["name"] = part(new_key)
    assert log_in(server, f"{new_key}\n{old_key}\n").code == 11


# The lines

@pytest.mark.parametrize("end_of_first", ("\n", "\r\n"))
@pytest.mark.parametrize("end", ("", "\n", "\r\n"))
def test_line_ends(end_of_first, end, new_key, old_key, start_knowing, log_in):
    server = start_knowing(old_key)
    result = log_in(server, f"{new_key}{end_of_first}{old_key}{end}")
    assert (result.code, result.err) == (0, NOTE) and sent(server) == [new_key, old_key]


@pytest.mark.parametrize("is_known, code", ((True, 0), (False, 5)))
def test_both_lines_equal(is_known, code, new_key, start_knowing, log_in):
    server = start_knowing(*[new_key] * is_known)
    assert log_in(server, f"{new_key}\n{new_key}\n").code == code
    assert set(sent(server)) == {new_key} and len(sent(server)) <= 2


REFUSED = {
    "three lines": ("{new}\n{old}\n{new}", "more than two lines"),
    "a line between": ("{new}\n\n{old}\n", "more than two lines"),
    "a line after both": ("{new}\n{old}\n\n", "more than two lines"),
    "an empty second line": ("{new}\n\n", "line break"),
    "an empty second line, CR LF": ("{new}\r\n\r\n", "line break"),
    "an empty first line": ("\n{old}\n", "."),
    "a blank second line": ("{new}\n \n", "blank"),
    "a blank before the second": ("{new}\n {old}\n", "blank"),
    "a quoted second": ('{new}\n"{old}"\n', "quote"),
    "a comment": ("{new}\n# the old one\n", "blank"),
    "a carriage return alone": ("{new}\r{old}\n", "line break"),
    "a second line that is no key": ("{new}\nchangeit\n", "neither an API key nor an API token"),
    "a second line without a secret": ("{new}\nZENKEY_\n", "damaged"),
    "a first line that is no key": ("changeit\n{old}\n", "neither an API key nor an API token"),
    "a token below a key": ("{new}\n{token}\n", "API token, not an API key"),
    "a token above a key": ("{token}\n{old}\n", "API token, not an API key"),
    "more than 4096 bytes together": ("{new}\n{old}" + "A" * 4000, "4096"),
}


@pytest.mark.parametrize("text, message", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("source", ("--api-key-file", "-", f"{KEY}_FILE", "CREDENTIALS_DIRECTORY"))
def test_refused_lines(text, message, source, new_key, old_key, api_token, server, log_in):
    """Named by where they are, and before anything is sent."""
    name = "--api-key-file" if source == "-" else source
    text = text.format(new=new_key, old=old_key, token=api_token)
    check_refused_unsent(server, log_in(server, text, source=source), 4, f"{name}.*{message}")


@pytest.mark.parametrize("name", (KEY, "ZENML_API_KEY"))
@pytest.mark.parametrize("line_end", ("\n", "\r\n"))
def test_a_variable_holds_one_key(name, line_end, new_key, old_key, server, binary):
    result = login(server, {name: f"{new_key}{line_end}{old_key}"})
    check_refused_unsent(server, result, 4, f"{name}.*line break", "one line")


def test_two_tokens(start_knowing, tmp_path, binary):
    """The first one is refused where tokens are: by current-user."""
    first, second = (canary.remember(make_token(seconds)) for seconds in (-60, 3600))
    path = tmp_path / "tokens"
    path.write_text(f"{first}\n{second}\n")
    server = start_knowing()
    result = login(server, {f"{TOKEN}_FILE": path})
    assert result.code == 0 and "credential: API token\n" in result.out and result.err.count("note: ") == 1
    assert [str(request) for request in server.requests] == [INFO, USER, INFO, USER]
    path.write_text(f"{first}\n{make_key()}\n")
    check_result(login(server, {f"{TOKEN}_FILE": path}), 4, f"{TOKEN}_FILE.*API key, not an API token", KEY)


# Beside other sources

def test_the_first_key_once_more(new_key, old_key, start_knowing, tmp_path, binary):
    """The same credential twice is no conflict, and the second line counts all the same."""
    path = tmp_path / "key"
    path.write_text(f"{new_key}\n{old_key}\n")
    server = start_knowing(old_key)
    result = login(server, {KEY: new_key}, "whoami", "--api-key-file", str(path))
    assert (result.code, result.err) == (0, NOTE) and sent(server) == [new_key, old_key]


def test_the_second_key_once_more(new_key, old_key, server, tmp_path, binary):
    path = tmp_path / "key"
    path.write_text(f"{new_key}\n{old_key}\n")
    result = login(server, {KEY: old_key}, "whoami", "--api-key-file", str(path))
    check_refused_unsent(server, result, 2, f"two different.*--api-key-file and {KEY}", "leave one")


def test_two_files_that_differ_in_the_second_line(new_key, old_key, server, tmp_path, binary):
    for name, second in (("a", old_key), ("b", make_key())):
        (tmp_path / name).write_text(f"{new_key}\n{second}\n")
    result = login(server, {f"{KEY}_FILE": tmp_path / "b"}, "whoami", "--api-key-file", str(tmp_path / "a"))
    check_refused_unsent(server, result, 2, f"two different.*--api-key-file and {KEY}_FILE", "leave one")
