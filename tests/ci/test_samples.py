"""The samples in README.md and the guides: each is run, or checked by those who define its language.

What is run, is run as its platform does it, with the real program against a test server; only the address of the
server is exchanged. Each must log in with the right key, and end before `python run.py` with a wrong one."""

from __future__ import annotations

import configparser
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Callable, Mapping, Sequence

import pytest

import zenml_server
from act import ACTION
from gitlab_project import Project
from keys import make_key
from messages import Reply
from oracles import azure
from run import Result, run
from samples import REPOSITORY, sample, samples
from yaml_file import documents
from zenml_admin import Admin
from zenml_replies import ACCOUNT_NAME

EXAMPLE_URL = "https://zenml.example.com"
REJECTED = 5

# What python run.py and serve.py are here: they say whom the ZenML client would be, from what it would read.
RUN = """
import json, os, urllib.request
token = os.environ.get("ZENML_STORE_API_TOKEN")
if os.environ.get("ZENML_STORE_API_KEY"):  # which the client prefers
    form = ("password=" + urllib.request.quote(os.environ["ZENML_STORE_API_KEY"], safe="")).encode()
    reply = urllib.request.urlopen(os.environ["ZENML_STORE_URL"] + "/api/v1/login", form)
    token = json.load(reply)["access_token"]
request = urllib.request.Request(os.environ["ZENML_STORE_URL"] + "/api/v1/current-user")
request.add_header("Authorization", "Bearer " + token)
kind = "key" if os.environ.get("ZENML_STORE_API_KEY") else "token"
print("CLIENT is", json.load(urllib.request.urlopen(request))["name"], "by a", kind)
"""


class Machine:
    """Where a sample runs: zenml-login, python and the scripts are there, and a server; `key` is the platform's secret.

    what_runs  the exit code and the output of everything that was run, in its order
    """

    def __init__(self, folder: Path, binary: Path, tools: Path, url: str, key: str):
        self.folder, self.tools, self.url, self.key = folder, tools, url, key
        self.bin = folder / "bin"
        self.bin.mkdir()
        (self.bin / "zenml-login").symlink_to(binary)
        (self.bin / "python").symlink_to(os.path.realpath(sys.executable))
        self.work = folder / "work"
        self.work.mkdir()
        for name in ("run.py", "serve.py"):
            (self.work / name).write_text(RUN)

    def text(self, name: str) -> str:
        """The sample, with our server."""
        return sample(name).replace(EXAMPLE_URL, self.url)

    def yaml(self, name: str):
        """The same, when it is YAML."""
        (document,) = documents(self.tools, self.text(name))
        return document

    def run(self, shell: Sequence[str], script: str, variables: Mapping[str, str], **options) -> Result:
        """Runs a script: `shell` is the command that takes it as its last argument."""
        program, *arguments = shell
        environment = {"PATH": f"{self.bin}:/usr/bin:/bin", "HOME": self.folder} | dict(variables)
        return run([*arguments, script], environment, program=program, cwd=self.work, **options)


@pytest.fixture
def machine(tmp_path, binary, ci_tools, start_server, api_key) -> Machine:
    return Machine(tmp_path, binary, ci_tools, start_server(tls=None).url, api_key)


# How each platform runs a job


def gitlab(job: Mapping, machine: Machine) -> Result:
    """before_script and script are one script."""
    variables = job.get("variables", {}) | {"GITLAB_CI": "true", "ZENML_API_KEY": machine.key}
    lines = job.get("before_script", []) + job["script"]
    return machine.run(["bash", "-eo", "pipefail", "-c"], "\n".join(lines), variables)


def play_gitlab(machine: Machine) -> Result:
    return gitlab(machine.yaml("gitlab")["train"], machine)


def play_readme_gitlab(machine: Machine) -> Result:
    return gitlab(machine.yaml("readme-gitlab") | {"variables": {"ZENML_STORE_URL": machine.url}}, machine)


