"""Who is refused does not learn why: what the host shows is the same, and times tell nothing that can be relied on."""

from __future__ import annotations

import statistics

import pytest

from keys import make_key
from tls_server import Reply
from zenml_replies import Zenml, current_user, error, login, make_token

_SAMPLES = 200


@pytest.fixture
def refusals(pam_host, start_server) -> dict[str, tuple[str, str]]:
    """User and key of each kind of refusal; host and server are prepared for all of them."""
    alices, deactivated = make_key(), make_key()
    tokens = {alices: make_token(600), deactivated: make_token(600, active=False)}

    def log_in(request) -> Reply:
        token = tokens.get(request.form["password"])
        return Reply(json=login(token)) if token else error(401, "CredentialsNotValid", "error decoding API key")

    def who(request) -> Reply:
        return Reply(json=current_user(name="alice", active=tokens[alices] in request.headers["authorization"]))

    server = start_server({"POST /api/v1/login": log_in, "GET /api/v1/current-user": who}, healthy=Zenml())
    pam_host.configure(f"server = {server.url}", f"ca_file = {pam_host.publish(server.ca)}", "match = name")
    pam_host.service("oracle", pam_host.line("auth", "required"))
    pam_host.log.raw()
    return {"unknown-user": ("nobody-here", alices), "no-mapping": ("bob", alices), "rejected": ("alice", make_key()),
            "forbidden": ("alice", deactivated)}


def test_refusals_look_alike(pam_host, refusals, capsys):
    """200 refusals of each kind, in turn: prompts, texts, code and delay are the same, and the times overlap.

    How long a wrong key takes is the server's to hide (it has one request fewer), so no more is asked than that
    times of each kind are found among those of each other."""
    # One process for all: what is measured is the module and its helper, not the start of a host.
    commands = ["clock"]
    for _ in range(_SAMPLES):
        for user, key in refusals.values():
            commands += [f"start /etc/pam.d oracle {user}", f"answer {key}", "call authenticate", "end"]
    lines = pam_host.drive(commands, timeout=280).splitlines()
    # Other than that, each attempt has a prompt, a delay (which libpam varies at random) and a code.
    seen = [line if not line.startswith(("took ", "delay ")) else line.split()[0] for line in lines]
    assert seen == ["prompt off ZenML API key: ", "delay", "authenticate PAM_AUTH_ERR", "took"] * _SAMPLES * 4
    reasons = [record.text.partition("reason=")[2].split()[0] for record in pam_host.log.read()]
    assert reasons == list(refusals) * _SAMPLES  # each was refused for the reason that it was meant for

    delays = [int(line.split()[1]) for line in lines if line.startswith("delay ")]
    assert all(1_000_000 <= delay <= 3_000_000 for delay in delays)
    took = [int(line.split()[1]) / 1000 for line in lines if line.startswith("took ")]
    deciles = {reason: statistics.quantiles(took[number::4], n=10) for number, reason in enumerate(refusals)}
    with capsys.disabled():
        print(f"\nmilliseconds until a refusal, {_SAMPLES} samples each: 10 %, median, 90 %")
        for reason, values in deciles.items():
            print(f"  {reason:14} {values[0]:8.1f} {values[4]:8.1f} {values[8]:8.1f}")
    assert max(values[0] for values in deciles.values()) < min(values[8] for values in deciles.values())
