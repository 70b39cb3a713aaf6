"""The image of action/container, and the examples beside it, in containers of a Docker daemon of our own.

The examples come from files and guides as they are. Only the server's address is exchanged, and for the image of
Python stands one whose `python` runs shell scripts."""

from __future__ import annotations

import io
import json
import os
import platform
import re
import shlex
import tarfile
import tempfile
from pathlib import Path

import pytest

import docker_daemon
from act import ACTION
from keys import make_key
from samples import REPOSITORY, sample
from yaml_file import documents
from zenml_replies import ACCOUNT_NAME

EXAMPLES = ACTION / "container"
EXAMPLE_URL = "https://zenml.example.com"
SECRET = "/run/secrets/zenml_store_api_key"
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
MACHINE = {"amd64": 62, "arm64": 183}  # e_machine in the ELF header
NOBODY = 65534
# As little as a container can be given; the host's loopback has the test server.
HARD = ["--pull=never", "--network=host", "--read-only", f"--user={NOBODY}:{NOBODY}", "--cap-drop=ALL",
        "--security-opt=no-new-privileges"]
MISSING, REJECTED, TLS, CANNOT_RUN, NOT_FOUND = 3, 5, 9, 126, 127


@pytest.fixture(scope="module")
def docker():
    """The Docker of these tests."""
    with tempfile.TemporaryDirectory(prefix="zn-docker-") as folder:  # a short path, for the socket
        try:
            with docker_daemon.start(Path(folder)) as running:
                yield running
        except docker_daemon.NotStarted as error:
            pytest.skip(str(error))


@pytest.fixture(scope="module")
def build(docker, tmp_path_factory):
    """A function that builds a Dockerfile, given as text, with these files beside it, as an image of that name."""
    def build(name: str, dockerfile: str, files: dict[str, str]) -> None:
        folder = tmp_path_factory.mktemp("context")
        for path, content in ({"Dockerfile": dockerfile} | files).items():
            (folder / path).write_text(content)
        done = docker("build", "--network=none", "--tag", name, folder, timeout=120)
        assert done.code == 0, done.err
    return build


@pytest.fixture(scope="module")
def image(docker, action_binaries) -> str:
    """The image of action/container/Dockerfile for this machine."""
    return build_image(docker, "zenml-login", ARCHITECTURE[platform.machine()])


def build_image(docker, name: str, architecture: str) -> str:
    """Builds that image as the guide and its own comment say, but under this name, which is returned."""
    command = sample("docker-build").strip()
    assert f"#     {command}\n" in (EXAMPLES / "Dockerfile").read_text()
    words = [str(REPOSITORY / word) if "/" in word or word == ACTION.name else word for word in shlex.split(command)]
    words[words.index("zenml-login")] = name
    done = docker(*words[1:], "--build-arg", f"TARGETARCH={architecture}", timeout=120)
    assert done.code == 0, done.err
    return name


SERVE = """
trap 'exit 42' TERM
case "$1" in
    wait) echo ready; while :; do sleep 0.05; done ;;
    *) id; echo "pid $$"; env ;;
esac
"""


@pytest.fixture(scope="module")
def app(docker, image, build) -> str:
    """The image of the guide's Dockerfile."""
    assert docker("import", "-", "python:3.12-slim", stdin=small_system()).code == 0
    build("registry.example.com/app:1.0.0", sample("dockerfile"), {"serve.py": SERVE})
    return "registry.example.com/app:1.0.0"


