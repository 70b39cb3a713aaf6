"""Certificate authorities and server certificates, made at test time with the `openssl` command line.

Every certificate has its own key, on P-256 unless RSA is asked for. A certificate is made when it is first asked for,
and kept as long as its `Certificates` object (once per test session) lives.

As a script, for other suites: `certs.py FOLDER` makes all of them in FOLDER and prints their paths.
"""

from __future__ import annotations

import argparse
import datetime
import functools
import re
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path

_CONFIG = """\
[req]
distinguished_name = name
prompt = no
[name]
CN = {name}
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectAltName = {san}
[ca]
default_ca = issuer
[issuer]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
unique_subject = no
default_md = sha256
policy = policy
[policy]
CN = supplied
"""

_LOOPBACK = "DNS:localhost,IP:127.0.0.1"

# Kinds of keys, as `openssl req -newkey` takes them.
EC = ("ec", "-pkeyopt", "ec_paramgen_curve:P-256")
RSA = ("rsa:2048",)


@dataclass(frozen=True)
class Pair:
    """A certificate (`crt`) and its private key (`key`), both paths of PEM files."""

    crt: Path
    key: Path


class Certificates:
    """The certificates that the tests need, made below `folder` (created when it is missing).

    kind_of_key  of all of them: EC or RSA"""

    def __init__(self, folder: Path, kind_of_key: tuple[str, ...] = EC):
        self.folder = Path(folder)
        self._kind_of_key = kind_of_key
        self.folder.mkdir(parents=True, exist_ok=True)

    # Authorities

    @functools.cached_property
    def authority(self) -> Pair:
        """The authority that signed all server certificates but `self_signed` and `unknown_ca`."""
        return self._self_signed("authority", "authority")

    @property
    def ca(self) -> Path:
        """PEM file of `authority`: what a test gives to `--ca-file`."""
        return self.authority.crt

    @functools.cached_property
    def other_authority(self) -> Pair:
        """An authority that has signed nothing but `unknown_ca`."""
        return self._self_signed("other-authority", "authority")

    @functools.cached_property
    def intermediate(self) -> Pair:
        """An authority that `authority` has signed, and that has signed nothing but `chained`."""
        return self._issue("intermediate", _LOOPBACK, extensions="authority")

    # Server certificates

    @functools.cached_property
    def good(self) -> Pair:
        """Valid for localhost and 127.0.0.1."""
        return self._issue("good", _LOOPBACK)

    @functools.cached_property
    def chained(self) -> Pair:
        """As `good`, but signed by `intermediate`, whose certificate follows in the same file."""
        pair = self._issue("chained", _LOOPBACK, issuer=self.intermediate)
        pair.crt.write_text(pair.crt.read_text() + self.intermediate.crt.read_text())
        return pair

    @functools.cached_property
    def ip_only(self) -> Pair:
        """Valid for the address 127.0.0.1 only, not for a name."""
        return self._issue("ip-only", "IP:127.0.0.1")

    @functools.cached_property
    def wrong_host(self) -> Pair:
        """Valid for another host; its CN says localhost, which no client may believe beside a SAN."""
        return self._issue("wrong-host", "DNS:zenml.example.com", common_name="localhost")

    @functools.cached_property
    def ending(self) -> Pair:
        """Valid for localhost and 127.0.0.1, for five more days."""
        return self._issue("ending", _LOOPBACK, last_day=5)

    @functools.cached_property
    def expired(self) -> Pair:
        """Was valid for localhost and 127.0.0.1 until yesterday."""
        return self._issue("expired", _LOOPBACK, first_day=-30, last_day=-1)

    @functools.cached_property
    def not_yet_valid(self) -> Pair:
        """Becomes valid for localhost and 127.0.0.1 tomorrow."""
        return self._issue("not-yet-valid", _LOOPBACK, first_day=1, last_day=30)

    @functools.cached_property
    def self_signed(self) -> Pair:
        """Right names and dates, but vouched for by nobody."""
        return self._self_signed("self-signed", "server", _LOOPBACK)

    @functools.cached_property
    def unknown_ca(self) -> Pair:
        """Right names and dates, but signed by `other_authority`."""
        return self._issue("unknown-ca", _LOOPBACK, issuer=self.other_authority)

    # Trust stores of a real size

    @functools.cached_property
    def bundle(self) -> Path:
        """One PEM file with the authorities of this system (if it has any) and then ours."""
        path = self.folder / "bundle.pem"
        path.write_text("".join(_system_authorities()) + self.ca.read_text())
        return path

    @functools.cached_property
    def hashed_folder(self) -> Path:
        """A folder as /etc/ssl/certs: the certificates of `bundle`, one a file, with their hash links and the
        bundle itself as ca-certificates.crt."""
        folder = self.folder / "hashed"
        folder.mkdir()
        for number, pem in enumerate([*_system_authorities(), self.ca.read_text()]):
            (folder / f"{number:03}.pem").write_text(pem)
        _openssl("rehash", folder)
        (folder / "ca-certificates.crt").write_text(self.bundle.read_text())
        return folder

    # Public keys

    def pin(self, pair: Pair) -> str:
        """The public key of `pair` in the form of curl's --pinnedpubkey: sha256//BASE64."""
        pem = _openssl("x509", "-in", pair.crt, "-noout", "-pubkey")
        der = _openssl("pkey", "-pubin", "-outform", "DER", stdin=pem)
        digest = _openssl("dgst", "-sha256", "-binary", stdin=der)
        return "sha256//" + _openssl("base64", "-A", stdin=digest).decode()

    # Making them

    def _paths(self, label: str) -> Pair:
        return Pair(self.folder / f"{label}.crt", self.folder / f"{label}.key")

    def _config(self, label: str, common_name: str, san: str) -> Path:
        path = self.folder / f"{label}.cnf"
        path.write_text(_CONFIG.format(name=common_name, san=san, folder=self.folder))
        return path

    def _self_signed(self, label: str, extensions: str, san: str = _LOOPBACK) -> Pair:
        pair = self._paths(label)
        config = self._config(label, f"zenml-login test {label}", san)
        _openssl("req", "-x509", "-config", config, "-extensions", extensions, "-days", "30",
                 *self._new_key(pair.key), "-out", pair.crt)
        return pair

    def _issue(self, label: str, san: str, *, common_name: str = "", issuer: Pair | None = None,
               extensions: str = "server", first_day: int = -1, last_day: int = 30) -> Pair:
        """Has `issuer` sign a new certificate; the days of its validity count from now."""
        issuer = issuer or self.authority
        pair = self._paths(label)
        config = self._config(label, common_name or f"zenml-login test {label}", san)
        request = self.folder / f"{label}.csr"
        (self.folder / "index").touch()
        _openssl("req", "-new", "-config", config, *self._new_key(pair.key), "-out", request)
        _openssl("ca", "-batch", "-notext", "-config", config, "-extensions", extensions,
                 "-cert", issuer.crt, "-keyfile", issuer.key, "-in", request, "-out", pair.crt,
                 "-startdate", _day(first_day), "-enddate", _day(last_day))
        return pair

    def _new_key(self, path: Path) -> list:
        return ["-newkey", *self._kind_of_key, "-nodes", "-keyout", path]


def _day(offset: int) -> str:
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=offset)
    return moment.strftime("%Y%m%d%H%M%SZ")


def _openssl(*arguments, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["openssl", *map(str, arguments)], input=stdin, capture_output=True, timeout=60,
                          check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace')}")
    return done.stdout


@functools.cache
def _system_authorities() -> list[str]:
    """The authorities of this system, each as PEM text; empty when it has no bundle file."""
    bundle = ssl.get_default_verify_paths().openssl_cafile
    for path in (Path("/etc/ssl/certs/ca-certificates.crt"), Path(bundle)):
        if path.is_file():
            pattern = "-----BEGIN CERTIFICATE-----\n.*?-----END CERTIFICATE-----\n"
            return re.findall(pattern, path.read_text(), re.DOTALL)
    return []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where to make them")
    certificates = Certificates(parser.parse_args().folder)
    for name, value in vars(Certificates).items():
        if isinstance(value, functools.cached_property):
            made = getattr(certificates, name)
            print(f"{name}: {f'{made.crt} {made.key}' if isinstance(made, Pair) else made}")


if __name__ == "__main__":
    main()
