"""Measures the login step of a CI job: the static zenml-login against what a job does without it.

    bench_ci.py [--rounds N] [--job-rounds N] [--write] [--check]

`./dev bench ci` calls this. Every contender proves the same API key: it logs in, asks for the current user, and checks
that this is an active service account. Each is first run against the test server of this repository, which counts its
connections and requests, and which it has to refuse in all of REFUSED; then it is timed against a server that takes
less time than the contenders do (cheap_server.py). Last come whole jobs with the real ZenML server (bench_job.py).

Needs a mount namespace of its own, in which /etc/ssl/certs is a copy with the test authority added: every contender
reads the authorities of the system the way it does by itself. Nothing outside is changed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Callable, Iterator

import bench_job
import programs
from bench import (BENCH, MEMORY_RUNS, NO_MOUNTS, SYSTEM_CAS, WARM_UP_ROUNDS, Contender, Runner, Unmeasurable,
                   markdown_table, median_or_none, move_into_private_mounts, setting, take_turns, write_section)
from cheap_server import NGINX, cheap_server

import zenml_replies
from certs import EC, RSA, Certificates
from keys import make_key
from tls_server import spawn
from zenml_replies import ACCOUNT_NAME

SECTION = "The login step in CI"
CHAINS = {"EC": EC, "RSA": RSA}
OURS, ONE_CA, SYSTEM = "zenml-login, static", "zenml-login, static, one authority", "zenml-login, system libcurl"
FLOOR, EMPTY, CURL = "floor: mbedTLS by hand, one authority", "empty static program", "sh: curl, jq, curl, jq"
GO, GO_FILE = "Go: net/http, static", "Go, told to read the bundle only"
RUST, RUST_FILE = "Rust: ureq, rustls", "Rust, told to read the bundle only"
CLIENT = "ZenML client: login, active_user"
NOT_CHECKING = (CLIENT, EMPTY)  # the client has checks of its own

CLIENT_RUNS = 5
# Go interrupts its own threads with a signal that callgrind does not get along with.
FOR_CALLGRIND = {"GODEBUG": "asyncpreemptoff=1"}
BUNDLE = str(SYSTEM_CAS / "ca-certificates.crt")
BUNDLE_ONLY = {"SSL_CERT_FILE": BUNDLE, "SSL_CERT_DIR": "/nonexistent"}


@dataclass
class Program(Contender):
    """A contender with what is measured in addition."""

    artefact_bytes: int | None = None  # None: made of parts of the system
    instructions: int | None = None  # None: valgrind cannot run it
    opened: int | None = None  # files, by all its processes


# Contenders


def build_programs() -> tuple[dict[str, Path], dict[str, str]]:
    """The compiled contenders: name -> path, and name -> why it is not built here."""
    makers = {OURS: programs.static_binary, FLOOR: programs.floor, EMPTY: programs.empty, GO: programs.go_login,
              RUST: programs.rust_login}
    made = {name: programs.build(make) for name, make in makers.items()}
    return ({name: path for name, (path, _) in made.items() if path},
            {name: reason for name, (path, reason) in made.items() if not path})


def contenders(built: dict[str, Path], server: str, key_file: Path, ca: Path) -> list[Program]:
    """All contenders that were built, ours first. `ca` is the test authority, for those that get one only."""
    home = {"PATH": "/usr/bin:/bin", "HOME": str(key_file.parent)}
    whoami = ["whoami", "--server", server, "--api-key-file", str(key_file)]
    script = [server, str(key_file)]
    python, venv = str(BENCH / "python_login.py"), programs.BUILD / "bench-venv/bin/python"
    own_bundle = {"REQUESTS_CA_BUNDLE": BUNDLE}  # else requests reads the one that comes with it
    client = own_bundle | {"ZENML_STORE_URL": server, "ZENML_STORE_API_KEY": key_file.read_text(),
                           "ZENML_ANALYTICS_OPT_IN": "false"}
    lines = {
        OURS: ([built.get(OURS), *whoami], {}),
        ONE_CA: ([built.get(OURS), *whoami, "--ca-file", str(ca)], {}),
        FLOOR: ([built.get(FLOOR), *script, str(ca)], {}),
        EMPTY: ([built.get(EMPTY)], {}),
        SYSTEM: ([Path(os.environ["ZENML_LOGIN_BIN"]), *whoami], {}),
        RUST: ([built.get(RUST), *script], {}),
        RUST_FILE: ([built.get(RUST), *script], BUNDLE_ONLY),
        GO: ([built.get(GO), *script], {}),
        GO_FILE: ([built.get(GO), *script], BUNDLE_ONLY),
        CURL: (["/bin/sh", str(BENCH / "curl_jq.sh"), *script], {}),
        "Python: urllib": ([sys.executable, python, "urllib", *script], {}),
        "Python: requests": ([str(venv), python, "requests", *script], own_bundle),
        CLIENT: ([str(programs.BUILD / "zenml-venv/bin/python"), str(BENCH / "zenml_client_login.py")], client),
    }
    return [Program(name, [str(word) for word in command], "" if name == EMPTY else ACCOUNT_NAME, home | environment)
            for name, (command, environment) in lines.items() if command[0]]


def artefact_bytes(built: dict[str, Path], name: str) -> int | None:
    """What has to be brought along for a contender, in bytes; None: parts of the system."""
    if name == SYSTEM:
        return programs.stripped(Path(os.environ["ZENML_LOGIN_BIN"])).stat().st_size
    if name == CLIENT:
        return sum(path.lstat().st_size for path in (programs.BUILD / "zenml-venv").rglob("*") if path.is_file())
    path = {ONE_CA: built.get(OURS), RUST_FILE: built.get(RUST), GO_FILE: built.get(GO)}.get(name, built.get(name))
    return path.stat().st_size if path else None


# What the servers say


def replies(token: str) -> dict[str, Any]:
    """The JSON of all replies that some contender asks for, by path."""
    stack = zenml_replies.project(metadata={"components": {}})
    return {"/api/v1/login": zenml_replies.login(token), "/api/v1/info": zenml_replies.info(),
            "/api/v1/current-user": zenml_replies.current_user(), "/api/v1/projects": _page(zenml_replies.project()),
            "/api/v1/stacks": _page(stack)}


def _page(item: dict) -> dict:
    return {"index": 1, "max_size": 20, "total_pages": 1, "total": 1, "items": [item]}


UNKNOWN_AUTHORITY = "a certificate of an unknown authority"
REFUSED = {
    "a rejected key": {"POST /api/v1/login": {"status": 401, "json": {"detail": "no"}}},
    "a reply that is no JSON": {"POST /api/v1/login": {"body": "{"}},
    "a token of another type": {"POST /api/v1/login": {"json": zenml_replies.login("a.b.c", token_type="mac")}},
    "an inactive account": {"GET /api/v1/current-user": {"json": zenml_replies.current_user(active=False)}},
    "a token that the server refuses": {"GET /api/v1/current-user": {"status": 403, "json": {"detail": "no"}}},
    UNKNOWN_AUTHORITY: {},
}


class Stage:
    """The files of the benchmark below `folder`, with certificates of one kind."""

    def __init__(self, folder: Path, kind_of_key: tuple[str, ...]):
        self.folder, self.kind_of_key = folder, kind_of_key
        self.certificates = Certificates(folder / "certs", kind_of_key)
        self.key_file, self.log = folder / "key", folder / "log"
        self.key_file.touch(0o600)
        self.key_file.write_text(make_key())
        self.runner = Runner(folder, self.log)

    @contextlib.contextmanager
    def authorities_of_the_system(self) -> Iterator[None]:
        """Puts the system's authorities and ours in the place of the system's."""
        subprocess.run(["mount", "--bind", self.certificates.hashed_folder, SYSTEM_CAS], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", SYSTEM_CAS], check=True)

    @contextlib.contextmanager
    def counting_server(self, script: dict, trusted: bool = True) -> Iterator[str]:
        """The test server with these replies; yields its URL. Not `trusted`: its authority is unknown."""
        pair = self.certificates.chained if trusted else self.certificates.unknown_ca
        path = self.folder / "script.json"
        path.write_text(json.dumps({"GET /api/v1/stacks": {"json": replies("")["/api/v1/stacks"]}} | script))
        with spawn("--cert", pair.crt, "--key", pair.key, "--script", path, "--log-file", self.log) as server:
            yield server["url"]

    @contextlib.contextmanager
    def timing_server(self) -> Iterator[str]:
        """The server that takes little time; yields its URL."""
        token = zenml_replies.make_token(24 * 3600)
        folder = self.folder / "nginx"
        folder.mkdir()
        with cheap_server(folder, self.certificates.chained, token, replies(token),
                          {"/api/v1/login", "/api/v1/info"}) as url:
            yield url


# Measuring


def strace_counts(runner: Runner, contender: Contender) -> tuple[int, int]:
    """How many processes (with their threads) one run takes, and how many files they open."""
    runner.seconds(contender, "strace", "--follow-forks", "--trace=open,openat", f"--output={runner.notes}")
    text = runner.notes.read_text()
    return text.count("+++ exited"), len(re.findall(r"open(?:at)?\(.*(?<!O_DIRECTORY)\) = \d+$", text, re.MULTILINE))


def instructions(runner: Runner, contender: Program) -> int | None:
    """The instructions that all processes of one run execute; None when callgrind cannot run one of them, which it is
    given three attempts for."""
    traced = replace(contender, environment=contender.environment | FOR_CALLGRIND)
    for _ in range(3):
        with tempfile.TemporaryDirectory(dir=runner.notes.parent) as folder:
            with contextlib.suppress(Unmeasurable):
                runner.seconds(traced, "valgrind", "--tool=callgrind", "--trace-children=yes",
                               "--callgrind-out-file=/dev/null", f"--log-file={folder}/%p")
                logs = "".join(path.read_text() for path in Path(folder).iterdir())  # each process has its own
                return sum(map(int, re.findall(r"Collected : (\d+)", logs)))
    return None


def check_refusals(stage: Stage, make: Callable[[str], list[Program]]) -> None:
    """Unmeasurable, unless every contender refuses all of REFUSED: one that does not, does less work."""
    for what, script in REFUSED.items():
        with stage.counting_server(script, trusted=what != UNKNOWN_AUTHORITY) as url:
            for contender in make(url):
                if contender.name in NOT_CHECKING:
                    continue
                with contextlib.suppress(Unmeasurable):
                    stage.runner.seconds(contender)
                    raise SystemExit(f"bench: {contender.name}: does not refuse {what}")


def look(stage: Stage, everyone: list[Program], counted: list[Program]) -> None:
    """Fills in what is the same each time. `counted`: the same contenders, with the URL of the test server."""
    for contender, twin in zip(everyone, counted):
        if contender.name != EMPTY:
            contender.seen = stage.runner.seen(twin)
        contender.processes, contender.opened = strace_counts(stage.runner, contender)
        contender.peak_mb = median_or_none([stage.runner.peak_mb(contender) for _ in range(MEMORY_RUNS)])
        if contender.name != CLIENT or stage.kind_of_key == EC:  # once is enough of minutes
            contender.instructions = instructions(stage.runner, contender)


def measure_chain(stage: Stage, built: dict[str, Path], rounds: int) -> list[Program]:
    """Measures all contenders with certificates of one kind."""
    def make(url: str) -> list[Program]:
        return contenders(built, url, stage.key_file, stage.certificates.ca)

    with stage.authorities_of_the_system():
        check_refusals(stage, make)
        with stage.timing_server() as url:
            everyone = make(url)
            with stage.counting_server({}) as counting_url:
                look(stage, everyone, make(counting_url))
            for contender in everyone:
                contender.artefact_bytes = artefact_bytes(built, contender.name)
                contender.every = max(1, rounds // CLIENT_RUNS) if contender.name == CLIENT else 1
            take_turns(stage.runner, everyone, rounds)
    return everyone


def measure(built: dict[str, Path], rounds: int) -> dict[str, list[Program]]:
    """Measures all contenders with each chain."""
    found = {}
    for name, kind_of_key in CHAINS.items():
        with tempfile.TemporaryDirectory(prefix="zenml-login-bench.") as folder:
            found[name] = measure_chain(Stage(Path(folder), kind_of_key), built, rounds)
    return found


# Bars


@dataclass(frozen=True)
class Bar:
    """What was measured, and the most and the least that it may be. None was not measured, and misses. For times: the
    ratio of medians, which counts, and that of p10 beside it."""

    what: str
    value: float | None
    most: float
    least: float = 0
    p10: float | None = None

    @property
    def is_met(self) -> bool:
        return self.value is not None and self.least <= self.value <= self.most

    def cells(self) -> tuple[str, ...]:
        """A row of the table of bars."""
        value = "not measured" if self.value is None else _number(self.value)
        p10 = "" if self.p10 is None else _number(self.p10)
        allowed = ("" if self.least == self.most else "at most ") + _number(self.most)
        return self.what, value, p10, allowed, "met" if self.is_met else "MISSED"


def _number(value: float) -> str:
    """A count with all its digits, anything else with three behind the point."""
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}".rstrip("0").rstrip(".")


def time_bars(chain: str, measured: list[Program]) -> list[Bar]:
    """The bars for the wall-clock time with one chain."""
    rust = 1.1 if chain == "EC" else 1
    most = {FLOOR: 1.15, ONE_CA: 1.05, CURL: 0.1, GO: 0.5, RUST: rust, RUST_FILE: rust, CLIENT: 0.01}
    named = {contender.name: contender for contender in measured}
    found = []
    for name, bar in most.items():
        ours, other = named.get(OURS), named.get(name)
        both = ours and other
        found.append(Bar(f"{chain}: time, as part of '{name}'", ours.median_ms / other.median_ms if both else None, bar,
                         p10=ours.p10_ms / other.p10_ms if both else None))
    return found


def bars(by_chain: dict[str, list[Program]]) -> list[Bar]:
    """All bars."""
    times = sum((time_bars(chain, measured) for chain, measured in by_chain.items()), [])
    ours = next((one for one in by_chain["EC"] if one.name == OURS), None)
    return [
        *times,
        Bar("size of the static binary, in bytes", ours and ours.artefact_bytes, 996_147),
        Bar("its peak memory, in MB", ours and ours.peak_mb, 5),
        Bar("its TCP connections", ours and ours.seen.connections, 1, 1),
        Bar("its TLS handshakes", ours and ours.seen.handshakes, 1, 1),
        Bar("its processes and threads", ours and ours.processes, 1, 1),
    ]


# The report


def time_table(measured: list[Program], missing: dict[str, str]) -> str:
    """Wall-clock times and instructions with one chain; ours is the first."""
    rows = [(one.name, f"{one.p10_ms:.2f} ms", f"{one.median_ms:.2f} ms",
             f"{one.p10_ms / measured[0].p10_ms:.2f}", f"{one.median_ms / measured[0].median_ms:.2f}",
             "-" if one.instructions is None else f"{one.instructions / 1e6:.1f} M", str(len(one.seconds)))
            for one in measured]
    rows += [(f"{name} (not built here: {reason})", *"------") for name, reason in missing.items()]
    return markdown_table([("", "p10", "median", "ratio of p10", "ratio of median", "instructions", "runs"), *rows])


def cost_table(measured: list[Program]) -> str:
    """Everything else, which does not depend on the chain."""
    def cells(one: Program) -> tuple[str, ...]:
        seen = (one.seen.connections, one.seen.handshakes, len(one.seen.requests)) if one.seen else ("-", "-", "-")
        return (one.name, f"{one.peak_mb:.1f} MB" if one.peak_mb else "-", str(one.processes), str(one.opened),
                *map(str, seen), f"{one.artefact_bytes:,}" if one.artefact_bytes else "-")

    return markdown_table([("", "peak memory", "processes", "files opened", "connections", "TLS handshakes",
                            "requests", "bytes of the artefact"), *map(cells, measured)])


def _versions(built: dict[str, Path]) -> str:
    """Versions of what `setting` does not name, as a Markdown list."""
    lines = []
    for name, command in {OURS: [built.get(OURS, ""), "--version"], "nginx": [NGINX, "-v"],
                          "Go": [programs.GO, "version"], "Rust": ["rustc", "--version"]}.items():
        with contextlib.suppress(OSError):
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            lines.append(f"* {name}: {done.stdout.strip()}\n")
    crates = re.findall(r'name = "(ureq|rustls|ring)"\nversion = "(.*)"', (BENCH / "rust_login/Cargo.lock").read_text())
    pinned = (BENCH / "requirements.txt", BENCH.parent / "support/zenml-requirements.txt")
    pins = re.findall(r"^(requests|zenml)==(.*)$", "".join(path.read_text() for path in pinned), re.MULTILINE)
    packages = ", ".join(f"{name} {version}" for name, version in [*crates, *dict(pins).items()])
    return "".join([*lines, f"* crates and packages: {packages}\n"])


def report(parts: dict[str, str], options: argparse.Namespace, about: str) -> str:
    """The text of the section SECTION."""
    body = "\n".join(f"### {title}\n\n{text}" for title, text in parts.items())
    return f"""\
