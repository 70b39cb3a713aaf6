"""`zenml-login login`: what a person sees, where the token stays, who uses it, and how it ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import uuid
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pexpect
import pytest
from keys import make_key
from outcome import INFO, LOGIN, TOKEN as MINT, USER, check_result, error_lines, login
from surroundings import as_background_job, at_terminal, bound_by_file_modes, in_shell

import canary
from run import run
from tls_server import Reply
from zenml_replies import (ACCOUNT_ID, ACCOUNT_NAME, PERSON_NAME, SERVER_ID, Zenml, current_user, dashboard, info,
                           make_token)

KEY, TOKEN = "ZENML_STORE_API_KEY", "ZENML_STORE_API_TOKEN"
AUTHORIZE = "POST /api/v1/device_authorization"
ENTER = at_terminal("\n")
NOBODY = 65534


@pytest.fixture
def home(tmp_path) -> Path:
    """An empty home folder."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def start_zenml(start_server, api_key):
    """As start_server, with settings of `Zenml`; `meanwhile` is called when the client asks whose its token is, or
    makes the request `at` ("*": any)."""
    def start(script=None, meanwhile=None, at=USER, **settings):
        zenml = Zenml(api_keys={api_key}, **{"on_token": canary.remember} | settings)
        if meanwhile:
            script = {at: lambda request: meanwhile() or zenml.answer(request)}
        return start_server(script, healthy=zenml)
    return start


@pytest.fixture
def server(start_zenml):
    """A healthy server, where somebody approves at once."""
    return start_zenml()


def folder_of(home: Path) -> Path:
    """Where the tokens stay."""
    return home / ".config" / "zenml-login"


def file_of(server, home: Path) -> Path:
    """Where the token for the server stays."""
    return folder_of(home) / quote(server.url, safe="")


def log_in(server, home: Path, *options: str, variables=None, **further):
    """Runs `login` for a person who presses Enter as soon as they can. The token may be in the file."""
    further = {"wrapper": ENTER, "secret_in": {file_of(server, home): "token"}} | further
    return login(server, {"HOME": home} | (variables or {}), "login", *options, **further)


def log_out(server, home: Path, **further):
    """Runs `login --logout`."""
    return login(server, {"HOME": home}, "login", "--logout", **further)


def whoami(server, home: Path, variables=None, *options: str, **further):
    """Runs `whoami` in that home, with further variables."""
    return login(server, {"HOME": home} | (variables or {}), "whoami", *options, **further)


def logged_in(server, home: Path) -> dict:
    """Logs in, which must work; what is in the file then."""
    result = log_in(server, home)
    assert (result.code, result.out) == (0, ""), result.err
    return json.loads(file_of(server, home).read_text())


def check_login_refused(result, code: int, message: str, fix: str = "") -> None:
    """The error stands behind what the person was shown."""
    assert (result.code, result.out) == (code, ""), result.err
    cause, next_step = error_lines(result.err[result.err.index("zenml-login: "):])
    assert re.search(message, cause) and re.search(fix, next_step), result.err


def asked(server) -> list[str]:
    """Every request so far."""
    return [str(request) for request in server.requests]


def deleted(server) -> list[str]:
    """The devices that a client has wanted deleted, in that order."""
    return [request.path.rsplit("/", 1)[1] for request in server.requests if request.method == "DELETE"]


def assert_nothing_kept(home: Path) -> None:
    """There is no file anywhere in the home, not even half of one."""
    assert [path for path in home.rglob("*") if not path.is_dir()] == []


# What the person sees

def test_what_is_shown(server, home, binary):
    result = log_in(server, home)
    assert (result.code, result.out) == (0, ""), result.err
    (device,) = server.healthy.devices.values()
    assert f"    {server.url}/devices/verify?device_id={device.id}&user_code={device.user_code}\n" in result.err
    assert "Press Enter once you have approved" in result.err and "trust" not in result.err
    done, note = result.err.splitlines()[-2:]
    moment = r"\d{4}-\d\d-\d\dT[\d:]{8}Z"
    assert re.fullmatch(f"zenml-login: logged in to {server.url} as ada; valid until {moment}", done)
    assert note == "zenml-login: note: set ZENML_STORE_URL to this server for the other commands"


def test_server_of_a_variable_is_that_of_the_other_commands_too(server, home, binary):
    result = log_in(server, home, variables={"ZENML_STORE_URL": server.url})
    assert result.code == 0 and "note" not in result.err, result.err


def test_credential_that_wins_over_the_login(server, api_key, home, binary):
    result = log_in(server, home, variables={"ZENML_STORE_API_KEY": api_key})
    assert result.code == 0 and "warning: a credential is set here" in result.err, result.err


def test_without_a_terminal(server, home, binary):
    """Nobody is at the keyboard of a script; the page is shown, and waited for, all the same."""
    result = log_in(server, home, wrapper=(), stdin="\n\n")
    assert (result.code, result.out) == (0, ""), result.err
    assert "/devices/verify?" in result.err and "Press Enter" not in result.err


