"""Runs workflows with act, a runner for GitHub workflows, as processes of this machine ("host mode") and offline.

How it differs from GitHub's runner, as far as the tests meet it: a step's standard output is a terminal, of which act
may lose the end when the step fails, so that most runs get no terminals; a mask hides just itself, not its encodings;
the run steps of a composite action also see INPUT_*.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

import canary
from oracles import github
from surroundings import with_mounts

ACTION = Path(__file__).parents[2] / "action"
WORKFLOWS = Path(__file__).with_name("workflows")
TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class Run:
    """How a workflow ended. succeeded: all its jobs did; log: what people see of it; evidence: the folder with what
    its steps wrote down."""

    succeeded: bool
    log: str
    evidence: Path

    def text(self, name: str) -> str:
        """The file `name` of the evidence, without the line's end."""
        return (self.evidence / name).read_text(encoding="utf-8").removesuffix("\n")

    def json(self, name: str) -> dict:
        """The same, when it is JSON."""
        return json.loads(self.text(name))

    def variables(self, name: str) -> dict[str, str]:
        """The same, when it is the output of `env -0`: what a step had in its environment."""
        pairs = (line.partition("=") for line in self.text(name).split("\0") if line)
        return {name: value for name, _, value in pairs}

    def zenml_variables(self, name: str) -> dict[str, str]:
        """Those that the ZenML client knows, and the note of what was written, if not empty."""
        return {name: value for name, value in self.variables(name).items()
                if value and name.startswith(("ZENML_", "DISABLE_CREDENTIALS"))}

    @property
    def output(self) -> str:
        """What the steps printed, and the workflow commands that act took from it."""
        return "\n".join(re.findall(r"^\[[^]]*\]   (?:\| |❗  |🚧  |❓  )(.*)", self.log, re.MULTILINE))

    @property
    def exit_code(self) -> int:
        """That of the first step that failed; 0 when none did."""
        failed = re.search(r"^\[[^]]*\] exit status (\d+)$", self.log, re.MULTILINE)
        return int(failed[1]) if failed else 0

    @property
    def annotations(self) -> list[tuple[str, dict[str, str], str]]:
        """Kind, properties and text of each."""
        return [found for line in self.output.splitlines() if (found := github.annotation(line))]

    @property
    def summary(self) -> str:
        """The job summary."""
        return re.search(r"⚙  Summary - (.*?)(?=^\[|\Z)", self.log, re.DOTALL | re.MULTILINE)[1]


def check_out(folder: Path, binaries: Path) -> Path:
    """A repository in `folder` that has the action with these `binaries`, and the workflows of the tests."""
    shutil.copytree(ACTION, folder / "action", ignore=shutil.ignore_patterns("bin"))
    shutil.copytree(binaries, folder / "action" / "bin")
    shutil.copytree(WORKFLOWS, folder / ".github" / "workflows")
    for command in (["init", "--quiet", "--initial-branch=main"], ["add", "--force", "."],
                    ["-c", "user.name=test", "-c", "user.email=test@example.com", "commit", "--quiet", "-m", "all"],
                    ["remote", "add", "origin", "https://example.com/team/project.git"]):
        subprocess.run(["git", *command], cwd=folder, check=True, timeout=60,
                       env={"PATH": "/usr/bin:/bin", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"})
    return folder


class Act:
    """The runner. program: the path of act; folder: where it works; variables: `vars` that every workflow gets."""

    def __init__(self, program: Path, folder: Path, variables: Mapping[str, str]):
        self._program, self._folder, self._variables = program, folder, variables
        self._runs = 0

    def run(self, checkout: Path, workflow: str, *, key: str = "", event: str = "workflow_dispatch",
            actor: str = "somebody", inputs: Mapping[str, str] | None = None, at_terminal: bool = False,
            **variables: str) -> Run:
        """Runs a workflow of `checkout`; `key` is its secret API_KEY, `variables` are further `vars`.

        Fails the test when the job leaves anything in `checkout`, or the key anywhere else."""
        self._runs += 1
        folder = self._folder / str(self._runs)
        evidence = folder / "evidence"
        evidence.mkdir(parents=True)
        secrets = folder / "secrets"
        secrets.write_text(f"API_KEY={key}\n", encoding="utf-8")
        settings = {**self._variables, **variables, "EVIDENCE": str(evidence)}
        surroundings = [] if at_terminal else with_mounts('mount --bind /dev/null /dev/ptmx && exec "$@"')
        command = [*surroundings, self._program, event, "-C", checkout, "-W", f".github/workflows/{workflow}.yml",
                   "-P", "ubuntu-latest=-self-hosted", "--pull=false", "--no-cache-server", "--action-offline-mode",
                   "--action-cache-path", folder / "cache", "--use-gitignore=false", "--rm", "--actor", actor,
                   "--local-repository", f"owner/zenml-login@v1={checkout}", "--secret-file", secrets]
        for option, values in (("--var", settings), ("--input", inputs or {})):
            command += [part for name, value in values.items() for part in (option, f"{name}={value}")]
        before = sorted(checkout.rglob("*"))
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=TIMEOUT_SECONDS,
                              stderr=subprocess.STDOUT, check=False, env=self._environment(folder))
        secrets.unlink()
        assert sorted(checkout.rglob("*")) == before
        left = [path for name in ("cache", "home") for path in (folder / name).rglob("*") if path.is_file()]
        assert not [path for path in left if canary.found_in(canary.read_start(path), {key} - {""})]
        return Run(done.returncode == 0, done.stdout.decode().replace("\r\n", "\n"), evidence)

    @staticmethod
    def _environment(folder: Path) -> dict[str, str]:
        """Nothing of ours: act hands its whole environment on to the steps."""
        home = folder / "home"
        home.mkdir()
        return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(home), "LANG": "C.UTF-8",
                "XDG_CACHE_HOME": str(folder / "cache")}