def play_azure(machine: Machine) -> Result:
    """Steps are scripts of their own. A secret variable gets to those that map it, the others to all."""
    log = azure.Log()
    known, secrets = {"ZENML_API_KEY": machine.key}, {"ZENML_API_KEY"}
    for step in machine.yaml("azure")["steps"]:
        variables = {"TF_BUILD": "True"} | {name: value for name, value in known.items() if name not in secrets}
        variables |= {name: re.sub(r"\$\((\w+)\)", lambda macro: known[macro[1]], value)
                      for name, value in step["env"].items()}
        done = machine.run(["bash", "--noprofile", "--norc", "-c"], step["script"], variables,
                           secret_in={"stdout": "key token"})
        log.add(done.out)
        known, secrets = known | log.variables, secrets | log.secrets
        if done.code != 0:
            break
    return Result(done.code, "\n".join(log.shown), done.err)


def play_circleci(machine: Machine) -> Result:
    """Steps are scripts of their own; bash reads the file BASH_ENV before each."""
    (job,) = machine.yaml("circleci")["jobs"].values()
    bash_env = machine.folder / "bash_env"
    variables = job["environment"] | {"CIRCLECI": "true", "BASH_ENV": str(bash_env), "ZENML_API_KEY": machine.key}
    for step in job["steps"]:
        if step != "checkout":
            done = machine.run(["bash", "-eo", "pipefail", "-c"], step["run"], variables, secret_in={bash_env: "token"})
            if done.code != 0:
                break
    return done


def play_buildkite(machine: Machine) -> Result:
    (step,) = machine.yaml("buildkite")["steps"]
    assert step["secrets"] == ["ZENML_API_KEY"]
    variables = step["env"] | {"BUILDKITE": "true", "ZENML_API_KEY": machine.key}
    return machine.run(["bash", "-e", "-c"], step["command"], variables)


def play_buildkite_hook(machine: Machine) -> Result:
    """The agent sources hooks."""
    (machine.folder / "pre-command").write_text(machine.text("buildkite-hook"))
    variables = {"BUILDKITE": "true", "ZENML_STORE_URL": machine.url, "ZENML_API_KEY": machine.key}
    return machine.run(["bash", "-c"], ". ../pre-command; python run.py", variables)


def play_bitbucket(machine: Machine) -> Result:
    ((step,),) = machine.yaml("bitbucket")["pipelines"].values()
    variables = {"BITBUCKET_BUILD_NUMBER": "1", "ZENML_API_KEY": machine.key}
    return machine.run(["bash", "-e", "-c"], "\n".join(step["step"]["script"]), variables)


def play_jenkins(machine: Machine) -> Result:
    """A step `sh` is traced."""
    text = machine.text("jenkins")
    variables = dict(re.findall(r"^ *(\w+) = '(.*)'$", text, re.MULTILINE)) | {"JENKINS_URL": "http://127.0.0.1/"}
    variables |= {name: machine.key for name in re.findall(r"^ *(\w+) = credentials\('.*'\)$", text, re.MULTILINE)}
    (command,) = re.findall(r"^ *sh '(.*)'$", text, re.MULTILINE)
    return machine.run(["sh", "-xe", "-c"], command, variables)


def play_shell(machine: Machine, *shell: str) -> Result:
    return machine.run([*(shell or ["sh"]), "-c"], machine.text("shell"), {"ZENML_API_KEY": machine.key})


def play_systemd(machine: Machine) -> Result:
    """The key is in the folder of credentials that systemd makes, under the name before the colon."""
    unit = configparser.RawConfigParser()
    unit.optionxform = str
    unit.read_string(machine.text("systemd"))
    service = unit["Service"]
    name, _, source = service["LoadCredential"].partition(":")
    assert source.startswith("/")
    credentials = machine.folder / "credentials"
    credentials.mkdir()
    (credentials / name).write_text(machine.key + "\n")
    variables = dict([service["Environment"].split("=", 1)]) | {"CREDENTIALS_DIRECTORY": str(credentials)}
    program, verb, dashes, python, script = shlex.split(service["ExecStart"])
    installed = {program: machine.bin / Path(program).name, python: machine.bin / "python",
                 script: machine.work / Path(script).name}
    return run([verb, dashes, installed[python], installed[script]], variables, program=installed[program],
               cwd=machine.work)


