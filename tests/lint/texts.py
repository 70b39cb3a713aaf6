"""Rules about files as texts: form, comments, what may be in the repository at all, and what is registered."""

import ast
import pathlib
import re
import warnings

from house import C_FILES, REPOSITORY, SHIPPED_C, Rule, run

ROOT = {"README.md", "LICENSE", "CMakeLists.txt", "CMakePresets.json", "dev",
        "src", "pam_zenml", "action", "tests", "docs"}

TEST_FOLDERS = ("unit", "pam", "cli", "ci", "e2e", "faults", "fuzz", "support")  # not lint, mutation, bench

WIDTHS = {C_FILES: 100,
          ("dev", "*.sh", "src/cli/completions/*", ".ci/run", "*.py", "*CMakeLists.txt", "*.cmake"): 120}

# Written so that they do not match themselves.
OF_A_MACHINE = re.compile(
    r"(?<![\w.])/(?:wor[k]|roo[t])/"  # folders of whoever built it
    r"|(?<![\w.])/hom[e]/(?!runner\b)\w+"
    r"|--(?:extra-)?inde[x]-url|\bGOPROX[Y]=|\bregistr[y]=http"  # package registries
    r"|https?://[\w.-]*(?:artifactor[y]|nexu[s]\.|devp[i])")


def check_root(tree):
    """The root holds dotfiles and the entries of ROOT, nothing else."""
    entries = {name.split("/")[0] for name in tree.names}
    return [f"{entry}: does not belong into the root folder"
            for entry in sorted(entries - ROOT) if not entry.startswith(".")]


def check_machine(tree):
    """No text names a folder or a package registry of the machine it was written on."""
    findings = []
    for name in tree.names:
        for number, line in enumerate((tree.text(name) or "").splitlines(), 1):
            findings += [f"{name}:{number}: belongs to one machine: {found[0]}"
                         for found in OF_A_MACHINE.finditer(line)]
    return findings


def check_format(tree):
    """C files look as clang-format leaves them."""
    style = f"--style=file:{REPOSITORY / '.clang-format'}"
    findings = []
    for name in tree.matching(*C_FILES):
        good, output = run("clang-format", "--dry-run", "--Werror", style, str(tree.path(name)))
        if not good:
            line = re.search(r":(\d+):\d+: ", output)
            findings.append(f"{name}:{line[1] if line else 0}: clang-format -i {name} would change this")
    return findings


def check_shell(tree):
    """shellcheck has nothing to say about scripts with a shell's #! line or a name in .sh or .bash."""
    findings = []
    for name in tree.names:
        if name.endswith((".sh", ".bash")) or re.match(r"#!.*\b(?:ba|da)?sh\b", (tree.text(name) or "")[:40]):
            good, output = run("shellcheck", str(tree.path(name)))
            if not good:
                findings.append(f"{name}: {output}")
    return findings


def _unused_imports(source):
    """(line, name) of what a module imports and never mentions."""
    nodes = list(ast.walk(source))
    mentioned = {node.id for node in nodes if isinstance(node, ast.Name)}
    for node in nodes:
        if isinstance(node, (ast.Import, ast.ImportFrom)) and getattr(node, "module", "") != "__future__":
            names = {alias.asname or alias.name.split(".")[0] for alias in node.names}
            yield from ((node.lineno, name) for name in names - mentioned)


