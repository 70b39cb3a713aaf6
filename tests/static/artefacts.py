"""What `./dev static` made: where it lies, and how each of the two programs runs here."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDER = REPOSITORY / "action" / "bin"
MACHINES = {"amd64": "x86_64", "arm64": "aarch64"}  # Debian's name of an architecture: the kernel's


def artefact(arch: str) -> Path:
    """The program for an architecture; the test is skipped where it was not built."""
    path = FOLDER / f"linux-{arch}" / "zenml-login"
    if not path.exists():
        pytest.skip(f"there is no {path.relative_to(REPOSITORY)}: ./dev static makes it")
    return path


def emulator(arch: str) -> list[str]:
    """The command that runs programs for an architecture: nothing for that of this machine."""
    machine = MACHINES[arch]
    if platform.machine() == machine:
        return []
    program = f"qemu-{machine}-static"
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    return [program]


def locked() -> dict[str, list[str]]:
    """The columns of src/cmake/deps.lock after the name, by name."""
    lines = (REPOSITORY / "src/cmake/deps.lock").read_text().splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    return {name: columns for name, *columns in rows}


def environment(**changes: str | Path) -> dict[str, str]:
    """An environment for build tools: PATH of ours, and `changes`."""
    return {"PATH": os.environ["PATH"]} | {name: str(value) for name, value in changes.items()}