Made by `./dev bench ci --rounds {options.rounds} --job-rounds {options.job_rounds} --write` on {date.today()}.
Read the ratios, not the milliseconds.

{body}
* *ratio*: divided by that of `{OURS}`, in jobs by that of the documented recipe; for bars, that of
  `{OURS}` divided by the other's. The median decides. *p10*: one run of ten was faster.
* *instructions*: of all processes of one run, in user space, as callgrind counts them on the processor it imitates.
* *peak memory*: of the largest single process, resident, in units of 2^20 bytes; the median of {MEMORY_RUNS} runs.
* *processes*: with their threads. *connections*, *TLS handshakes*, *requests*: as the test server counted them.
* *files opened*: with libraries and modules, without folders and what was not there.
* *bytes of the artefact*: what has to be brought along; for the ZenML client its virtual environment, in which the
  server's packages are as well. "-": curl, jq and Python come with the system.
* *logins*: how often the server checked the API key in one job, as its log tells.

### Setting of the login step

{about}
Every contender but the ZenML client, which has its own, makes the same two requests and the same checks: HTTP status,
JSON, type of the token, active service account. Each was seen to refuse: {", ".join(REFUSED)}.

Starting a process and waiting for its end is part of every figure; `{EMPTY}` shows what that takes. The
contenders take turns, in another order in each of {options.rounds} rounds ({CLIENT_RUNS} for the client), after
{WARM_UP_ROUNDS} that do not count. The server is nginx with fixed replies, TLS 1.3 only, no session tickets, and a
chain of leaf, intermediate and root, all on P-256 or all RSA with 2048 bits.

