"""Where `zenml-login env` writes: all of it or nothing, and never to a place where it should not."""

from __future__ import annotations

import os
import re
import subprocess

import pexpect
import pytest
from outcome import check_result, login
from surroundings import bound_by_file_modes, in_shell, traced, with_mounts

from oracles import github, gitlab
from run import run
from tls_server import Reply
from zenml_replies import make_token

KEY, TOKEN = "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN"
# What other steps wrote. With the longest credential it is far smaller than any limit set below.
BEFORE = b"A=1\nB<<EOF\nb\nEOF\n"
EARLIER = {"A": "1", "B": "b"}


def env(server, credential, *options, path=None, **further):
    """Runs `env`; `path` is the file of --output, or of GITHUB_ENV for --format=github, and may get secrets."""
    variables = {(TOKEN if credential.startswith("eyJ") else KEY): credential}
    if path and options[0] == "--format=github":
        variables["GITHUB_ENV"] = path
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
    read = github.read(content)
    assert {name: read[name] for name in variables} == variables
    assert set(read) - set(variables) == {"ZENML_STORE_URL", TOKEN, "ZENML_STORE_VERIFY_SSL",
                                          "DISABLE_CREDENTIALS_DISK_CACHING"}
    assert (path.stat().st_ino, path.stat().st_mode & 0o777) == (inode, 0o644)


