"""Real PAM applications - sshd, su, sudo, login - inside the machine of pam_host.py, and a terminal to type at them.

    hosts = Hosts(pam_host, tmp_path)
    with hosts.sshd() as sshd:
        attempt = sshd.log_in("alice", {KEY_PROMPT: key})
        assert attempt.let_in
    attempt = hosts.su("alice", "bob", {KEY_PROMPT: key})

An `Attempt` says what a person at the keyboard saw. Prompts are answered by what they say, not by their order, so that
a stack that asks more, or less, than expected still gets true answers.
"""

from __future__ import annotations

import contextlib
import functools
import os
import pty
import pwd
import re
import select
import signal
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator, Mapping, Sequence

import pytest

from pam_host import PamHost, SystemLog, wait_until

KEY_PROMPT = "ZenML API key: "
PASSWORD_PROMPT = "Password: "
PASSWORD = "the local password"  # of every user that `Hosts` knows

AUTH_LINE = "auth [success=done ignore=ignore default=die] pam_zenml.so"
ACCOUNT_LINE = "account [success=ok ignore=ignore default=bad] pam_zenml.so"

# Services that name the stack of `Hosts.protect`; each is run by its own program.
SERVICES = ("sshd", "login", "su", "su-l", "sudo", "sudo-i")

WHO = 'echo "in-as-$(id -un)"'  # the echo of what is typed does not match what it prints
CALLER_ENV = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "TERM": "dumb", "LC_ALL": "C"}

CTRL_C, CTRL_D = "\x03", "\x04"
PATIENCE = 60  # seconds; a login that takes longer has failed

_FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')
_PROGRAMS = ("/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen", "/usr/bin/sudo", "/usr/bin/su", "/usr/bin/login")
_SUDOERS = """\
Defaults timestamp_timeout=0, passwd_tries=1, !lecture, secure_path=/usr/sbin:/usr/bin:/sbin:/bin
ALL ALL=(ALL) ALL
"""
_SSHD_CONFIG = """\
ListenAddress 127.0.0.1
HostKey {folder}/host_key
PidFile none
MaxStartups 100
MaxSessions 10
LogLevel DEBUG1
PermitRootLogin yes
PubkeyAuthentication no
{guide}
"""


@dataclass(frozen=True)
class Attempt:
    """How one attempt to get in ended.

    let_in    whether the command ran as the user it was meant for
    output    everything that appeared on the terminal
    prompts   what was asked, in order: those of the known prompts that appeared
    code      exit status of the program that asked
    """

    let_in: bool
    output: str
    prompts: tuple[str, ...]
    code: int

    def __bool__(self):
        raise TypeError("ask for let_in")  # an Attempt is always true: `assert attempt` would prove nothing


