"""The module leaves nothing behind in its host: 500 times loaded, used and unloaded, and the host is what it was."""

from __future__ import annotations

import re

import pytest

from keys import make_key
from zenml_replies import Zenml, current_user

_ROUNDS = 500
_ODD_SIGNALS = ["signal CHLD ignore", "signal PIPE handle", "signal ALRM block", "signal TERM handle"]
# Unlike what the module, or the helper, might set: core and file size not 0, few descriptors.
_ODD_LIMITS = ["prlimit", "--core=1048576:2097152", "--fsize=1048576:2097152", "--nofile=64:128", "--nproc=10000:20000"]


def _rounds(good: str) -> list[str]:
    """The commands of all rounds, each loading the module anew; every fifth logs somebody in."""
    kinds = [
        ["start /etc/pam.d guest alice", f"answer {good}", "call authenticate", "call setcred establish",
         "call acct_mgmt", "end"],
        ["start /etc/pam.d guest alice", f"answer {make_key()}", "call authenticate", "end"],
        ["start /etc/pam.d guest alice", "fault error", "call authenticate", "end"],
        ["start /etc/pam.d guest root", "call authenticate", "end"],
        ["start /etc/pam.d broken alice", "call authenticate", "end"],
    ]
    return [command for number in range(_ROUNDS) for command in kinds[number % len(kinds)]]


@pytest.fixture
def guest(pam_host, start_server, api_key):
    """The services `guest` and `broken`, a server where `api_key` is alice's, and no message left over."""
    server = start_server(healthy=Zenml(api_keys={api_key}, account=current_user(name="alice")))
    pam_host.configure(f"server = {server.url}", f"ca_file = {pam_host.publish(server.ca)}", "match = name")
    pam_host.service("guest", pam_host.line("auth", "required", "session_env=token"),
                     pam_host.line("account", "required"))
    pam_host.service("broken", pam_host.line("auth", "required", "no-such-option"))
    pam_host.log.raw()


@pytest.mark.parametrize("signals, wrapper", [([], []), (_ODD_SIGNALS, _ODD_LIMITS)], ids=["plain", "odd"])
def test_nothing_stays_behind(pam_host, guest, api_key, signals, wrapper):
    """Descriptors, threads, signals, mask, umask, folder, locale, limits, environment, children, and how the host
    itself logs: before = after."""
    # The host logs first, since libc keeps the socket that is then open; libpam does the same without any module.
    commands = ["log host", *signals, "state", *_rounds(api_key), "log host", "state"]
    transcript = pam_host.drive(commands, wrapper=wrapper, timeout=240, env={"ZN_GUEST": "welcome", "TZ": "UTC"})
    states = [line for line in transcript.splitlines() if line.startswith("state ")]
    before, after = states[:len(states) // 2], states[len(states) // 2:]
    assert after == before
    assert "state env ZN_GUEST=welcome" in before and "state children none" in before
    calls = [line for line in transcript.splitlines() if line.startswith("authenticate ")]
    expected = ["PAM_SUCCESS", "PAM_AUTH_ERR", "PAM_CONV_ERR", "PAM_PERM_DENIED", "PAM_SERVICE_ERR"]
    assert calls == [f"authenticate {code}" for code in expected] * (_ROUNDS // len(expected))
    own = [datagram for datagram in pam_host.log.raw() if b"pam_zenml" not in datagram]
    # Facility user, level debug, under its own name: nobody has called openlog or setlogmask.
    assert len(own) == 2
    assert all(datagram.startswith(b"<15>") and datagram.endswith(b" pam_driver: host") for datagram in own)


def test_a_change_is_seen(pam_host):
    """What the comparison rests on: a change of the process shows in its state."""
    transcript = pam_host.drive(["state", "signal PIPE ignore", "log opens a socket", "state"])
    states = [line for line in transcript.splitlines() if line.startswith("state ")]
    changed = {re.match(r"state (\w+)", line)[1] for line in states if states.count(line) == 1}
    assert changed == {"fd", "SigIgn"}
