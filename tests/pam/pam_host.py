"""A machine of its own for PAM tests: what they install, configure and log is seen by nobody outside.

    with PamHost(tmp_path) as host:              # as root; `cannot_start()` says why not
        host.add_user("alice", groups=["ops"])
        host.configure(f"server = {server.url}", f"ca_file = {host.publish(server.ca)}", "match = name")
        host.service("sshd", "auth required " + str(host.module))
        ...                                      # run a PAM application; also `host.drive(...)`
        assert host.log.read() == [Record("notice", "pam_zenml(sshd:auth)", "result=deny ...")]

The process moves into a private mount namespace (and stays in it): /etc and the folder of the helper are overlays, /dev
is a new one with a /dev/log that we read, all of it in memory and gone when the process ends. Fixture: `pam_host` in
conftest.py, one per test process. The calling thread and the threads and processes it starts from then on are inside.
"""

from __future__ import annotations

import ctypes
import grp
import os
import pwd
import re
import shutil
import socket
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Mapping

CONFIG = Path("/etc/security/pam_zenml.conf")
MAP = Path("/etc/security/pam_zenml.map")
PUBLISHED = Path("/etc/zn-test")

_NEW_MOUNTS = 0x00020000  # CLONE_NEWNS
_SEVERITIES = ("emerg", "alert", "crit", "err", "warning", "notice", "info", "debug")
_DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0),
            "ptmx": (5, 2)}
# The path that the helper is started from is compiled into the module.
_HELPER_PATH = re.compile(rb"/[\w./-]+/zenml-pam-helper(?=\0)")


def build_dir() -> Path:
    """The CMake build tree under test."""
    return Path(os.environ["ZN_BUILD_DIR"])


def sanitized() -> bool:
    """Whether the build tree, if there is one, has AddressSanitizer."""
    return "ZN_BUILD_DIR" in os.environ and "ZN_SANITIZE:BOOL=ON" in (build_dir() / "CMakeCache.txt").read_text()