@pytest.mark.parametrize("redirection", ("2>&-", "2>/dev/full"))
def test_a_page_that_nobody_sees_is_not_waited_for(redirection, server, home, binary):
    result = log_in(server, home, wrapper=[*ENTER, *in_shell(f'exec "$@" {redirection}')])
    assert (result.code, result.out, result.err) == (13, "", "")
    assert asked(server) == [INFO, AUTHORIZE]
    assert_nothing_kept(home)


def test_trusted_is_for_the_person_to_tick(server, home, binary):
    result = log_in(server, home, "--trusted")
    assert result.code == 0 and 'tick "trust this device"' in result.err


@pytest.mark.parametrize("lifetime, words", (
    (None, "; the token never expires: end it with zenml-login login --logout\n"), (60, "; valid until 20"),
))
def test_what_the_server_granted_is_what_is_said(lifetime, words, start_zenml, home, binary):
    result = log_in(start_zenml(device_lifetime=lifetime), home)
    assert result.code == 0 and words in result.err


def test_progress(start_zenml, home, binary):
    """run() finds token and device code wherever they turn up."""
    result = log_in(start_zenml(approval=2), home, "-v", wrapper=at_terminal("\n\n"))
    lines = re.findall(r"^zenml-login: (\w+ \S+) -> \d+ \(\d+ ms\)$", result.err, re.MULTILINE)
    assert lines == [INFO, AUTHORIZE, LOGIN, LOGIN, USER]


@pytest.mark.parametrize("name", ("::error::gotcha", "##[error]gotcha", "é日本", "a" * 255))
def test_hostile_account_name(name, start_zenml, home, binary):
    result = log_in(start_zenml(person=current_user(name=name, is_service_account=False)), home)
    assert result.code == 0, result.err
    assert result.err.isascii() and "::" not in result.err and "##" not in result.err


@pytest.mark.parametrize("options", (["--json"], ["--api-key-file", "x"], ["--credential", "key"], ["--logout", "x"],
                                     ["--trusted=yes"], ["--expires-in", "1h"]))
def test_options_of_other_commands(options, server, home, binary):
    check_result(login(server, {"HOME": home}, "login", *options), 2)
    assert server.connections == 0


# At a terminal of their own

class Shown:
    """Takes all that pexpect reads."""

    def __init__(self):
        self.text = ""

    def write(self, text: str) -> None:
        """Takes what is shown next."""
        self.text += text

    def flush(self) -> None:
        """There is nothing to flush."""


GIVING_UP = pytest.mark.parametrize("number", (signal.SIGINT, signal.SIGTERM, signal.SIGHUP), ids=lambda it: it.name)


@contextlib.contextmanager
def at_keyboard(server, home: Path, *command: str, wrapper=()):
    """The program with a terminal of its own, where the test types. No secret may be shown, but the user code, which
    the person has to pass on."""
    shown = Shown()
    program, *arguments = [*wrapper, os.environ["ZENML_LOGIN_BIN"], *command, "--server", server.url,
                           "--ca-file", str(server.ca)]
    person = pexpect.spawn(program, arguments,
                           env={"PATH": "/usr/bin:/bin", "HOME": str(home)}, encoding="utf-8", timeout=20)
    person.logfile_read = shown
    with contextlib.closing(person):
        person.expect("Press Enter")
        yield person
        person.expect(pexpect.EOF)
    assert canary.found_in(shown.text, canary.secrets_to_find([])) == set()
    assert "user_code=" in shown.text


@pytest.mark.parametrize("typed", ("\r", "yes, I have\r", "\x04"), ids=("Enter", "words", "end of input"))
def test_person_who_says_that_they_have_approved(typed, server, home, binary):
    """The server is asked at once."""
    with at_keyboard(server, home, "login") as person:
        person.send(typed)
        person.expect(f"logged in to {re.escape(server.url)} as {PERSON_NAME}; valid until")
    assert person.exitstatus == 0


def test_person_who_speaks_up_too_early(start_zenml, home, binary):
    server = start_zenml(approval=2)
    with at_keyboard(server, home, "login") as person:
        person.send("\r\r")
        person.expect("logged in to")
    assert person.exitstatus == 0 and asked(server).count(LOGIN) == 2


def test_ctrl_c_leaves_nothing(start_zenml, home, binary):
    server = start_zenml(approval=0)
    with at_keyboard(server, home, "login") as person:
        person.sendintr()
    assert person.signalstatus == signal.SIGINT
    assert_nothing_kept(home)
    assert asked(server) == [INFO, AUTHORIZE]


def test_ctrl_c_leaves_the_earlier_login(server, home, binary):
    logged_in(server, home)
    server.healthy.approval = 0
    with at_keyboard(server, home, "login") as person:
        person.sendintr()
    assert whoami(server, home).code == 0
    assert deleted(server) == []


