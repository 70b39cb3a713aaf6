"""The page of a login as a QR code: what a phone reads is the URL that stands above it."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from keys import make_key
from outcome import login
from surroundings import at_terminal, on_terminal

from qr_reader import decode, drawing_in
from zenml_replies import Zenml


@pytest.fixture
def server(start_server):
    return start_server(healthy=Zenml(api_keys={make_key()}))


def page(server, home, columns: int, rows: int = 0, **variables: str) -> str:
    """What a terminal of so many columns and rows (0: it does not tell) shows of a login."""
    wide = ["sh", "-c", f'stty cols {columns} rows {rows}; exec "$@"', "sh"]
    result = login(server, {"HOME": home, **variables}, "login", wrapper=[*on_terminal(), *wide], stdin="\n",
                   secret_in=[home / ".config" / "zenml-login" / quote(server.url, safe="")])
    assert result.code == 0, result.out
    return result.out


def url_in(text: str) -> str:
    return re.search(r"^    (http\S+)\r?$", text, re.MULTILINE)[1]


@pytest.mark.parametrize("variables, character", (
    ({"LC_ALL": "C.UTF-8"}, "█"), ({"LANG": "de_DE.utf8"}, "█"), ({"LC_ALL": "C"}, "#"),
    ({"LC_ALL": "C", "LANG": "C.UTF-8"}, "#")), ids=str)
def test_a_phone_reads_the_page(variables, character, server, tmp_path, binary):
    text = page(server, tmp_path, 200, **variables)
    assert all(character in line for line in drawing_in(text))
    assert decode(text) == url_in(text)


@pytest.mark.parametrize("locale", ("C.UTF-8", "C"))
def test_a_terminal_that_is_too_narrow(locale, server, tmp_path, binary):
    text = page(server, tmp_path, 200, LC_ALL=locale)
    width = len(drawing_in(text)[0])
    assert drawing_in(page(server, tmp_path, width, LC_ALL=locale))
    narrow = page(server, tmp_path, width - 1, LC_ALL=locale)
    assert not drawing_in(narrow) and url_in(narrow)


def test_what_is_no_terminal(server, tmp_path, binary):
    kept = tmp_path / ".config" / "zenml-login" / quote(server.url, safe="")
    result = login(server, {"HOME": tmp_path, "LC_ALL": "C"}, "login", wrapper=at_terminal("\n"),
                   secret_in={kept: "token"})
    assert result.code == 0 and not drawing_in(result.err) and url_in(result.err)


def test_no_code_that_does_not_fit_above_the_url(server, tmp_path, binary):
    """Half of one is of no use, and would scroll the page's URL away."""
    assert not drawing_in(page(server, tmp_path, 120, 24, LC_ALL="C.UTF-8"))
    text = page(server, tmp_path, 120, 60, LC_ALL="C.UTF-8")
    assert decode(text) == url_in(text)
    assert text.rindex("█") < text.index(url_in(text))
