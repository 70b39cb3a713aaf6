"""What a camera reads in a QR code that was drawn with characters."""

from __future__ import annotations

import re

import zxingcpp

SCALE = 4  # pixels for a module, a side
BLOCKS = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}  # upper and lower module: 1 is white


def _modules(line: str) -> list[list[int]]:
    """The rows of modules that a line of characters shows."""
    if "#" in line:
        return [[int(pair == "##") for pair in re.findall("..", line)]]
    return [[BLOCKS[character][half] for character in line] for half in (0, 1)]


def drawing_in(text: str) -> list[str]:
    """The lines of the QR code in what a terminal got, without colours."""
    lines = re.sub(r"\033\[[0-9;]*m", "", text).replace("\r", "").split("\n")
    return [line for line in lines if len(line) > 20 and re.fullmatch("[ ▀▄█]+|(?:  |##)+", line)]


def decode(text: str) -> str:
    """The text of the one QR code in what a terminal got."""
    rows = [row for line in drawing_in(text) for row in _modules(line)]
    width = len(rows[0]) * SCALE
    pixels = b"".join(bytes(255 * module for module in row for _ in range(SCALE)) * SCALE for row in rows)
    image = memoryview(pixels).cast("B", (len(pixels) // width, width))
    (found,) = zxingcpp.read_barcodes(image)
    return found.text
