"""A real ZenML server for the tests in this folder, and accounts on it."""

from __future__ import annotations

import uuid

import pytest

import zenml_server
from zenml_admin import Account, Admin


@pytest.fixture(scope="session")
def server(tmp_path_factory) -> zenml_server.ServerHandle:
    """The server that all tests share."""
    try:
        with zenml_server.shared(tmp_path_factory.mktemp("server")) as handle:
            yield handle
    except zenml_server.NotInstalled as error:
        pytest.skip(str(error))


def start_or_skip(directory, settings=None) -> zenml_server.ServerHandle:
    """Start a server; skip the test when ZenML is not installed. A server that does not come up is a failure."""
    try:
        return zenml_server.start(directory, settings)
    except zenml_server.NotInstalled as error:
        pytest.skip(str(error))


@pytest.fixture
def start_own(tmp_path):
    """A function that starts a server for one test, with settings such as AUTH_SCHEME="NO_AUTH"."""
    started = []

    def start(**settings) -> zenml_server.ServerHandle:
        settings = {f"ZENML_SERVER_{name}": value for name, value in settings.items()}
        started.append(start_or_skip(tmp_path, settings))
        return started[-1]

    yield start
    for handle in started:
        handle.stop()


@pytest.fixture(scope="session")
def admin(server) -> Admin:
    """The administrator of the shared server."""
    return Admin.of(server)


@pytest.fixture
def account(admin) -> Account:
    """A new service account with one API key on the shared server."""
    # A name that no other test has, not even one that runs against the same server at the same time.
    return Account(admin, f"ci-{uuid.uuid4().hex[:12]}")
