"""What login.sh leaves for GitHub's runner, read by the rules of that runner, under every shell that a job may have."""

from __future__ import annotations

import base64
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

import canary
from act import ACTION
from embeddings import embeddings, parts
from keys import make_key
from messages import Reply
from oracles import github
from run import run
from zenml_replies import ACCOUNT_ID, ACCOUNT_NAME, SERVER_ID

LOGIN = "POST /api/v1/login"
ALWAYS = {"ZENML_STORE_URL", "ZENML_STORE_VERIFY_SSL", "DISABLE_CREDENTIALS_DISK_CACHING", "ZENML_LOGIN_WRITTEN"}
FILES = ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")


@dataclass
class Job:
    """A place where login.sh can run. root: what is its root folder; start: the command that starts the shell there;
    action: the folder of the action, a copy; folder: where the job's files are; path: its PATH."""

    root: Path
    start: list[str]
    action: Path
    folder: Path
    path: str = "/usr/bin:/bin"

    def inside(self, path: Path) -> str:
        """The name that a file has for the job."""
        return f"/{path.relative_to(self.root)}"

    @property
    def binaries(self) -> Path:
        return self.action / "bin"

    def add_sums(self) -> None:
        """Makes the binaries that are there now the right ones."""
        names = sorted(str(path.relative_to(self.binaries)) for path in self.binaries.glob("linux-*/*"))
        done = subprocess.run(["sha256sum", *names], cwd=self.binaries, capture_output=True, check=True)
        (self.binaries / "SHA256SUMS").write_bytes(done.stdout)


@dataclass
class Step:
    """How a step ended: exit code, standard error, and what the runner makes of the rest."""

    code: int
    err: str
    log: github.Log
    commands: list[str]
    variables: dict[str, str]
    outputs: dict[str, str]
    summary: str

    @property
    def annotation(self) -> tuple[str, str, str]:
        """Kind, title and text of the one annotation."""
        (kind, properties, text), = (found for line in self.log.shown if (found := github.annotation(line)))
        assert set(properties) == {"title"}
        return kind, properties["title"], text


def on_this_machine(shell: str, *options: str):
    """Makes a job that runs under a shell of this machine."""
    def make(folder: Path, binaries: Path) -> Job:
        program = shutil.which(shell)
        if not program:
            pytest.skip(f"{shell} is not installed")
        shutil.copytree(ACTION, folder / "action", ignore=shutil.ignore_patterns("bin"))
        shutil.copytree(binaries, folder / "action" / "bin")
        return Job(Path("/"), [program, *options], folder / "action", folder)
    return make


