"""The two halves of an HTTP exchange, as the test servers see them."""

from __future__ import annotations

import gzip as gzip_module
import json as json_module
from dataclasses import dataclass, field
from email.utils import formatdate
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

_NO_JSON = object()


@dataclass(frozen=True)
class Request:
    """A request as it arrived: `target` is path and query, names in `headers` are lower-case, `connection` is the
    number of the TCP connection it came on (from 1)."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def path(self) -> str:
        # Not urlsplit: it would read the second slash of //api/v1 as the start of a host name.
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))

    @property
    def form(self) -> dict[str, str]:
        """The fields of an urlencoded body."""
        return dict(parse_qsl(self.body.decode("latin-1"), keep_blank_values=True))

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


@dataclass
class Reply:
    """What the server answers, and every way in which the answer can be broken.

    status, headers   status code; further header lines
    json              a value to send as JSON; or else
    body              the body as bytes (a str becomes UTF-8)
    content_type      of the body
    gzip              send the body compressed, and say so
    header_filler     bytes of additional header lines
    raw               bytes to send verbatim instead of all the above; the connection is closed after them
    delay             seconds of silence before the first byte
    header_pause      seconds between any two bytes of the header
    cut               announce the whole body, send only this many bytes of it, and close
    endless           announce no length, and after the body send blanks until the client goes away
    then              keep: keep the connection; close: announce Connection: close, and close;
                      drop: close without having announced it (the keep-alive is lost)
    """

    status: int = 200
    json: Any = _NO_JSON
    body: bytes | str = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    gzip: bool = False
    header_filler: int = 0
    raw: bytes | str | None = None
    delay: float = 0
    header_pause: float = 0
    cut: int | None = None
    endless: bool = False
    then: str = "keep"

    def encode(self) -> tuple[bytes, bytes]:
        """The header, with its closing empty line, and the body."""
        if self.raw is not None:
            return b"", _bytes(self.raw)
        body = _bytes(self.body) if self.json is _NO_JSON else json_module.dumps(self.json).encode()
        lines = {"Date": formatdate(usegmt=True), "Server": "uvicorn", "Content-Type": self.content_type}
        if self.gzip:
            body = gzip_module.compress(body)
            lines["Content-Encoding"] = "gzip"
        if not self.endless:
            lines["Content-Length"] = str(len(body))
        if self.then == "close":
            lines["Connection"] = "close"
        lines |= self.headers
        for number in range(0, self.header_filler, 1000):
            lines[f"X-Filler-{number}"] = "x" * min(1000, self.header_filler - number)
        head = f"HTTP/1.1 {self.status} {_reason(self.status)}\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return head.encode("latin-1") + b"\r\n", body

    @property
    def closes(self) -> bool:
        """Whether the connection ends with this reply."""
        return self.then != "keep" or self.endless or self.cut is not None or self.raw is not None


def _bytes(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
