"""Runs zenml-login against a real server, and looks at what it said."""

from __future__ import annotations

import base64
import json
import re

from run import Result, run

REJECTED, FORBIDDEN, IDENTITY, UNREACHABLE, RATE_LIMITED, NOT_ZENML = 5, 6, 7, 8, 10, 12
USAGE = 2


def zenml_login(url: str, *arguments: str, key: str | None = None, token: str | None = None,
                env: dict[str, str] | None = None, **options) -> Result:
    """Run `zenml-login arguments…` with ZENML_STORE_URL and an API key or an API token in its environment.

    env: further variables; options: those of run.run.
    """
    variables = {"ZENML_STORE_URL": url, "ZENML_STORE_API_KEY": key, "ZENML_STORE_API_TOKEN": token} | (env or {})
    return run(arguments, {name: value for name, value in variables.items() if value}, **options)


def claims(token: str) -> dict:
    """What a JWT says."""
    return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))


def whoami(url: str, *arguments: str, **credential) -> dict:
    """What `whoami --json` prints about a credential that must be good."""
    result = zenml_login(url, "whoami", "--json", *arguments, **credential)
    assert (result.code, result.err) == (0, "")
    return json.loads(result.out)


def assert_refused(result: Result, code: int, message: str = "") -> None:
    """The program ended with `code`, said `message` (a regular expression) in at most two lines, and no data."""
    assert result.code == code, result.err
    assert result.out == ""
    lines = result.err.splitlines()
    assert 1 <= len(lines) <= 2 and lines[0].startswith("zenml-login: ")
    assert all(line.startswith("zenml-login: fix: ") for line in lines[1:])
    assert re.search(message, result.err), result.err


def assert_rejected(url: str, **credential) -> None:
    """The server answers 401 to this credential: exit code 5, also told as JSON."""
    result = zenml_login(url, "whoami", "--json", **credential)
    assert result.code == REJECTED, result.err
    told = json.loads(result.out)
    assert told["ok"] is False
    assert (told["error"]["status"], told["error"]["exit_code"], told["error"]["http_status"]) == ("rejected", 5, 401)
    assert_refused(zenml_login(url, "whoami", **credential), REJECTED)
