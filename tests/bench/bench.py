"""Measures zenml-login against what a script does without it. `./dev bench` calls this.

    bench.py [--rounds N] [--write] [--check]

Every contender proves the same API key to the same test server: it logs in, asks for the current user, and checks
that this is an active service account. Each is measured twice: with the certificate authorities of the system, as it
reads them by itself, and with a file that holds a single authority.

For the first, this program moves into a mount namespace of its own, in which /etc/ssl/certs is replaced by a copy with
the test authority added. Where that is not allowed, only the second is measured, and the report says so.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import platform
import random
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent
REPORT = BENCH.parents[1] / "docs" / "BENCHMARKS.md"
SECTION = "zenml-login"
sys.path.insert(0, str(BENCH.parent / "support"))

from certs import Certificates  # noqa: E402
from keys import make_key  # noqa: E402
from tls_server import Seen, read_log, spawn  # noqa: E402
from zenml_replies import ACCOUNT_NAME  # noqa: E402

SYSTEM_CAS = Path("/etc/ssl/certs")
SYSTEM_TITLE = "Certificate authorities of the system"
ONE_TITLE = "A file with one certificate authority"
WHOAMI, ENV, CURL = "zenml-login whoami", "zenml-login env", "sh: curl, jq, curl, jq"

# The bars of --check.
WHOLE_RUN = 0.25  # of the time of CURL, with the authorities of the system
PEAK_OF_ENV = 12.0  # MB

WARM_UP_ROUNDS = 3
MEMORY_RUNS = 9


class Unmeasurable(Exception):
    """A contender failed: there is nothing to measure."""


class Timed:
    """Figures of what took `seconds` each time."""

    seconds: list[float]

    @property
    def median_ms(self) -> float:
        return statistics.median(self.seconds) * 1000

    @property
    def p10_ms(self) -> float:
        """One run of ten is faster: what the machine can do when nothing else disturbs it."""
        return statistics.quantiles(self.seconds, n=10, method="inclusive")[0] * 1000


@dataclass
class Contender(Timed):
    """A command line and its environment, what it must print, and what was measured of it."""

    name: str
    command: list[str]
    prints: str
    environment: dict[str, str]
    every: int = 1  # it takes part in every so many rounds
    seconds: list[float] = field(default_factory=list)
    peak_mb: float | None = None  # None: GNU time is missing
    processes: int | None = None  # None: strace is missing
    seen: Seen | None = None


def contenders(server: str, key_file: Path, ca: Path | None) -> list[Contender]:
    """All contenders, ours first. `ca`: the only authority to trust; None: those of the system."""
    home = {"PATH": os.environ["PATH"], "HOME": str(key_file.parent)}  # no proxy, no CA, no ~/.curlrc of the caller
    curl, python = (home | ({name: str(ca)} if ca else {}) for name in ("CURL_CA_BUNDLE", "SSL_CERT_FILE"))
    script = [server, str(key_file)]
    ours = ["--server", server, "--api-key-file", str(key_file), *(["--ca-file", str(ca)] if ca else [])]
    program = os.environ["ZENML_LOGIN_BIN"]
    return [
        Contender(WHOAMI, [program, "whoami", *ours], ACCOUNT_NAME, home),
        Contender(CURL, ["/bin/sh", str(BENCH / "curl_jq.sh"), *script], ACCOUNT_NAME, curl),
        *(Contender(f"Python: {library}", [sys.executable, str(BENCH / "python_login.py"), library, *script],
                    ACCOUNT_NAME, python) for library in ("urllib", "http.client")),
        Contender(ENV, [program, "env", "--format", "dotenv", *ours], "ZENML_STORE_API_TOKEN=", home),
    ]


# One run


class Runner:
    """Runs contenders, with their output in files of `folder`, against the server that writes `log`."""

    def __init__(self, folder: Path, log: Path):
        self.out, self.err, self.notes = (folder / name for name in ("out", "err", "notes"))
        self.log = log

    def seconds(self, contender: Contender, *wrapper: str) -> float:
        """Wall-clock time from before the start of the process until it has ended. `wrapper`: a command to start it
        with."""
        command = [*wrapper, *contender.command]
        new = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                 (os.POSIX_SPAWN_OPEN, 1, self.out, new, 0o600),
                 (os.POSIX_SPAWN_OPEN, 2, self.err, new, 0o600)]
        start = time.perf_counter()
        process = os.posix_spawnp(command[0], command, contender.environment, file_actions=files)
        status = os.waitpid(process, 0)[1]
        elapsed = time.perf_counter() - start
        code = os.waitstatus_to_exitcode(status)
        if code != 0 or contender.prints not in self.out.read_text():
            raise Unmeasurable(f"{contender.name}: exit code {code}\n{self.err.read_text()}")
        return elapsed

    def seen(self, contender: Contender) -> Seen:
        """What the server counted during one run."""
        os.truncate(self.log, 0)
        self.seconds(contender)
        return read_log(self.log)

    def peak_mb(self, contender: Contender) -> float | None:
        """Peak resident memory of its largest process, in units of 2**20 bytes; None when GNU time is missing.

        os.wait4() does not tell: a process inherits the peak of the one that started it, and this interpreter is
        larger than zenml-login. GNU time is small."""
        if not shutil.which("time"):
            return None
        self.seconds(contender, "time", "--format=%M", f"--output={self.notes}")
        return int(self.notes.read_text()) / 1024

    def processes(self, contender: Contender) -> int | None:
        """How many processes and threads one run takes; None when strace is missing."""
        if not shutil.which("strace"):
            return None
        self.seconds(contender, "strace", "--follow-forks", "--trace=none", f"--output={self.notes}")
        return self.notes.read_text().count("+++ exited")


def median_or_none(values: list[float | None]) -> float | None:
    """The median; None when nothing was measured."""
    return None if None in values else statistics.median(values)


def take_turns(runner: Runner, everyone: list[Contender], rounds: int) -> None:
    """Times the contenders. They take turns, in another order in each round."""
    for number in range(-WARM_UP_ROUNDS, rounds):
        for contender in random.sample(everyone, len(everyone)):
            if number % contender.every == 0:
                seconds = runner.seconds(contender)
                if number >= 0:
                    contender.seconds.append(seconds)


def measure(runner: Runner, everyone: list[Contender], rounds: int) -> None:
    """Fills in what was measured of each contender."""
    for contender in everyone:
        contender.seen = runner.seen(contender)
        contender.processes = runner.processes(contender)
        contender.peak_mb = median_or_none([runner.peak_mb(contender) for _ in range(MEMORY_RUNS)])
    take_turns(runner, everyone, rounds)


# The report


def _cells(one: Contender, ours: Contender) -> tuple[str, ...]:
    same_work = len(one.seen.requests) == len(ours.seen.requests)
    return (one.name, f"{one.median_ms:.1f} ms", f"{one.p10_ms:.1f} ms",
            f"{one.median_ms / ours.median_ms:.2f}" if same_work else "-",
            f"{one.peak_mb:.1f} MB" if one.peak_mb else "-",
            str(one.processes or "-"), str(one.seen.connections), str(one.seen.handshakes), str(len(one.seen.requests)))


def table(measured: list[Contender]) -> str:
    """The results as a Markdown table; ours is the first."""
    return markdown_table([
        ("", "median", "p10", "ratio", "peak memory", "processes", "connections", "TLS handshakes", "requests"),
        *(_cells(one, measured[0]) for one in measured)])


def markdown_table(rows: list[tuple[str, ...]]) -> str:
    """A Markdown table that can also be read as it stands. `rows`: of the same length, the head first."""
    first, *others = (max(map(len, column)) for column in zip(*rows))
    lines = [[row[0].ljust(first), *map(str.rjust, row[1:], others)] for row in rows]
    lines.insert(1, ["-" * first, *("-" * (width - 1) + ":" for width in others)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _first_line(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[0]


def setting() -> str:
    """The machine and the versions, as a Markdown list. Nothing in it names the machine."""
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = re.search(r"^model name\s*:\s*(.*)", file.read(), re.MULTILINE)
    bundle = SYSTEM_CAS / "ca-certificates.crt"
    authorities = bundle.read_text().count("BEGIN CERTIFICATE") if bundle.exists() else "unknown"
    lines = {
        "machine": f"{model[1] if model else platform.machine()}, {os.cpu_count()} cores",
        "load before": f"{os.getloadavg()[0]:.2f} (average of one minute)",
        "system": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, kernel {platform.release()}",
        "shell": Path("/bin/sh").resolve().name,
        "zenml-login": _first_line(os.environ["ZENML_LOGIN_BIN"], "--version").removeprefix("zenml-login "),
        "curl": _first_line("curl", "--version").removeprefix("curl "),
        "jq": _first_line("jq", "--version"),
        "Python": f"{platform.python_version()} ({ssl.OPENSSL_VERSION})",
        "authorities of the system": str(authorities),
    }
    return "".join(f"* {name}: {value}\n" for name, value in lines.items())


NO_MOUNTS = f"{SYSTEM_TITLE}: not measured, because this needs a mount namespace, which was not allowed."
AUTHORITIES = f"""\
The authorities of the system are those in {SYSTEM_CAS}, and the test's own among them. Each contender reads them the
way it does by itself: zenml-login looks up in the hashed folder the one it needs; Debian's curl parses the whole
bundle, and does so in each of its two runs; what Python does depends on how it was built."""


def write_section(title: str, text: str) -> None:
    """Writes a section of docs/BENCHMARKS.md in the place of the one with this title, or at its end; no other changes.

    A section begins with its title as a heading of the second level, which nothing inside it may be."""
    whole = REPORT.read_text() if REPORT.exists() else "# Benchmarks\n\n"
    begin, *sections = re.split(r"^(?=## )", whole, flags=re.MULTILINE)
    by_title = {section.splitlines()[0].removeprefix("## "): section.rstrip() + "\n" for section in sections}
    by_title[title] = f"## {title}\n\n{text}"
    REPORT.write_text(begin + "\n".join(by_title.values()))


def report(tables: dict[str, str], rounds: int, about: str) -> str:
    """The text of the section SECTION."""
    body = "\n".join(f"### {title}\n\n{text}" for title, text in tables.items())
    return f"""\
