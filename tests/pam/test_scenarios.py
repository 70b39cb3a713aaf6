"""Plays the scripted conversations in scenarios/*.txt; scenario.py describes their format.

In the asan tree application, module and helper are sanitized, so that each scenario is a search for memory errors and
leaks too. In the others valgrind does that for the first scenario of each file.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import shutil
from pathlib import Path

import pytest

import scenario
from pam_host import sanitized
from scenario import Scenario, Stage

# The module lowers the limit of descriptors for the helper, which valgrind lets nobody do: so it is that low before.
_VALGRIND = ["prlimit", "--nofile=64:64", "valgrind", "-q", "--error-exitcode=99", "--leak-check=full",
             "--errors-for-leak-kinds=definite", "--trace-children=no", "--child-silent-after-fork=yes"]
_ALL = scenario.load()
_FIRST = [next(group) for _, group in itertools.groupby(_ALL, lambda played: played.name.partition(".")[0])]


@pytest.fixture(scope="session")
def stage(pam_host, certs) -> Stage:
    """Where the scenarios are played."""
    return Stage(pam_host, certs)


def _check(stage: Stage, played: Scenario, **options) -> None:
    difference = scenario.differences(*stage.play(played, **options))
    if difference:
        pytest.fail(difference, pytrace=False)


@pytest.mark.parametrize("played", _ALL, ids=lambda played: played.name)
def test_scenario(stage, played):
    """Everything that happens is what the scenario says, and nothing else."""
    _check(stage, played)


if not sanitized():  # valgrind and AddressSanitizer exclude each other
    @pytest.mark.parametrize("played", _FIRST, ids=lambda played: played.name)
    def test_under_valgrind(stage, played):
        """The same, with no memory error and no leak in application and module."""
        if not shutil.which("valgrind"):
            pytest.skip("valgrind is not installed")
        _check(stage, played, wrapper=_VALGRIND, timeout=120)


_CANARY = """\
=== canary
[server]
account = current_user(name="alice")
[run]
authenticate = PAM_SUCCESS
[prompts]
off "ZenML API key: " <- $KEY
[requests]
GET /api/v1/info
POST /api/v1/login
GET /api/v1/current-user
[log]
info result=allow reason=ok account=alice
"""


@pytest.mark.parametrize("section, wrong", [
    ("run", ["authenticate = PAM_AUTH_ERR"]),
    ("run", ["authenticate = PAM_SUCCESS", "acct_mgmt = PAM_IGNORE"]),
    ("prompts", ['off "ZenML API key:" <- $KEY']),
    ("prompts", ['on "ZenML API key: " <- $KEY']),
    ("prompts", ['off "ZenML API key: " <- $KEY', 'info "Welcome"']),
    ("requests", []),
    ("requests", ["POST /api/v1/login", "GET /api/v1/current-user"]),
    ("log", []),
    ("log", ["notice result=allow reason=ok account=alice"]),
    ("log", ["info result=allow reason=ok account=other"]),
    ("env", ["ZENML_STORE_URL=$SERVER"]),
])
def test_a_wrong_expectation_fails(stage, section, wrong):
    """A scenario that passes stops passing when any of its sections says something else."""
    right = scenario.parse("canary", _CANARY)[0]
    _check(stage, right)
    mistaken = dataclasses.replace(right, sections=right.sections | {section: wrong})
    assert scenario.differences(*stage.play(mistaken))


def test_a_leak_is_found(stage):
    """A module that shows the key makes any scenario fail."""
    right = scenario.parse("canary", _CANARY)[0]
    stack = {"stack": ["auth required $SPY set=$KEY", "auth required $MODULE"]}
    actual, _ = stage.play(dataclasses.replace(right, sections=right.sections | stack))
    assert actual["secrets"] == ["key"]


def test_every_reason_has_a_scenario():
    """At least 80 scenarios, each with a name of its own, and one at least for every reason in the log."""
    assert len({played.name for played in _ALL}) == len(_ALL) >= 80
    sources = [Path(__file__).parents[2] / name for name in ("src/core/status.h", "pam_zenml/reason.c")]
    reasons = {name for source in sources for name in re.findall(r'[({]\w*,? ?"([a-z-]+)", ["Z]', source.read_text())}
    played = set(re.findall(r"\breason=([a-z-]+)", str([scenario["log"] for scenario in _ALL])))
    # The first two are reasons of the command line only, and the last one of a machine without memory.
    assert reasons - played == {"cannot-write", "unsupported", "internal"}
    assert played <= reasons
