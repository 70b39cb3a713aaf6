"""The static program where there is nothing else: an empty, read-only root folder (FROM scratch)."""

from __future__ import annotations

import json
import os
import shutil

import pytest

from run import run

UNPRIVILEGED = "65534:65534"
# $1 is the folder that becomes the root; the rest is the program with its arguments.
ENTER = f"""
set -e
root=$1
shift
mount --bind "$root" "$root"
mount -o remount,bind,ro "$root"
exec /usr/sbin/chroot --userspec={UNPRIVILEGED} --groups= "$root" "$@"
"""


@pytest.fixture
def root(tmp_path, binary, certs):
    """A folder with the program, the test server's authority, and nothing else: no /dev, /proc, /etc, /tmp."""
    if os.geteuid() != 0:
        pytest.skip("only root can change the root folder")
    shutil.copy(binary, tmp_path / "zenml-login")
    (tmp_path / "given").mkdir()
    shutil.copy(certs.ca, tmp_path / "given/ca.pem")
    (tmp_path / "given/ca.pem").chmod(0o444)
    tmp_path.chmod(0o755)
    return tmp_path


@pytest.fixture
def run_in(root, api_key):
    """A function that runs the program in there, without HOME, with the API key. `unshare`: more options of unshare."""
    def run_there(*args, unshare=(), **options):
        return run(args, env={"ZENML_STORE_API_KEY": api_key}, program="/zenml-login",
                   wrapper=["unshare", "--mount", *unshare, "sh", "-c", ENTER, "sh", root], **options)
    return run_there


# As the only process, it has the place of init: no parent, signals without default action.
@pytest.mark.parametrize("unshare", [(), ("--pid", "--fork", "--kill-child")], ids=["process", "process 1"])
def test_whoami(unshare, run_in, server):
    result = run_in("whoami", "--json", "--server", server.url, "--ca-file", "/given/ca.pem", unshare=unshare)
    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["ok"] is True
    seen = server.settle()
    assert (seen.connections, seen.handshakes) == (1, 1)


def test_env(run_in, server):
    result = run_in("env", "--format", "json", "--server", server.url, "--ca-file", "/given/ca.pem",
                    secret_in={"stdout": "token"})
    assert result.code == 0
    assert json.loads(result.out)["ZENML_STORE_URL"] == server.url


@pytest.mark.parametrize("unshare", [(), ("--pid", "--fork", "--kill-child")], ids=["process", "process 1"])
def test_exec(unshare, run_in, server):
    """The command takes the place of the program; here it is the only other static program there is: itself."""
    result = run_in("exec", "--server", server.url, "--ca-file", "/given/ca.pem", "--", "/zenml-login", "--version",
                    unshare=unshare)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith("zenml-login ")


def test_the_bundle_inside_serves(run_in, server):
    """There are authorities, and none of them is the server's."""
    result = run_in("whoami", "--server", server.url)
    assert result.code == 9
    assert "the server's certificate is not trusted" in result.err
