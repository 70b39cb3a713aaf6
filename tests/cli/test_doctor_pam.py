"""`zenml-login doctor pam`: what it finds in PAM files, on the host, and with --try; and that it reads a stack exactly
as libpam does."""

from __future__ import annotations

import ctypes
import os
import random
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from keys import make_key
from outcome import error_lines
from surroundings import with_mounts

from run import Result, run
from tls_server import Reply
from zenml_replies import ACCOUNT_ID, ACCOUNT_NAME, Zenml, current_user

ROOT = Path(__file__).parents[2]
KEY = "ZENML_STORE_API_KEY"
AUTH = "auth [success=done ignore=ignore default=die] pam_zenml.so"
ACCOUNT = "account [success=ok ignore=ignore default=bad] pam_zenml.so"
ANY = "any$"

# Of Debian 12, without comments and session lines.
COMMON = {
    "common-auth": ["auth\t[success=1 default=ignore]\tpam_unix.so nullok", "auth\trequisite\t\t\tpam_deny.so",
                    "auth\trequired\t\t\tpam_permit.so", "auth\toptional\t\t\tpam_cap.so "],
    "common-account": ["account\t[success=1 new_authtok_reqd=done default=ignore]\tpam_unix.so ",
                       "account\trequisite\t\t\tpam_deny.so", "account\trequired\t\t\tpam_permit.so"],
    "common-session": ["session [default=1] pam_permit.so", "session requisite pam_deny.so",
                       "session required pam_permit.so", "session required pam_unix.so"],
}


@dataclass(frozen=True)
class Finding:
    """One finding: where ("FILE" or "FILE:LINE"), level, cause, and what to do about it."""

    place: str
    level: str
    cause: str
    fix: str


def findings_of(text: str) -> list[Finding]:
    """The findings on standard output, whose form is checked."""
    assert text.isascii() and text.replace("\n", "").isprintable(), text
    assert "::" not in text and "##" not in text
    findings = []
    for line in text.splitlines():
        if line.startswith("  fix: "):
            last = findings.pop()
            assert last.level != "ok" and not last.fix, text
            findings.append(Finding(last.place, last.level, last.cause, line.removeprefix("  fix: ")))
        else:
            found = re.fullmatch(r"(.+?): (ok|warn|fail): (.+)", line)
            assert found, text
            findings.append(Finding(*found.groups(), ""))
    assert all(finding.fix or finding.level == "ok" for finding in findings), text
    return findings


def path_in(binary: Path, pattern: bytes) -> Path:
    """A path that was compiled into the program, which may be another file than the one that runs it."""
    program = Path(os.environ.get("ZN_EMULATED", binary)).read_bytes()
    return Path(os.fsdecode(re.search(rb"/[\w./-]+" + pattern + rb"(?=\0)", program)[0]))


class Host:
    """A host with /etc, PAM modules and helper of its own, on which all is well until a test changes it.

    etc, modules, helper   its folder /etc, its folder of PAM modules, and its helper, from outside
    """

    def __init__(self, folder: Path, binary: Path):
        self.etc, self.modules, libexec = (folder / name for name in ("etc", "modules", "libexec"))
        helper = path_in(binary, rb"/zenml-pam-helper")
        module_folder = path_in(binary, rb"/security/")
        parent = next(parent for parent in helper.parents if parent.is_dir())
        self.helper = libexec / helper.relative_to(parent)
        if not module_folder.is_dir():
            pytest.skip(f"this machine has no folder of PAM modules: {module_folder}")
        self._script = "".join(f"mount --bind {ours} {theirs} && " for ours, theirs in (
            (self.etc, "/etc"), (self.modules, module_folder), (libexec, parent))) + 'exec "$@"'
        self._make()

    def _make(self) -> None:
        for path in (self.modules / "pam_zenml.so", self.helper):
            path.parent.mkdir(parents=True)
            path.write_bytes(b"\x7fELF")
            path.chmod(0o755)
        for name, lines in COMMON.items():
            self.service(name, *lines)
        self.write("passwd", "root:x:0:0::/root:/bin/sh\nalice:x:1001:1001::/:/bin/sh\nmail:x:8:8::/:/bin/sh\n")
        self.write("group", "root:x:0:\nalice:x:1001:\nops:x:2000:alice\nmail:x:8:\n")
        self.write("ssh/sshd_config", "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\n")
        self.configure("server = https://zenml.example.com", "match = name")

    def write(self, name: str, content: str | bytes, mode: int = 0o644) -> Path:
        """Writes the file /etc/NAME."""
        path = self.etc / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)
        return path

    def service(self, name: str, *lines: str) -> None:
        """Writes /etc/pam.d/NAME."""
        self.write(f"pam.d/{name}", "".join(f"{line}\n" for line in lines))

    def configure(self, *lines: str) -> None:
        """Writes the configuration of the module."""
        self.write("security/pam_zenml.conf", "".join(f"{line}\n" for line in lines), 0o600)

    def doctor(self, *arguments: str, env=None, **options) -> Result:
        """Runs `zenml-login doctor`."""
        return run(["doctor", *arguments], env, wrapper=with_mounts(self._script), **options)

    def findings(self, *arguments: str, code: int) -> list[Finding]:
        """What `zenml-login doctor pam` finds; `code` is the exit code that it has to end with."""
        result = self.doctor("pam", *arguments)
        assert result.code == code, result
        if code:
            assert re.search("doctor: not all is well", error_lines(result.err)[0])
        else:
            assert result.err == ""
        return findings_of(result.out)


@pytest.fixture
def host(tmp_path, binary) -> Host:
    if os.geteuid() != 0:
        pytest.skip("needs root: pam_zenml trusts no files but root's")
    return Host(tmp_path, binary)


# Stacks: lines of the service, and what is found in them: level, line, cause.

