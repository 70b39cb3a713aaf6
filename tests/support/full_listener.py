"""A port on which connecting neither succeeds nor fails."""

from __future__ import annotations

import contextlib
import socket
from typing import Iterator

import pytest


@contextlib.contextmanager
def full_listener() -> Iterator[int]:
    """A port whose accept queue is full: further connections hang in the handshake of TCP."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(16):
            client = stack.enter_context(socket.socket())
            client.settimeout(0.3)
            try:
                client.connect(listener.getsockname())
            except TimeoutError:
                yield listener.getsockname()[1]
                return
        pytest.skip("this kernel's accept queue does not fill")
