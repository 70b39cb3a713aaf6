#!/usr/bin/env python3
"""A CI job's login into a real ZenML server, told as a transcript. `./dev demo` runs this.

ZENML_LOGIN_BIN names the zenml-login binary, ZN_ZENML_VENV the virtual environment with zenml[server]. Exit code 0:
everything went as it should. Secrets are shown shortened; the server and its data are gone afterwards.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "support"))

import zenml_server  # noqa: E402
from canary import shortened  # noqa: E402
from oracles import github  # noqa: E402
from program import REJECTED, zenml_login  # noqa: E402
from run import Result  # noqa: E402
from zenml_admin import Account, Admin, encode_key  # noqa: E402
from zenml_client import assert_no_secret_on_disk, run_client  # noqa: E402


def say(text: str = "") -> None:
    """Print, with every secret in `text` shortened to its harmless beginning."""
    print(shortened(text), flush=True)


def expect(fact: bool, what: str) -> None:
    """End the demo with exit code 1 unless `fact` holds."""
    if not fact:
        sys.exit(f"demo: this should not have happened: {what}")


def show(command: str, result: Result, code: int = 0) -> None:
    """Print a command with what it said; masks, which the log of a CI job swallows, are only counted."""
    say(f"$ {command}")
    lines = result.out.splitlines()
    masks = [line for line in lines if line.startswith("::add-mask::")]
    if masks:
        say(f"(::add-mask:: lines, by which the runner hides the credential in its log: {len(masks)})")
    for line in [line for line in lines if line not in masks] + result.err.splitlines():
        say(line)
    expect(result.code == code, f"exit code {result.code} instead of {code}")


def show_identity(url: str, account: Account) -> None:
    """Who the key belongs to."""
    say(f"$ export ZENML_STORE_URL={url} ZENML_STORE_API_KEY={account.key}")
    result = zenml_login(url, "whoami", key=account.key)
    show("zenml-login whoami", result)
    expect(account.name in result.out, "the account is not named")


def show_ci_step(url: str, account: Account, folder: Path) -> dict[str, str]:
    """The login step of a GitHub job; returns the variables that later steps get."""
    env_file = folder / "github_env"
    env_file.touch()
    say("\n# the login step of a CI job")
    result = zenml_login(url, "env", "--expect-user", account.name, key=account.key,
                         env={"GITHUB_ACTIONS": "true", "GITHUB_ENV": str(env_file)},
                         secret_in={env_file: "token", "stdout": "key token"})
    show(f"zenml-login env --expect-user {account.name}", result)
    say(f'$ cat "$GITHUB_ENV"\n{env_file.read_text().rstrip()}')
    variables = github.read(env_file.read_bytes())
    expect("ZENML_STORE_API_TOKEN" in variables and account.key not in variables.values(), "the job got the wrong set")
    return variables


def show_client(variables: dict[str, str], account: Account, folder: Path) -> None:
    """A later step: the real ZenML client, in an empty home, with these variables only."""
    say("\n# a later step: the real ZenML client, with these variables and nothing else")
    result = run_client(folder / "job", variables, "run")
    say("$ python tests/e2e/pipeline.py run")
    expect(result.code == 0 and result.told is not None, "the ZenML client failed:\n" + result.output[-2000:])
    told = result.told
    say(f"active user: {told['user']} (service account: {told['is_service_account']})")
    say(f"pipeline run: {told['status']}, steps: {', '.join(told['steps'])}")
    expect((told["user"], told["status"]) == (account.name, "completed"), "another user, or the pipeline failed")
    assert_no_secret_on_disk(folder / "job", variables["ZENML_STORE_API_TOKEN"])


def show_refusal(url: str, account: Account) -> None:
    """A key whose secret is wrong."""
    say("\n# the same key with a wrong secret")
    wrong = encode_key(account.key_id, "0" * 64)
    result = zenml_login(url, "whoami", key=wrong)
    show(f"ZENML_STORE_API_KEY={wrong} zenml-login whoami", result, REJECTED)
    say(f"(exit code {result.code})")


def main() -> None:
    """The whole story."""
    with tempfile.TemporaryDirectory() as folder:
        say("# starting a ZenML server")
        with zenml_server.start(folder) as server:
            account = Account(Admin.of(server), "ci-bot")
            show_identity(server.url, account)
            variables = show_ci_step(server.url, account, Path(folder))
            show_client(variables, account, Path(folder))
            show_refusal(server.url, account)
    say("\nEverything went as it should.")


if __name__ == "__main__":
    try:
        main()
    except zenml_server.ServerError as error:
        sys.exit(f"demo: {error}")
