"""The completions of bash, zsh and fish offer what the program takes: its own help, and its own words on bad values."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from completing import FOLDER, SHELLS, fish_with_descriptions
from formats import NOTE
from test_usage import VERBS, text_of

from run import run

VALUE = "some"  # no value of anything


@pytest.fixture(params=SHELLS)
def offers(request, tmp_path):
    """A function: what a shell offers at the end of `zenml-login …`, in a folder with a file and a program."""
    (tmp_path / "some.pem").touch()
    (tmp_path / "some-program").touch(mode=0o755)
    return lambda line: SHELLS[request.param](f"zenml-login {line}", tmp_path)


def options_of(verb: str) -> dict[str, tuple[str, str]]:
    """The options in the help of a command: what each takes ("" for nothing), and what is said about it."""
    rows = re.findall(r"^ +(?:-\w, )?(--[a-z-]+) (\S*) +(.*)$", text_of(verb, "--help"), re.MULTILINE)
    return {name: (argument, said) for name, argument, said in rows}


def purposes() -> dict[str, str]:
    """The commands, and what is said about each."""
    return {verb: re.search(rf"^  {verb} +(.*)$", text_of("--help"), re.MULTILINE)[1] for verb in VERBS}


def can_undo(format: str) -> bool:
    """Whether `clear` knows what to do about variables in that format."""
    return "cannot undo" not in run(["clear", "--format", format], {NOTE: "x:y"}).err


def values_of(verb: str, option: str) -> set[str]:
    """The values that an option is limited to, by what is said about another one."""
    told = re.search(f"(?:{option}|{option[2:]}.*) takes (.*)", run([verb, option, VALUE]).err)
    choice = re.fullmatch(r"\w+ or \w+|\w+(?:, \w+)+", told[1]) if told else None
    values = set(re.split(", | or ", choice[0])) if choice else set()
    return set(filter(can_undo, values)) if verb == "clear" else values


def test_commands(offers, binary):
    assert set(VERBS) <= offers("") <= {*VERBS, "--help", "--version"}
    assert offers("e") == {"env", "exec"}


@pytest.mark.parametrize("verb", VERBS)
def test_options(verb, offers, binary):
    assert {word for word in offers(f"{verb} --") if word.startswith("--")} == set(options_of(verb))


@pytest.mark.parametrize("verb", VERBS)
def test_values(verb, offers, binary):
    """Those of the program where they are limited, names of files where it takes a file, and nothing else."""
    for option, (argument, _) in options_of(verb).items():
        if argument in ("PATH", "FILE"):
            assert offers(f"{verb} {option} {VALUE}") >= {"some.pem"}
        elif argument:
            values = values_of(verb, option)
            assert offers(f"{verb} {option} ") == values or option == "--user"


def test_values_behind_a_sign(offers, binary):
    assert offers("env --format=") == values_of("env", "--format") and offers("exec --credential=k") == {"key"}


def test_the_program_limits_what_it_is_thought_to(binary):
    """Otherwise the test of the values would compare nothing with nothing."""
    assert values_of("env", "--credential") == {"token", "key"} and values_of("env", "--ca-mode") == {"replace", "add"}
    assert values_of("whoami", "--if-missing") == {"fail", "skip"}
    assert values_of("env", "--format") > values_of("clear", "--format") > {"github", "shell"}
    assert not values_of("env", "--server") and not values_of("env", "--expires-in")


def test_doctor(offers, binary):
    assert offers("doctor ") == {"pam"}
    assert "some.pem" in offers("doctor pam ") and "some.pem" in offers("doctor --try pam some")


def test_users(offers, binary):
    assert offers("doctor pam --try --user roo") >= {"root"}


def test_the_command_of_exec(offers, binary):
    """Its options are its own."""
    assert "some-program" in offers("exec -- some-")
    assert "some.pem" in offers("exec --timeout 3 -- cat some.p")
    assert "--server" not in offers("exec -- cat --")


def test_what_fish_says(tmp_path, binary):
    assert fish_with_descriptions("zenml-login ", tmp_path) == purposes()
    for verb in VERBS:
        said = fish_with_descriptions(f"zenml-login {verb} --", tmp_path)
        assert said == {option: text for option, (_, text) in options_of(verb).items()}


def test_what_zsh_says(binary):
    text = Path(FOLDER, "_zenml-login").read_text()
    assert dict(re.findall(r"^  '(\w+):(.*)'$", text, re.MULTILINE)) == purposes()
    said = dict(re.findall(r"(--[a-z-]+)[=}']*\[(.*?)\]", text))
    assert said == {option: text for verb in VERBS for option, (_, text) in options_of(verb).items()}
