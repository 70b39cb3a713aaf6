"""A PAM application that plays many transactions, each in a process of its own, as a program of that service would be.

    played = play([Transaction("sshd", "alice", {KEY_PROMPT: key}), ...])
    assert played[0].let_in

pam_driver (driver.c) answers prompts in a given order and shows everything; this one answers by what a prompt says, so
that stacks may ask what they like, and says whether the user is in. As a script it takes transactions as JSON from
standard input and prints what came of them; `play` runs it so, since a process with threads should not fork.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Sequence

SUCCESS, CONV_ERR = 0, 19
CANCEL = "\x03"  # an answer: the conversation fails, as on Ctrl-C
NO_TEXT = "\x04"  # an answer: the conversation succeeds without a text, as on Ctrl-D

_PROMPTS = (1, 2)  # PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON
_FAIL_DELAY = 10
_ESTABLISH_CRED, _DELETE_CRED = 2, 4
_AT_ONCE = 8  # transactions
_PATIENCE = 120  # seconds, for all of them


@dataclass(frozen=True)
class Transaction:
    """One login: authenticate, account, setcred.

    answers  prompt to answer; a prompt that is not there fails the conversation
    caller   real uid of the application; the effective one is 0, as in a setuid program
    closed   descriptors that the application does not have
    between  None, or a path and the text to write there between authenticate and account
    """

    service: str
    user: str
    answers: dict[str, str]
    caller: int = 0
    closed: tuple[int, ...] = ()
    between: tuple[str, str] | None = None


@dataclass(frozen=True)
class Played:
    """What came of it: whether the user is in, the codes of the PAM functions that were called, the prompts."""

    let_in: bool
    codes: list[int] = field(default_factory=list)
    prompts: list[str] = field(default_factory=list)


def play(transactions: Sequence[Transaction], at_once: int = _AT_ONCE, wrapper: Sequence[str] = ()) -> list[Played]:
    """Plays the transactions, at most `at_once` at the same time, and returns what came of each. `wrapper` is a
    command to run the application with, such as strace."""
    orders = json.dumps({"at_once": at_once, "transactions": [asdict(one) for one in transactions]})
    done = subprocess.run([*wrapper, sys.executable, "-I", __file__], input=orders.encode(), stdout=subprocess.PIPE,
                          check=True, timeout=_PATIENCE, env={"PATH": "/usr/bin:/bin"}, cwd="/")
    return [Played(**one) for one in json.loads(done.stdout)]


# What follows runs in the script.


class _Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class _Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


_CONVERSE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.POINTER(_Message)),
                             ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p)
_DELAY = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class _Conversation(ctypes.Structure):
    _fields_ = [("function", _CONVERSE), ("data", ctypes.c_void_p)]


def _play_here(transaction: Transaction) -> Played:
    libc, pam = ctypes.CDLL(None), ctypes.CDLL("libpam.so.0")
    libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
    prompts: list[str] = []

    def converse(count, messages, responses, _data):
        array = libc.calloc(count, ctypes.sizeof(_Response))
        for number in range(count):
            message = messages[number].contents
            if message.style not in _PROMPTS:
                continue
            prompt = message.text.decode()
            prompts.append(prompt)
            answer = transaction.answers.get(prompt, CANCEL)
            if answer == CANCEL:
                libc.free(ctypes.c_void_p(array))
                return CONV_ERR
            if answer != NO_TEXT:
                response = _Response.from_address(array + number * ctypes.sizeof(_Response))
                response.text = libc.strdup(answer.encode())
        responses[0] = array
        return SUCCESS

    conversation = _Conversation(_CONVERSE(converse))
    delay = _DELAY(lambda *_: None)  # instead of the pause after a refusal
    handle = ctypes.c_void_p()
    for descriptor in transaction.closed:
        os.close(descriptor)
    os.setresuid(transaction.caller, 0, 0)
    pam.pam_start(transaction.service.encode(), transaction.user.encode(), ctypes.byref(conversation),
                  ctypes.byref(handle))
    pam.pam_set_item(handle, _FAIL_DELAY, ctypes.cast(delay, ctypes.c_void_p))
    codes = [pam.pam_authenticate(handle, 0)]
    if codes[-1] == SUCCESS:
        if transaction.between:
            Path(transaction.between[0]).write_text(transaction.between[1], encoding="utf-8")
        codes.append(pam.pam_acct_mgmt(handle, 0))
    if codes[-1] == SUCCESS:
        codes.append(pam.pam_setcred(handle, _ESTABLISH_CRED))
    let_in = codes[-1] == SUCCESS and len(codes) == 3
    pam.pam_end(handle, codes[-1])
    return Played(let_in, codes, prompts)


def _start(transaction: Transaction) -> tuple[int, int]:
    """Plays in a child; returns its pid and the descriptor that it writes to."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        os.write(writing, json.dumps(asdict(_play_here(transaction))).encode())
        os._exit(0)
    os.close(writing)
    return child, reading


def _finish(child: int, reading: int) -> dict:
    with os.fdopen(reading, "rb") as stream:
        text = stream.read()
    _, status = os.waitpid(child, 0)
    if status != 0 or not text:
        raise RuntimeError(f"a transaction ended with wait status {status}")
    return json.loads(text)


def main() -> None:
    """See the module's text."""
    orders = json.load(sys.stdin)
    waiting = [Transaction(**one) for one in orders["transactions"]]
    running: list[tuple[int, int]] = []
    results = []
    while waiting or running:
        while waiting and len(running) < orders["at_once"]:
            running.append(_start(waiting.pop(0)))
        results.append(_finish(*running.pop(0)))
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
