"""Requests to the simulated gateway over real sockets, built from the vendor's documents and not with the client's code."""

import hashlib
import http.client
import json
import time
from pathlib import Path

from nxsms_nb.wire import codes

VENDOR = Path(__file__).parent.parent / "fixtures" / "vendor"


def digest(headers, body, secret, algorithm="md5"):
    signed = "accessKey={accessKey}&action={action}&bizType={bizType}&ts={ts}".format(**headers).encode()
    signed += (b"&body=" + body if body else b"") + b"&accessSecret=" + secret.encode()
    return hashlib.new(algorithm, signed, usedforsecurity=False).hexdigest()


def signed(sandbox, body, *, secret=None, algorithm="md5", **changed):
    """Headers for a body; a header changed to None is left out."""
    headers = {"accessKey": sandbox.access_key, "ts": str(time.time_ns() // 1_000_000), "bizType": "3"}
    headers |= {"action": "mtsend", "Content-Type": "application/json"}
    headers |= {name: value for name, value in changed.items() if value is not None and name != "sign"}
    headers["sign"] = changed.get("sign") or digest(headers, body, secret or sandbox.access_secret, algorithm)
    return {name: value for name, value in headers.items() if changed.get(name, "") is not None}


def exchange(sandbox, body, headers, path="/v1/sms/multi/mt", method="POST"):
    connection = http.client.HTTPConnection("127.0.0.1", int(sandbox.url.rpartition(":")[2]), timeout=30)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def encoded(sandbox, items, app_key=None):
    return json.dumps({"appKey": app_key or sandbox.app_key, "items": items}, ensure_ascii=False).encode()


def send(sandbox, items, *, app_key=None, **header_changes):
    """Post items, properly signed unless told otherwise, and read the reply."""
    body = encoded(sandbox, items, app_key)
    status, _, raw = exchange(sandbox, body, signed(sandbox, body, **header_changes))
    assert status == 200
    return json.loads(raw)


def item(number, content="Hi", **more):
    return {"phone": f"86150{number:08d}", "content": content, "sysMessageId": f"message-{number:06d}", **more}


def items(count, start=0):
    return [item(number) for number in range(start, start + count)]


def refused(code):
    return {"code": code, "message": codes.TABLE[code].text, "data": None}


def outcomes(reply):
    """Messageid to code: 0 for an accepted item."""
    return {
        one["messageid"]: 0 if one["status"] == "Success" else codes.from_text(one["message"]) for one in reply["data"]
    }
