"""The way to the gateway: a proxy, and the certificate authorities that are trusted."""

from __future__ import annotations

import base64
import os
import re
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import Secret

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or its address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def checked_proxy(url: Any) -> tuple[str, Secret | None]:
    """A proxy's URL without its login, and the value of ``Proxy-Authorization``."""
    proxy, authorization, usable = _without_login(url)
    if not usable:
        # Nothing of it is shown: where it is misspelt, nobody knows which part is the password.
        raise ConfigError(
            "proxy is not the URL of an HTTP proxy, of scheme, login, host and port. Give it like "
            "'http://proxy.example:3128' or 'http://user:password@proxy.example:3128', with special characters of "
            "the login percent-encoded."
        )
    return proxy, authorization


def _without_login(url: Any) -> tuple[str, Secret | None, bool]:
    """Take a proxy's URL apart; whether it is usable. It raises nothing, so that no traceback shows the parts."""
    try:
        parts, blank = urlsplit(url.strip()), len(url.split()) != 1 or not url.strip().isprintable()
        host, port, user, password = parts.hostname, parts.port, parts.username, parts.password
    except (AttributeError, TypeError, ValueError):
        return "", None, False
    more = parts.path not in ("", "/") or parts.query or parts.fragment
    if parts.scheme not in ("http", "https") or not host or port == 0 or more or blank:
        return "", None, False
    place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port is not None else "")
    login = f"{unquote(user or '')}:{unquote(password or '')}".encode()
    authorization = Secret(f"Basic {base64.b64encode(login).decode()}") if login != b":" else None
    return f"{parts.scheme}://{place}", authorization, True


def check_not_read(proxy: str, *urls: str) -> None:
    """Refuse to hand a request that is not encrypted to a proxy on another machine."""
    if not is_loopback(urlsplit(proxy).hostname or "") and any(urlsplit(url).scheme == "http" for url in urls):
        raise ConfigError(
            f"proxy={proxy!r} is on another machine and the gateway is plain http: the proxy and everybody on the way "
            "read texts, numbers and keys. Use https, leave proxy= out, or say insecure=True."
        )


def authorities(ca_file: str | os.PathLike[str]) -> str:
    """The certificates in a PEM file, which are shown to be usable."""
    import ssl  # noqa: PLC0415  only this needs it

    shown = f"ca_file={str(ca_file)!r}"
    try:
        raw = Path(ca_file).read_bytes()
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{shown} cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    # Bundles have comments between certificates, in any encoding.
    found = ""
    try:
        found = b"\n".join(_CERTIFICATE.findall(raw)).decode("ascii")
        usable = bool(found) and bool(ssl.create_default_context(cadata=found).get_ca_certs())
    except (ssl.SSLError, ValueError):
        usable = False
    if not usable:
        raise ConfigError(
            f"{shown} holds no usable certificate of an authority. Give a PEM file with '-----BEGIN CERTIFICATE-----'."
        )
    return found
