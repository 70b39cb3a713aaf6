"""Who is taken for the server: certificates, authorities, pins, protocol versions. The credential must not leave the
machine when the answer is no."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Mapping

import pytest
from outcome import LOGIN, USER, check_result, login

from certs import Certificates, Pair
from run import run

NAMESPACE = Path(__file__).with_name("namespace.py")
OLD_TLS_ALLOWED = """\
openssl_conf = main
[main]
ssl_conf = sections
[sections]
system_default = everything
[everything]
MinProtocol = TLSv1
CipherString = ALL:@SECLEVEL=0
"""


@dataclass(frozen=True)
class Trust:
    """A row: the certificate of the server and what the client is told to trust; `args` may be a function of the
    certificates. `code` 9 means refused, 0 accepted."""

    name: str
    pair: Callable[[Certificates], Pair]
    code: int
    message: str = ""
    host: str = "127.0.0.1"
    args: Callable[[Certificates], list] = lambda certs: ["--ca-file", certs.ca]
    env: Mapping[str, Callable[[Certificates], object]] = field(default_factory=dict)


ROWS = [
    Trust("good, by address", lambda certs: certs.good, 0),
    Trust("good, by name", lambda certs: certs.good, 0, host="localhost"),
    Trust("IP SAN, by address", lambda certs: certs.ip_only, 0),
    Trust("IP SAN, by name", lambda certs: certs.ip_only, 9, "certificate", host="localhost"),
    Trust("expired", lambda certs: certs.expired, 9, "certificate.*expired"),
    Trust("not yet valid", lambda certs: certs.not_yet_valid, 9, "certificate.*(not yet|future)"),
    Trust("wrong host", lambda certs: certs.wrong_host, 9, "certificate|host name", host="localhost"),
    Trust("self-signed", lambda certs: certs.self_signed, 9, "certificate.*(self.signed|issuer|trusted CA)"),
    Trust("unknown authority", lambda certs: certs.unknown_ca, 9, "certificate.*(issuer|trusted CA)"),
    Trust("own authority, not given", lambda certs: certs.good, 9, "certificate", args=lambda certs: []),
    Trust("own authority, added", lambda certs: certs.good, 0,
          args=lambda certs: ["--ca-file", certs.ca, "--ca-mode", "add"]),
    Trust("another authority, given", lambda certs: certs.good, 9, "certificate",
          args=lambda certs: ["--ca-file", certs.other_authority.crt]),
    Trust("another authority, added", lambda certs: certs.good, 9, "certificate",
          args=lambda certs: ["--ca-file", certs.other_authority.crt, "--ca-mode", "add"]),
    Trust("a whole bundle", lambda certs: certs.good, 0, args=lambda certs: ["--ca-file", certs.bundle]),
    Trust("good pin", lambda certs: certs.good, 0,
          args=lambda certs: ["--ca-file", certs.ca, "--pin", certs.pin(certs.good)]),
    Trust("second of two pins good", lambda certs: certs.good, 0,
          args=lambda certs: ["--ca-file", certs.ca, "--pin", f"{certs.pin(certs.expired)};{certs.pin(certs.good)}"]),
    Trust("bad pin", lambda certs: certs.good, 9, "public key",
          args=lambda certs: ["--ca-file", certs.ca, "--pin", certs.pin(certs.expired)]),
    Trust("a good pin replaces no other check", lambda certs: certs.expired, 9, "certificate",
          args=lambda certs: ["--ca-file", certs.ca, "--pin", certs.pin(certs.expired)]),
    Trust("SSL_CERT_FILE", lambda certs: certs.good, 9, "certificate", args=lambda certs: [],
          env={"SSL_CERT_FILE": lambda certs: certs.ca}),
    Trust("SSL_CERT_FILE beside --ca-file", lambda certs: certs.unknown_ca, 9, "certificate",
          env={"SSL_CERT_FILE": lambda certs: certs.other_authority.crt}),
    Trust("SSL_CERT_DIR", lambda certs: certs.good, 9, "certificate", args=lambda certs: [],
          env={"SSL_CERT_DIR": lambda certs: certs.hashed_folder}),
    Trust("CURL_CA_BUNDLE", lambda certs: certs.good, 9, "certificate", args=lambda certs: [],
          env={"CURL_CA_BUNDLE": lambda certs: certs.ca}),
]


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_trust(row, start_server, certs, api_key, binary):
    server = start_server(tls=row.pair(certs))
    env = {"ZENML_STORE_API_KEY": api_key} | {name: value(certs) for name, value in row.env.items()}
    result = run(["whoami", "--server", server.url_for(row.host), *row.args(certs)], env)
    assert [str(request) for request in server.requests] == ([LOGIN, USER] if row.code == 0 else [])
    check_result(result, row.code, row.message)
    # A certificate does not get better by asking again. (localhost may first be tried as ::1, unseen by the server.)
    assert server.connections == 1


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_tls_is_refused(start_server, certs, api_key, tmp_path, binary):
    """Also where the TLS library of the system would allow it."""
    settings = tmp_path / "openssl.cnf"
    settings.write_text(OLD_TLS_ALLOWED)
    server = start_server(tls_max="1.1")
    result = login(server, {"ZENML_STORE_API_KEY": api_key, "OPENSSL_CONF": settings})
    assert server.settle().handshakes == 0 and server.requests == ()
    check_result(result, 9, "TLS", "TLS 1.2")

    context = ssl.create_default_context(cafile=certs.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", server.port)) as plain:
        with context.wrap_socket(plain, server_hostname="localhost") as secured:
            assert secured.version() == "TLSv1.1", "the server itself has to speak it"


def test_tls_1_2_is_accepted(start_server, api_key, binary):
    server = start_server(tls_max="1.2")
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key}), 0)
    assert server.handshakes == 1


@pytest.mark.parametrize("action", ("close", "reset"))
def test_interrupted_handshake_is_tried_again(action, start_server, api_key, binary):
    server = start_server(on_connect=[action, "serve"])
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key}), 0)
    assert (server.connections, server.handshakes, len(server.requests)) == (2, 1, 2)


def test_interrupted_handshake_is_tried_three_times(start_server, api_key, binary):
    server = start_server(on_connect=["close"])
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key}), 9, "handshake|TLS")
    assert server.connections == 3


def test_plain_http_on_the_port(start_server, certs, api_key, binary):
    server = start_server(tls=None)
    url = server.url.replace("http:", "https:")
    check_result(run(["whoami", "--server", url, "--ca-file", certs.ca], {"ZENML_STORE_API_KEY": api_key}), 9, "TLS")
    assert server.requests == ()


def test_no_key_log_is_written(server, api_key, tmp_path, binary):
    log = tmp_path / "keys"
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key, "SSLKEYLOGFILE": log}), 0)
    assert not log.exists()


def test_key_log_link_is_not_followed(server, api_key, tmp_path, binary):
    target, log = tmp_path / "target", tmp_path / "keys"
    log.symlink_to(target)
    check_result(login(server, {"ZENML_STORE_API_KEY": api_key, "SSLKEYLOGFILE": log}), 0)
    assert not target.exists()


@pytest.fixture
def trusted_by_system(certs) -> list:
    """A wrapper for `run` in which the system trusts our authority, beside its own."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        pytest.skip("replacing the authorities of the system needs root and unshare(1)")
    return ["unshare", "-m", sys.executable, NAMESPACE, "--bind", certs.hashed_folder, "/etc/ssl/certs", "--"]


@pytest.mark.parametrize("given, code", (
    ([], 0),
    (["--ca-mode", "add"], 0),
    (["--ca-mode", "replace"], 9),
), ids=("nothing given", "another added", "another given"))
def test_authorities_of_the_system(given, code, trusted_by_system, server, certs, api_key, binary):
    args = ["--ca-file", certs.other_authority.crt, *given] if given else []
    result = run(["whoami", "--server", server.url, *args], {"ZENML_STORE_API_KEY": api_key},
                 wrapper=trusted_by_system)
    check_result(result, code, "certificate" if code else "")
