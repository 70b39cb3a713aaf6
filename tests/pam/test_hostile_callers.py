"""Real setuid su and sudo, started by somebody who prepares everything that a caller can prepare.

Whatever it is: no file appears, no connection is made but the one to the server, and the answer is the same as without,
or a clean refusal. What the helper process is given is read from /proc while it runs.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import resource
import signal
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Container, Iterator, Mapping

import pytest

from application import Transaction, play
from hosts import CALLER_ENV, KEY_PROMPT, SERVICES, Attempt, Hosts, decisions
from keys import make_key
from messages import Request
from pam_host import MAP
from tls_server import Proxy, Reply, Server
from zenml_replies import ACCOUNT_ID, Zenml

NOBODY = "65534"
RAN = 42  # exit status that only the command gives
COMMAND = f"exit {RAN}"
_AT_ONCE = 16  # attempts; most of them wait, as refused ones must
TRAP = Path("/run/zn-trap")  # root and the helper can write here, the callers cannot
PLANTED = Path("/etc/zn-test/planted")  # everybody can read here


@pytest.fixture(scope="module")
def hosts(pam_host, tmp_path_factory) -> Hosts:
    made = Hosts(pam_host, tmp_path_factory.mktemp("hosts"))
    made.protect()
    pam_host.folder(TRAP, 0o700)
    os.chown(TRAP, int(NOBODY), int(NOBODY))
    return made


class Gate:
    """Stands before an answer of the server: while it is shut, the helper waits."""

    def __init__(self, healthy: Zenml):
        self._healthy = healthy
        self.reached, self.open = threading.Event(), threading.Event()
        self.open.set()

    def __call__(self, request: Request) -> Reply:
        self.reached.set()
        self.open.wait(30)
        return self._healthy.answer(request)


Attempts = Mapping[tuple[str, str, str], Attempt]  # caller, service, "right" or "wrong"


@dataclass(frozen=True)
class Machine:
    """Where alice may log in with `key` on `server`, whose answer to a login passes `gate`."""

    hosts: Hosts
    server: Server
    gate: Gate
    key: str = field(repr=False)
    wrong_key: str = field(repr=False)

    def configure(self, *further: str) -> None:
        ca = self.hosts.host.publish(self.server.ca)
        self.hosts.host.configure(f"server = {self.server.url}", f"ca_file = {ca}", f"map_file = {MAP}",
                                  "timeout = 60", *further)

    def attempts(self, callers: Mapping[str, dict], services=("su", "sudo"), keys=("right", "wrong")) -> Attempts:
        """One attempt of each caller with each key through each service, many at the same time. What a caller does
        are arguments for `Terminal`."""
        asked = [(caller, service, key) for caller in callers for service in services for key in keys]
        typed = {"right": self.key, "wrong": self.wrong_key}

        def attempt(caller: str, service: str, key: str) -> Attempt:
            return self.hosts.attempt(service, "alice", {KEY_PROMPT: typed[key]}, command=COMMAND, **callers[caller])

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(asked, pool.map(lambda one: attempt(*one), asked)))


@pytest.fixture
def machine(hosts, start_server) -> Machine:
    key, wrong_key = make_key(), make_key()
    healthy = Zenml(api_keys={key})
    gate = Gate(healthy)
    made = Machine(hosts, start_server({"POST /api/v1/login": gate}, healthy=healthy), gate, key, wrong_key)
    made.configure()
    hosts.host.map(f"{ACCOUNT_ID} = alice")
    hosts.host.log.raw()
    yield made
    assert list(TRAP.iterdir()) == []


def as_without(machine: Machine, attempts: Attempts) -> None:
    """Everybody got the answer that is due to their key, and the server saw all of them and nobody else."""
    codes = {asked: attempt.code for asked, attempt in attempts.items()}
    assert {asked: code == RAN for asked, code in codes.items()} == {asked: asked[2] == "right" for asked in codes}
    assert sorted(line["reason"] for line in decisions(machine.hosts.host.log)) == sorted(
        "ok" if key == "right" else "rejected" for _, _, key in attempts)
    assert machine.server.connections == len(attempts)


# The environment


PROXY_NAMES = [spelling for name in ("http_proxy", "https_proxy", "all_proxy", "ftp_proxy", "socks_proxy", "ws_proxy",
                                     "wss_proxy", "socks5_proxy", "rsync_proxy")
               for spelling in (name, name.upper(), name.title())]

NO_PROXY_NAMES = ("no_proxy", "NO_PROXY", "No_Proxy")

# Variables that make a library write a file, with the file in the trap as their value.
WRITERS = {
    "key log": ["SSLKEYLOGFILE"],
    "loader": ["LD_DEBUG_OUTPUT", "LD_PROFILE_OUTPUT"],
    "allocator": ["MALLOC_TRACE"],
    "temporary files": ["TMPDIR", "TMP", "TEMP", "GCOV_PREFIX", "LLVM_PROFILE_FILE"],
    "curl": ["CURL_DEBUG_FILE", "CURL_MEMDEBUG", "CURL_MEMDEBUG_LOG", "CURL_ENTROPY", "CURL_TRACE"],
}
SWITCHES = {"loader": {"LD_DEBUG": "all", "LD_PROFILE": "libc.so.6", "LD_BIND_NOW": "1", "LD_WARN": "1",
                       "LD_DYNAMIC_WEAK": "1"},
            "allocator": {"MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165", "MALLOC_ARENA_MAX": "1",
                          "MALLOC_TOP_PAD_": "1", "GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.malloc.perturb=165"}}

# Variables that make a library read something, with something in PLANTED as their value.
READERS = {
    "loader": {"LD_PRELOAD": "nothing.so", "LD_AUDIT": "nothing.so", "LD_LIBRARY_PATH": ""},
    "openssl": {"OPENSSL_CONF": "openssl.cnf", "OPENSSL_MODULES": "", "OPENSSL_ENGINES": "",
                "OPENSSL_CONF_INCLUDE": "", "SSL_CERT_FILE": "other-ca.pem", "SSL_CERT_DIR": "", "SSL_DIR": "",
                "CTLOG_FILE": "openssl.cnf", "RANDFILE": "openssl.cnf"},
    "curl": {"CURL_CA_BUNDLE": "other-ca.pem", "CURL_HOME": "", "XDG_CONFIG_HOME": "", "HOME": "",
             "NETRC": ".netrc", "REQUESTS_CA_BUNDLE": "other-ca.pem", "SSL_CA_BUNDLE": "other-ca.pem"},
    "libc": {"GCONV_PATH": "", "LOCPATH": "", "NLSPATH": "openssl.cnf", "HOSTALIASES": "hosts", "TZDIR": "",
             "RESOLV_HOST_CONF": "hosts", "GETCONF_DIR": "", "NIS_PATH": ""},
}
SETTINGS = {
    "openssl": {"OPENSSL_ia32cap": "0", "OPENSSL_TRACE": "TLS", "OPENSSL_LIA_FLAGS": "1"},
    "curl": {"CURL_SSL_BACKEND": "nothing", "CURL_FORBID_REUSE": "1", "CURL_IPRESOLVE": "6"},
    "libc": {"LOCALDOMAIN": "invalid", "RES_OPTIONS": "timeout:30 attempts:9 use-vc", "LANG": "tr_TR.UTF-8",
             "LANGUAGE": "xx", "LC_ALL": "../../../etc", "TZ": ":/etc/shadow", "NSS_WRAPPER_PASSWD": "/etc/shadow",
             "POSIXLY_CORRECT": "1", "TERM": "../../x", "IFS": "/", "PATH": str(PLANTED)},
    "ours": {"ZENML_STORE_URL": "http://127.0.0.1:9", "ZENML_SERVER_URL": "http://127.0.0.1:9",
             "ZENML_STORE_API_KEY": "ZENKEY_x", "ZENML_API_KEY": "ZENKEY_x", "ZENML_STORE_VERIFY_SSL": "false",
             "CREDENTIALS_DIRECTORY": str(PLANTED), "PAM_USER": "root", "PAM_AUTHTOK": "ZENKEY_x",
             "PAM_SERVICE": "cron", "SUDO_USER": "root", "SUDO_UID": "0", "USER": "root", "LOGNAME": "root"},
}
TOPICS = sorted({*WRITERS, *READERS, *SETTINGS})


def hostile_environment(topic: str) -> dict[str, str]:
    """All variables of a topic at once."""
    variables = dict(CALLER_ENV)
    variables |= {name: str(TRAP / name) for name in WRITERS.get(topic, [])}
    variables |= {name: str(PLANTED / file) for name, file in READERS.get(topic, {}).items()}
    return variables | SWITCHES.get(topic, {}) | SETTINGS.get(topic, {})


@pytest.fixture
def planted(hosts, certs) -> None:
    """What the READERS find: settings that would break or redirect a connection."""
    files = {"openssl.cnf": "openssl_conf = x\n[x]\nproviders = y\n[y]\nnothing = z\n", "nothing.so": "no library\n",
             "other-ca.pem": certs.other_authority.crt.read_text(), "hosts": "localhost invalid.\n",
             ".netrc": "machine 127.0.0.1 login someone password something\n", ".curlrc": "proxy = 127.0.0.1:9\n",
             "curlrc": "proxy = 127.0.0.1:9\n", "gconv-modules": "module X// INTERNAL nothing 1\n"}
    for name, text in files.items():
        hosts.host.write(PLANTED / name, text)


def test_environment(machine, planted):
    as_without(machine, machine.attempts({topic: {"env": hostile_environment(topic)} for topic in TOPICS}))


def test_proxies_of_the_caller(machine):
    """A proxy that would be seen, and one that would fail: neither is asked."""
    with Proxy() as proxy:
        proxies = {"seen": f"http://127.0.0.1:{proxy.port}", "closed": "http://127.0.0.1:9"}
        as_without(machine, machine.attempts({name: {"env": CALLER_ENV | dict.fromkeys(PROXY_NAMES, url)}
                                              for name, url in proxies.items()}))
        assert proxy.connections == 0


def test_exceptions_from_the_configured_proxy(machine):
    """The proxy of the configuration is used whatever the caller's NO_PROXY says."""
    with Proxy() as proxy:
        machine.configure(f"proxy = http://127.0.0.1:{proxy.port}")
        attempts = machine.attempts({value: {"env": CALLER_ENV | dict.fromkeys(NO_PROXY_NAMES, value)}
                                     for value in ("*", "127.0.0.1", ".")})
        as_without(machine, attempts)
        assert proxy.connections == len(attempts)