def cannot_start() -> str | None:
    """Why there can be no PamHost here; None when there can."""
    if os.geteuid() != 0:
        return "PAM tests need root, for a mount namespace of their own"
    if "ZN_BUILD_DIR" not in os.environ:
        return "ZN_BUILD_DIR does not name the build tree"
    try:
        subprocess.run(["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "none", "/mnt"],
                       check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        return "this container may not mount (it needs CAP_SYS_ADMIN)"
    return None


@dataclass(frozen=True)
class Record:
    """One log message: severity ("notice"), who logs ("pam_zenml(sshd:auth)"), the text, the facility's number."""

    severity: str
    source: str
    text: str
    facility: int = 10  # authpriv


class SystemLog:
    """Reads a syslog socket from the moment it is made until `close`."""

    _HEADER = re.compile(r"<(\d+)>\w{3} [ \d]\d [\d:]{8} (?:[^:\[ ]+(?:\[\d+\])?: )?", re.ASCII)
    _SOURCE = re.compile(r"([\w.-]+\([^()\s]*:\w+\)): ")

    def __init__(self, path: Path):
        self._path = str(path)
        self._datagrams: list[bytes] = []
        self._markers: dict[bytes, threading.Event] = {}
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self._path)
        path.chmod(0o666)  # as of a real one
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()

    def raw(self) -> list[bytes]:
        """Takes the datagrams that were sent since the last call, whole."""
        self._settle()
        taken, self._datagrams = self._datagrams, []
        return taken

    def read(self, source: str = "pam_zenml") -> list[Record]:
        """Takes everything that was logged since the last call; returns what a source beginning with `source` said."""
        records = [self.parse(datagram) for datagram in self.raw()]
        return [record for record in records if record.source.startswith(source)]

    def close(self) -> None:
        """Ends the reader."""
        self._settle()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join(5)
        self._socket.close()

    def _collect(self) -> None:
        while datagram := self._socket.recv(65536):
            if datagram in self._markers:
                self._markers.pop(datagram).set()
            else:
                self._datagrams.append(datagram)

    def _settle(self) -> None:
        """Datagrams arrive in order: when a marker of our own was read, all earlier ones were."""
        marker = os.urandom(16)
        read = self._markers[marker] = threading.Event()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(marker, self._path)
        if not read.wait(10):
            raise RuntimeError("the reader of the system log has ended")

    def parse(self, datagram: bytes) -> Record:
        """One datagram as a record; one that is no log message has the severity "?"."""
        text = datagram.decode("utf-8", "backslashreplace").rstrip("\0\n")
        header = self._HEADER.match(text)
        if not header:
            return Record("?", "", text, -1)
        text = text[header.end():]
        source = self._SOURCE.match(text)
        facility, severity = divmod(int(header[1]), 8)
        return Record(_SEVERITIES[severity], source[1] if source else "", text[source.end():] if source else text,
                      facility)


class PamHost:
    """See the module's text. `folder` is an empty folder to mount on.

    module       the PAM module under test (a path for service files)
    helper       the helper as built
    helper_path  where the module starts it from; a copy of `helper` is there
    log          the SystemLog behind /dev/log
    """

    def __init__(self, folder: Path):
        self._folder = Path(folder)
        self.module = build_dir() / "pam_zenml/pam_zenml.so"
        self.helper = build_dir() / "pam_zenml/zenml-pam-helper"
        self.helper_path: Path | None = None
        self.log: SystemLog | None = None

    def __enter__(self):
        _enter_new_mount_namespace()
        mount("-t", "tmpfs", "-o", "mode=0755", "tmpfs", self._folder)
        self.overlay("/etc")
        self._make_dev()
        self.log = SystemLog(Path("/dev/log"))
        self.folder("/etc/security")
        if self.module.exists():
            self.helper_path = Path(os.fsdecode(_HELPER_PATH.search(self.module.read_bytes())[0]))
            self.overlay(next(folder for folder in self.helper_path.parents if folder.exists()))
            self.install_helper()
        return self

    def __exit__(self, *_):
        self.log.close()

    # Files and folders of the system

    def overlay(self, folder: str | Path) -> None:
        """Lets `folder` be written; nothing of that outlives this process."""
        number = len(list(self._folder.iterdir()))
        upper, work = (self._folder / f"{number}{kind}" for kind in ("upper", "work"))
        upper.mkdir(0o755)
        work.mkdir()
        mount("-t", "overlay", "-o", f"lowerdir={folder},upperdir={upper},workdir={work}", "overlay", folder)

    def folder(self, path: str | Path, mode: int = 0o755) -> Path:
        """Makes a folder of root, with those above it, and returns its path."""
        path = Path(path)
        for missing in reversed([path, *path.parents]):
            if not missing.exists():
                missing.mkdir()
                missing.chmod(0o755)
        if path.stat().st_mode & 0o7777 != mode:
            path.chmod(mode)
        return path

    def write(self, path: str | Path, content: str | bytes, mode: int = 0o644) -> Path:
        """Writes a file of root with exactly `mode`, whatever was there before, and returns its path."""
        path = Path(path)
        self.remove(path)
        if not path.parent.exists():
            self.folder(path.parent)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def remove(self, path: str | Path) -> None:
        """Removes a file, link or whole folder; it may be missing."""
        path = Path(path)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def publish(self, source: str | Path) -> Path:
        """Copies a file to where everybody, such as the unprivileged helper, can read it; returns that path."""
        target = PUBLISHED / f"{Path(source).parent.name}-{Path(source).name}"
        return target if target.exists() else self.write(target, Path(source).read_bytes())

    def install_helper(self, program: str | Path | bytes | None = None, mode: int = 0o755) -> None:
        """Puts a copy of `program` (a file, or the text of a script) in the helper's place; by default the real one."""
        content = program if isinstance(program, bytes) else Path(program or self.helper).read_bytes()
        self.folder(self.helper_path.parent)
        part = self.write(self.helper_path.with_suffix(".part"), content, mode)
        part.replace(self.helper_path)  # not into a program that still runs

    # What PAM reads

    def configure(self, *lines: str, path: str | Path = CONFIG, mode: int = 0o600) -> Path:
        """Writes the module's configuration file from its lines."""
        return self.write(path, "".join(f"{line}\n" for line in lines), mode)

    def map(self, *lines: str, mode: int = 0o600) -> Path:
        """Writes the map file from its lines."""
        return self.configure(*lines, path=MAP, mode=mode)

    def service(self, name: str, *lines: str) -> Path:
        """Writes /etc/pam.d/NAME from its lines."""
        return self.write(Path("/etc/pam.d", name), "".join(f"{line}\n" for line in lines))

    def line(self, stage: str, control: str, *arguments: str, module: str | Path | None = None) -> str:
        """A line of a service file; arguments with blanks or brackets are written the way that PAM wants them."""
        words = [f"[{word.replace(']', chr(92) + ']')}]" if re.search(r"[\s\[\]]", word) else word
                 for word in arguments]
        return " ".join([stage, control, str(module or self.module), *words])

    # Accounts

    def add_group(self, name: str, gid: int | None = None) -> int:
        """Adds a local group; returns its number. One of this name is left as it is."""
        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            if gid is None:
                gid = 1 + max([20000, *(group.gr_gid for group in grp.getgrall() if group.gr_gid < 60000)])
            _append("/etc/group", f"{name}:x:{gid}:\n")
            _append("/etc/gshadow", f"{name}:!::\n")
            return gid

    def add_user(self, name: str, uid: int | None = None, groups: Iterable[str] = (), *, password: str = "!",
                 home: str | Path = "/", shell: str = "/bin/sh") -> int:
        """Adds a local user with a group of the same name; returns the uid. `password` is its hash in /etc/shadow.

        No check of the name: tests also need names that useradd refuses."""
        if uid is None:
            uid = 1 + max([20000, *(user.pw_uid for user in pwd.getpwall() if user.pw_uid < 60000)])
        gid = self.add_group(name, uid)
        _append("/etc/passwd", f"{name}:x:{uid}:{gid}::{home}:{shell}\n")
        _append("/etc/shadow", f"{name}:{password}:19000:0:99999:7:::\n")
        for group in groups:
            self.add_group(group)
            self._join(group, name)
        return uid

    @staticmethod
    def _join(group: str, user: str) -> None:
        path = Path("/etc/group")
        join = re.compile(rf"^({re.escape(group)}:[^:]*:[^:]*:)(.*)$", re.MULTILINE)
        path.write_text(join.sub(lambda found: f"{found[1]}{found[2]}{',' * bool(found[2])}{user}", path.read_text()))

    # Running a PAM application

    def drive(self, commands: Iterable[str], *, timeout: float = 60, wrapper: Iterable[str | Path] = (),
              env: Mapping[str, str] | None = None) -> str:
        """Runs the PAM application of the tests (driver.c says which commands it knows); returns its transcript.

        wrapper   a command to run it with, such as valgrind
        env       its whole environment, besides PATH and the options of sanitizers
        """
        driver = build_dir() / "tests/pam/pam_driver"
        inherited = {name: os.environ[name] for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
                     if name in os.environ}
        done = subprocess.run([*map(str, wrapper), str(driver)], input="".join(f"{line}\n" for line in commands),
                              env={"PATH": "/usr/bin:/bin"} | inherited | dict(env or {}), capture_output=True,
                              timeout=timeout, check=False, encoding="ascii", errors="backslashreplace", cwd="/")
        if done.returncode != 0 or done.stderr:
            raise AssertionError(f"the PAM application ended with {done.returncode}: {done.stderr}\n{done.stdout}")
        return done.stdout

    # Making it

    def _make_dev(self) -> None:
        """A /dev of our own: the socket /dev/log may not appear in the real one."""
        new = self._folder / "dev"
        new.mkdir(0o755)
        mask = os.umask(0)
        for name, (major, minor) in _DEVICES.items():
            os.mknod(new / name, 0o020666, os.makedev(major, minor))
        os.umask(mask)
        for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
            (new / name).symlink_to(f"/proc/self/fd{target}")
        for name in ("pts", "shm"):
            (new / name).mkdir()
            mount("--rbind", f"/dev/{name}", new / name)
        mount("--rbind", new, "/dev")


def mount(*arguments: str | Path) -> None:
    """Runs mount(8)."""
    subprocess.run(["mount", *map(str, arguments)], check=True)


def wait_until(condition, seconds: float = 10) -> bool:
    """Waits until `condition()` is true; false when that takes longer than `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _enter_new_mount_namespace() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_MOUNTS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount("--make-rprivate", "/")


def _append(path: str, line: str) -> None:
    with open(path, "a", encoding="utf-8") as stream:
        stream.write(line)
