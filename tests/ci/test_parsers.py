"""What `zenml-login env` writes, read by the consumers themselves: they find exactly what the oracles find.

The oracles (tests/support/oracles) follow the consumers' sources and are used where no consumer is installed; here they
are compared with those."""

from __future__ import annotations

import json
import random
import string
import subprocess
from pathlib import Path

import pytest
from consumers import TOOLS, Consumers
from formats import CA, FORMATS, KEY, PIECES, TOKEN, WAYS, read_by_all, write_with_path
from outcome import login

from oracles import Unreadable, azure, compose, docker, github, properties, shell, systemd

EVERYBODY = ("docker", "compose", "godotenv", "node", "npm_dotenv", "python_dotenv", "python_dotenv_interpolating",
             "java_stream", "java_reader", "systemd")
READ_BY = {
    "azure": ("azure",), "dotenv": EVERYBODY, "gitlab report": EVERYBODY, "bitbucket file": EVERYBODY,
    "docker": ("docker",), "compose": ("compose",), "systemd": ("systemd",),
    "properties": ("java_stream", "java_reader"), "jenkins file": ("java_stream", "java_reader"),
}
EVALUATED = sorted(name for name, way in WAYS.items() if way.noted and way.place == "stdout")


@pytest.fixture
def consumers(ci_tools) -> Consumers:
    return Consumers(ci_tools)


@pytest.fixture
def contents(start_server, certs, api_token, tmp_path, binary):
    """A function that writes many values in one of WAYS: pairs of what was written and the value. What the format
    cannot hold is left out: tests/cli/test_values.py is about that."""
    server = start_server(tls=None)

    def write_many(name):
        generator = random.Random(name)
        held = WAYS[name].holds.replace("/", "")
        texts = ["".join(generator.sample(held, len(held))) for _ in range(5)]
        texts += [f"{piece}a/a{piece}a/a{piece}" for piece in PIECES]
        texts += ["".join(generator.choices((*PIECES, *string.ascii_letters), k=8)) for _ in range(10)]
        written = [write_with_path(name, server, certs.ca, {TOKEN: api_token}, tmp_path, text) for text in texts]
        codes = [result.code for result, _, _ in written]
        assert set(codes[:5]) == {0} and set(codes) <= {0, 14}
        return [(content, value) for result, content, value in written if result.code == 0]
    return write_many


def in_files(contents, folder: Path) -> list[Path]:
    folder.mkdir()
    paths = [folder / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents):
        path.write_bytes(content)
    return paths


@pytest.mark.parametrize("name", READ_BY)
def test_consumers_find_what_was_written(name, consumers, contents, tmp_path):
    written = contents(name)
    files = in_files([content for content, _ in written], tmp_path / "files")
    expected = [read_by_all(name, content) for content, _ in written]
    assert [variables[CA] for variables in expected] == [value for _, value in written]
    for consumer in READ_BY[name]:
        assert getattr(consumers, consumer)(files) == expected, consumer


@pytest.mark.parametrize("name", EVALUATED)
def test_busybox_finds_what_was_written(name, contents):
    for content, value in contents(name)[::4]:
        variables = shell.read(content, shell="busybox sh")
        assert variables == shell.read(content, shell="dash") and variables[CA] == value


@pytest.mark.parametrize("name", sorted({*WAYS} - {"gitlab report", "bitbucket file"}))
def test_a_key_is_the_same_for_all(name, consumers, server, api_key, tmp_path, binary):
    """Nothing in a key needs quotes, so each of these consumers reads it in its format."""
    place = tmp_path / "place"
    place.write_bytes(b"")
    way = WAYS[name]
    options, variables = (["--output", str(place)], {}) if way.place == "--output" else ([], {way.place: place})
    result = login(server, {KEY: api_key} | variables, "env", "--format", way.format, "--credential=key", *options,
                   secret_in={"stdout", place})
    assert result.code == 0, result.err
    content = result.out.encode() if way.place == "stdout" else place.read_bytes()
    assert read_by_all(name, content)[KEY] == api_key
    for consumer in READ_BY.get(name, ()):
        (variables,) = getattr(consumers, consumer)(in_files([content], tmp_path / consumer))
        assert variables[KEY] == api_key, consumer


