"""The ways in which a careless program may print a secret, all of which the masks of a job's log have to catch.

As a script it is that program: `embeddings.py NAME…` prints the credentials in these variables, and their parts, in
all those ways."""

from __future__ import annotations

import base64
import json
import os
import sys
from urllib.parse import quote

_BEFORE = ("", "x", "xy", "user:")
_AFTER = ("", "z", "zz", "zzz", "\n", ":tail of some length")


def embeddings(secret: str) -> dict[str, str]:
    """Texts, each of one line, that contain the secret; the keys say how."""
    prints = {"plain": f"see {secret}.", "JSON": json.dumps({"key": secret}), "repr": repr({"key": secret}),
              "URL": f"https://h/?a={quote(secret, safe='')}&b", "form": quote(f"a={secret}&b", safe="=&"),
              "header": f"Authorization: Bearer {secret}", "twice": secret * 2, "shell": f"KEY='{secret}'"}
    for before in _BEFORE:
        for after in _AFTER:
            data = (before + secret + after).encode()
            name = f"{before!r}, {after!r}"
            prints[f"base64 with {name}"] = base64.b64encode(data).decode()
            prints[f"base64url with {name}"] = base64.urlsafe_b64encode(data).decode().rstrip("=")
    return prints


def parts(credential: str) -> list[str]:
    """What stands behind the prefix of an API key, and the secret inside; nothing of a token."""
    payload = credential.removeprefix("ZENKEY_")
    return [payload, json.loads(base64.b64decode(payload))["key"]] if payload != credential else []


def main() -> None:
    """See the top of this file."""
    for variable in sys.argv[1:]:
        for secret in (os.environ[variable], *parts(os.environ[variable])):
            for name, text in embeddings(secret).items():
                print(f"{variable}, {name}: {text}")


if __name__ == "__main__":
    main()
