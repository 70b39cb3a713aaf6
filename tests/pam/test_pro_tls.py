"""A workspace that needs a token of ZenML Pro, which is another server: what proves the one proves nothing of the
other, and neither sees a key before it is proven."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable

import pytest

import canary
import pro_api
import zenml_replies as replies
from certs import Certificates, Pair
from hosts import KEY_PROMPT
from pam_host import PamHost, Record
from pro_api import ProApi, older_login
from tls_server import Reply, Server

INFO, LOGIN, USER = "GET /api/v1/info", "POST /api/v1/login", "GET /api/v1/current-user"
# The most inviting stack that the manual has: whatever counts as "the server is unavailable" lets in.
INVITING = ("unavailable=ignore",)


def attempt(host: PamHost, answer: str, *arguments: str) -> tuple[str, Record]:
    """alice answers the prompt; returns what pam_authenticate does and the one decision in the log.

    There is one prompt, the module never says more, and nothing of a key is logged."""
    host.service("pro", host.line("auth", "[success=done ignore=ignore default=die]", *arguments),
                 "auth required pam_permit.so")
    host.log.raw()
    transcript = host.drive(["start /etc/pam.d pro alice", f"answer {answer}", "call authenticate", "end"])
    raw = host.log.raw()
    assert not canary.found_in(b"\n".join(raw) + transcript.encode(), canary.secrets_to_find([]))
    (decision,) = [record for record in map(host.log.parse, raw) if record.text.startswith("result=")]
    prompt, *delay, result = transcript.splitlines()
    code = result.removeprefix("authenticate ")
    assert prompt == f"prompt off {KEY_PROMPT}"
    assert [line.split()[0] for line in delay] == ["delay"] * (code != "PAM_SUCCESS")
    return code, decision


@dataclass(frozen=True)
class World:
    """A workspace and its Pro, and alice, who has a key of Pro."""

    host: PamHost
    certs: Certificates
    workspace: Server
    pro: Server
    key: str

    def log_in(self, *lines: str) -> tuple[str, str]:
        """The code, and the text in the log, of an attempt with these lines in the configuration."""
        self.host.configure(f"server = {self.workspace.url}", f"ca_file = {self.host.publish(self.certs.ca)}",
                            f"pro_api_url = {self.pro.url_for('localhost')}", "match = name", "timeout = 30",
                            "debug = yes", *lines)
        code, decision = attempt(self.host, self.key, *INVITING)
        return code, decision.text

    def seen(self) -> tuple[list[str], list[str]]:
        """The requests that workspace and Pro have seen."""
        return [str(request) for request in self.workspace.requests], [str(request) for request in self.pro.requests]

    def pin(self, pair: Pair) -> str:
        """The line that pins the key of this certificate."""
        return f"pin = {self.certs.pin(pair)}"


@pytest.fixture
def make_world(pam_host, certs, start_server) -> Callable[[Pair], World]:
    """A function that makes a World whose Pro has this certificate."""
    def make(pair: Pair) -> World:
        pro = ProApi()
        key = pro.make_key(pro_api.account("alice"))
        api = start_server(healthy=pro, tls=pair)
        workspace = start_server({INFO: Reply(json=pro_api.info(api.url)), LOGIN: older_login(pro.tokens.values()),
                                  USER: Reply(json=replies.current_user(name="alice"))})
        return World(pam_host, certs, workspace, api, key)

    return make


def test_pin_is_the_workspaces(make_world, certs):
    world = make_world(certs.chained)
    code, decision = world.log_in(world.pin(certs.good))
    assert (code, decision.startswith("result=allow ")) == ("PAM_SUCCESS", True), decision
    assert world.seen() == ([INFO, LOGIN, LOGIN, LOGIN, USER], [pro_api.LOGIN])


@pytest.mark.parametrize("kind", ["chained", "expired"], ids=["pin of Pro", "pin of nobody"])
def test_wrong_pin(make_world, certs, kind):
    """Nothing is sent anywhere, not even to the Pro that has this key."""
    world = make_world(certs.chained)
    code, decision = world.log_in(world.pin(getattr(certs, kind)))
    assert (code, decision.startswith("result=unavailable reason=tls ")) == ("PAM_AUTHINFO_UNAVAIL", True), decision
    assert 'detail="the server has another public key' in decision
    assert world.seen() == ([], [])
    assert world.pro.connections == 0


@pytest.mark.parametrize("kind", ["self_signed", "unknown_ca", "expired", "wrong_host"])
def test_pro_with_a_certificate_of_somebody_else(make_world, certs, kind):
    """It does not see the key, whose login has gone to the workspace as always."""
    world = make_world(getattr(certs, kind))
    code, decision = world.log_in(world.pin(certs.good))
    assert (code, decision.startswith("result=unavailable reason=tls ")) == ("PAM_AUTHINFO_UNAVAIL", True), decision
    assert 'detail="ZenML Pro: ' in decision and "certificate" in decision
    assert world.seen() == ([INFO, LOGIN, LOGIN], [])
