"""What a script does without zenml-login, in Python. Prints the name of the service account.

    python_login.py urllib|http.client|requests SERVER_URL API_KEY_FILE

urllib makes a new connection for each request; the others make both on one. A private CA is named by SSL_CERT_FILE,
for requests by REQUESTS_CA_BUNDLE.
"""

import json
import sys
from urllib.parse import urlencode, urlsplit


def bearer(token):
    """The header fields of a request with this token, or without one."""
    return {"Authorization": f"Bearer {token}"} if token else {}


def urllib_asker(server):
    """A function that makes a request with urllib and returns the reply's HTTP status and its text."""
    from urllib.request import Request, urlopen

    def ask(method, path, form=None, token=None):
        request = Request(server + path, form and urlencode(form).encode(), bearer(token), method=method)
        with urlopen(request, timeout=30) as reply:
            return reply.status, reply.read()
    return ask


def http_client_asker(server):
    """The same with http.client and one connection."""
    from http.client import HTTPSConnection

    connection = HTTPSConnection(urlsplit(server).netloc, timeout=30)

    def ask(method, path, form=None, token=None):
        headers = bearer(token)
        if form:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, form and urlencode(form), headers)
        reply = connection.getresponse()
        return reply.status, reply.read()
    return ask


def requests_asker(server):
    """The same with requests and one connection."""
    import requests

    session = requests.Session()

    def ask(method, path, form=None, token=None):
        reply = session.request(method, server + path, data=form, headers=bearer(token), timeout=30,
                                allow_redirects=False)
        return reply.status_code, reply.content
    return ask


def body_of(path, answer):
    """The JSON of a good reply."""
    status, text = answer
    if status != 200:
        sys.exit(f"{path}: HTTP status {status}")
    return json.loads(text)


def main(library, server, key_file):
    ask = {"urllib": urllib_asker, "http.client": http_client_asker, "requests": requests_asker}[library](server)
    with open(key_file, encoding="ascii") as file:
        login = body_of("login", ask("POST", "/api/v1/login", form={"password": file.read()}))
    if login["token_type"] != "bearer":
        sys.exit("no bearer token")
    account = body_of("current-user", ask("GET", "/api/v1/current-user", token=login["access_token"]))
    if not (account["body"]["active"] and account["body"]["is_service_account"]):
        sys.exit("not an active service account")
    print(account["name"])


main(*sys.argv[1:])
