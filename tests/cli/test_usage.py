"""The command line: what is refused, what is never repeated, and that help, manual page and README agree."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from secrets import token_hex

import pytest
from outcome import check_result

from run import run

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "man" / "zenml-login.1.scd"
VERBS = ("env", "exec", "whoami", "login", "clear", "doctor")
VERBS_TOLD = "env, exec, whoami, login, clear or doctor"
SERVER = "--server=https://127.0.0.1:1"
UUID = "3f0e8b1a-7c44-4e1b-8a52-6d9b0f2c1e77"

# What is typed, what the message says, what the next step is (None: any or none).
REFUSED = {
    "nothing": ([], f"command is missing: {VERBS_TOLD}", "--help"),
    "unknown verb": (["frob"], "unknown command: frob", VERBS_TOLD),
    "logout": (["logout"], "unknown command: logout", "zenml-login login --logout"),
    "help": (["help"], "unknown command: help", "zenml-login --help"),
    "key on the command line": (["env", "--api-key", "x"], "unknown option: --api-key", "--api-key-file"),
    "verb in upper case": (["ENV"], "unknown command: ENV", VERBS_TOLD),
    "option before the verb": (["--json", "whoami"], "whoami|command", "."),
    "unknown option": (["env", "--frobnicate"], "unknown option: --frobnicate", "--help"),
    "unknown letter": (["env", "-x"], "unknown option: -x", "--help"),
    "joined letters": (["whoami", "-vh"], "unknown option: -vh", "--help"),
    "abbreviated option": (["env", "--serv", "https://a"], "unknown option: --serv", "--help"),
    "single dash": (["env", "-server", "https://a"], "unknown option: -server", "--help"),
    "empty word": (["env", ""], "unexpected word", "--help"),
    "unexpected word": (["env", "more"], "unexpected word: more", "--help"),
    "word after --": (["env", "--", "more"], "unexpected word: more", "--help"),
    "option of another verb": (["whoami", "--format", "json"], "unknown option: --format", "--help"),
    "option of another verb, exec": (["exec", "--output", "f", "--", "true"], "unknown option: --output", "--help"),
    "option of another verb, env": (["env", "--json"], "unknown option: --json", "--help"),
    "option of another verb, login": (["login", "--json"], "unknown option: --json", "--help"),
    "option of login": (["whoami", "--logout"], "unknown option: --logout", "--help"),
    "option of whoami": (["env", "--min-ttl", "1h"], "unknown option: --min-ttl", "--help"),
    "server for clear": (["clear", SERVER], "unknown option: --server", "--help"),
    "word after login": (["login", "ada"], "unexpected word: ada", "--server URL"),
    "given twice": (["whoami", SERVER, SERVER], "given twice: --server", "once"),
    "flag given twice": (["whoami", "-v", "--verbose"], "given twice: --verbose", "once"),
    "loud and quiet": (["whoami", "-q", "-v"], "--verbose and --quiet exclude each other", "one of them"),
    "missing value": (["whoami", "--server"], "value is missing after --server", "--help"),
    "empty value": (["whoami", "--server="], "--server takes a URL", None),
    "empty path": (["whoami", "--ca-file", ""], "--ca-file takes a path", None),
    "empty name": (["whoami", "--expect-user="], "--expect-user takes a name", None),
    "flag with a value": (["env", "--allow-http=yes"], "--allow-http takes no value", None),
    "trust with a value": (["login", "--trusted=yes"], "--trusted takes no value", None),
    "exec without a command": (["exec"], "command to run is missing", "-- COMMAND"),
    "exec with nothing after --": (["exec", "--"], "command to run is missing", "-- COMMAND"),
    "exec without --": (["exec", "true"], "unexpected word: true", "exec -- COMMAND"),
    "unknown format": (["env", "--format", "yaml"], "github, gitlab, azure, .*, json", None),
    "unknown credential": (["env", "--credential", "both"], "--credential takes token or key", None),
    "unknown CA mode": (["env", "--ca-file=f", "--ca-mode=off"], "--ca-mode takes replace or add", None),
    "pin without its form": (["whoami", SERVER, "--pin", "key.pem"], "--pin takes sha256//", None),
    "CA mode without CA": (["env", "--ca-mode=add"], "--ca-mode add needs --ca-file", None),
    "artifact with a secret, elsewhere": (["env", "--format=shell", "--allow-secret-artifact"],
                                          "--allow-secret-artifact is for --output", None),
    "doctor, a word that it does not know": (["doctor", "ssh"], "doctor cannot look at ssh", "pam"),
    "doctor, options of pam": (["doctor", "--try"], "--try and --user are for doctor pam", None),
    "doctor pam, options of the login": (["doctor", "pam", SERVER], "doctor pam takes the server from", "leave out"),
    "doctor pam, JSON": (["doctor", "pam", "--json"], "doctor pam takes the server from", "leave out"),
}
REFUSED |= {f"--timeout {value!r}": (["login", "--timeout", value], "--timeout takes 1 to 3600 seconds", None)
            for value in ("0", "-1", "3601", "1.5", "1e3", "30s", " 30", "30 ", "0x10", "", "1" * 30, "٣")}
REFUSED |= {f"{option} {value!r}": ([verb, option, value], f"{option} takes seconds, or a number", None)
            for verb, option in (("env", "--expires-in"), ("whoami", "--min-ttl"))
            for value in ("0", "0h", "-1h", "h", "1.5h", "1w", "1hh", "6 h", "367d", "9" * 20, "1" * 15 + "d", "")}
REFUSED |= {f"--expect-server-id {value!r}": (["whoami", "--expect-server-id", value],
                                              "--expect-server-id takes a UUID", None)
            for value in ("x", UUID[:-1], UUID + "0", UUID.replace("-", ""), UUID.replace("3", "g"), f"{{{UUID}}}")}


@pytest.mark.parametrize("arguments, message, fix", REFUSED.values(), ids=REFUSED)
def test_refused(arguments, message, fix, api_key, binary):
    is_evaluated = arguments[:1] in (["env"], ["clear"])  # who would read it is not known
    check_result(run(arguments, {"ZENML_STORE_API_KEY": api_key}), 2, message, fix,
                 out="(exit 2)\n" if is_evaluated else "")


@pytest.mark.parametrize("arguments", (
    ["whoami", "--timeout", "1"], ["whoami", "--timeout=3600"], ["env", "--expires-in", "1"],
    ["env", "--expires-in", "366d"], ["env", "--expires-in", "90m"], ["whoami", "--expect-server-id", UUID.upper()],
    ["whoami", "-v", "--ca-mode", "replace"], ["env", "--credential", "key"], ["exec", "-v", "--", "--help"],
    ["whoami", "--min-ttl", "366d"], ["whoami", "--min-ttl=1"], ["login"], ["login", "--trusted", "--timeout=3600"],
    ["login", "--logout"], ["clear"], ["doctor"], ["doctor", "--timeout", "1", "--json"],
))
def test_accepted(arguments, binary):
    """These get past the command line: it is server, credential, platform or the program to run that is missing."""
    result = run(arguments)
    assert result.code in (2, 3, 14, 127), result.err
    assert re.search("no server|no credential|platform|cannot run", result.err), result.err


@pytest.mark.parametrize("arguments", (
    ["env", "--api-key={key}"], ["env", "--api-key", "{key}"], ["{key}"], ["env", "{key}"], ["--{key}"],
    ["whoami", "--timeout", "{key}"], ["whoami", "--expect-server-id={key}"], ["whoami", "--server", "{key}"],
    ["whoami", "--server", "https://{key}@127.0.0.1"], ["whoami", "--server=https://127.0.0.1/?key={key}"],
    ["env", "--format", "{key}"], ["env", "--credential={key}"], ["env", "--expires-in={key}"],
    ["whoami", "--json={key}"], ["whoami", "--", "{key}"], ["whoami", SERVER, "--ca-file={key}"],
    ["whoami", SERVER, "--pin={key}"], ["exec", "{key}"], ["exec", SERVER, "--", "{key}"],
))
def test_a_key_in_the_wrong_place_is_not_repeated(arguments, api_key, api_token, binary):
    """The command line itself cannot be kept from the process list; the job's log can."""
    arguments = [word.format(key=api_key) for word in arguments]
    result = run(arguments, {"ZENML_STORE_API_TOKEN": api_token}, secrets=[api_key], secret_in={"argv"})
    assert result.code in (2, 127), result.err


