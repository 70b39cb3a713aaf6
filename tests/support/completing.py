"""What bash, zsh and fish offer at a command line with our completions: the shells themselves are asked.

Each function takes the line up to the cursor, whose last word is completed, and the folder that the shell is in; it
returns what is offered, without descriptions. A shell that is not installed is skipped."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

FOLDER = Path(__file__).parents[2] / "src" / "cli" / "completions"
_ENVIRONMENT = {"TERM": "dumb", "LC_ALL": "C.UTF-8"}

_BASH = """
source "$1/zenml-login.bash"
COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
_zenml_login
printf '%s\\n' "${COMPREPLY[@]}"
"""
_FISH = 'source $argv[1]/zenml-login.fish; complete --do-complete $argv[2]'
# zsh completes only while somebody types, so what it would add to the list is noted in a file.
_ZSH = """
fpath=({completions} $fpath)
autoload -Uz compinit && compinit -u -d {folder}/.compinit
compadd() {{
  local -a found
  if [[ ${{argv[1,(i)(-|--)]}} != *-[OAD]\\ * ]]; then
    builtin compadd -A found "$@"
    print -rl -- $found >>{folder}/.offered
  fi
  builtin compadd "$@"
}}
note() {{ _main_complete; unset 'compstate[list]' 'compstate[insert]'; print COMPLETED }}
zle -C note list-choices note
bindkey '^I' note
PROMPT=READY
"""


def _environment(folder: Path) -> dict[str, str]:
    return _ENVIRONMENT | {"HOME": str(folder), "PATH": f"{folder}:/usr/bin:/bin"}


def _needed(shell: str) -> str:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    return shell


def _lines(command: list[str], folder: Path) -> list[str]:
    """Standard output of a shell that must have nothing to complain about."""
    done = subprocess.run(command, cwd=folder, env=_environment(folder), capture_output=True, text=True, timeout=30,
                          check=False)
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if line]


def bash(line: str, folder: Path) -> set[str]:
    """bash, to which "=" is a word by itself."""
    words = line.replace("=", " = ").split(" ")
    return set(_lines([_needed("bash"), "--norc", "-c", _BASH, "bash", str(FOLDER), *words], folder))


def fish_with_descriptions(line: str, folder: Path) -> dict[str, str]:
    """What fish offers, with what it says about it."""
    rows = (row.partition("\t") for row in _lines([_needed("fish"), "-c", _FISH, str(FOLDER), line], folder))
    return {word: description for word, _, description in rows}


def fish(line: str, folder: Path) -> set[str]:
    """fish, which offers the whole word "--option=value"."""
    begin = line.rpartition(" ")[2].rpartition("=")[0]
    return {word.removeprefix(f"{begin}=") for word in fish_with_descriptions(line, folder)}


def zsh(line: str, folder: Path) -> set[str]:
    """zsh."""
    offered, setup = folder / ".offered", folder / ".setup"
    setup.write_text(_ZSH.format(completions=FOLDER, folder=folder))
    offered.write_text("")
    with pexpect.spawn(_needed("zsh"), ["-f", "-i"], cwd=folder, env=_environment(folder), encoding="utf-8",
                       timeout=30) as person:
        person.sendline(f"source {setup}")
        person.expect("READY")
        person.send(f"{line}\t")
        person.expect("COMPLETED")
    return {word for word in offered.read_text().splitlines() if word}


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}
