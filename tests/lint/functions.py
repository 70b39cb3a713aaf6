"""Rules about functions: which are never called, and how long one may be."""

import re
import statistics

from house import C_FILES, SHIPPED_C, Rule, c_code, line_of

BANNED = ("strcpy strcat strncpy strncat sprintf vsprintf strtok gets sscanf atoi atol atoll atof system popen alloca "
          "mktemp tmpnam").split()
BANNED_IN_CORE = "getenv secure_getenv setenv putenv syslog exit abort".split()
LONGEST = 60  # lines, from the first line of the signature to the closing brace
MEDIAN = 15  # of the shipped functions


def _calls(tree, name, functions):
    code = c_code(tree.text(name))
    for found in re.finditer(rf"\b({'|'.join(functions)})\s*\(", code):
        yield f"{name}:{line_of(code, found.start())}: {found[1]}() is banned here"


def check_banned(tree):
    """Functions that cannot be used safely, and those that the core and hostcfg leave to their callers."""
    findings = []
    for name in tree.matching(*C_FILES):
        findings += _calls(tree, name, BANNED)
        if name.startswith(("src/core/", "src/hostcfg/")):
            findings += _calls(tree, name, BANNED_IN_CORE)
    return findings


def functions(text):
    """(name, line, length in lines) of each function of a file in our format: braces of its body at column 0."""
    lines = c_code(text).splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
            while start > 0 and lines[start - 1].strip() and not re.search(r"[;}]$|^#", lines[start - 1]):
                start -= 1
        elif line.startswith("}") and start is not None:
            names = re.findall(r"(\w+)\s*\(", " ".join(lines[start:number]))
            yield names[0] if names else "?", start + 1, number - start + 1
            start = None


def check_length(tree):
    """No function of more than LONGEST lines; the shipped ones have a median of at most MEDIAN."""
    findings = []
    for name in tree.matching(*C_FILES):
        findings += [f"{name}:{line}: {function}() has {length} lines, more than {LONGEST}"
                     for function, line, length in functions(tree.text(name)) if length > LONGEST]
    shipped = lengths(tree)
    if shipped and statistics.median(shipped) > MEDIAN:
        findings.append(f"src: the median function has {statistics.median(shipped)} lines, more than {MEDIAN}")
    return findings


def lengths(tree):
    """The lengths of all shipped functions, in lines."""
    return [length for name in tree.matching(*SHIPPED_C) for _, _, length in functions(tree.text(name))]


RULES = (
    Rule("banned", check_banned, (
        {"src/cli/a.c": "void f(char *a)\n{\n    strcpy (a, a);\n}\n"},
        {"src/core/a.c": "void f(void)\n{\n    getenv(\"A\");\n}\n"},
        {"src/hostcfg/a.c": "void f(void)\n{\n    syslog(1, \"A\");\n}\n"},
        {"tests/unit/a.c": "int f(char *a)\n{\n    return atoi(a);\n}\n"},
    )),
    Rule("length", check_length, (
        {"tests/unit/a.c": "void f(void)\n{\n" + "    g();\n" * (LONGEST - 2) + "}\n"},
        {"src/cli/a.c": "void f(void)\n{\n" + "    g();\n" * MEDIAN + "}\n"},
    )),
)
