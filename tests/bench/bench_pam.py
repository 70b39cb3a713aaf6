"""Measures pam_zenml.so against what a host does without it. `./dev bench pam` calls this.

    bench_pam.py [--rounds N] [--write] [--check]

Every contender logs the same user in through libpam, with the same API key at the same test server: it asks for info,
logs in, asks for the current user, and checks that this is an active service account that a map file lists for the
user. All of it, from pam_start to pam_end, is timed inside the application (pam_login.c), a new process each time.

Needs root, for a mount namespace of its own: in it the helper is where the module looks for it, and /etc/ssl/certs is
replaced by a copy with the test authority added. Nothing outside is changed.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shlex
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from datetime import date
from math import inf
from pathlib import Path

import programs
from bench import (BENCH, SYSTEM_CAS, WARM_UP_ROUNDS, Timed, Unmeasurable, markdown_table, setting, write_section)

sys.path.insert(0, str(BENCH.parent / "pam"))

from certs import Certificates  # noqa: E402
from keys import make_key  # noqa: E402
from pam_host import PamHost, cannot_start  # noqa: E402
from tls_server import Seen, read_log, spawn  # noqa: E402
from zenml_replies import ACCOUNT_NAME  # noqa: E402

SECTION = "The PAM module"
USER, STRANGER = "alice", "mallory"  # the map lists the account for the first only
OURS, STATIC, EXEC, IN_PROCESS = ("pam_zenml, system libcurl", "pam_zenml, static helper", "pam_exec: sh, curl, jq",
                                  "libcurl inside the module")
MAP_LINES = (1, 100, 10_000)

# The bars of --check.
WHOLE_RUN = 0.3  # of the time of EXEC
PEAK_OF_HELPER = 10.0  # MB
MAP_SLOPE = 0.2  # the longest map costs at most so much more than the shortest, or less


@dataclass
class Contender(Timed):
    """A PAM service with one line, and what was measured of it. `helper`: what is to be in the helper's place."""

    name: str
    service: str
    helper: Path | None = None
    seconds: list[float] = field(default_factory=list)
    peaks_mb: list[float] = field(default_factory=list)  # of the largest process of each run
    processes: int = 0
    reads_bundle: bool = False
    seen: Seen | None = None

    @property
    def peak_mb(self) -> float:
        return statistics.median(self.peaks_mb)


# The stage


def compile_c(source: str, made: Path, *options: str) -> Path:
    """Compiles a C file of this folder."""
    subprocess.run(["cc", "-O2", "-Wall", "-Wextra", "-o", made, BENCH / source, *options, "-lpam"], check=True)
    return made


def map_lines(count: int) -> list[str]:
    """A map of so many lines; the one that counts is the last. Half of the others name their account by its id."""
    others = [f"{number:08x}-0000-4000-8000-000000000000 = user{number}" if number % 2 else
              f"account-{number} = user{number}, also{number}" for number in range(count - 1)]
    return [*others, f"{ACCOUNT_NAME} = {USER}"]


def keep_helper(host: PamHost, program: Path) -> Path | None:
    """A copy of a helper next to where the module looks for it; None when it is not built."""
    if not program.exists():
        return None
    kept = host.helper_path.with_name(f"{program.parents[1].name}-{program.name}")
    return host.write(kept, program.read_bytes(), 0o755)


def put_helper(host: PamHost, kept: Path | None) -> None:
    """Puts the kept helper in its place, as a link, so that it stays in memory."""
    if kept and not host.helper_path.samefile(kept):
        part = host.helper_path.with_suffix(".part")
        os.link(kept, part)
        part.replace(host.helper_path)


def contenders(host: PamHost, folder: Path, server: str) -> list[Contender]:
    """All contenders, ours with the shortest map first. Writes their configurations, and their services to `folder`."""
    found = []
    ours = host.publish(host.module)
    system, static = (keep_helper(host, path) for path in (host.helper, programs.STATIC_HELPER))

    def add(name: str, *line: str | Path, helper: Path | None = None) -> None:
        service = f"bench-{len(found)}"
        (folder / service).write_text(f"auth required {' '.join(map(str, line))}\n")
        found.append(Contender(name, service, helper))

    for count in MAP_LINES:
        path = host.configure(*map_lines(count), path=f"/etc/security/{count}.map")
        config = host.configure(f"server = {server}", f"map_file = {path}", path=f"/etc/security/{count}.conf")
        add(f"{OURS}, {count:,} map line{'s' * (count > 1)}", ours, f"config={config}", helper=system)
    if static:
        add(STATIC, ours, f"config=/etc/security/{MAP_LINES[0]}.conf", helper=static)
    shortest = f"/etc/security/{MAP_LINES[0]}.map"
    add(EXEC, "pam_exec.so quiet expose_authtok", BENCH / "pam_exec_curl.sh", server, shortest)
    flags = shlex.split(subprocess.run(["pkg-config", "--cflags", "--libs", "libcurl", "libcjson"], check=True,
                                       capture_output=True, text=True).stdout)
    module = compile_c("pam_in_process.c", folder / "pam_in_process.so", "-shared", "-fPIC", *flags)
    add(IN_PROCESS, module, server, shortest)
    return found


