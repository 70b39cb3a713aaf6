"""A scripted HTTP/1.1 server for tests, over TLS or plain, that breaks on request and counts what it saw itself.

In a test (the fixtures `server` and `start_server` in tests/conftest.py do this):

    from tls_server import Reply, Server
    from zenml_replies import Zenml

    script = {"POST /api/v1/login": [Reply(503), Reply(json={"access_token": "x", "token_type": "bearer"})]}
    with Server(script, tls=certs.good, healthy=Zenml()) as server:
        run(["whoami", "--server", server.url, "--ca-file", certs.ca])
        assert server.connections == 1 and server.handshakes == 1
        assert [str(request) for request in server.requests] == ["POST /api/v1/login", ...]

The script maps "METHOD /path" (without query; "*" for any request not named) to a `Reply` (see messages.py for every
fault it knows), to a list of them (each is used once, the last one for ever), or to a function from `Request` to
`Reply`. What the script does not name is answered by `healthy`; without that, 404.

`Proxy` is an HTTP proxy that knows CONNECT only and remembers every byte it carried.

As a program, for benchmarks and other suites; `spawn()` starts and ends it:

    tls_server.py --ready-file F [--cert CRT --key KEY] [--script FILE.json] [--log-file L] [--max-seconds N]

It writes {"url": …, "port": …, "pid": …} to F once it listens, answers as a healthy ZenML server that takes any API
key, and appends every event as one JSON object per line to L; `read_log(L)` counts them. It ends on SIGTERM, and by
itself after --max-seconds.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Callable, Iterator, Mapping, Sequence

from messages import Reply, Request
from zenml_replies import Zenml

__all__ = ["Proxy", "Reply", "Request", "Seen", "Server", "read_log", "spawn"]

# A forgotten connection ends by itself; longer than any --timeout that a test gives.
_IDLE_SECONDS = 60
_LINE_BYTES = 65536
_TLS_HANDSHAKE = b"\x16"

Answer = Reply | Sequence[Reply] | Callable[[Request], Reply]


@dataclass(frozen=True)
class Seen:
    """What a server counted: TCP connections, completed TLS handshakes, and the requests in their order."""

    connections: int
    handshakes: int
    requests: tuple[Request, ...]


class _Listener:
    """Listens on a port that the kernel picks, and serves every connection in a thread of its own."""

    def __init__(self, host: str = "127.0.0.1"):
        self.host = host
        self.events: list[dict] = []
        self.on_event: Callable[[dict], None] = lambda event: None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._probes: dict[tuple, threading.Event] = {}
        self._stopped = threading.Event()
        self._socket = socket.create_server((host, 0), backlog=128)
        self.port: int = self._socket.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self):
        self._acceptor.start()
        return self

    def __exit__(self, *_):
        """Ends listening and every open connection."""
        self._stopped.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        self._socket.close()
        with self._lock:
            remaining = list(self._open)
        for connection in remaining:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def settle(self, timeout: float = 2) -> Seen:
        """What was seen, once all connections made so far were taken in and have ended.

        A connection that a client still holds open is waited for at most `timeout` seconds."""
        if not self._stopped.is_set():
            self._wait_for_acceptor()
        deadline = time.monotonic() + timeout
        for thread in list(self._threads):
            thread.join(max(0, deadline - time.monotonic()))
        return _count(self.events)

    @property
    def connections(self) -> int:
        """TCP connections, settled."""
        return self.settle().connections

    @property
    def handshakes(self) -> int:
        """Completed TLS handshakes, settled."""
        return self.settle().handshakes

    @property
    def requests(self) -> tuple[Request, ...]:
        """Requests in order of arrival, settled."""
        return self.settle().requests

    def _wait_for_acceptor(self) -> None:
        """Connections are accepted in order: when a probe of our own was accepted, all earlier ones were."""
        with socket.socket() as probe:
            probe.bind((self.host, 0))
            accepted = self._probes[probe.getsockname()] = threading.Event()
            probe.connect((self.host, self.port))
            accepted.wait(5)

    def _accept(self) -> None:
        number = 0
        while not self._stopped.is_set():
            try:
                connection, peer = self._socket.accept()
            except OSError:
                return
            probe = self._probes.pop(peer, None)
            if probe:
                connection.close()
                probe.set()
                continue
            number += 1
            self._record("connection", connection=number)
            thread = threading.Thread(target=self._run, args=(connection, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, connection: socket.socket, number: int) -> None:
        connection.settimeout(_IDLE_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(connection)
        try:
            self._serve(connection, number)
        except (OSError, ValueError):
            pass  # The client went away or sent no HTTP: what it had sent before is recorded.
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    def _serve(self, connection: socket.socket, number: int) -> None:
        raise NotImplementedError

    def _record(self, kind: str, **facts) -> None:
        event = {"event": kind, **facts}
        with self._lock:
            self.events.append(event)
            self.on_event(event)

    def _record_request(self, request: Request) -> None:
        self._record("request", **asdict(request) | {"body": request.body.decode("latin-1")})


class Server(_Listener):
    """The scripted server. Use it as a context manager; it listens from `with` on.

    script      what to answer: see the module's text
    tls         certificate and key (certs.Pair); None: plain http
    ca          only carried along for the tests: the PEM file to give to --ca-file
    tls_max     highest TLS version offered: "1.1", "1.2" or "1.3"
    on_connect  what happens to each new connection; the last one stands for all further ones. serve: serve it;
                close, reset: end it when the first bytes have come; stall: read, never answer
    healthy     answers what the script does not name
    """

    def __init__(self, script: Mapping[str, Answer] | None = None, *, tls=None, ca: Path | None = None,
                 tls_max: str = "1.3", on_connect: Sequence[str] = ("serve",), healthy: Zenml | None = None):
        super().__init__()
        self.ca = ca
        self.healthy = healthy
        self._script = dict(script or {})
        self._used: dict[str, int] = {}
        self._on_connect = on_connect
        self._context = _tls_context(tls, tls_max) if tls else None

    @property
    def url(self) -> str:
        """https://127.0.0.1:PORT, or http: without TLS."""
        return self.url_for(self.host)

    def url_for(self, host: str) -> str:
        """The same with another name for this host."""
        return f"{'https' if self._context else 'http'}://{host}:{self.port}"

    def _serve(self, connection: socket.socket, number: int) -> None:
        action = self._on_connect[min(number, len(self._on_connect)) - 1]
        if action != "serve":
            self._refuse(connection, action)
            return
        if self._context:
            connection = self._handshake(connection, number)
        elif connection.recv(1, socket.MSG_PEEK) == _TLS_HANDSHAKE:
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            return
        reader = connection.makefile("rb")
        while request := _read_request(reader, number):
            self._record_request(request)
            reply = self._reply_to(request)
            self._send(connection, reply)
            if reply.closes:
                connection.close()
                return

    def _refuse(self, connection: socket.socket, action: str) -> None:
        connection.recv(_LINE_BYTES)
        if action == "stall":
            while connection.recv(_LINE_BYTES):
                pass
        if action == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _handshake(self, connection: socket.socket, number: int) -> ssl.SSLSocket:
        with self._lock:
            self._open.discard(connection)
        secured = self._context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        with self._lock:
            self._open.add(secured)
        secured.do_handshake()
        self._record("handshake", connection=number, version=secured.version(), resumed=secured.session_reused)
        return secured

    def _reply_to(self, request: Request) -> Reply:
        with self._lock:
            name = str(request) if str(request) in self._script else "*"
            answer = self._script.get(name)
            used = self._used[name] = self._used.get(name, 0) + 1
        if callable(answer):
            return answer(request)
        if isinstance(answer, Reply):
            return answer
        if answer:
            return answer[min(used, len(answer)) - 1]
        return self.healthy.answer(request) if self.healthy else Reply(404, json={"detail": "Not Found"})

    def _send(self, connection: socket.socket, reply: Reply) -> None:
        head, body = reply.encode()
        if reply.cut is not None:
            body = body[:reply.cut]
        _pause(connection, reply.delay)
        if reply.header_pause:
            for byte in head:
                connection.sendall(bytes([byte]))
                _pause(connection, reply.header_pause)
            head = b""
        connection.sendall(head + body)
        while reply.endless and not self._stopped.is_set():
            connection.sendall(b" " * 16384)


