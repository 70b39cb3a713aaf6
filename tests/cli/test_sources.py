"""Where server and credential are taken from, what goes first, and what is refused without a connection."""

from __future__ import annotations

import os
import subprocess
import threading
from secrets import token_hex

import pexpect
import pytest
from keys import make_key
from outcome import check_result, login
from surroundings import bound_by_file_modes, in_shell, with_mounts

from run import run
from zenml_replies import make_token

KEY, KEY_ALIAS, TOKEN = "ZENML_STORE_API_KEY", "ZENML_API_KEY", "ZENML_STORE_API_TOKEN"
URL, URL_ALIAS = "ZENML_STORE_URL", "ZENML_SERVER_URL"
NOWHERE = "https://127.0.0.1:1"


@pytest.fixture
def other_key() -> str:
    """An API key that the server does not know."""
    return make_key()


@pytest.fixture
def key_file(api_key, tmp_path):
    """A file with the API key and a newline."""
    path = tmp_path / "key"
    path.write_text(api_key + "\n")
    return path


def account_of(server, variables, *options, **further):
    """Logs in; the account named on standard output."""
    result = login(server, variables, "whoami", *map(str, options), **further)
    check_result(result, 0)
    return result.out


def refused(server, variables, code, message, fix, *options, **further):
    """Is refused with this message and next step, before any connection."""
    check_result(login(server, variables, "whoami", *map(str, options), **further), code, message, fix)
    assert server.connections == 0


# The server

@pytest.mark.parametrize("variables, option", (
    ({URL: "{url}"}, None), ({URL_ALIAS: "{url}"}, None), ({URL: "{url}", URL_ALIAS: "{url}"}, None),
    ({URL: "", URL_ALIAS: "{url}"}, None), ({URL: "{url}", URL_ALIAS: ""}, None),
    ({}, "{url}"), ({URL: NOWHERE}, "{url}"), ({URL: NOWHERE, URL_ALIAS: "https://127.0.0.2:1"}, "{url}"),
    ({URL: "{url}/"}, None), ({URL: "{url}//"}, None), ({URL_ALIAS: "{url}\n"}, None), ({URL: "{url}/\r\n"}, None),
    ({}, "{url}/"),
))
def test_server(variables, option, server, api_key, binary):
    variables = {name: value.format(url=server.url) for name, value in variables.items()}
    options = ["--server", option.format(url=server.url)] if option else []
    result = run(["whoami", "--ca-file", server.ca, *options], variables | {KEY: api_key})
    check_result(result, 0)
    assert result.out.startswith(f"server: {server.url}\n")


@pytest.mark.parametrize("variables, message, fix", (
    ({}, "no server", "ZENML_STORE_URL.*--server"),
    ({URL: "", URL_ALIAS: ""}, "no server", "ZENML_STORE_URL"),
    ({URL: NOWHERE, URL_ALIAS: "https://127.0.0.2:1"}, "ZENML_STORE_URL and ZENML_SERVER_URL differ", "unset"),
    ({URL: "https://bob:pw@zenml.example.com"}, "user name or password", "https://HOST"),
    ({URL: "https://zenml.example.com/?x=1"}, "query", "https://HOST"),
    ({URL: "https://zenml.example.com/#x"}, "fragment", "https://HOST"),
    ({URL: '"https://zenml.example.com"'}, "quote", "remove the quotes"),
    ({URL: "https://zenml.example.com/ x"}, "blank", "."),
    ({URL: "https://zenml.example.com\nX: y"}, "control", "."),
    ({URL: "zenml.example.com"}, "https://|cannot be read", "https://"),
    ({URL: "ftp://zenml.example.com"}, "https://", "."),
    ({URL: "https://"}, "cannot be read|missing", "."),
    ({URL: "https://zenml.example.com:0x50"}, "cannot be read", "https://HOST"),
    ({URL: "https://h/" + "a" * 5000}, "too long", "."),
))
def test_server_refused(variables, message, fix, api_key, binary):
    check_result(run(["whoami"], variables | {KEY: api_key}), 2, message, fix)