class Terminal:
    """A program on a terminal of its own.

    command  the program and its arguments
    user     local user that starts it; None: root
    env      its whole environment
    prepare  is called in the new process before the program is started
    fds      further arguments for Popen, such as stdin=… to replace what is on the terminal by default
    """

    def __init__(self, command: Sequence[str | Path], *, user: str | None = None, env: Mapping[str, str] | None = None,
                 prepare: Callable[[], object] = lambda: None, **fds):
        self._master, self._slave = pty.openpty()  # ours stays open: a program may open /dev/tty late
        account = pwd.getpwnam(user) if user else None
        identity = {} if not account else {
            "user": account.pw_uid, "group": account.pw_gid, "extra_groups": os.getgrouplist(user, account.pw_gid)}
        if account:
            os.fchown(self._slave, account.pw_uid, -1)
        terminal = os.ttyname(self._slave)

        def start():
            os.close(os.open(terminal, os.O_RDWR))  # the session's first terminal becomes its controlling one
            prepare()

        streams = dict.fromkeys(("stdin", "stdout", "stderr"), self._slave) | fds
        self.process = subprocess.Popen([str(word) for word in command], env=CALLER_ENV if env is None else env,
                                        cwd="/", start_new_session=True, preexec_fn=start, **identity, **streams)
        self._ended = os.pidfd_open(self.process.pid)
        self._output = bytearray()
        self._taken = 0  # of the output, by `wait_for`

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.hang_up()
        for descriptor in (self._master, self._slave, self._ended):
            os.close(descriptor)

    def hang_up(self) -> None:
        """Kills the program, if it still runs."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(PATIENCE)

    @property
    def output(self) -> str:
        """What has appeared so far."""
        return self._output.decode("utf-8", "backslashreplace").replace("\r\n", "\n")

    def type(self, text: str) -> None:
        """Sends keystrokes."""
        data = text.encode("utf-8", "surrogateescape")
        while data:
            data = data[os.write(self._master, data):]

    def insist(self, key: str) -> None:
        """Presses a control key until something comes of it: sudo misses an interrupt when it is just about to read."""
        size = len(self._output)
        for _ in range(PATIENCE):
            self.type(key)
            if not self._read(1) or len(self._output) > size:
                return

    def wait_for(self, *texts: str, seconds: float = PATIENCE) -> str | None:
        """Waits until the newest output ends with one of `texts`, and returns which; None when the program ends
        before."""
        end = time.monotonic() + seconds
        while True:
            new = self._output[self._taken:].decode("utf-8", "backslashreplace")
            for text in texts:
                if new.endswith(text):
                    self._taken = len(self._output)
                    return text
            if time.monotonic() > end:
                raise AssertionError(f"no end of it within {seconds} s:\n{self.output}")
            if not self._read(end - time.monotonic()):
                return None

    def finish(self) -> int:
        """Reads until the program has ended; returns its exit status."""
        self.wait_for()
        return self.process.wait(PATIENCE)

    def _read(self, seconds: float) -> bool:
        """Takes in what arrives within `seconds`; false when the program has ended and nothing is left."""
        ready = select.select([self._master, self._ended], [], [], max(0, seconds))[0]
        if self._master in ready:
            self._output += os.read(self._master, 65536)
        return ready != [self._ended]


Answers = Mapping[str, "str | Sequence[str] | None"]


def converse(terminal: Terminal, answers: Answers) -> tuple[str, ...]:
    """Answers every prompt that ends with a key of `answers` until the program ends; returns the prompts seen.

    A value is typed with Enter after it (CTRL_C and CTRL_D without); a list is used up one by one, its last one for
    ever. None stands for hanging up: the program is killed."""
    seen: list[str] = []
    while prompt := terminal.wait_for(*answers):
        values = answers[prompt]
        if values is None:
            terminal.hang_up()
            break
        values = [values] if isinstance(values, str) else values
        answer = values[min(seen.count(prompt), len(values) - 1)]
        seen.append(prompt)
        if answer in (CTRL_C, CTRL_D):
            terminal.insist(answer)
        else:
            terminal.type(answer + "\n")
    return tuple(seen)


class Hosts:
    """The programs that ask PAM, in the machine `host`, and what they need there. Skips the test when one of them is
    not installed.

    folder  an empty folder for keys and configuration of sshd
    """

    def __init__(self, host: PamHost, folder: Path):
        for program in _PROGRAMS:
            if not os.access(program, os.X_OK):
                pytest.skip(f"not installed: {program}")
        self.host = host
        self.folder = Path(folder)
        self.module_path = module_folder() / "pam_zenml.so"
        make_writable(host)
        self.install_module()
        host.folder("/run/sshd")
        host.write("/etc/sudoers", _SUDOERS, 0o440)
        for name in ("root", "alice", "bob", "carol"):
            self.set_password(name)

    def install_module(self) -> None:
        """Puts the module where a PAM line that names only `pam_zenml.so` finds it."""
        if self.host.module.exists():
            part = self.host.write(self.module_path.with_suffix(".part"), self.host.module.read_bytes())
            part.replace(self.module_path)

    def protect(self, *auth: str, services: Sequence[str] = SERVICES) -> None:
        """Gives `services` a stack with these `auth` lines (default: our line, and nobody without a credential), our
        account line, and the distribution's session modules that such a service needs."""
        lines = auth or (AUTH_LINE, "auth required pam_deny.so")
        for service in services:
            self.host.service(service, *lines, ACCOUNT_LINE, "account required pam_unix.so",
                              "session required pam_unix.so")

    @staticmethod
    def set_password(user: str, password: str = PASSWORD) -> None:
        """Gives a local user a password."""
        subprocess.run(["usermod", "-p", _hash(password), user], check=True)

    # One attempt with each program. `answers` as in `converse`; `command` is what runs when it lets in.

    def su(self, caller: str | None, target: str, answers: Answers, *, command: str = WHO, login: bool = False,
           **terminal) -> Attempt:
        """`su [-] TARGET -c COMMAND` as `caller`."""
        words = ["/usr/bin/su", *["-"] * login, target, "-c", command]
        return self._attempt(words, target, answers, user=caller, **terminal)

    def sudo(self, caller: str, answers: Answers, *, target: str = "root", command: str = WHO, login: bool = False,
             **terminal) -> Attempt:
        """`sudo [-i] -u TARGET sh -c COMMAND` as `caller`."""
        words = ["/usr/bin/sudo", *["-i"] * login, "-u", target, "sh", "-c", command]
        return self._attempt(words, target, answers, user=caller, **terminal)

    def login(self, target: str, answers: Answers, *, command: str = WHO, **terminal) -> Attempt:
        """`login TARGET` on a terminal of root, as getty starts it; COMMAND is typed at the shell."""
        shell = f"{command}; exit"
        refused = {"login: ": None}  # it asks for another name after a refusal
        return self._attempt(["/usr/bin/login", target], target, {"$ ": shell, "# ": shell} | refused | dict(answers),
                             **terminal)

    def attempt(self, service: str, target: str, answers: Answers, *, sshd: Sshd | None = None,
                **terminal) -> Attempt:
        """An attempt through the program that uses `service`; only "sshd" needs a running `sshd`. The user whose
        credential is asked for is always `target`."""
        if service == "sshd":
            return sshd.log_in(target, answers, **terminal)
        if service == "login":
            return self.login(target, answers, **terminal)
        if service in ("su", "su-l"):
            return self.su("bob", target, answers, login=service == "su-l", **terminal)
        return self.sudo(target, answers, target="bob", login=service == "sudo-i", **terminal)

    @contextlib.contextmanager
    def sshd(self, *settings: str, env: Mapping[str, str] | None = None) -> Iterator[Sshd]:
        """A running sshd with the settings of docs/ssh-login.md and then `settings`, and its environment."""
        key = self.folder / "host_key"
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
        config, log = self.folder / "sshd_config", self.folder / "sshd.log"
        text = _SSHD_CONFIG.format(folder=self.folder, guide="".join(guide_blocks("sshd_config")))
        config.write_text(text + "".join(f"{line}\n" for line in settings), encoding="utf-8")
        for _ in range(5):  # another process may take the port between our look and sshd's bind
            port = _free_port()
            with log.open("wb") as output, subprocess.Popen(
                    ["/usr/sbin/sshd", "-D", "-e", "-f", str(config), "-p", str(port)],
                    env=CALLER_ENV | dict(env or {}), stdin=subprocess.DEVNULL, stdout=output,
                    stderr=output) as process:
                wait_until(lambda: process.poll() is not None or _listens(port), PATIENCE)
                if process.poll() is None:
                    try:
                        yield Sshd(port, log, process.pid)
                    finally:
                        process.terminate()
                    return
        raise AssertionError(f"sshd does not start:\n{log.read_text(errors='replace')}")

    def _attempt(self, words: Sequence[str], target: str, answers: Answers, **terminal) -> Attempt:
        with Terminal(words, **terminal) as window:
            prompts = converse(window, answers)
            return _result(window, target, prompts, window.finish())