def test_append_twice(server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(BEFORE)
    env(server, api_key, "--format=github", path=path)
    once = path.read_bytes()
    env(server, api_key, "--format=github", "--credential=key", path=path)
    assert path.read_bytes().startswith(once) and github.read(path.read_bytes())[KEY] == api_key


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

@pytest.mark.parametrize("before", (None, BEFORE, b"x" * 100_000))
@pytest.mark.parametrize("name", ("shell", "dotenv", "json", "gitlab"))
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


# No room

NO_ROOM = "too large|No space left|short write"
LIMIT = 200  # bytes: what other steps wrote fits, our variables do not


@pytest.mark.parametrize("name", ("github", "json", "dotenv"))
def test_file_size_limit(name, server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(BEFORE)
    result = env(server, api_key, f"--format={name}", path=path, wrapper=["prlimit", f"--fsize={LIMIT}"])
    assert result.code == 13 and re.search(NO_ROOM, result.err)
    assert path.read_bytes() == BEFORE and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ("github", "json"))
def test_full_disk(name, server, api_key, tmp_path, binary):
    """On a file system of one page, which what was written before fills almost."""
    before = (b"A=" + b"1" * 61 + b"\n") * 63
    (tmp_path / "before").write_bytes(before)
    disk = tmp_path / "disk"
    disk.mkdir()
    script = (f'mount -t tmpfs -o size=4k none "{disk}"; cp "{tmp_path}/before" "{disk}/env"; "$@"; code=$?; '
              f'ls -A "{disk}" > "{tmp_path}/names"; cp "{disk}/env" "{tmp_path}/after"; exit $code')
    path = disk / "env"
    # A disk of one page has no room for a second file either.
    result = env(server, api_key, f"--format={name}", path=path, wrapper=with_mounts(script))
    assert result.code == 13 and re.search(NO_ROOM, result.err)
    assert (tmp_path / "after").read_bytes() == before and (tmp_path / "names").read_text() == "env\n"


# Killed

def kill_at(number: int, call: str) -> list[str]:
    """The program is killed as it enters its n-th call of this kind."""
    return traced("-f", "-o", "/dev/null", "-e", f"trace={call}", "-e", f"inject={call}:signal=KILL:when={number}")


@pytest.mark.parametrize("name, before", (
    ("github", BEFORE), ("github", BEFORE[:-1]), ("json", BEFORE), ("json", None)))
@pytest.mark.parametrize("call", ("write", "rename", "close"))
def test_killed(name, before, call, server, api_key, tmp_path, binary):
    """Whenever it dies: the file is as it was, or has everything."""
    path = tmp_path / "env"
    for number in range(1, 200):
        path.unlink(missing_ok=True)
        if before is not None:
            path.write_bytes(before)
        code = run_once(server, api_key, name, path, kill_at(number, call))
        content = path.read_bytes() if path.exists() else None
        if content != before:
            assert is_complete(name, content, before or b"")
        if code == 0:
            break
        assert code in (-9, 137)
    else:
        pytest.fail("it never came to its end")
    assert content != before


def run_once(server, api_key, name, path, wrapper) -> int:
    """The exit code of `env`. Not by run(): a killed program may leave its temporary file, of mode 0600, behind."""
    options = ["--output", path] if name == "json" else []
    arguments = ["env", "--server", server.url, "--ca-file", server.ca, f"--format={name}", *options]
    # What a build for coverage writes at its end must not be cut off, so not into the build tree.
    environment = {"PATH": "/usr/bin:/bin", KEY: api_key, "GITHUB_ENV": path, "GCOV_PREFIX": path.parent / "gcov"}
    return subprocess.run([*map(str, [*wrapper, os.environ["ZENML_LOGIN_BIN"], *arguments])],
                          env={name: str(value) for name, value in environment.items()}, capture_output=True,
                          check=False, timeout=60).returncode


def is_complete(name, content, before) -> bool:
    if name == "github":
        return content.startswith(before) and "DISABLE_CREDENTIALS_DISK_CACHING" in github.read(content)
    return content.startswith(b"{") and content.endswith(b"}\n")


# Standard output

@pytest.mark.parametrize("name", ("shell", "dotenv", "json", "gitlab", "github"))
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


@pytest.mark.parametrize("name", ("shell", "gitlab", "dotenv", "json", "github"))
def test_secrets_are_not_shown_at_a_terminal(name, server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(BEFORE)
    code, shown = at_a_terminal(binary, server, {KEY: api_key, "GITHUB_ENV": path}, "--format", name)
    assert code == 2 and "terminal" in shown and "fix: " in shown
    assert server.connections == 0 and path.read_bytes() == BEFORE


def test_a_file_may_be_written_from_a_terminal(server, api_key, tmp_path, binary):
    code, shown = at_a_terminal(binary, server, {KEY: api_key}, "--format=json", "--output", tmp_path / "out")
    assert code == 0 and "eyJ" not in shown and (tmp_path / "out").exists()


# GitLab's dotenv report, which people may download

@pytest.mark.parametrize("credential, options, written", (
    ("key", [], None), ("key", ["--credential=key"], None), ("token", [], None),
    ("key", ["--allow-secret-artifact"], TOKEN), ("token", ["--allow-secret-artifact"], TOKEN),
    ("key", ["--allow-secret-artifact", "--credential=key"], None),
))
def test_gitlab_report(credential, options, written, server, api_key, api_token, tmp_path, binary):
    path = tmp_path / "report.env"
    value = api_key if credential == "key" else api_token
    variables = {(KEY if credential == "key" else TOKEN): value, "GITLAB_CI": "true"}
    result = login(server, variables, "env", "--output", str(path), *options,
                   secret_in={path: "token"} if written else {})
    assert (result.code, result.out) == (0, "")
    read = gitlab.read(path.read_bytes())
    assert set(read) - {written} == {"ZENML_STORE_URL", "ZENML_STORE_VERIFY_SSL", "DISABLE_CREDENTIALS_DISK_CACHING"}
    assert (written in read) == bool(written)
    assert ("artifacts" in result.err) == (not written)


def test_gitlab_report_is_not_larger_than_gitlab_takes(start_server, api_key, tmp_path, binary):
    """A token near the limit: written if GitLab takes it, refused otherwise."""
    for size in (3000, 4500):
        token = make_token(60, filler="x" * (size * 3 // 4))
        server = start_server({"GET /api/v1/api_token": Reply(json=token)})
        path = tmp_path / "report.env"
        path.unlink(missing_ok=True)
        result = env(server, api_key, "--format=gitlab", "--allow-secret-artifact", "--expires-in=1h", path=path)
        if result.code == 0:
            assert gitlab.read(path.read_bytes())[TOKEN] == token
        else:
            assert not path.exists()