def test_plain_http_is_allowed_only_when_asked_for(api_key, binary):
    arguments = ["whoami", "--server", "http://0.0.0.0:1", "--timeout", "5"]  # this host, but no loopback address
    check_result(run(arguments, {KEY: api_key}), 2, "http", "https|--allow-http")
    result = run([*arguments, "--allow-http"], {KEY: api_key})
    assert result.code == 8 and result.err.startswith("zenml-login: warning: ")


# One source

@pytest.mark.parametrize("name", (KEY, KEY_ALIAS))
@pytest.mark.parametrize("end", ("", "\n", "\r\n"))
def test_key_variable(name, end, server, api_key, binary):
    assert "credential: API key\n" in account_of(server, {name: api_key + end})


@pytest.mark.parametrize("end", ("", "\n", "\r\n"))
def test_token_variable(end, server, api_token, binary):
    assert "credential: API token\n" in account_of(server, {TOKEN: api_token + end})


@pytest.mark.parametrize("name", (f"{KEY}_FILE", f"{KEY_ALIAS}_FILE", "--api-key-file", "symbolic link", "-"))
@pytest.mark.parametrize("end", ("", "\n", "\r\n"))
def test_key_file(name, end, server, api_key, tmp_path, binary):
    path = tmp_path / "key"
    path.write_bytes(api_key.encode() + end.encode())
    if name == "symbolic link":  # as kubelet and docker mount secrets
        (tmp_path / "link").symlink_to(path)
        path = tmp_path / "link"
    if name == "-":
        account_of(server, {}, "--api-key-file", "-", stdin=api_key + end)
    elif name.startswith("ZENML"):
        account_of(server, {name: path})
    else:
        account_of(server, {}, f"--api-key-file={path}")


def test_token_file(server, api_token, tmp_path, binary):
    path = tmp_path / "token"
    path.write_text(api_token + "\n")
    assert "credential: API token\n" in account_of(server, {f"{TOKEN}_FILE": path})


def test_fifo(server, api_key, tmp_path, binary):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    half = len(api_key) // 2

    def write():
        with open(fifo, "w", encoding="ascii") as stream:
            stream.write(api_key[:half])
            stream.flush()
            threading.Event().wait(0.2)
            stream.write(api_key[half:] + "\n")

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    account_of(server, {}, "--api-key-file", fifo)
    writer.join(5)


def test_fifo_without_a_writer(server, tmp_path, binary):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    refused(server, {f"{KEY}_FILE": fifo}, 2, f"{KEY}_FILE.*fifo.*time", ".", timeout=1)


def test_pipe_as_from_process_substitution(server, key_file, binary):
    script = 'exec 9<&0; "$@" --api-key-file /dev/fd/9 </dev/null'
    account_of(server, {}, wrapper=in_shell(script), stdin=key_file.read_text())


def test_long_file_names_and_no_home(server, api_key, tmp_path, binary):
    path = tmp_path / ("k" * 200)
    path.write_text(api_key)
    account_of(server, {}, "--api-key-file", path)


# Several sources

def test_the_same_credential_twice_is_no_conflict(server, api_key, key_file, binary):
    account_of(server, {KEY: api_key, KEY_ALIAS: api_key + "\n", f"{KEY}_FILE": key_file}, "--api-key-file", key_file)


@pytest.mark.parametrize("variables", (
    {KEY: "", KEY_ALIAS: "{key}"}, {KEY: "{key}", KEY_ALIAS: ""}, {KEY: "{key}", TOKEN: ""},
    {KEY: "{key}", f"{KEY}_FILE": "", f"{TOKEN}_FILE": ""}, {KEY: "\n", KEY_ALIAS: "{key}"},
))
def test_empty_counts_as_not_set(variables, server, api_key, binary):
    account_of(server, {name: value.format(key=api_key) for name, value in variables.items()})


