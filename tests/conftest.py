"""What all Python tests share: the helpers in tests/support, the program under test, test servers and credentials."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent / "support"))
pytest.register_assert_rewrite("fault", "outcome")  # Failed asserts outside of test_*.py say the values as well.

import canary  # noqa: E402
from certs import Certificates  # noqa: E402
from keys import make_key  # noqa: E402
from tls_server import Server  # noqa: E402
from zenml_replies import Zenml, make_token  # noqa: E402


@pytest.fixture(scope="session")
def binary() -> Path:
    """The zenml-login program under test."""
    path = os.environ.get("ZENML_LOGIN_BIN")
    if not path:
        pytest.skip("ZENML_LOGIN_BIN does not name the zenml-login binary")
    if not Path(path).is_file():
        pytest.fail(f"ZENML_LOGIN_BIN names no file: {path}")
    return Path(path)


@pytest.fixture(scope="session")
def certs(tmp_path_factory) -> Certificates:
    """Authorities and server certificates, made when first asked for."""
    return Certificates(tmp_path_factory.mktemp("certs"))


@pytest.fixture(scope="session")
def api_key() -> str:
    """An API key in the form of ZenML's: 167 characters, another one in each session."""
    return make_key()


@pytest.fixture
def api_token() -> str:
    """An API token that the test servers take, valid for one hour."""
    return canary.remember(make_token(3600))


@pytest.fixture
def start_server(certs, api_key):
    """A function that starts a test server, over TLS unless `tls=None` is given; it ends with the test.

    It takes what `Server` takes. What its script does not name is answered as by a healthy ZenML server that knows
    the one API key `api_key`."""
    with contextlib.ExitStack() as stack:
        def start(script=None, **options) -> Server:
            options.setdefault("healthy", Zenml(api_keys={api_key}, on_token=canary.remember))
            options = {"tls": certs.good, "ca": certs.ca} | options
            return stack.enter_context(Server(script, **options))
        yield start


@pytest.fixture
def server(start_server) -> Server:
    """A healthy ZenML server over TLS; `server.url` and `server.ca` (PEM file) are for --server and --ca-file."""
    return start_server()
