"""A job that has logged in before, or that has the other credential in its environment: later steps find exactly one
credential, the last one, since the ZenML client drops an API token for an API key."""

from __future__ import annotations

import pytest
from formats import KEY, NOTE, TOKEN, WAYS, noted_names, read_by_all, write
from outcome import check_result, login

from oracles import github
from zenml_replies import PROJECT_ID, PROJECT_NAME

PROJECT, ALIAS = "ZENML_ACTIVE_PROJECT_ID", "ZENML_API_KEY"
NOTED = [name for name, way in WAYS.items() if way.noted]
SHELLS = sorted({way.format for way in WAYS.values() if way.place == "stdout" and way.noted})
EVAL = 'eval "$("$@")"'


@pytest.fixture
def step(server, tmp_path, binary):
    """A function that runs env in one of WAYS: the variables of later steps with the note, and the names undone."""
    def run_env(name, variables, *options):
        result, content = write(name, server, variables, tmp_path, *options)
        assert result.code == 0, result.err
        text = content.decode()
        if WAYS[name].format == "github":
            undone = {variable for variable, value in github.read(content).items() if not value}
        else:
            undone = {line.removeprefix("unset ") for line in text.splitlines() if line.startswith("unset ")}
        written = read_by_all(name, content)
        return written | {NOTE: WAYS[name].readers[0](content)[NOTE]}, undone
    return run_env


@pytest.mark.parametrize("name", NOTED)
def test_the_key_goes_when_a_token_is_handed_on(name, step, api_key):
    written, undone = step(name, {KEY: api_key})
    assert undone == {KEY} and TOKEN in written


@pytest.mark.parametrize("name", NOTED)
def test_nothing_goes_when_there_is_nothing(name, step, api_key, api_token):
    assert step(name, {ALIAS: api_key})[1] == set()
    assert step(name, {TOKEN: api_token})[1] == set()
    assert step(name, {KEY: api_key}, "--credential=key")[1] == set()


@pytest.mark.parametrize("name", NOTED)
@pytest.mark.parametrize("first, second, stale", (
    ([], [], set()), ([], ["--credential=key"], {TOKEN}), (["--credential=key"], [], {KEY}),
    (["--project", PROJECT_NAME], [], {PROJECT}), ([], ["--project", PROJECT_NAME], set()),
    ([], ["--allow-disk-cache"], {"DISABLE_CREDENTIALS_DISK_CACHING"}),
))
def test_what_an_earlier_login_wrote_and_this_one_does_not_goes(name, first, second, stale, step, api_key):
    earlier, _ = step(name, {ALIAS: api_key}, *first)
    written, undone = step(name, earlier | {ALIAS: api_key}, *second)
    assert undone == stale and not undone & set(written)
    assert noted_names(written[NOTE]) == set(written) - {NOTE}


@pytest.mark.parametrize("name", NOTED)
def test_what_somebody_else_wrote_stays(name, step, api_key):
    earlier, _ = step(name, {ALIAS: api_key}, "--project", PROJECT_NAME)
    changed = earlier | {ALIAS: api_key, PROJECT: PROJECT_ID.upper()}
    assert step(name, changed)[1] == set()


@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if not way.noted])
def test_other_formats_write_variables_only(name, server, api_key, tmp_path, binary):
    _, content = write(name, server, {KEY: api_key}, tmp_path)
    assert NOTE.encode() not in content and b"unset" not in content
    assert KEY not in read_by_all(name, content)


# The same in a shell

def in_shell(script: str) -> list[str]:
    return ["sh", "-euc", script, "sh"]


@pytest.mark.parametrize("format", SHELLS)
def test_another_token(format, server, api_key, binary):
    """The token of the first login is no second credential beside the key."""
    script = f'{EVAL}\nfirst=${TOKEN}\n{EVAL}\n[ "$first" != "${TOKEN}" ] && echo another token'
    result = login(server, {ALIAS: api_key}, "env", "--format", format, wrapper=in_shell(script))
    assert (result.code, result.out) == (0, "another token\n"), result.err


@pytest.mark.parametrize("format", SHELLS)
def test_the_same_token(format, server, api_key, binary):
    """Without a credential of its own, a login hands the token on that an earlier one got."""
    script = f'{EVAL}\nfirst=${TOKEN}\n[ -z "${{{KEY}-}}" ]\n{EVAL}\n[ "$first" = "${TOKEN}" ] && echo the same token'
    result = login(server, {KEY: api_key}, "env", "--format", format, wrapper=in_shell(script))
    assert (result.code, result.out) == (0, "the same token\n"), result.err


def test_a_token_that_is_not_ours_is_a_second_credential(step, server, api_key, api_token, binary):
    earlier, _ = step("shell", {ALIAS: api_key})
    for variables in (earlier | {TOKEN: api_token}, {TOKEN: api_token}, earlier | {NOTE: ""}):
        result = login(server, variables | {ALIAS: api_key}, "env", "--format=json")
        check_result(result, 2, f"two different credentials: {ALIAS} and {TOKEN}", "leave one")


def test_a_credential_file_beside_our_token(step, server, api_key, tmp_path, binary):
    (tmp_path / "key").write_text(api_key)
    earlier, _ = step("shell", {ALIAS: api_key})
    result = login(server, earlier, "env", "--format=json", "--api-key-file", str(tmp_path / "key"),
                   secret_in={"stdout", tmp_path / "key"})
    assert result.code == 0 and earlier[TOKEN] not in result.out
