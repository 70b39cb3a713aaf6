"""What the files of the module and its helper are: what they need, show, and are hardened with.

For the release tree only: what a debugging build is made of is nobody's concern."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

import elf
from pam_host import build_dir

ENTRY_POINTS = {"pam_sm_authenticate", "pam_sm_setcred", "pam_sm_acct_mgmt"}
NOT_IMPLEMENTED = {"pam_sm_chauthtok", "pam_sm_open_session", "pam_sm_close_session"}
NO_MODULE_NEEDS = {"getenv", "secure_getenv", "setenv", "putenv", "openlog", "closelog", "setlogmask", "syslog",
                   "signal", "setlocale", "chroot", "dlopen", "pthread_create", "system", "popen", "exit", "abort",
                   "execve", "execvp", "execl"}

module = build_dir() / "pam_zenml/pam_zenml.so"
helper = build_dir() / "pam_zenml/zenml-pam-helper"


def test_the_module_needs_libpam_and_libc_only():
    assert elf.needed(module) == {"libpam.so.0", "libc.so.6"}


def test_the_module_exports_what_it_implements():
    assert elf.exported(module) == ENTRY_POINTS


def test_libpam_would_find_the_entry_points_and_no_others():
    """As libpam loads it: everything resolved, nothing shared."""
    loaded = ctypes.CDLL(str(module), mode=os.RTLD_NOW | os.RTLD_LOCAL)
    assert all(hasattr(loaded, name) for name in ENTRY_POINTS)
    assert not any(hasattr(loaded, name) for name in NOT_IMPLEMENTED)


def test_loading_the_module_runs_nothing():
    """No constructor of ours: the process has the same threads, descriptors and environment as before."""
    look = ("import ctypes, os\n"
            "def state(): return sorted(os.listdir('/proc/self/task')), os.listdir('/proc/self/fd'), dict(os.environ)\n"
            "before = state()\n"
            f"ctypes.CDLL({str(module)!r})\n"
            "assert state() == before\n")
    subprocess.run([sys.executable, "-I", "-c", look], check=True)


def test_the_module_leaves_the_process_to_its_host():
    """What changes the whole process, or looks at what the caller put into it, is not even linked."""
    assert elf.imported(module) & NO_MODULE_NEEDS == set()


def test_the_module_knows_nothing_of_network_and_json():
    foreign = ("curl_", "cJSON", "SSL_", "X509_", "getaddrinfo", "connect")
    assert [name for name in elf.imported(module) if name.startswith(foreign)] == []


def test_the_helper_knows_nothing_of_pam():
    assert [name for name in elf.imported(helper) if name.startswith("pam_")] == []
    assert "libpam.so.0" not in elf.needed(helper)
    assert {"libcurl.so.4", "libcjson.so.1"} <= elf.needed(helper)


def test_the_helper_does_not_look_at_its_environment():
    assert elf.imported(helper) & {"getenv", "secure_getenv", "popen", "system", "dlopen"} == set()


@pytest.mark.parametrize("path", [module, helper], ids=["module", "helper"])
def test_hardening(path):
    """Any address, no executable stack, tables that are read-only once loaded, stack canary, checked copying."""
    assert elf.kind(path) == "DYN"
    assert elf.segments(path)["GNU_STACK"] == "RW"
    assert "GNU_RELRO" in elf.segments(path)
    assert "NOW" in elf.flags(path)
    assert "TEXTREL" not in elf.flags(path)
    assert elf.loaded(path) and "RWE" not in elf.loaded(path)
    assert "__stack_chk_fail" in elf.imported(path)
    assert any(name.startswith("__") and name.endswith("_chk") for name in elf.imported(path))


def test_unloading_the_module_leaves_its_code():
    assert "NODELETE" in elf.flags(module)


def test_the_stripped_module_is_small(tmp_path):
    assert elf.strip(module, tmp_path / "pam_zenml.so").stat().st_size <= 64 * 1024
