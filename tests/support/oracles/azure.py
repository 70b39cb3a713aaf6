"""Azure Pipelines: the commands that the agent finds in what a step prints, and what it hides in the log.

After Command.cs, TaskCommandExtension.cs, Variables.cs and HostContext.cs of microsoft/azure-pipelines-agent, with
percent signs decoded, as agents do since 2021 (docs/design/percentEncoding.md)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Mapping
from urllib.parse import quote

from oracles import Unreadable
from oracles.masking import hide

# "%AZP25" last: an escaped percent sign must not make a new escape.
_ESCAPES = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%"))
# Some that every job has; a macro of a variable that no job has stays as it is.
_OF_EVERY_JOB = {"agent.os": "Linux", "build.buildid": "7"}


@dataclass(frozen=True)
class Command:
    """A command: "task.setvariable" with its properties and data."""

    name: str
    properties: Mapping[str, str]
    data: str


def command(line: str) -> Command | None:
    """The command in a line, wherever it stands; None: it holds none."""
    match = re.search(r"##vso\[([^\]]*)\](.*)", line, re.DOTALL)
    name, _, properties = match[1].partition(" ") if match else ("", "", "")
    if len([part for part in name.split(".") if part]) != 2:
        return None
    pairs = (pair.split("=", 1) for pair in properties.split(";"))
    return Command(name.lower(), {pair[0].lower(): _unescape(pair[1]) for pair in pairs if len(pair) == 2},
                   _unescape(match[2]))


def _unescape(text: str) -> str:
    for escape, character in _ESCAPES:
        text = text.replace(escape, character)
    return text


class Log:
    """A job's log: `add` takes what a step prints. `shown` is what people get to see, `masks` what is hidden,
    `variables` what later steps get (`secrets`: the names of those that they must map to see them)."""

    def __init__(self):
        self.masks: list[str] = []
        self.shown: list[str] = []
        self.variables: dict[str, str] = {}
        self.secrets: set[str] = set()

    def add(self, output: str) -> Log:
        """Takes the lines of `output` in turn: a mask counts for what comes after it only."""
        for line in re.split("\r\n|\r|\n", output.removesuffix("\n")):
            found = command(line)
            if found is None:
                self.shown.append(self._hide(line))
            elif found.name == "task.setsecret":
                self._add_mask(found.data)
            elif found.name == "task.setvariable":
                self._set(found)
            else:
                raise Unreadable(f"not a command of ours: {found.name}")
        return self

    def _set(self, found: Command) -> None:
        name = found.properties.get("variable", "")
        if not name:
            raise Unreadable("no variable is named")
        if found.properties.get("issecret", "").lower() == "true":
            if re.search("[\r\n]", found.data):
                raise Unreadable("a secret has more than one line")
            self.secrets.add(name)
            self._add_mask(found.data)
        self.variables[name] = found.data

    def _add_mask(self, value: str) -> None:
        if not value:
            raise Unreadable("an empty mask")
        self.masks.append(value)

    def _hide(self, line: str) -> str:
        """As it is, as a JSON string, and URL-encoded: base64 is up to those who set the mask."""
        forms = {form for mask in self.masks for form in
                 (mask, json.dumps(mask, ensure_ascii=False)[1:-1], quote(mask, safe="-_.~"))}
        return hide(line, forms)


def read(content: bytes) -> dict[str, str]:
    """The variables of later steps, mapped where they are secrets. Before each step "$(NAME)" in values is replaced."""
    variables = Log().add(content.decode("utf-8", "replace")).variables
    known = _OF_EVERY_JOB | {name.lower(): value for name, value in variables.items()}
    return {name: re.sub(r"\$\(([^)]+)\)", lambda macro: known.get(macro[1].lower(), macro[0]), value)
            for name, value in variables.items()}
