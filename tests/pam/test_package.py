"""The Debian packages: what is in them, and what installing, upgrading, removing and purging does to a machine."""

from __future__ import annotations

import os
import re
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

import pytest

import elf
from pam_host import CONFIG, MAP, build_dir
from test_module_file import ENTRY_POINTS
from zenml_replies import ACCOUNT_NAME

LINE = "pam_zenml.so"
CONFFILES = {"/etc/apparmor.d/zenml-pam-helper", "/etc/fail2ban/filter.d/pam_zenml.conf", str(CONFIG)}
HELPER = "/usr/libexec/zenml-login/zenml-pam-helper"


def module_path() -> str:
    """Where libpam of this machine looks for modules, as the build found out."""
    cache = (build_dir() / "CMakeCache.txt").read_text(encoding="utf-8")
    return re.search(r"^PAM_MODULE_DIR:\w+=(.*)$", cache, re.MULTILINE)[1] + "/pam_zenml.so"


MODES = {
    module_path(): 0o644,
    HELPER: 0o755,
    str(CONFIG): 0o600,
    "/etc/apparmor.d/zenml-pam-helper": 0o644,
    "/etc/fail2ban/filter.d/pam_zenml.conf": 0o644,
    "/usr/share/pam-configs/zenml": 0o644,
    "/usr/share/doc/libpam-zenml/copyright": 0o644,
    "/usr/share/doc/libpam-zenml/examples/pam_zenml.conf": 0o644,
    "/usr/share/man/man5/pam_zenml.conf.5.gz": 0o644,
    "/usr/share/man/man8/pam_zenml.8.gz": 0o644,
}
CLI_MODES = {
    "/usr/bin/zenml-login": 0o755,
    "/usr/share/bash-completion/completions/zenml-login": 0o644,
    "/usr/share/doc/zenml-login/copyright": 0o644,
    "/usr/share/fish/vendor_completions.d/zenml-login.fish": 0o644,
    "/usr/share/man/man1/zenml-login.1.gz": 0o644,
    "/usr/share/zsh/vendor-completions/_zenml-login": 0o644,
}


# --- the files ---


@dataclass(frozen=True)
class Package:
    """A package, its control fields, and the folder where it is unpacked."""

    path: Path
    folder: Path

    def field(self, name: str) -> str:
        return output("dpkg-deb", "--field", self.path, name).strip()

    def members(self) -> list[tarfile.TarInfo]:
        """What is in it, with the owners that it will have."""
        data = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(self.path)], check=True, stdout=subprocess.PIPE).stdout
        name = self.folder.with_suffix(".tar")
        name.write_bytes(data)
        with tarfile.open(name) as archive:
            return archive.getmembers()

    def file(self, path: str) -> Path:
        return self.folder / path.lstrip("/")

    def control(self, name: str) -> Path:
        return self.folder / "DEBIAN" / name


def output(*command: str | Path) -> str:
    return subprocess.run([str(word) for word in command], check=True, stdout=subprocess.PIPE, text=True).stdout


def make_packages(folder: Path) -> dict[str, Package]:
    """Builds the packages from the build tree, as a release does, and unpacks them."""
    umask = os.umask(0o077)  # that of a careful admin: it must not show
    try:
        subprocess.run(["cpack", "--config", str(build_dir() / "CPackConfig.cmake"), "-B", str(folder)], check=True,
                       stdout=subprocess.DEVNULL)
    finally:
        os.umask(umask)
    packages = {}
    for path in folder.glob("*.deb"):
        name = output("dpkg-deb", "--field", path, "Package").strip()
        packages[name] = Package(path, folder / name)
        subprocess.run(["dpkg-deb", "--raw-extract", str(path), str(folder / name)], check=True)
    return packages


@pytest.fixture(scope="module")
def packages(tmp_path_factory) -> dict[str, Package]:
    return make_packages(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="module")
def pam(packages) -> Package:
    return packages["libpam-zenml"]


def test_there_are_two_packages(packages):
    assert set(packages) == {"libpam-zenml", "zenml-login"}


@pytest.mark.parametrize("name, modes", [("libpam-zenml", MODES), ("zenml-login", CLI_MODES)])
def test_content_modes_and_owners(packages, name, modes):
    members = packages[name].members()
    files = {member.name.removeprefix("."): member.mode for member in members if not member.isdir()}
    assert files == modes
    assert all(member.isreg() for member in members if not member.isdir())
    assert {member.mode for member in members if member.isdir()} == {0o755}
    assert {(member.uid, member.gid, member.uname) for member in members} == {(0, 0, "root")}


def test_every_file_in_etc_is_the_admins(pam):
    assert set(pam.control("conffiles").read_text(encoding="ascii").split()) == CONFFILES
    assert {path for path in MODES if path.startswith("/etc/")} == CONFFILES


def test_dependencies(packages, pam):
    depends = {word.split()[0].removesuffix("t64") for word in pam.field("Depends").split(", ")}
    assert depends == {"libc6", "libcjson1", "libcurl4", "libpam-runtime", "libpam0g", "libqrencode4"}
    cli = {word.split()[0].removesuffix("t64") for word in packages["zenml-login"].field("Depends").split(", ")}
    assert cli == {"libc6", "libcjson1", "libcurl4", "libqrencode4"}


