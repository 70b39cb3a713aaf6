"""Where `zenml-login env` writes, and where it does not."""

from __future__ import annotations

import os
import subprocess

import pexpect
import pytest
from formats import BY_DEFAULT, FORMATS, KEY, TOKEN, WAYS
from outcome import check_result, login
from surroundings import bound_by_file_modes, in_shell

from oracles import github
from run import run

# What other steps wrote.
BEFORE = b"A=1\nB<<EOF\nb\nEOF\n"
EARLIER = {"A": "1", "B": "b"}
FILE_VARIABLES = {"--format=github": "GITHUB_ENV", "--format=circleci": "BASH_ENV"}


def env(server, credential, *options, path=None, **further):
    """Runs `env`; `path` is the file of --output, or the one that the format finds itself, and may get secrets."""
    variables = {(TOKEN if credential.startswith("eyJ") else KEY): credential}
    if path and options[0] in FILE_VARIABLES:
        variables[FILE_VARIABLES[options[0]]] = path
    elif path:
        options = [*options, "--output", path]
    places = {path, "stdout"} if options[0] == "--format=github" else {path or "stdout"}
    return login(server, variables, "env", *map(str, options), secret_in=places, **further)


def refused(server, credential, message, *options, path):
    """Exit code 13 with this message, and no connection was made."""
    check_result(env(server, credential, *options, path=path, wrapper=bound_by_file_modes()), 13, message)
    assert server.connections == 0


# Appending

@pytest.mark.parametrize("before, variables", (
    (b"", {}), (b"A=1\n", {"A": "1"}), (b"A=1", {"A": "1"}), (BEFORE, EARLIER), (BEFORE[:-1], EARLIER),
    (b"\xef\xbb\xbfA=1\r\n", {"A": "1\r"}), (b"\n", {}),
))
@pytest.mark.parametrize("place", ("GITHUB_ENV", "--output"))
def test_append(place, before, variables, server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(before)
    path.chmod(0o644)
    inode = path.stat().st_ino
    options = ["--format=github"] if place == "GITHUB_ENV" else ["--format=github", "--output", path]
    assert env(server, api_key, *options, path=path).code == 0
    content = path.read_bytes()
    assert content.startswith(before) and content.endswith(b"\n")
    read = {name: value for name, value in github.read(content).items() if value}
    assert {name: read[name] for name in variables} == variables
    assert set(read) - set(variables) == {"ZENML_STORE_URL", TOKEN, "ZENML_STORE_VERIFY_SSL",
                                          "DISABLE_CREDENTIALS_DISK_CACHING", "ZENML_LOGIN_WRITTEN"}
    assert (path.stat().st_ino, path.stat().st_mode & 0o777) == (inode, 0o644)


def test_append_twice(server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(BEFORE)
    env(server, api_key, "--format=github", path=path)
    once = path.read_bytes()
    env(server, api_key, "--format=github", "--credential=key", path=path)
    assert path.read_bytes().startswith(once) and github.read(path.read_bytes())[KEY] == api_key


@pytest.mark.parametrize("before", (b"", b"export A='1'\n", b"export A='1'", b"# no variables", None))
@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if way.appends and way.format != "github"])
def test_append_in_other_formats(name, before, server, api_key, tmp_path, binary):
    """The file may be missing; it gets mode 0600 then."""
    way, path = WAYS[name], tmp_path / "env"
    if before is not None:
        path.write_bytes(before)
        path.chmod(0o640)
    variables, options = ({}, ["--output", str(path)]) if way.place == "--output" else ({way.place: path}, [])
    result = login(server, {KEY: api_key} | variables, "env", "--format", way.format, *options, secret_in={path},
                   wrapper=in_shell('umask 0; exec "$@"'))
    assert (result.code, result.out) == (0, ""), result.err
    content = path.read_bytes()
    end = b"\n" if before and not before.endswith(b"\n") else b""
    assert content.startswith((before or b"") + end)
    assert "ZENML_STORE_URL" in way.readers[0](content[len(before or b"") + len(end):])
    assert path.stat().st_mode & 0o7777 == (0o600 if before is None else 0o640)


def place(kind, tmp_path):
    """A path of this kind, and the file whose content must stay."""
    target = tmp_path / "target"
    target.write_bytes(BEFORE)
    path = tmp_path / "env"
    if kind == "symbolic link":
        path.symlink_to(target)
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "absent")
    elif kind == "folder":
        path.mkdir()
    elif kind == "FIFO":
        os.mkfifo(path)
    elif kind == "below a file":
        path = target / "env"
    elif kind == "missing folder":
        path = tmp_path / "absent" / "env"
    elif kind == "read-only":
        path = target
        path.chmod(0o400)
    elif kind == "read-only folder":
        (tmp_path / "shut").mkdir(mode=0o500)
        path = tmp_path / "shut" / "env"
    elif kind.startswith("/dev"):
        path = kind
    return path, target


@pytest.mark.parametrize("kind, message", (
    ("missing", "No such file"), ("missing folder", "No such file"), ("symbolic link", "symbolic link"),
    ("dangling link", "symbolic link"), ("folder", "directory|regular"), ("FIFO", "regular"),
    ("below a file", "Not a directory"), ("read-only", "denied"), ("/dev/null", "regular"), ("/dev/full", "regular"),
))
def test_append_refused(kind, message, server, api_key, tmp_path, binary):
    path, target = place(kind, tmp_path)
    names = sorted(tmp_path.rglob("*"))
    refused(server, api_key, message, "--format=github", path=path)
    assert target.read_bytes() == BEFORE and sorted(tmp_path.rglob("*")) == names


