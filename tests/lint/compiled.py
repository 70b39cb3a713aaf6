"""Rules that need a compiler: warnings, headers, and the state that objects carry."""

import json
import pathlib
import re
import shlex
import tempfile

from house import REPOSITORY, Rule, compile_flags, run

COMPILERS = ("gcc", "clang")
STATIC_HEADERS = REPOSITORY / "build/static-amd64/dependencies/include"  # of mbedTLS, which only ./dev static makes


def check_warnings(tree):
    """gcc and clang build everything, tests included, with every warning an error."""
    findings = []
    for compiler in COMPILERS:
        for step in (["cmake", "--preset"], ["cmake", "--build", "--preset"]):
            good, output = run(*step, f"lint-{compiler}", cwd=tree.root)
            if not good:
                findings.append(f"{' '.join(step)} lint-{compiler}: {_gist(output)}")
                break
    return findings


def _gist(output):
    """What the compiler complained about, or else the end of what the build said."""
    lines = output.splitlines()
    return "\n".join([line for line in lines if re.search(r"(error|warning): ", line)][:20] or lines[-20:])


def _warning_canary(compiler):
    """A variable that nobody uses, compiled with the options that the build gave to src/core/text.c."""
    def findings():
        commands = REPOSITORY / "build" / f"lint-{compiler}" / "compile_commands.json"
        if not commands.exists():
            return []
        command = next(entry["command"] for entry in json.loads(commands.read_text())
                       if entry["file"].endswith("src/core/text.c"))
        options = [word for word in shlex.split(command) if word.startswith(("-W", "-f", "-std="))]
        good, output = run(compiler, *options, "-fsyntax-only", "-x", "c", "-",
                           stdin="int f(void);\nint f(void)\n{\n    int unused;\n    return 1;\n}\n")
        return [output] if not good and "unused-variable" in output else []
    return findings


def check_headers(tree):
    """Each header compiles by itself, with gcc and with clang."""
    findings = []
    for name in tree.matching("src/*.h", "pam_zenml/*.h"):
        for compiler in COMPILERS:
            good, output = run(compiler, *compile_flags(tree, name), "-fsyntax-only", "-x", "c", "-",
                               stdin=f'#include "{tree.path(name)}"\n')
            if not good:
                findings.append(f"{name}: does not compile alone with {compiler}: {output}")
    return findings


def check_state(tree):
    """No object of the core or of hostcfg has writable data: no file-scope or static variables that change."""
    findings = []
    with tempfile.TemporaryDirectory() as folder:
        for name in tree.matching("src/core/*.c", "src/hostcfg/*.c"):
            needs_static = "#include <mbedtls/" in tree.text(name)
            if needs_static and not STATIC_HEADERS.is_dir():
                continue
            made = str(pathlib.Path(folder, "a.o"))
            flags = compile_flags(tree, name) + ([f"-I{STATIC_HEADERS}"] if needs_static else [])
            good, output = run("gcc", *flags, "-fPIC", "-c", "-o", made, str(tree.path(name)))
            if not good:
                findings.append(f"{name}: {output}")
                continue
            symbols = run("nm", "--format=sysv", "--defined-only", made)[1]
            findings += [f"{name}: {symbol} can be written to" for symbol in _writable(symbols)]
    return findings


def _writable(symbols):
    """Names in `nm --format=sysv` that lie in a writable section. .data.rel.ro is constant after loading."""
    for line in symbols.splitlines():
        fields = [field.strip() for field in line.split("|")]
        if len(fields) == 7 and fields[6].startswith((".data", ".bss", ".tdata", ".tbss", "*COM*")):
            if not fields[6].startswith(".data.rel.ro"):
                yield fields[0]


RULES = (
    Rule("warnings", check_warnings, tuple(_warning_canary(compiler) for compiler in COMPILERS)),
    Rule("headers", check_headers, ({"src/core/a.h": "size_t f(void);\n"},)),
    Rule("state", check_state, (
        {"src/core/a.c": "int f(void);\nint f(void)\n{\n    static int calls;\n    return ++calls;\n}\n"},
        {"src/hostcfg/a.c": "const char *names[] = {\"a\"};\n"},
        {"src/core/a.c": "extern _Thread_local int last;\n_Thread_local int last;\n"},
    )),
)