def test_no_long_word_is_repeated(binary):
    """Not every secret has the looks of one: this may be the inner part of a key, or a password."""
    word = token_hex(32)
    for arguments in ([word], ["env", word], ["env", f"--{word}"], ["whoami", "--", word]):
        assert run(arguments, secrets=[word], secret_in={"argv"}).code == 2


# Help

def text_of(*arguments: str) -> str:
    """Standard output of a command that must succeed and say nothing else."""
    result = run(arguments)
    assert (result.code, result.err) == (0, "")
    return result.out


def options_in_help(verb: str) -> set[str]:
    return set(re.findall(r"^ +(?:-\w, )?--([a-z-]+)", text_of(verb, "--help"), re.MULTILINE))


def options_in_manual() -> dict[str, set[str]]:
    """The options under each heading of the manual page's OPTIONS."""
    chapter = re.search(r"^# OPTIONS\n(.*?)^# ", MANUAL.read_text(), re.MULTILINE | re.DOTALL)[1]
    _, *parts = re.split(r"^## (.*)\n", chapter, flags=re.MULTILINE)
    return {heading: set(re.findall(r"^\*(?:-\w\*, \*)?--([a-z-]+)\*", text, re.MULTILINE))
            for heading, text in zip(parts[::2], parts[1::2])}


