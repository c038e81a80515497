"""URLs of gateways: checked when a client is made, and compared."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from nxsms_nb.errors import ConfigError
from nxsms_nb.network import is_loopback

BASE_URL: Final = "https://api2.nxcloud.com"
_LOGIN: Final = re.compile(r"[^/\s]*@")
_NO_URL: Final = re.compile(r"[\s\\\x00-\x1f\x7f\ud800-\udfff]")
_QUERY: Final = re.compile(r"([?#]).*", re.DOTALL)


def same_gateway(one: str, other: str) -> bool:
    """Return whether two base URLs lead to the same gateway, judged by their hosts: all on this machine are one.

    Examples
    --------
    >>> same_gateway("http://127.0.0.1:8080", "http://localhost:9090"), same_gateway(BASE_URL, "https://api.nxcloud.com")
    (True, True)
    >>> same_gateway(BASE_URL, "http://127.0.0.1:8080"), same_gateway(BASE_URL, "https://nxcloud.com.example")
    (False, False)
    """
    places = [_place(url) for url in (one, other)]
    return places[0] == places[1]


def _place(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".")
    if is_loopback(host):
        return "localhost", None
    vendor = urlsplit(BASE_URL).hostname or ""
    domain = vendor.partition(".")[2]
    # All hosts of the vendor lead to the same accounts.
    return (domain, None) if host == domain or host.endswith(f".{domain}") else (host, parts.port)


def _has_usable_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0
    except ValueError:
        return False


def check_no_path(name: str, url: str, path: str, *others: str) -> None:
    """Refuse an endpoint given as a base URL: each request would go to a URL that does not exist."""
    for one in (path, *others):
        parts = [re.escape(part) for part in one.strip("/").split("/")]
        found = re.search(f"/+{'/+'.join(parts)}$", url, re.IGNORECASE) if parts != [""] else None
        if found is not None:
            also = f", path={one!r}" if name == "base_url" and one != path else ""
            raise ConfigError(
                f"{name}={url!r} ends in the path {one!r}, which the client adds itself. "
                f"Give {name}={url[: found.start()]!r}{also}."
            )


def checked_url(name: str, url: str, *, insecure: bool) -> str:
    """Return a URL without a slash at its end; raise `ConfigError` if it is not usable."""
    if complaint := _complaint(name, url, insecure=insecure):
        raise ConfigError(complaint)
    return str(url).strip().rstrip("/")


def _complaint(name: str, url: Any, *, insecure: bool) -> str | None:
    """Say what is wrong with a URL, without raising: no traceback shows the parts of one with a password."""
    only = f"{name} carries more than scheme, host, port and path. Give it like {BASE_URL!r}."
    try:
        parts = urlsplit(url.strip()) if isinstance(url, str) else None
    except ValueError:
        parts = None
    if parts is not None and "@" in parts.netloc:
        return only
    shown = repr(_QUERY.sub(r"\1…", _LOGIN.sub("…@", str(url))))
    if not isinstance(url, str):
        return f"{name} is not text. Give it like {BASE_URL!r}."
    if parts is None or parts.scheme not in ("http", "https") or not _can_be_reached(url.strip(), parts):
        return f"{name}={shown} is not a URL like {BASE_URL!r}."
    if not _has_usable_port(parts):
        return f"{name}={shown} has a port that does not exist. Omit it, or use one from 1 to 65535."
    if parts.query or parts.fragment:
        return only
    if parts.scheme == "http" and not is_loopback(parts.hostname or "") and not insecure:
        return (
            f"{name}={shown} is plain http to another machine: texts, numbers and keys travel unencrypted. "
            "Use https, or pass insecure=True."
        )
    return None


def _can_be_reached(url: str, parts: SplitResult) -> bool:
    """Return whether a URL has a host that can exist, and a path that clients keep as it is."""
    host = (parts.hostname or "").removesuffix(".")
    if _NO_URL.search(url) or parts.netloc.endswith(":") or {".", ".."} & {*parts.path.split("/")}:
        return False
    return ":" in host or all(host.split("."))
