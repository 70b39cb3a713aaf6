#!/usr/bin/env python3
"""Runs the fuzz targets one after the other. `./dev fuzz` calls this.

    run.py BUILD_TREE SECONDS [TARGET...]

BUILD_TREE is one of the preset `fuzz`. Inputs that reached something new are kept in BUILD_TREE/corpus/TARGET for the
next run; inputs that broke something are in BUILD_TREE/findings. Prints how often each target was executed; ends with
1 when one of them broke, after all have had their time.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FUZZ = Path(__file__).resolve().parent
TARGETS = sorted(path.stem.removeprefix("fuzz_") for path in FUZZ.glob("fuzz_*.c"))
LARGEST = 8192  # bytes of an input: no limit of the product on one value is beyond it
# What says best what is wrong: the condition of a target, a sanitizer's summary, or libFuzzer's last word.
FAILURES = (r".*: not true: .*", r".*: runtime error: .*", r"SUMMARY: \w*Sanitizer: .*", r"==\d+== ?ERROR: .*")


@dataclass
class Result:
    """What came of one target. `failure`: None, or what broke, in a line; `finding`: the input that did it."""

    executions: int
    seconds: int
    edges: str
    failure: str | None
    finding: str | None


def _last(pattern: str, text: str, default: str = "0") -> str:
    found = re.findall(pattern, text, re.MULTILINE)
    return found[-1] if found else default


def _failure(log: str) -> str:
    for pattern in FAILURES:
        if found := re.search(pattern, log):
            return found[0]
    return log.splitlines()[-1] if log else "no output"


def fuzz(tree: Path, target: str, seconds: int) -> Result:
    """Runs one target that long."""
    kept, findings = tree / "corpus" / target, tree / "findings"
    for folder in (kept, findings):
        folder.mkdir(parents=True, exist_ok=True)
    command = [tree / "tests/fuzz" / f"fuzz_{target}", f"-max_total_time={seconds}", f"-max_len={LARGEST}",
               "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", f"-artifact_prefix={findings}/{target}-",
               kept, FUZZ / "corpus" / target]
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, env={"PATH": os.environ["PATH"]})
    log = done.stdout.decode("utf-8", "backslashreplace")
    (tree / "findings" / f"{target}.log").write_text(log, encoding="utf-8")
    return Result(
        executions=int(_last(r"^stat::number_of_executed_units: (\d+)", log)),
        seconds=seconds,
        edges=_last(r"^#\d+\t.* cov: (\d+)", log, "-"),
        failure=None if done.returncode == 0 else _failure(log),
        finding=_last(r"Test unit written to (\S+)", log, "") or None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tree", type=Path, metavar="BUILD_TREE")
    parser.add_argument("seconds", type=int, metavar="SECONDS", help="for all targets together")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of: {' '.join(TARGETS)} (default: all)")
    options = parser.parse_args()
    targets = options.targets or TARGETS
    if unknown := set(targets) - set(TARGETS):
        parser.error(f"no such target: {' '.join(sorted(unknown))}")
    if options.seconds < len(targets):
        parser.error(f"SECONDS: at least {len(targets)}, one for each target")
    print(f"{'target':<12}{'executions':>12}{'a second':>11}{'edges':>8}")
    broken = total = 0
    for target in targets:
        result = fuzz(options.tree.resolve(), target, options.seconds // len(targets))
        total += result.executions
        print(f"{target:<12}{result.executions:>12,}{result.executions // result.seconds:>11,}{result.edges:>8}",
              flush=True)
        if result.failure:
            broken += 1
            print(f"  BROKEN: {result.failure}\n  input: {result.finding or 'none was kept'}", flush=True)
    print(f"{'all':<12}{total:>12,}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
