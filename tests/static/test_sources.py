"""Where the sources of the static build come from (src/cmake/deps.py), and what is said about them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys

import pytest

from artefacts import FOLDER, REPOSITORY, environment, locked

DEPS_PY = REPOSITORY / "src/cmake/deps.py"


def deps_py(*arguments, **changes):
    """Runs deps.py with `changes` in its environment."""
    return subprocess.run([sys.executable, DEPS_PY, *arguments], env=environment(**changes), check=False,
                          capture_output=True, text=True)


@pytest.fixture
def deps():
    """deps.py as a module, with tables of its own."""
    spec = importlib.util.spec_from_file_location("deps", DEPS_PY)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def wrong_cache(tmp_path):
    """A cache folder whose tarball of cJSON is another one."""
    cache = tmp_path / "cache"
    cache.mkdir()
    (cache / locked()["cjson"][2]).write_bytes(b"something else")
    return cache


def check_refusal(text, folder):
    """One line that names file, lock, and both hashes; and the wrong file is not there."""
    _, _, file, sha256, *_ = locked()["cjson"]
    line = next(line for line in text.splitlines() if file in line)
    assert "deps.lock" in line and sha256 in line and hashlib.sha256(b"something else").hexdigest() in line
    assert not (folder / file).exists()


def test_wrong_hash_in_the_cache(wrong_cache, tmp_path):
    done = deps_py("fetch", tmp_path / "sources", "cjson", ZENML_LOGIN_SOURCES=wrong_cache)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    check_refusal(done.stderr, tmp_path / "sources")


def test_wrong_hash_stops_the_build(wrong_cache, tmp_path):
    """Before anything is compiled."""
    tree = tmp_path / "tree"
    cache = REPOSITORY / "build/static-amd64/zig-cache"
    done = subprocess.run(
        ["cmake", "-G", "Ninja", "-S", REPOSITORY, "-B", tree, "-DZN_STATIC=amd64", "-DCMAKE_BUILD_TYPE=Release",
         f"-DCMAKE_TOOLCHAIN_FILE={REPOSITORY / 'src/cmake/musl-static.cmake'}",
         f"-DZN_SOURCES={tmp_path / 'sources'}"],
        env=environment(ZENML_LOGIN_SOURCES=wrong_cache, ZIG_GLOBAL_CACHE_DIR=cache, ZIG_LOCAL_CACHE_DIR=cache),
        check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode != 0
    assert not (tree / "build.ninja").exists()
    check_refusal(done.stdout, tmp_path / "sources")


def test_a_damaged_file_does_not_stay(tmp_path):
    sources = tmp_path / "sources"
    sources.mkdir()
    (sources / locked()["cjson"][2]).write_bytes(b"something else")
    done = deps_py("fetch", sources, "cjson")
    assert done.returncode == 1
    check_refusal(done.stderr, sources)


@pytest.mark.parametrize("name", ["cjson", "certifi"])
def test_without_a_cache(name, tmp_path):
    """A fresh clone: what the lock names answers on this machine as well."""
    done = deps_py("fetch", tmp_path, name, HOME=os.environ.get("HOME", "/"))
    if "no address" in done.stderr:
        pytest.skip(f"this machine reaches no address of {name}")
    assert (done.returncode, done.stderr) == (0, "")
    assert hashlib.sha256((tmp_path / locked()[name][2]).read_bytes()).hexdigest() == locked()[name][3]
    assert len(list(tmp_path.iterdir())) == 1


def _silent(thing, rest, folder):
    raise OSError("no route")


def _right(thing, rest, folder):
    (folder / thing.file).write_bytes(b"right")


def _wrong(thing, rest, folder):
    (folder / thing.file).write_bytes(b"something else")


@pytest.mark.parametrize("schemes, outcome", [
    ({"https": _silent, "debian": _right}, None),
    ({"https": _right, "debian": _wrong}, None),
    ({"https": _wrong, "debian": _right}, "wrong hash"),
    ({"https": _silent, "debian": _silent}, "no address"),
], ids=["the first is silent", "the first answers", "the first is wrong", "all are silent"])
def test_addresses_in_their_order(schemes, outcome, deps, tmp_path, monkeypatch):
    """Silence is passed over, a wrong file is not."""
    monkeypatch.delenv("ZENML_LOGIN_SOURCES", raising=False)
    monkeypatch.setattr(deps, "SCHEMES", schemes)
    thing = deps.Thing("x", "1", "MIT", "x.tar", hashlib.sha256(b"right").hexdigest(), ("https://x", "debian:x"))
    if outcome:
        with pytest.raises(deps.Failure, match=outcome):
            deps.fetch_one(thing, tmp_path)
        assert list(tmp_path.iterdir()) == []
    else:
        deps.fetch_one(thing, tmp_path)
        assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"right"]


def test_what_is_there_is_not_fetched_again(deps, tmp_path, monkeypatch):
    monkeypatch.setattr(deps, "SCHEMES", {})
    (tmp_path / "x.tar").write_bytes(b"right")
    thing = deps.Thing("x", "1", "MIT", "x.tar", hashlib.sha256(b"right").hexdigest(), ("https://x",))
    deps.fetch_one(thing, tmp_path)


def test_unknown_name(tmp_path):
    done = deps_py("fetch", tmp_path, "cjson", "zlib")
    assert done.returncode == 1 and "zlib" in done.stderr


def test_the_lock_names_no_registry():
    """PyPI and Debian are reached as this machine is set up to."""
    hosts = {re.match(r"https://([^/]+)/", address)[1]
             for columns in locked().values() for address in columns[4:] if address.startswith("https:")}
    assert hosts == {"curl.se", "fukuchi.org", "github.com"}


def test_the_bill_of_materials_is_the_lock():
    bill = json.loads((FOLDER / "sbom.cdx.json").read_text())
    parts = {part["name"]: part for part in bill["components"]}
    lock = locked()
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    assert {name: part["version"] for name, part in parts.items()} == {name: row[0] for name, row in lock.items()}
    for name, (_, _, file, sha256, *_) in lock.items():
        expected = [{"alg": "SHA-256", "content": sha256}] if file != "-" else None
        assert parts[name].get("hashes") == expected
    linked = {part["bom-ref"] for part in parts.values() if part["scope"] == "required"}
    assert linked == {parts[name]["bom-ref"] for name in ("curl", "mbedtls", "cjson", "qrencode", "certifi", "musl")}
    assert bill["dependencies"] == [{"ref": bill["metadata"]["component"]["bom-ref"],
                                     "dependsOn": bill["dependencies"][0]["dependsOn"]}]
    assert set(bill["dependencies"][0]["dependsOn"]) == linked


def test_the_bill_of_materials_is_the_same_each_time(tmp_path):
    done = deps_py("sbom", tmp_path / "sbom.cdx.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "sbom.cdx.json").read_bytes() == (FOLDER / "sbom.cdx.json").read_bytes()
