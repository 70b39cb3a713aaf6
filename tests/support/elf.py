"""What readelf and nm say about a program or module."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def needed(path: Path) -> set[str]:
    """The shared libraries that it names."""
    return set(re.findall(r"\(NEEDED\).*\[(.+)\]", _output("readelf", "--wide", "--dynamic", path)))


def flags(path: Path) -> set[str]:
    """The flags of the dynamic section, such as NOW and NODELETE."""
    found = re.findall(r"\(FLAGS(?:_1)?\)\s+(?:Flags: )?(.*)", _output("readelf", "--wide", "--dynamic", path))
    return set(" ".join(found).split())


def segments(path: Path) -> dict[str, str]:
    """Program headers: name to access rights, such as GNU_STACK to "RW"."""
    text = _output("readelf", "--wide", "--segments", path)
    rows = re.findall(r"^  ([A-Z_]+) +(?:0x[0-9a-f]+ +){5}([RWE ]{3})", text, re.MULTILINE)
    return {name: rights.replace(" ", "") for name, rights in rows}


def loaded(path: Path) -> list[str]:
    """The access rights of every part that is loaded into memory, such as "RE" and "RW"."""
    text = _output("readelf", "--wide", "--segments", path)
    rows = re.findall(r"^  LOAD +(?:0x[0-9a-f]+ +){5}([RWE ]{3})", text, re.MULTILINE)
    return [rights.replace(" ", "") for rights in rows]


def wanted_by_archive(path: Path) -> set[str]:
    """The symbols that the objects of a static library want of others, for any architecture."""
    return set(re.findall(r" UND (\w+)$", _output("readelf", "--wide", "--symbols", path), re.MULTILINE))


def kind(path: Path) -> str:
    """"DYN" for what can be loaded at any address, "EXEC" for what cannot."""
    return re.search(r"Type:\s+(\w+)", _output("readelf", "--file-header", path))[1]


def exported(path: Path) -> set[str]:
    """The symbols that it defines for others."""
    return _symbols("--defined-only", path)


def imported(path: Path) -> set[str]:
    """The symbols that it wants of others."""
    return _symbols("--undefined-only", path)


def has_debug_information(path: Path) -> bool:
    """Whether it was not stripped."""
    return " .symtab " in _output("readelf", "--wide", "--sections", path)


def strip(path: Path, to: Path) -> Path:
    """Writes what is shipped of it to the path `to`, and returns that."""
    subprocess.run(["strip", "-o", str(to), str(path)], check=True)
    return to


def _symbols(which: str, path: Path) -> set[str]:
    rows = _output("nm", "--dynamic", "--format=posix", which, path).splitlines()
    return {row.split()[0].partition("@")[0] for row in rows}


def _output(*command: str | Path) -> str:
    return subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True).stdout
