"""The options of the host: table (src/hostcfg/options.c), manual page and example file agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "src" / "hostcfg" / "options.c"
MANUAL = ROOT / "docs" / "man" / "pam_zenml.conf.5.scd"
MODULE_MANUAL = ROOT / "docs" / "man" / "pam_zenml.8.scd"
EXAMPLE = ROOT / "pam_zenml" / "pam_zenml.conf"

TEXT = r'"((?:[^"\\]|\\.)*)"'
ROW = re.compile(rf"\{{{TEXT},\s*{TEXT},\s*(?:NULL|{TEXT}),\s*ZH_(ANYWHERE|IN_FILE|IN_ARGUMENTS),\s*{TEXT},\s")


class Option(NamedTuple):
    """A row of the table; `default` is empty when there is none, `place` is the tail of its ZH_ constant."""

    name: str
    type: str
    default: str
    place: str
    help: str


def table() -> list[Option]:
    """The rows of the table as its source has them."""
    source = TABLE.read_text(encoding="utf-8")
    rows = source[source.index("zh_option options[] = {"):source.index("#define OPTIONS")]
    found = [Option(*(re.sub(r"\\(.)", r"\1", text) for text in row)) for row in ROW.findall(rows)]
    assert len(found) == rows.count("{\"") > 20, "a row of the table has another form"
    return found


def plain(text: str) -> str:
    """Text of a manual page without markup and line breaks."""
    return re.sub(r"\s+", " ", re.sub(r"\*|\\|(?<!\w)_|_(?!\w)", "", text)).strip()


def documented() -> list[Option]:
    """The entries of the manual page; `help` is all of an entry's text up to its default."""
    page = MANUAL.read_text(encoding="utf-8")
    section = page[page.index("\n# OPTIONS\n"):page.index("\n# MAP FILE\n")]
    anywhere, arguments = section.split("\n## ")[1:]
    entries = []
    for place, part in (("ANYWHERE", anywhere), ("IN_ARGUMENTS", arguments)):
        for name, kind, body in re.findall(r"^\*(\w+)\* = _(.+)_\n((?:\t.*\n)+)", part, re.MULTILINE):
            default = re.search(r"\sDefault: _(.*)_\.$", body)
            entries.append(Option(name, kind, default[1] if default else "", place, plain(body)))
    return entries


def test_the_manual_page_lists_the_options_of_the_table():
    rows = sorted(table(), key=lambda row: row.place)  # the two parts of the page, each sorted by name
    assert [option[:4] for option in documented()] == [option[:4] for option in rows]


def test_the_manual_page_says_what_the_table_says():
    pages = {option.name: option.help for option in documented()}
    for option in table():
        says = re.sub(r"^\w", option.help[0], pages[option.name])  # whose first letter is large
        assert f"{says} ".startswith(f"{option.help}. "), option.name


def test_the_page_of_the_module_names_every_option():
    page = MODULE_MANUAL.read_text(encoding="utf-8")
    options = page[page.index("\n# OPTIONS\n"):page.index("\n# RETURN VALUES\n")]
    named = re.findall(r"^\*(\w+)(?:=|\*)", options, re.MULTILINE)
    assert sorted(named) == [option.name for option in table()]


def test_the_example_shows_the_options_of_the_file():
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    shown = {}
    for number, line in enumerate(lines):
        if found := re.fullmatch(r"#(\w+) = (.+)", line):
            assert found[1] not in shown, f"{found[1]} is shown twice"
            comment = [text for text in lines[number - 2:number] if re.fullmatch(r"# [^(-].*", text)]
            shown[found[1]] = (found[2], comment[-1].removeprefix("# "))
        else:
            assert line in ("", "#") or line.startswith("# "), f"neither comment nor option: {line}"
    of_the_file = {option.name: option for option in table() if option.place != "IN_ARGUMENTS"}
    assert set(shown) == set(of_the_file)
    for name, option in of_the_file.items():
        value, comment = shown[name]
        assert comment == option.help
        assert value == option.default or not option.default