GOOD = [("ok", 1, "every denial counts")]
STACKS = {
    # Measured with libpam: pam-modules E4
    "only line": ([AUTH], [("ok", 1, "out of scope are refused")]),
    "out of scope, then permit": (["auth required pam_zenml.so", "auth required pam_permit.so"],
                                  [("fail", 1, "users out of scope get in without any credential")]),
    "account that ignores denials": (
        [AUTH, "account [success=ok default=ignore] pam_zenml.so", "account required pam_permit.so"],
        [("ok", 1, "every"), ("fail", 2, "a denial is let through: " + ANY)]),
    "account that ignores some denials": (
        [AUTH, "account [success=ok perm_denied=die auth_err=die default=ignore] pam_zenml.so",
         "account required pam_permit.so"],
        [("ok", 1, "every"), ("fail", 2, "let through: service_err, system_err, authinfo_unavail, conv_err, module_")]),
    "jump to the end": (["auth [success=1 default=ignore] pam_zenml.so", "auth required pam_deny.so"],
                        [("fail", 1, "jumps past the end of the stack")]),
    "jump to the end, then permit": (
        ["auth [success=1 default=ignore] pam_zenml.so", "auth required pam_deny.so", "auth required pam_permit.so"],
        GOOD),
    "done or die, then deny": ([AUTH, "auth required pam_deny.so"], [("ok", 1, "out of scope are refused")]),
    "done or die, then permit": ([AUTH, "auth required pam_permit.so"], [("fail", 1, "out of scope get in")]),
    "account as shipped": ([AUTH, ACCOUNT, "account required pam_permit.so"],
                           [("ok", 1, "every"), ("ok", 2, "every denial counts; logins by other means")]),

    # Denials that go on
    "sufficient, then the password": (["auth sufficient pam_zenml.so", "@include common-auth"],
                                      [("warn", 1, "after a denial another line may let the user in: " + ANY)]),
    "sufficient, then permit": (["auth sufficient pam_zenml.so", "auth required pam_permit.so"],
                                [("fail", 1, "a denial lets in whoever has no credential: " + ANY),
                                 ("fail", 1, "out of scope get in")]),
    "sufficient, then a check": (["auth sufficient pam_zenml.so", "auth required pam_succeed_if.so uid > 1"],
                                 [("fail", 1, "lets in whoever has no credential"), ("fail", 1, "out of scope")]),
    "sufficient alone": (["auth sufficient pam_zenml.so"], GOOD),
    "optional": (["auth optional pam_zenml.so", "auth required pam_permit.so"],
                 [("fail", 1, "lets in whoever has no credential"), ("fail", 1, "out of scope")]),
    "second factor that does not count": (["@include common-auth", "auth sufficient pam_zenml.so"],
                                          [("fail", 2, "it makes no difference")]),
    "second factor": (["@include common-auth", "auth requisite pam_zenml.so"], [("ok", 2, "every denial counts")]),
    "password if unavailable": (
        ["auth [success=done ignore=ignore authinfo_unavail=ignore default=die] pam_zenml.so", "@include common-auth"],
        [("warn", 1, "another line may let the user in: authinfo_unavail$")]),
    "module may be missing": (
        ["-auth [success=done ignore=ignore module_unknown=ignore default=die] pam_zenml.so", "@include common-auth"],
        [("warn", 1, "let the user in: module_unknown$")]),
    "denial is ok": (["auth [default=ok] pam_zenml.so", "auth required pam_permit.so"], GOOD),  # ok keeps the error
    "reset": (["auth required pam_permit.so", "auth [success=ok default=reset] pam_zenml.so"], [("ok", 2, "every")]),
    "reset in a substack": (["auth required pam_permit.so", "auth substack mine"],
                            [("fail", "mine:1", "lets in whoever has no credential"), ("fail", "mine:1", "scope")],
                            {"mine": ["auth [success=ok default=reset] pam_zenml.so"]}),
    "denial in a substack": (["auth substack mine", "auth required pam_permit.so"],
                             [("fail", "mine:1", "lets in whoever has no credential"), ("fail", "mine:1", "scope")],
                             {"mine": ["auth sufficient pam_zenml.so"]}),
    "success ends the substack only": (["auth substack mine", "auth required pam_deny.so"],
                                       [("fail", "mine:1", "a right credential does not let anybody in")],
                                       {"mine": [AUTH]}),
    "default set twice": (
        ["auth [success=done default=ignore default=die] pam_zenml.so", "auth required pam_permit.so"],
        [("fail", 1, "lets in"), ("fail", 1, "out of scope")]),

    # Success that leads nowhere
    "required, then deny": (["auth required pam_zenml.so", "auth required pam_deny.so"],
                            [("fail", 1, "a right credential does not let anybody in")]),
    "jump far past the end": (["auth [success=9 ignore=ignore default=die] pam_zenml.so", "@include common-auth"],
                              [("fail", 1, "a jump goes past the end")]),
    "jump onto deny": (["auth [success=1 ignore=ignore default=die] pam_zenml.so", "@include common-auth"],
                       [("fail", 1, "success jumps to where nobody gets in")]),
    "jump of another misses": (
        ["auth [success=1 default=ignore] pam_unix.so", "auth [success=1 ignore=ignore default=die] pam_zenml.so",
         "auth requisite pam_deny.so", "auth required pam_permit.so"],
        [("fail", 1, "success jumps to where nobody gets in"), ("ok", 2, "every")]),
    "jump of another far past the end": (
        [AUTH, "auth [success=3 default=ignore] pam_unix.so", "auth requisite pam_deny.so"],
        [("ok", 1, "every"), ("fail", 2, "a jump goes past the end")]),
    "substack counts as one": (["auth [success=2 ignore=ignore default=die] pam_zenml.so", "auth substack common-auth",
                                "auth requisite pam_deny.so", "auth required pam_permit.so"],
                               [("ok", 1, "every denial counts")]),
    "behind the end": (["auth sufficient pam_permit.so", AUTH], [("fail", 2, "no login ever gets to this line")]),
    "account alone in its stage": ([AUTH, ACCOUNT], [("ok", 1, "every"), ("warn", 2, "refuses logins")]),
    "account without auth": ([ACCOUNT, "account required pam_permit.so"],
                             [("ok", 1, "every"), ("warn", 1, "has no opinion")]),
    "session": ([AUTH, "session optional pam_zenml.so"], [("ok", 1, "every"), ("fail", 2, "neither a session")]),
    "password": ([AUTH, "password optional pam_zenml.so"], [("ok", 1, "every"), ("fail", 2, "neither a session")]),

    # The shapes of other modules that ask a server
    "as authd": (["auth [success=3 ignore=ignore default=die authinfo_unavail=ignore] pam_zenml.so",
                  "auth [success=2 default=ignore] pam_unix.so nullok",
                  "auth [success=1 default=ignore] pam_sss.so use_first_pass", "auth requisite pam_deny.so",
                  "auth required pam_permit.so", "auth optional pam_cap.so"],
                 [("warn", 1, "another line may let the user in: authinfo_unavail$")]),
    "as authd, one line less": (["auth [success=3 ignore=ignore default=die authinfo_unavail=ignore] pam_zenml.so",
                                 "auth [success=1 default=ignore] pam_unix.so nullok", "auth requisite pam_deny.so",
                                 "auth required pam_permit.so"],
                                [("fail", 1, "jumps past the end"), ("warn", 1, "authinfo_unavail")]),
    "as himmelblau": (["auth [default=1 success=ignore] pam_localuser.so", "auth sufficient pam_unix.so nullok",
                       "auth sufficient pam_zenml.so", "auth required pam_deny.so",
                       "account [success=ok default=ignore] pam_zenml.so", "account required pam_permit.so"],
                      [("ok", 3, "every denial counts"), ("fail", 5, "a denial is let through")]),
    "as in EL with faillock": (["auth required pam_env.so", "auth required pam_faillock.so preauth", AUTH,
                                "auth sufficient pam_unix.so", "auth [default=die] pam_faillock.so authfail",
                                "auth required pam_deny.so"], [("ok", 3, "other lines decide")]),

    # Files of Debian
    "sshd": ([AUTH, "@include common-auth", "account required pam_nologin.so", ACCOUNT, "@include common-account",
              "session required pam_loginuid.so", "@include common-session"], [("ok", 1, "every"), ("ok", 4, "every")]),
    "sudo": (["#%PAM-1.0", "session required pam_limits.so", AUTH, "@include common-auth", "@include common-account"],
             [("ok", 3, "other lines decide")]),
    "su": (["auth sufficient pam_rootok.so", AUTH, "@include common-auth", "@include common-account"],
           [("ok", 2, "every")]),
    "login": (["auth optional pam_faildelay.so delay=3000000", AUTH, "auth requisite pam_nologin.so",
               "@include common-auth", "auth optional pam_group.so"], [("ok", 2, "every")]),
    "in common-auth": (["@include mine"], [("ok", "mine:1", "every denial counts")],
                       {"mine": ["auth [success=2 ignore=ignore default=die] pam_zenml.so", *COMMON["common-auth"]]}),

    # How libpam reads lines
    "continued": (["auth [success=done \\", "  # a comment between them", "", "  ignore=ignore default=die] \\",
                   "  pam_zenml.so"], GOOD),
    "continued by nothing": ([AUTH, "auth required \\"], [("fail", 2, "no other continues")]),
    "old words in brackets and upper case": (["AUTH [REQUISITE] pam_zenml.so", "auth required pam_deny.so"],
                                             [("fail", 1, "a right credential does not let anybody in")]),
    "comment behind the line": ([f"{AUTH} # and pam_permit.so"], GOOD),
    "no blanks in the control": (["auth [success=doneignore=ignoredefault=die]pam_zenml.so"], GOOD),
    "misspelt control": (["auth [success=done ignore=ignore defualt=die] pam_zenml.so", "@include common-auth"],
                         [("fail", 1, "libpam cannot read the control"), ("fail", 1, "a right credential does not")]),
    "misspelt type": ([AUTH, "auht required pam_permit.so"],
                      [("ok", 1, "every"), ("fail", 2, "no type of module: auht")]),
    "no module": ([AUTH, "auth required"], [("ok", 1, "every"), ("fail", 2, "names no module")]),
    "CR LF": ([f"{AUTH} debug\r", "auth required pam_deny.so\r"], [("fail", 1, "CR LF"), ("ok", 1, "every"),
                                                                  ("fail", 1, "argument debug")]),
    "file of @include is missing": ([AUTH, "@include nothing"], [("fail", 2, "it cannot include nothing")]),
    "@include of nothing": ([AUTH, "@include"], [("fail", 2, "it cannot include no file")]),
    "file of include is missing": ([AUTH, "auth include nothing"],
                                   [("fail", 2, "this include always fails: nothing"), ("ok", 1, "every")]),
    "includes itself": ([AUTH, "auth include tested"], [("fail", 2, "this include always fails"), ("ok", 1, "every")]),
    "line of 2000 bytes": ([AUTH, "auth required pam_permit.so " + "x" * 2000], [("fail", 2, "too long")]),
    "no line of ours": (["@include common-auth"], [("fail", None, "no line names pam_zenml.so")]),
    "ours in a comment": ([f"# {AUTH}"], [("fail", None, "no line names pam_zenml.so")]),
    "empty": ([], [("fail", None, "no line names pam_zenml.so")]),
}


