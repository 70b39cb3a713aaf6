"""What the tests of the CI login share: the tools of `./dev test ci`, a real ZenML server, and the action."""

from __future__ import annotations

import os
import sys
import uuid
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))

import zenml_server  # noqa: E402
from act import ACTION  # noqa: E402
from lints import Lints  # noqa: E402
from zenml_admin import Account, Admin  # noqa: E402


@pytest.fixture(scope="session")
def ci_tools() -> Path:
    """The folder that ./dev fills with the tools of these tests; bin/ has the programs."""
    path = Path(os.environ.get("ZN_CI_TOOLS", ""))
    if not (path / "bin" / "act").exists():
        pytest.skip("ZN_CI_TOOLS does not name the folder with the tools of ./dev test ci")
    return path


@pytest.fixture
def plain_server(start_server):
    """A test server without TLS."""
    return start_server(tls=None)


@pytest.fixture(scope="session")
def zenml(tmp_path_factory) -> zenml_server.ServerHandle:
    """The real ZenML server that all tests share."""
    try:
        with zenml_server.shared(tmp_path_factory.mktemp("server")) as handle:
            yield handle
    except zenml_server.NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def account(zenml) -> Account:
    """A service account with one API key on that server."""
    return Account(Admin.of(zenml), f"ci-{uuid.uuid4().hex[:12]}")


@pytest.fixture(scope="session")
def action_binaries() -> Path:
    """The folder of the action's own binaries and their SHA256SUMS."""
    folder = ACTION / "bin"
    if not (folder / "SHA256SUMS").exists():
        pytest.skip("the action has no binaries: ./dev static makes them")
    return folder


@pytest.fixture(scope="session")
def lints(ci_tools, tmp_path_factory) -> Lints:
    """The linters among those tools."""
    return Lints(ci_tools, tmp_path_factory.mktemp("lints"))
