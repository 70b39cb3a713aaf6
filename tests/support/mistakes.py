#!/usr/bin/env python3
"""The mistakes of mistakes.toml, and the documentation that is made of them.

As a script, it prints that: `mistakes.py > docs/troubleshooting.md`.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

CHECKS = ("url", "credential", "proxy", "dns", "tcp", "tls", "http", "server", "clock", "login", "token", "project")

_TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_HEAD = """\
# When a login fails

Run, with the same variables and options, on the same machine, as the same user:

```
zenml-login doctor
```

It looks at these, and stops where it cannot go on: {checks}.
Below each `fail` and `warn` is what to do. The first `fail` is the cause; look for its words on this page. The other
commands say the same words behind `zenml-login:`, but do not look at as much.

No secret is in the output, so you may show it to somebody, best that of `zenml-login doctor --json`. It logs in once at
most; where logins are limited, that counts as an attempt. In a CI job, put it before the step that fails. For logins on
a host (ssh, sudo) there is `zenml-login doctor pam`: see [Logging in over ssh](ssh-login.md).

An ellipsis stands for what differs. Where one line has several causes, words in quotes tell them apart.
"""


@dataclass(frozen=True)
class Mistake:
    """A row of mistakes.toml, which says what the members mean."""

    id: str
    made: str
    check: str
    level: str
    code: int
    text: str
    fix: str
    why: str
    do: str = ""
    static: str = ""

    @property
    def texts(self) -> list[str]:
        """What is said, by one program or another."""
        return [text for text in (self.text, self.static) if text]

    @property
    def title(self) -> str:
        """What a person looks for in the documentation."""
        outcome = f"exit code {self.code}" if self.level == "fail" else "a warning"
        return " or ".join(f"**`{self.check}: {self.level}: {text}`**" for text in self.texts) + f" ({outcome})"

    @property
    def advice(self) -> str:
        """What to do, as a sentence."""
        return self.do or self.fix[0].upper() + self.fix[1:] + "."


GROUPS = {group["heading"]: [Mistake(**row) for row in group["mistake"]] for group in _TABLE["group"]}
MISTAKES = [mistake for group in GROUPS.values() for mistake in group]


def document() -> str:
    """The text of docs/troubleshooting.md."""
    lines = [_HEAD.format(checks=", ".join(f"`{check}`" for check in CHECKS))]
    for heading, mistakes in GROUPS.items():
        causes: dict[str, list[str]] = {}
        for mistake in mistakes:
            causes.setdefault(mistake.title, []).append(f"* {mistake.why} → {mistake.advice}")
        lines.append(f"## {heading}\n")
        for title, same in causes.items():
            lines += [title, "", *same, ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    print(document(), end="")
