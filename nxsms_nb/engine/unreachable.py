"""Describe why there is no connection."""

from __future__ import annotations

import errno
import socket
import ssl
from typing import Final
from urllib.parse import SplitResult, urlsplit

import aiohttp

_CAUSES: Final = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no network",
    errno.ENETDOWN: "no network",
    errno.EACCES: "forbidden by this machine",
    errno.EPERM: "forbidden by this machine",
    errno.EMFILE: "too many open files",
    errno.ENFILE: "too many open files",
    errno.EADDRNOTAVAIL: "no free port on this machine",
    errno.ETIMEDOUT: "timed out",
}


def described(error: BaseException, url: str, *, simulated: bool, proxy: str | None = None) -> str:
    """Describe a failed connection by host, port, proxy and cause, without any other part of the URL."""
    parts, name = urlsplit(url), type(error).__name__
    place = _place(parts)
    if proxy is not None:
        met = isinstance(error, aiohttp.ClientProxyConnectionError) or _is_at(error, urlsplit(proxy))
        place = (
            f"the proxy {_place(urlsplit(proxy))}" if met else f"{place} through the proxy {_place(urlsplit(proxy))}"
        )
    if isinstance(error, aiohttp.ClientHttpProxyError):
        remedy = ": give its login, as in proxy='http://user:password@…'" if error.status == 407 else ""
        return f"no connection to {place}: the proxy refused with HTTP {error.status}{remedy}"
    if isinstance(error, TimeoutError):
        return f"no connection in time to {place}: timed out ({name})"
    reason = getattr(error, "os_error", error)
    verdict = getattr(getattr(error, "certificate_error", error), "verify_message", "")
    if isinstance(error, aiohttp.ClientConnectorDNSError) or isinstance(reason, socket.gaierror):
        cause = "no such name (DNS)"
    elif isinstance(error, aiohttp.ClientConnectorCertificateError | ssl.CertificateError):
        cause = f"its certificate is not trusted ({verdict or name})"
    elif isinstance(error, ValueError):
        cause = "not a usable host name"
    elif isinstance(reason, ssl.SSLError):
        cause = f"TLS failed, it may be plain http ({reason.reason or name})"
    elif simulated and getattr(reason, "errno", None) == errno.ECONNREFUSED:
        cause = "the sandbox is closed"
    elif isinstance(reason, ConnectionResetError) and parts.scheme == "https":
        cause = "closed before TLS began, it may be plain http"
    else:
        cause = _CAUSES.get(getattr(reason, "errno", None) or 0, name)
    return f"no connection to {place}: {cause}"


def _place(parts: SplitResult) -> str:
    place = parts.netloc.rpartition("@")[2]
    return place if place.rpartition(":")[2].isdecimal() else f"{place}:{443 if parts.scheme == 'https' else 80}"


def _is_at(error: BaseException, parts: SplitResult) -> bool:
    """Return whether a connection error names this host and port."""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return (getattr(error, "host", None), getattr(error, "port", None)) == (parts.hostname, port)