SOURCES = {"--api-key-file": "path", KEY: "key", KEY_ALIAS: "key", f"{KEY}_FILE": "path", f"{KEY_ALIAS}_FILE": "path",
           TOKEN: "token", f"{TOKEN}_FILE": "token path"}


@pytest.mark.parametrize("first, second", [(a, b) for a in SOURCES for b in SOURCES if a < b])
def test_different_credentials(first, second, server, tmp_path, binary):
    variables, options = {}, []
    for name in (first, second):
        value = make_token(60) if "token" in SOURCES[name] else make_key()
        if "path" in SOURCES[name]:
            path = tmp_path / f"of{name}"
            path.write_text(value)
            value = path
        if name.startswith("--"):
            options = [name, value]
        else:
            variables[name] = value
    either_order = rf"two different.*({first} and {second}|{second} and {first})$"
    refused(server, variables, 2, either_order, "leave one", *options)


# Refused

@pytest.mark.parametrize("value, code, message", (
    ('"{key}"', 4, "quote"), ("'{key}'", 4, "quote"), ("\ufeff{key}", 4, "byte-order mark"),
    ("{key}\n\n", 4, "line break"), ("{key}\r\n\r\n", 4, "line break"), ("{key}\r", 4, "carriage return"),
    (" {key}", 4, "blank"), ("{key}\t\n", 4, "blank"), ("{key}\n{key}\n{key}", 4, "line break|two lines"),
    ("{key}" + "A" * 5000, 4, "4096"), ("Bearer {key}", 4, "blank"), ("", 3, "empty"), ("\n", 3, "empty"),
))
@pytest.mark.parametrize("source", (KEY, KEY_ALIAS, f"{KEY}_FILE", "--api-key-file", "-"))
def test_refused_value(value, code, message, source, server, api_key, tmp_path, binary):
    value = value.format(key=api_key)
    path = tmp_path / "key"
    path.write_bytes(value.encode())
    fix = "fork" if code == 3 else "."
    if source == "-":
        refused(server, {}, code, f"--api-key-file.*{message}", fix, "--api-key-file", "-", stdin=value)
    elif source.startswith("--"):
        refused(server, {}, code, f"{source}.*{message}", fix, source, path)
    else:
        refused(server, {source: path if source.endswith("FILE") else value}, code, f"{source}.*{message}", fix)


def test_no_credential(server, binary):
    refused(server, {}, 3, "no credential", f"{KEY}.*--api-key-file")


@pytest.mark.parametrize("source", (KEY, f"{KEY}_FILE", "--api-key-file"))
def test_token_where_a_key_belongs(source, server, api_token, tmp_path, binary):
    path = tmp_path / "token"
    path.write_text(api_token)
    variables = {} if source.startswith("--") else {source: path if source.endswith("FILE") else api_token}
    refused(server, variables, 4, f"{source}.*API token, not an API key", TOKEN,
            *([source, path] if source.startswith("--") else []))


@pytest.mark.parametrize("source", (TOKEN, f"{TOKEN}_FILE"))
def test_key_where_a_token_belongs(source, server, api_key, key_file, binary):
    refused(server, {source: key_file if source.endswith("FILE") else api_key}, 4,
            f"{source}.*API key, not an API token", KEY)


@pytest.mark.parametrize("kind, code, message", (
    ("folder", 2, "folder"), ("missing", 3, "No such file"), ("no folder", 2, "Not a directory"),
    ("megabyte", 4, "4096"), ("no rights", 2, "denied"), ("dangling link", 3, "No such file"),
    ("/dev/null", 3, "empty"), ("/dev/zero", 4, "4096"),
))
@pytest.mark.parametrize("source", ("--api-key-file", f"{KEY}_FILE", f"{TOKEN}_FILE"))
def test_refused_file(kind, code, message, source, server, api_key, tmp_path, binary):
    path = tmp_path / "secret"
    if kind == "folder":
        path.mkdir()
    elif kind == "megabyte":
        path.write_text(api_key + "A" * (1 << 20))
    elif kind == "no folder":
        path.write_text("")
        path /= "key"
    elif kind == "no rights":
        path.write_text(api_key)
        path.chmod(0)
    elif kind == "dangling link":
        path.symlink_to(tmp_path / "gone")
    elif kind.startswith("/dev"):
        path = kind
    option = [source, path] if source.startswith("--") else []
    refused(server, {} if option else {source: path}, code, f"{source}.*{message}", ".", *option,
            wrapper=bound_by_file_modes())


