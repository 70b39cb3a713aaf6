"""What `zenml-login env` writes, in every format, read again the way its readers read it."""

from __future__ import annotations

import base64
import json
import shutil
import time
from pathlib import Path
from urllib.parse import unquote

import jsonschema
import pytest
from formats import CA, KEY, TOKEN, WAYS, read_by_all, write
from outcome import LOGIN, USER, check_result
from outcome import TOKEN as TOKEN_REQUEST

import canary
from tls_server import Reply, Server
from zenml_replies import PROJECT_ID, PROJECT_NAME, Zenml

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "schema" / "env.schema.json").read_text())
NO_DISK_CACHE = {"DISABLE_CREDENTIALS_DISK_CACHING": "true"}


@pytest.fixture
def minted() -> list[str]:
    """The tokens that the server has made, in their order."""
    return []


@pytest.fixture
def server(start_server, api_key, minted) -> Server:
    """A healthy server over TLS."""
    return start_server(healthy=Zenml(api_keys={api_key}, on_token=lambda made: minted.append(canary.remember(made))))


# The written set

@pytest.mark.parametrize("name", WAYS)
def test_token_mode(name, server, minted, api_key, tmp_path, binary):
    result, content = write(name, server, {KEY: api_key}, tmp_path, "--project", PROJECT_NAME)
    assert result.code == 0, result.err
    assert read_by_all(name, content) == {
        "ZENML_STORE_URL": server.url, TOKEN: minted[-1], CA: str(server.ca),
        "ZENML_ACTIVE_PROJECT_ID": PROJECT_ID} | NO_DISK_CACHE


@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if not way.artifact])
def test_key_mode(name, server, api_key, tmp_path, binary):
    result, content = write(name, server, {KEY: api_key}, tmp_path, "--credential", "key")
    assert result.code == 0, result.err
    assert read_by_all(name, content) == {
        "ZENML_STORE_URL": server.url, KEY: api_key, CA: str(server.ca)} | NO_DISK_CACHE
    assert [str(request) for request in server.requests] == [LOGIN, USER]


@pytest.mark.parametrize("name", WAYS)
def test_token_handed_on_as_it_is(name, server, api_token, tmp_path, binary):
    result, content = write(name, server, {TOKEN: api_token}, tmp_path, "--allow-disk-cache")
    assert result.code == 0, result.err
    assert read_by_all(name, content) == {
        "ZENML_STORE_URL": server.url, TOKEN: api_token, CA: str(server.ca)}
    assert TOKEN_REQUEST not in map(str, server.requests)


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
    assert json.loads(content)[CA] == str(tmp_path / "ca.pem")


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
    payload = json.loads(content)[TOKEN].split(".")[1]
    expiry = json.loads(base64.urlsafe_b64decode(payload + "=="))["exp"]
    assert before + seconds <= expiry <= time.time() + seconds
    assert time.strftime("valid until %Y-%m-%dT%H:%M:%SZ", time.gmtime(expiry)) in result.err


def test_the_maximum_of_the_server_is_named(server, api_key, tmp_path, binary):
    result, content = write("json", server, {KEY: api_key}, tmp_path, "--expires-in", "8d")
    check_result(result, 2, "maximum.*604800", "604800")
    assert content == b""


@pytest.mark.parametrize("credential, options", (
    (TOKEN, ["--expires-in", "1h"]), (TOKEN, ["--credential", "key"]),
    (KEY, ["--expires-in", "1h", "--credential", "key"]),
))
def test_options_that_contradict_the_credential(credential, options, server, api_key, api_token, tmp_path, binary):
    value = api_key if credential == KEY else api_token
    check_result(write("json", server, {credential: value}, tmp_path, *options)[0], 2, options[0], ".")
    assert server.connections == 0


def test_nothing_is_written_for_a_credential_that_is_not_good(start_server, api_key, tmp_path, binary):
    server = start_server({USER: Reply(401, json={"detail": ["CredentialsNotValid", "no"]})})
    for name in WAYS:
        result, content = write(name, server, {KEY: api_key}, tmp_path)
        assert result.code == 5
        # A shell that evaluates it fails as well.
        assert content == (b"(exit 5)\n" if WAYS[name].noted and WAYS[name].place == "stdout" else b"")
