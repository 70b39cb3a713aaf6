"""Reads YAML, for which the Python of the tests has no parser, by that of ZN_CI_TOOLS."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

_PROGRAM = "import json, sys, yaml; print(json.dumps(list(yaml.load_all(sys.stdin, yaml.{loader}))))"


def documents(tools: Path, text: str, loader: str = "SafeLoader") -> list:
    """The documents in `text`. `loader` "BaseLoader" leaves every scalar a string, so that GitHub's key `on` stays."""
    done = subprocess.run([tools / "venv/bin/python", "-c", _PROGRAM.format(loader=loader)], input=text,
                          capture_output=True, text=True, timeout=30)
    if done.returncode != 0:
        raise ValueError(done.stderr.splitlines()[-1])
    return json.loads(done.stdout)