def in_busybox_only(folder: Path, binaries: Path) -> Job:
    """Makes a job that has a root folder of its own, with nothing but busybox: like a container of Alpine."""
    job = on_this_machine("busybox")(folder / "root", binaries)
    for name in ("bin", "dev", "tmp"):
        (job.folder / name).mkdir()
    (job.folder / "dev" / "null").touch()  # a file does as well
    shutil.copy(*job.start, job.folder / "bin" / "busybox")
    enter = ["/usr/sbin/chroot"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--root"]
    job.start = [*enter, str(job.folder), "/bin/busybox"]
    job.root = job.folder
    done = subprocess.run([*job.start, "--install", "-s", "/bin"], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this machine does not allow {enter[0]}: {done.stderr.decode()}")
    job.start.append("ash")
    return job


SHELLS = {"dash": on_this_machine("dash"), "bash": on_this_machine("bash", "--posix", "-e"),
          "ash": on_this_machine("busybox", "ash"), "alpine": in_busybox_only}


@pytest.fixture(params=SHELLS)
def job(request, tmp_path, action_binaries) -> Job:
    """A job under each of the shells."""
    return SHELLS[request.param](tmp_path, action_binaries)


@pytest.fixture
def dash(tmp_path, action_binaries) -> Job:
    """A job under Debian's sh, which can be told other programs by its PATH; busybox prefers its own."""
    return SHELLS["dash"](tmp_path, action_binaries)


def defaults() -> dict[str, str]:
    """The inputs with their defaults, as action.yml hands them to login.sh."""
    inputs = re.findall(r"^  ([a-z-]+):\n(?:    (?!default).*\n)*    default: '?(.*?)'?$",
                        (ACTION / "action.yml").read_text(), re.MULTILINE)
    assert len(inputs) == 15
    return {f"INPUT_{name.upper().replace('-', '_')}": value for name, value in inputs if name != "api-key"}


def run_step(job: Job, server, key: str, *, folder_instead_of: str = "", **inputs: str) -> Step:
    """Runs login.sh in `job` against a test server; named arguments are inputs of the action, `_` for `-`.

    folder_instead_of: the variable whose file cannot be written, since it is a folder."""
    folder = job.folder / "runner"
    folder.mkdir()
    files = {name: folder / name for name in FILES}
    for name, path in files.items():
        if name == folder_instead_of:
            path.mkdir()
        else:
            path.write_bytes(b"BEFORE=1\n")
    ca = folder / "ca.pem"
    shutil.copy(server.ca, ca)
    given = {"server_url": server.url, "ca_file": "" if "ca_cert" in inputs else job.inside(ca)} | inputs
    environment = {"PATH": job.path, "GITHUB_ACTIONS": "true", "RUNNER_TEMP": job.inside(folder),
                   "ZENML_STORE_API_KEY": key}
    environment |= {name: job.inside(path) for name, path in files.items()} | defaults()
    environment |= {f"INPUT_{name.upper()}": value for name, value in given.items()}
    result = run([], environment, program=job.inside(job.action / "login.sh"), wrapper=job.start,
                 secret_in={"stdout": "key token", files["GITHUB_ENV"]: "token"}, timeout=60)
    log = github.Log().add(result.out)
    commands = [found[0] for line in result.out.splitlines() if (found := github.command(line))]
    added = {name: path.read_bytes().removeprefix(b"BEFORE=1\n") for name, path in files.items() if path.is_file()}
    variables, outputs, summary = (added.get(name, b"") for name in FILES)
    return Step(result.code, result.err, log, commands, github.read(variables), github.read(outputs), summary.decode())


def meanings(binary: Path) -> dict[int, str]:
    """The exit codes as `zenml-login --help` explains them."""
    return {int(code): text for code, text in re.findall(r"^ +(\d+)  (.*)$", run(["--help"]).out, re.MULTILINE)}


# What a step leaves


def test_success(job, server, api_key):
    step = run_step(job, server, api_key)
    assert step.code == 0, step.err
    assert {name for name, value in step.variables.items() if value} == ALWAYS | {"ZENML_STORE_API_TOKEN"}
    assert step.variables["ZENML_STORE_URL"] == step.outputs["server-url"] == server.url
    assert step.variables["ZENML_STORE_VERIFY_SSL"] == job.inside(job.folder / "runner" / "ca.pem")
    expected = {"authenticated": "true", "user": ACCOUNT_NAME, "user-id": ACCOUNT_ID, "server-id": SERVER_ID,
                "credential-kind": "api_token"}
    assert {name: step.outputs[name] for name in expected} == expected
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", step.outputs["expires-at"])
    assert set(step.outputs) == {*expected, "server-version", "server-url", "expires-at"}


def test_the_log_is_masked(job, server, api_key):
    step = run_step(job, server, api_key)
    assert set(step.commands) == {"add-mask"} and step.log.shown == []
    for secret in (api_key, *parts(api_key), step.variables["ZENML_STORE_API_TOKEN"]):
        for name, text in embeddings(secret).items():
            assert not canary.found_in(step.log.add(text).shown[-1], [secret]), name


def test_no_output_is_masked(job, server, api_key):
    """A masked value would be dropped from the outputs of a job."""
    step = run_step(job, server, api_key)
    for value in step.outputs.values():
        assert step.log.add(value).shown[-1] == value


def test_summary(job, server, api_key):
    step = run_step(job, server, api_key)
    title, *rows = filter(None, step.summary.splitlines())
    assert title == "### ZenML login"
    cells = {row.split(" | ")[0].strip("| "): row for row in rows}
    assert set(cells) >= {"Server", "Account", "Credential", "Time taken"}
    assert server.url in cells["Server"] and ACCOUNT_NAME in cells["Account"].replace("\\", "")
    assert step.outputs["expires-at"] in cells["Credential"]


def test_a_summary_that_cannot_be_written_fails_nothing(job, server, api_key):
    step = run_step(job, server, api_key, folder_instead_of="GITHUB_STEP_SUMMARY")
    assert step.code == 0 and step.outputs["authenticated"] == "true", step.err


@pytest.mark.parametrize("variable", ("GITHUB_ENV", "GITHUB_OUTPUT"))
def test_variables_and_outputs_or_neither(job, server, api_key, binary, variable):
    step = run_step(job, server, api_key, folder_instead_of=variable)
    assert step.code == 13 and step.annotation[1] == f"ZenML login: {meanings(binary)[13]}"
    assert (step.variables, step.outputs.get("user")) == ({}, None) and server.connections == 0


def test_proof_only(job, server, api_key):
    step = run_step(job, server, api_key, export_env="false")
    assert step.code == 0 and step.variables == {}, step.err
    assert (step.outputs["authenticated"], step.outputs["credential-kind"]) == ("true", "api_key")


@pytest.mark.parametrize("encode", (bytes, base64.b64encode, base64.encodebytes), ids=("PEM", "base64", "in lines"))
def test_ca_cert(job, server, api_key, encode):
    step = run_step(job, server, api_key, ca_cert=encode(server.ca.read_bytes()).decode())
    assert step.code == 0, step.err
    path = Path(job.root, step.variables["ZENML_STORE_VERIFY_SSL"].lstrip("/"))
    assert path.read_text().strip() == server.ca.read_text().strip()
    assert path.parent.parent == job.folder / "runner"
    assert [stat.S_IMODE(entry.stat().st_mode) for entry in (path, path.parent)] == [0o600, 0o700]


# Failures


@pytest.mark.parametrize("reply, code", (
    (Reply(401, json={"detail": "Authentication error: invalid"}), 5),
    (Reply(403, json={"detail": "no"}), 6),
    (Reply(429, json={"error": "Rate limit exceeded"}), 10),
    (Reply(500, json={"detail": "boom"}), 11),
    (Reply(200, json={"access_token": ""}), 11),
    (Reply(307, headers={"Location": "https://example.com/"}), 12),
))
def test_failure_on_the_server(dash, start_server, api_key, binary, reply, code):
    server = start_server({LOGIN: reply})
    step = run_step(dash, server, api_key)
    assert step.code == code, step.err
    assert (step.variables, step.outputs) == ({}, {"authenticated": "false"})
    kind, title, text = step.annotation
    assert (kind, title) == ("error", f"ZenML login: {meanings(binary)[code]}")
    cause, fix = re.fullmatch(r"zenml-login: (.*)\nzenml-login: fix: (.*)\n", step.err).groups()
    assert text == f"{cause}. Fix: {fix}"
    assert [line.replace("\\", "") for line in step.summary.splitlines() if line] == [
        f"### {title}", cause, f"Fix: {fix}"]


@pytest.mark.parametrize("detail", (
    "::add-mask::x", "\n::error::x", "\r\n::set-env name=PATH::/", "##[add-mask]x", "%0A::error::x", "a]b;c,d:e%25",
    "\x1b[2J", "<img src=x>| a | b |", "`x` [y](https://example.com)", "x" * 100_000,
))
def test_hostile_words_of_a_server(dash, start_server, api_key, detail):
    step = run_step(dash, start_server({LOGIN: Reply(401, json={"detail": detail})}), api_key)
    assert step.code == 5, step.err
    assert step.commands == ["error"] and len(step.log.shown) == 1
    assert len(step.log.shown[0]) < 1000
    text = re.sub(r"\\.", "", step.summary)  # what is left when the escaped characters are taken for what they are
    assert len(step.summary) < 2000 and not re.search(r"[<>\[\]`|]", text)


def test_failure_of_the_script(job, server, api_key, binary):
    step = run_step(job, server, api_key, export_env="yes")
    assert step.code == 2 and step.variables == {}
    kind, title, text = step.annotation
    assert (kind, title) == ("error", f"ZenML login: {meanings(binary)[2]}")
    assert "export-env takes true or false" in text and "Fix: " in text
    assert step.err.startswith("zenml-login: ")


@pytest.mark.parametrize("name, accepted", (("export_env", "true or false"), ("allow_disk_cache", "false or true"),
                                            ("if_missing", "fail or skip"), ("credential", "token or key")))
@pytest.mark.parametrize("value", ("", "True", "TRUE", "no", "0", " true", "true\n::error::x", "$(id)", "*", "--help",
                                   "tru", "truefalse", "token key"))
def test_strict_words(dash, server, api_key, name, accepted, value):
    step = run_step(dash, server, api_key, **{name: value})
    assert step.code == 2 and f"{name.replace('_', '-')} takes {accepted}" in step.annotation[2]
    assert step.commands == ["error"] and server.connections == 0


def test_two_certificates_inputs(job, server, api_key):
    step = run_step(job, server, api_key, ca_cert=server.ca.read_text(), ca_file="/ca.pem")
    assert step.code == 2 and "ca-cert" in step.annotation[2]


def test_skipped(job, server):
    step = run_step(job, server, "", if_missing="skip")
    assert (step.code, step.variables, step.outputs) == (0, {}, {"authenticated": "false"})
    assert step.annotation[:2] == ("notice", "ZenML login skipped")


def test_wrong_key(job, server):
    key = make_key()
    step = run_step(job, server, key)
    assert step.code == 5 and step.outputs == {"authenticated": "false"}
    assert not canary.found_in("\n".join(step.log.shown) + step.summary, [key])


# Which binary


def change_a_byte(folder: Path) -> None:
    with open(folder / "linux-amd64" / "zenml-login", "r+b") as file:
        file.seek(4000)
        file.write(b"changed")


def name_another_file(folder: Path) -> None:
    sums = folder / "SHA256SUMS"
    sums.write_text(sums.read_text().replace("linux-amd64/zenml-login", "linux-amd64/zenml-login.old"))


@pytest.mark.parametrize("change", (
    change_a_byte,
    name_another_file,
    lambda folder: (folder / "SHA256SUMS").write_text(""),
    lambda folder: (folder / "SHA256SUMS").unlink(),
    lambda folder: shutil.copy(folder / "linux-arm64" / "zenml-login", folder / "linux-amd64" / "zenml-login"),
    lambda folder: shutil.rmtree(folder / "linux-amd64"),
), ids=("changed", "no entry", "empty sums", "no sums", "of another machine", "no binary"))
def test_another_binary_is_refused(job, server, api_key, change):
    change(job.binaries)
    step = run_step(job, server, api_key)
    assert step.code == 2 and "bin/linux-amd64/zenml-login" in step.annotation[2]
    assert step.variables == {} and server.connections == 0


def test_no_program_for_sums(dash, server, api_key):
    programs = dash.folder / "programs"
    programs.mkdir()
    for name in ("uname", "dirname", "grep"):
        (programs / name).symlink_to(shutil.which(name))
    dash.path = str(programs)
    step = run_step(dash, server, api_key)
    assert step.code == 2 and "no sha256sum" in step.annotation[2]
    assert server.connections == 0


def pretend(job: Job, system: str, machine: str) -> None:
    """Has `uname` name another machine."""
    uname = job.folder / "uname"
    uname.write_text(f"#!/bin/sh\ncase $1 in -s) echo {system} ;; -m) echo {machine} ;; esac\n")
    uname.chmod(0o755)
    job.path = f"{job.folder}:{job.path}"


@pytest.mark.parametrize("system, machine", (("Linux", "riscv64"), ("Darwin", "x86_64"), ("Linux", "armv7l")))
def test_machine_without_a_binary(dash, server, api_key, binary, system, machine):
    pretend(dash, system, machine)
    step = run_step(dash, server, api_key)
    kind, title, text = step.annotation
    assert (step.code, kind, title) == (14, "error", f"ZenML login: {meanings(binary)[14]}")
    assert machine in text and system in text


def test_arm64(dash, server, api_key):
    """The binary for arm64, by an emulator, is picked where `uname` names that machine."""
    emulator = shutil.which("qemu-aarch64-static")
    if not emulator:
        pytest.skip("qemu-aarch64-static is not installed")
    pretend(dash, "Linux", "aarch64")
    program = dash.binaries / "linux-arm64" / "zenml-login"
    real = shutil.move(program, dash.folder / "for-arm64")
    program.write_text(f'#!/bin/sh\nexec {emulator} {real} "$@"\n')
    program.chmod(0o755)
    shutil.rmtree(dash.binaries / "linux-amd64")
    dash.add_sums()
    step = run_step(dash, server, api_key)
    assert step.code == 0, step.err
    assert step.outputs["user"] == ACCOUNT_NAME and step.variables["ZENML_STORE_API_TOKEN"]
