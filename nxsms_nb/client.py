"""The client: an account at the gateway, and the gateway's address."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Self, get_args
from urllib.parse import urlsplit

from nxsms_nb import env_file as env_files
from nxsms_nb.addresses import BASE_URL, check_no_path, checked_url
from nxsms_nb.arguments import Names, shown_unfinished, strict_and_hidden
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import Secret, hidden, html_card, html_facts, mask_secret, named, shorten
from nxsms_nb.given import path_as_given
from nxsms_nb.network import authorities, check_not_read, checked_proxy, is_loopback
from nxsms_nb.wire.requests import BALANCE_PATH, CDR_PATH, RECORD_PATH, REPORT_PATH, SEND_PATH, Algorithm
from nxsms_nb.words.language import tr

if TYPE_CHECKING:
    from nxsms_nb.journal.journal import Journal

QUERY_URL: Final = "https://api.nxcloud.com"
"""The vendor's host for record queries and balance."""
OTHER_SEND_PATH: Final = "/api/sms/multi/mt"
"""The path in the example on the vendor's page."""
QUERY_PATHS: Final = (RECORD_PATH, CDR_PATH, REPORT_PATH, BALANCE_PATH)
ENVIRONMENT: Final = {
    "access_key": "NXSMS_ACCESS_KEY",
    "access_secret": "NXSMS_ACCESS_SECRET",
    "app_key": "NXSMS_APP_KEY",
    "app_secret": "NXSMS_APP_SECRET",
    "base_url": "NXSMS_BASE_URL",
    "proxy": "NXSMS_PROXY",
    "ca_file": "NXSMS_CA_FILE",
}


_SHOWN: Final = frozenset({"access_key", "app_key", "path", "algorithm", "timeout", "insecure", "ca_file"})
_NO_PATH: Final = re.compile(r"[\s\\?#\x00-\x1f\x7f\ud800-\udfff]")
"""Characters that a path cannot have."""
_LONGEST_S: Final = 86_400
"""The longest timeout, a day."""


def _hidden_login(url: Any) -> Any:
    """Wrap a URL that may contain a password or a token, so that it is not shown."""
    return hidden(url) if not isinstance(url, str) or set("@?#") & set(url) else url


def _masked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Hide the secrets among a client's arguments, also those under a misspelt name."""
    return {
        name: value if name in _SHOWN else _hidden_login(value) if name.endswith("_url") else hidden(value)
        for name, value in settings.items()
    }