The authorities of the system are those in {SYSTEM_CAS}, the test's own among them, as Debian lays them out: a bundle,
and the same certificates once more as single files with hashed names. Static zenml-login, requests and curl (this one
twice) read the bundle; zenml-login with the system's libcurl looks up the one it needs in the hashed folder; Go and
Rust read the bundle and then all files of the folder, unless variables tell them otherwise, which is shown as well. The
floor program and the row with one authority are given a file with that authority.

A job is a shell that logs in and runs `{"` and `".join(bench_job.COMMANDS)}` in an empty home
against the real server, over http. Whoever has the API key logs in with each command; with the API token, which is
made in the login step, no command does.

### What the login step does not show

* A network, name resolution, and another machine: see above.
* A cold cache: all files were in memory. A job that runs in a new container reads them from a disk; there the number
  and the size of the files counts for more.
* What a job pays to get a contender: installing curl and jq, or a virtual environment with the ZenML client.
* Rust and Go at their best or worst: both programs are what the libraries' documentation suggests.
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200, help="how often each contender is timed (default: 200)")
    parser.add_argument("--job-rounds", type=int, default=10, help="how often each job is timed (default: 10)")
    parser.add_argument("--write", action="store_true", help="write the section to docs/BENCHMARKS.md")
    parser.add_argument("--check", action="store_true", help="exit with 1 unless all bars are met; for people: on a "
                                                             "busy machine this says little")
    parser.add_argument("--private-mounts", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if min(options.rounds, options.job_rounds) < 2:
        parser.error("--rounds, --job-rounds: at least 2")
    if not options.private_mounts:
        move_into_private_mounts()
        sys.exit(f"bench: {NO_MOUNTS}")
    if not NGINX:
        sys.exit("bench: there is no nginx")
    about = setting() if options.write else ""
    built, missing = build_programs()
    for name, reason in missing.items():
        print(f"not built here: {name}: {reason}", file=sys.stderr)
    try:
        by_chain = measure(built, options.rounds)
        jobs = bench_job.measure(built.get(OURS, Path(os.environ["ZENML_LOGIN_BIN"])), options.job_rounds)
    except Unmeasurable as failure:
        sys.exit(f"bench: {failure}")
    judged = bars(by_chain)
    parts = {f"Time with an {chain} chain": time_table(measured, missing) for chain, measured in by_chain.items()}
    parts |= {"What else it takes": cost_table(by_chain["EC"]), "Whole jobs": bench_job.table(jobs),
              "Bars": markdown_table([("", "median", "p10", "bar", ""), *(bar.cells() for bar in judged)])}
    print("\n".join(f"{title}\n\n{text}" for title, text in parts.items()))
    if options.write:
        write_section(SECTION, report(parts, options, about + _versions(built)))
    return 0 if not options.check or all(bar.is_met for bar in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
