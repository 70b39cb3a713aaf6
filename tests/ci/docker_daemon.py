"""A Docker daemon for tests: its own process, mount and data world, no network but the host's loopback.

It lives in a process and a mount namespace of its own, with a /run of its own. When the first process of a process
namespace ends, the kernel ends all others in it: neither daemon, container nor mount outlives the tests."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Iterator

from run import Result, run

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_START_SECONDS, _STOP_SECONDS = 60, 15
_CGROUPS = Path("/sys/fs/cgroup")


class NotStarted(RuntimeError):
    """There is no Docker here that could be started; the text says why."""


class Docker:
    """The client of a running daemon; `socket` is where that listens, `home` the client's home."""

    def __init__(self, socket: Path, home: Path):
        self._environment = {"DOCKER_HOST": f"unix://{socket}", "HOME": str(home), "PATH": _PATH,
                             "DOCKER_BUILDKIT": "0"}  # the other builder is a program that Debian does not have

    def __call__(self, *arguments: str | Path, env: dict[str, str] | None = None, **options) -> Result:
        """Runs `docker arguments…`. env: further variables of the client; options: those of run.run."""
        return run(arguments, self._environment | (env or {}), program=_program("docker"), **options)


def _program(name: str) -> str:
    path = shutil.which(name, path=_PATH)
    if not path:
        raise NotStarted(f"there is no {name}")
    return path


@contextlib.contextmanager
def start(folder: Path) -> Iterator[Docker]:
    """A daemon that ends with the block, and keeps its data in `folder`; NotStarted when that cannot be."""
    if os.geteuid() != 0:
        raise NotStarted("only root can start a Docker daemon")
    # The path of a socket is limited to 108 bytes.
    socket, home, group = folder / "docker.sock", folder / "home", f"zenml-login-{os.getpid()}"
    home.mkdir()
    daemon = [_program("dockerd"), "--data-root", folder / "data", "--exec-root", "/run/docker", "--pidfile",
              "/run/docker.pid", "--host", f"unix://{socket}", "--group", "root", "--cgroup-parent", f"/{group}",
              # Without these it would change the host's network.
              "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--bridge=none"]
    namespaces = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private", "--pid",
                  "--fork", "--kill-child", "--mount-proc", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"]
    log = folder / "daemon.log"
    with open(log, "wb") as output:
        process = subprocess.Popen([*namespaces, *daemon], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   env={"PATH": _PATH, "HOME": str(home)})
    try:
        docker = Docker(socket, home)
        _wait_until_it_answers(docker, process, log)
        yield docker
    finally:
        _end(process)
        for cgroup in sorted(_CGROUPS.glob(f"**/{group}/**/"), key=lambda path: -len(path.parts)):
            with contextlib.suppress(OSError):
                cgroup.rmdir()


def _end(process: subprocess.Popen) -> None:
    """Ends the daemon, the one child of the process that made its namespaces."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    for daemon in children.read_text().split() if process.poll() is None else ():
        os.kill(int(daemon), signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _wait_until_it_answers(docker: Docker, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while docker("version").code != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").splitlines()
            raise NotStarted(f"the Docker daemon does not start: {lines[-1] if lines else 'it says nothing'}")
        time.sleep(0.1)
