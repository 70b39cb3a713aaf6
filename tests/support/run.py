"""Runs the program under test in a clean environment, and lets the secrets canary watch every run."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Iterable, Mapping, Sequence

import canary

# What the sanitizers and the coverage runtime need to be told; everything else comes from the test.
_INHERITED = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "GCOV_PREFIX", "GCOV_PREFIX_STRIP")
_CREDENTIAL = re.compile(r"ZENKEY_|ZENPROKEY_|eyJ[^.]*\.[^.]*\.[^.]*$")
_SCRATCH = tuple(map(Path, ("/tmp", "/var/tmp", "/dev/shm")))
_NOT_WRITTEN = tuple(map(Path, ("/usr", "/bin", "/etc", "/proc", "/sys", "/dev")))


@dataclass(frozen=True)
class Result:
    """How a program ended: exit code (negative: the signal's number), standard output and error as text (bytes
    that are not UTF-8 as surrogate escapes)."""

    code: int
    out: str
    err: str


def run(args: Sequence[str | Path], env: Mapping[str, str | Path] | None = None, stdin: str | bytes | None = None,
        timeout: float = 30, *, cwd: Path | None = None, secrets: Iterable[str] = (),
        secret_in: Collection[str | Path] | Mapping[str | Path, str] = (), program: str | Path | None = None,
        wrapper: Sequence[str | Path] = ()) -> Result:
    """Runs `zenml-login args…` and fails the test when a secret shows up where it may not.

    env        the whole environment, except PATH (/usr/bin:/bin, when not given) and sanitizer options
    stdin      what is on standard input; nothing when not given
    timeout    seconds after which the program is killed and the test fails
    cwd        working folder; a fresh empty one when not given
    secrets    what must not show up, in addition to the credentials given by `env`, by `stdin`, by the files that
               `env` and `args` name, by the fixture `api_key` and by the tokens that the fixtures' servers made
    secret_in  where secrets may show up all the same: "stdout", "stderr", "argv", or the path of a file. As a
               mapping it says which: {"stdout": "token"} allows tokens there, but not keys ("key" the reverse)
    program    another program than ZENML_LOGIN_BIN
    wrapper    a command to start the program with, such as ["unshare", "-n"]
    """
    program = program or os.environ["ZENML_LOGIN_BIN"]
    command = [str(part) for part in (*wrapper, program, *args)]
    environment = {"PATH": "/usr/bin:/bin"} | {name: os.environ[name] for name in _INHERITED if name in os.environ}
    environment |= {name: str(value) for name, value in (env or {}).items()}
    stdin = stdin.encode() if isinstance(stdin, str) else stdin or b""
    named = _named_paths([*map(str, args), *environment.values()])
    secrets = canary.secrets_to_find([*secrets, *_given_credentials(environment, stdin, named)])
    with tempfile.TemporaryDirectory() as folder:
        cwd = Path(cwd or folder)
        files = canary.Files([cwd, *filter(_is_scratch_folder, named)],
                             [*_SCRATCH, *(path.parent for path in named)])
        with canary.CommandLines() as command_lines:
            result = _finish(command, environment, cwd, stdin, timeout)
        places = {"stdout": result.out, "stderr": result.err, "argv": b"\n".join(command_lines.seen)}
        places |= {str(path): canary.read_start(path) for path in files.written()}
    _refuse_leaks(places, secrets, secret_in)
    return result


def _finish(command: Sequence[str], environment: Mapping[str, str], cwd: Path, stdin: bytes,
            timeout: float) -> Result:
    with subprocess.Popen(command, env=environment, cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE) as process:
        try:
            out, err = process.communicate(stdin, timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"still running after {timeout} s: {command[0]}") from None
    return Result(process.returncode, *(text.decode("utf-8", "surrogateescape") for text in (out, err)))


def _named_paths(words: Iterable[str]) -> set[Path]:
    """Absolute paths among arguments and values of variables, except those of the system's own files."""
    paths = {Path(word) for word in words if word.startswith("/") and len(word) < 4096 and "\n" not in word}
    return {path for path in paths if path.parent.is_dir() and not any(map(path.is_relative_to, _NOT_WRITTEN))}


def _is_scratch_folder(path: Path) -> bool:
    roots = [*_SCRATCH, Path(os.environ.get("ZN_BUILD_DIR", _SCRATCH[0]))]
    return path.is_dir() and any(path.is_relative_to(root) and path != root for root in roots)


def _given_credentials(environment: Mapping[str, str], stdin: bytes, named: Iterable[Path]) -> Iterable[str]:
    """Everything in the input of the program that has the shape of a credential."""
    texts = [*environment.values(), stdin.decode("latin-1")]
    texts += [canary.read_start(path).decode("latin-1") for path in named if path.is_file()]
    return (line.strip() for text in texts for line in text.splitlines() if _CREDENTIAL.match(line))


def _refuse_leaks(places: Mapping[str, bytes | str], secrets: Iterable[str],
                  secret_in: Collection[str | Path] | Mapping[str | Path, str]) -> None:
    allowed = {str(place): secret_in[place] if isinstance(secret_in, Mapping) else "key token" for place in secret_in}
    for place, text in places.items():
        for secret in canary.found_in(text, secrets):
            if canary.kind(secret) not in allowed.get(place, ""):
                # A failure message must not be the next leak: only where and what, never the text.
                raise AssertionError(f"the API {canary.kind(secret)} shows up in {place}")
