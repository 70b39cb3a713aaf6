"""The action in real jobs: run by act, against a real ZenML server."""

from __future__ import annotations

import base64
import datetime
import http.client
import json
import shutil
import uuid
from pathlib import Path
from typing import Callable
from urllib.parse import urlsplit

import pytest

import canary
import zenml_server
from act import Act, Run, check_out
from embeddings import embeddings, parts
from keys import make_key
from messages import Reply, Request

OUTPUTS = {"authenticated", "user", "user-id", "server-id", "server-version", "credential-kind", "expires-at",
           "server-url"}
VARIABLE = {"token": "ZENML_STORE_API_TOKEN", "key": "ZENML_STORE_API_KEY"}
ALWAYS = {"ZENML_STORE_URL", "DISABLE_CREDENTIALS_DISK_CACHING", "ZENML_LOGIN_WRITTEN"}
TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def act(ci_tools, zenml, tmp_path_factory) -> Act:
    """The runner, with the variables that the workflows use."""
    variables = {"SERVER": zenml.url, "PYTHON": shutil.which("python3"),
                 "CARELESS_PROGRAM": str(TESTS / "support" / "embeddings.py"),
                 "CLIENT_PYTHON": zenml_server.venv_program("python"),
                 "CLIENT_PROGRAM": str(TESTS / "e2e" / "pipeline.py")}
    return Act(ci_tools / "bin" / "act", tmp_path_factory.mktemp("act"), variables)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory, action_binaries) -> Path:
    """A repository with the action and the workflows."""
    return check_out(tmp_path_factory.mktemp("checkout") / "project", action_binaries)


@pytest.fixture
def login(act, checkout, account) -> Callable[..., Run]:
    """A function that runs login.yml with the account's API key; its named arguments are inputs, `_` for `-`."""
    def run(key: str | None = None, event: str = "workflow_dispatch", actor: str = "somebody", **inputs) -> Run:
        inputs = {name.replace("_", "-"): value for name, value in inputs.items()}
        return act.run(checkout, "login", key=account.key if key is None else key, event=event, actor=actor,
                       inputs=inputs)
    return run


@pytest.fixture(scope="module")
def token_job(act, checkout, account) -> Run:
    """A whole job with an API token, as job.yml has it; the key is on no command line."""
    with canary.CommandLines() as command_lines:
        run = act.run(checkout, "job", key=account.key)
    assert not canary.found_in(b"\n".join(command_lines.seen), [account.key])
    return run


@pytest.fixture(scope="module")
def key_job(act, checkout, account) -> Run:
    """The same job with the API key."""
    return act.run(checkout, "job", key=account.key, inputs={"credential": "key"})


@pytest.fixture
def tls_url(start_server, zenml) -> str:
    """The real server behind TLS, with a certificate of the tests' own authority."""
    return start_server({"*": lambda request: forward(zenml.url, request)}).url


