"""Measures what a person waits for: a login in a browser once it is approved, and doctor beside whoami.

    bench_login.py [--rounds N] [--login-rounds N] [--after SECONDS...] [--write] [--check]

`./dev bench login` calls this. The server is a real ZenML server with its limiter of logins on, at its default limits;
each round of logins has a new one. With the defaults this takes about a quarter of an hour, most of it waiting.
doctor and whoami are timed in addition against a server that takes less time than they do (cheap_server.py), and
counted by the test server of this repository.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from bench import (BENCH, WARM_UP_ROUNDS, Contender, Timed, Unmeasurable, markdown_table, setting, take_turns,
                   write_section)
from bench_ci import Bar, Stage, replies
from cheap_server import NGINX, cheap_server

sys.path.insert(0, str(BENCH.parent / "e2e"))

import zenml_server  # noqa: E402
from browser import BrowserLogin  # noqa: E402
from certs import EC  # noqa: E402
from keys import make_key  # noqa: E402
from zenml_admin import Account, Admin, AdminError, approve, call, log_in_with_key  # noqa: E402
from zenml_replies import ACCOUNT_NAME, make_token  # noqa: E402

SECTION = "The login of a person, and doctor"
AFTER_SECONDS = (1, 4, 6, 9, 16, 21, 25)  # 6 and 21: the program has asked a second ago
ENTER, SILENT = "Enter pressed", "nothing pressed"
LIMITED, LIMIT_PER_MINUTE = {"ZENML_SERVER_RATE_LIMIT_ENABLED": "true"}, 5
REAL, CHEAP = "ZenML server, http", "nginx, https"
TRIAL_TOKEN_SECONDS = 60  # as doctor asks for it; one that lives longer is refused

# The bars of --check.
EARLY_SECONDS, LOGIN_SECONDS = 30, 2
DOCTOR_RATIO = 3


# Logins in a browser


class WatchedLogin(BrowserLogin):
    """A login whose end is seen at once."""

    def wait(self) -> None:
        """Returns when the program has ended; it does so by itself."""
        self._process.wait()


@dataclass
class Login(Timed):
    """When a login is approved, whether the person says so, and what was measured of it."""

    way: str
    after_seconds: int
    seconds: list[float] = field(default_factory=list)  # from the reply to the approval to the end of the program
    polls: int = 0  # at most
    limited: int = 0  # polls that the limiter answered

    @property
    def worst(self) -> float:
        return max(self.seconds)

    def run(self, home: Path, server: zenml_server.ServerHandle, person: Admin) -> None:
        """Logs in once."""
        before = Path(server.log).stat().st_size
        with WatchedLogin(server.url, home) as login:
            time.sleep(self.after_seconds)
            approve(login.page, person.token)
            start = time.perf_counter()
            if self.way == ENTER:
                login.press_enter()
            login.wait()
            self.seconds.append(time.perf_counter() - start)
            result = login.finish()
        with open(server.log, encoding="utf-8", errors="replace") as log:
            log.seek(before)
            codes = re.findall(r'"POST /api/v1/login HTTP/1\.1" (\d+)', log.read())
        self.polls = max(self.polls, len(codes))
        self.limited += codes.count("429")
        # The limiter forgets an address that has logged in: the next login begins with none of these polls.
        if result.code != 0 or codes[-1:] != ["200"]:
            raise Unmeasurable(f"{self.way}, approved after {self.after_seconds} s: exit code {result.code}, "
                               f"polls answered with {codes}\n{result.err}")


def check_limiter(url: str) -> None:
    """Unmeasurable, unless the server limits logins by now: a limiter that is off stays silent, too."""
    for _ in range(LIMIT_PER_MINUTE + 1):
        try:
            log_in_with_key(url, make_key())
        except AdminError as refusal:
            if refusal.status == 429:
                return
    raise Unmeasurable(f"the server does not limit {LIMIT_PER_MINUTE + 1} refused logins")


def measure_logins(folder: Path, after: list[int], rounds: int) -> list[Login]:
    """Measures all logins, one after the other, in another order in each round."""
    logins = [Login(way, seconds) for way in (ENTER, SILENT) for seconds in after]
    for _ in range(rounds):
        with zenml_server.start(folder, LIMITED) as server:
            person = Admin.of(server)
            for login in random.sample(logins, len(logins)):
                with tempfile.TemporaryDirectory(dir=folder) as home:
                    login.run(Path(home), server, person)
            check_limiter(server.url)
    return logins


# doctor beside whoami


@dataclass
class Pair:
    """whoami and doctor at one server."""

    server: str
    whoami: Contender
    doctor: Contender

    def __iter__(self):
        return iter((self.whoami, self.doctor))

    @property
    def ratio(self) -> float:
        return self.doctor.median_ms / self.whoami.median_ms

    @property
    def ratio_of_p10(self) -> float:
        return self.doctor.p10_ms / self.whoami.p10_ms


def make_pair(server: str, url: str, key_file: Path, *options: str | Path) -> Pair:
    """Both programs with the same API key at the same server."""
    home = {"PATH": "/usr/bin:/bin", "HOME": str(key_file.parent)}
    line = [str(word) for word in ("--server", url, "--api-key-file", key_file, *options)]
    whoami, doctor = (Contender(f"{server}: {verb}", [os.environ["ZENML_LOGIN_BIN"], verb, *line], prints, home)
                      for verb, prints in (("whoami", ACCOUNT_NAME), ("doctor", "token: ok")))
    return Pair(server, whoami, doctor)


def measure_pairs(stage: Stage, rounds: int) -> tuple[list[Pair], str]:
    """Measures both programs at both servers. Returns them, and the version of ZenML."""
    pairs = []
    trusting = ("--ca-file", stage.certificates.ca)
    with zenml_server.start(stage.folder, LIMITED) as server:
        version = call(f"{server.url}/api/v1/info")["version"]
        key_file = stage.folder / "real-key"
        key_file.touch(0o600)
        key_file.write_text(Account(Admin.of(server), ACCOUNT_NAME).key)
        pairs.append(make_pair(REAL, server.url, key_file))
        take_turns(stage.runner, list(pairs[-1]), rounds)
    token, folder = make_token(24 * 3600), stage.folder / "nginx"
    folder.mkdir()
    said = replies(token) | {"/api/v1/api_token": make_token(TRIAL_TOKEN_SECONDS)}
    with cheap_server(folder, stage.certificates.chained, token, said, {"/api/v1/login", "/api/v1/info"}) as url:
        pairs.append(make_pair(CHEAP, url, stage.key_file, *trusting))
        take_turns(stage.runner, list(pairs[-1]), rounds)
    with stage.counting_server({}) as url:
        twins = [stage.runner.seen(twin) for twin in make_pair("counted", url, stage.key_file, *trusting)]
    for pair in pairs:
        pair.whoami.seen, pair.doctor.seen = twins
    return pairs, version


# The report


def login_table(logins: list[Login]) -> str:
    """A row for each time of approval."""
    by_time = {seconds: {one.way: one for one in logins if one.after_seconds == seconds}
               for seconds in sorted({one.after_seconds for one in logins})}

    def cells(one: Login) -> tuple[str, ...]:
        return (f"{statistics.median(one.seconds):.2f} s", f"{one.worst:.2f} s", str(one.polls), str(one.limited))

    return markdown_table([
        ("approved after", *(f"{way}: median" if not head else head for way in (ENTER, SILENT)
                             for head in ("", "worst", "polls", "HTTP 429"))),
        *((f"{seconds} s", *cells(ways[ENTER]), *cells(ways[SILENT])) for seconds, ways in by_time.items())])


def doctor_table(pairs: list[Pair]) -> str:
    """A row for each program at each server."""
    def cells(one: Contender, pair: Pair) -> tuple[str, ...]:
        return (one.name, f"{one.median_ms:.2f} ms", f"{one.p10_ms:.2f} ms",
                f"{one.median_ms / pair.whoami.median_ms:.2f}", str(one.seen.connections), str(len(one.seen.requests)))

    return markdown_table([("", "median", "p10", "ratio", "connections", "requests"),
                           *(cells(one, pair) for pair in pairs for one in pair)])


def bars(logins: list[Login], pairs: list[Pair]) -> list[Bar]:
    """All bars."""
    early = [one.worst for one in logins if one.way == ENTER and one.after_seconds <= EARLY_SECONDS]
    return [
        Bar(f"approved in the first {EARLY_SECONDS} s, {ENTER}: worst, in seconds", max(early, default=None),
            LOGIN_SECONDS),
        Bar("polls that the limiter answered", sum(one.limited for one in logins), 0, 0),
        *(Bar(f"{pair.server}: time of doctor, as a multiple of whoami", pair.ratio, DOCTOR_RATIO,
              p10=pair.ratio_of_p10) for pair in pairs),
    ]


def report(parts: dict[str, str], options: argparse.Namespace, about: str) -> str:
    """The text of the section SECTION."""
    body = "\n".join(f"### {title}\n\n{text}" for title, text in parts.items())
    after = " ".join(map(str, options.after))
    return f"""\
