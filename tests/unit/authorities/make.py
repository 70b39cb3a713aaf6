#!/usr/bin/env python3
"""Makes the certificates in this folder anew, with the `openssl` command line; takes no arguments.

bundle.pem   all of them, each behind its description
NAME.der     one of them
NAME.name    its subject, cut out where `openssl asn1parse` says that it is
"""

import re
import subprocess
import tempfile
from pathlib import Path

FOLDER = Path(__file__).parent
CERTIFICATES = {
    "ec": ("/C=XX/O=zenml-login tests/CN=EC authority", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]),
    "pss": ("/CN=Prüfstelle", ["-newkey", "rsa:2048", "-utf8", "-sigopt", "rsa_padding_mode:pss"]),
    "long": ("".join(f"/OU={number:064}" for number in range(20)) + "/CN=Long", ["-newkey", "ed25519"]),
    "version-1": ("/DC=com/DC=example/CN=Version 1", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"]),
}
# The elements of a certificate's inner part, with their depth: offset, length of header, length of value, type.
_ELEMENT = re.compile(r"^ *(\d+):d=2 +hl=(\d+) l= *(\d+) (?:cons|prim): (\S+)", re.MULTILINE)


def openssl(*arguments, stdin=b""):
    """The standard output of an openssl command."""
    return subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, check=True).stdout


def subject(der):
    """The Name in the certificate: the last but one SEQUENCE before the public key."""
    elements = _ELEMENT.findall(openssl("asn1parse", "-inform", "DER", stdin=der).decode())
    sequences = [element for element in elements if element[3] == "SEQUENCE"]
    offset, header, length = map(int, sequences[3][:3])  # behind algorithm, issuer and validity
    return der[offset:offset + header + length]


def make(folder, name, options, version):
    """A self-signed certificate in DER."""
    certificate, request, key = (folder / kind for kind in ("certificate", "request", "key"))
    openssl("req", "-x509", "-days", "3650", "-subj", name, *options, "-nodes", "-keyout", key, "-out", certificate)
    if version == 1:  # which `openssl req` cannot make
        openssl("x509", "-x509toreq", "-in", certificate, "-signkey", key, "-out", request)
        openssl("x509", "-req", "-days", "3650", "-in", request, "-signkey", key, "-out", certificate)
    return openssl("x509", "-in", certificate, "-outform", "DER")


def main():
    bundle = b""
    for label, (name, options) in CERTIFICATES.items():
        with tempfile.TemporaryDirectory() as folder:
            der = make(Path(folder), name, options, version=1 if label == "version-1" else 3)
        (FOLDER / f"{label}.der").write_bytes(der)
        (FOLDER / f"{label}.name").write_bytes(subject(der))
        bundle += openssl("x509", "-inform", "DER", "-text", stdin=der)
    (FOLDER / "bundle.pem").write_bytes(bundle)


if __name__ == "__main__":
    main()