def test_scripts_only_tell_pam_auth_update(pam, packages):
    """Comments, the test of why they are called, and one command."""
    scripts = {path.name: path.read_text(encoding="ascii") for path in pam.folder.joinpath("DEBIAN").iterdir()
               if path.name not in ("control", "conffiles", "md5sums")}
    assert set(scripts) == {"postinst", "prerm"}
    commands = {name: [line.strip() for line in text.splitlines() if line and not line.startswith("#")]
                for name, text in scripts.items()}
    assert commands == {
        "postinst": ["set -e", 'if [ "$1" = configure ]; then', "pam-auth-update --package", "fi"],
        "prerm": ["set -e", 'if [ "$1" = remove ]; then', "pam-auth-update --package --remove zenml", "fi"],
    }
    assert not packages["zenml-login"].control("postinst").exists()


def test_the_example_sets_nothing(pam):
    text = pam.file(str(CONFIG)).read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == []
    assert "#server = " in text
    assert pam.file("/usr/share/doc/libpam-zenml/examples/pam_zenml.conf").read_text(encoding="utf-8") == text


def test_the_profile_is_off_by_default(pam):
    assert "Default: no" in pam.file("/usr/share/pam-configs/zenml").read_text(encoding="ascii").splitlines()


def test_the_packaged_module(pam):
    module = pam.file(module_path())
    assert elf.needed(module) == {"libpam.so.0", "libc.so.6"}
    assert elf.exported(module) == ENTRY_POINTS
    assert not elf.has_debug_information(module)
    assert module.stat().st_size <= 64 * 1024
    assert HELPER.encode() + b"\0" in module.read_bytes()


@pytest.mark.parametrize("name, path", [("libpam-zenml", module_path()), ("libpam-zenml", HELPER),
                                        ("zenml-login", "/usr/bin/zenml-login")])
def test_packaged_hardening(packages, name, path):
    program = packages[name].file(path)
    assert elf.kind(program) == "DYN"
    assert {"GNU_RELRO", "GNU_STACK"} <= set(elf.segments(program))
    assert elf.segments(program)["GNU_STACK"] == "RW"
    assert "NOW" in elf.flags(program)
    assert "__stack_chk_fail" in elf.imported(program)
    assert str(build_dir()).encode() not in program.read_bytes()


def test_apparmor_takes_the_profile(pam):
    """The parser alone: loading needs a kernel with AppArmor."""
    try:
        done = subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache",
                               str(pam.file("/etc/apparmor.d/zenml-pam-helper"))], capture_output=True, text=True,
                              check=False)
    except FileNotFoundError:
        pytest.skip("apparmor_parser is not installed")
    assert done.returncode == 0, done.stderr
    profile = pam.file("/etc/apparmor.d/zenml-pam-helper").read_text(encoding="ascii")
    assert f"profile zenml-pam-helper {HELPER} {{" in profile


def test_apparmor_lets_the_helper_write_and_start_nothing(pam):
    """Of the rules that are not the distribution's."""
    text = pam.file("/etc/apparmor.d/zenml-pam-helper").read_text(encoding="ascii")
    rules = [line.strip() for line in text.splitlines() if line.startswith("  ") and not line.startswith("  #")]
    paths = [rule for rule in rules if re.match(r"(owner )?/", rule)]
    assert paths and all(re.search(r" m?r,$", rule) for rule in paths)
    assert not any(rule.startswith(("capability", "ptrace", "mount", "change_profile")) for rule in rules)


# --- a machine on which they are installed ---


@pytest.fixture(scope="module")
def system(pam_host):
    """A machine on which all of the system can be written, without our helper and module."""
    pam_host.remove(pam_host.helper_path.parent)
    for folder in ("/usr", "/var"):
        pam_host.overlay(folder)
    run("pam-auth-update", "--package")  # so that only our part of its doings is seen below
    yield pam_host
    pam_host.install_helper()


@pytest.fixture
def machine(system):
    """That machine, with nothing of ours on it; whatever a test leaves is gone for the next one."""
    assert ours() == set()
    yield system
    dpkg("--purge", "libpam-zenml")
    for path in (*ours(), "/etc/pam.d/shop"):
        system.remove(path)


