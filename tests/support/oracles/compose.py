"""Docker Compose: `env_file:` and `.env` (compose-spec/compose-go, dotenv/parser.go).

Without values in double quotes, which no writer of ours uses: what they mean takes another page."""

from __future__ import annotations

import re

from oracles import GO_BLANKS, Unreadable

_BLANKS = "\t\v\f\r \x85\xa0"


def read(content: bytes) -> dict[str, str]:
    """The variables of the container."""
    text = content.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    variables: dict[str, str] = {}
    while text := _skip_to_statement(text):
        name, text = _cut_name(text)
        variables[name], text = _cut_value(text, variables)
    return variables


def _skip_to_statement(text: str) -> str:
    text = text.lstrip(GO_BLANKS)
    while text.startswith("#"):
        text = text.partition("\n")[2].lstrip(GO_BLANKS)
    return text


def _cut_name(text: str) -> tuple[str, str]:
    text = re.sub(r"\Aexport\s+", "", text)
    name, mark, rest = _partition(text, "[=:\n]")
    # Without a mark the variable is taken over from compose's own environment: nothing that we could foresee.
    if mark in ("", "\n"):
        raise Unreadable(f"inherited: {name!r}")
    name = name.rstrip(GO_BLANKS)
    if not re.fullmatch(r"[\w.\[\]-]+", name):
        raise Unreadable(f"not a name: {name!r}")
    return name, rest.lstrip(_BLANKS)


def _cut_value(text: str, variables: dict[str, str]) -> tuple[str, str]:
    if text.startswith('"'):
        raise Unreadable("double quotes")
    if text.startswith("'"):
        return _cut_quoted(text[1:])
    value, _, rest = text.partition("\n")
    return _expand(value.partition(" #")[0].rstrip(GO_BLANKS), variables), rest


def _cut_quoted(text: str) -> tuple[str, str]:
    """A backslash stays, but for one before a quote: that makes the quote a part of the value."""
    value, at = "", 0
    while at < len(text) and text[at] != "'":
        pair = text[at:at + 2]
        piece = pair if pair.startswith("\\") else text[at]
        value += "'" if piece == "\\'" else piece
        at += len(piece)
    if at >= len(text):
        raise Unreadable("the quote does not end")
    return value, text[at + 1:]


def _expand(value: str, variables: dict[str, str]) -> str:
    def replacement(match: re.Match) -> str:
        if match[0] == "$":
            raise Unreadable(f"not a variable: {value!r}")
        return "$" if match[0] == "$$" else variables.get(match[1] or match[2], "")

    return re.sub(r"\$\$|\$\{(\w+)\}|\$([A-Za-z_]\w*)|\$", replacement, value, flags=re.ASCII)


def _partition(text: str, marks: str) -> tuple[str, str, str]:
    """`text` cut at the first of some characters."""
    match = re.search(marks, text)
    return (text[:match.start()], match[0], text[match.end():]) if match else (text, "", "")
