"""Which certificate authorities the static program trusts: the system's bundle, a --ca-file, both, or those inside
itself where the host has none. What mbedTLS makes of a certificate is tested in tests/faults/test_tls.py."""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
from pathlib import Path
from typing import Iterator

import pytest
from outcome import LOGIN, USER, check_result

from certs import Certificates
from run import run

NAMESPACE = Path(__file__).parents[1] / "faults" / "namespace.py"
DEBIAN = "ssl/certs/ca-certificates.crt"
BUNDLES = (DEBIAN, "pki/tls/certs/ca-bundle.crt", "ssl/ca-bundle.pem", "pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
           "ssl/cert.pem")
PLAIN_MAX = 32 * 1024  # bytes of a --ca-file that mbedTLS parses whole
REFUSED = (9, "certificate is not trusted")


@pytest.fixture
def ask(start_server, api_key, certs, binary):
    """A function that logs into a new server, which shows `certs.good` unless told otherwise, and checks the exit
    code and the words of the message."""
    def ask(args, code=0, message="", *, pair=None, **options):
        server = start_server(tls=pair or certs.good)
        result = run(["whoami", "--server", server.url, *args], {"ZENML_STORE_API_KEY": api_key}, **options)
        check_result(result, code, message)
        assert [str(request) for request in server.requests] == ([LOGIN, USER] if code == 0 else [])
    return ask


@pytest.fixture
def etc(tmp_path) -> Path:
    """An empty folder that `on_host` puts in the place of /etc."""
    folder = tmp_path / "etc"
    folder.mkdir()
    return folder


@pytest.fixture
def on_host(etc) -> list:
    """A wrapper for `run`: a host that has nothing but `etc` in /etc."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("replacing /etc needs root and unshare(1)")
    return ["unshare", "-m", sys.executable, NAMESPACE, "--bind", etc, "/etc", "--"]


def put(path: Path, text: str | bytes) -> Path:
    """Writes a file, with its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


# The system's bundle

@pytest.mark.parametrize("bundle", BUNDLES)
def test_each_usual_place_is_looked_at(bundle, etc, on_host, ask, certs):
    put(etc / bundle, certs.bundle.read_bytes())
    ask([], wrapper=on_host)


@pytest.mark.parametrize("first, second", list(zip(BUNDLES, BUNDLES[1:])))
def test_the_first_bundle_decides(first, second, etc, on_host, ask, certs):
    put(etc / first, certs.other_authority.crt.read_bytes())
    put(etc / second, certs.ca.read_bytes())
    ask([], *REFUSED, wrapper=on_host)


def test_bundle_behind_a_link(etc, on_host, ask, certs):
    target = put(etc / "elsewhere.pem", certs.ca.read_bytes())
    (etc / "ssl").mkdir()
    (etc / "ssl/cert.pem").symlink_to(f"/etc/{target.name}")
    ask([], wrapper=on_host)


def _folder(path, _):
    path.mkdir()


def _fifo(path, _):
    os.mkfifo(path)


def _dangling_link(path, _):
    path.symlink_to("nowhere")


def _loop(path, _):
    path.symlink_to(path.name)


def _huge(path, ca):
    with path.open("wb") as file:
        file.write(ca)
        file.truncate((16 << 20) + 1)


@pytest.mark.parametrize("make, message", (
    (_folder, "not a regular file"),
    (_fifo, "not a regular file"),
    (_dangling_link, "no such file"),
    (_loop, "cannot be opened"),
    (_huge, "larger than 16 MiB"),
))
def test_bundle_that_cannot_be_read(make, message, etc, on_host, ask, certs, with_embedded):
    """It is an error, whatever else there is: who took its place?"""
    put(etc / BUNDLES[1], certs.ca.read_bytes())
    path = etc / DEBIAN
    path.parent.mkdir(parents=True)
    make(path, certs.ca.read_bytes())
    program = with_embedded(certs.ca)
    ask([], 2, f"system's CA bundle: .*{message}.*: /etc/{DEBIAN}", wrapper=on_host, program=program)
    ask(["--ca-file", certs.ca, "--ca-mode", "add"], 2, "system's CA bundle", wrapper=on_host, program=program)
    ask(["--ca-file", certs.ca], wrapper=on_host, program=program)