def test_authority_of_the_caller(machine, hosts):
    """Without ca_file the system's authorities count, and not those that the caller brings along."""
    hosts.host.configure(f"server = {machine.server.url}", f"map_file = {MAP}", "timeout = 60")
    brought = hosts.host.publish(machine.server.ca)
    callers = {name: {"env": CALLER_ENV | {name: str(brought.parent if name.endswith("DIR") else brought)}}
               for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE")}
    attempts = machine.attempts(callers, keys=("right",))
    assert RAN not in {attempt.code for attempt in attempts.values()}
    assert {line["reason"] for line in decisions(hosts.host.log)} == {"tls"}


def test_the_traps_work(machine, certs, tmp_path_factory):
    """A program that does obey the environment falls into every trap that the tests above rely on."""
    folder = Path("/run/zn-open-trap")
    machine.hosts.host.folder(folder, 0o1777)
    program = ("import ssl, sys, urllib.request as r\n"
               "context = ssl.create_default_context(cafile=sys.argv[2])\n"
               "print(r.urlopen(sys.argv[1] + '/health', context=context).status)\n")
    with Proxy() as proxy:
        environment = CALLER_ENV | {"SSLKEYLOGFILE": str(folder / "keys"), "LD_DEBUG": "libs",
                                    "LD_DEBUG_OUTPUT": str(folder / "loader"),
                                    "https_proxy": f"http://127.0.0.1:{proxy.port}"}
        ca = machine.hosts.host.publish(machine.server.ca)
        done = subprocess.run(["/usr/bin/python3", "-c", program, machine.server.url, str(ca)], env=environment,
                              user=20001, group=20001, capture_output=True, text=True, check=False)
        assert (done.stdout, proxy.connections) == ("200\n", 1), done.stderr
    assert {path.name.partition(".")[0] for path in folder.iterdir()} == {"keys", "loader"}


# The state of the process


def close(*descriptors: int) -> Callable[[], None]:
    def prepare() -> None:
        for descriptor in descriptors:
            os.close(descriptor)
    return prepare


def limit(kind: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (value, value))


def ignore(*signals: signal.Signals) -> Callable[[], None]:
    def prepare() -> None:
        for number in signals:
            signal.signal(number, signal.SIG_IGN)
    return prepare


def block_all() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGTTIN, signal.SIGTTOU})


