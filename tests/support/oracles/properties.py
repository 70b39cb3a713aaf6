"""java.util.Properties, `load` (OpenJDK, java/util/Properties.java), which Jenkins' plugins read their files with."""

from __future__ import annotations

import re

from oracles import Unreadable

_LINE_END = "\r\n|\r|\n"
_ESCAPES = {"t": "\t", "r": "\r", "n": "\n", "f": "\f"}


def read(content: bytes, encoding: str = "latin-1") -> dict[str, str]:
    """The properties. `load(InputStream)` takes the file for ISO 8859-1, `load(Reader)` for what the program says."""
    properties = {}
    for line in _logical_lines(content.decode(encoding)):
        key, value = re.fullmatch(r"((?:\\.|[^\\=: \t\f])*)[ \t\f]*[=:]?[ \t\f]*(.*)", line, re.DOTALL).groups()
        properties[_unescape(key)] = _unescape(value)
    return properties


def _logical_lines(text: str):
    """Lines that go on after an odd number of backslashes are put together; comments and blank lines are left out."""
    lines = iter(re.split(_LINE_END, text))
    for line in lines:
        line = line.lstrip(" \t\f")
        if not line or line[0] in "#!":
            continue
        while _goes_on(line):
            line = line[:-1] + next(lines, "").lstrip(" \t\f")
        yield line


def _goes_on(line: str) -> bool:
    return (len(line) - len(line.rstrip("\\"))) % 2 == 1


def _unescape(text: str) -> str:
    def replacement(match: re.Match) -> str:
        if match[1]:
            return chr(int(match[1], 16))
        if match[2] == "u":
            raise Unreadable(r"malformed \uxxxx")
        return _ESCAPES.get(match[2], match[2])

    return re.sub(r"\\(?:u([0-9A-Fa-f]{4})|(.))", replacement, text, flags=re.DOTALL)
