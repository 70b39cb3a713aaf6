"""The same sources give the same bytes, whoever builds them where."""

from __future__ import annotations

import shutil
import subprocess

from artefacts import FOLDER, MACHINES, REPOSITORY, artefact, environment


def copy_of_the_sources(to):
    """Copies what is in git, or would be, into the folder `to`."""
    listing = subprocess.run(["git", "-C", REPOSITORY, "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                             check=True, capture_output=True, text=True).stdout
    for name in filter(None, listing.split("\0")):
        if (REPOSITORY / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, to / name)


def test_a_build_elsewhere_has_the_same_bytes(tmp_path):
    """Deeper in the file system, with another home, umask and time zone, and nothing built before."""
    ours = {arch: artefact(arch).read_bytes() for arch in MACHINES}
    elsewhere = tmp_path / "a longer way/down"
    copy_of_the_sources(elsewhere)
    build = environment(HOME=tmp_path / "home", TZ="Asia/Tokyo", LC_ALL="C.UTF-8",
                        ZENML_LOGIN_SOURCES=REPOSITORY / "build/sources")
    done = subprocess.run(["./dev", "static", *MACHINES], cwd=elsewhere, env=build, umask=0o077, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    for arch, contents in ours.items():
        assert (elsewhere / f"action/bin/linux-{arch}/zenml-login").read_bytes() == contents, arch
    assert (elsewhere / "action/bin/SHA256SUMS").read_bytes() == (FOLDER / "SHA256SUMS").read_bytes()
