"""What `zenml-login env` writes, read again the way its consumers read it, and how it gets there."""

from __future__ import annotations

import base64
import functools
import json
import random
import re
import shutil
import stat
import time
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
from outcome import LOGIN, TOKEN, USER, check_result, login
from surroundings import bound_by_file_modes

import canary
from oracles import docker, github, gitlab, shell
from tls_server import Reply, Server
from zenml_replies import PROJECT_ID, PROJECT_NAME, Zenml

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schema" / "env.schema.json").read_text())
KEY, TOKEN_VARIABLE = "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN"
NO_DISK_CACHE = {"DISABLE_CREDENTIALS_DISK_CACHING": "true"}


def read_json(content: bytes) -> dict[str, str]:
    """A JSON object of strings, in one line."""
    assert content.endswith(b"}\n") and content.count(b"\n") == 1
    return json.loads(content)


SHELLS = [functools.partial(shell.read, shell=name) for name in ("dash", "bash")]
# Format: options, where it writes ("stdout" or a file), all who read it.
CONSUMERS = {
    "github": (["--format", "github"], "GITHUB_ENV", [github.read]),
    "gitlab": (["--format", "gitlab"], "stdout", SHELLS),
    "gitlab report": (["--format", "gitlab", "--allow-secret-artifact", "--output"], "file", [gitlab.read]),
    "shell": (["--format", "shell"], "stdout", SHELLS),
    "dotenv": (["--format", "dotenv"], "stdout", [docker.read, gitlab.read, github.read]),
    "dotenv file": (["--format=dotenv", "--output"], "file", [docker.read]),
    "json": (["--format", "json"], "stdout", [read_json]),
    "json file": (["--format", "json", "--output"], "file", [read_json]),
}
QUOTING = ("github", "gitlab", "shell", "json")


def write(name: str, server: Server, variables, folder: Path, *further: str):
    """Runs env in the format of that row of CONSUMERS: the result, and what was written where the format writes."""
    options, place, _ = CONSUMERS[name]
    path = folder / "written"
    path.unlink(missing_ok=True)
    if place == "GITHUB_ENV":
        path.write_bytes(b"")
        variables = variables | {place: path}
    elif place == "file":
        options = [*options, path]
    # Standard output of a GitHub step has the masks.
    secret_in = {path} if place == "file" else {path, "stdout"}
    result = login(server, variables, "env", *map(str, options), *further, cwd=folder, secret_in=secret_in)
    if place == "stdout":
        return result, result.out.encode("utf-8", "surrogateescape")
    return result, path.read_bytes() if path.exists() else b""


def read_by_all(name: str, content: bytes) -> dict[str, str]:
    """The variables that all consumers of a format agree on. None is empty."""
    first, *others = [read(content) for read in CONSUMERS[name][2]]
    assert all(variables == first for variables in others)
    assert all(first.values())
    return first


@pytest.fixture
def minted() -> list[str]:
    """The tokens that the server has made, in their order."""
    return []


@pytest.fixture
def server(start_server, api_key, minted) -> Server:
    """A healthy server over TLS."""
    return start_server(healthy=Zenml(api_keys={api_key}, on_token=lambda made: minted.append(canary.remember(made))))


# The written set

@pytest.mark.parametrize("name", CONSUMERS)
def test_token_mode(name, server, minted, api_key, tmp_path, binary):
    result, content = write(name, server, {KEY: api_key}, tmp_path, "--project", PROJECT_NAME)
    assert result.code == 0, result.err
    assert read_by_all(name, content) == {
        "ZENML_STORE_URL": server.url, TOKEN_VARIABLE: minted[-1], "ZENML_STORE_VERIFY_SSL": str(server.ca),
        "ZENML_ACTIVE_PROJECT_ID": PROJECT_ID} | NO_DISK_CACHE


