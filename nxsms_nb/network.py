"""The way to the gateway: a proxy, and the certificate authorities to trust."""

from __future__ import annotations

import base64
import os
import re
from ipaddress import ip_address
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import Secret
from nxsms_nb.given import path_as_given

_CERTIFICATE: Final = re.compile(rb"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def is_loopback(host: str) -> bool:
    """Return whether a host is this machine, by its name or its address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def checked_proxy(url: Any) -> tuple[str, Secret | None]:
    """Return a proxy's URL without its login, and the value of ``Proxy-Authorization``."""
    proxy, authorization, usable = _without_login(url)
    if not usable:
        # It is not shown: in a misspelt URL any part may be the password.
        raise ConfigError(
            "proxy is not the URL of an HTTP proxy: scheme, login, host and port. Write it as "
            "'http://proxy.example:3128' or 'http://user:password@proxy.example:3128', with special characters in "
            "the login percent-encoded."
        )
    return proxy, authorization


def _without_login(url: Any) -> tuple[str, Secret | None, bool]:
    """Split a proxy's URL, and return whether it is usable. Never raises, so that no traceback shows the parts."""
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
    """Refuse to send unencrypted requests through a proxy on another machine."""
    if not is_loopback(urlsplit(proxy).hostname or "") and any(urlsplit(url).scheme == "http" for url in urls):
        raise ConfigError(
            f"proxy={proxy!r} is on another machine and the gateway is plain http: the proxy and everybody on the way "
            "can read texts, numbers and keys. Use https, omit proxy=, or pass insecure=True."
        )


def authorities(ca_file: str | os.PathLike[str]) -> str:
    """Read the certificates in a PEM file, and check that they are usable."""
    import ssl  # noqa: PLC0415  only this needs it

    shown = f"ca_file={str(ca_file)!r}"
    try:
        raw = path_as_given(ca_file).read_bytes()
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{shown} cannot be read ({getattr(error, 'strerror', None) or error}).") from error
    # Bundles may have comments between certificates, in any encoding.
    found = ""
    try:
        found = b"\n".join(_CERTIFICATE.findall(raw)).decode("ascii")
        usable = bool(found) and bool(ssl.create_default_context(cadata=found).get_ca_certs())
    except (ssl.SSLError, ValueError):
        usable = False
    if not usable:
        raise ConfigError(
            f"{shown} contains no usable certificate of an authority. Use a PEM file with '-----BEGIN CERTIFICATE-----'."
        )
    return found
