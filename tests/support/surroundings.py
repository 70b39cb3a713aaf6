"""Wrappers for `run(…, wrapper=…)`: they start the program in less friendly surroundings.

A test that cannot have them on this machine is skipped with the reason."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys

import pytest


def in_shell(script: str) -> list[str]:
    """Runs `script` in sh, where "$@" is the program with its arguments."""
    return ["sh", "-c", script, "sh"]


def at_terminal(typed: str) -> list[str]:
    """Standard input is a terminal, and `typed` has been typed on it already; the other streams stay."""
    script = ("import os, sys; ours, its = os.openpty(); os.set_inheritable(ours, True); os.write(ours, {typed!r}); "
              "os.dup2(its, 0); os.execvp(sys.argv[1], sys.argv[1:])")
    return [sys.executable, "-c", script.format(typed=typed.encode())]


def as_background_job() -> list[str]:
    """A shell on the terminal runs the program in the background, as with "&", and ends as it does. It does not wait
    for a job that is stopped."""
    return _needs("bash", "-mc", '"$@" & wait $!', "bash")


def on_terminal() -> list[str]:
    """All three streams are one terminal; what is shown there comes out on standard output, with "\\r\\n"."""
    return [sys.executable, "-c", "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"]


def without_capabilities(*names: str) -> list[str]:
    """Root without these capabilities ("sys_ptrace"); nothing for other users, who have none."""
    if os.geteuid() != 0:
        return []
    dropped = ",".join(f"-{name}" for name in names)
    return _needs("setpriv", f"--bounding-set={dropped}", "--inh-caps=-all")


def bound_by_file_modes() -> list[str]:
    """File modes count, for root as well."""
    return without_capabilities("dac_override", "dac_read_search")


def with_mounts(script: str) -> list[str]:
    """Runs `script` as in_shell, in a mount namespace of its own."""
    return [*_namespace("-m"), *in_shell(script)]


def as_process_1() -> list[str]:
    """The program becomes process 1 of a new process namespace with its own /proc."""
    return _namespace("-p", "-f", "--mount-proc", "--kill-child")


def traced(*options: str) -> list[str]:
    """Runs the program under strace. Skipped where an emulator runs it: the system calls would be the emulator's."""
    if "ZN_EMULATED" in os.environ:
        pytest.skip("the program runs in an emulator, which makes system calls of its own")
    # The leak sanitizer cannot work in a traced program.
    sanitizer = f"ASAN_OPTIONS={os.environ.get('ASAN_OPTIONS', '')}:detect_leaks=0"
    return _needs("strace", "-qq", "-E", sanitizer, *options)


@functools.cache
def _namespace(*options: str) -> list[str]:
    command = _needs("unshare", *([] if os.geteuid() == 0 else ["-r"]), *options)
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip(f"this machine does not allow {' '.join(command)}")
    return command


def _needs(program: str, *arguments: str) -> list[str]:
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    return [program, *arguments]
