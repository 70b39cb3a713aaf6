"""Masks in the log of a job on GitHub or Azure: they come first, and they are complete."""

from __future__ import annotations

import os
import re
from pathlib import Path
from secrets import token_hex

import pytest
from embeddings import embeddings, parts
from formats import FORMATS, KEY, TOKEN
from keys import key_id, make_key
from outcome import login
from surroundings import traced

import canary
from oracles import azure, github
from oracles.github import command
from zenml_replies import ACCOUNT_NAME, SERVER_ID, Zenml

LOGS = {"github": github.Log, "azure": azure.Log}


@pytest.fixture
def job(start_server, api_key, tmp_path, binary):
    """A function that runs `env` with further options and a credential (default: the API key); it returns the server,
    what the job's log saw, and every secret that the job now holds."""
    def run_job(*options, format="github", variables=None, **further):
        minted = []
        key = (variables or {KEY: api_key}).get(KEY, "")
        healthy = Zenml(api_keys={key}, on_token=lambda made: minted.append(canary.remember(made)))
        server = start_server(healthy=healthy)
        path = tmp_path / "env"
        path.write_bytes(b"BEFORE=1\n")
        given = variables or {KEY: api_key}
        result = login(server, given | {"GITHUB_ENV": path}, "env", "--format", format, *options,
                       secret_in={"stdout", path}, **further)
        assert result.code == 0, result.err
        secrets = set(given.values()) | set(minted[1:])  # the first token never leaves the program
        return server, result.out, secrets | {part for key in secrets for part in parts(key)}
    return run_job


@pytest.mark.parametrize("format", LOGS)
@pytest.mark.parametrize("options, variables", (
    ([], None), (["--credential=key"], None), ([], {TOKEN: "token"}),
), ids=("token made from a key", "key", "token given"))
def test_no_form_of_a_secret_survives(options, variables, format, job, api_token):
    _, out, secrets = job(*options, format=format, variables=variables and {TOKEN: api_token})
    assert len(secrets) == (1 if variables else 3 if options else 4)
    for secret in secrets:
        for name, text in embeddings(secret).items():
            assert canary.found_in(text, [secret]), f"the canary does not know {name}"
            shown = LOGS[format]().add(out).add(text).shown[-1]
            assert not canary.found_in(shown, secrets), f"survives: {name}"


@pytest.mark.parametrize("format", LOGS)
@pytest.mark.parametrize("characters", ("%25 %0A=", '"', "'", "+/=&", "é", "%AZP25", "%5D]", "##vso[x]"))
def test_strange_inner_secret(characters, format, job):
    """No server makes such keys. The mask must be the secret all the same once the runner has read it."""
    inner = token_hex(16) + characters + token_hex(16)
    _, out, _ = job(format=format, variables={KEY: make_key(inner)})
    assert inner in LOGS[format]().add(out).masks


@pytest.mark.parametrize("format, command", (("github", "::add-mask::"), ("azure", "##vso[task.set")))
def test_inner_secret_with_a_line_break(format, command, start_server, tmp_path, binary):
    """It is refused, or escaped: its second line must not be a line of the log, where it might be a command."""
    key = make_key(f"{token_hex(16)}\n::error::{token_hex(16)}")
    path = tmp_path / "env"
    path.write_bytes(b"")
    server = start_server(healthy=Zenml(api_keys={key}))
    result = login(server, {KEY: key, "GITHUB_ENV": path}, "env", "--format", format, secret_in={"stdout", path})
    assert result.code in (0, 4), result.err
    assert all(line.startswith(command) for line in result.out.splitlines())


def test_standard_output_has_masks_only(job):
    _, out, _ = job()
    lines = out.splitlines()
    assert all(command(line)[0] == "add-mask" for line in lines) and len(set(lines)) == len(lines)


@pytest.mark.parametrize("format", LOGS)
def test_what_is_no_secret_is_not_masked(format, job, api_key):
    """A masked value cannot be a job's output, and a log full of *** helps nobody."""
    server, out, _ = job("--project", "default", format=format)
    log = LOGS[format]().add(out)
    public = [server.url, str(server.ca), ACCOUNT_NAME, SERVER_ID, key_id(api_key), "ZENKEY_", "true", "Bearer eyJ"]
    for text in public:
        assert log.add(text).shown[-1] == text
    assert min(map(len, log.masks)) >= 16


# Only the first bytes of each write: a secret has to stay out of the trace.
@pytest.mark.parametrize("options", ([], ["--credential=key"]))
@pytest.mark.skipif(os.geteuid() != 0, reason="strace sees the memory of a protected program only as root")
def test_masks_are_written_before_the_file_is(options, job, tmp_path):
    trace = tmp_path / "trace"
    wrapper = traced("-f", "-y", "-s", "12", "-e", "trace=write,pwrite64,writev,sendfile", "-o", trace)
    job(*options, wrapper=wrapper)
    calls = re.findall(r"\d+ +(\w+)\((\d+)<([^>]*)>, \"(.{0,12})", trace.read_text())
    ours = [(name, fd == "1", text) for name, fd, path, text in calls if fd == "1" or path == str(tmp_path / "env")]
    assert [to_stdout for _, to_stdout, _ in ours] == [True] * (len(ours) - 1) + [False]
    assert len(ours) >= 2 and ours[0][2] == "::add-mask::" and ours[-1][0] == "write"
    assert (tmp_path / "env").read_bytes().startswith(b"BEFORE=1\nZENML_STORE_URL=")


@pytest.mark.parametrize("options, credential", (([], TOKEN), (["--credential=key"], KEY)))
def test_azure_masks_first_and_keeps_the_secret_from_steps(options, credential, job):
    """A step gets it only when it maps it; how to do that is said once."""
    _, out, secrets = job(*options, format="azure")
    names = [azure.command(line).name for line in out.splitlines()]
    first = names.index("task.setvariable")
    assert set(names[:first]) == {"task.setsecret"} and set(names[first:]) == {"task.setvariable"}
    log = azure.Log().add(out)
    assert log.secrets == {credential} and log.variables[credential] in secrets and log.shown == []


def test_azures_hint_is_given_once(server, api_key, binary):
    result = login(server, {KEY: api_key}, "env", "--format=azure", secret_in={"stdout"})
    notes = [line for line in result.err.splitlines() if line.startswith("zenml-login: note: ")]
    assert len(notes) == 1 and notes[0].endswith(f"env: {{ {TOKEN}: $({TOKEN}) }}")


def test_no_masks_where_nobody_reads_them(server, api_key, binary):
    for name in set(FORMATS) - {*LOGS, "circleci"}:
        result = login(server, {KEY: api_key}, "env", "--format", name, secret_in={"stdout"})
        assert "add-mask" not in result.out and "setsecret" not in result.out


def test_the_commands_that_let_a_log_set_variables_are_unknown(binary):
    """CVE-2020-15228: whoever prints them can be made to print them."""
    program = Path(os.environ.get("ZN_EMULATED", binary)).read_bytes()
    assert b"::add-mask::" in program
    assert not [name for name in (b"set-env", b"add-path", b"set-output", b"save-state") if name in program]
