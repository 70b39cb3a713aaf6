"""What the log maskers of all platforms have in common."""

from __future__ import annotations

import re
from typing import Iterable


def hide(line: str, forms: Iterable[str]) -> str:
    """`line` with every occurrence of a form as "***"; overlapping and adjoining ones become one."""
    hidden = [False] * len(line)
    for form in forms:
        at = line.find(form)
        while at >= 0:
            hidden[at:at + len(form)] = [True] * len(form)
            at = line.find(form, at + 1)
    marked = "".join("\0" if hide else character for hide, character in zip(hidden, line))
    return re.sub("\0+", "***", marked)
