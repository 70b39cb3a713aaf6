"""Looks for secrets where none may be: output, command lines of running processes, written files.

A secret counts as found when it appears whole in any form below, or when any 16 characters of its secret part (the
inner key of a ZENKEY_ key, the signature of a JWT) appear in such a form, so that a clipped copy is found too:
verbatim, base64 and base64url in all three alignments, URL-encoded, hexadecimal.
"""

from __future__ import annotations

import base64
import binascii
import functools
import json
import re
import threading
import time
from pathlib import Path
from typing import Collection, Iterable, Mapping
from urllib.parse import quote

_WINDOW = 16
_SHOWN_CHARACTERS = 14
_MAX_FILE_BYTES = 1 << 20
_remembered: set[str] = set()


def remember(secret: str) -> str:
    """Adds a secret to those that `secrets_to_find` names for the rest of the session, and returns it."""
    _remembered.add(secret)
    return secret


def secrets_to_find(further: Iterable[str]) -> set[str]:
    """Every remembered secret and the `further` ones."""
    return _remembered | {secret for secret in further if len(secret) >= _WINDOW}


def shortened(text: str) -> str:
    """The text with every API key and token in it shortened to its harmless beginning, to be shown to people."""
    return re.sub(r"\b(ZENKEY_|ZENPROKEY_|eyJ)[\w.=-]{20,}", lambda secret: secret[0][:_SHOWN_CHARACTERS] + "…", text)


def kind(secret: str) -> str:
    """What a secret is: "key" or "token"."""
    return "key" if secret.startswith(("ZENKEY_", "ZENPROKEY_")) else "token"


@functools.lru_cache(maxsize=None)
def _forms(text: str) -> frozenset[str]:
    """All spellings of `text` that count as the text itself."""
    data = text.encode()
    forms = {text, quote(text, safe=""), data.hex(), data.hex().upper()}
    for offset in range(3):
        # Characters at both ends that also depend on the neighbours are left out.
        encoded = base64.b64encode(b"\0" * offset + data).decode().rstrip("=")
        first = (0, 2, 3)[offset]
        last = (offset + len(data)) * 8 // 6
        forms |= {encoded[first:last], encoded[first:last].replace("+", "-").replace("/", "_")}
    return frozenset(forms)


def secret_part(secret: str) -> str:
    """The part of a credential that is not public: inner key, JWT signature, or all of it when it has neither."""
    payload = secret.partition("_")[2]
    try:
        inner = json.loads(base64.b64decode(payload, validate=True))["key"]
        if isinstance(inner, str) and len(inner) >= _WINDOW:
            return inner
    except (ValueError, KeyError, TypeError, binascii.Error):
        pass
    return secret.rsplit(".", 1)[-1] if secret.count(".") == 2 else payload or secret


@functools.lru_cache(maxsize=None)
def _windows(secret: str) -> frozenset[str]:
    """Every run of 16 characters in any form of the secret part, and the head of each form of the whole."""
    pieces = {form[at:at + _WINDOW] for form in _forms(secret_part(secret))
              for at in range(max(1, len(form) - _WINDOW + 1))}
    return frozenset(piece for piece in pieces if len(piece) == _WINDOW)


def found_in(text: bytes | str, secrets: Iterable[str]) -> set[str]:
    """Those of `secrets` that appear in `text`, whole or in part."""
    if isinstance(text, bytes):
        text = text.decode("latin-1")
    runs = {text[at:at + _WINDOW] for at in range(len(text) - _WINDOW + 1)}
    return {secret for secret in secrets
            if not runs.isdisjoint(_windows(secret)) or any(form in text for form in _forms(secret))}


class CommandLines:
    """Collects the command lines of all processes that start while it is open (a context manager)."""

    def __init__(self):
        self.seen: set[bytes] = set()
        self._before = self._processes()
        self._stop = threading.Event()
        self._poller = threading.Thread(target=self._poll, daemon=True)

    def __enter__(self):
        self._poller.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._poller.join()

    @staticmethod
    def _processes() -> set[str]:
        return {entry.name for entry in Path("/proc").iterdir() if entry.name.isdigit()}

    def _poll(self) -> None:
        while not self._stop.is_set():
            for process in self._processes() - self._before:
                try:
                    self.seen.add(Path("/proc", process, "cmdline").read_bytes())
                except OSError:
                    continue  # It ended meanwhile.
            time.sleep(0.002)


class Files:
    """The regular files in some folders, to tell afterwards which were written in between.

    `deep` folders are searched with all folders below them, `flat` ones by themselves."""

    def __init__(self, deep: Collection[Path], flat: Collection[Path]):
        self._deep, self._flat = deep, flat
        self._before = self._states()

    def written(self) -> list[Path]:
        """The files that are new or changed."""
        return [path for path, state in self._states().items() if self._before.get(path) != state]

    def _states(self) -> Mapping[Path, tuple]:
        paths = {path for folder in self._flat for path in _entries(folder)}
        paths |= {path for folder in self._deep for path in folder.rglob("*")}
        return {path: state for path in paths if (state := _state(path))}


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _state(path: Path) -> tuple | None:
    """What changes when a file is written; None when it is no regular file, or gone."""
    try:
        status = path.lstat()
    except OSError:
        return None
    regular = status.st_mode & 0o170000 == 0o100000
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns) if regular else None


def read_start(path: Path) -> bytes:
    """The first MiB of a file; nothing when it cannot be read."""
    try:
        with open(path, "rb") as stream:
            return stream.read(_MAX_FILE_BYTES)
    except OSError:
        return b""