def leave_the_folder() -> None:
    """A working folder that is gone."""
    folder = Path(f"/run/zn-open-trap/gone-{os.getpid()}")
    folder.mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    folder.rmdir()


SAME, OR_REFUSED = True, False

# Name: what the caller does before su or sudo is started, and whether the right key must get in all the same. Where a
# program lacks what it needs itself, a refusal is as good.
STATES: dict[str, tuple[Callable[[], object], bool]] = {
    "descriptor 0 closed": (close(0), OR_REFUSED),  # su reads the answer from there
    "descriptor 1 closed": (close(1), SAME),
    "descriptors 0 to 2 closed": (close(0, 1, 2), OR_REFUSED),
    "RLIMIT_NOFILE 3": (limit(resource.RLIMIT_NOFILE, 3), OR_REFUSED),
    "RLIMIT_NOFILE 8": (limit(resource.RLIMIT_NOFILE, 8), OR_REFUSED),
    "RLIMIT_AS 32 MiB": (limit(resource.RLIMIT_AS, 32 << 20), OR_REFUSED),
    "RLIMIT_NPROC 0": (limit(resource.RLIMIT_NPROC, 0), OR_REFUSED),
    "RLIMIT_STACK 64 KiB": (limit(resource.RLIMIT_STACK, 64 << 10), OR_REFUSED),
    "RLIMIT_CORE unlimited": (limit(resource.RLIMIT_CORE, resource.RLIM_INFINITY), SAME),
    "RLIMIT_MEMLOCK 0": (limit(resource.RLIMIT_MEMLOCK, 0), SAME),
    "SIGCHLD ignored": (ignore(signal.SIGCHLD), SAME),
    "SIGPIPE and SIGALRM ignored": (ignore(signal.SIGPIPE, signal.SIGALRM), SAME),
    "all signals blocked": (block_all, SAME),
    "umask 0": (lambda: os.umask(0), SAME),
    "umask 777": (lambda: os.umask(0o777), SAME),
    "working folder gone": (leave_the_folder, SAME),
    "nice 19": (lambda: os.nice(19), SAME),
}


