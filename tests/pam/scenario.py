"""Scripted PAM conversations: the format of scenarios/*.txt, and how one is played.

A file holds scenarios that begin with a line `=== NAME`. A scenario is made of sections; one that it does not have is
taken from the head of its file, before the first `===`. Empty lines do not count, nor do lines that begin with #,
except in what is the text of a file.

    [arguments]    arguments of the module on its PAM lines, one a line
    [stack]        the whole service file instead, for other stacks than our module as auth and account. In that one a
                   second module turns PAM_IGNORE, which libpam would show as PAM_PERM_DENIED, into what we show as
                   PAM_IGNORE
    [config]       lines of the configuration file, in addition to `server`, `ca_file`, `timeout` and a mapping (`match`
                   or, when there is a [map], `map_file`), unless they set these themselves
    [config only]  the whole configuration file
    [map]          the map file
    [setup]        shell commands, run before the application
    [server]       `METHOD /path = REPLY` (an expression with the names of zenml_replies.py and Reply; a plain value
                   is sent as JSON), `account`, `auth_scheme`, `person`, `approval`, `device_patience` and `deletion` of
                   the healthy server behind it, `tls`, `tls_max` and `on_connect` of Server, or `stopped`: nobody
                   listens
    [run]          what the application does: `service NAME` (else sshd), `user NAME` (else alice), calls with the
                   code that they return: `authenticate silent = PAM_SUCCESS`, and any other command of driver.c
    [prompts]      what the module shows, in order, and what is answered:
                   `off "ZenML API key: " <- ANSWER`, `<- (FAULT)` for a fault of driver.c, `info "TEXT"`
    [requests]     every request that the server sees, in order; without the section it is not looked at, and
                   an empty one means that nobody has even connected, unless [server] has `tls`, `tls_max` or
                   `on_connect`: then somebody has
    [log]          every message of the module: severity and text. In the line of a decision the fields service,
                   user, account, account_id, server, rhost, elapsed_ms and request may be left out when they are as
                   expected. `..."` at the end stands for words of libcurl, which differ between its versions
    [env]          the PAM environment afterwards

What the scenario does not say must not happen: no other call, prompt, message or variable. Besides, each scenario
checks that PAM_USER stays what it was, that a refusal (and nothing else) asks for a delay, and that no credential is
in the log or the transcript.

Variables: $KEY and $KEY500 (API keys of 167 and about 500 characters that the server knows), $PROKEY (an API key of
ZenML Pro that it knows), $WRONG (one that it does not know), $HOLLOW (one with an empty inner secret), $TOKEN (an API
token), $MINTED (any API token, in [env]), $PAGE (the prompt that shows where to approve in a browser, with any codes),
$DEVICE (any device), $X81 and $X5000 (so many x), $SERVER, $CA, $OTHER_CA, $PIN, $OTHER_PIN,
$ACCOUNT_ID, $SERVER_ID, $CONFIG, $MAP, $HELPER, $FAKES (folder with programs to put in its place), $MODULE, $SPY. In
texts, \\xNN is the byte NN. Besides alice and bob (who is in the group ops) there is the user toor with uid 0.
"""

from __future__ import annotations

import base64
import difflib
import itertools
import json
import re
import socket
import subprocess
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator, Mapping, Sequence

import canary
import zenml_replies
from certs import Certificates
from keys import make_key, make_pro_key
from pam_host import CONFIG, MAP, PamHost, build_dir
from tls_server import Reply, Seen, Server
from zenml_replies import ACCOUNT_ID, ACCOUNT_NAME, SERVER_ID, Zenml

FOLDER = Path(__file__).parent / "scenarios"
_SECTIONS = {"arguments", "stack", "config", "config only", "map", "setup", "server", "run", "prompts", "requests",
             "log", "env"}
_OF_THE_SERVER = {"person", "approval", "device_patience", "deletion"}  # as they are called there
_HAVE_COMMENTS = ("config", "config only", "map")
_IGNORED = "PAM_CRED_EXPIRED"  # what the spy says when our module says nothing
_CALL = re.compile(r"(authenticate|acct_mgmt|setcred|open_session|close_session)\b(.*) = (\w+)")
_PROMPT = re.compile(r'((?:off|on|info|error) ".*?")(?: <- (.*))?')
_FIELD = re.compile(r'(\w+)=("[^"]*"|\S*)')
_JWT = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]+")
_PAGE = (r"Open this page in a browser, and approve the login:\x0a\x0a    {}/devices/verify?$CODES\x0a\x0a"
         "Press Enter once you have approved: ")
