"""Masks in the log of a GitHub job: they come first, and they are complete."""

from __future__ import annotations

import base64
import json
import os
import re
from secrets import token_hex
from urllib.parse import quote

import pytest
from keys import key_id, make_key
from outcome import login
from surroundings import traced

import canary
from oracles.github import Log, command
from zenml_replies import ACCOUNT_NAME, SERVER_ID, Zenml

KEY, TOKEN = "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN"


@pytest.fixture
def job(start_server, api_key, tmp_path, binary):
    """A function that runs `env --format github` with further options and a credential (default: the API key);
    it returns the server, what the job's log saw, and every secret that the job now holds."""
    def run_job(*options, variables=None, **further):
        minted = []
        key = (variables or {KEY: api_key}).get(KEY, "")
        healthy = Zenml(api_keys={key}, on_token=lambda made: minted.append(canary.remember(made)))
        server = start_server(healthy=healthy)
        path = tmp_path / "env"
        path.write_bytes(b"BEFORE=1\n")
        given = variables or {KEY: api_key}
        result = login(server, given | {"GITHUB_ENV": path}, "env", "--format=github", *options,
                       secret_in={"stdout", path}, **further)
        assert result.code == 0, result.err
        secrets = set(given.values()) | set(minted[1:])  # the first token never leaves the program
        return server, result.out, secrets | {part for key in secrets for part in parts(key)}
    return run_job


def parts(credential: str) -> list[str]:
    """What stands behind the prefix of an API key, and the secret inside; nothing of a token."""
    payload = credential.removeprefix("ZENKEY_")
    return [payload, json.loads(base64.b64decode(payload))["key"]] if payload != credential else []


def embeddings(secret: str) -> dict[str, str]:
    """The ways in which a program may print a text that contains the secret."""
    prints = {"plain": f"see {secret}.", "JSON": json.dumps({"key": secret}), "repr": repr({"key": secret}),
              "URL": f"https://h/?a={quote(secret, safe='')}&b", "form": quote(f"a={secret}&b", safe="=&"),
              "header": f"Authorization: Bearer {secret}", "twice": secret * 2, "shell": f"KEY='{secret}'"}
    for before in ("", "x", "xy", "user:"):
        for after in ("", "z", "zz", "zzz", "\n", ":tail of some length"):
            data = (before + secret + after).encode()
            name = f"{before!r}, {after!r}"
            prints[f"base64 with {name}"] = base64.b64encode(data).decode()
            prints[f"base64url with {name}"] = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return prints


@pytest.mark.parametrize("options, variables", (
    ([], None), (["--credential=key"], None), ([], {TOKEN: "token"}),
), ids=("token made from a key", "key", "token given"))
def test_no_form_of_a_secret_survives(options, variables, job, api_token):
    _, out, secrets = job(*options, variables=variables and {TOKEN: api_token})
    assert len(secrets) == (1 if variables else 3 if options else 4)
    for secret in secrets:
        for name, text in embeddings(secret).items():
            assert canary.found_in(text, [secret]), f"the canary does not know {name}"
            shown = Log().add(out).add(text).shown[-1]
            assert not canary.found_in(shown, secrets), f"survives: {name}"


@pytest.mark.parametrize("characters", ("%25 %0A=", '"', "'", "+/=&", "é"))
def test_strange_inner_secret(characters, job):
    """No server makes such keys. The mask must be the secret all the same once the runner has read it."""
    inner = token_hex(16) + characters + token_hex(16)
    _, out, _ = job(variables={KEY: make_key(inner)})
    assert inner in Log().add(out).masks


def test_inner_secret_with_a_line_break(start_server, tmp_path, binary):
    """It is refused, or escaped: its second line must not be a line of the log, where it might be a command."""
    key = make_key(f"{token_hex(16)}\n::error::{token_hex(16)}")
    path = tmp_path / "env"
    path.write_bytes(b"")
    server = start_server(healthy=Zenml(api_keys={key}))
    result = login(server, {KEY: key, "GITHUB_ENV": path}, "env", "--format=github", secret_in={"stdout", path})
    assert result.code in (0, 4), result.err
    assert all(line.startswith("::add-mask::") for line in result.out.splitlines())


def test_standard_output_has_masks_only(job):
    _, out, _ = job()
    lines = out.splitlines()
    assert all(command(line)[0] == "add-mask" for line in lines) and len(set(lines)) == len(lines)


def test_what_is_no_secret_is_not_masked(job, api_key):
    """A masked value cannot be a job's output, and a log full of *** helps nobody."""
    server, out, _ = job("--project", "default")
    log = Log().add(out)
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


def test_no_masks_where_nobody_reads_them(server, api_key, binary):
    for name in ("gitlab", "shell", "dotenv", "json"):
        result = login(server, {KEY: api_key}, "env", "--format", name, secret_in={"stdout"})
        assert "add-mask" not in result.out


def test_the_commands_that_let_a_log_set_variables_are_unknown(binary):
    """CVE-2020-15228: whoever prints them can be made to print them."""
    program = binary.read_bytes()
    assert b"::add-mask::" in program
    assert not [name for name in (b"set-env", b"add-path", b"set-output", b"save-state") if name in program]
