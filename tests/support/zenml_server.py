#!/usr/bin/env python3
"""A real ZenML server for tests: loopback only, own data folder, port picked by the kernel.

As a module::

    with zenml_server.start(tmp_path) as server:
        ... server.url ...

As a script (a CTest setup fixture and its cleanup)::

    zenml_server.py start STATE.json --dir DIR    returns when the server answers; STATE.json then describes it
    zenml_server.py stop STATE.json               ends the server and removes its data and STATE.json

The server comes from the virtual environment that ZN_ZENML_VENV names (see zenml-requirements.txt).
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import secrets
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Iterator, Mapping

LIFETIME_SECONDS = 30 * 60  # a server that nobody stops ends by itself after this time
START_SECONDS = 180  # the first start creates the database
STOP_SECONDS = 10  # then it is killed
ADMIN_NAME = "default"
DATABASE = "config/local_stores/default_zen_store/zenml.db"  # in the data folder
SKIPPED = 77  # exit code of `start` when ZenML is not installed


class ServerError(RuntimeError):
    """The server cannot be started; the text says why."""


class NotInstalled(ServerError):
    """There is no virtual environment with ZenML."""


@dataclasses.dataclass
class ServerHandle:
    """A running server. Ends with `stop()` or at the end of a `with` block.

    url: base URL without trailing slash; pid: of the server process; directory: its data, removed by `stop()`;
    admin_name, admin_password: its first user; jwt_secret: what it signs tokens with; log: its output.
    """

    url: str
    pid: int
    directory: str
    admin_name: str
    admin_password: str
    jwt_secret: str
    log: str

    def __enter__(self):
        return self

    def __exit__(self, *_exception):
        self.stop()

    def stop(self) -> None:
        """End the server, wait until it is gone, remove its data. Does nothing the second time."""
        _end_process(self.pid, self.directory)
        shutil.rmtree(self.directory, ignore_errors=True)

    def save(self, path: str | Path) -> None:
        """Write this description to `path`, readable by its owner only, since it holds the admin's password."""
        path = Path(path)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(dataclasses.asdict(self), file, indent=1)

    @classmethod
    def load(cls, path: str | Path) -> ServerHandle:
        """Read back what `save` wrote."""
        return cls(**json.loads(Path(path).read_text(encoding="utf-8")))


@contextlib.contextmanager
def shared(directory: str | Path) -> Iterator[ServerHandle]:
    """The server that all tests of a run share: the one described by the file that ZN_E2E_STATE names (written by the
    script's `start`), or else one of our own in `directory`, which ends with the `with` block."""
    state = os.environ.get("ZN_E2E_STATE")
    if not state:
        with start(directory) as handle:
            yield handle
    elif os.path.exists(state):
        yield ServerHandle.load(state)
    else:
        raise NotInstalled("no server was started: ZenML is not installed")


def venv_program(name: str, venv: str | Path | None = None) -> str:
    """Path of program `name` in `venv` (default: the folder that ZN_ZENML_VENV names); else NotInstalled."""
    venv = venv or os.environ.get("ZN_ZENML_VENV")
    if not venv:
        raise NotInstalled("ZN_ZENML_VENV does not name a virtual environment with ZenML")
    program = Path(venv).absolute() / "bin" / name
    if not program.exists():
        raise NotInstalled(f"no {name} in the virtual environment {venv}")
    return str(program)


def clean_environment(home: str | Path) -> dict[str, str]:
    """What a ZenML process gets: `home` as its home and nothing of ours, above all no ZENML_* and no proxy."""
    return {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "ZENML_ANALYTICS_OPT_IN": "false",
    }


