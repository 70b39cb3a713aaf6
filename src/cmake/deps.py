#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Obtains what the static build is made of, as deps.lock beside this file pins it.

    deps.py fetch FOLDER [NAME...]  the files of all things in the lock, or of the named ones, lie in FOLDER afterwards
    deps.py sbom FILE               writes the bill of materials, CycloneDX 1.6 JSON; the same lock gives the same bytes

A file comes from the folder that the environment variable ZENML_LOGIN_SOURCES names, else from the first address in
the lock that answers. Only a file with the right hash gets its name in FOLDER; a wrong one ends the program with 1.
"""
import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import uuid
import venv

LOCK = pathlib.Path(__file__).with_name("deps.lock")
SUITES = ("stable", "testing", "unstable")  # of Debian, in which a source package is looked for
SECONDS = 30  # how long an address may be silent


class Failure(Exception):
    """Ends the program; the text is for people."""


@dataclasses.dataclass(frozen=True)
class Thing:
    """A line of the lock. `file` and `sha256` are "-" for what comes inside another thing."""
    name: str
    version: str
    licence: str
    file: str
    sha256: str
    addresses: tuple


def read_lock():
    """The things in the lock, in its order."""
    lines = (line.split("#")[0].split() for line in LOCK.read_text("utf-8").splitlines())
    return [Thing(*columns[:5], tuple(columns[5:])) for columns in lines if columns]


# --- fetching -----------------------------------------------------------------------------------

def sha256_of(path):
    """The SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def run(command, **options):
    """The standard output of a command; OSError with its last words when it fails."""
    result = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, **options)
    if result.returncode != 0:
        words = result.stderr.strip().splitlines() or [f"exit code {result.returncode}"]
        raise OSError(f"{pathlib.Path(command[0]).name}: {words[-1]}")
    return result.stdout


def from_url(thing, address, folder):
    """Downloads an https address into `folder`."""
    with urllib.request.urlopen(address, timeout=SECONDS) as reply, open(folder / thing.file, "wb") as file:
        shutil.copyfileobj(reply, file)


def from_pypi(thing, requirement, folder):
    """Downloads a wheel with pip, for the platform in its name, whatever this machine is."""
    platforms = thing.file.removesuffix(".whl").split("-")[-1].split(".")
    venv.create(folder / "venv", with_pip=True)  # pip is not everywhere beside python3
    run([folder / "venv/bin/python", "-m", "pip", "download", "--disable-pip-version-check", "--no-deps",
         "--only-binary=:all:", *(f"--platform={name}" for name in platforms), f"--dest={folder}", requirement])


def private_apt(folder):
    """Writes an apt configuration into `folder`, with Debian's mirror from the system's own. Returns its path."""
    targets = run(["apt-get", "indextargets", "--format", "$(REPO_URI)", "Label: Debian"])
    if not targets:
        raise OSError("this machine knows no mirror of Debian")
    for name in ("lists/partial", "cache/archives/partial", "etc/preferences.d"):
        (folder / name).mkdir(parents=True)
    (folder / "status").touch()
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (folder / "sources.list").write_text("".join(
        f"deb-src [signed-by={keyring}] {targets.split()[0]} {suite} main\n" for suite in SUITES))
    (folder / "apt.conf").write_text(f"""
        Dir::Etc "{folder}/etc"; Dir::Etc::sourcelist "{folder}/sources.list"; Dir::Etc::sourceparts "/dev/null";
        Dir::State "{folder}"; Dir::State::status "{folder}/status"; Dir::Cache "{folder}/cache";
        APT::Sandbox::User "root"; Acquire::Languages "none";
        Acquire::Check-Valid-Until "false"; // a frozen mirror is fine: our hash decides
        """)
    return folder / "apt.conf"


def from_debian(thing, package, folder):
    """Downloads the original tarball of a source package of Debian: that of the version which has our hash."""
    environment = {**os.environ, "APT_CONFIG": str(private_apt(folder / "apt")), "LC_ALL": "C"}
    run(["apt-get", "update"], env=environment)
    records = run(["apt-cache", "showsrc", "--only-source", package], env=environment).split("\n\n")
    versions = [re.search(r"^Version: (\S+)", record, re.M)[1] for record in records if thing.sha256 in record]
    if not versions:
        raise OSError(f"no suite of Debian has {thing.file} now")
    run(["apt-get", "source", "--download-only", "--tar-only", "--only-source", f"{package}={versions[0]}"],
        env=environment, cwd=folder)


