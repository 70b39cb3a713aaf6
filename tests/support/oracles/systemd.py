"""systemd: `EnvironmentFile=` (systemd/systemd, src/basic/env-file.c, env-util.c and utf8.c)."""

from __future__ import annotations

import re

from oracles import Unreadable

_STATEMENT = re.compile(r"[ \t\n\r]*(?:[#;](?:\\.|[^\\\n\r])*|([^\n\r][^=\n\r]*)(=?))?", re.DOTALL)
_QUOTED = re.compile(r"""[ \t]*(?:'([^']*)'?|"((?:\\.|[^"\\])*)"?)""", re.DOTALL)
# Blanks at the end are dropped, unless a backslash protects them.
_UNQUOTED = re.compile(r"[ \t]*((?:\\.|[^\\\n\r])*?)[ \t]*(?=[\n\r]|\Z)", re.DOTALL)


def read(content: bytes) -> dict[str, str]:
    """The variables of the service. One line that is not good, and the service has none of them."""
    try:
        text = content.partition(b"\0")[0].decode()
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
    variables, at = {}, 0
    while at < len(text):
        name, equals = (statement := _STATEMENT.match(text, at)).groups()
        at = statement.end()
        if equals:
            value, at = _cut_value(text, at)
            variables[name.rstrip(" \t")] = value
    for name, value in variables.items():
        _check(name, value)
    return variables


def _cut_value(text: str, at: int) -> tuple[str, int]:
    """Quotes count at the start and right behind other quotes only."""
    value = ""
    while quoted := _QUOTED.match(text, at):
        value += quoted[1] if quoted[1] is not None else re.sub(r"\\(.)", _in_double_quotes, quoted[2], flags=re.DOTALL)
        at = quoted.end()
    rest = _UNQUOTED.match(text, at)
    if rest is None:
        raise Unreadable("a backslash at the end")
    return value + re.sub(r"\\(.)", lambda pair: pair[1].strip("\n\r"), rest[1], flags=re.DOTALL), rest.end()


def _in_double_quotes(pair: re.Match) -> str:
    return "" if pair[1] == "\n" else pair[1] if pair[1] in '"\\`$' else pair[0]


def _check(name: str, value: str) -> None:
    if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
        raise Unreadable(f"not a name: {name!r}")
    # systemd's idea of UTF-8 has no noncharacters.
    if re.search("[\x01-\x08\x0b-\x1f\x7f\ufdd0-\ufdef]", value) or any(ord(char) & 0xfffe == 0xfffe for char in value):
        raise Unreadable(f"not valid in a variable: {value!r}")
