"""`zenml-login exec`: it becomes the command, which sees nothing of it but the variables."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pexpect
import pytest
from outcome import LOGIN, USER, check_result, login
from surroundings import as_process_1, in_shell, traced, without_capabilities

from run import run
from tls_server import Reply
from zenml_replies import PROJECT_ID, Zenml

KEY, TOKEN = "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN"
NO_DISK_CACHE = {"DISABLE_CREDENTIALS_DISK_CACHING": "true"}


def execute(server, api_key, *command, options=(), **further):
    """Runs `exec [options] -- command`; the command may print the API key."""
    return login(server, {KEY: api_key}, "exec", *map(str, options), "--", *map(str, command),
                 **{"secret_in": {"stdout"}} | further)


def arguments_of(server, *command) -> list[str]:
    """The command line for Popen."""
    ca = ["--ca-file", str(server.ca)] if server.ca else []
    return [os.environ["ZENML_LOGIN_BIN"], "exec", "--server", server.url, *ca, "--", *command]


@contextlib.contextmanager
def started(server, api_key, *command, wrapper=(), **options):
    """A running `exec -- command`, ended with the block."""
    environment = {"PATH": "/usr/bin:/bin", KEY: api_key}
    process = subprocess.Popen([*map(str, wrapper), *arguments_of(server, *command)], env=environment,
                               stdout=subprocess.PIPE, **options)
    with process:
        try:
            yield process
        finally:
            process.kill()


# One process

def test_same_process(server, api_key, binary):
    result = execute(server, api_key, "sh", "-c", "echo $$", wrapper=in_shell('echo $$; exec "$@"'))
    before, after = result.out.split()
    assert result.code == 0 and before == after


def test_no_process_of_ours_remains(server, api_key, tmp_path, binary):
    """No fork at all: the trace of all processes shows one."""
    trace = tmp_path / "trace"
    execute(server, api_key, "true", wrapper=traced("-f", "-s", "0", "-e", "trace=fork,vfork,clone,clone3,execve",
                                                    "-o", trace))
    lines = trace.read_text().splitlines()
    assert len([line for line in lines if "execve(" in line]) == 2
    # libcurl may resolve names in a thread; a numeric address needs none.
    assert not [line for line in lines if re.search(r"fork\(|clone", line)]


def test_arguments_are_untouched(server, api_key, binary):
    words = ["", " ", "--", "-h", "--help", "a b", "'\"$HOME`", "new\nline", "é日本", "*", "\\", "=", "\x1b[0m"]
    script = "import sys; sys.stdout.write(open('/proc/self/cmdline').read())"
    result = execute(server, api_key, sys.executable, "-c", script, *words)
    assert result.out.split("\0") == [sys.executable, "-c", script, *words, ""]


def test_the_name_of_the_command_is_kept(server, api_key, tmp_path, binary):
    """Programs such as busybox look at the name they were called by, not at the file behind it."""
    result = execute(server, api_key, "cat", "/proc/self/cmdline")
    assert result.out == "cat\0/proc/self/cmdline\0"


def test_command_is_searched_in_path(server, api_key, tmp_path, binary):
    for folder, text in (("a", None), ("b", "#!/bin/sh\necho b\n"), ("c", "#!/bin/sh\necho c\n")):
        (tmp_path / folder).mkdir()
        if text:
            (tmp_path / folder / "tool").write_text(text)
            (tmp_path / folder / "tool").chmod(0o755 if folder != "b" else 0o644)
    variables = {KEY: api_key, "PATH": f"{tmp_path}/absent:{tmp_path}/a:{tmp_path}/b:{tmp_path}/c"}
    assert login(server, variables, "exec", "--", "tool").out == "c\n"


def test_working_folder_and_umask_are_kept(server, api_key, tmp_path, binary):
    result = execute(server, api_key, "sh", "-c", "pwd; umask", cwd=tmp_path, wrapper=in_shell('umask 027; exec "$@"'))
    assert result.out == f"{tmp_path}\n0027\n"


def test_standard_input_is_passed_on(server, api_key, binary):
    assert execute(server, api_key, "cat", stdin=b"\0binary\xff\n" * 1000).out.encode("utf-8", "surrogateescape") == \
        b"\0binary\xff\n" * 1000


# Exit codes and signals

def test_every_exit_code(start_server, api_key, binary):
    """Without TLS, without run(): 256 logins should not take a minute."""
    server = start_server(tls=None, ca=None)
    for code in range(256):
        command = arguments_of(server, "sh", "-c", f"exit {code}")
        assert subprocess.run(command, env={"PATH": "/usr/bin:/bin", KEY: api_key}, check=False).returncode == code


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGQUIT))
def test_signals_reach_the_command(number, server, api_key, binary):
    name = number.name.removeprefix("SIG")
    script = f"trap 'exit 42' {name}; echo ready; while :; do sleep 0.02; done"
    with started(server, api_key, "sh", "-c", script) as process:
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        assert process.wait(20) == 42


@pytest.mark.parametrize("number", (signal.SIGTERM, signal.SIGKILL, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGABRT))
def test_death_by_signal_is_seen(number, server, api_key, binary):
    with started(server, api_key, "sh", "-c", "ulimit -c 0; echo ready; exec sleep 60") as process:
        assert process.stdout.readline() == b"ready\n"
        time.sleep(0.1)  # until the shell has become sleep
        process.send_signal(number)
        assert process.wait(20) == -number


@pytest.mark.parametrize("before", ([], ["env", "--ignore-signal=PIPE"], ["env", "--ignore-signal=XFSZ,HUP"],
                                    ["env", "--block-signal=USR1"], ["env", "--default-signal"]), ids=" ".join)
def test_signal_dispositions_are_inherited(before, server, api_key, binary):
    command = ["grep", "^Sig[BIC]", "/proc/self/status"]
    plain = subprocess.run([*before, *command], capture_output=True, text=True, check=True).stdout
    assert execute(server, api_key, *command, wrapper=before).out == plain


def test_terminal_is_passed_on(server, api_key, binary):
    """Same modes, same session, in the foreground, and Ctrl-C arrives."""
    script = ("stty -g; test -t 0 && test -t 1 && test -t 2 && echo all; tty; ps -o pid=,pgid=,tpgid= $$ | tr -d '\\n';"
              "echo; trap 'echo got it; exit 7' INT; echo ready; while :; do sleep 0.02; done")
    environment = {"PATH": "/usr/bin:/bin", KEY: api_key}

    def seen(command, *arguments):
        with pexpect.spawn(command, [*arguments], env=environment, timeout=30, encoding="utf-8") as terminal:
            terminal.expect("ready")
            modes, rest = terminal.before.split("\r\n", 1)
            group, foreground = re.search(r"(\d+) +(\d+)\r\n$", rest).groups()
            terminal.sendintr()
            terminal.expect("got it")
            terminal.expect(pexpect.EOF)
            terminal.wait()
            return modes, "all" in rest, "/dev/pts/" in rest, group == foreground == str(terminal.pid), \
                terminal.exitstatus

    plain = seen("/bin/sh", "-c", script)
    assert plain[1:] == (True, True, True, 7)
    assert seen(*arguments_of(server, "/bin/sh", "-c", script)) == plain


# Commands that cannot be run

def unusable(kind: str, folder: Path) -> tuple[str, int]:
    """A command that cannot be run, and the exit code for that."""
    path = folder / "tool"
    if kind in ("missing", "missing, in PATH"):
        return ("no-such-command" if "PATH" in kind else str(path)), 127
    if kind == "folder":
        path.mkdir()
        return str(path), 126
    if kind == "folder, in PATH":
        path.mkdir()
        return "tool", 126
    texts = {"script without #!": "echo no\n", "missing interpreter": "#!/no/such/interpreter\n", "empty": "",
             "damaged program": "\x7fELF" + "\0" * 100}
    path.write_text(texts.get(kind, "#!/bin/sh\necho no\n"))
    path.chmod(0o644 if kind.startswith("not executable") else 0o755)
    if kind == "below a file":
        return f"{path}/tool", 127
    if kind == "dangling link":
        (folder / "link").symlink_to(folder / "absent")
        return f"{folder}/link", 127
    return ("tool" if "PATH" in kind else str(path)), 127 if kind == "missing interpreter" else 126


@pytest.mark.parametrize("kind", ("missing", "missing, in PATH", "folder", "folder, in PATH", "not executable",
                                  "not executable, in PATH", "script without #!", "missing interpreter", "empty",
                                  "damaged program", "below a file", "dangling link"))
def test_command_that_cannot_be_run(kind, server, api_key, tmp_path, binary):
    command, code = unusable(kind, tmp_path)
    result = login(server, {KEY: api_key, "PATH": f"/usr/bin:{tmp_path}"}, "exec", "--", command)
    check_result(result, code, "cannot run .*(No such|Permission|Exec format|directory)", ".")
    # What can be known beforehand is said before anything is sent.
    known = kind not in ("script without #!", "missing interpreter", "empty", "damaged program")
    assert server.connections == (0 if known else 1)


@pytest.mark.parametrize("command, code", (("", 127), ("x" * 300, 126), ("y" * 9000, 126), ("/" + "z/" * 3000, 126)))
def test_strange_command_names(command, code, server, api_key, binary):
    result = execute(server, api_key, command)
    assert result.code in (126, 127) and result.code >= code - 1 and "cannot run" in result.err
    assert server.connections == 0


@pytest.mark.parametrize("script, code", (
    ({LOGIN: Reply(401, json={"detail": "no"})}, 5), ({USER: Reply(403, json={"detail": "no"})}, 6),
    ({"*": Reply(200, body="<html>", content_type="text/html")}, 12), ({LOGIN: Reply(500)}, 11),
))
def test_nothing_runs_without_a_proven_credential(script, code, start_server, api_key, tmp_path, binary):
    server = start_server(script)
    result = execute(server, api_key, "touch", tmp_path / "ran", secret_in={})
    assert result.code == code and not (tmp_path / "ran").exists()


def test_nothing_runs_for_another_account(server, api_key, tmp_path, binary):
    result = execute(server, api_key, "touch", tmp_path / "ran", options=["--expect-user=other"], secret_in={})
    assert result.code == 7 and not (tmp_path / "ran").exists()


# The environment of the command

OURS = {"HOME": "/nowhere", "LANG": "C.UTF-8", "EMPTY": "", "ZENML_DEBUG": "1", "XINPUT_": "kept", "SSLKEYLOGFILE": "",
        "ZENML_STORE_API_KEYS": "kept", "CREDENTIALS_DIRECTORY": "/kept", "ODD": "a=b\nc", "ZENML_STORE_TYPE": "rest"}
INPUTS = {"ZENML_SERVER_URL": "", "ZENML_API_KEY": "", "ZENML_STORE_API_KEY_FILE": "", "ZENML_API_KEY_FILE": "",
          "ZENML_STORE_API_TOKEN_FILE": "", "ZENML_STORE_API_TOKEN": "", "ZENML_STORE_USERNAME": "admin",
          "ZENML_STORE_PASSWORD": "not for the command", "INPUT_API-KEY": "x", "INPUT_": "", "INPUT_SERVER": "h"}


def environment_of_command(server, variables, *options) -> dict[str, str]:
    """What `env -0` as the command prints."""
    result = login(server, OURS | INPUTS | variables, "exec", *options, "--", "env", "-0", secret_in={"stdout"})
    assert result.code == 0, result.err
    entries = result.out.split("\0")[:-1]
    names = [entry.partition("=")[0] for entry in entries]
    assert len(set(names)) == len(names)
    return dict(entry.split("=", 1) for entry in entries)


def inherited() -> dict[str, str]:
    """What run() gives to every program, besides what a test gives."""
    return json.loads(run(["-c", "import json, os; print(json.dumps(dict(os.environ)))"],
                          program=sys.executable).out) | OURS | {"PATH": "/usr/bin:/bin"}


@pytest.mark.parametrize("source", (KEY, "ZENML_API_KEY", f"{KEY}_FILE"))
def test_environment_in_key_mode(source, server, api_key, tmp_path, binary):
    path = tmp_path / "key"
    path.write_text(api_key)
    variables = {source: str(path) if source.endswith("FILE") else api_key}
    expected = inherited() | {"ZENML_STORE_URL": server.url, KEY: api_key,
                              "ZENML_STORE_VERIFY_SSL": str(server.ca)} | NO_DISK_CACHE
    expected.pop("LC_CTYPE", None)
    assert environment_of_command(server, variables) == expected


def test_environment_in_token_mode(start_server, api_key, binary):
    minted = []
    server = start_server(healthy=Zenml(api_keys={api_key}, on_token=minted.append))
    options = ["--credential=token", "--expires-in=1h", "--project", PROJECT_ID, "--allow-disk-cache"]
    seen = environment_of_command(server, {KEY: api_key, "ZENML_API_KEY": api_key}, *options)
    expected = inherited() | {"ZENML_STORE_URL": server.url, TOKEN: minted[-1], "ZENML_ACTIVE_PROJECT_ID": PROJECT_ID,
                              "ZENML_STORE_VERIFY_SSL": str(server.ca)}
    expected.pop("LC_CTYPE", None)
    assert seen == expected


def test_a_token_given_is_handed_on(server, api_token, binary):
    seen = environment_of_command(server, {TOKEN: api_token})
    assert seen[TOKEN] == api_token and KEY not in seen


def test_our_variables_replace_old_ones(server, api_key, binary):
    old = {"ZENML_STORE_VERIFY_SSL": "false", "ZENML_ACTIVE_PROJECT_ID": "old", "DISABLE_CREDENTIALS_DISK_CACHING": ""}
    seen = environment_of_command(server, {KEY: api_key} | old, "--project=default")
    assert (seen["ZENML_STORE_VERIFY_SSL"], seen["ZENML_ACTIVE_PROJECT_ID"]) == (str(server.ca), PROJECT_ID)
    assert seen["DISABLE_CREDENTIALS_DISK_CACHING"] == "true"


def test_nothing_of_the_key_is_in_memory_of_the_command_in_token_mode(server, api_key, binary):
    """Not in its environment, and not above it on the stack, where execve(2) puts it."""
    result = execute(server, api_key, "cat", "/proc/self/environ", "/proc/self/auxv", "/proc/self/cmdline",
                     options=["--credential=token"], secret_in={"stdout": "token"})
    assert result.code == 0


def test_no_descriptor_of_ours_is_open(server, api_key, binary):
    """The only one beyond 0 to 2 is the command's own."""
    assert execute(server, api_key, "ls", "/proc/self/fd").out.split() == ["0", "1", "2", "3"]


