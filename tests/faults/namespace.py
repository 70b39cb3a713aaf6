"""Runs a command with a file or folder of the system, or its name resolution, replaced: `run(…, wrapper=…)`.

    unshare -m  python3 namespace.py --bind SOURCE TARGET -- command…
    unshare -mn python3 namespace.py --resolver silent|closed --bind RESOLV_CONF /etc/resolv.conf -- command…

--bind      mounts SOURCE over TARGET, for this command only
--resolver  the name server on 127.0.0.1 never answers (silent) or does not exist (closed); the only network is
            loopback
"""

import argparse
import fcntl
import socket
import struct
import subprocess
import sys

_GET_FLAGS, _SET_FLAGS, _UP = 0x8913, 0x8914, 1


def bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        request = fcntl.ioctl(handle, _GET_FLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(handle, _SET_FLAGS, struct.pack("16sh14x", b"lo", flags | _UP))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bind", nargs=2, action="append", default=[])
    parser.add_argument("--resolver", choices=("silent", "closed"))
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    for source, target in options.bind:
        subprocess.run(["mount", "--bind", source, target], check=True)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as resolver:
        if options.resolver:
            bring_loopback_up()
        if options.resolver == "silent":
            resolver.bind(("127.0.0.1", 53))
        return subprocess.run(options.command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