def test_every_format_is_read_by_somebody():
    """By a consumer, or by the shell itself; Kubernetes and the runner of GitHub have oracles only, JSON is JSON."""
    read = {WAYS[name].format for name in (*READ_BY, *EVALUATED)}
    assert set(FORMATS) - read == {"github", "kubernetes", "json", "circleci"}


# The oracles

ALPHABETS = {
    "docker": ["A", "B", "=", "'", '"', " ", "\t", "\n", "\r", "#", "$", "\\", "é", "export ", "x"],
    "compose": ["A", "B", "=", "'", "'", " ", "\t", "\n", "#", " #", "$", "$A", "$$", "\\", "é", "export ", ":", "x"],
    "systemd": ["A", "B", "=", "'", '"', "\\", " ", "\t", "\n", "#", ";", "$", "`", "x", "é", "\uffff", "\x01"],
    "java_stream": ["A", "B", "=", ":", " ", "\t", "\f", "\n", "\r", "\\", "\\", "#", "!", "u0041", "n", "t", "x", "é"],
    # Without "%3B" and "%5D", which only the agent unescapes in the text behind a command.
    "azure": ["A", "##vso[", "task.setvariable ", "variable=", ";", "]", "%", "%25", "%AZP25", "%0A", "=", "x"],
}
ORACLES = {"docker": docker.read, "compose": compose.read, "systemd": systemd.read, "java_stream": properties.read}


@pytest.mark.parametrize("consumer", ORACLES)
def test_the_oracle_reads_as_the_consumer_does(consumer, consumers, tmp_path):
    """Any text of the characters that mean something: the same variables; an oracle may refuse more."""
    generator = random.Random(consumer)
    texts = ["A=" + "".join(generator.choices(ALPHABETS[consumer], k=generator.randint(1, 14))) for _ in range(600)]
    found = getattr(consumers, consumer)(in_files([text.encode() for text in texts], tmp_path / "files"))
    same = 0
    for text, variables in zip(texts, found):
        try:
            read = ORACLES[consumer](text.encode())
        except Unreadable:
            continue
        assert read == variables, repr(text)
        same += 1
    assert same >= 200


def test_the_oracle_reads_commands_as_azures_library_does(consumers, tmp_path):
    generator = random.Random("azure")
    values = ["".join(generator.choices(ALPHABETS["azure"], k=8)) for _ in range(300)]
    texts = [f"##vso[task.setvariable variable=A]{value}" for value in values]
    found = consumers.azure(in_files([text.encode() for text in texts], tmp_path / "files"))
    assert [azure.command(text).data for text in texts] == [variables["A"] for variables in found]


# GitHub's own library writes the same

def test_actions_core_writes_the_same(ci_tools, server, api_key, tmp_path, binary):
    """Masks and annotations byte for byte; variables and outputs as the runner reads them."""
    files = {name: tmp_path / name for name in ("GITHUB_ENV", "GITHUB_OUTPUT")}
    for path in files.values():
        path.write_bytes(b"")
    variables = {"GITHUB_ACTIONS": "true", **files}
    good = login(server, variables | {KEY: api_key}, "env", "--github-step", "--credential=key",
                 secret_in={"stdout", *files.values()})
    bad = login(server, variables | {KEY: "100%: a, b"}, "env", "--github-step")
    ours = {name: github.read(path.read_bytes()) for name, path in files.items()}
    kind, properties_, text = github.annotation(bad.out.strip())
    assert (good.code, bad.code, kind, list(properties_)) == (0, 4, "error", ["title"])
    masks = github.Log().add(good.out).masks
    report = {"masks": masks, "variables": ours["GITHUB_ENV"], "outputs": ours["GITHUB_OUTPUT"],
              "errors": [{"title": properties_["title"], "text": text}]}
    places = {name: tmp_path / f"{name}.core" for name in files}
    for path in places.values():
        path.write_bytes(b"")
    written = subprocess.run([ci_tools / "bin/node", TOOLS / "write_with_actions_core.mjs"], input=json.dumps(report),
                             env={name: str(path) for name, path in places.items()} | {"ZN_CI_TOOLS": str(ci_tools)},
                             capture_output=True, check=True, text=True, timeout=60)
    assert written.stdout == good.out + bad.out
    assert {name: github.read(path.read_bytes()) for name, path in places.items()} == ours