@pytest.mark.parametrize("closed", ((0,), (1,), (2,), (0, 1), (0, 1, 2)))
def test_closed_descriptors_stay_closed(closed, server, api_key, tmp_path, binary):
    """And none of our connections got their numbers."""
    redirections = " ".join(f"{fd}{'<' if fd == 0 else '>'}&-" for fd in closed)
    script = ("import os, sys\nopen_now = []\nfor fd in range(20):\n    try:\n        os.fstat(fd)\n"
              "        open_now.append(fd)\n    except OSError:\n        pass\n"
              "open(sys.argv[1], 'w').write(repr(open_now))")
    execute(server, api_key, sys.executable, "-c", script, tmp_path / "open",
            wrapper=in_shell(f'exec "$@" {redirections}'))
    assert (tmp_path / "open").read_text() == repr([fd for fd in range(3) if fd not in closed])


@pytest.mark.parametrize("core", ("0:0", "4096:8192", "0:8192"))
def test_core_limit_is_restored(core, server, api_key, binary):
    # The address sanitizer would have its own limit.
    wrapper = ["env", "ASAN_OPTIONS=disable_coredump=0", "prlimit", f"--core={core}"]
    limit = execute(server, api_key, "grep", "core file", "/proc/self/limits", wrapper=wrapper).out
    assert limit.split()[4:6] == core.split(":")


