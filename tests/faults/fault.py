"""One row of a fault table, and the check that all rows share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

from outcome import check_result
from run import Result
from tls_server import Answer, Server


@dataclass(frozen=True)
class Fault:
    """What the server does, and what must come of it.

    name         the row's name in the test report
    script       what the server answers (see tls_server.py); what is not named it answers as a healthy one
    code         exit code of the program
    requests     every request that the server may see, in this order
    message      regular expression, found in the line that says the cause (ignoring case)
    fix          the same for the line that says what to do; None: not looked at
    command      subcommand and options, besides --server, --ca-file and --timeout
    connections  TCP connections that the server may see; None: not looked at
    timeout      value of --timeout
    """

    name: str
    script: Mapping[str, Answer]
    code: int
    requests: Sequence[str]
    message: str = ""
    fix: str | None = None
    command: Sequence[str] = ("whoami",)
    connections: int | None = 1
    timeout: float = 15


def rows(faults: Sequence[Fault]) -> dict:
    """The arguments of pytest.mark.parametrize for a table."""
    return {"argnames": "fault", "argvalues": faults, "ids": [fault.name for fault in faults]}


def check(fault: Fault, server: Server, result: Result) -> None:
    """Compares everything a row says with what came of it."""
    seen = server.settle()
    assert [str(request) for request in seen.requests] == list(fault.requests)
    assert fault.connections in (None, seen.connections)
    check_result(result, fault.code, fault.message, fault.fix)