@pytest.mark.parametrize("private", (DEBIAN, "ssl"))
def test_bundle_that_this_user_may_not_read(private, etc, on_host, ask, certs, with_embedded):
    put(etc / DEBIAN, certs.ca.read_bytes())
    (etc / private).chmod(0)
    nobody = [*on_host, "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    program = with_embedded(certs.ca)
    # The folders of pytest are root's only.
    visible = shutil.copy(program, f"/tmp/zenml-login-{os.getpid()}")
    try:
        ask([], 2, "system's CA bundle: it cannot be opened", wrapper=nobody, program=visible)
    finally:
        os.unlink(visible)


# The bundle inside the program

def _embedded_bundle(program: bytes) -> tuple[int, int]:
    """Where the bundle lies in the program (offset, length): the one long row of DER structures."""
    def end_of_row(at: int) -> Iterator[int]:
        while program[at:at + 2] == b"\x30\x82":
            at += 4 + int.from_bytes(program[at + 2:at + 4], "big")
            yield at
    at = program.find(b"\x30\x82")
    while at >= 0:
        row = list(end_of_row(at))
        if len(row) > 50:
            return at, row[-1] - at
        at = program.find(b"\x30\x82", at + 1)
    raise AssertionError("the program has no bundle")


@pytest.fixture
def with_embedded(binary, tmp_path):
    """A function that makes a copy of the program whose own bundle is the one certificate in a PEM file."""
    def with_embedded(pem: Path) -> Path:
        program = bytearray(binary.read_bytes())
        at, length = _embedded_bundle(bytes(program))
        der = ssl.PEM_cert_to_DER_cert(pem.read_text())
        program[at:at + length] = der.ljust(length, b"\0")
        copy = put(tmp_path / "zenml-login", bytes(program))
        copy.chmod(0o755)
        return copy
    return with_embedded


def test_the_embedded_bundle_serves_where_there_is_none(on_host, ask, certs, with_embedded):
    ask([], wrapper=on_host, program=with_embedded(certs.ca))
    ask([], *REFUSED, wrapper=on_host, program=with_embedded(certs.other_authority.crt))
    ask([], *REFUSED, wrapper=on_host)


def test_a_folder_of_certificates_is_no_bundle(etc, on_host, ask, certs, with_embedded):
    put(etc / "ssl/certs/ours.pem", certs.other_authority.crt.read_bytes())
    put(etc / "pki", "a file")
    ask([], wrapper=on_host, program=with_embedded(certs.ca))


@pytest.mark.parametrize("text", ("", "# none\n", "-----BEGIN CERTIFICATE-----\n"), ids=("empty", "text", "broken"))
@pytest.mark.parametrize("bundle", (BUNDLES[0], BUNDLES[-1]))
def test_a_bundle_without_certificates_trusts_nobody(text, bundle, etc, on_host, ask, certs, with_embedded):
    put(etc / bundle, text)
    ask([], *REFUSED, wrapper=on_host, program=with_embedded(certs.ca))


def test_the_embedded_bundle_is_not_added_to_another(etc, on_host, ask, certs, with_embedded):
    program = with_embedded(certs.ca)
    ask(["--ca-file", certs.other_authority.crt], *REFUSED, wrapper=on_host, program=program)
    put(etc / DEBIAN, certs.other_authority.crt.read_bytes())
    ask([], *REFUSED, wrapper=on_host, program=program)


def test_a_file_is_added_to_the_embedded_bundle(on_host, ask, certs, with_embedded):
    args = ["--ca-file", certs.other_authority.crt, "--ca-mode", "add"]
    for pair in (certs.good, certs.unknown_ca):
        ask(args, pair=pair, wrapper=on_host, program=with_embedded(certs.ca))


def test_the_embedded_bundle_is_the_one_that_is_named(binary):
    """All of it can be read, and --version says its date."""
    at, length = _embedded_bundle(binary.read_bytes())
    der = binary.read_bytes()[at:at + length]
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=der)
    assert context.cert_store_stats()["x509_ca"] > 100
    assert ", CA bundle 20" in run(["--version"]).out


# --ca-file

def test_a_file_is_added_to_the_bundle_of_the_system(etc, on_host, ask, certs):
    put(etc / DEBIAN, certs.other_authority.crt.read_bytes())
    for pair in (certs.good, certs.unknown_ca):
        ask(["--ca-file", certs.ca, "--ca-mode", "add"], pair=pair, wrapper=on_host)


@pytest.mark.parametrize("mode", ("replace", "add"))
def test_a_large_file(mode, ask, certs, tmp_path):
    """It is looked through, not parsed, and says the same."""
    bundle = certs.bundle.read_text()
    assert len(bundle) > PLAIN_MAX
    with_crlf = put(tmp_path / "crlf.pem", bundle.replace("\n", "\r\n"))
    without = put(tmp_path / "without.pem", bundle.replace(certs.ca.read_text(), ""))
    for path in (certs.bundle, with_crlf):
        ask(["--ca-file", path, "--ca-mode", mode])
    ask(["--ca-file", without, "--ca-mode", mode], *REFUSED)


