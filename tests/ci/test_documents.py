"""The action, its script, its table in the guides and the workflows: they say the same, and the linters agree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from act import ACTION
from samples import DOCUMENTS, REPOSITORY
from yaml_file import documents

SCRIPT = ACTION / "login.sh"
ACTIONS = [ACTION / "action.yml", ACTION / "clear/action.yml"]
OUR_WORKFLOWS = sorted((REPOSITORY / ".github/workflows").glob("*.yml"))

# The list: what this action promises, whatever its files say.
INPUTS = {"server-url", "api-key", "api-key-file", "credential", "expires-in", "project", "expect-user",
          "expect-server-id", "ca-file", "ca-cert", "timeout", "export-env", "allow-disk-cache", "if-missing", "binary"}
OUTPUTS = {"authenticated", "user", "user-id", "server-id", "server-version", "credential-kind", "expires-at",
           "server-url"}
WORDS = {"credential": {"token", "key"}, "export-env": {"true", "false"}, "allow-disk-cache": {"true", "false"},
         "if-missing": {"fail", "skip"}}


@pytest.fixture(scope="module")
def action(ci_tools) -> dict:
    (document,) = documents(ci_tools, (ACTION / "action.yml").read_text())
    return document


def table(heading: str) -> dict[str, list[str]]:
    """The table below a heading of action/README.md: the cells of each row by the first one."""
    section = (ACTION / "README.md").read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    return {row[0].strip("`"): row[1:] for row in rows[2:]}


def variable_of(name: str) -> str:
    """The variable by which an input reaches the script; the key goes straight to the program."""
    return "ZENML_STORE_API_KEY" if name == "api-key" else "INPUT_" + name.upper().replace("-", "_")


# The action


def test_inputs(action):
    """action.yml, the variables of its step, its script, the table of the README."""
    (step,) = action["runs"]["steps"]
    assert set(action["inputs"]) == INPUTS == set(table("Inputs"))
    assert set(step["env"]) == {variable_of(name) for name in INPUTS}
    for name in INPUTS:
        assert f"inputs.{name} " in step["env"][variable_of(name)]
    read = set(re.findall(r"\bINPUT_\w+", SCRIPT.read_text()))
    assert read == {variable_of(name) for name in INPUTS - {"api-key"}}


def test_defaults(action):
    """What the table says, and whether a wrong default could be taken for a given value."""
    for name, (default, _) in table("Inputs").items():
        given = action["inputs"][name]["default"]
        assert action["inputs"][name]["required"] is False and isinstance(given, str)
        assert given in ("", default.strip("`")), name
        assert bool(given) == (name in WORDS), name


def test_words(action):
    """The words that an input takes are the same in the script, in action.yml and in the table."""
    checked = re.findall(r"^one_of (\S+) \S+ (\w+) (\w+)$", SCRIPT.read_text(), re.MULTILINE)
    assert {name: set(words) for name, *words in checked} == WORDS
    for name, words in WORDS.items():
        default, text = table("Inputs")[name]
        assert words <= set(re.findall(r"`(\w+)`", default + text)), name
        assert words <= set(re.findall(r"\w+", " ".join(map(str, action["inputs"][name].values())))), name


def test_outputs(action):
    """action.yml, the table, and the step whose outputs they are."""
    (step,) = action["runs"]["steps"]
    assert set(action["outputs"]) == OUTPUTS == set(table("Outputs"))
    for name, output in action["outputs"].items():
        assert output["value"].startswith(f"${{{{ steps.{step['id']}.outputs.{name} ")


@pytest.mark.parametrize("file", ACTIONS, ids=lambda path: str(path.relative_to(ACTION)))
def test_everything_is_described(ci_tools, file):
    (document,) = documents(ci_tools, file.read_text())
    described = [document, *document["inputs"].values(), *document.get("outputs", {}).values()]
    assert all(entry["description"].endswith(".") for entry in described)


@pytest.mark.parametrize("file", ACTIONS, ids=lambda path: str(path.relative_to(ACTION)))
def test_no_expression_in_a_script(ci_tools, file):
    """What comes from outside reaches a script by variables only, and the shell is one that every image has."""
    (document,) = documents(ci_tools, file.read_text())
    assert document["runs"]["using"] == "composite"
    for step in document["runs"]["steps"]:
        assert "${{" not in step["run"] and step["shell"] == "sh"
    assert not re.search(r"\$\{\{(?! })|\beval\b", SCRIPT.read_text())


# Linters


def test_actions_by_linters(lints):
    lints.action(*ACTIONS)


def test_workflows_by_linters(lints):
    assert OUR_WORKFLOWS
    lints.workflow(*OUR_WORKFLOWS)
    lints.schema("dependabot", REPOSITORY / ".github/dependabot.yml")


BAD = {
    "an expression in a script": ("${GITHUB_REF}", "${{ github.event.head_commit.message }}"),
    "an unpinned action": ("@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1", "@v7"),
    "an unknown key": ("runs-on", "run-on"),
    "an unknown context": ("${GITHUB_REF}", "${{ nosuch.thing }}"),
}
GOOD = """name: test
on:
  push:
    branches: [main]
permissions: {}
concurrency:
  group: test
  cancel-in-progress: true
jobs:
  test:
    name: test
    runs-on: ubuntu-24.04
    timeout-minutes: 5
    steps:
      - uses: actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1
        with:
          persist-credentials: false
      - run: echo "${GITHUB_REF}"
"""


@pytest.mark.parametrize("fault", [None, *BAD])
def test_linters_can_fail(lints, tmp_path, fault):
    """They are quiet about a good workflow, and not about a bad one."""
    file = tmp_path / ".github/workflows/test.yml"
    file.parent.mkdir(parents=True)
    file.write_text(GOOD.replace(*BAD[fault]) if fault else GOOD)
    if not fault:
        lints.workflow(file)
        return
    with pytest.raises(AssertionError):
        lints.workflow(file)


def used_actions(folder: Path) -> list[str]:
    return [used for path in folder.rglob("*.y*ml")
            for used in re.findall(r"^[ -]*uses: *(\S+)", path.read_text(), re.MULTILINE)]


def test_foreign_actions_are_pinned():
    """By the commit. What is used from this repository begins with a dot."""
    used = used_actions(REPOSITORY / ".github") + used_actions(ACTION)
    assert used
    assert not [one for one in used if not re.fullmatch(r"\./\S+|[\w./-]+@[0-9a-f]{40}", one)]


# The guides


def test_exit_codes_of_the_guide():
    """Those that docs/ci.md explains are those of the README, which a test of the command line compares on."""
    known = set(re.findall(r"^\| (\d+) \|", (REPOSITORY / "README.md").read_text(), re.MULTILINE))
    text = (REPOSITORY / "docs/ci.md").read_text().partition("\n## When it fails\n")[2]
    explained = set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE))
    assert {"3", "4", "5"} <= explained <= known


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links(document):
    """Files and headings of this repository that a guide points to are there."""
    path = REPOSITORY / document
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", path.read_text()):
        file, _, heading = target.partition("#")
        linked = (path.parent / file).resolve() if file else path
        assert linked.exists(), target
        assert not heading or heading in headings(linked), target


def headings(path: Path) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    found = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found}
