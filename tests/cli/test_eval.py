"""A shell that evaluates what env or clear prints: it has what was printed afterwards, or it fails as well."""

from __future__ import annotations

import pytest
from formats import CA, KEY, NOTE, TOKEN, WAYS
from keys import make_key
from outcome import login

from run import run
from tls_server import Reply

EVALUATED = sorted({way.format for way in WAYS.values() if way.place == "stdout" and way.noted})
SHELLS = ("dash", "bash")
ONE_LINE = 'eval "$("$@")"'
TWO_LINES = 'login="$("$@")"\neval "$login"'
REJECTED = {"POST /api/v1/login": Reply(401, json={"detail": ["CredentialsNotValid", "no"]})}


def in_this(shell: str, script: str, *options: str) -> list[str]:
    """A wrapper: "$@" is the program with its arguments."""
    return [shell, *options, "-c", script, shell]


@pytest.mark.parametrize("form", (ONE_LINE, TWO_LINES))
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("format", EVALUATED)
def test_success(format, shell, form, server, api_key, binary):
    script = f'{form}\necho "$?" "${CA}"\nsh -c \'[ "${{#{TOKEN}}}" -gt 100 ] && echo "the token is exported"\''
    result = login(server, {KEY: api_key}, "env", "--format", format, wrapper=in_this(shell, script, "-eu"))
    assert (result.code, result.out) == (0, f"0 {server.ca}\nthe token is exported\n"), result.err


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("format", EVALUATED)
@pytest.mark.parametrize("code, key, options", (
    (2, make_key(), ["--expires-in=soon"]), (3, "", []), (4, "'ZENKEY_x'", []), (5, make_key(), []),
    (9, make_key(), [f"--pin=sha256//{'A' * 43}="]),
))
def test_failure(code, key, options, format, shell, start_server, binary):
    """With set -e the job ends there, with the same code; without, the shell goes on and "$?" has it."""
    server = start_server(REJECTED)

    def evaluate(script, *shell_options):
        return login(server, {KEY: key}, "env", "--format", format, *options, timeout=2,
                     wrapper=in_this(shell, script, *shell_options))

    for form in (ONE_LINE, TWO_LINES):
        result = evaluate(f"{form}\necho went on", "-e")
        assert (result.code, result.out) == (code, ""), result.err
    result = evaluate(f'{ONE_LINE}\necho "went on after $?"')
    assert (result.code, result.out) == (0, f"went on after {code}\n")


@pytest.mark.parametrize("format", EVALUATED)
def test_nothing_else_is_printed_for_the_shell(format, start_server, api_key, binary):
    result = login(start_server(REJECTED), {KEY: api_key}, "env", "--format", format)
    assert (result.code, result.out) == (5, "(exit 5)\n")


@pytest.mark.parametrize("options", (["--nonsense$(touch pwned)"], ["--expires-in=$(touch pwned)"], ["--github-step"],
                                     ["--github-step", "--nonsense$(touch pwned)"]))
@pytest.mark.parametrize("command", ("env", "clear"))
def test_a_wrong_command_line_is_not_evaluated(command, options, binary):
    """What was wrong is told to people, on standard error; the shell must not get any of it."""
    result = run([command, "--format=shell", *options])
    assert (result.code, result.out) == (2, "(exit 2)\n")


@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if way.place != "stdout" or not way.noted])
def test_nothing_at_all_where_no_shell_evaluates_it(name, start_server, api_key, tmp_path, binary):
    way, path = WAYS[name], tmp_path / "written"
    options, place = (["--output", str(path)], {}) if way.place == "--output" else ([], {way.place: path})
    if way.appends:
        path.write_bytes(b"")
    result = login(start_server(REJECTED), {KEY: api_key} | place, "env", "--format", way.format, *options)
    assert (result.code, result.out) == (5, "") and (not path.exists() or path.read_bytes() == b"")


def test_the_platform_tells_that_a_shell_evaluates_it(start_server, api_key, binary):
    assert login(start_server(REJECTED), {KEY: api_key, "GITLAB_CI": "true"}, "env").out == "(exit 5)\n"
    assert login(start_server(REJECTED), {KEY: api_key, "GITLAB_CI": "true"}, "env", "--output=-").out == "(exit 5)\n"


@pytest.mark.parametrize("shell", SHELLS)
def test_clear(shell, server, api_key, binary):
    script = f'{ONE_LINE}\neval "$("$1" clear --format shell)"\n[ -z "${{{TOKEN}+x}}${{{NOTE}+x}}" ] && echo gone'
    result = login(server, {KEY: api_key}, "env", "--format=shell", wrapper=in_this(shell, script, "-e"))
    assert (result.code, result.out) == (0, "gone\n"), result.err


@pytest.mark.parametrize("shell", SHELLS)
def test_clear_that_fails(shell, binary):
    result = run(["clear", "--format=shell", "--nonsense"], wrapper=in_this(shell, f"{ONE_LINE}\necho went on", "-e"))
    assert (result.code, result.out) == (2, "")
