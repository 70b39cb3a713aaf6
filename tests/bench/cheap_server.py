"""A TLS server that takes little time of its own: nginx, with the replies of a healthy ZenML server as configuration.

For timing programs that need a few milliseconds; the test server in tests/support counts and checks, but is slower than
they are. A request without the bearer token gets 401, everything that is not configured 404.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator, Mapping

START_SECONDS = 10
NGINX = shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")

_CONFIG = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    scgi_temp_path {folder}/scgi;
    uwsgi_temp_path {folder}/uwsgi;
    default_type application/json;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        ssl_protocols TLSv1.3;
        ssl_session_tickets off;
        location / {{ return 404 '{{"detail":"Not Found"}}'; }}
{locations}
    }}
}}
"""
_OPEN = "location = {path} {{ return 200 '{reply}'; }}"
_CLOSED = """location = {path} {{
    if ($http_authorization != "Bearer {token}") {{ return 401 '{{"detail":["CredentialsNotValid",""]}}'; }}
    return 200 '{reply}';
}}"""


@contextlib.contextmanager
def cheap_server(folder: Path, pair, token: str, replies: Mapping[str, Any], public: set[str]) -> Iterator[str]:
    """Starts the server and yields its URL.

    folder   an empty folder for its files
    pair     certificate and key (certs.Pair)
    token    the bearer token that it asks for, except on the paths in `public`
    replies  path -> the value to send as JSON, whatever the method
    """
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        config = folder / "nginx.conf"
        config.write_text(_CONFIG.format(folder=folder, port=port, certificate=pair.crt, key=pair.key,
                                         locations=_locations(token, replies, public)))
        # nginx takes over a listening socket that this variable names, so that the kernel can pick the port.
        process = subprocess.Popen(["setpriv", "--pdeathsig", "TERM", NGINX, "-c", config, "-p", folder,
                                    "-e", folder / "nginx.log"], env={"NGINX": f"{listener.fileno()};"},
                                   pass_fds=[listener.fileno()], stdin=subprocess.DEVNULL)
    with process:
        try:
            _wait_until_it_runs(process, folder)
            yield f"https://127.0.0.1:{port}"
        finally:
            process.terminate()


def _locations(token: str, replies: Mapping[str, Any], public: set[str]) -> str:
    text = {path: json.dumps(reply, separators=(",", ":")) for path, reply in replies.items()}
    if any(set("'\\$") & set(reply) for reply in text.values()):
        raise ValueError("a reply that would have to be quoted for nginx")
    return "\n".join((_OPEN if path in public else _CLOSED).format(path=path, token=token, reply=reply)
                     for path, reply in text.items())


def _wait_until_it_runs(process: subprocess.Popen, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not (folder / "nginx.pid").exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError("nginx did not start: " + (folder / "nginx.log").read_text())
        time.sleep(0.01)
