#!/usr/bin/env python3
"""The lint of the repository: `run.py [RULE...]` checks the named rules, or all of them.

Each rule first has to find something in its canaries, bad examples next to its definition; a rule that cannot fail
proves nothing. Then it has to find nothing in the repository. Ends with 0 when both hold for every rule.
"""

import argparse
import statistics
import sys

import compiled
import functions
import layers
import texts
from house import repository

RULES = {rule.name: rule for module in (texts, layers, functions, compiled) for rule in module.RULES}


def findings_of(rule, tree):
    """What is wrong in the tree by this rule, or with the rule itself."""
    findings = rule.check(tree)
    return findings + [f"tests/lint: canary {number} is not found" for number in rule.silent_canaries()]


def summary(tree):
    """The figures of the house in one line."""
    lengths = functions.lengths(tree)
    if not lengths:
        return "no functions yet"
    return (f"{len(lengths)} functions, median {statistics.median(lengths):g} lines, longest {max(lengths)}; "
            f"{texts.test_ratio(tree):.1f} lines of tests per line of code")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("rules", metavar="RULE", nargs="*", help=f"one of: {' '.join(RULES)}")
    chosen = parser.parse_args().rules or list(RULES)
    if unknown := set(chosen) - set(RULES):
        parser.error(f"no such rule: {' '.join(sorted(unknown))} (there are: {' '.join(RULES)})")
    tree = repository()
    failed = 0
    for name in chosen:
        found = findings_of(RULES[name], tree)
        failed += bool(found)
        for finding in found:
            print(f"{finding} [{name}]")
    print(f"lint: {len(chosen) - failed} of {len(chosen)} rules hold; {summary(tree)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
