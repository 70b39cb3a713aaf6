"""Runs the real ZenML client in a clean folder, with only the variables that zenml-login wrote."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

import zenml_server

TIMEOUT_SECONDS = 240
PIPELINE = Path(__file__).with_name("pipeline.py")


@dataclass(frozen=True)
class ClientResult:
    """How the client ended: exit code, what it printed as its result (None: nothing), all its output."""

    code: int
    told: dict | None
    output: str


def client_environment(folder: Path) -> dict[str, str]:
    """What a CI job's environment holds apart from ours: a home and a configuration folder, both empty."""
    folder.mkdir(parents=True, exist_ok=True)
    return zenml_server.clean_environment(folder) | {"ZENML_CONFIG_PATH": str(folder / "config")}


def client_command(*modes: str) -> list[str]:
    """The command that runs pipeline.py, which says what its arguments are."""
    return [zenml_server.venv_program("python"), str(PIPELINE), *modes]


def run_client(folder: Path, variables: Mapping[str, str], *modes: str) -> ClientResult:
    """Run pipeline.py with `variables` in a clean environment in `folder`."""
    done = subprocess.run(client_command(*modes), env=client_environment(folder) | dict(variables), cwd=folder,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=TIMEOUT_SECONDS)
    return client_result(done.returncode, done.stdout)


def client_result(code: int, output: str) -> ClientResult:
    """What pipeline.py printed."""
    told = [line.removeprefix("RESULT ") for line in output.splitlines() if line.startswith("RESULT ")]
    return ClientResult(code, json.loads(told[-1]) if told else None, output)


def assert_no_secret_on_disk(folder: Path, secret: str) -> None:
    """The client has left neither a credentials file nor the secret anywhere in its folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "config.yaml" for path in files)  # it was this folder that the client used
    assert not [path for path in files if path.name == "credentials.yaml"]
    assert not [path for path in files if secret.encode() in path.read_bytes()]
