"""Keys of ZenML Pro at a real workspace, whose Pro is a stub: whatever Pro may answer about a key, the module lets in
whom Pro vouches for, and nobody else.

Older workspaces are in scenarios/pro.txt and test_pro_tls.py. tests/e2e/test_pro.py is the same for the command line.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Iterator, Sequence

import pytest

import canary
import pro_api
import pro_workspace
from hosts import KEY_PROMPT, WHO, Hosts, Sshd, decisions
from keys import make_pro_key
from pam_host import MAP, PamHost, Record
from pro_api import ANSWERS, CANNOT_ASK, VOUCH, VOUCHED
from pro_workspace import PRO_LOGIN, Workspace
from test_hosts import IN_THE_SESSION, hosts, session_variables, sshd, zenml  # all but the second last are fixtures
from test_pro_tls import INVITING, attempt
from tls_server import Reply
from zenml_admin import call, encode_key, log_in_with_key

REFUSAL = "ZenML Pro refuses the key or is down (HTTP 401); it says: Authentication error: "


@pytest.fixture(scope="module")
def workspace(zenml, tmp_path_factory) -> Iterator[Workspace]:
    """A workspace that has been migrated to Pro."""
    with pro_workspace.migrated(zenml, tmp_path_factory.mktemp("pro")) as running:
        yield running


def name_in(answer: Reply | dict) -> str:
    return (answer.json if isinstance(answer, Reply) else answer)["username"]


@dataclass(frozen=True)
class Login:
    """What came of one attempt: the code of pam_authenticate, the one decision in the log, and what the workspace and
    Pro were asked for it."""

    code: str
    decision: Record
    at_workspace: list[str]
    at_pro: list[str]

    def says(self, severity: str, text: str) -> bool:
        """Whether the decision has this severity and text; in the text, what differs from run to run is #."""
        changing = r"\belapsed_ms=\d+ request=[0-9a-f]{8}\b"
        return (self.decision.severity, re.sub(changing, "#", self.decision.text)) == (severity, text)


class Door:
    """The machine on which alice, and nobody else, may log in with what the workspace takes."""

    def __init__(self, host: PamHost, workspace: Workspace):
        self._host, self._workspace = host, workspace
        self.configure()
        host.map(f"{workspace.migrated.id} = alice", *(f"{name_in(answer)} = alice" for answer, _ in VOUCHED.values()))

    def configure(self, *lines: str, url: str | None = None, timeout: int = 60) -> None:
        """The configuration with these lines in addition; `timeout` is by default more than the 10 s for which a
        workspace waits for Pro."""
        self._host.configure(f"server = {url or self._workspace.url}", f"map_file = {MAP}", f"timeout = {timeout}",
                             "debug = yes", *lines)

    def log_in(self, answer: str, *arguments: str) -> Login:
        """alice answers the prompt, with these arguments on the PAM line."""
        before, asked_before = len(self._workspace.requests()), len(self._workspace.asked())
        code, decision = attempt(self._host, answer, *arguments)
        return Login(code, decision, self._workspace.requests()[before:], self._workspace.asked()[asked_before:])

    def line(self, decision: str, account: str = "- account_id=-", detail: str = "") -> str:
        """The whole line of a decision, as `Login.says` takes it."""
        line = f"{decision} service=pro user=alice account={account} server={self._workspace.url} rhost=- #"
        return f'{line} detail="{detail}"' if detail else line


@pytest.fixture
def door(pam_host, workspace) -> Door:
    return Door(pam_host, workspace)


def of_the_workspace(workspace: Workspace, key: str) -> str:
    """The account that the workspace itself calls the owner of a key, as the fields of a line in the log."""
    account = call(f"{workspace.url}/api/v1/current-user", token=canary.remember(log_in_with_key(workspace.url, key)))
    return f"{account['name']} account_id={account['id']}"


# A key that Pro vouches for

@pytest.mark.parametrize("takes, kinds", [
    (None, {"service_account"}), ("user", {"user"}), ("any", {"service_account", "user"}),
])
@pytest.mark.parametrize("answer, kind", VOUCHED.values(), ids=VOUCHED)
def test_whose_the_key_is(door, workspace, answer, kind, takes, kinds):
    """Persons only where persons may, and who does not say what it is counts as one."""
    key = workspace.pro.make_key(answer)
    owner = of_the_workspace(workspace, key)
    door.configure(*([f"account_type = {takes}"] if takes else []))
    login = door.log_in(key)
    assert (login.at_workspace, login.at_pro) == (PRO_LOGIN, [VOUCH])
    if kind in kinds:
        assert (login.code, login.says("info", door.line("result=allow reason=ok", owner))) == ("PAM_SUCCESS", True)
    else:
        assert login.code == "PAM_AUTH_ERR"
        assert login.decision.severity == "notice"
        assert login.decision.text.startswith("result=deny reason=forbidden "), login.decision