@pytest.mark.parametrize("name", [name for name in CONSUMERS if name != "gitlab report"])
def test_key_mode(name, server, api_key, tmp_path, binary):
    result, content = write(name, server, {KEY: api_key}, tmp_path, "--credential", "key")
    assert result.code == 0, result.err
    assert read_by_all(name, content) == {
        "ZENML_STORE_URL": server.url, KEY: api_key, "ZENML_STORE_VERIFY_SSL": str(server.ca)} | NO_DISK_CACHE
    assert [str(request) for request in server.requests] == [LOGIN, USER]


@pytest.mark.parametrize("name", CONSUMERS)
def test_token_handed_on_as_it_is(name, server, api_token, tmp_path, binary):
    result, content = write(name, server, {TOKEN_VARIABLE: api_token}, tmp_path, "--allow-disk-cache")
    assert result.code == 0, result.err
    assert read_by_all(name, content) == {
        "ZENML_STORE_URL": server.url, TOKEN_VARIABLE: api_token, "ZENML_STORE_VERIFY_SSL": str(server.ca)}
    assert TOKEN not in map(str, server.requests)


@pytest.mark.parametrize("options", ([], ["--credential=key"], ["--project", PROJECT_ID], ["--allow-disk-cache"]))
def test_json_has_the_shape_of_its_schema(options, server, api_key, tmp_path, binary):
    _, content = write("json", server, {KEY: api_key}, tmp_path, *options)
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(content), SCHEMA, jsonschema.Draft202012Validator)


def test_without_ca_and_with_a_trailing_slash(start_server, api_key, tmp_path, binary):
    server = start_server(tls=None, ca=None)
    server.url_for = lambda host: f"http://{host}:{server.port}//"
    _, content = write("json", server, {KEY: api_key}, tmp_path, "--credential=key", "--allow-disk-cache")
    assert json.loads(content) == {"ZENML_STORE_URL": server.url.rstrip("/"), KEY: api_key}


def test_relative_ca_file_becomes_absolute(server, api_key, tmp_path, binary):
    shutil.copy(server.ca, tmp_path / "ca.pem")
    server.ca = "ca.pem"
    _, content = write("json", server, {KEY: api_key}, tmp_path)
    assert json.loads(content)["ZENML_STORE_VERIFY_SSL"] == str(tmp_path / "ca.pem")


@pytest.mark.parametrize("project", (PROJECT_NAME, PROJECT_ID))
def test_project(project, server, api_key, tmp_path, binary):
    result, content = write("json", server, {KEY: api_key}, tmp_path, "--project", project)
    assert result.code == 0, result.err
    assert json.loads(content)["ZENML_ACTIVE_PROJECT_ID"] == PROJECT_ID


@pytest.mark.parametrize("project", ("unknown", "a/../b c?d#é%"))
def test_unknown_project(project, server, api_key, tmp_path, binary):
    result, content = write("json", server, {KEY: api_key}, tmp_path, "--project", project)
    check_result(result, 2, "no such project", "check the name")
    assert content == b"" and unquote(server.requests[-1].path) == f"/api/v1/projects/{project}"


# The token's lifetime

@pytest.mark.parametrize("duration, seconds, minutes", (
    (None, 21600, 360), ("90", 90, 2), ("60s", 60, 1), ("1", 1, 1), ("10m", 600, 10), ("2h", 7200, 120),
    ("7d", 604800, 10080), ("007m", 420, 7),
))
def test_expires_in(duration, seconds, minutes, server, api_key, tmp_path, binary):
    before = int(time.time())
    options = ["--expires-in", duration] if duration else []
    result, content = write("json", server, {KEY: api_key}, tmp_path, *options)
    assert server.requests[-1].query == {
        "token_type": "generic", "expires_in": str(seconds), "expires_minutes": str(minutes)}
    payload = json.loads(content)[TOKEN_VARIABLE].split(".")[1]
    expiry = json.loads(base64.urlsafe_b64decode(payload + "=="))["exp"]
    assert before + seconds <= expiry <= time.time() + seconds
    assert time.strftime("valid until %Y-%m-%dT%H:%M:%SZ", time.gmtime(expiry)) in result.err


