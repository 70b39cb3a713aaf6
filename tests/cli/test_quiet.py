"""`--quiet`: what goes well is not worth a word; errors and warnings are, and the page that a person has to open."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest
from keys import make_key
from outcome import check_result, error_lines, login
from surroundings import at_terminal, on_terminal

from run import run
from tls_server import Reply

KEY, NOTE = "ZENML_STORE_API_KEY", "ZENML_LOGIN_WRITTEN"
QUIET = pytest.mark.parametrize("quiet", ("-q", "--quiet"))


def not_ok(text: str) -> str:
    """The findings that have to be repaired or thought about, without times."""
    return re.sub(r" \(\d+ ms\)", "", re.sub(r"^[^\n]*: ok: .*\n", "", text, flags=re.MULTILINE))


# What is left out

@QUIET
@pytest.mark.parametrize("format", ("json", "azure"))
def test_env(quiet, format, server, api_key, binary):
    """The variables and the masks are written all the same."""
    def env(*options):
        return login(server, {KEY: api_key}, "env", "--format", format, *options, secret_in={"stdout": "key token"})
    loud, result = env(), env(quiet)
    assert (result.code, result.err) == (0, "") and "logged in" in loud.err
    written, written_loudly = (re.findall(r"ZENML_\w+", one.out) for one in (result, loud))
    assert written == written_loudly != []


@pytest.mark.parametrize("command", (["whoami"], ["exec", "-q", "--", "true"], ["env", "--format=json"]))
def test_the_second_key(command, server, api_key, tmp_path, binary):
    path = tmp_path / "keys"
    path.write_text(f"{make_key()}\n{api_key}\n")
    name, *rest = command
    quiet = [] if "-q" in rest else ["-q"]
    result = login(server, {}, name, "--api-key-file", str(path), *quiet, *rest, secret_in={"stdout": "token"})
    check_result(result, 0)


def test_nothing_to_log_in_with(binary):
    result = run(["env", "--format", "json", "--if-missing=skip", "-q"])
    assert (result.code, result.out, result.err) == (0, "", "")


@QUIET
@pytest.mark.parametrize("variables", ({}, {NOTE: "ZENML_STORE_URL:0123456789abcdef"}))
def test_clear(quiet, variables, binary):
    """Nothing to clear; and a variable that stays, of which there is a note."""
    loud, result = (run(["clear", "--format", "shell", *options], variables) for options in ([], [quiet]))
    assert loud.err != "" == result.err and (result.code, result.out) == (0, loud.out)


# The person at `login`

@QUIET
def test_login(quiet, server, tmp_path, binary):
    """There is something to do, and how; but not that it has been done."""
    kept = tmp_path / ".config" / "zenml-login" / quote(server.url, safe="")
    result = login(server, {"HOME": tmp_path}, "login", quiet, wrapper=at_terminal("\n"), secret_in={kept: "token"})
    assert (result.code, result.out) == (0, "") and kept.exists()
    assert f"    {server.url}/devices/verify?" in result.err and "logged in" not in result.err
    assert result.err.endswith("Press Enter once you have approved, or Ctrl-C to give up.\n")
    result = login(server, {"HOME": tmp_path}, "login", "--logout", quiet)
    assert (result.code, result.out, result.err) == (0, "", "") and not kept.exists()


@pytest.mark.parametrize("options, has_code", (([], True), (["-q"], False)))
def test_the_qr_code(options, has_code, server, tmp_path, binary):
    """A page full of blocks is the loudest thing that this program has."""
    wide = ["sh", "-c", 'stty cols 200; exec "$@"', "sh"]
    result = login(server, {"HOME": tmp_path, "LC_ALL": "C"}, "login", *options, wrapper=[*on_terminal(), *wide],
                   stdin="\n", secret_in=[tmp_path / ".config" / "zenml-login" / quote(server.url, safe="")])
    assert result.code == 0 and "/devices/verify?" in result.out
    assert ("####" in result.out) == has_code


# What is said all the same

@pytest.mark.parametrize("command", (["whoami"], ["env", "--format=json"], ["exec", "--", "true"]), ids=str)
def test_errors(command, server, binary):
    """In the same words."""
    name, *rest = command
    loud, result = (login(server, {KEY: make_key()}, name, *options, *rest) for options in ([], ["-q"]))
    assert result.code == 5 and re.sub(r"\w{8}-[\w-]{27}", "", result.err) == re.sub(r"\w{8}-[\w-]{27}", "", loud.err)
    assert all(error_lines(result.err))


def test_warnings(api_key, tmp_path, binary):
    """Who asks for silence does not ask for the key to be read on its way."""
    server = ["--server", "http://0.0.0.0:1", "--allow-http", "--timeout", "3"]
    for command in (["whoami", "-q"], ["env", "--format=json", "-q"], ["login", "-q"]):
        result = run([*command, *server], {KEY: api_key, "HOME": tmp_path})
        assert result.code == 8 and result.err.startswith("zenml-login: warning: plain http: "), result.err
    result = run(["env", "-q"], {"GITHUB_ACTIONS": "true", "RUNNER_DEBUG": "1", "GITHUB_ENV": tmp_path / "env"})
    assert result.err.startswith("zenml-login: warning: ")


def test_a_token_that_stays_valid(server, tmp_path, binary):
    """Its owner has thrown it away, and somebody else may have it."""
    kept = tmp_path / ".config" / "zenml-login" / quote(server.url, safe="")
    for deletion in (None, Reply(500)):
        server.healthy.deletion = deletion
        result = login(server, {"HOME": tmp_path}, "login", "-q", wrapper=at_terminal("\n"), secret_in=[kept])
        assert result.code == 0
    assert result.err.endswith("\nzenml-login: warning: the token of the earlier login could not be ended on the "
                               "server\n")


# doctor

@QUIET
def test_doctor(quiet, server, api_key, binary):
    result = login(server, {KEY: api_key}, "doctor", quiet)
    assert (result.code, result.out, result.err) == (0, "", "")


def test_doctor_with_something_to_say(server, binary):
    variables = {KEY: make_key(), "ZENML_STORE_API_TOKEN": ""}
    result = login(server, variables, "doctor", "-q")
    assert result.code == 5 and result.out.startswith("login: fail: ") and result.out.count("\n") == 2


def test_doctor_for_programs(server, api_key, binary):
    """What is read by a program is complete."""
    loud, quiet = (json.loads(login(server, {KEY: api_key}, "doctor", "--json", *options).out)["checks"]
                   for options in ([], ["-q"]))
    assert [check["check"] for check in quiet] == [check["check"] for check in loud] != []


def test_doctor_pam(tmp_path, binary):
    path = tmp_path / "sshd"
    path.write_text("auth required pam_zenml.so\nauth required pam_permit.so\naccount required pam_permit.so\n")
    loud, quiet = (run(["doctor", "pam", path, *options]) for options in ([], ["-q"]))
    assert quiet.code == loud.code == 2 and quiet.err == loud.err
    assert quiet.out == not_ok(loud.out) != ""
