"""What a script does without zenml-login, with nothing but Python. Prints the name of the service account.

    python_login.py urllib|http.client SERVER_URL API_KEY_FILE

urllib makes a new connection for each request; http.client is used to make both on one. A private CA is named by
SSL_CERT_FILE.
"""

import json
import sys
from urllib.parse import urlencode, urlsplit


def urllib_asker(server):
    """A function that makes a request with urllib and returns the reply's JSON."""
    from urllib.request import Request, urlopen

    def ask(method, path, form=None, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = Request(server + path, form and urlencode(form).encode(), headers, method=method)
        with urlopen(request, timeout=30) as reply:
            return json.load(reply)
    return ask


def http_client_asker(server):
    """The same with http.client and one connection."""
    from http.client import HTTPSConnection

    connection = HTTPSConnection(urlsplit(server).netloc, timeout=30)

    def ask(method, path, form=None, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, form and urlencode(form), headers)
        reply = connection.getresponse()
        if reply.status != 200:
            sys.exit(f"{path}: HTTP status {reply.status}")
        return json.load(reply)
    return ask


def main(library, server, key_file):
    ask = {"urllib": urllib_asker, "http.client": http_client_asker}[library](server)
    with open(key_file, encoding="ascii") as file:
        token = ask("POST", "/api/v1/login", form={"password": file.read()})["access_token"]
    account = ask("GET", "/api/v1/current-user", token=token)
    if not (account["body"]["active"] and account["body"]["is_service_account"]):
        sys.exit("not an active service account")
    print(account["name"])


main(*sys.argv[1:])