def forward(url: str, request: Request) -> Reply:
    """The answer of the server at `url` to the request."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        connection.request(request.method, request.target, request.body,
                           request.headers | {"accept-encoding": "identity"})
        answer = connection.getresponse()
        body = answer.read()
        framing = {"content-length", "transfer-encoding", "connection"}
        headers = {name.title(): value for name, value in answer.getheaders() if name.lower() not in framing}
        return Reply(answer.status, body=body, headers=headers)
    finally:
        connection.close()


def assert_refused(run: Run, code: int, cause: str, fix: str = "") -> None:
    """The step failed with `code`, said why in an annotation and in the summary, and wrote nothing."""
    assert run.text("outcome") == "failure" and run.exit_code == code, run.log
    assert run.json("outputs")["authenticated"] == "false"
    assert run.zenml_variables("later") == {}
    (kind, properties, text), = run.annotations
    assert kind == "error" and properties["title"].startswith("ZenML login: ")
    assert cause in text and fix in text


# A whole job


@pytest.mark.parametrize("job, credential", (("token_job", "token"), ("key_job", "key")))
def test_a_later_step_has_the_variables(request, zenml, account, job, credential):
    run = request.getfixturevalue(job)
    assert run.succeeded, run.log
    variables = run.zenml_variables("later")
    assert set(variables) == ALWAYS | {VARIABLE[credential]}
    assert variables["ZENML_STORE_URL"] == zenml.url
    assert (variables[VARIABLE[credential]] == account.key) == (credential == "key")
    assert account.key not in run.variables("later").values() or credential == "key"


@pytest.mark.parametrize("job", ("token_job", "key_job"))
def test_the_zenml_client_works_in_a_later_step(request, account, job):
    run = request.getfixturevalue(job)
    told = [line for line in run.text("client").splitlines() if line.startswith("RESULT ")]
    assert json.loads(told[0].removeprefix("RESULT ")) == {"user": account.name, "is_service_account": True}
    files = [path for path in (run.evidence / "zenml").rglob("*") if path.is_file()]
    assert any(path.name == "config.yaml" for path in files)
    assert not [path for path in files if canary.found_in(path.read_bytes(), [account.key])]


def test_a_dependent_job_has_the_outputs(zenml, account, token_job):
    outputs = token_job.json("dependent")
    assert set(outputs) == OUTPUTS
    assert (outputs["authenticated"], outputs["credential-kind"]) == ("true", "api_token")
    assert (outputs["user"], outputs["user-id"]) == (account.name, account.id)
    assert outputs["server-url"] == zenml.url
    assert uuid.UUID(outputs["server-id"]) and outputs["server-version"].count(".") == 2
    lifetime = datetime.datetime.fromisoformat(outputs["expires-at"]) - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(hours=5.9) < lifetime <= datetime.timedelta(hours=6)
    assert token_job.zenml_variables("other-job") == {}


def test_outputs_of_a_key(key_job):
    outputs = key_job.json("dependent")
    assert (outputs["credential-kind"], outputs["expires-at"]) == ("api_key", "")


@pytest.mark.parametrize("job, credential", (("token_job", "token"), ("key_job", "key")))
def test_no_form_of_a_secret_is_in_the_log(request, account, job, credential):
    """One step prints the credentials in every way it can think of."""
    run = request.getfixturevalue(job)
    secrets = {account.key, run.variables("later")[VARIABLE[credential]]}
    printed = sum(len(embeddings(secret)) for secret in [account.key, *parts(account.key)])
    assert sum(line.startswith("API_KEY, ") for line in run.output.splitlines()) == printed
    assert not canary.found_in(run.log, secrets)


def test_the_work_tree_stays_as_it_was(token_job):
    assert token_job.text("files") == ""


@pytest.mark.parametrize("job, credential", (("token_job", "token"), ("key_job", "key")))
def test_clear(request, zenml, job, credential):
    run = request.getfixturevalue(job)
    assert run.zenml_variables("cleared") == {"ZENML_STORE_URL": zenml.url}
    assert run.variables("cleared")[VARIABLE[credential]] == ""


def test_summary(zenml, account, token_job):
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in token_job.summary.splitlines()}
    assert zenml.url in rows["Server"] and account.name in rows["Account"].replace("\\", "")
    assert "API token" in rows["Credential"] and token_job.json("dependent")["expires-at"] in rows["Credential"]
    assert rows["Time taken"].endswith(" ms |")


def test_twice_in_one_job(act, checkout, account):
    run = act.run(checkout, "twice", key=account.key)
    assert run.succeeded, run.log
    first, second = run.zenml_variables("first"), run.zenml_variables("second")
    assert set(first) == set(second) == ALWAYS | {VARIABLE["token"], "ZENML_ACTIVE_PROJECT_ID"}
    assert first["ZENML_STORE_API_TOKEN"] != second["ZENML_STORE_API_TOKEN"]
    assert uuid.UUID(first["ZENML_ACTIVE_PROJECT_ID"])
    left = {"ZENML_STORE_URL": first["ZENML_STORE_URL"], "ZENML_ACTIVE_PROJECT_ID": "of-this-step"}
    assert run.zenml_variables("cleared") == run.zenml_variables("cleared-again") == left


def test_steps_at_a_terminal(act, checkout, account):
    """Some runners give each step a terminal; it is them who read what is printed there."""
    run = act.run(checkout, "released", key=account.key, at_terminal=True)
    assert run.succeeded, run.log
    assert set(run.zenml_variables("later")) == ALWAYS | {VARIABLE["token"]}
    assert not canary.found_in(run.log, [account.key, run.variables("later")["ZENML_STORE_API_TOKEN"]])


def test_the_action_of_another_repository(act, checkout, account):
    run = act.run(checkout, "released", key=account.key)
    assert run.succeeded, run.log
    assert set(run.zenml_variables("later")) == ALWAYS | {VARIABLE["token"]}
    assert set(run.zenml_variables("cleared")) == {"ZENML_STORE_URL"}


def test_matrix_of_eight_jobs(act, checkout, account):
    run = act.run(checkout, "matrix", key=account.key)
    assert run.succeeded, run.log
    tokens = {run.variables(f"later-{number}")["ZENML_STORE_API_TOKEN"] for number in range(1, 9)}
    assert len(tokens) == 8 and not canary.found_in(run.log, tokens | {account.key})


# Inputs


def test_key_of_the_whole_job(act, checkout, account):
    """Later steps must not see it: the ZenML client would prefer it to the token."""
    run = act.run(checkout, "inherited", key=account.key)
    assert run.succeeded, run.log
    assert set(run.zenml_variables("later")) == ALWAYS | {VARIABLE["token"]}


def test_key_in_a_file(login, account, tmp_path):
    path = tmp_path / "key"
    path.write_text(account.key + "\n")
    run = login(key="", api_key_file=str(path), expires_in="10m")
    assert run.json("outputs")["user"] == account.name, run.log


def test_project_and_guards(login, account, zenml, token_job):
    run = login(project="default", expect_user=account.name, expires_in="10m", timeout="60",
                expect_server_id=token_job.json("dependent")["server-id"], allow_disk_cache="true")
    assert run.text("outcome") == "success", run.log
    variables = run.zenml_variables("later")
    assert uuid.UUID(variables["ZENML_ACTIVE_PROJECT_ID"])
    assert "DISABLE_CREDENTIALS_DISK_CACHING" not in variables
    expires = datetime.datetime.fromisoformat(run.json("outputs")["expires-at"])
    assert expires - datetime.datetime.now(datetime.timezone.utc) <= datetime.timedelta(minutes=10)


def test_proof_without_variables(login, account):
    run = login(export_env="false")
    assert run.text("outcome") == "success" and run.zenml_variables("later") == {}, run.log
    outputs = run.json("outputs")
    assert (outputs["user"], outputs["credential-kind"]) == (account.name, "api_key")


@pytest.mark.parametrize("give", (
    lambda ca: {"ca_file": str(ca)},
    lambda ca: {"ca_cert": ca.read_text()},
    lambda ca: {"ca_cert": base64.b64encode(ca.read_bytes()).decode()},
), ids=("ca-file", "ca-cert", "ca-cert in base64"))
def test_own_authority(login, account, certs, tls_url, give):
    run = login(server_url=tls_url, **give(certs.ca))
    assert run.json("outputs")["user"] == account.name, run.log
    path = run.zenml_variables("later")["ZENML_STORE_VERIFY_SSL"]
    assert Path(path).is_absolute() and (path == str(certs.ca) or path.startswith(str(run.evidence.parent)))


def test_the_zenml_client_with_an_own_authority(act, checkout, account, certs, tls_url):
    run = act.run(checkout, "job", key=account.key, inputs={"ca-cert": certs.ca.read_text()}, SERVER=tls_url)
    assert run.succeeded, run.log
    assert f'RESULT {{"user": "{account.name}"' in run.text("client")
    assert set(run.zenml_variables("cleared")) == {"ZENML_STORE_URL", "ZENML_STORE_VERIFY_SSL"}


# Refusals


def test_wrong_key(login):
    key = make_key()
    run = login(key=key)
    assert_refused(run, 5, "API key")
    assert not canary.found_in(run.log, [key])


def test_no_key(login):
    assert_refused(login(key=""), 3, "", "secret")


def test_no_key_in_a_pull_request(login):
    assert_refused(login(key="", event="pull_request"), 3, "", "fork")


def test_no_key_for_dependabot(login):
    assert_refused(login(key="", event="pull_request", actor="dependabot[bot]"), 3, "", "Dependabot")


def test_no_key_may_skip_the_login(login):
    run = login(key="", if_missing="skip")
    assert run.text("outcome") == "success" and run.succeeded, run.log
    assert run.json("outputs")["authenticated"] == "false" and run.zenml_variables("later") == {}
    (kind, properties, _), = run.annotations
    assert (kind, properties["title"]) == ("notice", "ZenML login skipped")


def test_a_wrong_key_is_never_skipped(login):
    assert_refused(login(key=make_key(), if_missing="skip"), 5, "API key")


@pytest.mark.parametrize("inputs, code, cause", (
    ({"expect_user": "somebody-else"}, 7, "account"),
    ({"expect_server_id": str(uuid.UUID(int=1))}, 7, "server"),
    ({"project": "nowhere"}, 2, "project"),
    ({"server_url": "http://127.0.0.1:1", "timeout": "5"}, 8, "127.0.0.1"),
    ({"server_url": "http://zenml.example.com"}, 2, "https"),
    ({"timeout": "soon"}, 2, "timeout"),
    ({"expires_in": "for ever"}, 2, "expires-in"),
    ({"expires_in": "400d"}, 2, "expires-in"),
    ({"ca_file": "/nowhere/ca.pem"}, 2, "CA file"),
), ids=("user", "server id", "project", "nobody listens", "plain http", "timeout", "lifetime", "lifetime too long",
        "CA file"))
def test_refused(login, inputs, code, cause):
    assert_refused(login(**inputs), code, cause)


def test_not_a_zenml_server(login, start_server, certs):
    other = start_server({"*": Reply(404, body="<html>", content_type="text/html")})
    assert_refused(login(server_url=other.url, ca_file=str(certs.ca)), 12, "ZenML")


def test_unknown_authority(login, tls_url):
    assert_refused(login(server_url=tls_url), 9, "")


@pytest.mark.parametrize("inputs", ({"ca_cert": "not a certificate!"}, {"ca_cert": "bm90IGEgY2VydGlmaWNhdGU="}))
def test_ca_cert_without_a_certificate(login, tls_url, inputs):
    assert_refused(login(server_url=tls_url, **inputs), 2, "")


def test_two_cas(login, certs, tls_url):
    assert_refused(login(server_url=tls_url, ca_file=str(certs.ca), ca_cert=certs.ca.read_text()), 2, "ca-cert")


@pytest.mark.parametrize("inputs, cause", (
    ({"export_env": "yes"}, "the input export-env takes true or false"),
    ({"allow_disk_cache": "True"}, "the input allow-disk-cache takes false or true"),
    ({"if_missing": "ignore"}, "the input if-missing takes fail or skip"),
    ({"credential": "both"}, "the input credential takes token or key"),
))
def test_strict_words(login, inputs, cause):
    run = login(**inputs)
    assert run.text("outcome") == "failure" and run.exit_code == 2, run.log
    assert run.zenml_variables("later") == {}
    (_, properties, text), = run.annotations
    assert properties["title"] == "ZenML login: usage or configuration" and cause in text


# The binary in the action's own tree


def flip_a_byte(folder: Path) -> None:
    path = next(folder.glob("linux-*/zenml-login"))
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def keep_no_sum(folder: Path) -> None:
    sums = folder / "SHA256SUMS"
    sums.write_text("".join(line for line in sums.read_text().splitlines(True) if "zenml-login" not in line))


@pytest.fixture
def tampered(act, action_binaries, account, tmp_path) -> Callable[..., Run]:
    """A function that runs login.yml after `change` was called with the folder of the binaries; the key is given."""
    def run(change: Callable[[Path], None], **inputs) -> Run:
        folder = tmp_path / "bin"
        shutil.copytree(action_binaries, folder)
        for path in folder.rglob("*"):
            path.chmod(0o755)
        change(folder)
        return act.run(check_out(tmp_path / "project", folder), "login", key=account.key, inputs=inputs)
    return run


@pytest.mark.parametrize("change", (flip_a_byte, keep_no_sum), ids=("flipped byte", "no entry"))
def test_binary_is_verified(tampered, change):
    run = tampered(change)
    assert run.text("outcome") == "failure" and run.exit_code == 2, run.log
    assert run.zenml_variables("later") == {}
    (kind, _, text), = run.annotations
    assert kind == "error" and "zenml-login" in text and "Fix: " in text


def test_a_binary_of_ones_own_is_not_compared(tampered, binary, account):
    run = tampered(flip_a_byte, binary=str(binary))
    assert run.json("outputs")["user"] == account.name, run.log
