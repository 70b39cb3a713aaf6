"""A POSIX shell: `eval "$(zenml-login env)"` in an empty environment."""

from __future__ import annotations

import subprocess

from oracles import Unreadable

# Set by the shells themselves; dash and bash agree on no others.
_OF_THE_SHELL = {"PWD", "OLDPWD", "SHLVL", "_", "PATH"}


def read(content: bytes, shell: str = "sh") -> dict[str, str]:
    """The variables that commands after the eval get. `shell` is the shell's name; it stops at unset variables."""
    script = 'eval "$(cat)"; env -0'
    result = subprocess.run(["env", "-i", "PATH=/usr/bin:/bin", shell, "-euc", script], input=content,
                            capture_output=True, check=False, timeout=20)
    if result.returncode != 0 or result.stderr:
        raise Unreadable(result.stderr.decode(errors="replace"))
    entries = (entry.partition(b"=") for entry in result.stdout.split(b"\0") if entry)
    variables = {name.decode(): value.decode("utf-8", "surrogateescape") for name, _, value in entries}
    return {name: value for name, value in variables.items() if name not in _OF_THE_SHELL}
