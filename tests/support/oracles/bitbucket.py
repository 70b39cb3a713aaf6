"""Bitbucket Pipelines: the file named by BITBUCKET_PIPELINES_VARIABLES_PATH, for later steps.

After "Variables and secrets", support.atlassian.com: NAME=value lines. It says nothing of quotes, comments or escapes,
so only what nobody could read in another way counts as readable."""

from __future__ import annotations

import re

from oracles import Unreadable


def read(content: bytes) -> dict[str, str]:
    """The variables of the steps that list their names."""
    variables = {}
    for line in content.decode().removesuffix("\n").split("\n"):
        match = re.fullmatch(r"([A-Za-z_][A-Za-z0-9_]*)=([A-Za-z0-9_./+=:@%,-]+)", line)
        if not match:
            raise Unreadable(f"unspecified: {line!r}")
        variables[match[1]] = match[2]
    return variables
