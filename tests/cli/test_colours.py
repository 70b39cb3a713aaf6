"""Colours: on the words ok, warn and fail of `doctor`, for people at a terminal who have nothing against them."""

from __future__ import annotations

import re

import pytest
from keys import make_key
from outcome import login
from surroundings import on_terminal

from run import run

KEY = "ZENML_STORE_API_KEY"
TERMINAL = {"TERM": "xterm-256color"}
COLOURED = re.compile(r": (?:\x1b\[32mok|\x1b\[33mwarn|\x1b\[31mfail)\x1b\[0m: ")


@pytest.fixture
def doctor(server, binary):
    """A function: what doctor prints for a key that the server rejects, without times."""
    rejected = make_key()

    def look(variables, *options, wrapper=on_terminal()):
        result = login(server, {KEY: rejected} | variables, "doctor", *options, wrapper=wrapper)
        assert result.code == 5
        return re.sub(r"\(\d+ ms\)|\d+ seconds", "(time)", result.out.replace("\r\n", "\n"))
    return look


def plain(text: str) -> str:
    """The text as a terminal shows it, apart from its colours."""
    return re.sub(r"\x1b\[\d+m", "", text)


def test_for_people(doctor):
    """Each finding has one colour, of the word for its level, and is otherwise as without."""
    text = doctor(TERMINAL)
    findings = [line for line in text.splitlines() if re.match(r"\w+: .*\(time\)$", plain(line))]
    assert len(findings) >= 5 and "\x1b[32mok" in text and "\x1b[31mfail" in text
    assert all(COLOURED.search(line) for line in findings)
    assert text.count("\x1b") == 2 * len(findings)
    assert plain(text) == doctor({"TERM": "dumb"})


def test_empty_no_color_does_not_count(doctor):
    assert "\x1b" in doctor(TERMINAL | {"NO_COLOR": ""})


@pytest.mark.parametrize("variables", ({}, {"TERM": ""}, {"TERM": "dumb"}, TERMINAL | {"NO_COLOR": "1"},
                                       TERMINAL | {"NO_COLOR": "0"}), ids=str)
def test_without_colours(variables, doctor):
    text = doctor(variables)
    assert "\x1b" not in text and "login: fail: " in text


@pytest.mark.parametrize("options, wrapper", ((["--json"], on_terminal()), ([], ()), (["--json"], ())))
def test_for_programs(options, wrapper, doctor):
    assert "\x1b" not in doctor(TERMINAL, *options, wrapper=wrapper)


def test_doctor_pam(tmp_path, binary):
    (tmp_path / "sshd").write_text("auth required pam_zenml.so\n")
    text = run(["doctor", "pam", tmp_path / "sshd"], TERMINAL, wrapper=on_terminal()).out
    assert re.search(r"sshd:1: \x1b\[32mok\x1b\[0m: ", text) and "\x1b[31mfail\x1b[0m: " in text


@pytest.mark.parametrize("command", ("whoami", "env"))
def test_other_commands(command, server, api_key, binary):
    result = login(server, {KEY: api_key} | TERMINAL, command, wrapper=on_terminal())
    assert "\x1b" not in result.out + result.err
