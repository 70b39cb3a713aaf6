"""Runs a command with a file or folder of the system, or its name resolution, replaced: `run(…, wrapper=…)`.
`wrapper()` makes that wrapper.

    unshare -m  python3 namespace.py --bind SOURCE TARGET -- command…
    unshare -mn python3 namespace.py --resolver STATE --bind RESOLV_CONF /etc/resolv.conf -- command…

--bind      mounts SOURCE over TARGET, for this command only
--resolver  the name server on 127.0.0.1 never answers (silent), does not exist (closed), or says that there is no
            such name (unknown); the only network is loopback
"""

import argparse
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1


def wrapper(source: Path, target: str, resolver: str | None = None) -> list:
    """A wrapper for `run` in which `source` is found as `target`, with the name server in the state `resolver`."""
    import pytest  # The program that this file is as well does without.

    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip(f"replacing {target} needs root and unshare(1)")
    return ["unshare", "-mn" if resolver else "-m", sys.executable, Path(__file__),
            *(["--resolver", resolver] if resolver else []), "--bind", source, target, "--"]


def know_no_name(resolver: socket.socket) -> None:
    """Answers every question with NXDOMAIN (RFC 1035 4.1.1), for ever."""
    while True:
        query, peer = resolver.recvfrom(512)
        resolver.sendto(query[:2] + b"\x81\x83" + query[4:6] + bytes(6) + query[12:], peer)


def bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = fcntl.ioctl(handle, _GET_FLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(handle, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bind", nargs=2, action="append", default=[])
    parser.add_argument("--resolver", choices=("silent", "closed", "unknown"))
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    for source, target in options.bind:
        subprocess.run(["mount", "--bind", source, target], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        if options.resolver:
            bring_loopback_up()
        if options.resolver in ("silent", "unknown"):
            resolver.bind(("127.0.0.1", 53))
        if options.resolver == "unknown":
            threading.Thread(target=know_no_name, args=(resolver,), daemon=True).start()
        return subprocess.run(options.command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