def check_findings(found: list[Finding], service: str, expected) -> None:
    """Exactly the expected findings, in any order; what is said about other files has to be "ok"."""
    left = [finding for finding in found if finding.place.startswith("/etc/pam.d/") or finding.level != "ok"]
    for level, line, cause in expected:
        place = f"/etc/pam.d/{line}" if isinstance(line, str) else f"{service}:{line}" if line else service
        matching = [finding for finding in left
                    if (finding.place, finding.level) == (place, level) and re.search(cause, finding.cause)]
        assert len(matching) == 1, f"{level} {place} {cause}: {found}"
        left.remove(matching[0])
    assert not left


@pytest.mark.parametrize("stack", STACKS.values(), ids=STACKS)
def test_stacks(stack, host):
    lines, expected, *more = stack
    for name, content in (more[0] if more else {}).items():
        host.service(name, *content)
    host.service("tested", *lines)
    code = 2 if any(level == "fail" for level, _, _ in expected) else 0
    check_findings(host.findings("tested", code=code), "/etc/pam.d/tested", expected)


def documented_stacks() -> dict[str, list[str]]:
    """The PAM lines in the code blocks of the documentation."""
    stacks = {}
    for path in (ROOT / "docs/man/pam_zenml.8.scd", ROOT / "docs/ssh-login.md", ROOT / "README.md"):
        blocks = re.findall(r"^```[^\n]*\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)
        for number, block in enumerate(block for block in blocks if re.search(r"^auth\b.*pam_zenml\.so", block, re.M)):
            stacks[f"{path.name} {number + 1}"] = block.splitlines()
    return stacks


@pytest.mark.parametrize("lines", documented_stacks().values(), ids=documented_stacks())
def test_documented_lines_are_good(lines, host):
    host.service("sshd", *lines)
    found = host.findings("sshd", code=0)
    assert not [finding for finding in found if finding.level != "ok" and "services" not in finding.cause]


def test_documented_lines_are_found():
    assert len(documented_stacks()) >= 8


def test_profile_is_good(host):
    """The profile for pam-auth-update, as it is expanded above the lines of Debian."""
    profile = (ROOT / "pam_zenml/pam-configs/zenml").read_text()
    lines = {stage: re.search(rf"^{stage}:\n\t(.*)$", profile, re.MULTILINE)[1] for stage in ("Auth", "Account")}
    assert "success=end" in lines["Auth"]
    host.service("common-auth", "auth " + lines["Auth"].replace("end", "2"), *COMMON["common-auth"])
    host.service("common-account", *COMMON["common-account"], "account " + lines["Account"])
    host.service("sshd", "@include common-auth", "@include common-account")
    host.service("sudo", "@include common-auth", "@include common-account")
    found = host.findings(code=0)
    assert {finding.level for finding in found} == {"ok"}
    assert sorted(finding.place for finding in found if "pam.d" in finding.place) == [
        "/etc/pam.d/common-account:4", "/etc/pam.d/common-auth:1"]


# Which files

def test_all_services_that_use_the_module(host):
    host.service("sshd", AUTH, "@include common-auth")
    host.service("sudo", "auth sufficient pam_zenml.so", "auth required pam_permit.so")
    host.service("cron", "@include common-auth")
    host.service("sshd.dpkg-old", "auth sufficient pam_zenml.so", "auth required pam_permit.so")
    host.service("su~", "auth sufficient pam_zenml.so", "auth required pam_permit.so")
    found = host.findings(code=2)
    assert {finding.place for finding in found if "pam.d" in finding.place} == {
        "/etc/pam.d/sshd:1", "/etc/pam.d/sudo:1"}


def test_no_service_uses_the_module(host):
    assert ("/etc/pam.d", "fail") in [(finding.place, finding.level) for finding in host.findings(code=2)]


def test_several_files(host):
    host.service("one", AUTH)
    host.write("elsewhere/two", f"{AUTH}\n")
    found = host.findings("one", "/etc/elsewhere/two", code=0)
    assert {"/etc/pam.d/one:1", "/etc/elsewhere/two:1"} <= {finding.place for finding in found}


@pytest.mark.parametrize("name", ("missing", "/etc/nothing/there", "/etc", "/dev/null", "fifo", "x" * 2000))
def test_unreadable_file(name, host):
    os.mkfifo(host.etc / "pam.d/fifo")
    result = host.doctor("pam", name)
    assert result.code == 2
    assert [finding.level for finding in findings_of(result.out)] == ["fail"]


def test_names_in_files_are_data(host):
    host.service("tested", AUTH, "auth include a\x1b[31m::error::b", "\x07bel required pam_permit.so",
                 "auth ignore##[debug] pam_permit.so")
    assert {finding.place[-2:] for finding in host.findings("tested", code=2) if finding.level == "fail"} == {
        ":2", ":3", ":4"}


def test_a_credential_in_a_file_is_not_repeated(host, api_key):
    host.service("tested", f"{AUTH} server={api_key} {api_key} [prompt={api_key}", f"auth include {api_key}",
                 f"{api_key} required pam_permit.so", f"auth {api_key} pam_permit.so")
    host.configure(f"server = {api_key}", f"{api_key} = yes", f"map_file = {api_key}")
    result = host.doctor("pam", "tested", secrets=[api_key])
    assert result.code == 2


def test_garbage(tmp_path, binary):
    """No text makes the program fail in other ways than by findings."""
    seed = random.SystemRandom().randint(1, 2**32)
    chance = random.Random(seed)
    parts = [AUTH.encode(), ACCOUNT.encode(), b"@include ", b"include ", b"substack ", b"[", b"]", b"\\", b"\\]", b"\n",
             b"\\\n", b"#", b"\0", b"\r\n", b"=", b"success=99999999999",
             b"\xff\xfe", b"x" * 1021, b" \t", b"pam_zenml.so",
             b"-", b"auth ", b"required "]
    files = [tmp_path / f"f{number}" for number in range(200)]
    for path in files:
        path.write_bytes(b"".join(chance.choices(parts, k=chance.randint(1, 40))))
    result = run(["doctor", "pam", *files])
    assert result.code == 2 and findings_of(result.out) and error_lines(result.err), f"seed {seed}"


# The host

def host_findings(host: Host, *lines: str) -> list[Finding]:
    """What is not well with the host of a service with these lines."""
    host.service("tested", *(lines or [AUTH]))
    result = host.doctor("pam", "tested")
    found = [finding for finding in findings_of(result.out) if finding.level != "ok"]
    assert result.code == (2 if any(finding.level == "fail" for finding in found) else 0), result
    return found


def test_module_is_missing(host):
    (host.modules / "pam_zenml.so").unlink()
    finding, = host_findings(host, AUTH, f"{AUTH} users=alice")
    assert finding.place.endswith("/security/pam_zenml.so") and finding.cause == "the module is not installed"


def test_module_elsewhere(host):
    host.write("opt/pam_zenml.so", "")
    assert host_findings(host, AUTH.replace("pam_z", "/etc/opt/pam_z")) == []
    (host.etc / "opt/pam_zenml.so").chmod(0o666)
    finding, = host_findings(host, AUTH.replace("pam_z", "/etc/opt/pam_z"))
    assert (finding.place, finding.level) == ("/etc/opt/pam_zenml.so", "fail")
    assert finding.cause == "can be written by others than root" and "chmod" in finding.fix


def test_helper_is_missing(host):
    host.helper.unlink()
    finding, = host_findings(host)
    assert finding.place.endswith("/zenml-pam-helper") and finding.cause == "does not exist"


@pytest.mark.parametrize("mode, cause", ((0o775, "others than root"), (0o757, "others than root"),
                                         (0o750, "may not be run by the user nobody")))
def test_helper_is_unsafe(mode, cause, host):
    host.helper.chmod(mode)
    finding, = host_findings(host)
    assert finding.level == "fail" and cause in finding.cause


def test_helper_of_somebody(host):
    os.chown(host.helper, 1001, 0)
    finding, = host_findings(host)
    assert finding.cause == "does not belong to root"


# Configuration: lines of the file, and what is found: place, cause.
CONF = "/etc/security/pam_zenml.conf"
GOOD_CONF = ["server = https://zenml.example.com", "match = name"]
CONFIGS = {
    "all problems at once": (["server = nonsense", "sever = x", "timeout = 999", "min_uid = 5"],
                             [(f"{CONF}:1", "value of server"), (f"{CONF}:2", "unknown option: sever"),
                              (f"{CONF}:3", "value of timeout"), (f"{CONF}:4", "not allowed in the file")]),
    "no server, no mapping": ([], [(CONF, "no server is named"), (CONF, "no account may log in")]),
    "plain http": (["server = http://zenml.example.com", "match = name"], [(CONF, "http")]),
    "CA file is missing": ([*GOOD_CONF, "ca_file = /etc/none.pem"], [("/etc/none.pem", "cannot be read")]),
    "CA file is private": ([*GOOD_CONF, "ca_file = /etc/private.pem"], [("/etc/private.pem", "by the user nobody")]),
    "map is missing": ([*GOOD_CONF, "map_file = /etc/none"], [("/etc/none", "does not exist")]),
    "map is wrong": ([*GOOD_CONF, "map_file = /etc/bad.map"],
                     [("/etc/bad.map:1", "has no '='"), ("/etc/bad.map:3", "second line for the account ci-bot")]),
    "map is good": ([GOOD_CONF[0], "map_file = /etc/good.map"], []),
}


@pytest.mark.parametrize("lines, expected", CONFIGS.values(), ids=CONFIGS)
def test_configuration(lines, expected, host):
    host.write("private.pem", "", 0o600)
    host.write("bad.map", "ci-bot\nci-bot = alice\nci-bot = bob\n", 0o600)
    host.write("good.map", f"# people\nci-bot = alice, bob\n{ACCOUNT_ID} = alice\n", 0o600)
    host.configure(*lines)
    found = host_findings(host)
    assert [finding.place for finding in found] == [place for place, _ in expected]
    assert all(finding.level == "fail" for finding in found)
    for finding, (_, cause) in zip(found, expected):
        assert cause in finding.cause, found


def test_configuration_that_others_may_write(host):
    (host.etc / "security/pam_zenml.conf").chmod(0o666)
    finding, = host_findings(host)
    assert (finding.place, finding.level, finding.fix) == (CONF, "fail", "chmod go-w it")


@pytest.mark.parametrize("argument, cause", (
    ("tiemout=3", "unknown option"), ("timeout=x", "value of timeout"),
    ("debug debug", "given twice"), ("[prompt=Key: ] min_uid", "min_uid"),
    ("use_first_pass try_first_pass", "excludes try_first_pass"),
    ("config=pam_zenml.conf", "value of config"),
))
def test_arguments(argument, cause, host):
    finding = next(finding for finding in host_findings(host, f"{AUTH} {argument}") if finding.level == "fail")
    assert finding.place == "/etc/pam.d/tested:1"
    assert re.fullmatch(rf"argument \w+: .*{cause}.*", finding.cause), finding


def test_arguments_that_are_good(host):
    host.write("other.conf", "server = https://zenml.example.com\n", 0o600)
    line = f"{AUTH} config=/etc/other.conf [prompt=Key [zenml\\]: ] match=name debug services=sshd,tested timeout=3"
    assert host_findings(host, line) == []


def test_service_that_the_line_leaves_out(host):
    finding, = host_findings(host, f"{AUTH} services=sshd,sudo")
    assert (finding.place, finding.level) == ("/etc/pam.d/tested:1", "warn") and "tested" in finding.cause


# sshd: its configuration, and what is found: file and line, level, cause.
SSHD = "/etc/ssh/sshd_config"
SSHD_CONFIGS = {
    "good": ("usepam = yes\nKbdInteractiveAuthentication \"yes\"\nPasswordAuthentication=no\n", []),
    "Debian's": ("Include /etc/ssh/sshd_config.d/*.conf\nKbdInteractiveAuthentication no\nUsePAM yes\n",
                 [(f"{SSHD}:2", "fail", "KbdInteractiveAuthentication is off"),
                  (SSHD, "warn", "PasswordAuthentication is on")]),
    "nothing set": ("Port 22\n", [(SSHD, "fail", "UsePAM is off"), (SSHD, "warn", "PasswordAuthentication is on")]),
    "no PAM": ("PasswordAuthentication no\nUsePAM no\n", [(f"{SSHD}:2", "fail", "UsePAM is off")]),
    "first one wins": ("UsePAM no\nUsePAM yes\nPasswordAuthentication no\nPasswordAuthentication yes\n",
                       [(f"{SSHD}:1", "fail", "UsePAM is off")]),
    "old name": ("ChallengeResponseAuthentication no\nUsePAM yes\nPasswordAuthentication no\n",
                 [(f"{SSHD}:1", "fail", "KbdInteractiveAuthentication is off")]),
    "only in a Match block": ("PasswordAuthentication no\nMatch User alice\n  UsePAM yes\n",
                              [(SSHD, "fail", "UsePAM is off")]),
    "in comments": ("#UsePAM no\nUsePAM yes\n# PasswordAuthentication yes\nPasswordAuthentication no # really\n", []),
    "included": ("Include good.d/*\nUsePAM no\nPasswordAuthentication yes\n", []),
    "included by the included": ("Include none.conf chain.conf\nUsePAM no\n",
                                 [(f"{SSHD}.d/word.conf:1", "warn", "PasswordAuthentication is on")]),
    "included in a circle": ("Include sshd_config\nUsePAM yes\nPasswordAuthentication no\n", []),
}


@pytest.mark.parametrize("text, expected", SSHD_CONFIGS.values(), ids=SSHD_CONFIGS)
def test_sshd(text, expected, host):
    host.write("ssh/good.d/one", "UsePAM yes\nMatch all\nPasswordAuthentication yes\n")
    host.write("ssh/good.d/two", "PasswordAuthentication no\n")
    host.write("ssh/chain.conf", "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n")
    host.write("ssh/sshd_config.d/word.conf", "PasswordAuthentication yes\n" if "chain" in text else "")
    host.write("ssh/sshd_config", text)
    host.service("sshd", AUTH)
    code = 2 if any(level == "fail" for _, level, _ in expected) else 0
    found = [finding for finding in host.findings("sshd", code=code) if finding.level != "ok"]
    assert [(finding.place, finding.level) for finding in found] == [row[:2] for row in expected]
    assert all(cause in finding.cause for finding, (_, _, cause) in zip(found, expected))


@pytest.mark.parametrize("device_timeout, setting, ends_after", (
    (300, "", 120), (120, "", None), (121, "", 120), (300, "LoginGraceTime 299", 299),
    (300, "LoginGraceTime 300", None), (300, "logingracetime=5m", None), (300, "LoginGraceTime 1m30S", 90),
    (900, "LoginGraceTime 0", None), (900, "LoginGraceTime 1h", None), (900, "LoginGraceTime 1d", None),
    (300, "LoginGraceTime 60\nLoginGraceTime 600", 60), (300, "LoginGraceTime x", None),
))
def test_time_that_sshd_gives_a_login_in_a_browser(device_timeout, setting, ends_after, host):
    """sshd ends the connection without a word, and the module does not get to write one."""
    host.write("ssh/sshd_config", f"UsePAM yes\nPasswordAuthentication no\n{setting}\n")
    host.service("sshd", f"{AUTH} credential=device account_type=user device_timeout={device_timeout}")
    found = [finding for finding in host.findings("sshd", code=0) if finding.level != "ok"]
    assert [finding.cause for finding in found] == (
        [f"LoginGraceTime ends a login after {ends_after} seconds, device_timeout is {device_timeout}"]
        if ends_after else [])
    assert [finding.fix for finding in found] == ([f"write: LoginGraceTime {device_timeout}"] if ends_after else [])


def test_sshd_is_looked_at_for_its_service_only(host):
    shutil.rmtree(host.etc / "ssh")
    assert host_findings(host) == []
    host.service("sshd", AUTH)
    assert [(finding.place, finding.level) for finding in host.findings("sshd", code=0) if finding.level != "ok"] == [
        (SSHD, "warn")]


# --try

@pytest.fixture
def trial(host, start_server, api_key):
    """A function that starts a server, configures the host for it with more lines, and runs --try with `key`."""
    def play(*lines: str, user: str | None = "alice", key: str = api_key, arguments: str = "", stack=(AUTH,),
             script=None, **healthy) -> Result:
        server = start_server(script, healthy=Zenml(api_keys={api_key}, **healthy))
        play.server = server
        shutil.copy(server.ca, host.etc / "ca.pem")
        (host.etc / "ca.pem").chmod(0o644)
        host.configure(f"server = {server.url}", "ca_file = /etc/ca.pem", *lines)
        host.service("tested", *(f"{line} {arguments}" for line in stack))
        return host.doctor("pam", "tested", "--try", *(["--user", user] if user else []), env={KEY: key} if key else {})
    return play


MAP = "map_file = /etc/zenml.map"


def test_try(trial, host):
    host.write("zenml.map", f"{ACCOUNT_ID} = alice\n", 0o600)
    result = trial(MAP)
    assert (result.code, result.err) == (0, "")
    causes = {finding.cause for finding in findings_of(result.out)}
    assert {f"the server vouches for the account {ACCOUNT_NAME}", "the account may be the user alice"} <= causes


def test_try_without_a_user(trial):
    result = trial("match = name", user=None)
    assert result.code == 0 and "vouches for" in result.out and "may be" not in result.out


@pytest.mark.parametrize("lines, user, code, cause", (
    (["match = name"], "alice", 7, "nothing lets this account be that user: ci-bot"),
    ([MAP], "root", 7, "may not be root"),
    ([MAP], "nobody-here", 7, "no such local user"),
    ([MAP, "allow_groups = wheel"], "alice", 7, "in none of allow_groups"),
    ([MAP, "require_admin = yes"], "alice", 6, "no admin"),
    ([MAP, "account_type = user"], "alice", 6, "service accounts may not log in"),
    ([MAP, f"server_id = {ACCOUNT_ID}"], "alice", 7, "server"),
    ([MAP, "credential = api_token"], "alice", 4, "no credential of this kind"),
))
def test_try_policy(lines, user, code, cause, trial, host):
    host.write("zenml.map", f"{ACCOUNT_NAME} = alice, root\n", 0o600)
    result = trial(*lines, user=user)
    assert result.code == code, result
    assert cause in result.out and cause in error_lines(result.err)[0]


@pytest.mark.parametrize("lines, user", (
    ([MAP, "allow_groups = nothing,ops"], "alice"), ([MAP, "allow_root = yes"], "root"),
    ([MAP, "require_admin = yes"], "alice"), ([MAP, "account_type = any"], "alice"),
))
def test_try_policy_that_allows(lines, user, trial, host):
    host.write("zenml.map", f"{ACCOUNT_NAME} = alice, root\n", 0o600)
    result = trial(*lines, user=user, account=current_user(is_admin=True))
    assert result.code == 0 and f"may be the user {user}" in result.out, result


@pytest.mark.parametrize("user, arguments", (("mail", ""), ("alice", "users=bob"), ("alice", "groups=wheel"),
                                             ("alice", "min_uid=2000")))
def test_try_user_out_of_scope(user, arguments, trial, host):
    host.write("zenml.map", f"{ACCOUNT_NAME} = alice, mail\n", 0o600)
    result = trial(MAP, user=user, arguments=arguments)
    assert result.code == 0 and f"warn: this line leaves the user to the other lines: {user}" in result.out, result


def test_try_with_a_wrong_key(trial):
    key = make_key()
    result = trial("match = name", key=key)
    assert result.code == 5 and any(finding.level == "fail" and finding.place == "/etc/pam.d/tested:1"
                                    for finding in findings_of(result.out))


def test_try_against_a_server_without_authentication(trial):
    assert trial("match = name", auth_scheme="NO_AUTH").code == 12


def test_try_shows_nothing_that_the_server_repeats(trial, api_key):
    detail = ["CredentialsNotValid", f"no\n::set-env name=x::{api_key}\x1b[31m"]
    result = trial("match = name", script={"POST /api/v1/login": Reply(401, json={"detail": detail})})
    assert result.code == 5 and findings_of(result.out)


BROWSER = ("match = name", "credential = device", "account_type = user")


def test_try_where_a_person_brings_no_credential(trial):
    """What can be tried without one is whether the server answers."""
    result = trial(*BROWSER, user=None, key="")
    assert result.code == 0 and "the server answers; to try a login in a browser, log in with ssh" in result.out
    assert [str(request) for request in trial.server.requests] == ["GET /api/v1/info"]


def test_try_where_the_server_of_a_login_in_a_browser_fails(trial):
    result = trial(*BROWSER, user=None, key="", script={"*": Reply(500)})
    assert result.code == 11 and "HTTP 500" in result.out


def test_try_without_a_credential(trial):
    result = trial("match = name", key="")
    assert result.code == 3 and trial.server.settle().connections == 0


def test_try_uses_no_proxy_of_the_environment(trial, host, api_key):
    trial("match = name", user=None)
    result = host.doctor("pam", "tested", "--try", env={KEY: api_key, "https_proxy": "http://127.0.0.1:1",
                                                        "ALL_PROXY": "http://127.0.0.1:1"})
    assert result.code == 0


def test_try_asks_once_for_each_configuration(trial):
    result = trial("match = name", user=None, stack=(AUTH, AUTH, ACCOUNT))
    assert "vouches" in result.out
    assert [str(request) for request in trial.server.settle().requests].count("POST /api/v1/login") == 1


def test_findings_come_before_the_trial(trial, host):
    """What is wrong with the files is exit code 2, whatever the server says; and no broken configuration is tried."""
    result = trial("match = name", user=None, stack=("auth sufficient pam_zenml.so", "auth required pam_permit.so"))
    assert result.code == 2
    result = trial("match = name", "tiemout = 3", user=None)
    assert result.code == 2 and trial.server.settle().connections == 0


# The command line

@pytest.mark.parametrize("arguments, message", (
    (["dns"], "doctor cannot look at dns"), (["pam", "--json"], "doctor pam takes the server from the configuration"),
    (["pam", "--user", "alice"], "--user needs --try"),
    (["pam", "--server", "https://a"], "doctor pam takes the server from the configuration"),
    (["pam", "--", "sshd"], "unexpected word: sshd"), (["pam", "--user="], "--user takes a name"),
))
def test_usage(arguments, message, binary):
    result = run(["doctor", *arguments])
    assert result.code == 2 and message in error_lines(result.err)[0] and result.out == ""


def test_options_among_the_words(host):
    host.service("one", AUTH)
    host.service("two", AUTH)
    for arguments in (["-v", "pam", "one", "two"], ["pam", "-v", "one", "two"], ["pam", "one", "-v", "two"]):
        result = host.doctor(*arguments)
        assert result.code == 0 and "pam.d/one:1" in result.out and "pam.d/two:1" in result.out
        assert "/etc/pam.d/one:1: auth_err -> auth_err; when the other modules fail: auth_err\n" in result.err


# The same stacks through libpam

class Libpam:
    """Plays a service in libpam itself, in this process."""

    _CONVERSATION = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(ctypes.c_void_p),
                                     ctypes.c_void_p)

    def __init__(self):
        self._pam, libc = ctypes.CDLL("libpam.so.0"), ctypes.CDLL(None)
        libc.calloc.restype = ctypes.c_void_p

        def answer(count, _messages, replies, _data):
            replies[0] = libc.calloc(count, 2 * ctypes.sizeof(ctypes.c_void_p))
            return 0

        class Conversation(ctypes.Structure):
            _fields_ = [("function", self._CONVERSATION), ("data", ctypes.c_void_p)]

        self._conversation = Conversation(self._CONVERSATION(answer), None)

    def play(self, folder: Path, service: str, function: str) -> int | None:
        """The code that pam_FUNCTION returns for a service in `folder`; None: libpam refuses the service."""
        handle = ctypes.c_void_p()
        code = self._pam.pam_start_confdir(service.encode(), b"root", ctypes.byref(self._conversation),
                                           str(folder).encode(), ctypes.byref(handle))
        if code != 0:
            return None
        code = getattr(self._pam, f"pam_{function}")(handle, 0)
        self._pam.pam_end(handle, code)
        return code