@GIVING_UP
def test_whoever_gives_up_before_there_is_a_token_leaves_nothing(number, start_zenml, home, binary):
    server = start_zenml(approval=0)
    with at_keyboard(server, home, "login") as person:
        person.kill(number)
    assert person.signalstatus == number
    assert_nothing_kept(home)
    assert asked(server) == [INFO, AUTHORIZE]


@GIVING_UP
@pytest.mark.parametrize("at", (LOGIN, USER))
def test_whoever_gives_up_while_the_token_is_on_its_way_has_it(number, at, start_zenml, home, binary):
    """Nobody would know of it, and it would stay valid."""
    people = []
    server = start_zenml(meanwhile=lambda: people[0].kill(number), at=at)
    with at_keyboard(server, home, "login") as person:
        people.append(person)
        person.send("\r")
    assert person.signalstatus == number
    assert [json.loads(file_of(server, home).read_text())["device_id"]] == list(server.healthy.devices)
    assert deleted(server) == [] and whoami(server, home).code == 0


def test_a_job_in_the_background_does_not_read(server, home, binary):
    """It would be stopped for that. What is typed is not meant for it."""
    with at_keyboard(server, home, "login", wrapper=as_background_job()) as person:
        person.send("\r")
        person.expect("logged in to")
    assert person.exitstatus == 0 and whoami(server, home).code == 0


# What is sent

def test_requests(server, home, binary):
    """No more than is documented, on one connection, and the token is shown to nobody but whose it is."""
    token = logged_in(server, home)["access_token"]
    seen = server.settle()
    assert [str(request) for request in seen.requests] == [INFO, AUTHORIZE, LOGIN, USER]
    assert seen.connections == seen.handshakes == 1
    authorize, poll, user = seen.requests[1:]
    (device,) = server.healthy.devices.values()
    assert set(authorize.form) == {"client_id"} and uuid.UUID(authorize.form["client_id"]).version == 4
    assert poll.form == {"grant_type": "urn:ietf:params:oauth:grant-type:device_code",
                         "client_id": device.client_id, "device_code": device.code}
    assert user.headers["authorization"] == f"Bearer {token}"
    assert all("authorization" not in request.headers for request in seen.requests[:3])
    assert all(request.headers["user-agent"].startswith("zn-login/") for request in seen.requests)


def test_the_credential_of_a_job_is_none_here(server, api_key, home, binary):
    """A person logs in as themselves, whatever lies about."""
    assert log_in(server, home, variables={KEY: api_key, TOKEN: "garbage"}).code == 0
    assert asked(server) == [INFO, AUTHORIZE, LOGIN, USER]
    assert api_key not in str(server.requests)


def test_the_server_of_the_environment(server, home, binary):
    variables = {"HOME": home, "ZENML_STORE_URL": server.url}
    result = run(["login", "--ca-file", server.ca], variables, wrapper=ENTER, secret_in=[file_of(server, home)])
    assert result.code == 0, result.err


def test_plain_http_is_warned_of(home, binary):
    """Everybody on the way can read the token that comes back."""
    arguments = ["login", "--server", "http://0.0.0.0:1", "--timeout", "5"]  # this host, but no loopback address
    check_result(run(arguments, {"HOME": home}), 2, "http", "https|--allow-http")
    result = run([*arguments, "--allow-http"], {"HOME": home})
    assert result.code == 8 and result.err.startswith("zenml-login: warning: ")


# Who is let in

