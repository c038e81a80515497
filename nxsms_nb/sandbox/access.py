"""Check whether the gateway accepts a request at all: headers, business, key, clock, signature.

Written from the vendor's documents and without `nxsms_nb.wire.requests`, so that client and gateway check each other.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nxsms_nb.sandbox.settings import AccessKeys

REQUIRED: Final = ("accessKey", "action", "bizType", "sign", "ts")
WINDOW: Final = 60.0


def refusal(headers: Mapping[str, str], raw: bytes, keys: AccessKeys, now: float) -> int:
    """Return the code that a request is refused with; 0 if it is accepted.

    1001 a header is missing, 1002 other business, 1005 unknown key, 1004 clock, 1003 signature. `now` is in seconds by the
    gateway's clock.

    Notes
    -----
    The digest is over ``accessKey=A&action=B&bizType=C&ts=D``, then ``&body=`` and the body unless it is empty, then
    ``&accessSecret=S``: the vendor's calling conventions.

    Examples
    --------
    >>> from nxsms_nb.sandbox.settings import AccessKeys
    >>> refusal({}, b"", AccessKeys.seeded(0), now=0.0)
    1001
    """
    if any(not headers.get(name) for name in REQUIRED):
        return 1001
    if headers["bizType"] != "3" or headers["action"] != "mtsend":
        return 1002
    if headers["accessKey"] != keys.access_key:
        return 1005
    ts = headers["ts"]
    if not (ts.isascii() and ts.isdigit()) or abs(int(ts[:20]) / 1000 - now) > WINDOW:
        return 1004
    algorithm = headers.get("algorithm", "md5")
    if algorithm not in {"md5", "sha256"}:
        return 1003
    if not hmac.compare_digest(
        signature(headers, raw, keys.access_secret, algorithm).encode(), _plain(headers["sign"])
    ):
        return 1003
    return 0


def signature(headers: Mapping[str, str], raw: bytes, secret: str, algorithm: str = "md5") -> str:
    """Compute the signature a request should carry, in lower-case hexadecimal."""
    signed = "&".join(f"{name}={headers[name]}" for name in ("accessKey", "action", "bizType", "ts")).encode()
    if raw:
        signed += b"&body=" + raw
    signed += b"&accessSecret=" + secret.encode()
    digest = hashlib.sha256 if algorithm == "sha256" else hashlib.md5
    return digest(signed, usedforsecurity=False).hexdigest()


def _plain(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