SCHEMES = {"https": lambda thing, rest, folder: from_url(thing, f"https:{rest}", folder),
           "debian": from_debian, "pypi": from_pypi}


def check(thing, path, origin):
    """Failure, and the file is gone, unless it has the hash of the lock."""
    got = sha256_of(path)
    if got != thing.sha256:
        os.unlink(path)
        raise Failure(f"wrong hash: {thing.file} from {origin}: expected {thing.sha256} ({LOCK.name}), got {got}")


def download(thing, folder):
    """Downloads the file of a thing into `folder`, from what answers first. Returns its path."""
    silent = []
    for address in thing.addresses:
        scheme, _, rest = address.partition(":")
        attempt = pathlib.Path(tempfile.mkdtemp(dir=folder))
        try:
            SCHEMES[scheme](thing, rest, attempt)
            check(thing, attempt / thing.file, address)
            return attempt / thing.file
        except OSError as error:
            silent.append(f"\n  {address}: {error}")
    raise Failure(f"no address of {thing.file} answers:{''.join(silent)}")


def fetch_one(thing, folder):
    """Puts the file of a thing into `folder`, unless it is there."""
    wanted = folder / thing.file
    cache = os.environ.get("ZENML_LOGIN_SOURCES")
    if wanted.exists():
        check(thing, wanted, folder)
        return
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        found = pathlib.Path(cache, thing.file) if cache else None
        if found and found.exists():
            found = shutil.copy(found, scratch)
            check(thing, found, cache)
        else:
            found = download(thing, pathlib.Path(scratch))
        os.replace(found, wanted)


def fetch(folder, names):
    """Puts the files of the named things, or of all, into `folder`."""
    things = {thing.name: thing for thing in read_lock() if thing.file != "-"}
    unknown = set(names) - set(things)
    if unknown:
        raise Failure(f"not in {LOCK.name}: {' '.join(sorted(unknown))}")
    folder.mkdir(parents=True, exist_ok=True)
    for name in names or things:
        fetch_one(things[name], folder)


# --- the bill of materials ----------------------------------------------------------------------

def component(thing):
    """A thing as a component of CycloneDX."""
    scheme, _, rest = thing.addresses[0].partition(":")
    pypi = scheme == "pypi"
    package = f"pypi/{rest.partition('==')[0]}" if pypi else f"generic/{thing.name}"
    answer = {
        "type": "application" if thing.name.startswith("zig-") else "library",
        "bom-ref": f"{thing.name}@{thing.version}",
        "name": thing.name,
        "version": thing.version,
        # The compiler makes the program, and is no part of it.
        "scope": "excluded" if thing.name.startswith("zig-") else "required",
        "licenses": [{"expression": thing.licence.replace("-OR-", " OR ")}],
        "purl": f"pkg:{package}@{thing.version}",
    }
    if thing.file != "-":
        answer["hashes"] = [{"alg": "SHA-256", "content": thing.sha256}]
    if scheme == "https":
        answer["externalReferences"] = [{"type": "distribution", "url": thing.addresses[0]}]
    return answer


def bill_of_materials():
    """The CycloneDX document of the static zenml-login. Its serial number follows from its content."""
    project = (LOCK.parent / "../../CMakeLists.txt").read_text("utf-8")
    version = re.search(r"project\(zenml-login VERSION (\S+)", project)[1]
    program = {"type": "application", "bom-ref": "zenml-login", "name": "zenml-login", "version": version,
               "licenses": [{"expression": "Apache-2.0"}]}
    components = [component(thing) for thing in read_lock()]
    linked = [one["bom-ref"] for one in components if one["scope"] == "required"]
    content = json.dumps([program, components])
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, content)}",
        "version": 1,
        "metadata": {"component": program},
        "components": components,
        "dependencies": [{"ref": "zenml-login", "dependsOn": linked}],
    }


def main():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    verb = verbs.add_parser("fetch")
    verb.add_argument("folder", type=pathlib.Path, metavar="FOLDER")
    verb.add_argument("names", nargs="*", metavar="NAME")
    verb = verbs.add_parser("sbom")
    verb.add_argument("file", type=pathlib.Path, metavar="FILE")
    arguments = parser.parse_args()
    try:
        if arguments.verb == "fetch":
            fetch(arguments.folder.resolve(), arguments.names)
        else:
            arguments.file.write_text(json.dumps(bill_of_materials(), indent=2) + "\n", "utf-8")
    except (Failure, OSError) as error:
        sys.exit(f"deps.py: {error}")


if __name__ == "__main__":
    main()
