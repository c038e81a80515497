"""The client: who we are to the gateway, and the one place where HTTP happens.

What may be believed of a failed request rests on one fact: the trace hook ``on_request_headers_sent`` fires before the
first byte leaves. An exception's class tells nothing; aiohttp raises the same one before and after.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from ipaddress import ip_address
from types import SimpleNamespace, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, get_args
from urllib.parse import urlsplit

import aiohttp
import orjson

from nxsms_nb.display import mask_secret
from nxsms_nb.errors import ConfigError, QueryError
from nxsms_nb.protocol import SEND_PATH, Algorithm, headers

if TYPE_CHECKING:
    from nxsms_nb.journal import Journal

BASE_URL: Final = "https://api2.nxcloud.com"
ENVIRONMENT: Final = {
    "access_key": "NXSMS_ACCESS_KEY",
    "access_secret": "NXSMS_ACCESS_SECRET",
    "app_key": "NXSMS_APP_KEY",
    "app_secret": "NXSMS_APP_SECRET",
    "base_url": "NXSMS_BASE_URL",
}

# A reply to 200 items is some 20 kB; what is far longer is not a reply.
_REPLY_MAX: Final = 8 << 20
# Shorter than the 5 s after which common servers close an idle connection: a stale one puts a batch in doubt for nothing.
_KEEPALIVE_S: Final = 4.0
# The gateway allows 60 s; a connection that took this long to come about is signed for again.
_TS_AGED_MS: Final = 15_000


class Client:
    """An account at the gateway: keys, address, limits of patience.

    Parameters
    ----------
    access_key, access_secret : str
        The key pair that signs requests.
    app_key : str
        The SMS application's key.
    app_secret : str, optional
        The application's secret; record queries and balance need it.
    base_url : str, default "https://api2.nxcloud.com"
        Scheme and host of the gateway.
    path : str, default "/v1/sms/multi/mt"
        Path of the batch endpoint. The vendor's page has ``/api/sms/multi/mt`` in its example.
    query_url : str, optional
        Scheme and host for record queries and balance; `base_url` where None.
    algorithm : {"md5", "sha256"}, default "md5"
        The digest of the signature.
    timeout : float, default 30
        Seconds for a whole request, from connecting to the reply's last byte.
    insecure : bool, default False
        Allow plain http to a host that is not this machine.

    Raises
    ------
    ConfigError
        A key is empty, a URL is not usable, or it is plain http to another machine.

    Examples
    --------
    >>> Client(access_key="fme2na3kdi3ki", access_secret="abciiiko2k3", app_key="app")
    Client(access_key='fme…', access_secret=•••, app_key='app', app_secret=None, base_url='https://api2.nxcloud.com')
    """

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
    ) -> None:
        for name, value in (("access_key", access_key), ("access_secret", access_secret), ("app_key", app_key)):
            if not isinstance(value, str) or not value or value != value.strip() or not value.isprintable():
                raise ConfigError(
                    f"{name} is empty, has blanks at its ends or characters that cannot be printed. "
                    f"Give it as an argument, or set {ENVIRONMENT[name]} and use Client.from_env()."
                )
        if algorithm not in get_args(Algorithm):
            raise ConfigError(f"algorithm={algorithm!r} is not one of {', '.join(map(repr, get_args(Algorithm)))}.")
        if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < float("inf"):
            raise ConfigError(f"timeout={timeout!r} is not a number of seconds above 0.")
        if not path.startswith("/"):
            raise ConfigError(f"path={path!r} does not begin with a slash, as in path={SEND_PATH!r}.")
        self.access_key = access_key
        self.access_secret = access_secret
        self.app_key = app_key
        self.app_secret = app_secret or None
        self.base_url = _checked_url("base_url", base_url, insecure=insecure)
        self.query_url = _checked_url("query_url", query_url or base_url, insecure=insecure)
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
            The file to read besides the environment; where None, a ``.env`` in the working directory or above it. The
            environment wins over the file.
        **overrides
            Arguments of `Client`, which win over both.

        Raises
        ------
        ConfigError
            A variable is missing; the message names it and the ways out.

        Examples
        --------
        >>> Client.from_env(access_key="key", access_secret="secret", app_key="app").app_key
        'app'
        """
        from dotenv import dotenv_values, find_dotenv  # noqa: PLC0415  only this way in needs it

        path = os.fspath(env_file) if env_file is not None else find_dotenv(usecwd=True)
        if env_file is not None and not os.path.isfile(path):  # noqa: PTH113  the path may be any path-like
            raise ConfigError(f"env_file={path!r} does not exist.")
        values: Mapping[str, str | None] = {**(dotenv_values(path) if path else {}), **os.environ}
        found = {name: values[variable] for name, variable in ENVIRONMENT.items() if values.get(variable)}
        settings = {**found, **overrides}
        missing = [ENVIRONMENT[name] for name in ("access_key", "access_secret", "app_key") if name not in settings]
        if missing:
            raise ConfigError(
                f"No credentials: {', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set. "
                "Set them in the environment or a .env file and call again; or practise without an account: "
                "client = nx.Sandbox().client, then send(client)."
            )
        return cls(**settings)

    def __repr__(self) -> str:
        return (
            f"Client(access_key={self.access_key[:3] + '…'!r}, access_secret={mask_secret(self.access_secret)}, "
            f"app_key={self.app_key[:3] + ('…' if len(self.app_key) > 3 else '')!r}, "
            f"app_secret={mask_secret(self.app_secret)}, base_url={self.base_url!r})"
        )

    @property
    def on_loopback(self) -> bool:
        """Whether the gateway is on this machine: no message that is sent there costs money."""
        return _is_loopback(urlsplit(self.base_url).hostname or "")

    def bind(self, *, simulated: bool, journal: Journal | None, gateway: object = None) -> None:
        """Mark the client as a simulated gateway's, with the journal to use where none is named.

        `gateway` is held as long as the client is, so that ``Sandbox().client`` does not close its gateway.
        """
        self.simulated = simulated
        self.journal = journal
        self._gateway = gateway

    def connect(self) -> Connection:
        """Open a connection pool; an async context manager, to be used in one event loop."""
        return Connection(self)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def _checked_url(name: str, url: str, *, insecure: bool) -> str:
    parts = urlsplit(url) if isinstance(url, str) else None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(f"{name}={url!r} is not a URL like {BASE_URL!r}.")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(f"{name} carries more than scheme, host, port and path. Give it like {BASE_URL!r}.")
    if parts.scheme == "http" and not _is_loopback(parts.hostname) and not insecure:
        raise ConfigError(
            f"{name}={url!r} is plain http to another machine: everybody on the way reads texts, numbers and keys. "
            "Use https, or say insecure=True."
        )
    return url.rstrip("/")