def test_account_that_may_not_be_alice(door, workspace):
    key = workspace.pro.make_key(pro_api.account("stranger"))
    login = door.log_in(key, *INVITING)
    assert login.code == "PAM_AUTH_ERR"
    assert login.says("notice", door.line("result=deny reason=no-mapping", of_the_workspace(workspace, key)))


def test_pro_itself_is_not_asked(door, workspace):
    """A workspace that can read the key asks Pro once, and we do not ask it at all, whatever pro_api_url says."""
    door.configure(f"pro_api_url = {workspace.pro_server.url}")
    key = workspace.pro.make_key(pro_api.account("robot"))
    login = door.log_in(key)
    assert (login.code, login.at_workspace, login.at_pro) == ("PAM_SUCCESS", PRO_LOGIN, [VOUCH])
    assert workspace.logins_at_pro(key) == 0


# A key that Pro does not vouch for, or cannot

@pytest.mark.parametrize("answer, words", ANSWERS.values(), ids=ANSWERS)
def test_no_vouching(door, workspace, answer, words):
    """The workspace says 401 to all of that, so it is a refusal, also where an outage would let in. Nothing is tried
    twice, and the log has the words of the workspace, which tell Pro's no from Pro's silence."""
    login = door.log_in(workspace.pro.make_key(answer), *INVITING)
    assert (login.code, login.at_workspace) == ("PAM_AUTH_ERR", PRO_LOGIN[:2])
    assert login.at_pro[:1] == [VOUCH] and VOUCH not in login.at_pro[1:]
    detail = re.search(r' detail="([^"]*)"$', login.decision.text)[1]
    assert detail.startswith(REFUSAL) and words in detail
    assert login.says("notice", door.line("result=deny reason=rejected", detail=detail)), login.decision


def test_key_that_pro_does_not_know(door, workspace):
    login = door.log_in(make_pro_key(), *INVITING)
    assert (login.code, login.at_workspace, login.at_pro) == ("PAM_AUTH_ERR", PRO_LOGIN[:2], [VOUCH])


@pytest.mark.parametrize("arguments, code", [((), "PAM_AUTHINFO_UNAVAIL"), (INVITING, "PAM_SUCCESS")],
                         ids=["", "unavailable=ignore"])
def test_pro_slower_than_the_module_waits(door, workspace, arguments, code):
    """The workspace then has not refused anything: it is the server that is too slow."""
    door.configure(timeout=1)
    login = door.log_in(workspace.pro.make_key(Reply(delay=3, json=pro_api.account("robot"))), *arguments)
    assert (login.code, login.at_workspace, login.at_pro) == (code, PRO_LOGIN[:1], [VOUCH])
    assert login.decision.text.startswith("result=unavailable reason=timeout "), login.decision


@pytest.mark.parametrize("typed, detail", [
    ("{}\\x0a", "the credential holds a line break"),
    ("{}\\x0d", "the credential ends with a carriage return"),
    ("\\x20{}", "the credential holds a blank"),
    ("{}\\x20", "the credential holds a blank"),
    ("\\x09{}", "the credential holds a blank"),
], ids=["line break at the end", "carriage return at the end", "blank before", "blank at the end", "tab before"])
def test_key_that_was_mistyped(door, workspace, typed, detail):
    """The workspace would call the one an outage and the other no key. It sees neither."""
    login = door.log_in(typed.format(workspace.pro.make_key(pro_api.account("robot"))), *INVITING)
    assert (login.code, login.at_workspace, login.at_pro) == ("PAM_AUTH_ERR", [], [])
    assert login.says("notice", door.line("result=deny reason=malformed", detail=detail)), login.decision


# A local key at a workspace, and a key of Pro at a server that is none

def test_local_key_of_a_migrated_workspace(door, workspace):
    """It logs in as before, without a word of Pro."""
    account = workspace.migrated
    login = door.log_in(account.key)
    assert (login.code, login.at_workspace, login.at_pro) == ("PAM_SUCCESS", PRO_LOGIN, [])
    owner = f"{account.name} account_id={account.id}"
    assert login.says("info", door.line("result=allow reason=ok", owner)), login.decision


def test_wrong_local_key_at_a_migrated_workspace(door, workspace):
    """Pro is not asked about it, and nothing is tried that is for keys of Pro."""
    login = door.log_in(canary.remember(encode_key(workspace.migrated.key_id, secrets.token_hex(32))), *INVITING)
    assert (login.code, login.at_workspace, login.at_pro) == ("PAM_AUTH_ERR", PRO_LOGIN[:2], [])
    assert login.decision.text.startswith("result=deny reason=rejected "), login.decision