Made by `./dev bench login --rounds {options.rounds} --login-rounds {options.login_rounds} --after {after} --write` on
{date.today()}.

{body}
* *approved after*: counted from when the page was shown. *median*, *worst*: from the server's reply to the approval to
  the end of the program, of {options.login_rounds} logins.
* *{ENTER}*: right after that reply, as the program asks for it. A program that has just asked the server waits all the
  same until the server's interval is over (RFC 8628 section 3.5): 5 s after it asked.
* *{SILENT}*: the program finds out by itself. No bar: with {LIMIT_PER_MINUTE} polls a minute, it cannot know of every
  approval in the first {EARLY_SECONDS} s sooner than after {EARLY_SECONDS / LIMIT_PER_MINUTE:g} s.
* *polls*: requests of one login for its token, at most. *HTTP 429*: how many of all polls the limiter answered. Both as
  the server's log tells.
* *ratio*: median divided by that of `whoami` at the same server; the bar for p10 is the same, the median decides.
* *p10*: one run of ten was faster. *connections*, *requests*: of one run, as the test server counted them.

### Setting of these logins

{about}
The ZenML server runs on loopback, with its limiter of logins on: {LIMIT_PER_MINUTE} a minute from one address, refused
ones and polls too early included; whoever has logged in begins at none again. Each round of logins has a new server,
which was seen to limit afterwards, and takes the times of approval and both ways in another order. `whoami` and
`doctor` have the same API key, and take turns, in another order in each of {options.rounds} rounds, after
{WARM_UP_ROUNDS} that do not count. nginx has fixed replies, TLS 1.3 only, and a chain of leaf, intermediate and root on
P-256; the programs trust a file with that root.

