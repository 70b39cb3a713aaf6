"""Values over all bytes: whatever a user puts into one, every reader gets exactly that, or nothing is written.

A user can put any text into two of them: the path of the CA file, and that of the server's URL."""

from __future__ import annotations

import os
import random
import re
import string

import pytest
from formats import ASCII, BY_DEFAULT, CA, PIECES, TEXT, TOKEN, WAYS, read_by_all, write, write_with_path

from zenml_replies import Zenml

CONTROLS = [chr(code) for code in (*range(1, 0x20), 0x7f, 0x80, 0x85, 0x9b, 0x9f)]
# Bytes that no UTF-8 text has there; in Python's text they are surrogates.
NOT_UTF8 = [bytes(data).decode("utf-8", "surrogateescape") for data in (
    *([byte] for byte in range(0x80, 0x100)), [0xc3, 0x28], [0xe2, 0x82], [0xc0, 0xaf], [0xed, 0xa0, 0x80],
    [0xf4, 0x90, 0x80, 0x80])]

# One way of each kind; the formats for the shells of CI platforms write what "shell" does.
KINDS = [name for name in BY_DEFAULT if not WAYS[name].noted or name in ("github", "shell")]


def some(texts) -> list[str]:
    """All of them, or few where an emulator runs the program: a start takes 50 times as long there."""
    return sorted(texts)[::16 if "ZN_EMULATED" in os.environ else 1]


@pytest.fixture
def write_path(start_server, certs, api_token, tmp_path, binary):
    """A function that writes with a CA file of this path below the test's folder: the result, what was written, and
    the value that every reader has to find."""
    server = start_server(tls=None)  # for speed: the path is passed on all the same

    def write_it(name, relative):
        written = write_with_path(name, server, certs.ca, {TOKEN: api_token}, tmp_path, relative)
        assert not list(tmp_path.rglob("pwned"))
        return written
    return write_it


def is_exact(name, written) -> bool:
    """True when the value reads the same again; False when it was refused as a whole."""
    result, content, value = written
    if result.code == 14:
        # What a shell reads is "(exit 14)"; everywhere else there is nothing at all.
        assert re.search(f"{CA}.*format {WAYS[name].format}", result.err)
        assert content in (b"", b"(exit 14)\n") and (content == b"" or WAYS[name].noted)
        return False
    assert result.code == 0, result.err
    assert read_by_all(name, content)[CA] == value
    return True


@pytest.mark.parametrize("name", WAYS)
def test_what_a_format_holds_is_written_exactly(name, write_path):
    """All characters at once, in both orders, doubled, and in a few random ones; each way may end with any of them."""
    characters = WAYS[name].holds.replace("/", "")
    generator = random.Random(name)
    shuffled = ["".join(generator.sample(characters, len(characters))) for _ in range(4)]
    doubled = "".join(2 * character for character in characters)
    names = [characters, characters[::-1], doubled[:120], doubled[120:], *shuffled]
    path = "/".join(part for part in names if part)
    assert is_exact(name, write_path(name, path))


@pytest.mark.parametrize("name", KINDS)
def test_every_special_character_first_and_last(name, write_path):
    for character in some(set(WAYS[name].holds) - set(string.ascii_letters + string.digits + "/.")):
        assert is_exact(name, write_path(name, f"{character}a/a{character}"))


@pytest.mark.parametrize("name", KINDS)
def test_other_characters_are_exact_or_refused(name, write_path):
    for character in some(set(TEXT) - set(WAYS[name].holds)):
        is_exact(name, write_path(name, f"a{character}a"))


@pytest.mark.parametrize("name", KINDS)
def test_control_characters_are_refused(name, write_path):
    """A line break in a value would be a line of its own, and no reader keeps all the others."""
    assert not any(is_exact(name, write_path(name, f"a{character}a")) for character in some(CONTROLS))


@pytest.mark.parametrize("name", KINDS)
def test_what_is_not_utf8_is_refused(name, write_path):
    # All of them once is enough: the rule is one for all formats, and one of each kind shows that it holds.
    for text in some(NOT_UTF8) if name == "json" else NOT_UTF8[::16]:
        assert not is_exact(name, write_path(name, f"a{text}a"))


@pytest.mark.parametrize("name", WAYS)
def test_pieces_of_syntax_are_exact_or_refused(name, write_path):
    """At the start, in the middle and at the end of a name, then in random mixtures."""
    generator = random.Random(name)
    single = [f"{piece}a/a{piece}a/a{piece}" for piece in PIECES]
    mixed = ["".join(generator.choices((*PIECES, *string.ascii_letters), k=count)) for count in range(3, 11)]
    for text in some((single if name in KINDS else generator.sample(single, 5)) + mixed):
        if not is_exact(name, write_path(name, text)):
            assert set(text) - set(WAYS[name].holds) or name == "azure" and "$(" in text


# As they stand and percent-encoded: what a URL keeps of them is up to its parser.
URL_PATHS = [
    *(f"/z{piece}en" for piece in ("'", "$(touch pwned)", "`", "\\", "%25", "#", " ", "é", "<<EOF", "$(Agent.OS)")),
    "/a/b", "/a//b", "/a/./b", "/a/../b", "/..", "/%2e%2e/", "/a;b=c", "/$(touch%20pwned)", "/'", "/a'b'c", "/''",
    "/~user", "/a@b", "/a:b", "/[x]", "/^", "/a=b", "/=", "/a\\", "/::add-mask::a", "/$HOME", "/a&b|c"]


@pytest.mark.parametrize("name", KINDS)
def test_server_url_is_exact_or_refused(name, start_server, api_key, api_token, tmp_path, binary):
    zenml = Zenml(api_keys={api_key})

    def under_any_prefix(request):
        at = request.target.find("/api/v1/")
        return zenml.answer(type(request)(request.method, request.target[at:], request.headers, request.body, 1))

    server = start_server({"*": under_any_prefix}, tls=None, ca=None)
    written = 0
    for path in URL_PATHS:
        server.url_for = lambda host, path=path: f"http://{host}:{server.port}{path}"
        result, content = write(name, server, {TOKEN: api_token}, tmp_path)
        assert result.code in (0, 2, 14) and not (tmp_path / "pwned").exists(), (path, result.err)
        if result.code != 0:
            assert content in (b"", f"(exit {result.code})\n".encode())
            continue
        url = read_by_all(name, content)["ZENML_STORE_URL"]
        assert url == server.url.rstrip("/") or "/." in path or "%2e" in path, path
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+(/.*[^/])?", url)
        written += 1
    assert written >= (15 if ASCII[0] in WAYS[name].holds else 7)