def sober(attempts: Attempts, must: Container[str], refusals: Container[int] = range(1, 128)) -> None:
    """Nobody is in with the wrong key; with the right one the callers in `must` are; who is not in was refused
    cleanly, which is an exit status and not a signal."""
    codes = {asked: attempt.code for asked, attempt in attempts.items()}
    assert not [asked for asked, code in codes.items() if asked[2] == "wrong" and code == RAN]
    assert not [asked for asked, code in codes.items() if asked[2] == "right" and asked[0] in must and code != RAN]
    assert not {asked: code for asked, code in codes.items() if code != RAN and code not in refusals}
    assert not helpers()


def test_states(machine, hosts):
    hosts.host.folder("/run/zn-open-trap", 0o1777)
    attempts = machine.attempts({state: {"prepare": prepare} for state, (prepare, _) in STATES.items()})
    sober(attempts, {state for state, (_, must) in STATES.items() if must})


def test_no_place_for_errors(machine):
    """Descriptor 2 closed. su would prompt there and wait for ever; sudo talks to the terminal."""
    sober(machine.attempts({"closed": {"prepare": close(2)}}, services=("sudo",)), {"closed"})


def test_no_file_may_grow(machine):
    """RLIMIT_FSIZE 0: su dies when it notes a refusal in /var/log/btmp. That is su's doing, and no login."""
    attempts = machine.attempts({"limited": {"prepare": limit(resource.RLIMIT_FSIZE, 0)}})
    sober(attempts, {"limited"}, (1, -signal.SIGXFSZ))


