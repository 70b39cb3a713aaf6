"""Runs a command of zenml-login against a test server, and checks the form of what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Mapping

from run import Result, run
from tls_server import Server

LOGIN = "POST /api/v1/login"
USER = "GET /api/v1/current-user"
INFO = "GET /api/v1/info"
TOKEN = "GET /api/v1/api_token"

# A command of GitHub, Azure or a terminal, anywhere in a line.
_COMMAND = re.compile(r"::|##|\x1b")



def login(server: Server, credential: Mapping[str, str | Path], *command: str, timeout: float = 15,
          **options) -> Result:
    """Runs `command` against `server` with the given variables; `options` are those of `run`."""
    ca = ["--ca-file", str(server.ca)] if server.ca else []
    name, *rest = command or ("whoami",)
    args = [name, "--server", server.url, *ca, "--timeout", str(timeout), *rest]
    return run(args, credential, timeout=timeout + 20, **options)


def check_result(result: Result, code: int, message: str = "", fix: str | None = None, *, out: str = "") -> None:
    """A success says nothing on standard error. A failure says nothing but `out` on standard output, and its cause
    and the next step in at most one line each."""
    assert result.code == code, result.err
    if code == 0:
        assert result.err == ""
        return
    assert result.out == out
    cause, next_step = error_lines(result.err)
    assert re.search(message, cause, re.IGNORECASE), cause
    if fix is not None:
        assert re.search(fix, next_step, re.IGNORECASE), result.err


def error_lines(text: str) -> tuple[str, str]:
    """Cause and next step ("" when there is none) from standard error, whose form is checked."""
    assert text.endswith("\n"), text
    cause, *rest = text[:-1].split("\n")
    assert cause.startswith("zenml-login: ") and len(rest) <= 1, text
    assert all(line.startswith("zenml-login: fix: ") for line in rest), text
    for line in (cause, *rest):
        assert line.isascii() and line.isprintable() and len(line) <= 400, text
        assert not _COMMAND.search(line), text
    return cause.removeprefix("zenml-login: "), "".join(rest).removeprefix("zenml-login: fix: ")
