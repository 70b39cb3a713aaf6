"""Builds the contenders that have to be compiled, below build/bench. What cannot be built here says why."""

from __future__ import annotations

import os
import platform
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Callable

BENCH = Path(__file__).resolve().parent
REPOSITORY = BENCH.parents[1]
BUILD = REPOSITORY / "build"
MADE = BUILD / "bench"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
STATIC = REPOSITORY / "action/bin" / f"linux-{ARCHITECTURE}" / "zenml-login"
STATIC_TREE = BUILD / f"static-{ARCHITECTURE}"
STATIC_HELPER = STATIC_TREE / "pam_zenml/zenml-pam-helper"
GO = shutil.which("go") or str(BUILD / "ci-tools/bin/go")


class NotBuilt(Exception):
    """A contender cannot be built here; the text says why."""


def _run(*command: str | Path, cwd: Path | None = None, **environment: str) -> None:
    try:
        subprocess.run([str(word) for word in command], env=os.environ | environment, cwd=cwd, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    except FileNotFoundError:
        raise NotBuilt(f"there is no {Path(command[0]).name}") from None
    except subprocess.CalledProcessError as failure:
        raise NotBuilt(f"{Path(command[0]).name}: {failure.stdout.strip()[-200:]}") from None


def static_binary() -> Path:
    """The static zenml-login, as it is shipped."""
    if not STATIC.exists():
        raise NotBuilt("./dev static has not been run")
    return STATIC


def _with_zig(source: str, *more: str | Path) -> Path:
    """Compiles a C file with the compiler and the flags of the static build."""
    cache = STATIC_TREE / "CMakeCache.txt"
    zig = BUILD / "zig/ziglang/zig"
    if not (cache.exists() and zig.exists()):
        raise NotBuilt("./dev static has not been run")
    flags = dict(re.findall(r"^(CMAKE_(?:C|EXE_LINKER)_FLAGS):STRING=(.*)$", cache.read_text(), re.MULTILINE))
    made = MADE / Path(source).stem
    MADE.mkdir(parents=True, exist_ok=True)
    _run(zig, "cc", "-target", f"{platform.machine()}-linux-musl", "-D_GNU_SOURCE",
         *shlex.split(flags["CMAKE_C_FLAGS"]), *shlex.split(flags["CMAKE_EXE_LINKER_FLAGS"]),
         "-o", made, BENCH / source, *more,
         ZIG_GLOBAL_CACHE_DIR=str(MADE / "zig-cache"), ZIG_LOCAL_CACHE_DIR=str(MADE / "zig-cache"))
    return made


def empty() -> Path:
    """A static program that does nothing."""
    return _with_zig("empty.c")


def floor() -> Path:
    """The program that is little but mbedTLS: the libraries are those of the static zenml-login."""
    libraries = STATIC_TREE / "dependencies"
    if not (libraries / "lib/libmbedtls.a").exists():
        raise NotBuilt("./dev static has not been run")
    return _with_zig("floor_login.c", REPOSITORY / "src/core/entropy_getrandom.c", f"-I{libraries / 'include'}",
                     f"-L{libraries / 'lib'}",
                     *(f"-l{name}" for name in ("mbedtls", "mbedx509", "mbedcrypto", "everest", "p256m", "cjson")))


def go_login() -> Path:
    """The program in Go, static."""
    made = MADE / "go_login"
    _run(GO, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", made, ".", cwd=BENCH / "go_login",
         CGO_ENABLED="0", GOTOOLCHAIN="local", GOCACHE=str(MADE / "go-cache"))
    return made


def rust_login() -> Path:
    """The program in Rust."""
    _run("cargo", "build", "--release", "--locked", cwd=BENCH / "rust_login", CARGO_TARGET_DIR=str(MADE / "rust"))
    return MADE / "rust/release/rust_login"


def stripped(program: Path) -> Path:
    """A copy of `program` without symbols, as a package installs it."""
    MADE.mkdir(parents=True, exist_ok=True)
    made = MADE / f"{program.name}-stripped"
    _run("strip", "-o", made, program)
    return made


def build(make: Callable[[], Path]) -> tuple[Path | None, str]:
    """What `make` returns and "", or None and why not."""
    try:
        return make(), ""
    except NotBuilt as reason:
        return None, str(reason)
