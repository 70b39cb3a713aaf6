"""API keys for tests, and what is inside one."""

from __future__ import annotations

import base64
import json
import secrets
import uuid

import canary


def make_key(inner: str | None = None, prefix: str = "ZENKEY_") -> str:
    """An API key with a new id around the inner secret `inner` (random when not given); the canary looks for it.

    prefix: "ZENPROKEY_" makes one of ZenML Pro, which nobody but Pro can look into.
    """
    payload = json.dumps({"id": str(uuid.uuid4()), "key": inner or secrets.token_hex(32)}, separators=(",", ":"))
    return canary.remember(prefix + base64.b64encode(payload.encode()).decode())


def key_id(key: str) -> str:
    """The id in an API key; not a secret."""
    return json.loads(base64.b64decode(key.removeprefix("ZENKEY_")))["id"]
