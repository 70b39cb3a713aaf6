"""Files that people may read who may not see secrets: GitLab's dotenv report, Bitbucket's variables for later steps."""

from __future__ import annotations

import pytest
from formats import CA, KEY, TOKEN, WAYS, read_by_all
from outcome import check_result, login

from oracles import gitlab
from tls_server import Reply
from zenml_replies import make_token

ARTIFACTS = [name for name, way in WAYS.items() if way.artifact]
ALLOWED = ["--allow-secret-artifact"]


@pytest.mark.parametrize("name", ARTIFACTS)
@pytest.mark.parametrize("credential, options, written", (
    (KEY, [], None), (KEY, ["--credential=key"], None), (TOKEN, [], None), (KEY, ALLOWED, TOKEN),
    (TOKEN, ALLOWED, TOKEN), (KEY, [*ALLOWED, "--credential=key"], None),
))
def test_secrets_are_left_out(name, credential, options, written, server, api_key, api_token, tmp_path, binary):
    """A token gets there when asked for; an API key never."""
    path = tmp_path / "artifact.env"
    path.write_bytes(b"")
    value = {KEY: api_key, TOKEN: api_token}[credential]
    result = login(server, {credential: value}, "env", "--format", WAYS[name].format, "--output", str(path), *options,
                   secret_in={path: "token"} if written else {})
    assert (result.code, result.out) == (0, "")
    read = read_by_all(name, path.read_bytes())
    assert set(read) - {written} == {"ZENML_STORE_URL", CA, "DISABLE_CREDENTIALS_DISK_CACHING"}
    assert (written in read) == bool(written)
    assert ("not handed on: the credential" in result.err) == (not written)


@pytest.mark.parametrize("name", [name for name, way in WAYS.items() if not way.artifact])
def test_the_permission_is_for_artifacts_only(name, server, api_key, tmp_path, binary):
    way, path = WAYS[name], tmp_path / "file"
    path.write_bytes(b"")
    options, place = (["--output", str(path)], {}) if way.place == "--output" else ([], {way.place: path})
    result = login(server, {KEY: api_key} | place, "env", "--format", way.format, *options, *ALLOWED)
    assert result.code == 2 and path.read_bytes() == b"" and server.connections == 0
    assert "--allow-secret-artifact" in result.err or "--output does not go" in result.err


@pytest.mark.parametrize("size", (2000, 3000, 4500, 6000))
def test_gitlab_report_is_not_larger_than_gitlab_takes(size, start_server, api_key, tmp_path, binary):
    """A token near the limit of 5 KiB: written if GitLab takes it, refused otherwise."""
    token = make_token(60, filler="x" * (size * 3 // 4))
    server = start_server({"GET /api/v1/api_token": Reply(json=token)})
    path = tmp_path / "report.env"
    result = login(server, {KEY: api_key}, "env", "--format=gitlab", "--output", str(path), *ALLOWED, "--expires-in=1h",
                   secret_in={path})
    if result.code == 0:
        assert gitlab.read(path.read_bytes())[TOKEN] == token
    else:
        assert not path.exists()
    assert (result.code == 0) == (size < 3500)


@pytest.mark.parametrize("platform", ({"GITLAB_CI": "true"}, {"BITBUCKET_BUILD_NUMBER": "7"}))
def test_the_platform_is_found(platform, server, api_key, tmp_path, binary):
    path = tmp_path / "artifact.env"
    path.write_bytes(b"")
    result = login(server, platform | {KEY: api_key}, "env", "--output", str(path))
    assert result.code == 0 and TOKEN.encode() not in path.read_bytes()


def test_a_failure_leaves_the_file_alone(start_server, api_key, tmp_path, binary):
    server = start_server({"POST /api/v1/login": Reply(401, json={"detail": ["CredentialsNotValid", "no"]})})
    path = tmp_path / "artifact.env"
    path.write_bytes(b"A=1\n")
    result = login(server, {KEY: api_key}, "env", "--format=bitbucket", "--output", str(path))
    check_result(result, 5)
    assert path.read_bytes() == b"A=1\n"