@pytest.mark.parametrize("arguments", (["--help"], ["-h"], *([verb, "--help"] for verb in VERBS), ["exec", "-h"],
                                       ["env", "-v", "--help", "--nonsense"], ["exec", "--help", "--", "false"]))
def test_help(arguments, binary):
    text = text_of(*arguments)
    assert text.startswith("Usage: zenml-login ") and all(len(line) <= 100 for line in text.splitlines())


@pytest.mark.parametrize("arguments", (["--version"], ["-V"], *([verb, "--version"] for verb in VERBS)))
def test_version(arguments, binary):
    assert re.fullmatch(r"zenml-login \d+\.\d+\.\d+ \(libcurl/.*\)\n", text_of(*arguments))


def test_help_of_the_program_names_every_command(binary):
    assert re.findall(r"^  (\w+) +\w+s ", text_of("--help"), re.MULTILINE) == list(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_and_manual_have_the_same_options(verb, binary):
    manual = {heading: set(re.findall(r"\w+", heading)) - {"and", "pam"} for heading in options_in_manual()}
    assert set.union(*manual.values()) == {"All", "commands", *VERBS}
    headings = [heading for heading, verbs in manual.items() if heading == "All commands" or verb in verbs]
    assert options_in_help(verb) == set.union(*(options_in_manual()[heading] for heading in headings))


def test_synopsis_and_description_name_every_command(binary):
    synopsis, description = (re.search(rf"^# {name}\n(.*?)^# ", MANUAL.read_text(), re.MULTILINE | re.DOTALL)[1]
                             for name in ("SYNOPSIS", "DESCRIPTION"))
    for form, text in ((r"^\*zenml-login (\w+)\*", synopsis), (r"^\*(\w+)(?: pam)?\*$", description)):
        assert tuple(dict.fromkeys(re.findall(form, text, re.MULTILINE))) == VERBS


def test_formats_in_manual_and_program_are_the_same(binary):
    chapter = re.search(r"^# FORMATS\n(.*?)^# ", MANUAL.read_text(), re.MULTILINE | re.DOTALL)[1]
    told = re.search("takes (.*)", run(["env", "--format", "?"]).err)[1].split(", ")
    terms = re.findall(r"^\*\w+\*(?:, \*\w+\*)*$", chapter, re.MULTILINE)
    assert re.findall(r"\w+", " ".join(terms)) == told


# Exit codes

def exit_codes_in_help() -> dict[int, str]:
    rows = text_of("--help").partition("Exit status:\n")[2].splitlines()
    return {int(code): meaning for code, meaning in (row.split(maxsplit=1) for row in rows)}


def test_exit_codes_in_manual(binary):
    table = re.findall(r"^\| +(\d+)\n: +(.*)$", MANUAL.read_text(), re.MULTILINE)
    assert {int(code): meaning for code, meaning in table} == exit_codes_in_help()


def test_exit_codes_in_readme(binary):
    table = (ROOT / "README.md").read_text().partition("| Code | Meaning |\n")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| *(\d+) *\| *(.*?) *\|$", table, re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == exit_codes_in_help()


# Manual page

def test_manual_page_builds(binary):
    if not shutil.which("scdoc"):
        pytest.skip("scdoc is not installed")
    result = subprocess.run(["scdoc"], input=MANUAL.read_bytes(), capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (0, b"")
    assert b'.TH "zenml-login" "1"' in result.stdout
