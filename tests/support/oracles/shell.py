"""A POSIX shell in an empty environment: `eval "$(zenml-login env)"`, or a file that it reads.

The shells themselves are asked, so no rules of theirs are repeated here."""

from __future__ import annotations

import subprocess
import tempfile

from oracles import Unreadable

# Set by the shells themselves; dash and bash agree on no others.
_OF_THE_SHELL = {"PWD", "OLDPWD", "SHLVL", "_", "PATH", "BASH_ENV"}


def read(content: bytes, shell: str = "sh") -> dict[str, str]:
    """The variables that commands after the eval get. `shell` is the shell's name; it stops at unset variables."""
    return _variables(shell, 'eval "$(cat)"; env -0', content)


def read_file(content: bytes, shell: str = "sh") -> dict[str, str]:
    """The variables that commands get after `. FILE`; those without "export" as well (set -a)."""
    with _file(content) as file:
        return _variables(shell, f"set -a; . {file.name}; env -0")


def read_bash_env(content: bytes) -> dict[str, str]:
    """The variables of a step on CircleCI: a bash that reads the file named by BASH_ENV first."""
    with _file(content) as file:
        return _variables("bash", "env -0", environment=[f"BASH_ENV={file.name}"])


def _file(content: bytes):
    file = tempfile.NamedTemporaryFile()
    file.write(content)
    file.flush()
    return file


def _variables(shell: str, script: str, stdin: bytes = b"", environment: list[str] = []) -> dict[str, str]:
    """What `env -0` says at the end of the script; a script that fails or complains is not readable."""
    command = ["env", "-i", "PATH=/usr/bin:/bin", *environment, *shell.split(), "-euc", script]
    result = subprocess.run(command, input=stdin, capture_output=True, check=False, timeout=20)
    if result.returncode != 0 or result.stderr:
        raise Unreadable(result.stderr.decode(errors="replace"))
    entries = (entry.partition(b"=") for entry in result.stdout.split(b"\0") if entry)
    variables = {name.decode(): value.decode("utf-8", "surrogateescape") for name, _, value in entries}
    return {name: value for name, value in variables.items() if name not in _OF_THE_SHELL}