def test_tls_key_log(server, api_key, tmp_path, binary):
    """Whoever sets SSLKEYLOGFILE wants to see the traffic of the command, and not our credential."""
    path = tmp_path / "keys"
    result = login(server, {KEY: api_key, "SSLKEYLOGFILE": path}, "exec", "--", "printenv", "SSLKEYLOGFILE")
    assert result.out == f"{path}\n" and not path.exists()


# As process 1, and while it runs

def test_as_process_1(server, api_key, binary):
    result = execute(server, api_key, "sh", "-c", "echo $$; exit 42", wrapper=as_process_1())
    assert (result.code, result.out) == (42, "1\n")


def test_signal_to_process_1(server, api_key, binary):
    script = "trap 'exit 42' TERM; echo ready; while :; do sleep 0.02; done"
    with started(server, api_key, "sh", "-c", script, wrapper=as_process_1()) as process:
        assert process.stdout.readline() == b"ready\n"
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGTERM)
        assert process.wait(20) == 42


def test_protected_while_it_runs(start_server, api_key, binary):
    """No core dump, and no look into the environment by another process of the same user."""
    server = start_server({LOGIN: Reply(401, json={"detail": "no"}, delay=30)})
    plain = without_capabilities("sys_ptrace", "perfmon", "sys_admin")

    def environment_is_readable(process):
        reader = [*plain, "cat", f"/proc/{process}/environ"]
        return subprocess.run(reader, capture_output=True, check=False).returncode == 0

    with subprocess.Popen([*plain, "sleep", "60"], env={"PATH": "/usr/bin:/bin"}) as other:
        time.sleep(0.1)
        assert environment_is_readable(other.pid)
        other.kill()
    with started(server, api_key, "true", wrapper=[*plain, "prlimit", "--core=4096:8192"]) as process:
        deadline = time.monotonic() + 20
        while not any(event["event"] == "request" for event in list(server.events)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        limits = Path(f"/proc/{process.pid}/limits").read_text()
        assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)
        assert not environment_is_readable(process.pid)