class Proxy(_Listener):
    """An HTTP proxy that knows CONNECT only.

    target  the port on 127.0.0.1 that every tunnel leads to, as if it broke TLS open; None: where the client wants

    `carried` holds every byte that passed through it, both ways, the CONNECT requests included; those are also
    found in `requests`."""

    def __init__(self, target: int | None = None):
        super().__init__()
        self.carried = bytearray()
        self._target = target

    def _serve(self, connection: socket.socket, number: int) -> None:
        # Unbuffered: what follows the header belongs to the tunnel.
        request = _read_request(connection.makefile("rb", buffering=0), number)
        if not request:
            return
        self._record_request(request)
        self.carried += repr(request).encode()
        if request.method != "CONNECT":
            connection.sendall(Reply(405, then="close").encode()[0])
            return
        host, _, port = request.target.rpartition(":")
        wanted = ("127.0.0.1", self._target) if self._target else (host, int(port))
        with socket.create_connection(wanted, timeout=10) as target:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._tunnel(connection, target)

    def _tunnel(self, client: socket.socket, target: socket.socket) -> None:
        other = {client: target, target: client}
        while not self._stopped.is_set():
            for source in select.select(list(other), [], [], 1)[0]:
                data = source.recv(_LINE_BYTES)
                if not data:
                    return
                self.carried += data
                other[source].sendall(data)