def test_the_maximum_of_the_server_is_named(server, api_key, tmp_path, binary):
    result, content = write("json", server, {KEY: api_key}, tmp_path, "--expires-in", "8d")
    check_result(result, 2, "maximum.*604800", "604800")
    assert content == b""


@pytest.mark.parametrize("credential, options", (
    (TOKEN_VARIABLE, ["--expires-in", "1h"]), (TOKEN_VARIABLE, ["--credential", "key"]),
    (KEY, ["--expires-in", "1h", "--credential", "key"]),
))
def test_options_that_contradict_the_credential(credential, options, server, api_key, api_token, tmp_path, binary):
    value = api_key if credential == KEY else api_token
    check_result(write("json", server, {credential: value}, tmp_path, *options)[0], 2, options[0], ".")
    assert server.connections == 0


# Which format

@pytest.mark.parametrize("platform, written", (
    ({"GITHUB_ACTIONS": "true"}, "GITHUB_ENV"),
    ({"GITHUB_ACTIONS": "true", "GITEA_ACTIONS": "true"}, "GITHUB_ENV"),
    ({"GITHUB_ACTIONS": "true", "GITLAB_CI": "true"}, "GITHUB_ENV"),
    ({"GITLAB_CI": "true"}, "stdout"), ({"GITHUB_ACTIONS": "false", "GITLAB_CI": "true"}, "stdout"),
))
def test_platform_found(platform, written, server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(b"")
    result = login(server, platform | {KEY: api_key, "GITHUB_ENV": path}, "env", secret_in={"stdout", path})
    assert result.code == 0, result.err
    assert (path.read_bytes() != b"") == (written == "GITHUB_ENV")
    assert ("export ZENML_STORE_URL=" in result.out) == (written == "stdout")


@pytest.mark.parametrize("platform", ({}, {"CI": "true"}, {"GITLAB_CI": "false"}, {"GITHUB_ACTIONS": "True"},
                                      {"GITHUB_ACTIONS": "1"}, {"GITHUB_ACTIONS": ""}, {"TF_BUILD": "True"}))
def test_no_platform_found(platform, server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(b"")
    result = login(server, platform | {KEY: api_key, "GITHUB_ENV": path}, "env")
    check_result(result, 14, "no CI platform", "--format|exec")
    assert server.connections == 0 and path.read_bytes() == b""


def test_an_explicit_format_goes_before_the_platform(server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    path.write_bytes(b"")
    platform = {"GITHUB_ACTIONS": "true", "GITHUB_ENV": path, KEY: api_key}
    result = login(server, platform, "env", "--format", "json", secret_in={"stdout"})
    assert TOKEN_VARIABLE in json.loads(result.out) and path.read_bytes() == b""


@pytest.mark.parametrize("kind, message", (
    ("not set", "GITHUB_ENV is not set"), ("empty", "GITHUB_ENV is not set"), ("missing", "No such file"),
    ("read-only", "denied"), ("folder", "folder|directory|regular"),
))
def test_github_without_its_file(kind, message, server, api_key, tmp_path, binary):
    path = tmp_path / "env"
    if kind == "read-only":
        path.write_bytes(b"")
        path.chmod(stat.S_IRUSR)
    elif kind == "folder":
        path.mkdir()
    variables = {"GITHUB_ACTIONS": "true", KEY: api_key}
    if kind != "not set":
        variables["GITHUB_ENV"] = "" if kind == "empty" else path
    check_result(login(server, variables, "env", wrapper=bound_by_file_modes()), 13, message)
    assert server.connections == 0


# Hostile values: a user can put text in two places that are written

HOSTILE = ("'", '"', "`", "$", "$HOME", "${x}", "$(touch pwned)", "`touch pwned`", "\\", "\\n", "%", "%25", "%0A", "#",
           " ", "  ", "\t", "\n", "\r", "\r\n", "\x1b[31m", "\x7f", "é", "\u2028", "\u0085", "\ufeff", "日本", "=", "<<",
           "<<EOF", ";", "&", "|", "*", "?", "~", "!", "::add-mask::", "##[error]", "export ", "{", "}", "(", ")", ",")


def hostile_names(count: int) -> list[str]:
    """Every hostile text by itself at the start, in the middle and at the end of a name, then random mixtures."""
    generator = random.Random(20261120)
    single = [place.replace("@", text) for text in HOSTILE for place in ("@ca", "c@a", "ca@")]
    mixed = ["".join(generator.choices(HOSTILE + ("a", "b", "1"), k=generator.randint(2, 12))) for _ in range(count)]
    return sorted({name.replace("/", "") for name in single + mixed} - {"", ".", ".."})


@pytest.mark.parametrize("name", ("github", "gitlab", "gitlab report", "shell", "dotenv", "json"))
def test_hostile_ca_file_is_exact_or_refused(name, server, api_token, tmp_path, binary):
    ca, written = server.ca, 0
    for file_name in hostile_names(15):
        server.ca = tmp_path / file_name
        shutil.copy(ca, server.ca)
        result, content = write(name, server, {TOKEN_VARIABLE: api_token}, tmp_path)
        server.ca.unlink()
        assert not (tmp_path / "pwned").exists()
        if result.code == 14:
            check_result(result, 14, "ZENML_STORE_VERIFY_SSL", ".")
            assert content == b""
            continue
        assert result.code == 0, (file_name, result.err)
        assert read_by_all(name, content)["ZENML_STORE_VERIFY_SSL"] == str(tmp_path / file_name), file_name
        written += 1
    # What quoting can express is not refused; "=", "%", "," and letters need none.
    assert written >= (60 if name in QUOTING else 10)


URL_PATHS = [f"/z{text}en" for text in HOSTILE] + [
    "/a/b", "/a//b", "/a/./b", "/a/../b", "/..", "/%2e%2e/", "/a;b=c", "/$(touch%20pwned)", "/'", "/a'b'c", "/''",
    "/~user", "/a@b", "/a:b", "/[x]", "/^", "/a=b", "/=", "/<<EOF"]


@pytest.mark.parametrize("name", ("github", "gitlab", "gitlab report", "shell", "dotenv", "json"))
def test_hostile_url_is_exact_or_refused(name, start_server, api_key, api_token, tmp_path, binary):
    zenml = Zenml(api_keys={api_key})

    def under_any_prefix(request):
        at = request.target.find("/api/v1/")
        return zenml.answer(type(request)(request.method, request.target[at:], request.headers, request.body, 1))

    server = start_server({"*": under_any_prefix}, tls=None, ca=None)
    written = 0
    for path in URL_PATHS:
        server.url_for = lambda host, path=path: f"http://{host}:{server.port}{path}"
        result, content = write(name, server, {TOKEN_VARIABLE: api_token}, tmp_path)
        assert result.code in (0, 2, 14) and not (tmp_path / "pwned").exists(), (path, result.err)
        if result.code != 0:
            assert content == b""
            continue
        url = read_by_all(name, content)["ZENML_STORE_URL"]
        assert url == server.url.rstrip("/") or "/." in path or "%2e" in path, path
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+(/.*[^/])?", url)
        written += 1
    assert written >= (25 if name in QUOTING else 8)


def test_nothing_is_written_for_a_credential_that_is_not_good(start_server, api_key, tmp_path, binary):
    server = start_server({USER: Reply(401, json={"detail": ["CredentialsNotValid", "no"]})})
    for name in CONSUMERS:
        result, content = write(name, server, {KEY: api_key}, tmp_path)
        assert (result.code, result.out, content) == (5, "", b"")