@dataclass(slots=True)
class Exchange:
    """One request and what came of it; never an exception.

    Parameters
    ----------
    left : bool
        Whether a first byte may have left this machine. False is proof that the gateway saw nothing.
    status : int or None
        HTTP status; None where no whole reply was read.
    body : bytes
        The reply's body.
    error : str
        What went wrong, in words without secrets; empty where a whole reply was read.
    latency_ms : float
        From handing the request over to the reply's last byte, or to the error.
    date, retry_after : str or None
        The reply's headers ``Date`` and ``Retry-After``.
    """

    left: bool = False
    status: int | None = None
    body: bytes = b""
    error: str = ""
    latency_ms: float = 0.0
    date: str | None = None
    retry_after: str | None = None

    @property
    def gateway_ms(self) -> int | None:
        """The gateway's clock, in milliseconds since the epoch."""
        return _date_ms(self.date)

    @property
    def retry_after_s(self) -> float | None:
        """How long to wait, in seconds."""
        return _retry_after_s(self.retry_after)


class _SignedTooLongAgo(Exception):
    """Raised in the trace hook: nothing has left, so the request can be signed anew."""


class Connection:
    """A pool of connections to one client's gateway.

    Parameters
    ----------
    client : Client
        Whose keys and address are used.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._url = client.base_url + client.path
        self._session: aiohttp.ClientSession | None = None
        self.clock_offset_ms = 0

    async def __aenter__(self) -> Self:
        trace = aiohttp.TraceConfig()
        trace.on_request_headers_sent.append(_about_to_leave)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S),
            timeout=aiohttp.ClientTimeout(total=self._client.timeout),
            trace_configs=[trace],
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "nxsms_nb", "Accept": "application/json"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, body: bytes) -> Exchange:
        """Send a batch: sign it now and post it once.

        Parameters
        ----------
        body : bytes
            The body; the very bytes that are signed are sent.

        Returns
        -------
        Exchange

        Raises
        ------
        asyncio.CancelledError
            Re-raised, with the `Exchange` so far as ``args[0]``.
        """
        client, deadline = self._client, time.monotonic() + self._client.timeout
        while True:
            exchange = Exchange()
            signed_ms = time.time_ns() // 1_000_000 + self.clock_offset_ms
            signed = headers(client.access_key, client.access_secret, signed_ms, body, client.algorithm)
            try:
                return await self._exchange(exchange, self._url, body, signed, signed_ms - self.clock_offset_ms)
            except _SignedTooLongAgo:
                if time.monotonic() > deadline:
                    exchange.error = "no connection within the client's timeout"
                    return exchange

    async def query(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Ask one of the record queries; the application's key pair is added to the form.

        Parameters
        ----------
        path : str
            The query's path.
        form : mapping of str to str
            Its parameters.

        Returns
        -------
        dict
            The reply's JSON object.

        Raises
        ------
        QueryError
            There is no app secret, no reply, or one that is not a JSON object.
        """
        if self._client.app_secret is None:
            raise QueryError(
                "The record query needs the application's secret: Client(app_secret=…), or set NXSMS_APP_SECRET."
            )
        exchange = await self._exchange(
            Exchange(),
            self._client.query_url + path,
            aiohttp.FormData({"appkey": self._client.app_key, "secretkey": self._client.app_secret, **form}),
            {},
        )
        if exchange.error or exchange.status != 200:
            raise QueryError(
                f"The query {path} failed: {exchange.error or f'HTTP {exchange.status}'}. Try again later."
            )
        try:
            reply = orjson.loads(exchange.body)
        except orjson.JSONDecodeError:
            reply = None
        if not isinstance(reply, dict):
            raise QueryError(f"The reply to {path} is not a JSON object. Check the client's query_url.")
        return reply

    async def _exchange(
        self, exchange: Exchange, url: str, data: Any, extra: Mapping[str, str], signed_ms: int | None = None
    ) -> Exchange:
        if self._session is None:
            raise RuntimeError("Connection is used outside its 'async with'.")
        begun = time.perf_counter()
        try:
            async with self._session.post(
                url, data=data, headers=extra, allow_redirects=False, trace_request_ctx=(exchange, signed_ms)
            ) as response:
                raw = await response.content.read(_REPLY_MAX + 1)
                while not response.content.at_eof() and len(raw) <= _REPLY_MAX:
                    raw += await response.content.read(_REPLY_MAX)
                exchange.date, exchange.retry_after = response.headers.get("Date"), response.headers.get("Retry-After")
                if len(raw) > _REPLY_MAX:
                    exchange.error = "the reply is far too long"
                else:
                    exchange.status, exchange.body = response.status, raw
        except _SignedTooLongAgo:
            raise
        except asyncio.CancelledError as error:
            raise asyncio.CancelledError(exchange) from error
        except Exception as error:  # noqa: BLE001  whatever it is called, it proves no more than the hook does
            exchange.error = _described(error, left=exchange.left)
        finally:
            exchange.latency_ms = (time.perf_counter() - begun) * 1e3
        return exchange


async def _about_to_leave(_session: Any, context: SimpleNamespace, _params: Any) -> None:
    exchange, signed_ms = context.trace_request_ctx
    if signed_ms is not None and abs(time.time_ns() // 1_000_000 - signed_ms) > _TS_AGED_MS:
        raise _SignedTooLongAgo
    exchange.left = True


def _described(error: BaseException, *, left: bool) -> str:
    # Only the class: an exception's own text may carry the URL, a header or a part of a reply.
    name = type(error).__name__
    if isinstance(error, TimeoutError):
        return f"no reply within the client's timeout ({name})" if left else f"no connection in time ({name})"
    return f"the connection broke or the reply was not HTTP ({name})" if left else f"no connection ({name})"


def _date_ms(value: str | None) -> int | None:
    try:
        return None if value is None else round(parsedate_to_datetime(value).timestamp() * 1000)
    except (TypeError, ValueError):
        return None


def _retry_after_s(value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return max(0.0, float(value)) if float(value) < float("inf") else None
    except ValueError:
        date_ms = _date_ms(value)
        return None if date_ms is None else max(0.0, date_ms / 1000 - time.time())
