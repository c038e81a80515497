"""Sign a request and build its body. No I/O, no clock.

Sources: the vendor's page on the batch endpoint (request, reply, codes) and its page on calling conventions (headers,
signature).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Final, Literal

import msgspec

__all__ = [
    "BALANCE_PATH",
    "BATCH_MAX",
    "CDR_PAGE_MAX",
    "CDR_PATH",
    "CLOCK_WINDOW_MS",
    "CONTENT_MAX",
    "RECORD_PATH",
    "REPORT_PATH",
    "SEND_PATH",
    "Algorithm",
    "body",
    "headers",
]

Algorithm = Literal["md5", "sha256"]

BATCH_MAX: Final = 200
"""The most items a request may carry."""

CONTENT_MAX: Final = 1000
"""The most characters a content may have."""

CLOCK_WINDOW_MS: Final = 60_000
"""How far ``ts`` may differ from the gateway's clock, in milliseconds."""

BIZ_TYPE: Final = "3"
ACTION: Final = "mtsend"

SEND_PATH: Final = "/v1/sms/multi/mt"
RECORD_PATH: Final = "/api/sms/get"
CDR_PATH: Final = "/api/sms/getSmsCdr"
REPORT_PATH: Final = "/api/sms/getSmsReport"
BALANCE_PATH: Final = "/api/common/getBalance"

CDR_PAGE_MAX: Final = 999
"""The most rows a page of ``getSmsCdr`` may have: below 1000."""


_DIGESTS: Final = {"md5": hashlib.md5, "sha256": hashlib.sha256}


def sign(headers: Mapping[str, str], body: bytes, secret: str, algorithm: Algorithm = "md5") -> str:
    """Sign the headers accessKey, action, bizType and ts and the exact bytes of the body; lower-case hexadecimal.

    Notes
    -----
    Source: the vendor's calling conventions: header names in ASCII order, then the body unless it is
    empty, then the secret.

    Examples
    --------
    >>> sign({"accessKey": "fme2na3kdi3ki", "action": "send", "bizType": "1", "ts": "1655710885431"},
    ...      '{"name":"牛小信","id":10001}'.encode(), "abciiiko2k3")
    '87c3560d3331ae23f1021e2025722354'
    """
    named = "&".join([f"{name}={headers[name]}" for name in sorted(headers)])
    digest = _DIGESTS[algorithm](f"{named}&body=".encode() if body else named.encode(), usedforsecurity=False)
    if body:
        digest.update(body)
    digest.update(f"&accessSecret={secret}".encode())
    return digest.hexdigest()


def headers(access_key: str, secret: str, ts_ms: int, body: bytes, algorithm: Algorithm = "md5") -> dict[str, str]:
    """Return the signed headers of a batch send.

    `ts_ms` is in milliseconds by the gateway's clock. The header ``algorithm`` is sent only where it is not the default.

    Examples
    --------
    >>> sorted(headers("key", "secret", 1655710885431, b"{}"))
    ['Content-Type', 'accessKey', 'action', 'bizType', 'sign', 'ts']
    """
    signed = {"accessKey": access_key, "action": ACTION, "bizType": BIZ_TYPE, "ts": str(ts_ms)}
    extra = {} if algorithm == "md5" else {"algorithm": algorithm}
    signature = sign(signed, body, secret, algorithm)
    return signed | extra | {"sign": signature, "Content-Type": "application/json"}


def body(app_key: str, items: bytes | memoryview) -> bytes:
    """Return the body of a batch send; `items` are JSON joined by commas, without brackets.

    Examples
    --------
    >>> body("app", b'{"phone":"8615088888888","content":"Hi"}')
    b'{"appKey":"app","items":[{"phone":"8615088888888","content":"Hi"}]}'
    """
    return b"".join((b'{"appKey":', msgspec.json.encode(str.__str__(app_key)), b',"items":[', items, b"]}"))