class Runner:
    """Runs contenders on `host` with the files of `folder`, against the server that writes `log`."""

    def __init__(self, host: PamHost, folder: Path, key_file: Path, log: Path):
        self.program = compile_c("pam_login.c", folder / "pam_login")
        self.host, self.folder, self.key_file, self.log = host, folder, key_file, log

    def _log_in(self, contender: Contender, user: str, *wrapper: str | Path) -> subprocess.CompletedProcess:
        put_helper(self.host, contender.helper)
        command = [*wrapper, self.program, self.folder, contender.service, user, self.key_file]
        return subprocess.run([str(word) for word in command], env={"PATH": "/usr/bin:/bin"}, cwd="/",
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)

    def run(self, contender: Contender, *wrapper: str | Path) -> tuple[float, float]:
        """Logs in once. Returns the seconds, and the peak memory of the largest process in units of 2**20 bytes."""
        done = self._log_in(contender, USER, *wrapper)
        if done.returncode != 0:
            raise Unmeasurable(f"{contender.name}: not let in: {done.stdout}{done.stderr}")
        _, microseconds, own, started = map(int, done.stdout.split())
        return microseconds / 1e6, max(own, started) / 1024

    def look_once(self, contender: Contender) -> None:
        """Fills in what is the same each time: what the server counted, and what strace sees. A contender that lets
        anybody in does not do the work."""
        if self._log_in(contender, STRANGER).returncode != 1:
            raise Unmeasurable(f"{contender.name}: does not refuse {STRANGER}")
        os.truncate(self.log, 0)
        self.run(contender)
        contender.seen = read_log(self.log)
        notes = self.folder / "strace"
        self.run(contender, "strace", "--follow-forks", "--trace=open,openat", f"--output={notes}")
        text = notes.read_text()
        contender.processes = text.count("+++ exited") + text.count("+++ killed")
        contender.reads_bundle = bool(re.search(r'ca-certificates\.crt", .* = \d+$', text, re.MULTILINE))


def measure(runner: Runner, everyone: list[Contender], rounds: int) -> None:
    """Fills in what was measured. The contenders take turns, in another order in each round."""
    for contender in everyone:
        runner.look_once(contender)
    for number in range(-WARM_UP_ROUNDS, rounds):
        for contender in random.sample(everyone, len(everyone)):
            seconds, peak_mb = runner.run(contender)
            if number >= 0:
                contender.seconds.append(seconds)
                contender.peaks_mb.append(peak_mb)


def run(rounds: int) -> list[Contender]:
    """Measures all contenders."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="zenml-login-bench.")))
        machine = folder / "machine"
        machine.mkdir()
        certificates = Certificates(folder / "certs")
        key_file, log = folder / "key", folder / "log"
        key_file.write_text(make_key())
        server = stack.enter_context(spawn("--cert", certificates.good.crt, "--key", certificates.good.key,
                                           "--log-file", log, "--max-seconds", 3600))["url"]
        hashed = certificates.hashed_folder
        host = stack.enter_context(PamHost(machine))
        # The mounts go with this process; the folder that they are on has to be free before that.
        stack.callback(subprocess.run, ["umount", "--lazy", machine], check=True)
        subprocess.run(["mount", "--bind", hashed, SYSTEM_CAS], check=True)
        for name in (USER, STRANGER):
            host.add_user(name)
        everyone = contenders(host, folder, server)
        measure(Runner(host, folder, key_file, log), everyone, rounds)
    return everyone


# The report


def _cells(one: Contender, ours: Contender) -> tuple[str, ...]:
    return (one.name, f"{one.median_ms:.1f} ms", f"{one.p10_ms:.1f} ms", f"{one.median_ms / ours.median_ms:.2f}",
            f"{one.peak_mb:.1f} MB", str(one.processes), "whole" if one.reads_bundle else "-",
            str(one.seen.connections), str(one.seen.handshakes), str(len(one.seen.requests)))


def table(measured: list[Contender]) -> str:
    """The results as a Markdown table; ours is the first."""
    head = ("", "median", "p10", "ratio", "peak memory", "processes", "CA bundle", "connections", "TLS handshakes",
            "requests")
    missing = [] if any(one.name == STATIC for one in measured) else [
        (STATIC, "not built here", *["-"] * (len(head) - 2))]
    return markdown_table([head, *(_cells(one, measured[0]) for one in measured), *missing])


def report(text: str, rounds: int, about: str) -> str:
    """The text of the section SECTION."""
    return f"""\
