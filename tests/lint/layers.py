"""layers.txt holds: who includes whom, and who may include which system header."""

import fnmatch
import pathlib
import posixpath
import re

from house import SHIPPED_C, Rule, line_of

TABLE = pathlib.Path(__file__).with_name("layers.txt")
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)


def _table():
    """layers.txt as {kind: {name: [allowed, ...]}}."""
    table = {"room": {}, "core": {}, "only": {}, "never": {}}
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            key, _, allowed = line.partition(":")
            kind, name = key.split()
            table[kind][name] = allowed.split()
    return table


def _room(table, name):
    return next((room for room in table["room"] if name.startswith(room + "/")), None)


def _find(table, tree, includer, included):
    """The file that `#include "included"` means: beside, in the same room, or elsewhere; or None."""
    beside = posixpath.normpath(posixpath.join(posixpath.dirname(includer), included))
    if beside in tree.names:
        return beside
    found = [name for name in tree.names if f"/{name}".endswith(f"/{included}")]
    return min(found, key=lambda name: _room(table, name) != _room(table, includer), default=None)


def _why_not_header(table, includer, header):
    """Why `includer` may not include the project's `header`; None when it may."""
    room, other = _room(table, includer), _room(table, header)
    if other != room:
        return None if other in table["room"][room] else f"{room} may not use {other or header}"
    if room != "src/core":
        return None
    stem, wanted = pathlib.PurePosixPath(includer).stem, pathlib.PurePosixPath(header).stem
    if wanted in (stem, *table["core"].get(stem, ())):
        return None
    return f"{stem} may not use {wanted}"


def _why_not_system(table, includer, header):
    """Why `includer` may not include the system's `header`; None when it may."""
    for pattern, users in table["only"].items():
        if fnmatch.fnmatchcase(header, pattern) and not any(fnmatch.fnmatchcase(includer, user) for user in users):
            return f"only {' and '.join(users)} may include {header}"
    for folder, banned in table["never"].items():
        if includer.startswith(folder + "/") and any(fnmatch.fnmatchcase(header, pattern) for pattern in banned):
            return f"nothing in {folder} may include {header}"
    return None


def check_includes(tree):
    """Every #include of the shipped sources is allowed by layers.txt."""
    table, findings = _table(), []
    for name in tree.matching(*SHIPPED_C):
        if _room(table, name) is None:
            findings.append(f"{name}: no room in layers.txt holds this file")
            continue
        for found in _INCLUDE.finditer(tree.text(name)):
            header = _find(table, tree, name, found[2]) if found[1] == '"' else None
            why = _why_not_header(table, name, header) if header else _why_not_system(table, name, found[2])
            if why:
                findings.append(f"{name}:{line_of(tree.text(name), found.start())}: {why}")
    return findings


def check_table(tree):
    """layers.txt names the files of the core, all of them, and points downwards only."""
    core = _table()["core"]
    stems = {pathlib.PurePosixPath(name).stem for name in tree.matching("src/core/*.[ch]")}
    findings = [f"src/core/{stem}.c: missing in layers.txt" for stem in sorted(stems - set(core))]
    above = list(core)
    for at, (stem, allowed) in enumerate(core.items()):
        findings += [f"tests/lint/layers.txt: core {stem}: {other} is not above it"
                     for other in allowed if other not in above[:at]]
    return findings


RULES = (
    Rule("includes", check_includes, (
        {"src/core/text.c": '#include "login.h"\n', "src/core/login.h": ""},
        {"src/core/text.c": '#include "../cli/main.h"\n', "src/cli/main.h": ""},
        {"src/cli/main.c": '#include "pam_zenml/module.h"\n', "pam_zenml/module.h": ""},
        {"pam_zenml/module.c": '#include "cli/main.h"\n', "src/cli/main.h": ""},
        {"src/core/login.c": "#include <curl/curl.h>\n"},
        {"src/core/zenml.c": "#include <cjson/cJSON.h>\n"},
        {"src/core/text.c": "# include <stdio.h>\n"},
        {"src/hostcfg/file.c": "#include <stdio.h>\n"},
        {"src/hostcfg/file.c": '#include "cli/main.h"\n', "src/cli/main.h": ""},
        {"src/core/policy.c": "#include <security/pam_modules.h>\n"},
        {"src/elsewhere/main.c": ""},
    )),
    Rule("layers", check_table, ({"src/core/stranger.c": ""},)),
)
