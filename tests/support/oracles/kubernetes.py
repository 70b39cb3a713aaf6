"""Kubernetes: `env.valueFrom.fileKeyRef` (kubernetes/kubernetes, pkg/kubelet/util/env, as of 1.35)."""

from __future__ import annotations

from oracles import Unreadable

_MAX_LINE_BYTES = 64 * 1024


def read(content: bytes) -> dict[str, str]:
    """The variables that a container may refer to, the first of a name wins."""
    if any(len(line) >= _MAX_LINE_BYTES for line in content.split(b"\n")):
        raise Unreadable("line too long")
    # Bytes that are not UTF-8 are taken as they are.
    text = content.decode("utf-8", "surrogateescape").replace("\r\n", "\n").removesuffix("\n")
    variables: dict[str, str] = {}
    lines = iter(text.split("\n"))
    for line in lines:
        line = line.lstrip(" \t")
        if line and not line.startswith("#"):
            name, equals, rest = line.partition("=")
            if not equals or not name or name.endswith((" ", "\t")):
                raise Unreadable(f"invalid format: {line!r}")
            value = "" if rest.startswith((" ", "\t")) else _cut_quoted(rest, lines)
            variables.setdefault(name, value)
    return variables


def _cut_quoted(rest: str, lines) -> str:
    """What stands in single quotes, literally; it may go on in further lines."""
    if not rest.startswith("'"):
        raise Unreadable(f"not in single quotes: {rest!r}")
    rest = rest[1:]
    while "'" not in rest:
        following = next(lines, None)
        if following is None:
            raise Unreadable("the quote does not end")
        rest += "\n" + following
    value, _, after = rest.partition("'")
    after = after.lstrip(" \t")
    if after and not after.startswith("#"):
        raise Unreadable(f"behind the quote: {after!r}")
    return value