def test_account_that_pro_has_adopted(door, workspace):
    """A service account of Pro becomes the local one of the same name, which the map has by its id. The local key stays
    good."""
    account = workspace.migrated
    for key in (workspace.pro.make_key(pro_api.account(account.name)), account.key):
        login = door.log_in(key)
        assert login.code == "PAM_SUCCESS"
        assert login.says("info", door.line("result=allow reason=ok", f"{account.name} account_id={account.id}"))


def test_key_of_pro_at_an_ordinary_server(door, zenml):
    """scenarios/pro.txt shows that the server does not even see it."""
    door.configure(url=zenml.url)
    login = door.log_in(make_pro_key(), *INVITING)
    assert (login.code, login.decision.severity) == ("PAM_AUTH_ERR", "notice")
    detail = "this is an API key of ZenML Pro, and the server is no workspace of it"
    assert login.decision.text.endswith(f' detail="{detail}"'), login.decision


# Through sshd

@pytest.fixture
def machine(hosts, door, workspace) -> Hosts:
    """The machine whose sshd lets alice in as `door` does."""
    hosts.protect(services=["sshd"])
    hosts.host.log.read()
    return hosts


def attempts(machine: Hosts, sshd: Sshd, key: str, count: int) -> list[tuple[bool, str, str]]:
    """Whether alice was let in, and result and reason in the log, of each attempt with the key."""
    seen = []
    for _ in range(count):
        attempt = sshd.log_in("alice", {KEY_PROMPT: key})
        assert attempt.prompts == (KEY_PROMPT,)
        assert not canary.found_in(attempt.output, {key})
        ((result, reason),) = logged(machine)
        seen.append((attempt.let_in, result, reason))
    return seen


def logged(machine: Hosts) -> Sequence[tuple[str, str]]:
    return [(line["result"], line["reason"]) for line in decisions(machine.host.log)]


LET_IN, KEPT_OUT = (True, "allow", "ok"), (False, "deny", "rejected")


@pytest.mark.parametrize("answers, expected", [
    ([pro_api.account("robot")], [LET_IN]),
    ([Reply(401)], [KEPT_OUT]),
    ([pro_api.account("robot"), Reply(401)], [LET_IN, KEPT_OUT]),
    ([Reply(503), pro_api.account("robot"), Reply(503), pro_api.account("robot")], [KEPT_OUT, LET_IN] * 2),
], ids=["service account", "refused", "revoked", "outages"])
def test_sshd(machine, sshd, workspace, answers, expected):
    """Each attempt is what Pro says at that moment: neither a yes nor an outage is remembered."""
    before, asked_before = len(workspace.requests()), len(workspace.asked())
    assert attempts(machine, sshd, workspace.pro.make_key(*answers), len(answers)) == expected
    requests = [request for seen in expected for request in (PRO_LOGIN if seen == LET_IN else PRO_LOGIN[:2])]
    assert workspace.requests()[before:] == requests
    assert workspace.asked()[asked_before:] == [VOUCH] * len(answers)


def test_sshd_tells_an_outage_from_a_refusal_to_nobody(machine, sshd, workspace):
    """What the user sees is the same; the log has what the workspace says about it."""
    shown, said = set(), []
    for answer in (Reply(401), Reply(503)):
        shown.add(sshd.log_in("alice", {KEY_PROMPT: workspace.pro.make_key(answer)}).output)
        ((detail,),) = [re.findall(r' detail="(.*)"$', record.text) for record in machine.host.log.read()
                        if record.text.startswith("result=")]
        said.append(detail)
    assert len(shown) == 1
    assert [CANNOT_ASK in detail for detail in said] == [False, True]


def test_session_outlives_an_outage(machine, sshd, door, workspace):
    """The session has a token of the workspace, about which Pro is not asked, and not the key."""
    door.configure("session_env = token")
    key = workspace.pro.make_key(pro_api.account("robot"), Reply(503))
    before = len(workspace.requests())
    attempt = sshd.log_in("alice", {KEY_PROMPT: key}, command=f"{WHO}; env")
    assert attempt.let_in
    assert workspace.requests()[before:] == [*PRO_LOGIN, "GET /api/v1/api_token"]
    assert not canary.found_in(attempt.output, {key})
    variables = session_variables(attempt)
    assert set(variables) == set(IN_THE_SESSION)
    assert logged(machine) == [LET_IN[1:]]
    assert attempts(machine, sshd, key, 1) == [KEPT_OUT]
    token = canary.remember(variables["ZENML_STORE_API_TOKEN"])
    assert call(f"{workspace.url}/api/v1/current-user", token=token)["name"] == "robot"
