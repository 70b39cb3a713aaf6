"""A real workspace of ZenML Pro, whose Pro is the stub of pro_api.py.

    with pro_workspace.migrated(server, tmp_path) as workspace:
        key = workspace.pro.make_key(pro_api.account())
        ... workspace.url ...
"""

from __future__ import annotations

import contextlib
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator

import canary
import pro_api
import zenml_server
from pro_api import ProApi
from tls_server import Server
from zenml_admin import Account, Admin, call

# What a login with a key of Pro asks a workspace.
PRO_LOGIN = ["GET /api/v1/info", "POST /api/v1/login", "GET /api/v1/current-user"]


@dataclass(frozen=True)
class Workspace:
    """A workspace and its Pro.

    url, id: of the workspace; pro: what its Pro says; pro_server: where it says that; log: the workspace's output;
    migrated: an account that the workspace had before Pro took it over
    """

    url: str
    id: str
    pro: ProApi
    pro_server: Server
    log: Path
    migrated: Account

    def requests(self) -> list[str]:
        """Every request that the workspace has answered so far, without the query."""
        return re.findall(r'"(\w+ [^ ?]+)\S* HTTP/1\.1" \d', self.log.read_text(errors="replace"))

    def asked(self) -> list[str]:
        """Every request that Pro has been sent so far."""
        # The workspace keeps its connections, so there is no end of them to wait for.
        return [str(request) for request in self.pro_server.settle(timeout=0).requests]

    def logins_at_pro(self, key: str) -> int:
        """How often a client has shown the key to Pro."""
        return [request.form.get("password") for request in self.pro_server.settle(timeout=0).requests].count(key)


@contextlib.contextmanager
def migrated(server: zenml_server.ServerHandle, directory: str | Path) -> Iterator[Workspace]:
    """A workspace that has been migrated to Pro: it begins with what `server` holds, and ends with the `with` block.

    directory: where its data folder is made
    """
    # A name that no other workspace's migrated account has: they may all come from the same server.
    account, pro = Account(Admin.of(server), f"before-{uuid.uuid4().hex[:12]}"), ProApi()
    canary.remember(account.key)
    with Server(healthy=pro) as api, \
            zenml_server.start(directory, pro_api.workspace_settings(api.url), predecessor=server) as handle:
        yield Workspace(handle.url, call(f"{handle.url}/api/v1/info")["id"], pro, api, Path(handle.log), account)
