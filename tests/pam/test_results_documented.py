"""The results of the module: table (pam_zenml/reason.c) and manual page agree."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
STATUSES = ROOT / "src" / "core" / "status.h"
TABLE = ROOT / "pam_zenml" / "reason.c"
MANUAL = ROOT / "docs" / "man" / "pam_zenml.8.scd"


def table() -> dict[str, set[str]]:
    """PAM code -> the names of its reasons, as the sources have them."""
    names = dict(re.findall(r'X\((ZN_\w+),\s*"([\w-]+)"', STATUSES.read_text()))
    codes: dict[str, set[str]] = {}
    for constant, own, code in re.findall(r'\[(Z[NP]_\w+)\] = \{(?:NULL|"([\w-]+)"), "\w+", (PAM_\w+),',
                                          TABLE.read_text()):
        if constant != "ZN_OK":  # success is no reason, and not decided by the table
            codes.setdefault(code, set()).add(own or names[constant])
    return codes


def documented() -> dict[str, set[str]]:
    """The same, as the chapter RETURN VALUES has it."""
    chapter = MANUAL.read_text().split("# RETURN VALUES\n")[1].split("\n# ")[0]
    rows = re.findall(r"^\|  (PAM_\w+)\n:  (.*)$", chapter, re.MULTILINE)
    return {code: set(re.findall(r"_([a-z][a-z-]*)_", text)) for code, text in rows}


def test_every_reason_stands_at_its_code():
    manual = documented()
    for code, names in table().items():
        if code != "PAM_IGNORE":  # described in words: there is nothing in the log
            assert manual[code] == names, code


def test_nothing_else_is_documented():
    known = set(table()) | {"PAM_SUCCESS", "PAM_PERM_DENIED"}
    assert set(documented()) == known