class Client(Names):
    """An account at the gateway: keys, address, timeout.

    Parameters
    ----------
    access_key, access_secret : str
        The key pair that signs requests.
    app_key : str
        The SMS application's key.
    app_secret : str, optional
        The application's secret; record queries and balance need it.
    base_url : str, default "https://api2.nxcloud.com"
        Scheme and host of the gateway, without `path`.
    path : str, default "/v1/sms/multi/mt"
        Path of the batch endpoint. The vendor's page has ``/api/sms/multi/mt`` in its example.
    query_url : str, optional
        Scheme and host for record queries and balance. None: ``"https://api.nxcloud.com"`` for the default `base_url`, else
        `base_url`.
    algorithm : {"md5", "sha256"}, default "md5"
        The digest of the signature.
    timeout : float, default 30
        Seconds for a whole request, from connecting to the last byte of the reply.
    insecure : bool, default False
        Allow plain http to other machines.
    proxy : str, optional
        URL of an HTTP proxy that all requests go through, as in ``"http://user:password@proxy.example:3128"``. Proxies
        in the environment (``HTTPS_PROXY``) are ignored.
    ca_file : path-like, optional
        PEM file of the certificate authorities to trust instead of the system's; it is read when the client is made.

    Raises
    ------
    ConfigError
        A key is empty, a URL is not usable, already ends in the path or is plain http to another machine, or `ca_file`
        cannot be read or holds no certificate.

    Examples
    --------
    >>> Client(access_key="fme2na3kdi3ki", access_secret="abciiiko2k3", app_key="app")
    Client(access_key='fme…', access_secret=•••, app_key='app', app_secret=None, base_url='https://api2.nxcloud.com')
    """

    @strict_and_hidden(_masked)
    def __init__(
        self,
        *,
        access_key: str,
        access_secret: str,
        app_key: str,
        app_secret: str | None = None,
        base_url: str = BASE_URL,
        path: str = SEND_PATH,
        query_url: str | None = None,
        algorithm: Algorithm = "md5",
        timeout: float = 30,
        insecure: bool = False,
        proxy: str | None = None,
        ca_file: str | os.PathLike[str] | None = None,
    ) -> None:
        # First: if anything fails below, tracebacks may show the values of these variables.
        access_secret, app_secret, proxy = hidden(access_secret), hidden(app_secret), hidden(proxy)
        base_url, query_url = _hidden_login(base_url), _hidden_login(query_url)
        for name, value in (("access_key", access_key), ("access_secret", access_secret), ("app_key", app_key)):
            if not isinstance(value, str) or not value or value != value.strip() or not value.isprintable():
                raise ConfigError(
                    f"{name} is empty, or has blanks at its ends or unprintable characters. "
                    f"Give it as an argument, or set {ENVIRONMENT[name]} and use Client.from_env()."
                )
        if algorithm not in get_args(Algorithm):
            raise ConfigError(f"algorithm={algorithm!r} is not one of {', '.join(map(repr, get_args(Algorithm)))}.")
        if app_secret is not None and not isinstance(app_secret, str):
            raise ConfigError("app_secret is not text. Give the application's secret as text, or leave it out.")
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout <= _LONGEST_S:
            shown = "" if isinstance(timeout, (str, bytes)) else f"={shorten(timeout)}"
            raise ConfigError(f"timeout{shown} is not a number of seconds above 0, up to {_LONGEST_S:,}.")
        if not isinstance(path, str):
            raise ConfigError(f"path is not text. Give it like path={SEND_PATH!r}.")
        if _NO_PATH.search(path):
            raise ConfigError(
                f"path={named(path)} has blanks, a backslash, a '?' or a '#'. Give it like path={SEND_PATH!r}."
            )
        if not path.startswith("/"):
            raise ConfigError(f"path={named(path)} does not begin with a slash, as in path={SEND_PATH!r}.")
        self.access_key = access_key
        self.access_secret = access_secret
        self.app_key = app_key
        self.app_secret = app_secret or None
        self.base_url = checked_url("base_url", base_url, insecure=insecure)
        queried = query_url or (QUERY_URL if self.base_url == BASE_URL else base_url)
        self.query_url = checked_url("query_url", queried, insecure=insecure)
        check_no_path("base_url", self.base_url, path, SEND_PATH, OTHER_SEND_PATH)
        check_no_path("query_url", self.query_url, path, SEND_PATH, OTHER_SEND_PATH, *QUERY_PATHS)
        self.proxy: str | None = None
        self.proxy_authorization: Secret | None = None
        if proxy is not None:
            self.proxy, self.proxy_authorization = checked_proxy(proxy)
        if self.proxy is not None and not insecure:
            check_not_read(self.proxy, self.base_url, self.query_url)
        self.authorities = None if ca_file is None else authorities(ca_file)
        self.ca_file = None if ca_file is None else os.fspath(ca_file)
        self.path = path
        self.algorithm: Algorithm = algorithm
        self.timeout = float(timeout)
        self.simulated = False
        self.journal: Journal | None = None
        self._gateway: object = None

    @classmethod
    def from_env(cls, env_file: str | os.PathLike[str] | None = None, **overrides: Any) -> Self:
        """Make a client from environment variables and a ``.env`` file.

        Parameters
        ----------
        env_file : path-like, optional
            The file to read in addition to the environment, which wins; None: a ``.env`` in the working directory or above
            it.
        **overrides
            Arguments of `Client`; they win over both.

        Raises
        ------
        ConfigError
            A variable is missing; the message names it and the alternatives.

        Examples
        --------
        >>> Client.from_env(access_key="key", access_secret="secret", app_key="app").app_key
        'app'
        """
        overrides = _masked(overrides)
        return cls(**_settings_of_env(env_file, overrides, practice="df.nxsms.send(client)"))

    @shown_unfinished
    def __repr__(self) -> str:
        return (
            f"Client(access_key={self.access_key[:3] + '…'!r}, access_secret={mask_secret(self.access_secret)}, "
            f"app_key={self.app_key[:3] + ('…' if len(self.app_key) > 3 else '')!r}, "
            f"app_secret={mask_secret(self.app_secret)}, base_url={self.base_url!r}"
            + (f", proxy={self.proxy!r}" if self.proxy is not None else "")
            + (f", ca_file={self.ca_file!r}" if self.ca_file is not None else "")
            + ")"
        )

    def _repr_html_(self) -> str:
        kind = "sandbox" if self.simulated else "local gateway" if self.on_loopback else "real money"
        facts = [
            (tr("address"), self.endpoint),
            ("access_key", self.access_key[:3] + "…"),
            ("app_key", self.app_key[:3] + ("…" if len(self.app_key) > 3 else "")),
            ("access_secret", mask_secret(self.access_secret)),
            ("app_secret", tr("none: no balance, no record query") if self.app_secret is None else mask_secret("")),
        ]
        facts += [
            (name, value) for name, value in (("proxy", self.proxy), ("ca_file", self.ca_file)) if value is not None
        ]
        real = not (self.simulated or self.on_loopback)
        return html_card("client", tr("Client"), html_facts(facts), badge=tr(kind), real=real)

    @property
    def endpoint(self) -> str:
        """The URL to which batches are posted."""
        return self.base_url + self.path

    @property
    def at_vendor(self) -> bool:
        """Whether the endpoint is the vendor's own, so that it cannot be some other service by mistake."""
        return self.endpoint.lower() in (BASE_URL + SEND_PATH, BASE_URL + OTHER_SEND_PATH)

    @property
    def on_loopback(self) -> bool:
        """Whether the gateway is on this machine, where no message costs money."""
        return is_loopback(urlsplit(self.base_url).hostname or "")

    @property
    def app(self) -> str:
        """A digest of the app_key that distinguishes accounts in the journal; too short to be reversed."""
        return hashlib.sha256(f"nxsms app{self.app_key}".encode()).hexdigest()[:8]

    def bind(self, *, simulated: bool, journal: Journal | None, gateway: object = None) -> None:
        """Mark the client as a simulated gateway's, with the journal to use where none is named.

        The client holds `gateway`, so that ``Sandbox().client`` does not close its gateway.
        """
        self.simulated = simulated
        self.journal = journal
        self._gateway = gateway