### What these logins do not show

* A person, who takes longer to press a key than the program takes to end.
* Times of approval between these.
* Others who log in from the same address at the same time, and share its limit.
* A network and name resolution: the address is a literal. `doctor` makes one connection more than `whoami`.
"""


def parse_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=40, help="how often doctor and whoami are timed (default: 40)")
    parser.add_argument("--login-rounds", type=int, default=3, help="how often each login is timed (default: 3)")
    parser.add_argument("--after", type=int, nargs="+", default=AFTER_SECONDS, metavar="SECONDS",
                        help=f"when logins are approved (default: {' '.join(map(str, AFTER_SECONDS))})")
    parser.add_argument("--write", action="store_true", help="write the section to docs/BENCHMARKS.md")
    parser.add_argument("--check", action="store_true",
                        help=f"exit with 1 unless logins that are approved within {EARLY_SECONDS} s end within "
                             f"{LOGIN_SECONDS} s of Enter, the limiter stays silent, and doctor takes at most "
                             f"{DOCTOR_RATIO} times as long as whoami; for people: on a busy machine this says little")
    options = parser.parse_args()
    if options.rounds < 2 or options.login_rounds < 1:
        parser.error("--rounds: at least 2; --login-rounds: at least 1")
    return options


def main() -> int:
    options = parse_options()
    if not NGINX:
        sys.exit("bench: there is no nginx")
    about = setting() if options.write else ""
    try:
        with tempfile.TemporaryDirectory(prefix="zenml-login-bench.") as folder:
            pairs, version = measure_pairs(Stage(Path(folder), EC), options.rounds)
            logins = measure_logins(Path(folder), options.after, options.login_rounds)
    except (Unmeasurable, zenml_server.ServerError) as failure:
        sys.exit(f"bench: {failure}")
    judged = bars(logins, pairs)
    parts = {"From the approval to the end": login_table(logins), "doctor beside whoami": doctor_table(pairs),
             "Bars of these logins": markdown_table([("", "measured", "p10", "bar", ""),
                                                     *(bar.cells() for bar in judged)])}
    print("\n".join(f"{title}\n\n{text}" for title, text in parts.items()))
    if options.write:
        write_section(SECTION, report(parts, options, f"{about}* ZenML: {version}\n"))
    return 0 if not options.check or all(bar.is_met for bar in judged) else 1


if __name__ == "__main__":
    sys.exit(main())