_CODES = re.compile(r"device_id=[0-9a-f-]{36}&user_code=[0-9a-f]{32}\b")
_DEVICE = re.compile(r"(?<=/api/v1/devices/)[0-9a-f-]{36}$")


@dataclass(frozen=True)
class Scenario:
    """One scenario: the lines of each of its sections."""

    name: str
    sections: Mapping[str, Sequence[str]]

    def __getitem__(self, section: str) -> Sequence[str]:
        return self.sections.get(section, ())

    def __contains__(self, section: str) -> bool:
        return section in self.sections

    def filled(self, values: Mapping[str, str]) -> Scenario:
        """The scenario with the value of each $NAME."""
        def fill(line: str) -> str:
            return re.sub(r"\$([A-Z][A-Z0-9_]*)", lambda found: values[found[1]], line)

        return Scenario(self.name, {section: [fill(line) for line in lines]
                                    for section, lines in self.sections.items()})

    def setting(self, name: str, default: str) -> str:
        """What follows the word `name` in [run]."""
        return next((line[len(name) + 1:] for line in self["run"] if line.startswith(f"{name} ")), default)


# --- the files ---

def load() -> list[Scenario]:
    """All scenarios, named FILE.NAME."""
    return [scenario for path in sorted(FOLDER.glob("*.txt"))
            for scenario in parse(path.stem, path.read_text(encoding="utf-8"))]


def parse(file: str, text: str) -> list[Scenario]:
    """The scenarios in the text of a file."""
    head, *parts = re.split(r"^=== ", text, flags=re.MULTILINE)
    common = _sections(head)
    named = [part.partition("\n") for part in parts]
    return [Scenario(f"{file}.{name.strip()}", common | _sections(body)) for name, _, body in named]


def _sections(text: str) -> dict[str, list[str]]:
    sections: dict[str, list[str]] = {}
    section, lines = "", []
    for line in text.splitlines():
        if found := re.fullmatch(r"\[([a-z ]+)\]", line):
            if found[1] not in _SECTIONS or found[1] in sections:
                raise ValueError(f"unknown or second section: {line}")
            section, lines = found[1], sections.setdefault(found[1], [])
        elif line and (section in _HAVE_COMMENTS or not line.startswith("#")):
            lines.append(line)
    return sections


def _configuration(scenario: Scenario, values: Mapping[str, str]) -> list[str]:
    if "config only" in scenario:
        return list(scenario["config only"])
    base = {"server": values["SERVER"], "ca_file": values["CA"], "timeout": "15"}
    base |= {"map_file": values["MAP"]} if "map" in scenario else {"match": "name"}
    own = {line.partition("=")[0].strip() for line in scenario["config"]}
    return [*(f"{key} = {value}" for key, value in base.items() if key not in own), *scenario["config"]]


# --- playing one ---