def client_or_env(client: Client | None, *, practice: str = "df.nxsms.send(client)") -> Client:
    """Return the given client, else one made from the environment; `practice` is the same call with a sandbox's client."""
    if client is None:
        return Client(**_settings_of_env(None, {}, practice=practice))
    if not isinstance(client, Client):
        raise ConfigError(
            f"client={type(client).__name__} is not a Client. Pass nx.Client(…), nx.Client.from_env() or sandbox.client."
        )
    return client


def _settings_of_env(
    env_file: str | os.PathLike[str] | None, overrides: Mapping[str, Any], *, practice: str
) -> dict[str, Any]:
    """Return a client's settings from the environment or a file; `practice` is the same call with a sandbox's client."""
    path = str(path_as_given(env_file)) if env_file is not None else env_files.nearest()
    if env_file is not None and not os.path.isfile(path):  # noqa: PTH113  the path may be any path-like
        # A value unlike a file name may be a misplaced key.
        shown = f"={named(os.path.basename(path))}" if re.search(r"[./\\]", path) else ""  # noqa: PTH119
        raise ConfigError(f"env_file{shown} does not exist.")
    settings = {**_from_environment(path), **overrides}
    missing = [ENVIRONMENT[name] for name in ("access_key", "access_secret", "app_key") if name not in settings]
    if missing:
        without = f"; or practise without an account: client = nx.Sandbox().client, then {practice}" if practice else ""
        raise ConfigError(
            f"No credentials: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. "
            f"Set them in the environment or a .env file and call again{without}."
        )
    return settings


def _from_environment(path: str) -> dict[str, Any]:
    """Read the settings from the environment and the file; the environment wins."""
    from_file = env_files.values(path) if path else {}
    found = {
        name: os.environ[variable] if variable in os.environ else from_file.get(variable)
        for name, variable in ENVIRONMENT.items()
    }
    return _masked({name: value for name, value in found.items() if value})
