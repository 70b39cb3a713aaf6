"""The decision comes within `timeout` and one second, whatever stalls, and nothing of the helper is left."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from full_listener import full_listener
from pam_host import build_dir
from tls_server import Reply

_TIMEOUT = 2
# What the module promises, and a second for a machine that has other work to do.
_LONGEST = _TIMEOUT + 1 + 1
_NAMESPACE = Path(__file__).parent.parent / "faults/namespace.py"


@pytest.fixture
def login(pam_host, certs, api_key):
    """A function that logs in at a URL; it checks the deadline, and that the host is then as it was before. Returns
    the code and the reason in the log.

    stalls   whether the login has to last until the deadline: else nothing has been stalled"""
    def log_in(url: str, *, stalls: bool = True, wrapper=()) -> tuple[str, str]:
        pam_host.configure(f"server = {url}", f"ca_file = {pam_host.publish(certs.ca)}", "match = name",
                           f"timeout = {_TIMEOUT}")
        pam_host.service("deadline", pam_host.line("auth", "required"))
        pam_host.log.raw()
        lines = pam_host.drive(["log host", "clock", "state", "start /etc/pam.d deadline alice", f"answer {api_key}",
                                "call authenticate", "end", "state"], wrapper=wrapper).splitlines()
        states = [line for line in lines if line.startswith("state ")]
        assert states[len(states) // 2:] == states[:len(states) // 2]
        assert "state children none" in states
        assert _helpers(pam_host) == []
        took = int(next(line for line in lines if line.startswith("took ")).split()[1]) / 1_000_000
        assert took < _LONGEST
        assert not stalls or took > 0.9 * _TIMEOUT
        code = next(line for line in lines if line.startswith("authenticate ")).split()[1]
        return code, pam_host.log.read()[-1].text.partition("reason=")[2].split()[0]

    yield log_in
    pam_host.install_helper()


def _helpers(host) -> list[int]:
    """The processes that run what is in the helper's place; on this host of ours, not on those of other tests."""
    program = host.helper_path.stat()
    found = []
    for process in filter(lambda entry: entry.name.isdigit(), Path("/proc").iterdir()):
        with contextlib.suppress(OSError):
            if os.path.samestat((process / "exe").stat(), program):
                found.append(int(process.name))
    return found


@contextlib.contextmanager
def _black_hole():
    with full_listener() as port:
        yield SimpleNamespace(url=f"https://127.0.0.1:{port}")


def test_stalled_name_resolution(login, tmp_path):
    """A name server that never answers."""
    resolver = tmp_path / "resolv.conf"
    resolver.write_text("nameserver 127.0.0.1\n")
    wrapper = ["unshare", "-mn", sys.executable, _NAMESPACE, "--resolver", "silent", "--bind", resolver,
               "/etc/resolv.conf", "--"]
    assert login("https://zenml.example.com", wrapper=wrapper) == ("PAM_AUTHINFO_UNAVAIL", "timeout")


def test_black_hole(login):
    """A host that answers no SYN."""
    with _black_hole() as hole:
        assert login(hole.url) == ("PAM_AUTHINFO_UNAVAIL", "timeout")


def test_stalled_handshake(login, start_server):
    """A server that reads the client's hello, and that is all."""
    assert login(start_server(on_connect=["stall"]).url) == ("PAM_AUTHINFO_UNAVAIL", "timeout")


def test_slow_headers(login, start_server):
    """A byte of the header every 100 ms: the connection is never idle."""
    server = start_server({"GET /api/v1/info": Reply(json={}, header_pause=0.1)})
    assert login(server.url) == ("PAM_AUTHINFO_UNAVAIL", "timeout")


def test_silence_after_the_handshake(login, start_server):
    """The request is taken, the answer does not come."""
    server = start_server({"POST /api/v1/login": Reply(json={}, delay=60)})
    assert login(server.url) == ("PAM_AUTHINFO_UNAVAIL", "timeout")


def test_endless_body(login, start_server):
    """A body that never ends is given up on for its size, before the deadline."""
    server = start_server({"POST /api/v1/login": Reply(endless=True)})
    assert login(server.url, stalls=False) == ("PAM_AUTHINFO_UNAVAIL", "bad-reply")


def test_stopped_from_the_start(pam_host, login):
    """The helper stops before it reads the question. Only SIGKILL ends a stopped process."""
    pam_host.install_helper(build_dir() / "tests/pam/fakes/stops")
    assert login("https://127.0.0.1:1") == ("PAM_AUTHINFO_UNAVAIL", "timeout")


def test_stopped_at_work(pam_host, login, start_server):
    """The helper is stopped in the middle of a request, and so past its own deadline."""
    stopped = []

    def stop(_):
        stopped.extend(_helpers(pam_host))
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        return Reply(json={}, delay=60)

    server = start_server({"POST /api/v1/login": stop})
    assert login(server.url) == ("PAM_AUTHINFO_UNAVAIL", "timeout")
    assert len(stopped) == 1