class Stage:
    """Where scenarios are played: the private machine, certificates and credentials."""

    def __init__(self, host: PamHost, certs: Certificates):
        self.host = host
        self.certs = certs
        host.add_user("toor", 0)  # a second name of root
        self.values = {
            "KEY": make_key(), "WRONG": make_key(), "KEY500": make_key("k" * 310),
            "PROKEY": make_pro_key(),
            "HOLLOW": "ZENKEY_" + _base64({"id": str(uuid.uuid4()), "key": ""}),
            "TOKEN": canary.remember(zenml_replies.make_token(3600)), "MINTED": "$MINTED",
            "DEVICE": "$DEVICE", "X81": "x" * 81, "X5000": "x" * 5000,
            "CA": str(host.publish(certs.ca)), "OTHER_CA": str(host.publish(certs.other_authority.crt)),
            "PIN": certs.pin(certs.good), "OTHER_PIN": certs.pin(certs.self_signed),
            "ACCOUNT_ID": ACCOUNT_ID, "SERVER_ID": SERVER_ID, "CONFIG": str(CONFIG), "MAP": str(MAP),
            "HELPER": str(host.helper_path), "FAKES": str(build_dir() / "tests/pam/fakes"),
            "MODULE": str(host.module), "SPY": str(build_dir() / "tests/pam/pam_zn_spy.so"),
        }

    def play(self, scenario: Scenario, **options) -> tuple[dict[str, Any], dict[str, Any]]:
        """Plays a scenario; `options` are those of `PamHost.drive`. Returns what came of it, and what should have:
        two mappings with the same keys."""
        with self._server(scenario) as (server, url):
            values = self.values | {"SERVER": url, "PAGE": _PAGE.format(url)}
            scenario = scenario.filled(values)
            self._prepare(scenario, values)
            transcript = self.host.drive(_commands(scenario), **options)
            seen = server.settle() if server else Seen(0, 0, ())
        raw = self.host.log.raw()
        expected = _expected(scenario, values["SERVER"])
        records = [record for record in map(self.host.log.parse, raw) if record.source.startswith("pam_zenml")]
        messages = [f"{record.severity} {_normal(record.text)}" for record in records]
        actual = _read_transcript(transcript) | {
            "log": [_elide(*pair) for pair in itertools.zip_longest(messages, expected["log"][:len(messages)])],
            # Their kinds only: a failure may not be the next leak.
            "secrets": sorted({canary.kind(secret) for secret in canary.found_in(
                b"\n".join(raw) + _JWT.sub("", transcript).encode(), canary.secrets_to_find([]))}),
            "requests": [_DEVICE.sub("$DEVICE", str(request)) for request in seen.requests]
                        if "requests" in scenario else None,
            "connected": seen.connections > 0 if "requests" in scenario else None,
        }
        return actual, expected

    @contextmanager
    def _server(self, scenario: Scenario) -> Iterator[tuple[Server | None, str]]:
        settings = [line.partition(" = ")[::2] for line in scenario["server"]]
        script = {name: _reply(value) for name, value in settings if " " in name}
        named = {name: value for name, value in settings if " " not in name}
        if "stopped" in named:
            with socket.socket() as taken:  # bound, but not listening: nobody else can get the port meanwhile
                taken.bind(("127.0.0.1", 0))
                yield None, f"https://127.0.0.1:{taken.getsockname()[1]}"
            return
        healthy = Zenml(api_keys={self.values[name] for name in ("KEY", "KEY500", "PROKEY")}, on_token=canary.remember,
                        auth_scheme=named.get("auth_scheme", "OAUTH2_PASSWORD_BEARER"),
                        account=_evaluate(named.get("account", "current_user()")),
                        **{name: _evaluate(value) for name, value in named.items() if name in _OF_THE_SERVER})
        tls = getattr(self.certs, named.get("tls", "good"))
        with Server(script, tls=tls, tls_max=named.get("tls_max", "1.3"), healthy=healthy,
                    on_connect=named.get("on_connect", "serve").split()) as server:
            yield server, server.url

    def _prepare(self, scenario: Scenario, values: Mapping[str, str]) -> None:
        host = self.host
        host.remove("/etc/security")
        host.folder("/etc/security")
        host.install_helper()
        if "map" in scenario:
            host.map(*scenario["map"])
        host.configure(*_configuration(scenario, values))
        stack = [line for stage in ("auth", "account") for line in (
            host.line(stage, "[success=done ignore=ignore default=die]", *scenario["arguments"]),
            host.line(stage, "required", "refuse", module=values["SPY"]))]
        host.service(scenario.setting("service", "sshd"), *(scenario["stack"] or stack))
        for command in scenario["setup"]:
            subprocess.run(["sh", "-euc", command], check=True)
        host.log.raw()