def test_full_pipe(machine):
    """Output that nobody takes. With its errors there too su cannot prompt, and sudo not say that it refuses."""
    reading, writing = os.pipe()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, reading)
        stack.callback(os.close, writing)
        os.set_blocking(writing, False)
        with contextlib.suppress(BlockingIOError):
            while os.write(writing, b"x" * 4096):
                pass
        os.set_blocking(writing, True)
        sober(machine.attempts({"output": {"stdout": writing}}), {"output"})
        both = {"both": {"stdout": writing, "stderr": writing}}
        sober(machine.attempts(both, services=("sudo",), keys=("right",)), {"both"})


# The helper


def helpers() -> list[int]:
    """The pids of the helpers that run and descend from this process."""
    return [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline")
            if read(path) == EXPECTED["command line"] and is_ours(int(path.parent.name))]


def read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""  # gone meanwhile


def is_ours(pid: int) -> bool:
    while pid > 1:
        if pid == os.getpid():
            return True
        pid = int(status(pid).get("PPid", "0"))
    return False


def status(pid: int) -> dict[str, str]:
    pairs = (line.partition(":") for line in read(Path(f"/proc/{pid}/status")).splitlines())
    return {name: value.strip() for name, _, value in pairs}


def limits(pid: int) -> dict[str, tuple[str, str]]:
    rows = re.findall(r"^Max (.+?)\s{2,}(\w+)\s+(\w+)", read(Path(f"/proc/{pid}/limits")), re.MULTILINE)
    return {name: (soft, hard) for name, soft, hard in rows}


def at_most(bound: str, number: int) -> bool:
    return bound != "unlimited" and int(bound) <= number


def descriptors(pid: int) -> dict[int, str]:
    """What each descriptor of a process is: a path, "server" for a TCP connection, or the kind, such as "pipe"."""
    inodes = {row.split()[9] for row in read(Path(f"/proc/{pid}/net/tcp")).splitlines()[1:]}
    found = {}
    for link in Path(f"/proc/{pid}/fd").iterdir():
        target = os.readlink(link)
        anonymous = re.fullmatch(r"(\w+):\[(\w+)\]", target)
        if anonymous:
            target = "server" if anonymous[2] in inodes else anonymous[1]
        found[int(link.name)] = target
    return found


