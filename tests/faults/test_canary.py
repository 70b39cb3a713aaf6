"""The secrets canary itself: it must find what it is there to find, and nothing else."""

import base64
import json
import sys
from urllib.parse import quote

import pytest

import canary
from run import run

PRINTINGS = {
    "verbatim": lambda key: key,
    "without the prefix": lambda key: key.removeprefix("ZENKEY_"),
    "inner key": canary.secret_part,
    "clipped": lambda key: key[:140],
    "last characters": lambda key: key[-30:],
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64, shifted by one": lambda key: base64.b64encode(b"x" + key.encode()).decode(),
    "base64, shifted by two": lambda key: base64.b64encode(b"xy" + key.encode() + b"z").decode(),
    "base64url": lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
    "base64 of the inner key": lambda key: base64.b64encode(b"k=" + canary.secret_part(key).encode()).decode(),
    "URL-encoded": lambda key: quote(key, safe=""),
    "hexadecimal": lambda key: key.encode().hex(),
}


def shell(script: str, text: str, **options):
    """Runs a shell script that finds `text` in the variable TEXT."""
    return run(["-c", script], {"TEXT": text}, program="/bin/sh", **options)


@pytest.mark.parametrize("printing", PRINTINGS.values(), ids=PRINTINGS)
def test_finds_every_form(api_key, printing):
    with pytest.raises(AssertionError, match="API key shows up in stdout"):
        shell('printf "%s\\n" "see: $TEXT."', printing(api_key))


@pytest.mark.parametrize("printing", (lambda token: token, lambda token: token[-40:]), ids=("whole", "signature"))
def test_finds_a_token(api_token, printing):
    with pytest.raises(AssertionError, match="API token shows up in stderr"):
        shell('echo "$TEXT" >&2', printing(api_token))


def test_finds_a_written_file(api_key, tmp_path):
    with pytest.raises(AssertionError, match="API key shows up in .*/left-behind"):
        shell('echo "$TEXT" > left-behind', api_key, cwd=tmp_path)


def test_finds_an_appended_file(api_key, tmp_path):
    path = tmp_path / "env"
    path.write_text("A=b\n")
    with pytest.raises(AssertionError, match="API key shows up in"):
        run(["-c", 'echo "$TEXT" >> "$GITHUB_ENV"'], {"TEXT": api_key, "GITHUB_ENV": path}, program="/bin/sh")


def test_finds_the_command_line_of_a_child(api_key):
    with pytest.raises(AssertionError, match="API key shows up in argv"):
        shell('sh -c "sleep 0.3; true" "$TEXT"', api_key)


def test_allows_the_named_place_only(api_key, tmp_path):
    shell('echo "$TEXT"; echo "$TEXT" > out', api_key, cwd=tmp_path, secret_in={"stdout", tmp_path / "out"})
    with pytest.raises(AssertionError, match="API key shows up in stdout"):
        shell('echo "$TEXT"', api_key, secret_in={"stdout": "token"})


def test_leaves_innocent_output_alone(api_key, tmp_path):
    given = tmp_path / "given-key"
    given.write_text(api_key)
    identifier = base64.b64decode(api_key.removeprefix("ZENKEY_"))[7:43].decode()
    result = shell('echo "$TEXT"; cat ./given-key > /dev/null', identifier, cwd=tmp_path)
    assert result.out.strip() == identifier


def test_runs_in_a_clean_environment(monkeypatch):
    monkeypatch.setenv("ZENML_STORE_URL", "https://inherited.example.com")
    result = run(["-c", "import json, os; print(json.dumps(list(os.environ)))"], program=sys.executable)
    assert set(json.loads(result.out)) <= {"PATH", "LC_CTYPE", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS"}
