"""What the PAM tests share: the private machine of pam_host.py."""

from __future__ import annotations

import pytest

from pam_host import PamHost, cannot_start


@pytest.fixture(scope="session")
def pam_host(tmp_path_factory) -> PamHost:
    """The private machine, with the module and helper of the build tree and the users alice, bob (group ops) and
    carol. What a test writes there stays for the next one: configuration and services are written anew by each."""
    reason = cannot_start()
    if reason:
        pytest.skip(reason)
    with PamHost(tmp_path_factory.mktemp("machine")) as host:
        if not host.module.exists():
            pytest.fail(f"no PAM module: {host.module}")
        host.add_user("alice", 20001)
        host.add_user("bob", 20002, ["ops"])
        host.add_user("carol", 20003)
        yield host
