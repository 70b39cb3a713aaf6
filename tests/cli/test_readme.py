"""What README.md shows of a terminal is what the program says, and not what it said once."""

from __future__ import annotations

import re

import pytest
import readme_terminal

TEXT = readme_terminal.README.read_text(encoding="utf-8")
CHANGES = {  # with each run
    r"http://127\.0\.0\.1:\d+": "URL",
    r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "UUID",
    r"user_code=[0-9a-f]{32}": "user_code=CODE",
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ": "TIME",
    r"\(\d+ ms\)": "(MS)",
    r":[0-9a-f]{16}\b": ":FINGERPRINT",
}


def lasting(text: str) -> str:
    """The text without what is another one in each run."""
    for pattern, name in CHANGES.items():
        text = re.sub(pattern, name, text)
    return text


@pytest.fixture(scope="module")
def made(binary) -> dict[str, str]:
    """The blocks as the program makes them now."""
    return readme_terminal.make()


def test_readme_shows_what_the_program_says(made):
    shown = readme_terminal.blocks_of(TEXT)
    assert {name: lasting(text) for name, text in shown.items()} == {name: lasting(text) for name, text in made.items()}


def test_no_whole_secret_is_shown(made):
    assert not re.search(r"(ZENKEY_|eyJ)[\w.=-]{20,}", "".join(made.values()))
    assert "ZENKEY_eyJpZCI…" in made["doctor"]


def test_the_blocks_can_be_written_anew():
    """And nothing else changes."""
    blocks = {name: f"$ {name}\n" for name in readme_terminal.blocks_of(TEXT)}
    changed = readme_terminal.with_blocks(TEXT, blocks)
    assert readme_terminal.blocks_of(changed) == blocks
    assert readme_terminal.with_blocks(changed, readme_terminal.blocks_of(TEXT)) == TEXT