PLAYS: Mapping[str, Callable[[Machine], Result]] = {
    "gitlab": play_gitlab, "readme-gitlab": play_readme_gitlab, "azure": play_azure, "circleci": play_circleci,
    "buildkite": play_buildkite, "buildkite-hook": play_buildkite_hook, "bitbucket": play_bitbucket,
    "jenkins": play_jenkins, "shell": play_shell, "systemd": play_systemd,
}
WITH_KEY = {"systemd"}  # exec without --credential token


@pytest.mark.parametrize("name", PLAYS)
def test_right_key(machine, name):
    done = PLAYS[name](machine)
    assert done.code == 0, done.err
    assert done.out.splitlines()[-1] == f"CLIENT is {ACCOUNT_NAME} by a {'key' if name in WITH_KEY else 'token'}"


@pytest.mark.parametrize("name", PLAYS)
def test_wrong_key(machine, name):
    machine.key = make_key()
    done = PLAYS[name](machine)
    assert done.code == REJECTED, done.out + done.err
    assert "CLIENT" not in done.out and "zenml-login: fix: " in done.err


@pytest.mark.parametrize("shell", [["bash"], ["dash"], ["busybox", "sh"]], ids=" ".join)
def test_every_shell(machine, shell):
    assert "CLIENT" in play_shell(machine, *shell).out


def test_gitlab_template(machine, binary, tmp_path):
    """With the template of this repository instead of that of a project on a server."""
    document = machine.yaml("gitlab-template")
    (include,) = document.pop("include")
    assert REPOSITORY / include["file"] == ACTION / "gitlab/login.yml" and re.fullmatch("[0-9a-f]{40}", include["ref"])
    (tmp_path / "gitlab").mkdir()
    project = Project(tmp_path / "gitlab", binary, machine.tools)
    (project.folder / "run.py").write_text(RUN)
    jobs = "\n".join(f"{name}: {json.dumps(content)}" for name, content in document.items())
    variables = {"PATH": f"{machine.bin}:/usr/bin:/bin", "ZENML_API_KEY": machine.key}
    pipeline = project.run(jobs, include["inputs"] | {"binary": "zenml-login"}, variables)
    assert pipeline.code == 0, pipeline.output
    assert f"CLIENT is {ACCOUNT_NAME} by a token" in pipeline.logs["train"]


@pytest.mark.parametrize("right", [True, False])
def test_download(start_server, binary, tmp_path, right):
    """With the address and the hash of a server here."""
    server = start_server({"*": Reply(body=binary.read_bytes(), content_type="application/octet-stream")}, tls=None)
    digest = hashlib.sha256(binary.read_bytes() + (b"" if right else b"\0")).hexdigest()
    script = re.sub("^url=.*$", f"url={server.url}/zenml-login", sample("download"), flags=re.MULTILINE)
    script = re.sub("^sha256=.*$", f"sha256={digest}", script, flags=re.MULTILINE)
    done = subprocess.run(["sh", "-ec", script], cwd=tmp_path, capture_output=True, timeout=30)
    assert (done.returncode == 0) == right
    assert os.access(tmp_path / "zenml-login", os.X_OK) == right


