"""Docker: `docker run --env-file` (docker/cli, pkg/kvfile). Quotes, blanks and "$" in a value are kept."""

from __future__ import annotations

import re

from oracles import GO_BLANKS, Unreadable

_MAX_LINE_BYTES = 64 * 1024


def read(content: bytes) -> dict[str, str]:
    """The variables of the container."""
    variables = {}
    for raw in content.removeprefix(b"\xef\xbb\xbf").removesuffix(b"\n").split(b"\n"):
        line = _decode(raw.removesuffix(b"\r")).lstrip(GO_BLANKS)
        if not line or line.startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not name or re.search(r"[ \t]", name):
            raise Unreadable(f"no variable name, or blanks in it: {line!r}")
        # Without "=" the variable is taken over from docker's own environment: nothing that we could foresee.
        if not equals:
            raise Unreadable(f"inherited: {name}")
        variables[name] = value
    return variables


def _decode(line: bytes) -> str:
    if len(line) >= _MAX_LINE_BYTES:
        raise Unreadable("line too long")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Unreadable("not UTF-8") from None
