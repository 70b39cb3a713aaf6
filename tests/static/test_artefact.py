"""What the static programs are, read from the files themselves."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import elf
from artefacts import FOLDER, MACHINES, REPOSITORY, artefact, emulator, locked
from run import run

MAX_BYTES = 996_147  # 0.95 MB of 2^20 bytes, as in docs/BENCHMARKS.md
# mov, sub or cmp between a register and the canary of the thread.
AMD64_CANARY = rb"\x64[\x48\x4c][\x8b\x2b\x3b]\S?\x25\x28\x00\x00\x00"
ARM64_SIGNED_RETURN = b"\x3f\x23\x03\xd5"  # paciasp


@pytest.fixture(params=MACHINES)
def arch(request) -> str:
    """Each architecture."""
    return request.param


@pytest.fixture
def program(arch):
    """The file for it."""
    return artefact(arch)


@pytest.fixture
def contents(program) -> bytes:
    """The bytes of that file."""
    return program.read_bytes()


def test_it_needs_nothing_of_the_host(program):
    """No loader, no library."""
    assert "INTERP" not in elf.segments(program)
    assert elf.needed(program) == set()


def test_it_can_lie_at_any_address(program):
    assert elf.kind(program) == "DYN"
    assert {"PIE", "NOW"} <= elf.flags(program)
    assert "TEXTREL" not in elf.flags(program)


def test_nothing_is_written_and_executed(program):
    assert elf.segments(program)["GNU_STACK"] == "RW"
    assert "GNU_RELRO" in elf.segments(program)
    loaded = elf.loaded(program)
    assert "RE" in loaded and not [rights for rights in loaded if {"W", "E"} <= set(rights)]


def test_stack_canaries(arch, contents):
    """In what is shipped, where the canary can be told from other data, and in each library that went into it."""
    if arch == "amd64":
        assert len(re.findall(AMD64_CANARY, contents, re.DOTALL)) > 500
    tree = REPOSITORY / f"build/static-{arch}"
    names = [f"dependencies/lib/lib{name}.a" for name in ("curl", "mbedtls", "mbedx509", "mbedcrypto", "cjson")]
    names += [f"src/core/libzn_{name}.a" for name in ("base", "core", "http_curl")]
    libraries = [tree / name for name in names]
    assert [path.name for path in libraries if "__stack_chk_fail" not in elf.wanted_by_archive(path)] == []


def test_return_addresses_are_signed():
    """On processors that can; others take the instruction for nothing."""
    assert artefact("arm64").read_bytes().count(ARM64_SIGNED_RETURN) > 500


def test_it_is_stripped_and_small(program):
    assert not elf.has_debug_information(program)
    assert program.stat().st_size <= MAX_BYTES


def test_it_says_nothing_of_where_it_was_built(contents):
    places = [str(REPOSITORY), "/build/static-", "zig-cache", str(Path.home()) + "/"]
    assert [place for place in places if place.encode() in contents] == []


def test_it_cannot_write_the_commands_that_github_withdrew(contents):
    assert [word for word in (b"::set-env", b"::add-path") if word in contents] == []


def test_randomness_comes_from_the_kernel_alone(contents):
    """By getrandom(2): the devices may block, or be missing."""
    assert [name for name in (b"/dev/random", b"/dev/urandom") if name in contents] == []


def test_version(arch, program):
    """It names what is inside, as the lock has it."""
    lock = locked()
    result = run(["--version"], program=program, wrapper=emulator(arch))
    assert result.code == 0
    assert f"libcurl/{lock['curl'][0]} mbedTLS/{lock['mbedtls'][0]}" in result.out
    assert f"CA bundle {lock['certifi'][0].replace('.', '-')}" in result.out


def test_sums():
    """SHA256SUMS has each file that is there, and its hash."""
    sums = dict(reversed(line.split("  ")) for line in (FOLDER / "SHA256SUMS").read_text().splitlines())
    files = [path for path in FOLDER.rglob("*") if path.is_file() and path.name != "SHA256SUMS"]
    assert sums == {str(path.relative_to(FOLDER)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
