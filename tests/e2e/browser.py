"""A person who runs `zenml-login login` in a terminal, and has a browser beside it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import Iterator
from urllib.parse import quote

import canary
from run import Result

SECONDS = 90


class BrowserLogin:
    """`zenml-login login` on its way; use it as a context manager, which ends it.

    page: the URL that it shows. Standard input is a terminal, the other streams are read here.
    """

    def __init__(self, url: str, home: Path, *options: str):
        self.file = home / ".config" / "zenml-login" / quote(url, safe="")
        self._keyboard, its_keyboard = os.openpty()
        self._process = subprocess.Popen(
            [os.environ["ZENML_LOGIN_BIN"], "login", "--server", url, *options], stdin=its_keyboard,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={"PATH": "/usr/bin:/bin", "HOME": str(home)})
        os.close(its_keyboard)
        self._shown = b""

    def __enter__(self):
        self.page = self._read_page()
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()
        os.close(self._keyboard)

    def _read_page(self) -> str:
        deadline = time.monotonic() + SECONDS
        while b"Press Enter" not in self._shown:
            ready, _, _ = select.select([self._process.stderr], [], [], max(0, deadline - time.monotonic()))
            more = os.read(self._process.stderr.fileno(), 65536) if ready else b""
            assert more, f"no page was shown: {self._shown.decode(errors='replace')}"
            self._shown += more
        return re.search(rb"^    (http\S+)$", self._shown, re.MULTILINE)[1].decode()

    @contextlib.contextmanager
    def asleep(self) -> Iterator[None]:
        """The program does not run meanwhile, and so does not ask the server, however long that lasts."""
        self._process.send_signal(signal.SIGSTOP)
        yield
        self._process.send_signal(signal.SIGCONT)

    def press_enter(self) -> None:
        """The person says that they have approved."""
        os.write(self._keyboard, b"\n")

    def finish(self) -> Result:
        """How it ended. What it kept is known to the canary from now on, and was not shown."""
        out, err = self._process.communicate(timeout=SECONDS)
        if self.file.exists():
            canary.remember(self.kept()["access_token"])
        assert not canary.found_in(out + self._shown + err, canary.secrets_to_find([]))
        return Result(self._process.returncode, out.decode(), (self._shown + err).decode())

    def kept(self) -> dict:
        """What is in the file: server, device_id, access_token."""
        return json.loads(self.file.read_text())