def start(directory: str | Path, extra_env: Mapping[str, str] | None = None,
          venv: str | Path | None = None, predecessor: ServerHandle | None = None) -> ServerHandle:
    """Start a server and return its ServerHandle as soon as /health answers 200.

    directory: where its data folder is made; extra_env: settings such as {"ZENML_SERVER_AUTH_SCHEME": "NO_AUTH"};
    venv: the virtual environment with zenml[server] (default: ZN_ZENML_VENV); predecessor: the server, which may be
    running on, whose accounts, keys and all else the new one begins with.
    """
    uvicorn = venv_program("uvicorn", venv)
    Path(directory).mkdir(parents=True, exist_ok=True)
    data = Path(tempfile.mkdtemp(prefix="zenml-server-", dir=directory)).absolute()
    if predecessor:
        _copy_database(Path(predecessor.directory) / DATABASE, data / DATABASE)
    password, jwt_secret = secrets.token_urlsafe(16), secrets.token_hex(32)
    environment = clean_environment(data) | _settings(data, password, jwt_secret) | dict(extra_env or {})
    log = data / "server.log"
    with socket.create_server(("127.0.0.1", 0)) as listener, open(log, "wb") as output:
        # uvicorn takes a socket from --fd for a local one and leaves Nagle's delay on; connections inherit this
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        process = subprocess.Popen(
            [uvicorn, "zenml.zen_server.zen_server_api:app", "--fd", str(listener.fileno())],
            cwd=data,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=[listener.fileno()],
            start_new_session=True,
            preexec_fn=lambda: signal.alarm(LIFETIME_SECONDS),  # survives execve; nobody handles it, so it ends it
        )
    handle = ServerHandle(url, process.pid, str(data), ADMIN_NAME, password, jwt_secret, str(log))
    try:
        _wait_until_healthy(process, handle)
    except BaseException:
        handle.stop()
        raise
    return handle


def _copy_database(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True)
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)


def _settings(data: Path, password: str, jwt_secret: str) -> dict[str, str]:
    return {
        "ZENML_CONFIG_PATH": str(data / "config"),
        "ZENML_SERVER_AUTO_ACTIVATE": "1",
        "ZENML_DEFAULT_USER_NAME": ADMIN_NAME,
        "ZENML_DEFAULT_USER_PASSWORD": password,
        "ZENML_SERVER_JWT_SECRET_KEY": jwt_secret,
        "ZENML_SERVER_JWT_TOKEN_EXPIRE_MINUTES": "60",
    }


def _wait_until_healthy(process: subprocess.Popen, handle: ServerHandle) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise ServerError(f"the ZenML server ended with {process.returncode}:\n{_tail(handle.log)}")
        try:
            with opener.open(handle.url + "/health", timeout=START_SECONDS) as reply:
                if reply.status == 200:
                    return
        except OSError:
            pass
        time.sleep(0.1)
    raise ServerError(f"the ZenML server did not answer within {START_SECONDS} s:\n{_tail(handle.log)}")


def _tail(path: str, lines: int = 30) -> str:
    return "\n".join(Path(path).read_text(errors="replace").splitlines()[-lines:])


def _end_process(pid: int, directory: str) -> None:
    """End the server by its pid, but only if that pid is still the server whose data are in `directory`."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        ours = f"ZENML_CONFIG_PATH={directory}/config".encode()
        if ours not in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return
        for number, patience in ((signal.SIGTERM, STOP_SECONDS), (signal.SIGKILL, STOP_SECONDS)):
            signal.pidfd_send_signal(process, number)
            if select.select([process], [], [], patience)[0]:
                break
    except (ProcessLookupError, FileNotFoundError):
        pass
    finally:
        os.close(process)
    _reap(pid)


def _reap(pid: int) -> None:
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass  # started by another process


def _stop_from_file(path: str) -> None:
    if not os.path.exists(path):
        return  # the start failed
    ServerHandle.load(path).stop()
    os.unlink(path)


def main() -> None:
    """Command line: see the top of this file."""
    parser = argparse.ArgumentParser(description="Start or stop a real ZenML server for tests.")
    verbs = parser.add_subparsers(dest="verb", required=True)
    start_parser = verbs.add_parser("start", help="start a server and describe it in a file")
    start_parser.add_argument("state", help="the file to write (mode 0600)")
    start_parser.add_argument("--dir", required=True, help="folder that the server's data folder is made in")
    stop_parser = verbs.add_parser("stop", help="end that server and remove its data")
    stop_parser.add_argument("state", help="the file that `start` wrote")
    arguments = parser.parse_args()
    if arguments.verb == "stop":
        _stop_from_file(arguments.state)
        return
    try:
        _stop_from_file(arguments.state)  # left by a run that was interrupted
        start(arguments.dir).save(arguments.state)
    except NotInstalled as error:
        print(f"skipped: {error}")
        sys.exit(SKIPPED)
    except ServerError as error:
        sys.exit(f"zenml_server: {error}")


if __name__ == "__main__":
    main()
