"""The programs and libraries that read what `zenml-login env` writes.

Each function of `Consumers` takes files and returns, for each of them, the variables that the consumer finds there,
or None where it stops with an error."""

from __future__ import annotations

import ctypes
import glob
import json
import shutil
import subprocess
from pathlib import Path
from typing import Sequence

import pytest

TOOLS = Path(__file__).with_name("tools")
Found = list["dict[str, str] | None"]

_PYTHON_DOTENV = """
import dotenv, json, sys
for file in sys.argv[2:]:
    print(json.dumps(dict(dotenv.dotenv_values(file, interpolate=sys.argv[1] == "interpolate"))))
"""


class Consumers:
    """`tools` is the folder that ./dev fills."""

    def __init__(self, tools: Path):
        self._tools = tools

    def docker(self, files: Sequence[Path]) -> Found:
        """docker run --env-file"""
        return self._go("docker", files)

    def compose(self, files: Sequence[Path]) -> Found:
        """Docker Compose, env_file"""
        return self._go("compose", files)

    def godotenv(self, files: Sequence[Path]) -> Found:
        """The Go package that many programs read .env with"""
        return self._go("godotenv", files)

    def node(self, files: Sequence[Path]) -> Found:
        """node --env-file"""
        return self._node("node", files)

    def npm_dotenv(self, files: Sequence[Path]) -> Found:
        """The npm package dotenv"""
        return self._node("dotenv", files)

    def azure(self, files: Sequence[Path]) -> Found:
        """Microsoft's library for tasks of Azure Pipelines"""
        return self._node("azure", files)

    def python_dotenv(self, files: Sequence[Path]) -> Found:
        """The PyPI package python-dotenv"""
        return _json_lines([self._tools / "venv/bin/python", "-c", _PYTHON_DOTENV, "literal", *files])

    def python_dotenv_interpolating(self, files: Sequence[Path]) -> Found:
        """The same as it is by default"""
        return _json_lines([self._tools / "venv/bin/python", "-c", _PYTHON_DOTENV, "interpolate", *files])

    def java_stream(self, files: Sequence[Path]) -> Found:
        """java.util.Properties, load(InputStream)"""
        return _java("stream", files)

    def java_reader(self, files: Sequence[Path]) -> Found:
        """java.util.Properties, load(Reader)"""
        return _java("reader", files)

    def systemd(self, files: Sequence[Path]) -> Found:
        """What the service manager calls for EnvironmentFile="""
        libraries = glob.glob("/usr/lib/*/systemd/libsystemd-shared-*.so")
        if not libraries:
            pytest.skip("libsystemd-shared is not installed")
        load = ctypes.CDLL(libraries[0]).load_env_file
        load.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
        return [_load_env_file(load, file) for file in files]

    def _go(self, consumer: str, files: Sequence[Path]) -> Found:
        results = [subprocess.run([self._tools / "bin/goparse", consumer, file], capture_output=True, check=False)
                   for file in files]
        return [json.loads(result.stdout) if result.returncode == 0 else None for result in results]

    def _node(self, consumer: str, files: Sequence[Path]) -> Found:
        return _json_lines([self._tools / "bin/node", TOOLS / "read_variables.mjs", consumer, *files],
                           ZN_CI_TOOLS=str(self._tools))


def _java(way: str, files: Sequence[Path]) -> Found:
    if not shutil.which("java"):
        pytest.skip("java is not installed")
    return _json_lines(["java", TOOLS / "ReadProperties.java", way, *files])


def _load_env_file(load, file: Path) -> dict[str, str] | None:
    entries = ctypes.POINTER(ctypes.c_char_p)()
    if load(None, bytes(file), ctypes.byref(entries)) < 0:
        return None
    texts = []
    while entries and entries[len(texts)]:
        texts.append(entries[len(texts)].decode())
    return dict(text.split("=", 1) for text in texts)


def _json_lines(command: Sequence[str | Path], **environment: str) -> Found:
    result = subprocess.run([*map(str, command)], env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True,
                            check=True, text=True, timeout=120)
    return [json.loads(line) for line in result.stdout.rstrip("\n").split("\n")]
