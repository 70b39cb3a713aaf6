"""A GitLab project that includes action/gitlab/login.yml, and its pipelines, run by gitlab-ci-local.

gitlab-ci-local runs every job in a bash of its own, in a copy of the project. It hides no secret in its log, which
suits us: what is in the log here, GitLab would have to mask."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Mapping

from run import run

TEMPLATE = Path(__file__).parents[2] / "action/gitlab/login.yml"
TIMEOUT_SECONDS = 120  # of a pipeline
_STATE = ".gitlab-ci-local"  # where it keeps what it makes, below the project; below HOME: the project's variables


@dataclass(frozen=True)
class Pipeline:
    """A pipeline that has ended.

    code      0: no job failed
    output    all that gitlab-ci-local printed
    logs      what each job that ran printed, its commands included
    statuses  how each job that ran ended: the exit code of its script
    reports   the dotenv reports, by the name of their job
    """

    code: int
    output: str
    logs: Mapping[str, str]
    statuses: Mapping[str, int]
    reports: Mapping[str, bytes]


class Project:
    """A project in `folder`. `program` is what it logs in with; `tools` the folder with gitlab-ci-local."""

    def __init__(self, folder: Path, program: Path, tools: Path):
        self.folder, self.program, self.tools = folder / "project", program, tools
        self.home = folder / "home"
        (self.home / _STATE).mkdir(parents=True)
        self.folder.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("remote", "add", "origin", "git@gitlab.example.invalid:group/project.git")
        self._git("symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
        (self.folder / "login.yml").write_bytes(TEMPLATE.read_bytes())

    def run(self, jobs: str, inputs: Mapping[str, object], variables: Mapping[str, str],
            files: Mapping[str, str] | None = None, **options) -> Pipeline:
        """Runs a pipeline.

        jobs       YAML, what the project has besides the template
        inputs     of the template; `binary` names our program when it is not given
        variables  CI/CD variables of the project; `files`: those of type File, by their content
        options    those of run.run, for secrets and where they may be
        """
        self._configure(jobs, {"binary": str(self.program)} | dict(inputs), variables, files or {})
        arguments = ["--no-color", "--force-shell-executor", "--shell-isolation", "--no-artifacts-to-source",
                     "--concurrency", "1", "--variable", "GITLAB_CI=true", "--ignore-predefined-vars", "GITLAB_CI"]
        environment = {"PATH": f"{self.tools}/bin:/usr/local/bin:/usr/bin:/bin", "HOME": self.home, "LANG": "C.UTF-8"}
        result = run(arguments, environment, program=self.tools / "bin/gitlab-ci-local", cwd=self.folder,
                     timeout=TIMEOUT_SECONDS, **options)
        return self._pipeline(result.code, result.out + result.err)

    def _configure(self, jobs: str, inputs: Mapping[str, object], variables: Mapping[str, str],
                   files: Mapping[str, str]) -> None:
        # YAML takes JSON as it is.
        include = json.dumps([{"local": "login.yml", "inputs": inputs}])
        (self.folder / ".gitlab-ci.yml").write_text(f"include: {include}\n{jobs}")
        (self.folder / ".gitignore").write_text(f"/{_STATE}/\n")
        typed = {name: {"type": kind, "values": {"*": value}}
                 for kind, given in (("variable", variables), ("file", files)) for name, value in given.items()}
        (self.home / _STATE / "variables.yml").write_text(json.dumps({"global": typed}))
        self._git("add", "--all")

    def _pipeline(self, code: int, output: str) -> Pipeline:
        state = self.folder / _STATE
        ends = re.findall(r"^(?!pipeline )(\S+) +finished in \S+ \S+(?: +FAIL (\d+))?", output, re.MULTILINE)
        statuses = {job: int(status or 0) for job, status in ends}
        reports = {path.relative_to(state / "artifacts").parts[0]: path.read_bytes()
                   for path in state.glob("artifacts/*/.gitlab-ci-reports/dotenv/*")}
        logs = {path.stem: path.read_text() for path in state.glob("output/*.log")}
        return Pipeline(code, output, logs, statuses, reports)

    def _git(self, *arguments: str) -> None:
        subprocess.run(["git", "-C", self.folder, *arguments], check=True)
