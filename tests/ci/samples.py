"""The samples in our guides: fenced blocks, each named by a comment above it that readers do not see."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

REPOSITORY = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "docs/ci.md", "action/README.md")

_BLOCK = re.compile(r"(?:^<!-- sample: (\S+) -->\n)?^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Sample:
    """A fenced block: its name ("" when it has none), the document and the line that it begins on, its language."""

    name: str
    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def samples() -> Iterator[Sample]:
    """All fenced blocks of our guides."""
    for document in DOCUMENTS:
        text = (REPOSITORY / document).read_text(encoding="utf-8")
        for block in _BLOCK.finditer(text):
            line = text.count("\n", 0, block.start()) + 1
            yield Sample(block[1] or "", document, line, block[2], block[3])


def sample(name: str) -> str:
    """The text of the sample with this name."""
    (found,) = (one.text for one in samples() if one.name == name)
    return found
