"""The control: a client as it is often written. It sends again on any error, and keeps a list of what it has sent.

It shows that the ledger's check can fail: what is held against it is what is held against ours.
"""

from __future__ import annotations

import http.client
import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nxsms_nb.wire import requests
from tests.support.faultgateway import ACCESS_KEY, ACCESS_SECRET, APP_KEY, SEND_PATH

if TYPE_CHECKING:
    import pandas as pd

TRIES = 4


def send(frame: pd.DataFrame, url: str, done: Path, *, batch_size: int, timeout: float = 20) -> None:
    """Send what is not on the list, request by request, each up to `TRIES` times."""
    sent = set(done.read_text().split()) if done.exists() else set()
    rows = [
        {"phone": phone, "content": content, "sysMessageId": f"control-{number:06d}"}
        for number, (phone, content) in enumerate(zip(frame["phone"], frame["content"], strict=True))
        if f"control-{number:06d}" not in sent
    ]
    for start in range(0, len(rows), batch_size):
        batch = rows[start : start + batch_size]
        for _ in range(TRIES):
            try:
                accepted = _post(url, batch, timeout)
            except (OSError, http.client.HTTPException, ValueError, TypeError, LookupError):
                continue
            if accepted == {row["sysMessageId"] for row in batch}:
                with done.open("a") as listed:
                    listed.writelines(f"{messageid}\n" for messageid in accepted)
                    listed.flush()
                    os.fsync(listed.fileno())
                break


def _post(url: str, batch: list[dict[str, str]], timeout: float) -> set[str]:
    body = json.dumps({"appKey": APP_KEY, "items": batch}).encode()
    headers = requests.headers(ACCESS_KEY, ACCESS_SECRET, time.time_ns() // 1_000_000, body)
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=timeout)
    try:
        connection.request("POST", SEND_PATH, body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise OSError(response.status)
        reply = json.loads(response.read())
        if reply["code"] != 0:
            raise ValueError(reply["code"])
        return {item["messageid"] for item in reply["data"] if item["status"] == "Success"}
    finally:
        connection.close()