CODES = ("success open_err symbol_err service_err system_err buf_err perm_denied auth_err cred_insufficient "
         "authinfo_unavail user_unknown maxtries new_authtok_reqd acct_expired session_err cred_unavail cred_expired "
         "cred_err no_module_data conv_err authtok_err authtok_recover_err authtok_lock_busy authtok_disable_aging "
         "try_again ignore abort authtok_expired module_unknown bad_item conv_again").split()  # incomplete is no answer
PLAYED = ("success", "service_err", "system_err", "perm_denied", "auth_err", "authinfo_unavail", "conv_err", "ignore",
          "module_unknown")


class RandomStacks:
    """Random services with one line of ours, and the files that they include."""

    def __init__(self, seed: int, folder: Path):
        self._random = random.Random(seed)
        self._folder = folder
        self.files: dict[str, str] = {}

    def add(self, name: str) -> None:
        """Adds the service `name`."""
        lines = self._lines(name, self._random.randint(1, 6), 0)
        ours = f"{self._stage()} {self._control()} pam_zenml.so"
        lines.insert(self._random.randint(0, len(lines)), ours)
        self._write(name, lines)

    def text_of(self, name: str) -> str:
        """A service with all the files that it includes, for people."""
        return "".join(f"--- {file}\n{text}" for file, text in sorted(self.files.items())
                       if file == name or file.startswith(f"{name}-"))

    def _write(self, name: str, lines: list[str]) -> None:
        self.files[name] = "".join(f"{line}\n" for line in lines)

    def _stage(self) -> str:
        return self._random.choice(("auth", "auth", "AUTH", "account"))

    def _lines(self, name: str, count: int, depth: int) -> list[str]:
        return [self._line(f"{name}-{number}", depth) for number in range(count)]

    def _line(self, name: str, depth: int) -> str:
        chance = self._random.random()
        if depth < 3 and chance < 0.2:
            return self._include(name, depth)
        if chance < 0.23:
            return self._random.choice((
                "auht required pam_permit.so", "auth", "account sufficient", "auth requierd pam_permit.so",
                "-bogus optional pam_permit.so", "auth include none", "account substack none"))
        code = self._random.choice(("success", "auth_err", "ignore", *self._random.sample(CODES, 2)))
        told = f"pam_debug.so auth={code} acct={code}"
        module = self._random.choice((told, told, "pam_permit.so", "pam_deny.so"))
        line = f"{self._random.choice(('', '-'))}{self._stage()} {self._control()} {module}"
        if self._random.random() < 0.1:
            line = line.replace(" pam_", " \\\n  # between\n  pam_", 1)
        return line + self._random.choice(("", "", " # comment", "\t"))

    def _include(self, name: str, depth: int) -> str:
        self._write(name, self._lines(name, self._random.randint(0, 4), depth + 1))
        stage = self._stage()
        word = self._random.choice((f"{stage} include", f"{stage} substack", f"{stage} substack", "@include"))
        return f"{word} {self._folder}/{name}"  # Debian's libpam includes relative names from /etc/pam.d only

    def _control(self) -> str:
        if self._random.random() < 0.05:
            return self._random.choice((
                "[success=0 default=ok]", "[sucess=ok]", "[success=ok default]", "[]", "[ok=success]",
                "[success=okdefault=die]", "[default=die default=ok]", "[default=ok success=1x]"))
        if self._random.random() < 0.35:
            return self._random.choice(
                ("required", "requisite", "sufficient", "optional", "Required", "[sufficient]"))
        chosen = [(code, self._action()) for code in self._random.sample((*CODES, "default", "success"), 3)]
        pairs = self._random.choice((chosen, [*chosen, ("default", self._action())],
                                     [("success", self._action()), ("ignore", self._action()),
                                      ("default", self._action())]))
        return "[" + " ".join(f"{code}{self._random.choice(('=', ' = '))}{action}" for code, action in pairs) + "]"

    def _action(self) -> str:
        return self._random.choice(("ok", "done", "die", "bad", "ignore", "reset", "1", "2", "3", "12"))


