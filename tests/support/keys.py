"""API keys for tests, and what is inside one."""

from __future__ import annotations

import base64
import json
import secrets
import uuid

import canary


def make_key(inner: str | None = None) -> str:
    """An API key with a new id around the inner secret `inner` (random when not given); the canary looks for it."""
    payload = json.dumps({"id": str(uuid.uuid4()), "key": inner or secrets.token_hex(32)}, separators=(",", ":"))
    return canary.remember("ZENKEY_" + base64.b64encode(payload.encode()).decode())


def make_pro_key() -> str:
    """A new API key of ZenML Pro, all of it secret; the canary looks for it."""
    return canary.remember("ZENPROKEY_" + secrets.token_urlsafe(96))


def key_id(key: str) -> str:
    """The id in an API key; not a secret."""
    return json.loads(base64.b64decode(key.removeprefix("ZENKEY_")))["id"]
