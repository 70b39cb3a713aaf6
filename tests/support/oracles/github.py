"""The GitHub runner on Linux: the file that GITHUB_ENV names, workflow commands and log masking.

After FileCommandManager, ActionCommand, SecretMasker and ValueEncoders of actions/runner."""

from __future__ import annotations

import base64
import json
import re
from typing import Iterable
from urllib.parse import quote

from oracles import Unreadable
from oracles.masking import hide


def read(content: bytes) -> dict[str, str]:
    """The variables of later steps, the last of a name wins."""
    text = content.decode("utf-8", "replace").removeprefix("\ufeff")
    variables = {}
    # Only LF ends a line; what follows the last one counts as a line, too.
    lines = iter(text.split("\n"))
    for line in lines:
        name, mark, rest = _first_mark(line)
        if mark == "<<":
            rest = _heredoc(name, rest, lines)
        if name.upper() == "NODE_OPTIONS":
            raise Unreadable("NODE_OPTIONS cannot be set")
        if mark:
            variables[name] = rest
        elif line:
            raise Unreadable(f"invalid format: {line!r}")
    return variables


def _first_mark(line: str) -> tuple[str, str, str]:
    """`line` cut at the first "=" or "<<", whichever comes first."""
    parts = re.split("(=|<<)", line, maxsplit=1)
    return tuple(parts) if len(parts) == 3 else (line, "", "")


def _heredoc(name: str, delimiter: str, lines: Iterable[str]) -> str:
    body = []
    for line in lines:
        if line == delimiter and delimiter and name:
            return "\n".join(body)
        body.append(line)
    raise Unreadable(f"empty name or delimiter, or the latter not found again: {name!r}, {delimiter!r}")


_COMMANDS = {"add-mask", "set-env", "set-output", "save-state", "add-path", "debug", "warning", "error", "notice",
             "group", "endgroup", "echo", "add-matcher", "remove-matcher", "stop-commands"}
# "%25" last: an escaped percent sign must not make a new escape.
_ESCAPES = (("%0D", "\r"), ("%0A", "\n"), ("%25", "%"))
_PROPERTY_ESCAPES = (("%3A", ":"), ("%2C", ","), *_ESCAPES)
_OLD_ESCAPES = (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%25", "%"))


def command(line: str) -> tuple[str, str] | None:
    """Name and data of the workflow command in a log line, in the new form or the old one; None: it holds none."""
    new = re.match(r"\s*::([^ :]*)(?: .*?)?::(.*)", line, re.DOTALL)
    if new and new[1].lower() in _COMMANDS:
        return new[1].lower(), _unescape(new[2], _ESCAPES)
    old = re.search(r"##\[([^ \]]*)[^\]]*\](.*)", line, re.DOTALL)
    if old and old[1].lower() in _COMMANDS:
        return old[1].lower(), _unescape(old[2], _OLD_ESCAPES)
    return None


def annotation(line: str) -> tuple[str, dict[str, str], str] | None:
    """Kind ("error", "warning", "notice"), properties and text of the annotation in a log line; None: it holds none."""
    match = re.match(r"\s*::(error|warning|notice)(?: (.*?))?::(.*)", line, re.DOTALL | re.IGNORECASE)
    if not match:
        return None
    pairs = (pair.partition("=") for pair in (match[2] or "").split(",") if pair)
    properties = {name.strip(): _unescape(value, _PROPERTY_ESCAPES) for name, _, value in pairs}
    return match[1].lower(), properties, _unescape(match[3], _ESCAPES)


def _unescape(text: str, escapes: Iterable[tuple[str, str]]) -> str:
    for escape, character in escapes:
        text = text.replace(escape, character)
    return text


class Log:
    """A job's log: `add` takes what a step prints, `shown` is what people get to see, `masks` what is hidden."""

    def __init__(self):
        self.masks: list[str] = []
        self.shown: list[str] = []
        self._forms: set[str] = set()

    def add(self, output: str) -> Log:
        """Takes the lines of `output` in turn: a mask counts for what comes after it only."""
        for line in output.removesuffix("\n").split("\n"):
            found = command(line)
            if found and found[0] == "add-mask":
                self._add_mask(found[1])
            else:
                self.shown.append(hide(line, self._forms))
        return self

    def _add_mask(self, value: str) -> None:
        self.masks.append(value)
        for part in {value, *(part.strip() for part in re.split("[\r\n]", value))}:
            self._forms |= {form for form in _derived_forms(part) if form.strip()}


def _derived_forms(value: str) -> set[str]:
    """What the runner's value encoders make of a mask; those for "&" and "<", which no secret of ours has, left out.
    Base64 keeps its tail: it fits only at the end of a text."""
    data = value.encode()
    forms = {value, value.replace('"', '\\"'), value.replace("'", "''"), quote(value, safe="-_.~"),
             json.dumps(value, ensure_ascii=False)[1:-1]}
    forms |= {base64.b64encode(data[shift:] if len(data) > shift else data).decode() for shift in range(3)}
    if len(value) > 8 and value[0] == value[-1] == '"':
        forms.add(value[1:-1])
    return forms