def observe(pid: int) -> dict:
    """Everything about the helper that the module is responsible for."""
    state, bounds, own = status(pid), limits(pid), Path(f"/proc/{pid}")
    stat = read(own / "stat").rpartition(")")[2].split()
    opened = descriptors(pid)
    further = sorted(kind for number, kind in opened.items() if number > 2)
    return {
        "command line": read(own / "cmdline"),
        "environment": read(own / "environ"),
        "working folder": os.readlink(own / "cwd"),
        "uids": state["Uid"].split(), "gids": state["Gid"].split(), "groups": state["Groups"],
        "capabilities": {name: int(state[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")},
        "no new privileges": state["NoNewPrivs"],
        "owner of its /proc": (own / "environ").stat().st_uid,  # root's when it is not dumpable
        "session leader": int(stat[3]) == pid, "terminal": stat[4],
        "blocked signals": int(state["SigBlk"], 16), "umask": state["Umask"],
        "core": bounds["core file size"], "written files": bounds["file size"],
        "open files": at_most(bounds["open files"][1], 64),
        "memory": at_most(bounds["address space"][1], 1 << 30),
        "descriptors 0 to 2": [opened.get(number) for number in range(3)],
        "further descriptors": ["server"] if further in WITH_WAKE_UP else further,
    }


# libcurl has something of its own to wake itself up: which, depends on its release.
WITH_WAKE_UP = (["server", "socket", "socket"], ["pipe", "pipe", "server"], ["anon_inode", "server"])
EXPECTED = {
    "command line": "zenml-pam-helper\0",
    "environment": "LC_ALL=C\0",
    "working folder": "/",
    "uids": [NOBODY] * 4, "gids": [NOBODY] * 4, "groups": "",
    "capabilities": dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapAmb"), 0),
    "no new privileges": "1",
    "owner of its /proc": 0,
    "session leader": True, "terminal": "0",
    "blocked signals": 0, "umask": "0077",
    "core": ("0", "0"), "written files": ("0", "0"),
    "open files": True,
    "memory": True,
    "descriptors 0 to 2": ["socket", "/dev/null", "/dev/null"],
    "further descriptors": ["server"],
}


def make_it_hard() -> None:
    """Everything at once that the helper could inherit."""
    block_all()
    os.umask(0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for number in range(20, 30):
        os.dup2(0, number, inheritable=True)
    resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


@contextlib.contextmanager
def held_up(machine: Machine, start: Callable[[], object]) -> Iterator[int]:
    """Runs `start` and yields the pid of the helper, which the server lets wait until the end of the block."""
    machine.gate.reached.clear()
    machine.gate.open.clear()
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(start)
        try:
            assert machine.gate.reached.wait(30)
            (pid,) = helpers()
            yield pid
        finally:
            machine.gate.open.set()
        running.result()


def everything(*topics: str) -> dict[str, str]:
    """The variables of all these topics, and the proxies."""
    variables = dict.fromkeys(PROXY_NAMES, "http://127.0.0.1:9")
    for topic in topics:
        variables |= hostile_environment(topic)
    return variables | {"PATH": CALLER_ENV["PATH"]}


@pytest.mark.parametrize("service", SERVICES)
def test_what_the_helper_is_given(machine, hosts, service):
    """By setuid programs with everything in their environment; sshd and login, which root starts, would obey the
    variables of the loader themselves."""
    environment = everything(*TOPICS) if service.startswith("su") else everything("key log")
    attempts = []
    with contextlib.ExitStack() as stack:
        sshd = stack.enter_context(hosts.sshd(env=environment)) if service == "sshd" else None

        def start():
            attempts.append(hosts.attempt(service, "alice", {KEY_PROMPT: machine.key}, sshd=sshd, env=environment,
                                          prepare=make_it_hard, close_fds=False))
        with held_up(machine, start) as pid:
            found = observe(pid)
    assert found == EXPECTED
    assert attempts[0].let_in
    assert not helpers()


def test_what_the_helper_is_given_by_a_host_without_descriptors(machine):
    """A program that is not setuid, so that nobody has opened descriptors 0 to 2 for it."""
    played = []
    transaction = Transaction("su", "alice", {KEY_PROMPT: machine.key}, closed=(0, 1, 2))
    with held_up(machine, lambda: played.extend(play([transaction]))) as pid:
        found = observe(pid)
    assert found == EXPECTED
    assert played[0].let_in


def test_what_the_helper_gives_up(machine, tmp_path):
    """Not visible in /proc: that it may not write files any more, by Landlock where the kernel has it."""
    trace = tmp_path / "trace"
    strace = ("strace", "-f", "-qq", "-e", "trace=execveat,landlock_restrict_self,seccomp,connect", "-o", str(trace))
    (played,) = play([Transaction("su", "alice", {KEY_PROMPT: machine.key})], wrapper=strace)
    assert played.let_in
    helper = trace.read_text().partition("execveat(")[2]
    before_connecting = helper.partition("AF_INET")[0]
    assert "AF_INET" in helper
    if _has_landlock():
        assert re.search(r"landlock_restrict_self\(.*= 0$", before_connecting, re.MULTILINE), helper


def _has_landlock() -> bool:
    """Asks the kernel for the version of its Landlock."""
    create_ruleset, version = 444, 1  # the same number on all architectures
    return ctypes.CDLL(None).syscall(create_ruleset, None, 0, version) > 0