Made by `./dev bench pam --rounds {rounds} --write` on {date.today()}. Read the ratios, not the milliseconds.

{text}
* *ratio*: median divided by that of `pam_zenml` with a map of one line. *p10*: one login of ten was faster.
* *peak memory*: of the largest single process, resident, in units of 2^20 bytes, the median of all logins: for
  `pam_zenml` that is the helper, for libcurl inside the module the application itself.
* *processes*: with their threads, the application among them.
* *CA bundle*: *whole* when a process opens the file with all authorities, which OpenSSL parses from end to end; the
  static helper reads it only as far as it has to.
* *connections*, *TLS handshakes*, *requests*: of one login, as the server counted them.

### Setting of the PAM logins

{about}
Each login is a new process that calls pam_start, pam_authenticate and pam_end, and times just these; loading the module
is part of it, and so are starting and ending the helper. All contenders make the same three requests (info, login,
current-user) and the same checks, with the authorities of the system; each was seen to refuse a user whom the map does
not list. They take turns, in another order in each of {rounds} rounds, after {WARM_UP_ROUNDS} that do not count. The
line of the map that matters is its last. Scripts and sources are in `tests/bench/`. What is said above about the
network, the server and other machines holds here as well.
"""


def check(measured: list[Contender]) -> bool:
    """Says whether the bars are met, and returns it."""
    shortest, longest = measured[0], measured[len(MAP_LINES) - 1]
    named = {one.name: one for one in measured}
    pam_exec, static = named[EXEC], named.get(STATIC)
    slope = longest.median_ms / shortest.median_ms
    bars = (
        (f"time of {OURS}, as part of '{EXEC}'", shortest.median_ms / pam_exec.median_ms, 0, WHOLE_RUN),
        (f"time of {STATIC}, as part of '{EXEC}'", static.median_ms / pam_exec.median_ms if static else inf, 0,
         WHOLE_RUN),
        ("peak memory of the static helper, in MB", static.peak_mb if static else inf, 0, PEAK_OF_HELPER),
        (f"time with {MAP_LINES[-1]:,} map lines, as part of that with one", slope, 1 - MAP_SLOPE, 1 + MAP_SLOPE),
        ("connections of one login", len({request.connection for request in shortest.seen.requests}), 1, 1),
        ("parsing the whole CA bundle", int(shortest.reads_bundle), 0, 0),
    )
    for what, value, least, most in bars:
        met = least <= value <= most
        print(f"{'met' if met else 'MISSED'}: {what}: {value:.2f} ({least:g} to {most:g})")
    return all(least <= value <= most for _, value, least, most in bars)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="how often each contender is timed (default: 40)")
    parser.add_argument("--write", action="store_true", help="write the section to docs/BENCHMARKS.md")
    parser.add_argument("--check", action="store_true",
                        help=f"exit with 1 unless a login takes at most {WHOLE_RUN} of what pam_exec, curl and jq "
                             f"take, the static helper at most {PEAK_OF_HELPER:g} MB, and {MAP_LINES[-1]:,} map lines "
                             f"within {MAP_SLOPE:.0%} of one; for people: on a busy machine this says little")
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: at least 2")
    if reason := cannot_start():
        sys.exit(f"bench: {reason}")
    about = setting() if options.write else ""
    try:
        measured = run(options.rounds)
    except Unmeasurable as failure:
        sys.exit(f"bench: {failure}")
    text = table(measured)
    print(text)
    if options.write:
        write_section(SECTION, report(text, options.rounds, about))
    return 0 if not options.check or check(measured) else 1


if __name__ == "__main__":
    sys.exit(main())
