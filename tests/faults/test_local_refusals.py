"""Credentials that are refused before any connection is made: the server sees none."""

from __future__ import annotations

import base64
import json
import uuid

import pytest
from outcome import check_result, login

import canary
from run import run


def zenkey(payload: object) -> str:
    """An API key around this payload (bytes: verbatim, anything else as JSON)."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload, separators=(",", ":")).encode()
    return "ZENKEY_" + base64.b64encode(data).decode()


IDENTIFIER = str(uuid.uuid4())
INNER = "5ec4e7" * 10 + "beef"
GOOD_KEY = zenkey({"id": IDENTIFIER, "key": INNER})

# name: (credential, exit code, words of the message)
REFUSED = {
    "empty": ("", 3, "no|empty|missing"),
    "blank": (" ", 4, "blank"),
    "prefix only": ("ZENKEY_", 4, "damaged|decode"),
    "undecodable": ("ZENKEY_!!!!", 4, "damaged|decode"),
    "URL-safe base64": (zenkey(b'{"id":"\xfb\xff?>"}').replace("+", "-").replace("/", "_"), 4, "damaged|decode"),
    "padding missing": (GOOD_KEY.rstrip("="), 4, "damaged|decode"),
    "cut off": (GOOD_KEY[:100], 4, "damaged|decode"),
    "payload no JSON": (zenkey(b"id and key"), 4, "damaged|decode"),
    "payload an array": (zenkey([IDENTIFIER, INNER]), 4, "damaged"),
    "payload without id": (zenkey({"key": INNER}), 4, "damaged"),
    "payload without key": (zenkey({"id": IDENTIFIER}), 4, "damaged"),
    "id no UUID": (zenkey({"id": "42", "key": INNER}), 4, "damaged"),
    "key no string": (zenkey({"id": IDENTIFIER, "key": 42}), 4, "damaged"),
    "inner key empty": (zenkey({"id": IDENTIFIER, "key": ""}), 4, "empty secret|empty"),
    "inner key empty, given twice": (zenkey(f'{{"id":"{IDENTIFIER}","key":"{INNER}","key":""}}'.encode()), 4,
                                     "damaged|decode"),
    "wrong prefix": (GOOD_KEY.replace("ZENKEY_", "ZENKEY-"), 4, "neither|prefix|begins"),
    "prefix in lower case": (GOOD_KEY.replace("ZENKEY_", "zenkey_"), 4, "neither|prefix|begins"),
    "no prefix": (GOOD_KEY.removeprefix("ZENKEY_"), 4, "neither|prefix|begins"),
    "Kitaru key": ("KITKEY_" + "a" * 40, 4, "neither|prefix|begins"),
    "prefix of a Pro key only": ("ZENPROKEY_", 4, "damaged|decode|empty"),
    "line break inside": (GOOD_KEY[:50] + "\n" + GOOD_KEY[50:], 4, "line break|does not decode"),
    "third line": (f"{GOOD_KEY}\n{GOOD_KEY}\n{GOOD_KEY}", 4, "line break|more than two lines"),
    "blank at the end": (GOOD_KEY + " ", 4, "blank"),
    "quoted": (f'"{GOOD_KEY}"', 4, "quote"),
    "byte-order mark": ("\ufeff" + GOOD_KEY, 4, "byte-order mark"),
    "control byte inside": (GOOD_KEY[:50] + "\x01" + GOOD_KEY[50:], 4, "control"),
    "ESC at the end": (GOOD_KEY + "\x1b", 4, "control"),
    "first byte 0x08": ("\x08\n\r\x7fINCORRECT", 4, "control|line break|malformed"),
    "first byte 0x08, then a key": ("\x08" + GOOD_KEY, 4, "control"),
    "not ASCII": (GOOD_KEY + "é", 4, "ASCII"),
    "over 4096 bytes": ("ZENKEY_" + "A" * 4096, 4, "4096"),
    "API token cut off": ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIi", 4, "neither|begins|damaged"),
}


@pytest.mark.parametrize("credential, code, message", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("source", ("variable", "file", "standard input"))
def test_refused_without_a_connection(source, credential, code, message, server, tmp_path, binary):
    path = tmp_path / "key"
    path.write_bytes(credential.encode())
    options = {"stdin": credential, "secrets": [GOOD_KEY]} if source == "standard input" else {"secrets": [GOOD_KEY]}
    arguments = {"variable": [], "file": ["--api-key-file", path], "standard input": ["--api-key-file", "-"]}[source]
    variables = {"ZENML_STORE_API_KEY": credential} if source == "variable" else {}
    result = login(server, variables, "whoami", *map(str, arguments), **options)
    assert server.connections == 0
    check_result(result, code, message)


def test_the_good_key_is_good(start_server, binary):
    """What all rows are made from does get through."""
    server = start_server(healthy=None)
    canary.remember(GOOD_KEY)
    check_result(login(server, {"ZENML_STORE_API_KEY": GOOD_KEY}), 12)
    assert len(server.requests) == 1


@pytest.mark.parametrize("variable", ("ZENML_STORE_API_TOKEN", "ZENML_STORE_API_KEY"))
def test_no_server_given(variable, api_key, api_token, binary):
    credential = api_token if variable.endswith("TOKEN") else api_key
    check_result(run(["whoami"], {variable: credential}), 2, "server|URL", "ZENML_STORE_URL|--server")