def simulated(result: Result) -> dict[tuple[str, str], str]:
    """What -v says: (service, answer of our line) -> code of the stack."""
    told = re.findall(r"^zenml-login: \S*/(\w+):\d+: (\w+) -> (\w+|let in); when the other modules fail: (.*)$",
                      result.err, re.MULTILINE)
    assert all(good == bad for *_, good, bad in told)  # the modules in these stacks answer what they are told
    return {(service, answer): "success" if code == "let in" else code for service, answer, code, _ in told}


def test_stacks_end_as_in_libpam(tmp_path, binary):
    """400 random services, nine answers of our line each."""
    try:
        libpam = Libpam()
        libpam.play(tmp_path, "none", "authenticate")
    except (OSError, AttributeError) as problem:
        pytest.skip(f"libpam cannot be used here: {problem}")
    seed = int(os.environ.get("ZN_SEED", "0")) or random.SystemRandom().randint(1, 2**32)
    folder = tmp_path / "pam.d"
    stacks = RandomStacks(seed, folder)
    services = [f"s{number}" for number in range(400)]
    for service in services:
        stacks.add(service)
    _write_stacks(folder, stacks.files, "pam_zenml.so")
    told = simulated(run(["doctor", "pam", "-v", *(folder / service for service in services)], timeout=120))
    for answer in PLAYED:
        shutil.rmtree(folder)
        ours = "pam_zn_missing.so" if answer == "module_unknown" else f"pam_debug.so auth={answer} acct={answer}"
        _write_stacks(folder, stacks.files, ours)
        for service in services:
            stage = re.search(r"^(\w+).*pam_zenml\.so", stacks.files[service], re.MULTILINE)[1].lower()
            code = libpam.play(folder, service, "authenticate" if stage == "auth" else "acct_mgmt")
            expected = None if code is None else CODES[code]
            assert told.get((service, answer)) == expected, f"seed {seed}, {answer}:\n{stacks.text_of(service)}"
    codes = set(told.values())
    assert {"success", "perm_denied", "auth_err"} <= codes and len(told) > 300 * len(PLAYED)


def _write_stacks(folder: Path, files: dict[str, str], ours: str) -> None:
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text.replace("pam_zenml.so", ours))