def small_system() -> bytes:
    """A file system as tar: busybox, and what the guide's Dockerfiles call from an image of Python."""
    busybox = Path("/bin/busybox").read_bytes()
    scripts = {"bin/python": b'#!/bin/sh\nexec sh "$@"\n', "bin/pip": b"#!/bin/sh\n"}
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in ({"bin/busybox": busybox} | scripts).items():
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o755, len(content)
            tar.addfile(entry, io.BytesIO(content))
        for name in ("sh", "env", "id", "sleep"):
            entry = tarfile.TarInfo(f"bin/{name}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
    return buffer.getvalue()


@pytest.fixture
def key_file(tmp_path, api_key) -> Path:
    """A file with the API key, as it has to be for a container whose user is nobody."""
    path = tmp_path / "key"
    path.write_text(api_key + "\n")
    path.chmod(0o444)
    return path


@pytest.fixture
def run(docker, plain_server, key_file):
    """A function that runs an image: options before its name, then the command. The key is a Docker secret."""
    def run(image: str, *command: str, options=("--rm",), **more):
        return docker("run", *HARD, "--volume", f"{key_file}:{SECRET}:ro", "--env",
                      f"ZENML_STORE_URL={plain_server.url}", *options, image, *command, **more)
    return run


# The image


@pytest.mark.parametrize("architecture", ARCHITECTURE.values())
def test_image_has_the_program_and_nothing_else(docker, action_binaries, architecture):
    """Docker adds the places that it mounts something on. The program is that of the action, to the byte."""
    saved = docker("save", build_image(docker, f"zenml-login-{architecture}", architecture))
    with tarfile.open(fileobj=io.BytesIO(saved.out.encode("utf-8", "surrogateescape"))) as tar:
        contents = {}
        for layer in json.load(tar.extractfile("manifest.json"))[0]["Layers"]:
            with tarfile.open(fileobj=tar.extractfile(layer)) as files:
                contents |= {entry.name: files.extractfile(entry).read() for entry in files if entry.isfile()}
    assert set(contents) == {"zenml-login"}
    program = contents["zenml-login"]
    assert program == (action_binaries / f"linux-{architecture}/zenml-login").read_bytes()
    assert int.from_bytes(program[18:20], "little") == MACHINE[architecture]


def test_image_says_whose_the_key_is(image, run):
    """By itself: entrypoint and command are the image's."""
    done = run(image)
    assert (done.code, done.err) == (0, "")
    assert f"account: {ACCOUNT_NAME}\n" in done.out


def test_own_authorities(docker, image, start_server, key_file):
    """There is no CA bundle in the image: the program's own is used, which does not know that of the tests."""
    server = start_server()
    options = [*HARD, "--rm", "--volume", f"{key_file}:{SECRET}:ro", "--volume", f"{server.ca}:/ca.pem:ro",
               "--entrypoint", "/zenml-login", image, "whoami", "--server", server.url]
    refused = docker("run", *options)
    assert refused.code == TLS and "fix: " in refused.err
    trusted = docker("run", *options, "--ca-file", "/ca.pem")
    assert (trusted.code, trusted.err) == (0, "")


def test_key_is_missing_or_wrong(docker, image, plain_server):
    options = [*HARD, "--rm", "--env", f"ZENML_STORE_URL={plain_server.url}"]
    assert docker("run", *options, image).code == MISSING
    done = docker("run", *options, "--env", "ZENML_API_KEY", image, env={"ZENML_API_KEY": make_key()})
    assert done.code == REJECTED and "zenml-login: fix: " in done.err


# As the entrypoint of another image


def test_command_replaces_the_program(app, run, api_key):
    """It is process 1, with the key and without our inputs."""
    done = run(app, options=["--rm", "--env", f"ZENML_STORE_API_KEY_FILE={SECRET}"], secret_in={"stdout": "key"})
    assert done.code == 0, done.err
    assert f"uid={NOBODY} gid={NOBODY}" in done.out and "pid 1\n" in done.out
    variables = dict(line.partition("=")[::2] for line in done.out.splitlines() if "=" in line)
    assert variables["ZENML_STORE_API_KEY"] == api_key
    assert variables["DISABLE_CREDENTIALS_DISK_CACHING"] == "true"
    assert "ZENML_STORE_API_KEY_FILE" not in variables


@pytest.mark.parametrize("code", [0, 1, 5, 143, 255])
def test_exit_code_is_that_of_the_command(app, run, code):
    assert run(app, "sh", "-c", f"exit {code}").code == code


@pytest.mark.parametrize("command, code", [("/nowhere", NOT_FOUND), ("/bin", CANNOT_RUN)])
def test_command_that_cannot_run(app, run, command, code):
    done = run(app, command)
    assert done.code == code and command in done.err


@pytest.fixture
def waiting(docker, app, run) -> str:
    """The name of a container that waits for a signal."""
    started = run(app, "python", "serve.py", "wait", options=["--detach", "--name", "waiting"])
    assert started.code == 0, started.err
    while "ready" not in docker("logs", "waiting").out.splitlines():
        assert docker("inspect", "--format", "{{.State.Running}}", "waiting").out == "true\n"
    yield "waiting"
    docker("rm", "--force", "waiting")


def test_signals_reach_the_command(docker, waiting):
    """`docker stop` gets the command's own answer to SIGTERM."""
    assert docker("stop", waiting).code == 0
    assert docker("inspect", "--format", "{{.State.ExitCode}}", waiting).out == "42\n"


def test_docker_does_not_see_the_key(docker, app, waiting):
    """The call of Docker itself looks for it in everything that is printed."""
    for command in (["inspect", waiting], ["top", waiting], ["history", "--no-trunc", app], ["inspect", app]):
        assert docker(*command).code == 0


# The examples


def test_compose(lints, ci_tools, docker, image, plain_server, key_file):
    """The example by its schema, and what it says by the same words of `docker run`."""
    lints.schema("compose-spec", EXAMPLES / "compose.yaml")
    text = (EXAMPLES / "compose.yaml").read_text()
    given = {"ZENML_STORE_URL": plain_server.url, "API_KEY_FILE": str(key_file)}
    text = re.sub(r"\$\{(\w+):\?[^}]*}", lambda variable: given.pop(variable[1]), text)
    assert not given
    (compose,) = documents(ci_tools, text)
    (service,) = compose["services"].values()
    assert set(service) == {"build", "command", "environment", "secrets", "read_only", "security_opt"}
    assert (EXAMPLES / service["build"]["context"]).resolve() == ACTION
    assert ACTION / service["build"]["dockerfile"] == EXAMPLES / "Dockerfile"
    options = ["--rm", "--network=host", f"--read-only={str(service['read_only']).lower()}"]
    options += [f"--security-opt={option}" for option in service["security_opt"]]
    options += [f"--env={name}={value}" for name, value in service["environment"].items()]
    options += [f"--volume={compose['secrets'][name]['file']}:/run/secrets/{name}:ro" for name in service["secrets"]]
    done = docker("run", *options, image, *service["command"])
    assert (done.code, done.err) == (0, "")
    assert f"account: {ACCOUNT_NAME}\n" in done.out


def test_kubernetes(lints, ci_tools, docker, app, plain_server, tmp_path, api_key):
    """The example by Kubernetes' schema, and what it says of the container by the same words of `docker run`."""
    lints.kubernetes(EXAMPLES / "kubernetes.yaml")
    text = (EXAMPLES / "kubernetes.yaml").read_text()
    assert EXAMPLE_URL in text
    (deployment,) = documents(ci_tools, text.replace(EXAMPLE_URL, plain_server.url))
    pod = deployment["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    user, limits = pod["securityContext"], container["securityContext"]
    assert container["image"] == app and user["runAsNonRoot"] and user["runAsUser"] != 0
    secrets = {volume["name"]: make_secret(tmp_path / volume["name"], volume["secret"], user["fsGroup"], api_key)
               for volume in pod["volumes"]}
    options = ["--rm", "--network=host", f"--user={user['runAsUser']}:{user['runAsGroup']}"]
    options += [f"--cap-drop={name}" for name in limits["capabilities"]["drop"]]
    options += [f"--read-only={str(limits['readOnlyRootFilesystem']).lower()}"]
    options += [f"--security-opt=no-new-privileges:{str(not limits['allowPrivilegeEscalation']).lower()}"]
    options += [f"--group-add={user['fsGroup']}"]
    options += [f"--env={variable['name']}={variable['value']}" for variable in container["env"]]
    options += [f"--volume={secrets[mount['name']]}:{mount['mountPath']}:{'ro' if mount['readOnly'] else 'rw'}"
                for mount in container["volumeMounts"]]
    done = docker("run", *options, app, *container["args"], secret_in={"stdout": "key"})
    assert done.code == 0, done.err
    assert f"uid={NOBODY} gid={NOBODY}" in done.out and f"ZENML_STORE_API_KEY={api_key}\n" in done.out


def make_secret(folder: Path, secret: dict, group: int, api_key: str) -> Path:
    """The files of a secret volume, as the kubelet makes them."""
    command = re.search("kubectl create secret generic (.*)", (EXAMPLES / "kubernetes.yaml").read_text())[1]
    name, source = shlex.split(command)
    assert name == secret["secretName"]
    path = folder / source.removeprefix("--from-file=")
    folder.mkdir()
    path.write_text(api_key)
    path.chmod(secret["defaultMode"])
    os.chown(path, 0, group)
    return folder


def test_job_image(docker, app, build, run):
    """The guide's image for jobs has the program on its PATH."""
    build("registry.example.com/job:1.0.0", sample("dockerfile-job"), {})
    done = run("registry.example.com/job:1.0.0", "sh", "-c", "zenml-login whoami")
    assert done.code == 0 and f"account: {ACCOUNT_NAME}\n" in done.out


def test_entrypoint_of_the_readme(app, build, run, api_key):
    """Two lines for an image of one's own, in which the program was installed as from a package."""
    begin = f"FROM {app}\nCOPY --from=zenml-login /zenml-login /usr/bin/zenml-login\n"
    build("installed", begin + sample("readme-dockerfile"), {})
    done = run("installed", secret_in={"stdout": "key"})
    assert done.code == 0 and f"ZENML_STORE_API_KEY={api_key}\n" in done.out