@pytest.mark.parametrize("source", (f"{KEY}_FILE", "--api-key-file"))
def test_key_in_place_of_a_path(source, server, api_key, binary):
    """A likely mistake, and an old key on the command line is bad enough: the message must not repeat it."""
    option = [source, api_key] if source.startswith("--") else []
    refused(server, {} if option else {source: api_key}, 3, source, KEY, *option, secret_in={"argv"})


def test_terminal_as_standard_input(server, api_key, binary):
    """Nobody is asked: what is typed would be shown."""
    arguments = ["whoami", "--server", server.url, "--ca-file", str(server.ca), "--api-key-file", "-"]
    with pexpect.spawn(str(binary), arguments, env={"PATH": "/usr/bin:/bin"}, timeout=20, encoding="utf-8") as terminal:
        terminal.expect(pexpect.EOF)
        terminal.wait()
        assert terminal.exitstatus == 2
        assert "standard input" in terminal.before and "fix: " in terminal.before
    assert server.connections == 0


# Where systemd and container runtimes put secrets

def well_known(folder, text):
    folder.mkdir(exist_ok=True)
    (folder / "zenml_store_api_key").write_text(text)
    return folder


def test_credentials_directory(server, api_key, tmp_path, binary):
    account_of(server, {"CREDENTIALS_DIRECTORY": well_known(tmp_path / "cred", api_key + "\n")})


def test_what_is_given_goes_before_what_is_found(server, api_key, other_key, tmp_path, binary):
    account_of(server, {KEY: api_key, "CREDENTIALS_DIRECTORY": well_known(tmp_path / "cred", other_key)})


def test_what_is_found_is_refused_like_any_other(server, api_key, tmp_path, binary):
    folder = well_known(tmp_path / "cred", f"'{api_key}'")
    refused(server, {"CREDENTIALS_DIRECTORY": folder}, 4, "CREDENTIALS_DIRECTORY.*quote", ".")
    well_known(folder, "")
    refused(server, {"CREDENTIALS_DIRECTORY": folder}, 3, "CREDENTIALS_DIRECTORY.*empty", ".")


@pytest.mark.parametrize("first", ("absent", "empty folder", "used"))
def test_run_secrets(first, server, api_key, other_key, tmp_path, binary):
    well_known(tmp_path / "secrets", other_key if first == "used" else api_key)
    credentials = tmp_path / "cred"
    credentials.mkdir()
    if first == "used":
        well_known(credentials, api_key)
    # /run/secrets need not exist here: another /run is put over the real one.
    wrapper = with_mounts(f'mount --bind "{tmp_path}" /run && exec "$@"')
    account_of(server, {} if first == "absent" else {"CREDENTIALS_DIRECTORY": credentials}, wrapper=wrapper)


def test_the_binary_holds_no_way_to_pass_a_secret_as_an_option(binary):
    """Command lines can be read by everybody: the help of no command has an option whose value is a secret."""
    for command in ("env", "exec", "whoami"):
        text = subprocess.run([binary, command, "--help"], capture_output=True, text=True, check=True).stdout
        assert not [word for word in ("--api-key ", "--api-token", "--password", "--key ") if word in text]


@pytest.mark.parametrize("characters", ("\n", "%25", "'\"$", "é", " "))
def test_strange_inner_secret(characters, start_server, binary):
    """Whatever stands in the JSON of a key: it goes to the server as it is, or is refused."""
    key = make_key(characters.join((token_hex(16), token_hex(16))))
    server = start_server(healthy=None)
    assert login(server, {KEY: key}).code in (4, 12)
    assert all(request.form == {"password": key} for request in server.requests)
