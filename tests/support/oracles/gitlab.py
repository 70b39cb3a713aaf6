"""GitLab: a dotenv report, read by the server (Ci::ParseDotenvArtifactService), its values expanded by the runner."""

from __future__ import annotations

import re

from oracles import Unreadable

_MAX_BYTES = 5 * 1024
_MAX_VARIABLES = 50


def read(content: bytes) -> dict[str, str]:
    """The variables of later jobs."""
    if len(content) >= _MAX_BYTES:
        raise Unreadable("the file is too big")
    text = content.decode().removeprefix("\ufeff")
    variables = {}
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        match = re.fullmatch(r"(.*?)=(.*)\n?", line)
        if not match:
            raise Unreadable(f"invalid format: {line!r}")
        name, value = (part.strip(" \t\n\v\f\r\0") for part in match.groups())
        if not re.fullmatch("[A-Za-z0-9_]+", name):
            raise Unreadable(f"invalid name: {name!r}")
        variables[name] = value
    if len(variables) > _MAX_VARIABLES:
        raise Unreadable("too many variables")
    return {name: _expand(value, variables) for name, value in variables.items()}


def _expand(value: str, variables: dict[str, str]) -> str:
    """$NAME and ${NAME} become the variable's value or nothing, $$ a dollar sign."""
    def replacement(match: re.Match) -> str:
        return "$" if match[0] == "$$" else variables.get(match[1] or match[2], "")

    return re.sub(r"\$\$|\$\{(\w+)\}|\$(\w+)", replacement, value)