@dataclass(frozen=True)
class Sshd:
    """A running sshd: its port, its own log, its pid."""

    port: int
    log: Path
    pid: int
    options: tuple[str, ...] = field(default=(
        "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
        "-o", "PreferredAuthentications=keyboard-interactive", "-o", "NumberOfPasswordPrompts=1"))

    def command(self, user: str, *words: str, options: Sequence[str] = ()) -> list[str]:
        """The command line of the client."""
        return ["/usr/bin/ssh", *options, *self.options, "-p", str(self.port), f"{user}@127.0.0.1", *words]

    def log_in(self, user: str, answers: Answers, *, command: str = WHO, options: Sequence[str] = (),
               **terminal) -> Attempt:
        """`ssh USER@127.0.0.1 COMMAND`."""
        with Terminal(self.command(user, command, options=options), **terminal) as window:
            prompts = converse(window, answers)
            return _result(window, user, prompts, window.finish())


def _result(terminal: Terminal, target: str, prompts: tuple[str, ...], code: int) -> Attempt:
    let_in = re.search(rf"^in-as-{re.escape(target)}$", terminal.output, re.MULTILINE) is not None
    return Attempt(let_in, terminal.output, prompts, code)


def decisions(log: SystemLog) -> list[dict[str, str]]:
    """The fields of every line of our module with a decision that was logged since the last call."""
    texts = [record.text for record in log.read() if record.text.startswith("result=")]
    return [{name: value.strip('"') for name, value in _FIELD.findall(text)} for text in texts]


def guide_blocks(language: str = "") -> list[str]:
    """The code blocks of docs/ssh-login.md in this language."""
    text = (Path(__file__).parents[2] / "docs/ssh-login.md").read_text(encoding="utf-8")
    return [block for kind, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
            if kind == language]


@functools.lru_cache(maxsize=None)
def module_folder() -> Path:
    """Where libpam looks for a module that is named without a folder."""
    return next(Path("/").glob("usr/lib/*/security/pam_unix.so")).parent


@functools.lru_cache(maxsize=None)
def make_writable(host: PamHost) -> None:
    """Lets the machine's programs write where they do; once, since overlays cannot be piled up."""
    for folder in (module_folder(), "/var/log", "/run"):
        host.overlay(folder)


@functools.lru_cache(maxsize=None)
def _hash(password: str) -> str:
    done = subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=password, capture_output=True, text=True,
                          check=True)
    return done.stdout.strip()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