def _pad(text: str, size: int) -> str:
    return text + "#\n" * ((size - len(text) + 1) // 2)


@pytest.mark.parametrize("size", (PLAIN_MAX - 1, PLAIN_MAX, PLAIN_MAX + 1, PLAIN_MAX * 4))
def test_a_file_of_any_size(size, ask, certs, tmp_path):
    path = put(tmp_path / "ca.pem", _pad(certs.ca.read_text(), size)[:size])
    assert path.stat().st_size == size
    ask(["--ca-file", path])
    path.write_text(_pad(certs.other_authority.crt.read_text(), size)[:size])
    ask(["--ca-file", path], *REFUSED)


@pytest.mark.parametrize("args", ([], ["--ca-mode", "add"]), ids=("replace", "add"))
@pytest.mark.parametrize("size", (0, PLAIN_MAX + 1))
@pytest.mark.parametrize("text", ("", "-----BEGIN TRUSTED CERTIFICATE-----\n", "-----BEGIN CERTIFICATE-----\nAAAA\n"))
def test_a_file_without_certificates(text, size, args, ask, tmp_path):
    path = put(tmp_path / "ca.pem", _pad(text, size))
    ask(["--ca-file", path, *args], 2, "CA file")


def test_a_file_over_16_mib(ask, tmp_path, certs):
    _huge(tmp_path / "ca.pem", certs.ca.read_bytes())
    ask(["--ca-file", tmp_path / "ca.pem"], 2, "CA file: it is larger than 16 MiB")


def test_a_server_certificate_in_a_small_file_is_trusted_itself(ask, certs):
    """The index knows authorities only: this one is none."""
    pinned = ["--ca-file", certs.self_signed.crt]
    ask(pinned, pair=certs.self_signed)
    ask(pinned, *REFUSED)
    ask([*pinned, "--ca-mode", "add"], *REFUSED, pair=certs.self_signed)


# Candidates are verified

@pytest.fixture
def namesake(tmp_path) -> Path:
    """PEM file of an authority with the name of ours and another key."""
    return Certificates(tmp_path / "namesake").ca


def _large(path: Path, *parts: Path) -> Path:
    """The authorities in a file so large that it is looked through."""
    return put(path, _pad("".join(part.read_text() for part in parts), PLAIN_MAX + 1))


def test_a_namesake_is_not_trusted(ask, certs, tmp_path, namesake):
    ask(["--ca-file", _large(tmp_path / "a.pem", namesake)], *REFUSED)
    ask(["--ca-file", _large(tmp_path / "b.pem", namesake, certs.ca)])
    ask(["--ca-file", _large(tmp_path / "c.pem", certs.ca, namesake)])


def test_a_broken_candidate_is_passed_over(ask, certs, tmp_path):
    """Its subject can be read, the rest of it cannot."""
    der = bytearray(ssl.PEM_cert_to_DER_cert(certs.ca.read_text()))
    der[-80:] = b"\xff" * 80
    broken = put(tmp_path / "broken.pem", ssl.DER_cert_to_PEM_cert(bytes(der)))
    ask(["--ca-file", _large(tmp_path / "a.pem", broken)], *REFUSED)
    ask(["--ca-file", _large(tmp_path / "b.pem", broken, certs.ca, broken)])


@pytest.mark.parametrize("given", ("root", "intermediate", "both"))
def test_a_chain(given, ask, certs, tmp_path):
    parts = {"root": [certs.ca], "intermediate": [certs.intermediate.crt], "both": [certs.intermediate.crt, certs.ca]}
    ask(["--ca-file", _large(tmp_path / "a.pem", *parts[given])], pair=certs.chained)
    ask(["--ca-file", _large(tmp_path / "b.pem", certs.other_authority.crt)], *REFUSED, pair=certs.chained)


def _signed_again(certs: Certificates, path: Path, *options: str) -> Path:
    """Our authority under its own name and key, with another signature of itself."""
    subprocess.run(["openssl", "x509", "-in", certs.ca, "-signkey", certs.authority.key, *options, "-out", path],
                   check=True, capture_output=True, timeout=60)
    return path


def test_a_root_that_signed_itself_with_sha_1(ask, certs, tmp_path):
    """Every bundle has some. Nothing rests on that signature."""
    root = _signed_again(certs, tmp_path / "sha1.pem", "-sha1", "-days", "30")
    ask(["--ca-file", root])
    ask(["--ca-file", _large(tmp_path / "large.pem", root)])


# What it costs

def test_memory(ask, certs):
    """A whole bundle fits into 5 MB, with all that the program maps."""
    ask(["--ca-file", certs.bundle], wrapper=["prlimit", f"--as={5 << 20}"])
