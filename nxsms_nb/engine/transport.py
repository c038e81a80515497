"""The one place where HTTP happens: a request is posted once, and what is known of it afterwards is told as it is.

What may be believed of a failed request rests on one fact: whether its bytes were handed to a socket. An exception's
class tells nothing; aiohttp raises the same one before the first byte and after it. So connections and the reading of
replies are aiohttp's, and the request is written here, signed in the same breath.
"""

from __future__ import annotations

import asyncio
import math
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlencode

import aiohttp
import orjson
from yarl import URL

from nxsms_nb.engine import unreachable
from nxsms_nb.errors import QueryError
from nxsms_nb.formatting import Secret, SecretBytes
from nxsms_nb.wire.requests import headers

if TYPE_CHECKING:
    from nxsms_nb.client import Client

# A reply to 200 items is some 20 kB; what is far longer is not a reply.
_REPLY_MAX: Final = 8 << 20
# Shorter than the 5 s after which common servers close an idle connection: a stale one puts a batch in doubt for nothing.
_KEEPALIVE_S: Final = 4.0
# A timer so late was held up itself; then requests get as long again, but not longer and not more often than this.
_STALL_S: Final = 0.05
_STALL_MOST_S: Final = 1.0
_STALLS_MOST: Final = 5
# What is longer is cut to this: nobody waits for a century.
_FOREVER_S: Final = 1e9
_UNTIMED: Final = aiohttp.ClientTimeout()
# So many connections are tried where something comes over each before anything was asked.
_CONNECTIONS: Final = 3
_CLOSING_S: Final = 5.0
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass
class PostResult:
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
    garbled : bool
        Whether something came that is not HTTP.
    latency_ms : float
        From handing the request over to the reply's last byte, or to the error.
    date, retry_after : str or None
        The reply's headers ``Date`` and ``Retry-After``.
    """

    left: bool = False
    status: int | None = None
    body: bytes = b""
    error: str = ""
    garbled: bool = False
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
        return _retry_after_s(self.retry_after, self.gateway_ms)


@dataclass
class _UnderWay:
    """A request that is being made: when it is given up, and whether that has happened."""

    deadline: float
    overdue: bool = False


class _Target:
    """Where requests go: what aiohttp's connector asks of a request, and the head that all of them share.

    Parameters
    ----------
    url : str
        The whole URL.
    client : Client
        Whose proxy is used.
    """

    def __init__(self, url: str, client: Client) -> None:
        common = {"User-Agent": "nxsms_nb", "Accept": "application/json"}
        login = {} if client.proxy_authorization is None else {"Proxy-Authorization": client.proxy_authorization}
        self.request = aiohttp.ClientRequest(
            "POST",
            URL(url),
            headers=common,
            loop=asyncio.get_running_loop(),
            proxy=None if client.proxy is None else URL(client.proxy),
            proxy_headers=login,
        )
        named = {name: value for name, value in self.request.headers.items() if name != "Content-Length"}
        # Over TLS a proxy makes a tunnel, and its login is part of asking for it; a plain request it forwards itself.
        forwarded = client.proxy is not None and self.request.url.scheme == "http"
        path = str(self.request.url) if forwarded else self.request.url.raw_path_qs
        self.head = Secret(f"POST {path} HTTP/1.1\r\n{_lines(named | login if forwarded else named)}")


class Transport:
    """A pool of connections to one client's gateway.

    Parameters
    ----------
    client : Client
        Whose keys and address are used.

    Notes
    -----
    Nothing is repeated, redirects are not followed; cookies and the environment, its proxies included, are ignored. aiohttp's
    session does all of that, takes twice the time for it, and does not tell when a first byte leaves.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._url = client.base_url + client.path
        self._connector: aiohttp.TCPConnector | None = None
        self._targets: dict[str, _Target] = {}
        self._under_way: dict[asyncio.Task[Any], _UnderWay] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._stalls = 0
        self.clock_offset_ms = 0

    async def __aenter__(self) -> Self:
        trusted: ssl.SSLContext | bool = True
        if self._client.authorities is not None:
            trusted = ssl.create_default_context(cadata=self._client.authorities)
        self._connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_S, ssl=trusted)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._connector is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING_S):
                    await self._connector.close()

    async def post(self, body: bytes) -> PostResult:
        """Send a batch: post it once, signed when it leaves.

        Parameters
        ----------
        body : bytes
            The body; the very bytes that are signed are sent.

        Returns
        -------
        PostResult

        Raises
        ------
        asyncio.CancelledError
            Re-raised, with the `PostResult` so far as ``args[0]``.
        """
        return await self._exchange(self._url, body, self._signed)

    def _signed(self, body: bytes) -> Mapping[str, str]:
        client, now_ms = self._client, time.time_ns() // 1_000_000 + self.clock_offset_ms
        return headers(client.access_key, client.access_secret, now_ms, body, client.algorithm)

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
        pair = {"appkey": self._client.app_key, "secretkey": self._client.app_secret}
        body = SecretBytes(urlencode({**pair, **form}).encode())
        exchange = await self._exchange(self._client.query_url + path, body, lambda _: _FORM)
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

    async def _exchange(self, url: str, body: bytes, head: Callable[[bytes], Mapping[str, str]]) -> PostResult:
        """Post a body once, with the headers that `head` gives for it when it leaves."""
        task, exchange = asyncio.current_task(), PostResult()
        if self._connector is None or task is None:
            raise RuntimeError("Connection is used outside its 'async with'.")
        cancelling, begun = task.cancelling(), time.perf_counter()
        under_way = self._watched(task)
        try:
            target = self._targets.get(url)
            if target is None:
                target = self._targets[url] = _Target(url, self._client)
            connection = await _connected(self._connector, target)
            try:
                await self._converse(connection, exchange, target, body, head)
            except BaseException:
                _break_off(connection)
                raise
            if connection.transport is not None and connection.transport.get_write_buffer_size():
                # The gateway replied before it had read the request: what is left of it must not come before the next one.
                _break_off(connection)
            else:
                connection.release()
        except asyncio.CancelledError as error:
            # A cancellation of somebody else's that came as well is not to be swallowed.
            if not under_way.overdue or task.uncancel() > cancelling:
                raise asyncio.CancelledError(exchange) from error
            exchange.error = self._described(TimeoutError(), exchange, url)
        except Exception as error:  # noqa: BLE001  whatever it is called, it proves no more than `left` does
            exchange.error = self._described(error, exchange, url)
            exchange.garbled = isinstance(error, aiohttp.http_exceptions.HttpProcessingError)
        finally:
            del self._under_way[task]
            exchange.latency_ms = (time.perf_counter() - begun) * 1e3
        return exchange

    async def _converse(
        self,
        connection: Any,
        exchange: PostResult,
        target: _Target,
        body: bytes,
        head: Callable[[bytes], Mapping[str, str]],
    ) -> None:
        protocol = connection.protocol
        protocol.set_response_params(read_until_eof=True)
        self._leave(connection.transport, exchange, target, body, head)
        message, content = await protocol.read()
        while 100 <= message.code < 200 and message.code != 101:
            message, content = await protocol.read()
        raw = await content.read(_REPLY_MAX + 1)
        while not content.at_eof() and len(raw) <= _REPLY_MAX:
            raw += await content.read(_REPLY_MAX)
        exchange.date, exchange.retry_after = message.headers.get("Date"), message.headers.get("Retry-After")
        if len(raw) > _REPLY_MAX:
            exchange.error = "the reply is far too long"
        else:
            exchange.status, exchange.body = message.code, raw

    def _leave(
        self,
        transport: asyncio.Transport | None,
        exchange: PostResult,
        target: _Target,
        body: bytes,
        head: Callable[[bytes], Mapping[str, str]],
    ) -> None:
        """Sign and write in one breath: however long the connection took, the time stamp is that of the leaving."""
        if transport is None or transport.is_closing():
            raise ConnectionResetError
        before = SecretBytes(f"{target.head}{_lines(head(body))}Content-Length: {len(body)}\r\n\r\n".encode())
        exchange.left = True
        transport.write(before + body)

    def _described(self, error: BaseException, exchange: PostResult, url: str) -> str:
        # An exception's own text may carry a header or a part of a reply, so none of it is kept.
        name = type(error).__name__
        if not exchange.left:
            return unreachable.described(error, url, simulated=self._client.simulated, proxy=self._client.proxy)
        if isinstance(error, TimeoutError):
            return f"no reply within the client's timeout ({name})"
        return f"the connection broke or the reply was not HTTP ({name})"

    def _watched(self, task: asyncio.Task[Any]) -> _UnderWay:
        """Give a request up after the client's timeout; one timer serves all, since all have as long."""
        loop = task.get_loop()
        under_way = _UnderWay(loop.time() + self._client.timeout)
        self._under_way[task] = under_way
        if self._watch is None:
            self._watch_until(under_way.deadline, loop)
        return under_way

    def _watch_until(self, when: float, loop: asyncio.AbstractEventLoop) -> None:
        self._watch = loop.call_at(when, self._give_up, when, loop)

    def _give_up(self, due: float, loop: asyncio.AbstractEventLoop) -> None:
        self._watch = None
        now = loop.time()
        self._stalls = self._stalls + 1 if now - due > _STALL_S else 0
        if 0 < self._stalls <= _STALLS_MOST:
            # The loop stood still, in a commit that was held up, say: what came meanwhile is to be read first.
            self._watch_until(now + min(now - due, _STALL_MOST_S), loop)
            return
        for task, under_way in self._under_way.items():
            if under_way.overdue:
                continue
            if under_way.deadline > now:
                self._watch_until(under_way.deadline, loop)
                return
            under_way.overdue = True
            task.cancel()


async def _connected(connector: aiohttp.TCPConnector, target: _Target) -> Any:
    """A connection over which nothing has come that nobody asked for: it would be taken for the reply."""
    for _ in range(_CONNECTIONS):
        connection: Any = await connector.connect(target.request, [], _UNTIMED)
        if not connection.protocol.should_close:
            return connection
        _break_off(connection)
    raise ConnectionResetError


def _break_off(connection: Any) -> None:
    """Close at once: what is not written yet does not leave any more."""
    if connection.transport is not None:
        connection.transport.abort()
    connection.close()


def _lines(named: Mapping[str, str]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in named.items()])


def _date_ms(value: str | None) -> int | None:
    try:
        return None if value is None else round(parsedate_to_datetime(value).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return None


def _retry_after_s(value: str | None, gateway_ms: int | None) -> float | None:
    if value is None:
        return None
    try:
        seconds = float(value)
        return None if math.isnan(seconds) else min(max(0.0, seconds), _FOREVER_S)
    except ValueError:
        date_ms = _date_ms(value)
        # By the clock that wrote the date, which need not be ours.
        now_ms = time.time() * 1000 if gateway_ms is None else gateway_ms
        return None if date_ms is None else max(0.0, (date_ms - now_ms) / 1000)