def run(*command: str | Path) -> str:
    """Runs an administration program; nobody is there to be asked."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False,
                          env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive"})
    assert done.returncode == 0, done.stdout
    return done.stdout


def dpkg(*arguments: str | Path) -> str:
    return run("dpkg", "--no-triggers", "--force-confold", *arguments)


def snapshot(*folders: str) -> dict[str, tuple[int, bytes]]:
    """Mode and content of every file (or the target of every link) below `folders`."""
    found = {}
    for path in (path for folder in folders for path in Path(folder).rglob("*")):
        if path.is_symlink():
            found[str(path)] = (0, os.readlink(path).encode())
        elif path.is_file():
            found[str(path)] = (path.stat().st_mode, path.read_bytes())
    return found


def ours() -> set[str]:
    """All files of the system that have our name."""
    folders = ("/etc", "/usr/lib", "/usr/libexec", *(f"/usr/share/{name}" for name in (
        "bash-completion", "doc", "fish", "man", "pam-configs", "zsh")))
    return {str(path) for folder in folders for path in Path(folder).rglob("*zenml*")}


def with_version(package: Package, version: str, folder: Path) -> Path:
    """The same package as that of another release."""
    copy = folder / "newer"
    run("cp", "-a", package.folder, copy)
    control = copy / "DEBIAN/control"
    text = control.read_text(encoding="utf-8")
    control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", text, flags=re.MULTILINE), encoding="utf-8")
    run("dpkg-deb", "--root-owner-group", "--build", copy, folder / "newer.deb")
    return folder / "newer.deb"


def lines_with_module() -> list[str]:
    return [f"{path}: {' '.join(line.split())}" for path in sorted(Path("/etc/pam.d").iterdir())
            for line in path.read_text(encoding="utf-8").splitlines() if LINE in line]


def test_installing_changes_no_pam_file_and_purging_leaves_nothing(machine, pam):
    before, state = snapshot("/etc"), snapshot("/var/lib/pam")
    dpkg("--install", pam.path)
    after = snapshot("/etc")
    assert {path for path in after if path not in before} == CONFFILES
    assert {path: after[path] for path in before} == before
    assert after[str(CONFIG)][0] & 0o7777 == 0o600
    dpkg("--purge", "libpam-zenml")
    assert snapshot("/etc") == before
    assert {path for path in snapshot("/var/lib/pam")} == set(state)
    assert ours() == set()


def test_the_profile_when_an_admin_turns_it_on(machine, pam, start_server, api_key, tmp_path):
    """The line appears where it belongs, logs in and refuses, survives an upgrade with the configuration, and goes
    with the package."""
    before = snapshot("/etc/pam.d")
    server = start_server()
    dpkg("--install", pam.path)
    run("pam-auth-update", "--enable", "zenml")
    assert lines_with_module() == [
        "/etc/pam.d/common-account: account [success=ok ignore=ignore default=bad] pam_zenml.so",
        "/etc/pam.d/common-auth: auth [success=2 ignore=ignore default=die] pam_zenml.so"]
    after = snapshot("/etc/pam.d")
    changed = {path for path in after if after[path] != before.get(path)}
    assert changed == {"/etc/pam.d/common-account", "/etc/pam.d/common-auth"}

    machine.configure(f"server = {server.url}", f"ca_file = {machine.publish(server.ca)}",
                      "map_file = /etc/security/pam_zenml.map")
    machine.map(f"{ACCOUNT_NAME} = alice")
    machine.service("shop", "@include common-auth", "@include common-account")
    assert outcome(machine, api_key) == ["authenticate PAM_SUCCESS", "acct_mgmt PAM_SUCCESS"]
    assert outcome(machine, "not-a-key")[0] == "authenticate PAM_AUTH_ERR"

    configured = CONFIG.read_bytes()
    dpkg("--install", with_version(pam, "99.0", tmp_path))
    assert CONFIG.read_bytes() == configured
    assert after.items() <= snapshot("/etc/pam.d").items()
    assert outcome(machine, api_key)[0] == "authenticate PAM_SUCCESS"

    machine.remove("/etc/pam.d/shop")
    dpkg("--remove", "libpam-zenml")
    assert snapshot("/etc/pam.d") == before
    assert CONFIG.exists() and not Path(module_path()).exists()
    dpkg("--purge", "libpam-zenml")
    assert ours() == {str(MAP)}  # the admin's own


def outcome(machine, answer: str) -> list[str]:
    """What comes of a login of alice who answers this."""
    transcript = machine.drive(["start /etc/pam.d shop alice", f"answer {answer}", "call authenticate",
                                "call acct_mgmt", "end"])
    return re.findall(r"^(?:authenticate|acct_mgmt) \w+$", transcript, re.MULTILINE)


def test_installing_from_the_build_tree_keeps_the_admins_configuration(machine):
    """`cmake --install` knows no conffiles."""
    def install():
        run("cmake", "--install", build_dir(), "--component", "pam")

    install()
    assert CONFIG.stat().st_mode & 0o7777 == 0o600
    example = CONFIG.read_bytes()
    machine.configure("server = https://zenml.example.com", "match = name")
    install()
    assert CONFIG.read_bytes() == b"server = https://zenml.example.com\nmatch = name\n" != example
    assert lines_with_module() == []


def test_lintian_has_no_objection(packages):
    """As far as Debian's rules are ours. The address of the maintainer is for whoever releases to set."""
    allowed = {"bogus-mail-host", "no-changelog", "non-standard-file-perm"}
    try:
        text = subprocess.run(["lintian", "--allow-root", *(str(package.path) for package in packages.values())],
                              stdout=subprocess.PIPE, text=True, check=False).stdout
    except FileNotFoundError:
        pytest.skip("lintian is not installed")
    tags = {line.split(": ")[2].split()[0] for line in text.splitlines() if line.startswith(("E:", "W:"))}
    assert tags <= allowed
