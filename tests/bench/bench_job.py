"""Measures a CI job with the real ZenML server: from the login step to the end of its first two zenml commands.

Part of `./dev bench ci`. Every job begins with an empty home and an empty configuration folder. The server is the one
of tests/support/zenml_server.py; it hashes the API key at each login, as every ZenML server does.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from bench import Timed, Unmeasurable, markdown_table

import zenml_server
from zenml_admin import Account, Admin

COMMANDS = ("zenml stack list", "zenml pipeline list")
LOGIN = 'set -e; login="$("$PROGRAM" env --format shell --credential {} --api-key-file "$KEY_FILE")"; eval "$login"'
RECIPE = "set -e; export ZENML_STORE_URL ZENML_STORE_API_KEY; ZENML_STORE_API_KEY=\"$(cat \"$KEY_FILE\")\""
JOBS = {
    "zenml-login env, API token": LOGIN.format("token"),
    "zenml-login env, API key": LOGIN.format("key"),
    "documented recipe: export the API key, no check": RECIPE,
}


@dataclass
class Job(Timed):
    """How a job logs in (a shell script), and what was measured of it."""

    name: str
    login: str
    seconds: list[float] = field(default_factory=list)
    logins: int = 0  # as the server's log tells

    def run(self, folder: Path, environment: dict[str, str], server: zenml_server.ServerHandle) -> float:
        """Runs the job once, in a new home below `folder`; returns the seconds."""
        home = Path(tempfile.mkdtemp(dir=folder))
        before = Path(server.log).stat().st_size
        variables = zenml_server.clean_environment(home) | environment | {"ZENML_CONFIG_PATH": str(home / "config")}
        start = time.perf_counter()
        done = subprocess.run(["/bin/sh", "-c", "; ".join([self.login, *COMMANDS])], env=variables, cwd=home,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        elapsed = time.perf_counter() - start
        shutil.rmtree(home)
        if done.returncode != 0:
            raise Unmeasurable(f"{self.name}: exit code {done.returncode}\n{done.stdout}")
        with open(server.log, encoding="utf-8") as log:
            log.seek(before)
            self.logins = log.read().count('"POST /api/v1/login ')
        return elapsed


def measure(program: Path, rounds: int) -> list[Job]:
    """Measures all jobs, which take turns in another order in each round; one round before does not count."""
    jobs = [Job(name, login) for name, login in JOBS.items()]
    with tempfile.TemporaryDirectory(prefix="zenml-login-bench.") as folder, zenml_server.start(folder) as server:
        key_file = Path(folder, "key")
        key_file.touch(0o600)
        key_file.write_text(Account(Admin.of(server), "ci-bot").key)
        venv = Path(zenml_server.venv_program("zenml")).parent
        environment = {"PROGRAM": str(program), "KEY_FILE": str(key_file), "ZENML_STORE_URL": server.url,
                       "PATH": f"{venv}:/usr/bin:/bin"}
        for number in range(-1, rounds):
            for job in random.sample(jobs, len(jobs)):
                seconds = job.run(Path(folder), environment, server)
                if number >= 0:
                    job.seconds.append(seconds)
    return jobs


def table(jobs: list[Job]) -> str:
    """The results as a Markdown table; the documented recipe is what the others are compared with."""
    recipe = jobs[-1]
    return markdown_table([
        ("login step and two commands", "median", "p10", "ratio", "logins"),
        *((job.name, f"{job.median_ms / 1000:.2f} s", f"{job.p10_ms / 1000:.2f} s",
           f"{job.median_ms / recipe.median_ms:.2f}", str(job.logins)) for job in jobs)])