def differences(actual: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    """Where the two differ, a line for each line: + for what came, - for what should have."""
    def lines(values: Mapping[str, Any]) -> list[str]:
        return [f"{section}: {line}" for section, value in values.items()
                for line in (value if isinstance(value, list) else [value])]

    return "\n".join(line for line in difflib.ndiff(lines(expected), lines(actual)) if line[0] in "+-")


def _reply(text: str) -> Any:
    """What the script of a Server gets for the expression `text`."""
    value = _evaluate(text)
    if isinstance(value, list):
        return [_as_reply(part) for part in value]
    return _as_reply(value)


def _as_reply(value: Any) -> Reply:
    return value if isinstance(value, Reply) else Reply(json=value)


def _evaluate(text: str) -> Any:
    return eval(text, {"Reply": Reply} | vars(zenml_replies))  # an expression of our own scenarios


def _base64(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def _commands(scenario: Scenario) -> list[str]:
    """The commands for driver.c."""
    run = [line for line in scenario["run"] if not line.startswith(("service ", "user "))]
    start = f"start /etc/pam.d {scenario.setting('service', 'sshd')} {scenario.setting('user', 'alice')}"
    commands = ["mute"] * ("mute" in run) + [start]
    for line in scenario["prompts"]:
        answer = _PROMPT.fullmatch(line)[2]
        if answer is not None:
            fault = re.fullmatch(r"\(([\w-]+)\)", answer)
            commands.append(f"fault {fault[1]}" if fault else f"answer {answer}")
    commands += [_CALL.sub(r"call \1\2", line) for line in run if line != "mute"]
    return [*commands, "show USER", "show env", "end"]


def _read_transcript(transcript: str) -> dict[str, Any]:
    """The transcript of driver.c, sorted by what a scenario says about it."""
    calls, prompts, env, delays = [], [], [], []
    user, delay = "", 0
    for line in transcript.splitlines():
        word, _, rest = line.partition(" ")
        if word in ("prompt", "info", "error"):
            style, _, text = line.removeprefix("prompt ").partition(" ")
            prompts.append(f'{style} "{_CODES.sub("$CODES", text)}"')
        elif word in ("no", "not"):  # "no answer", "not asked for ANSWER"
            prompts.append(line.partition(" for ")[0])
        elif word == "delay":
            delay = int(rest)
        elif word == "env":
            env.append(_JWT.sub("$MINTED", rest))
        elif word == "item":
            user = rest.removeprefix("USER ")
        else:
            calls.append(f"{word} = {'PAM_IGNORE' if rest == _IGNORED else rest}")
            delays.append(f"{word} asks for {_delay_class(delay)}")
            delay = 0
    return {"calls": calls, "prompts": prompts, "env": env, "delays": delays, "user": user}


def _delay_class(microseconds: int) -> str:
    """libpam varies the two seconds that were asked for."""
    if microseconds == 0:
        return "no delay"
    return "two seconds" if 1_000_000 <= microseconds <= 3_000_000 else f"{microseconds} us"


def _expected(scenario: Scenario, server: str) -> dict[str, Any]:
    run = scenario["run"]
    calls = [found.group(1, 3) for line in run if (found := _CALL.fullmatch(line))]
    changed = [line.removeprefix("item USER ") for line in run if line.startswith("item USER ")]
    checked = "requests" in scenario
    return {
        "calls": [f"{name} = {code}" for name, code in calls],
        "prompts": [_PROMPT.fullmatch(line)[1] for line in scenario["prompts"]],
        "env": list(scenario["env"]),
        "delays": [f"{name} asks for {_expected_delay(name, code)}" for name, code in calls],
        "user": (changed or [scenario.setting("user", "alice")])[-1].replace("\\x20", " "),
        "log": [_complete(line, scenario, server) for line in scenario["log"]],
        "secrets": [],
        "requests": list(scenario["requests"]) if checked else None,
        "connected": bool(scenario["requests"]) or _breaks_connections(scenario) if checked else None,
    }


def _breaks_connections(scenario: Scenario) -> bool:
    return any(line.startswith(("tls = ", "tls_max = ", "on_connect = ")) for line in scenario["server"])


def _expected_delay(name: str, code: str) -> str:
    refused = name == "authenticate" and code not in ("PAM_SUCCESS", "PAM_IGNORE")
    return "two seconds" if refused else "no delay"


def _normal(text: str) -> str:
    """A message without what differs from run to run."""
    return re.sub(r"\brequest=[0-9a-f]{8}\b", "request=#", re.sub(r"\belapsed_ms=\d+", "elapsed_ms=#", text))


def _elide(message: str, expected: str | None) -> str:
    """The message with its end left out where the expected one leaves it out."""
    if expected and expected.endswith('..."') and message.startswith(expected[:-4]):
        return expected
    return message


def _complete(line: str, scenario: Scenario, server: str) -> str:
    """An expected message with the fields that it leaves out."""
    severity, _, text = line.partition(" ")
    if not text.startswith("result="):
        return line
    given = dict(_FIELD.findall(text))
    known = given["reason"] == "ok"
    fields = {"result": "", "reason": "", "service": scenario.setting("service", "sshd"),
              "user": scenario.setting("user", "alice"), "account": ACCOUNT_NAME if known else "-",
              "account_id": ACCOUNT_ID if known else "-", "server": server,
              "rhost": scenario.setting("item RHOST", "-"), "elapsed_ms": "#", "request": "#"} | given
    return f"{severity} " + " ".join(f"{name}={value}" for name, value in fields.items())
