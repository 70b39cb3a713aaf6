#!/usr/bin/env python3
"""The terminal text of README.md, made by the program itself at a test server. `./dev readme` runs this.

ZENML_LOGIN_BIN names the zenml-login binary. The blocks of README.md that stand below `<!-- terminal: NAME -->` are
written anew; tests/cli/test_readme.py compares them with what this makes.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from pathlib import Path
from typing import Mapping

from canary import shortened
from keys import make_key
from run import run
from surroundings import at_terminal
from tls_server import Server
from zenml_replies import Zenml

README = Path(__file__).parents[2] / "README.md"

_BLOCK = re.compile(r"(?<=^<!-- terminal: )(\w+)( -->\n```console\n)(.*?)(?=^```$)", re.MULTILINE | re.DOTALL)


def blocks_of(text: str) -> dict[str, str]:
    """The blocks of a document by their names."""
    return {block[1]: block[3] for block in _BLOCK.finditer(text)}


def with_blocks(text: str, blocks: Mapping[str, str]) -> str:
    """The document with these blocks in place of its own."""
    return _BLOCK.sub(lambda block: block[1] + block[2] + blocks[block[1]], text)


class Terminal:
    """Somebody at a terminal: `text` is what they have typed and seen, secrets shortened."""

    def __init__(self, **variables: str | Path):
        self.variables = variables
        self.text = ""

    def show(self, text: str) -> None:
        """Something stands there."""
        self.text += shortened(text)

    def export(self, name: str, value: str) -> None:
        """Sets a variable."""
        self.show(f"$ export {name}={value}\n")
        self.variables[name] = value

    def run(self, command: str, **options) -> None:
        """Runs zenml-login; `options` are those of `run`. A runner that is told a mask keeps the line to itself."""
        result = run(shlex.split(command)[1:], self.variables, **options)
        seen = [line for line in result.out.splitlines(True) if not line.startswith("::add-mask::")]
        self.show(f"$ {command}\n{''.join(seen)}{result.err}")


def person(url: str, home: Path) -> str:
    """A person logs in by a browser; the test server takes it for approved as soon as it is asked."""
    terminal = Terminal(HOME=home)
    terminal.export("ZENML_STORE_URL", url)
    terminal.run("zenml-login login", wrapper=at_terminal("\n"))
    terminal.run("zenml-login whoami")
    terminal.run("zenml-login exec -- printenv ZENML_STORE_URL")
    return terminal.text


def job(url: str, home: Path, key: str) -> str:
    """The login step of a CI job."""
    file = home / "github_env"
    file.touch()
    terminal = Terminal(HOME=home, ZENML_STORE_URL=url, ZENML_STORE_API_KEY=key, GITHUB_ACTIONS="true",
                        GITHUB_ENV=file)
    terminal.run("zenml-login env --expect-user ci-bot", secret_in={"stdout": "key"})  # as a mask
    terminal.show(f'$ cat "$GITHUB_ENV"\n{file.read_text()}')
    return terminal.text


def doctor(url: str, home: Path) -> str:
    """Somebody has a key that the server does not know."""
    terminal = Terminal(HOME=home, ZENML_STORE_URL=url)
    terminal.export("ZENML_STORE_API_KEY", make_key())
    terminal.run("zenml-login doctor")
    return terminal.text


def make() -> dict[str, str]:
    """All blocks by their names."""
    key = make_key()
    with tempfile.TemporaryDirectory() as folder, Server(healthy=Zenml(api_keys={key})) as server:
        home = Path(folder)
        return {"person": person(server.url, home), "job": job(server.url, home, key),
                "doctor": doctor(server.url, home)}


if __name__ == "__main__":
    README.write_text(with_blocks(README.read_text(encoding="utf-8"), make()), encoding="utf-8")
