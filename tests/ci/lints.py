"""The linters of `./dev test ci`. Each function fails the test with what the linter says."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Sequence

_LANGUAGE_SERVICE = Path(__file__).with_name("tools") / "language_service.mjs"


class Lints:
    """`tools` is the folder of ZN_CI_TOOLS; `folder` one to write to."""

    def __init__(self, tools: Path, folder: Path):
        self._tools = tools
        self._bundle = folder / "language_service.cjs"
        self._run("esbuild", _LANGUAGE_SERVICE, "--bundle", "--platform=node", "--format=cjs", "--log-level=warning",
                  f"--outfile={self._bundle}")

    def workflow(self, *files: Path, persona: str = "pedantic") -> None:
        """Workflows for GitHub: their schema, GitHub's language service, actionlint, and zizmor as that persona."""
        self._run("actionlint", "-oneline", *files)
        self._github("github-workflows", files, persona)

    def action(self, *files: Path) -> None:
        """Actions for GitHub: the same without actionlint, which knows workflows only."""
        self._github("github-actions", files, "pedantic")

    def schema(self, name: str, *files: Path) -> None:
        """A schema that check-jsonschema brings along."""
        transform = ["--data-transform", name] if name in ("azure-pipelines", "gitlab-ci") else []
        # Not every schema keeps to the strict form of regular expressions.
        self._run("check-jsonschema", "--builtin-schema", f"vendor.{name}", "--regex-variant=nonunicode", *transform,
                  *files)

    def kubernetes(self, file: Path) -> None:
        """Kubernetes' own schema, and no key that it does not know."""
        self._run("../venv/bin/kubernetes-validate", "--strict", file)

    def _github(self, schema: str, files: Sequence[Path], persona: str) -> None:
        self.schema(schema, *files)
        self._run("zizmor", "--offline", "--no-progress", f"--persona={persona}", *files)
        self._run("node", self._bundle, *files)

    def _run(self, program: str, *arguments: str | Path) -> None:
        environment = {"PATH": f"{self._tools}/bin:/usr/bin:/bin", "NODE_PATH": str(self._tools / "node_modules"),
                       "HOME": str(self._bundle.parent)}
        done = subprocess.run([self._tools / "bin" / program, *arguments], env=environment, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert done.returncode == 0, f"{program}: {done.stdout}"