Made by `./dev bench --rounds {rounds} --write` on {datetime.date.today()}. Read the ratios, not the milliseconds.

{body}
* *ratio*: median divided by that of `{WHOAMI}`. `{ENV}` has none: it makes a request more, for the token.
* *p10*: one run of ten was faster.
* *peak memory*: of the largest single process, resident, in units of 2^20 bytes; the median of {MEMORY_RUNS} runs.
* *processes*: with their threads. *connections*, *TLS handshakes*, *requests*: as the server counted them.

### Setting

{about}
Every contender makes the same two requests and the same checks: log in with the API key, ask for the current user,
and refuse unless that is an active service account. They take turns, in another order in each of {rounds} rounds, after
{WARM_UP_ROUNDS} rounds that do not count. The server is the test server of this repository (TLS 1.3, a key on P-256);
the scripts are in `tests/bench/`.

{AUTHORITIES if SYSTEM_TITLE in tables else NO_MOUNTS}

### What this does not show

* A network. All is on loopback; each further connection costs round trips in addition, which is what one connection
  instead of two saves on a real network.
* A ZenML server. It checks a password hash at each login, which takes longer than all of this.
* Another machine, or this one when it is busy. Other systems build curl with other libraries, and loading those is
  much of what a short-lived program does.
"""


def check(by_title: dict[str, list[Contender]]) -> bool:
    """Says whether the bars are met, and returns it. What was not measured is missed."""
    named = {contender.name: contender for contender in by_title.get(SYSTEM_TITLE, [])}
    ratio = named[WHOAMI].median_ms / named[CURL].median_ms if named else None
    peak = named[ENV].peak_mb if named else None
    all_met = True
    for what, value, bar in ((f"time of {WHOAMI}, as part of '{CURL}'", ratio, WHOLE_RUN),
                             (f"peak memory of {ENV}, in MB", peak, PEAK_OF_ENV)):
        met = value is not None and value <= bar
        found = "not measured" if value is None else f"{value:.2f}"
        print(f"{'met' if met else 'MISSED'}: {what}: {found} (at most {bar})")
        all_met = all_met and met
    return all_met


# Putting it together


def move_into_private_mounts() -> None:
    """Starts this program anew, with --private-mounts, in a mount namespace of its own; returns only where that is not
    allowed."""
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    trial = [*unshare, "mount", "--bind", str(SYSTEM_CAS), str(SYSTEM_CAS)]
    if shutil.which("unshare") and subprocess.run(trial, check=False, stderr=subprocess.DEVNULL).returncode == 0:
        os.execvp("unshare", [*unshare, sys.executable, sys.argv[0], "--private-mounts", *sys.argv[1:]])


def run(rounds: int, private_mounts: bool) -> dict[str, list[Contender]]:
    """Measures all contenders; returns them by the title of their table."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zenml-login-bench.")))
        certificates = Certificates(folder / "certs")
        key_file, log = folder / "key", folder / "log"
        key_file.write_text(make_key())
        key_file.chmod(0o600)
        server = stack.enter_context(spawn("--cert", certificates.good.crt, "--key", certificates.good.key,
                                           "--log-file", log, "--max-seconds", 3600))["url"]
        by_title = {ONE_TITLE: contenders(server, key_file, certificates.ca)}
        if private_mounts:
            subprocess.run(["mount", "--bind", certificates.hashed_folder, SYSTEM_CAS], check=True)
            stack.callback(subprocess.run, ["umount", SYSTEM_CAS], check=True)
            by_title = {SYSTEM_TITLE: contenders(server, key_file, None)} | by_title
        measure(Runner(folder, log), sum(by_title.values(), []), rounds)
    return by_title


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="how often each contender is timed (default: 40)")
    parser.add_argument("--write", action="store_true", help=f"write the report to {REPORT.name} in docs/")
    parser.add_argument("--check", action="store_true",
                        help=f"exit with 1 unless the whole run takes at most {WHOLE_RUN} of what curl and jq take, "
                             f"and env at most {PEAK_OF_ENV:g} MB; for people: on a busy machine this says little")
    parser.add_argument("--private-mounts", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: at least 2")
    if not Path(os.environ.get("ZENML_LOGIN_BIN", "")).is_file():
        parser.error("ZENML_LOGIN_BIN must name the zenml-login binary (./dev bench sets it)")
    if not options.private_mounts:
        move_into_private_mounts()
        print(NO_MOUNTS, file=sys.stderr)
    about = setting() if options.write else ""
    try:
        by_title = run(options.rounds, options.private_mounts)
    except Unmeasurable as failure:
        sys.exit(f"bench: {failure}")
    tables = {title: table(measured) for title, measured in by_title.items()}
    print("\n".join(f"{title}\n\n{text}" for title, text in tables.items()))
    if options.write:
        write_section(SECTION, report(tables, options.rounds, about))
    return 0 if not options.check or check(by_title) else 1


if __name__ == "__main__":
    sys.exit(main())