def _tls_context(pair, highest: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.crt, pair.key)
    context.set_alpn_protocols(["http/1.1"])
    if highest == "1.1":
        # OpenSSL 3 speaks the old versions only at its lowest security level.
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = {"1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2,
                               "1.3": ssl.TLSVersion.TLSv1_3}[highest]
    return context


def _pause(connection: socket.socket, seconds: float) -> None:
    """Waits, unless the client goes away (or the server is stopped) meanwhile: nothing else makes it readable."""
    if seconds and select.select([connection], [], [], seconds)[0]:
        raise ConnectionError


def _read_request(reader, connection: int) -> Request | None:
    """The next request on a connection; None when the client has closed it."""
    first = reader.readline(_LINE_BYTES)
    if not first:
        return None
    method, target, _ = first.decode("latin-1").split(" ")
    headers: dict[str, str] = {}
    while (line := reader.readline(_LINE_BYTES)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))
    return Request(method, target, headers, body, connection)


def _count(events: Sequence[Mapping]) -> Seen:
    def kind(name: str) -> list[dict]:
        return [{key: value for key, value in event.items() if key != "event"}
                for event in list(events) if event["event"] == name]

    requests = tuple(Request(**facts | {"body": facts["body"].encode("latin-1")}) for facts in kind("request"))
    return Seen(len(kind("connection")), len(kind("handshake")), requests)


def read_log(path: Path) -> Seen:
    """Counts the events in the --log-file of a server that runs (or ran) as a program."""
    return _count([json.loads(line) for line in Path(path).read_text().splitlines()])


@contextlib.contextmanager
def spawn(*options: str | Path) -> Iterator[dict]:
    """Runs this file as a program with `options` and yields what it wrote to its ready file: url, port, pid."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder, "ready.json")
        command = [sys.executable, __file__, "--ready-file", str(ready), *map(str, options)]
        with subprocess.Popen(command) as process:
            try:
                deadline = time.monotonic() + 20
                while not ready.exists():
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise RuntimeError("the test server did not start")
                    time.sleep(0.01)
                yield json.loads(ready.read_text())
            finally:
                process.terminate()


def _load_script(path: Path | None) -> dict[str, Answer]:
    """A script from JSON: the values are objects with the members of Reply, or lists of such objects."""
    script = json.loads(path.read_text()) if path else {}
    return {name: [Reply(**reply) for reply in (value if isinstance(value, list) else [value])]
            for name, value in script.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ready-file", type=Path, required=True, help="written once the server listens")
    parser.add_argument("--cert", type=Path, help="PEM certificate; without it: plain http")
    parser.add_argument("--key", type=Path, help="PEM private key")
    parser.add_argument("--tls-max", choices=("1.1", "1.2", "1.3"), default="1.3", help="highest TLS version")
    parser.add_argument("--script", type=Path, help="JSON file with the replies that are not the healthy ones")
    parser.add_argument("--log-file", type=Path, help="where to append one JSON object per event")
    parser.add_argument("--max-seconds", type=float, default=600, help="ends by itself after this time")
    options = parser.parse_args()

    from certs import Pair
    tls = Pair(options.cert, options.key) if options.cert else None
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    with contextlib.ExitStack() as stack:
        server = Server(_load_script(options.script), tls=tls, tls_max=options.tls_max, healthy=Zenml())
        if options.log_file:
            log = stack.enter_context(open(options.log_file, "a", buffering=1, encoding="utf-8"))
            server.on_event = lambda event: print(json.dumps(event), file=log)
        stack.enter_context(server)
        ready = options.ready_file.with_suffix(".part")
        ready.write_text(json.dumps({"url": server.url, "port": server.port, "pid": os.getpid()}))
        ready.rename(options.ready_file)
        stop.wait(options.max_seconds)


if __name__ == "__main__":
    main()