REFUSALS = {  # settings, script, options, exit code, message, whether something had been granted
    "service account": ({"person": current_user()}, {}, [], 6, "ci-bot", True),
    "other person": ({}, {}, ["--expect-user=grace"], 7, "not the expected account.*ada", True),
    "capital letter": ({}, {}, ["--expect-user=Ada"], 7, "not the expected account", True),
    "person that is gone": ({}, {USER: Reply(401, json={"detail": "no"})}, [], 5, "rejected", True),
    "server that fails": ({}, {USER: Reply(500)}, [], 11, "server failed", True),
    "other server": ({}, {}, ["--expect-server-id", ACCOUNT_ID], 7, "not the expected server", False),
    "no authentication": ({"auth_scheme": "NO_AUTH"}, {}, [], 12, "authentication scheme", False),
    "no device flow": ({"auth_scheme": "EXTERNAL"}, {AUTHORIZE: Reply(403, json={"detail": "Not supported."})}, [], 12,
                       "no login in a browser", False),
    "refused": ({}, {LOGIN: Reply(400, json={"error": "access_denied", "error_description": "is locked."})}, [], 5,
                "refused in the browser.*is locked", False),
    "deleted": ({}, {LOGIN: Reply(400, json={"error": "invalid_client"})}, [], 5, "deleted on the server", False),
    "too late": ({}, {LOGIN: Reply(400, json={"error": "expired_token"})}, [], 8, "too late", False),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_refusals(case, start_zenml, home, binary):
    """Nothing is kept, and what had been granted is taken back."""
    settings, script, options, code, message, granted = REFUSALS[case]
    server = start_zenml(script, **settings)
    check_login_refused(log_in(server, home, *options), code, message)
    assert_nothing_kept(home)
    assert len(deleted(server)) == granted
    assert not any(device.is_active for device in server.healthy.devices.values())


def test_a_token_that_cannot_be_proved_in_time_is_taken_back(start_zenml, home, binary):
    """There is no time left for that, and yet nobody is to find it."""
    server = start_zenml({USER: Reply(delay=60)})
    check_login_refused(log_in(server, home, timeout=4), 8, "did not answer in time")
    assert_nothing_kept(home)
    assert len(deleted(server)) == 1 and server.healthy.devices == {}


def test_a_name_that_shows_the_token(start_zenml, home, binary):
    """run() finds the piece wherever it is shown."""
    person = current_user(is_service_account=False)
    server = start_zenml(person=person, on_token=lambda token: person.update(name=canary.remember(token)[-16:]))
    check_login_refused(log_in(server, home), 11, "gives the credential as a name")
    assert_nothing_kept(home)
    assert len(deleted(server)) == 1 and server.healthy.devices == {}


@pytest.mark.parametrize("expected", (PERSON_NAME, ACCOUNT_ID, ACCOUNT_ID.upper()))
def test_expected_person(expected, server, home, binary):
    assert log_in(server, home, "--expect-user", expected, "--expect-server-id", SERVER_ID).code == 0


def authorization(zenml: Zenml, url: str):
    """A reply to a request for authorization that sends the person to `url`."""
    return lambda request: Reply(json=zenml.answer(request).json | {"verification_uri_complete": url})


@pytest.mark.parametrize("url", ("https://evil.test/devices/verify?user_code=1", "//evil.test/", "javascript:alert(1)",
                                 "/a\x1b[31mb"))
def test_a_page_elsewhere_is_not_shown(url, start_zenml, home, binary):
    server = start_zenml({AUTHORIZE: authorization(Zenml(), url)})
    result = log_in(server, home)
    check_result(result, 11, "elsewhere", "server_url and dashboard_url")
    assert "user_code" not in result.err
    assert asked(server) == [INFO, AUTHORIZE]


def test_the_page_of_the_dashboard(start_zenml, home, binary):
    zenml, url = Zenml(), "https://dash.example.test/base/"
    server = start_zenml({INFO: Reply(json=info(dashboard_url=url)), AUTHORIZE: authorization(zenml, f"{url}/verify")})
    server.healthy.devices = zenml.devices
    result = log_in(server, home)
    assert result.code == 0 and "    https://dash.example.test/base/verify\n" in result.err


def test_nobody_approves(start_zenml, home, binary):
    server = start_zenml(approval=0)
    check_login_refused(log_in(server, home, timeout=3), 8, "nobody approved", "start again")
    assert_nothing_kept(home)
    assert LOGIN in asked(server) and deleted(server) == []


# Where the token stays

def test_file(server, home, binary):
    told = logged_in(server, home)
    (device,) = server.healthy.devices.values()
    assert told == {"server": server.url, "device_id": device.id, "access_token": told["access_token"]}
    assert told["access_token"].count(".") == 2
    assert list(folder_of(home).iterdir()) == [file_of(server, home)]
    assert sorted(path.name for path in home.iterdir()) == [".config"]


@pytest.mark.parametrize("umask", ("000", "022", "077"))
def test_nobody_else_can_read_it(umask, server, home, binary):
    result = log_in(server, home, wrapper=[*ENTER, *in_shell(f'umask {umask}; exec "$@"')])
    assert result.code == 0, result.err
    for path, mode in ((folder_of(home), 0o40700), (file_of(server, home), 0o100600)):
        status = path.stat()
        assert (status.st_mode, status.st_uid, status.st_nlink - path.is_dir()) == (mode, os.geteuid(), 1)


@pytest.mark.parametrize("variables, folder", (
    ({"HOME": "{0}"}, "{0}/.config"), ({"XDG_CONFIG_HOME": "{0}/xdg"}, "{0}/xdg"),
    ({"HOME": "{0}", "XDG_CONFIG_HOME": "{0}/xdg"}, "{0}/xdg"), ({"HOME": "{0}", "XDG_CONFIG_HOME": ""}, "{0}/.config"),
    ({"HOME": "{0}", "XDG_CONFIG_HOME": "xdg"}, "{0}/.config"), ({"HOME": "", "XDG_CONFIG_HOME": "{0}/xdg"}, "{0}/xdg"),
))
def test_folder(variables, folder, server, home, binary):
    """As the XDG Base Directory Specification says, which takes a relative path for none."""
    variables = {name: value.format(home) for name, value in variables.items()}
    path = Path(folder.format(home)) / "zenml-login" / quote(server.url, safe="")
    result = login(server, variables, "login", wrapper=ENTER, secret_in={path: "token"})
    assert result.code == 0, result.err
    assert [path for path in home.rglob("*") if path.is_file()] == [path]
    assert PERSON_NAME in login(server, variables, "whoami").out


@pytest.mark.parametrize("variables", ({}, {"HOME": ""}, {"HOME": "home"}, {"XDG_CONFIG_HOME": "xdg"}))
def test_no_folder(variables, server, binary):
    """There is no login, and there can be none."""
    check_result(login(server, variables, "login", wrapper=ENTER), 2, "no folder", "HOME")
    check_result(login(server, variables), 3, "no credential")
    assert server.connections == 0


def test_two_servers(start_zenml, home, binary):
    ones, others = start_zenml(), start_zenml(person=current_user(name="grace", is_service_account=False))
    assert logged_in(ones, home)["access_token"] != logged_in(others, home)["access_token"]
    assert PERSON_NAME in whoami(ones, home).out and "grace" in whoami(others, home).out
    assert log_out(ones, home).code == 0
    assert (whoami(ones, home).code, whoami(others, home).code) == (3, 0)


@pytest.mark.parametrize("change", (lambda url: url + "/", lambda url: url + "//", lambda url: url + "\n",
                                    lambda url: url.replace("https", "HTTPS")), ids=("/", "//", "newline", "HTTPS"))
def test_one_server_in_another_spelling(change, server, home, binary):
    logged_in(server, home)
    check_result(run(["whoami", "--server", change(server.url), "--ca-file", server.ca], {"HOME": home}), 0)


@pytest.mark.parametrize("length", (238, 239, 250, 255, 256, 400))
def test_url_that_makes_a_long_file_name(length, server, home, binary):
    """It is known before the person is asked to approve whether the token can be kept."""
    url = f"{server.url}/{'x' * (length - len(quote(server.url + '/', safe='')))}"
    options = ["--server", url, "--ca-file", server.ca]
    result = run(["login", *options], {"HOME": home}, wrapper=ENTER)
    if length <= 238:  # there is room for the name of a temporary file as well
        check_result(result, 12)
    else:
        assert result.code in (2, 13), result.err
        assert server.connections == 0
    check_result(run(["whoami", *options], {"HOME": home}), 3, "no credential")


def make_link(path: Path, target: Path) -> None:
    """A symbolic link to a safe folder or file, which is made."""
    target.mkdir(mode=0o700)
    path.symlink_to(target)


def make_folder(path: Path, mode: int) -> None:
    """A folder with exactly this mode."""
    path.mkdir()
    path.chmod(mode)


def give_away(path: Path) -> None:
    """Another user becomes the owner."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    os.chown(path, NOBODY, NOBODY)


CANNOT_BE_KEPT = {  # how the folder, or the file in it, is prepared; exit code; message
    "folder is a link": (lambda folder, _: make_link(folder, folder.parent / "x"), 2, "zenml-login"),
    "folder is a file": (lambda folder, _: folder.write_text(""), 2, "zenml-login"),
    "others may write to the folder": (lambda folder, _: make_folder(folder, 0o722), 2, "others may read or write it"),
    "others may read the folder": (lambda folder, _: make_folder(folder, 0o755), 2, "others may read or write it"),
    "folder of another user": (lambda folder, _: (make_folder(folder, 0o700), give_away(folder)), 2, "another user"),
    "folder is read-only": (lambda folder, _: make_folder(folder, 0o500), 13, "Permission denied"),
    "file is a link": (lambda folder, file: (make_folder(folder, 0o700), file.symlink_to(folder / "x")), 13, "link"),
    "file is a folder": (lambda folder, file: (make_folder(folder, 0o700), file.mkdir()), 13, "not a regular file"),
    "home is read-only": (lambda folder, _: (folder.parent.rmdir(), folder.parents[1].chmod(0o500)), 13,
                          "Permission denied"),
    "home is missing": (lambda folder, _: (folder.parent.rmdir(), folder.parents[1].rmdir()), 13, "No such file"),
}


@pytest.mark.parametrize("case", CANNOT_BE_KEPT)
def test_what_cannot_be_kept_is_not_asked_for(case, server, home, binary):
    prepare, code, message = CANNOT_BE_KEPT[case]
    folder_of(home).parent.mkdir()
    prepare(folder_of(home), file_of(server, home))
    before = sorted(home.rglob("*"))
    check_result(log_in(server, home, wrapper=[*ENTER, *bound_by_file_modes()]), code, message)
    assert server.connections == 0 and sorted(home.rglob("*")) == before


def rewrite(file: Path, **changes) -> None:
    """Changes members of what is in the file."""
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def replace_by(file: Path, make) -> None:
    """Something else takes the place of the file."""
    file.rename(file.with_name("moved"))
    make(file)


UNUSABLE = {  # what happens to the file of a login
    "it is another user's": give_away,
    "others may write to the folder": lambda file: file.parent.chmod(0o702),
    "the folder is another user's": lambda file: give_away(file.parent),
    "link": lambda file: replace_by(file, lambda path: path.symlink_to(path.with_name("moved"))),
    "fifo": lambda file: replace_by(file, lambda path: os.mkfifo(path, 0o600)),
    "folder": lambda file: replace_by(file, lambda path: path.mkdir(0o700)),
    "empty": lambda file: file.write_text(""),
    "no JSON": lambda file: file.write_text("token"),
    "no object": lambda file: file.write_text("[]"),
    "half of it": lambda file: file.write_text(file.read_text()[:-20]),
    "twice": lambda file: file.write_text(2 * file.read_text()),
    "too long": lambda file: rewrite(file, padding=" " * 20000),
    "of another server": lambda file: rewrite(file, server="https://zenml.example.com"),
    "no server": lambda file: rewrite(file, server=None),
    "empty token": lambda file: rewrite(file, access_token=""),
    "no token": lambda file: rewrite(file, access_token=None),
    "token too long": lambda file: rewrite(file, access_token="x" * 4097),
    "odd device": lambda file: rewrite(file, device_id="../users"),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_cannot_be_trusted_is_not_used(case, server, home, binary):
    """Neither is it taken for no login at all: whoever has one is to know."""
    logged_in(server, home)
    connections = server.connections
    UNUSABLE[case](file_of(server, home))
    for command in (["whoami"], ["env", "--format=json"], ["exec", "--", "true"], ["login", "--logout"]):
        check_result(login(server, {"HOME": home}, *command), 2, "zenml-login")
    assert server.connections == connections


@pytest.mark.parametrize("mode", (0o640, 0o604, 0o620, 0o602), ids=oct)
def test_what_others_may_read_or_write_is_good_for_being_ended_only(mode, server, home, binary):
    stored = logged_in(server, home)
    file_of(server, home).chmod(mode)
    for command in (["whoami"], ["env", "--format=json"], ["exec", "--", "true"]):
        check_result(login(server, {"HOME": home}, *command), 2, "others may read or write it", "login")
    assert log_out(server, home).code == 0
    assert deleted(server) == [stored["device_id"]] and not file_of(server, home).exists()


def test_logging_in_again_makes_it_safe(server, home, binary):
    logged_in(server, home)
    file_of(server, home).chmod(0o644)
    logged_in(server, home)
    assert stat.S_IMODE(file_of(server, home).stat().st_mode) == 0o600
    assert whoami(server, home).code == 0


def test_a_token_that_others_could_read_is_ended(server, home, binary):
    first = logged_in(server, home)
    file_of(server, home).chmod(0o644)
    logged_in(server, home)
    assert deleted(server) == [first["device_id"]]


# Logging in once more

def test_earlier_login_is_ended(server, home, binary):
    """Nobody would have its token any more, and it might never expire."""
    first = logged_in(server, home)
    second = logged_in(server, home)
    assert deleted(server) == [first["device_id"]] != [second["device_id"]]
    assert list(server.healthy.devices) == [second["device_id"]]
    assert first["access_token"] != second["access_token"] and whoami(server, home).code == 0
    assert list(folder_of(home).iterdir()) == [file_of(server, home)]


@pytest.mark.parametrize("reply, warned", (
    (Reply(404, json={"detail": "gone"}), False), (Reply(401, json={"detail": "expired"}), False), (Reply(500), True),
    (dashboard(), True),
), ids=("gone", "expired", "server fails", "page"))
def test_earlier_login_that_cannot_be_ended(reply, warned, server, home, binary):
    """The new one is good all the same. A token that is still good may be left behind; that is said."""
    logged_in(server, home)
    server.healthy.deletion = reply
    result = log_in(server, home)
    assert (result.code, "warning: the token of the earlier login" in result.err) == (0, warned), result.err


def test_the_file_is_replaced_as_a_whole(start_zenml, home, binary):
    """Whoever reads it at any time finds one login or the other."""
    seen = []
    server = start_zenml(meanwhile=lambda: seen.append((path := file_of(server, home)).exists() and path.read_text()))
    logged_in(server, home)
    first, inode = file_of(server, home).read_text(), file_of(server, home).stat().st_ino
    logged_in(server, home)
    assert seen == [False, first] and file_of(server, home).stat().st_ino != inode


def test_what_cannot_be_written_is_ended(start_zenml, home, binary):
    """Nobody is to have a token that no file holds."""
    server = start_zenml(meanwhile=lambda: file_of(server, home).mkdir())
    check_login_refused(log_in(server, home), 13, "not a regular file")
    assert_nothing_kept(home)
    assert server.healthy.devices == {} and len(deleted(server)) == 1


def test_a_folder_that_others_may_write_to_meanwhile(start_zenml, home, binary):
    server = start_zenml(meanwhile=lambda: folder_of(home).chmod(0o777), at=LOGIN)
    check_login_refused(log_in(server, home), 2, "others may read or write it")
    assert_nothing_kept(home)
    assert server.healthy.devices == {} and len(deleted(server)) == 1


def test_an_earlier_login_outlives_one_that_cannot_be_written(start_zenml, home, binary):
    modes = iter((0o700, 0o500, 0o700))
    server = start_zenml(meanwhile=lambda: folder_of(home).chmod(next(modes)))
    first = logged_in(server, home)
    check_login_refused(log_in(server, home, wrapper=[*ENTER, *bound_by_file_modes()]), 13, "Permission denied")
    folder_of(home).chmod(0o700)
    assert json.loads(file_of(server, home).read_text()) == first
    assert list(server.healthy.devices) == [first["device_id"]]
    assert whoami(server, home).code == 0


# Who uses it

def test_whoami(server, home, binary):
    logged_in(server, home)
    before = len(asked(server))
    result = whoami(server, home, None, "--json")
    check_result(result, 0)
    told = json.loads(result.out)
    assert told["account"] == {"id": ACCOUNT_ID, "name": PERSON_NAME, "kind": "user"}
    assert (told["credential"]["kind"], told["credential"]["key_id"]) == ("api_token", None)
    assert asked(server)[before:] == [INFO, USER]


def test_env(server, home, binary):
    """The token is handed on as it is, once the server has vouched for it."""
    token = logged_in(server, home)["access_token"]
    before = len(asked(server))
    result = login(server, {"HOME": home}, "env", "--format=json", secret_in={"stdout": "token"})
    assert result.code == 0, result.err
    assert json.loads(result.out)["ZENML_STORE_API_TOKEN"] == token
    assert asked(server)[before:] == [INFO, USER] and MINT not in asked(server)


def test_exec(server, home, binary):
    token = logged_in(server, home)["access_token"]
    result = login(server, {"HOME": home}, "exec", "--", "sh", "-c", 'echo "$ZENML_STORE_API_TOKEN"',
                   secret_in={"stdout": "token"})
    assert (result.code, result.out) == (0, token + "\n"), result.err


def test_given_credentials_come_first(server, api_key, api_token, home, tmp_path, binary):
    logged_in(server, home)
    (tmp_path / "key").write_text(api_key)
    for variables, options in (({KEY: api_key}, []), ({TOKEN: api_token}, []), ({f"{KEY}_FILE": tmp_path / "key"}, []),
                               ({}, ["--api-key-file", tmp_path / "key"])):
        assert f"account: {ACCOUNT_NAME}\n" in whoami(server, home, variables, *options).out


@pytest.mark.parametrize("variables, code", (
    ({KEY: ""}, 3), ({TOKEN: ""}, 3), ({KEY: "\n"}, 3), ({KEY: "garbage"}, 4), ({f"{KEY}_FILE": "/dev/null"}, 3),
    ({KEY: "wrong"}, 5),
), ids=("empty key", "empty token", "newline", "malformed", "empty file", "wrong key"))
def test_a_given_credential_that_is_no_good_is_not_made_up_for(variables, code, server, home, binary):
    """A job that lacks its secret must not go on as whoever has logged in on the host."""
    logged_in(server, home)
    variables = {name: make_key() if value == "wrong" else value for name, value in variables.items()}
    for command in (["whoami"], ["env", "--format=json"], ["exec", "--", "true"]):
        check_result(login(server, {"HOME": home} | variables, *command), code)
    assert asked(server).count(USER) == 1


def test_if_missing(server, home, binary):
    """With a login there is a credential; an empty secret is none."""
    logged_in(server, home)
    assert PERSON_NAME in whoami(server, home, None, "--if-missing=skip").out
    result = whoami(server, home, {KEY: ""}, "--if-missing=skip")
    assert (result.code, result.out) == (0, "")


def test_somebody_else_was_expected(server, home, binary):
    logged_in(server, home)
    check_result(whoami(server, home, None, "--expect-user=grace"), 7, "not the expected account")


# Logging out

def test_logout(server, home, binary):
    told = logged_in(server, home)
    before = len(asked(server))
    result = log_out(server, home)
    assert (result.code, result.out, result.err) == (0, "", f"zenml-login: logged out of {server.url}\n")
    assert asked(server)[before:] == [f"DELETE /api/v1/devices/{told['device_id']}"]
    assert server.requests[-1].headers["authorization"] == f"Bearer {told['access_token']}"
    assert_nothing_kept(home)
    check_result(whoami(server, home), 3, "no credential", "zenml-login login")
    check_result(whoami(server, home, {TOKEN: told["access_token"]}), 5)


def test_logout_without_login(server, home, binary):
    for _ in range(2):
        result = log_out(server, home)
        assert (result.code, result.out) == (0, "")
        assert result.err == f"zenml-login: note: there is no login for {server.url}\n"
    assert server.connections == 0


@pytest.mark.parametrize("end", (
    lambda server, file: rewrite(file, access_token=make_token(-60, device_id=next(iter(server.healthy.devices)))),
    lambda server, file: server.healthy.devices.clear(),
), ids=("expired", "deleted"))
def test_logout_when_the_token_has_ended(end, server, home, binary):
    logged_in(server, home)
    end(server, file_of(server, home))
    result = whoami(server, home)
    check_result(result, 5, "rejected")
    assert result.err.endswith("zenml-login: fix: run zenml-login login again\n")
    result = log_out(server, home)
    assert result.code == 0 and "note: the token was not valid any more\n" in result.err
    assert_nothing_kept(home)


def test_logout_of_a_device_that_is_gone(server, home, binary):
    logged_in(server, home)
    server.healthy.deletion = Reply(404, json={"detail": "gone"})
    assert log_out(server, home).err == f"zenml-login: logged out of {server.url}\n"
    assert_nothing_kept(home)


def test_logout_that_cannot_end_the_token(start_zenml, home, binary):
    """Where the server has not told the device, nobody is to believe that the token has ended."""
    zenml = Zenml(on_token=canary.remember)
    server = start_zenml({AUTHORIZE: authorization(zenml, "/devices/verify")})
    server.healthy.devices = zenml.devices
    assert logged_in(server, home)["device_id"] == ""
    result = log_out(server, home)
    assert result.code == 0 and "warning: the token stays valid" in result.err, result.err
    assert_nothing_kept(home)


def test_logout_that_the_server_does_not_confirm(server, home, binary):
    """The token is needed for another attempt."""
    logged_in(server, home)
    server.healthy.deletion = Reply(500)
    check_result(log_out(server, home), 11)
    assert whoami(server, home).code == 0


@pytest.mark.parametrize("status", (200, 404))
def test_logout_that_somebody_else_answers(status, server, home, binary):
    """What stands before the server knows of no devices."""
    logged_in(server, home)
    server.healthy.deletion = replace(dashboard(), status=status)
    check_result(log_out(server, home), 11)
    assert whoami(server, home).code == 0


def test_logout_spares_a_login_that_came_between(start_zenml, home, binary):
    """It is not the one that has been ended."""
    files, other = [], canary.remember(make_token(60))
    server = start_zenml(meanwhile=lambda: files and rewrite(files.pop(), access_token=other), at="*")
    stored = logged_in(server, home)
    file = file_of(server, home)
    files.append(file)
    check_result(log_out(server, home, secret_in={file: "token"}), 13, "meanwhile", "once more")
    assert deleted(server) == [stored["device_id"]]
    assert json.loads(file.read_text())["access_token"] == other and whoami(server, home).code == 0


def test_logout_that_the_server_forbids(server, home, binary):
    """As 0.47.0 does to a guest: another attempt would do no better."""
    logged_in(server, home)
    server.healthy.deletion = Reply(403, json={"detail": "no"})
    result = log_out(server, home)
    assert result.code == 0 and "warning: the token stays valid" in result.err, result.err
    assert_nothing_kept(home)


def test_logout_when_the_server_is_away(server, start_server, home, binary):
    away = start_server(on_connect=["close"])
    logged_in(server, home)
    rewrite(file_of(server, home), server=away.url)
    file_of(server, home).rename(file_of(away, home))
    check_result(log_out(away, home), 9)
    assert file_of(away, home).exists()


# What the other commands say of it

def test_login_of_a_person_in_a_job(server, home, binary):
    """Nobody is to hand it on without knowing."""
    logged_in(server, home)
    assert "warning" not in whoami(server, home).err
    result = whoami(server, home, {"GITHUB_ACTIONS": "true", "GITHUB_ENV": home / "env"})
    assert result.code == 0
    assert result.err == ("zenml-login: warning: no credential was given: the login of a person that is kept here is "
                          "used\n")


@pytest.mark.parametrize("url, cause", (
    (None, "no server was given"), ("nonsense", "server URL: it must begin with https://")))
def test_what_is_missing_is_the_server(url, cause, server, home, binary):
    """A login is kept for a server: that there is none for another one helps nobody."""
    logged_in(server, home)
    variables = {"HOME": home} | ({"ZENML_STORE_URL": url} if url else {})
    check_result(run(["whoami"], variables), 2, f"^{cause}$")


def test_job_without_secrets_is_told_of_the_secret_first(home, binary):
    check_result(run(["whoami"], {"HOME": home, "GITLAB_CI": "true"}), 3, "no credential was given")