def test_service_account(zenml, tmp_path):
    """With the real client, logged in as the server's administrator: the key that it prints is good."""
    admin = Admin.of(zenml)
    environment = zenml_server.clean_environment(tmp_path) | {
        "ZENML_CONFIG_PATH": str(tmp_path / "config"), "ZENML_STORE_URL": zenml.url,
        "ZENML_STORE_API_TOKEN": admin.token}
    program, *arguments = shlex.split(sample("service-account"))
    done = subprocess.run([zenml_server.venv_program(program), *arguments], env=environment, text=True, timeout=120,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    try:
        key = re.search("ZENKEY_[^']+(?=')", done.stdout)  # in several lines
        assert key, done.stdout
        whoami = run(["whoami", "--server", zenml.url], {"ZENML_API_KEY": "".join(key[0].split())})
        assert whoami.code == 0 and f"account: {arguments[-1]}\n" in whoami.out, whoami.err
    finally:
        admin.request("DELETE", f"service_accounts/{arguments[-1]}")


# Workflows for GitHub: the action itself is run by test_action.py, what they say about it is compared here

WORKFLOWS = ("github", "github-forks")
STEPS = ("readme-github", "action-login", "action-logout")


def as_workflow(steps: str) -> str:
    """A workflow around the steps of a sample."""
    head = "on: push\npermissions: {}\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n"
    return head + "".join(f"      {line}\n" for line in steps.splitlines())


@pytest.mark.parametrize("name", WORKFLOWS + STEPS)
def test_workflow(lints, ci_tools, tmp_path, name):
    text = sample(name) if name in WORKFLOWS else as_workflow(sample(name))
    folder = tmp_path / ".github/workflows"
    folder.mkdir(parents=True)
    (folder / "sample.yml").write_text(text)
    lints.workflow(folder / "sample.yml", persona="regular")
    (workflow,) = documents(ci_tools, text, "BaseLoader")
    (job,) = workflow["jobs"].values()
    used = [step for step in job["steps"] if step.get("uses", "").startswith("OWNER/zenml-login/")]
    assert len(used) == 1
    folder, _, commit = used[0]["uses"].removeprefix("OWNER/zenml-login/").partition("@")
    (action,) = documents(ci_tools, (REPOSITORY / folder / "action.yml").read_text())
    assert set(used[0].get("with", {})) <= set(action["inputs"])
    outputs = re.findall(r"steps\.zenml\.outputs\.([\w-]+)", text)
    assert set(outputs) <= set(action.get("outputs", {})) and (not outputs or used[0]["id"] == "zenml")


SCHEMAS = {"gitlab": "gitlab-ci", "gitlab-template": "gitlab-ci", "azure": "azure-pipelines", "circleci": "circle-ci",
           "buildkite": "buildkite", "bitbucket": "bitbucket-pipelines"}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schema(lints, tmp_path, name):
    file = tmp_path / "sample.yml"
    file.write_text(sample(name))
    lints.schema(SCHEMAS[name], file)


# What is not run, since it takes a release


def test_attestation_is_made():
    """The file that the guide verifies is one of those that the release workflow makes and attests."""
    release = (REPOSITORY / ".github/workflows/release.yml").read_text()
    assert '"release/zenml-login-linux-$arch"' in release and "for arch in amd64 arm64" in release
    assert "actions/attest-build-provenance@" in release and "subject-path: first/linux-*/zenml-login" in release
    command = shlex.split(sample("attestation"))
    assert command == ["gh", "attestation", "verify", "zenml-login-linux-amd64", "--repo", "OWNER/zenml-login"]


def test_commands_of_dev_exist():
    """In all samples; what `./dev static` makes, tests/static proves."""
    verbs = re.findall(r"^  (\w+)", subprocess.run([REPOSITORY / "dev", "help"], capture_output=True, text=True,
                                                   check=True).stdout, re.MULTILINE)
    assert "static" in verbs
    for one in samples():
        assert set(re.findall(r"\./dev (\w+)", one.text)) <= set(verbs), one


# No sample without a check

IN_CONTAINERS = {"docker-build", "dockerfile", "dockerfile-job", "readme-dockerfile"}
CHECKED = (set(PLAYS) | set(WORKFLOWS) | set(STEPS) | set(SCHEMAS) | IN_CONTAINERS |
           {"download", "service-account", "attestation", "rebuild"})


def test_every_sample_has_a_check():
    """A transcript, and what only developers type, need none."""
    unnamed = [str(one) for one in samples() if not one.name and one.language != "console" and
               not all(line.startswith("./dev ") for line in one.text.splitlines())]
    assert not unnamed
    assert sorted(one.name for one in samples() if one.name) == sorted(CHECKED)


def test_samples_in_containers_are_checked_there():
    source = Path(__file__).with_name("test_container.py").read_text()
    assert {name for name in IN_CONTAINERS if f'sample("{name}")' in source} == IN_CONTAINERS
