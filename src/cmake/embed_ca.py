#!/usr/bin/env python3
"""Writes a bundle of certificate authorities as C source, for src/core/ca_embedded.h.

    embed_ca.py BUNDLE VERSION OUT

BUNDLE   the PEM file, certifi's cacert.pem
VERSION  that of certifi, a date (2026.10.18), for --version
OUT      the C file. The same certificates give the same bytes, in whatever order they stand in the bundle.
"""

import argparse
import base64
import datetime
import re
import sys
from pathlib import Path

_BLOCK = re.compile(r"^-----BEGIN CERTIFICATE-----\n([A-Za-z0-9+/=\n]+)^-----END CERTIFICATE-----$", re.MULTILINE)
_SOURCE = """\
/* {name}: {count} certificates. Written by embed_ca.py. */
#include "core/ca_embedded.h"

static const unsigned char der[{size}] = {{
{rows}
}};

const struct zn_span zn_ca_embedded = {{(const char *)der, sizeof(der)}};
const char zn_ca_embedded_name[] = "{name}";
"""


def certificates(pem: str) -> list[bytes]:
    """Each certificate of a PEM text in DER, sorted. ValueError when a block is no certificate, or there is none."""
    blocks = _BLOCK.findall(pem)
    if not blocks or len(blocks) != pem.count("-----BEGIN "):
        raise ValueError("not a file of PEM certificates only")
    found = sorted(map(base64.b64decode, blocks))
    for der in found:
        if der[:2] != b"\x30\x82" or int.from_bytes(der[2:4], "big") + 4 != len(der):
            raise ValueError("a block holds something else than one certificate")
    return found


def source(found: list[bytes], date: datetime.date) -> str:
    """The C source that holds these certificates."""
    der = b"".join(found)
    rows = (",".join(map(str, der[at:at + 32])) for at in range(0, len(der), 32))
    return _SOURCE.format(name=f"CA bundle {date}", count=len(found), size=len(der), rows=",\n".join(rows))


def _date(version: str) -> datetime.date:
    return datetime.datetime.strptime(version, "%Y.%m.%d").date()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE")
    parser.add_argument("version", type=_date, metavar="VERSION")
    parser.add_argument("out", type=Path, metavar="OUT")
    options = parser.parse_args()
    try:
        found = certificates(options.bundle.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        print(f"embed_ca.py: {options.bundle}: {error}", file=sys.stderr)
        return 1
    options.out.write_text(source(found, options.version), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