# Replacing

REPLACED = sorted({way.format for way in WAYS.values() if way.place == "--output" and not way.appends})


@pytest.mark.parametrize("before", (None, BEFORE, b"x" * 100_000))
@pytest.mark.parametrize("name", REPLACED)
def test_replace(name, before, server, api_key, tmp_path, binary):
    path = tmp_path / "out"
    if before is not None:
        path.write_bytes(before)
        path.chmod(0o666)
    result = env(server, api_key, f"--format={name}", path=path, wrapper=in_shell('umask 0; exec "$@"'))
    assert (result.code, result.out) == (0, "")
    assert b"ZENML_STORE_URL" in path.read_bytes() and BEFORE not in path.read_bytes()
    assert path.stat().st_mode & 0o7777 == 0o600 and list(tmp_path.iterdir()) == [path]


def test_replace_leaves_hard_links_and_readers_alone(server, api_key, tmp_path, binary):
    """Whoever has the old file open, or another name for it, does not get the new content."""
    path, link = tmp_path / "out", tmp_path / "link"
    path.write_bytes(BEFORE)
    link.hardlink_to(path)
    assert env(server, api_key, "--format=json", path=path).code == 0
    assert link.read_bytes() == BEFORE


def test_a_format_of_commands_for_the_log_takes_no_file(server, api_key, tmp_path, binary):
    result = login(server, {KEY: api_key}, "env", "--format=azure", "--output", str(tmp_path / "out"))
    check_result(result, 2, "--output does not go with --format azure", "leave out --output")
    assert server.connections == 0 and not list(tmp_path.iterdir())


def test_relative_output(server, api_key, tmp_path, binary):
    result = login(server, {KEY: api_key}, "env", "--format=json", "--output=out", cwd=tmp_path,
                   secret_in={tmp_path / "out"})
    assert result.code == 0 and (tmp_path / "out").read_bytes().startswith(b"{")


@pytest.mark.parametrize("kind, message", (
    ("missing folder", "No such file"), ("symbolic link", "symbolic link"), ("dangling link", "symbolic link"),
    ("folder", "regular|directory"), ("FIFO", "regular"), ("below a file", "Not a directory"),
    ("read-only folder", "denied"), ("/dev/null", "regular"), ("/dev/stdout", "link"),
))
def test_replace_refused(kind, message, server, api_key, tmp_path, binary):
    path, target = place(kind, tmp_path)
    names = sorted(tmp_path.rglob("*"))
    refused(server, api_key, message, "--format=json", path=path)
    assert target.read_bytes() == BEFORE and sorted(tmp_path.rglob("*")) == names


# Standard output

@pytest.mark.parametrize("name", [WAYS[name].format for name in BY_DEFAULT if name != "circleci"])
@pytest.mark.parametrize("how, message", (('exec "$@" >/dev/full', "No space left"), ('exec "$@" >&-', "Bad file"),
                                          ('exec "$@" 1</dev/null', "Bad file")))
def test_standard_output_fails(name, how, message, server, api_key, tmp_path, binary):
    """Without masks in the log, nothing is written to the file."""
    path = tmp_path / "env"
    path.write_bytes(BEFORE)
    result = login(server, {KEY: api_key, "GITHUB_ENV": path}, "env", "--format", name, wrapper=in_shell(how))
    check_result(result, 13, f"standard output.*{message}")
    assert path.read_bytes() == BEFORE


@pytest.mark.parametrize("arguments", (["env", "--format=shell"], ["whoami"], ["whoami", "--json"]))
def test_nobody_reads_standard_output(arguments, server, api_key, binary):
    """The reader of a pipe has gone: no SIGPIPE kills the program, it says what is wrong."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    command = [str(binary), *arguments, "--server", server.url, "--ca-file", str(server.ca)]
    with os.fdopen(write_end, "wb") as pipe:
        result = subprocess.run(command, env={KEY: api_key}, stdout=pipe, stderr=subprocess.PIPE, check=False,
                                timeout=30, text=True)
    assert result.returncode == 13 and "Broken pipe" in result.stderr


@pytest.mark.parametrize("arguments", (["--help"], ["env", "--help"], ["--version"]))
def test_help_to_a_full_disk_fails(arguments, binary):
    assert run(arguments, wrapper=in_shell('exec "$@" >/dev/full')).code == 13


def at_a_terminal(binary, server, variables, *options):
    """Runs `env` at a terminal: exit code and what the terminal shows."""
    arguments = ["env", "--server", server.url, "--ca-file", str(server.ca), *map(str, options)]
    environment = {"PATH": "/usr/bin:/bin"} | {name: str(value) for name, value in variables.items()}
    with pexpect.spawn(str(binary), arguments, env=environment, timeout=30, encoding="utf-8") as terminal:
        terminal.expect(pexpect.EOF)
        terminal.wait()
        return terminal.exitstatus, terminal.before


@pytest.mark.parametrize("name", [format for format in FORMATS if format != "circleci"])
def test_secrets_are_not_shown_at_a_terminal(name, server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(BEFORE)
    code, shown = at_a_terminal(binary, server, {KEY: api_key, "GITHUB_ENV": path}, "--format", name)
    assert code == 2 and "terminal" in shown and "fix: " in shown
    assert server.connections == 0 and path.read_bytes() == BEFORE


def test_a_file_may_be_written_from_a_terminal(server, api_key, tmp_path, binary):
    code, shown = at_a_terminal(binary, server, {KEY: api_key}, "--format=json", "--output", tmp_path / "out")
    assert code == 0 and "eyJ" not in shown and (tmp_path / "out").exists()
