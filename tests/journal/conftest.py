"""What the tests of the journal share."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from nxsms_nb import Client


@pytest.fixture(name="echo")
def _echo():
    """Make clients of gateways that refuse every item with a text that quotes it."""
    servers = []

    def echo(text):
        class Refusing(BaseHTTPRequestHandler):
            def do_POST(self):
                items = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["items"]
                data = [
                    {
                        "phone": one["phone"],
                        "messageid": one["sysMessageId"],
                        "status": "Failure",
                        "message": text % one,
                    }
                    for one in items
                ]
                reply = json.dumps({"code": 0, "message": "Success", "data": data}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(reply)))
                self.end_headers()
                self.wfile.write(reply)

            def log_message(self, *_):
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        url = f"http://127.0.0.1:{server.server_port}"
        return Client(access_key="key", access_secret="secret", app_key="app-2024", base_url=url)

    yield echo
    for server in servers:
        server.shutdown()
        server.server_close()
