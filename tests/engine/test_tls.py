"""A gateway behind TLS, as the vendor's is."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme

pytestmark = pytest.mark.any_pandas

SEND = """
import sys
import pandas as pd
import nxsms_nb as nx

frame = pd.DataFrame({"phone": ["8615088888888", "8615088888889"], "content": ["Hi", "\u4f60\u597d"]})
client = nx.Client(access_key="key", access_secret="secret", app_key="app", base_url=sys.argv[1])
try:
    sent = frame.nxsms.send(client, journal=sys.argv[2], progress="silent")
except nx.NoConnection as stopped:
    sent = stopped.frame
print(",".join(sent["status"]), ",".join(sent["reason"].fillna("")))
"""


class Gateway(BaseHTTPRequestHandler):
    """Accepts whatever comes over a connection that was trusted."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.contents += [item["content"] for item in body["items"]]
        data = [
            {"phone": item["phone"], "messageid": item["sysMessageId"], "status": "Success"} for item in body["items"]
        ]
        reply = json.dumps({"code": 0, "message": "Success", "data": data}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    """Says nothing of clients that turn away."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Gateway)
        self.contents = []

    def handle_error(self, *_):
        pass


@pytest.fixture(name="authority")
def _authority():
    return trustme.CA()


@pytest.fixture(name="gateway")
def _gateway(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with Server() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def sent(gateway, tmp_path, **environment):
    command = [sys.executable, "-c", SEND, f"https://localhost:{gateway.server_port}", tmp_path / "journal"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, **environment}
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip().splitlines()[-1]


def test_rows_go_out_over_tls(gateway, authority, tmp_path):
    """Whoever trusts the gateway's certificate reaches it."""
    trusted = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(trusted)
    assert sent(gateway, tmp_path, SSL_CERT_FILE=str(trusted)) == "Success,Success ,"
    assert gateway.contents == ["Hi", "\u4f60\u597d"]


def test_a_certificate_that_is_not_trusted_is_no_connection(gateway, tmp_path):
    """Nothing leaves before the gateway is known to be the one it says it is, and the rows are known not to have gone out."""
    message = sent(gateway, tmp_path)
    assert message.startswith("Unsent,Unsent ")
    assert f"no connection to localhost:{gateway.server_port}: its certificate is not trusted (" in message
    assert gateway.contents == []