def check_python(tree):
    """Python files compile without a warning, such as an invalid escape, and use what they import."""
    findings = []
    for name in tree.matching("*.py"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                source = ast.parse(tree.text(name), name)
        except SyntaxError as error:
            findings.append(f"{name}:{error.lineno}: {error.msg}")
            continue
        findings += [f"{name}:{line}: {unused} is imported and not used" for line, unused in _unused_imports(source)]
    return findings


def check_width(tree):
    """No line of code is longer than its kind allows, in characters."""
    findings = []
    for patterns, limit in WIDTHS.items():
        for name in tree.matching(*patterns):
            findings += [f"{name}:{number}: {len(line)} characters, more than {limit}"
                         for number, line in enumerate(tree.text(name).splitlines(), 1) if len(line) > limit]
    return findings


def check_doc_comments(tree):
    """A public function has a comment directly above it; adjacent prototypes may share one."""
    findings = []
    for name in tree.matching("src/*.h"):
        above = ""  # the last line before the current statement
        statement = ""
        start = 0
        for number, line in enumerate(tree.text(name).splitlines(), 1):
            if not statement and (not re.match(r"[A-Za-z_]", line) or line.startswith(("typedef", "extern \"C\""))):
                above = line
                continue
            start = start or number
            statement += line + " "
            if re.search(r"[;{}]\s*(?:/\*.*)?$", line):
                function = re.match(r"[^={]*?(\w+)\s*\(", statement)
                commented = above.rstrip().endswith("*/") or above.startswith("//")
                if function and not commented:
                    findings.append(f"{name}:{start}: {function[1]}() has no comment directly above it")
                above = "*/" if function and commented else line
                statement, start = "", 0
    return findings


def check_registered(tree):
    """CTest runs every test file: tests/CMakeLists.txt names those in Python, tests/unit/CMakeLists.txt those in C."""
    findings = []
    for pattern, registry in (("tests/*/test_*.py", "tests/CMakeLists.txt"),
                              ("tests/unit/test_*.c", "tests/unit/CMakeLists.txt")):
        registered = set(re.findall(r"[\w.]+", tree.text(registry) if registry in tree.names else ""))
        for name in tree.matching(pattern):
            path = pathlib.PurePosixPath(name)
            names = {path.name} if path.suffix == ".py" else {path.name, path.stem, path.stem.removeprefix("test_")}
            if not registered & names:
                findings.append(f"{name}: not registered in {registry}, so that CTest does not run it")
    return findings


def _lines(tree, *patterns):
    return sum(bool(line.strip()) for name in tree.matching(*patterns) for line in tree.text(name).splitlines())


def test_ratio(tree):
    """Non-blank lines of tests per non-blank line of shipped code."""
    shipped = _lines(tree, *SHIPPED_C, "pam_zenml/*.sh", "action/*.sh")
    tests = [f"tests/{folder}/{kind}" for folder in TEST_FOLDERS for kind in ("*.c", "*.h", "*.py", "*.sh")]
    return _lines(tree, *tests) / max(shipped, 1)


def check_ratio(tree):
    """At least as many lines of tests as of shipped code."""
    ratio = test_ratio(tree)
    return [] if ratio >= 1 else [f"tests: {ratio:.2f} lines of tests per shipped line, less than 1"]


_HEADER = "/* What it does. */\nint f(void);\n\nint g(int a,\n      int b);\n"

RULES = (
    Rule("root", check_root, ({"notes.txt": ""}, {"lib/a.c": ""})),
    Rule("machine", check_machine, (
        {"a.md": "see /wor" + "k/main"},
        {"a.sh": "cd /hom" + "e/alice/src"},
        {"a.txt": "--inde" + "x-url https://pypi.example"},
        {"a.md": "from https://artifactor" + "y.example/simple"},
    )),
    Rule("format", check_format, ({"src/core/a.c": "int f (void) { return 1; }\n"},)),
    Rule("shell", check_shell, ({"a": "#!/bin/sh\nrm -r $1/*\n"}, {"a.sh": "#!/bin/sh\n[ $1 == a ]\n"})),
    Rule("python", check_python, ({"a.py": "def f(:\n"}, {"a.py": 'a = "\\d"\n'}, {"a.py": "import os\n"})),
    Rule("width", check_width, ({"src/core/a.h": "/*" + 97 * "-" + "*/\n"}, {"a.py": "#" * 121})),
    Rule("comments", check_doc_comments, ({"src/core/a.h": _HEADER},)),
    Rule("registered", check_registered, (
        {"tests/cli/test_a.py": "", "tests/CMakeLists.txt": "zn_add_pytest(cli 60 test_b.py)"},
        {"tests/unit/test_a.c": "", "tests/unit/CMakeLists.txt": "zn_add_unit_test(b)"},
    )),
    Rule("ratio", check_ratio, ({"src/core/a.c": "int a;\nint b;\n", "tests/unit/a.c": "int a;\n"},)),
)
