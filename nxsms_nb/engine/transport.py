"""The one place where HTTP happens: post a request once and report what is known of it.

What may be believed of a failed request rests on one fact: whether its first byte may have been handed to a socket. An
exception's class does not say; aiohttp raises the same one before the first byte and after it. The connector does: as
long as it has not returned a connection, there is nothing to write to.
"""

from __future__ import annotations

import asyncio
import io
import math
import ssl
import time
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast
from urllib.parse import urlencode

import aiohttp
import msgspec
from yarl import URL

from nxsms_nb.engine import unreachable
from nxsms_nb.errors import QueryError
from nxsms_nb.formatting import SecretBytes
from nxsms_nb.wire.requests import headers

if TYPE_CHECKING:
    from nxsms_nb.client import Client

__all__ = ["Transport"]

# A reply to 200 items is some 20 kB; what is far longer is not a reply.
_REPLY_MAX: Final = 8 << 20
# From here on aiohttp warns of bytes that are written at one go.
_LARGE: Final = 1 << 20
# Shorter than the 5 s after which common servers close an idle connection: a stale one puts a batch in doubt for nothing.
_KEEPALIVE_S: Final = 4.0
# A timer so late was held up itself; then requests get as long again, but not longer and not more often than this.
_STALL_S: Final = 0.05
_STALL_MOST_S: Final = 1.0
_STALLS_MOST: Final = 5
# A longer pause is cut to this.
_FOREVER_S: Final = 1e9
_UNTIMED: Final = aiohttp.ClientTimeout()
# A signature is made for each request; one that waited longer for its connection is made again (the window is 60 s).
_SIGNED_S: Final = 5.0
# The most connections that are tried where something comes over each before the request.
_CONNECTIONS: Final = 3
_CLOSING_S: Final = 5.0
_STATUS_LINE: Final = b"HTTP/"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(slots=True)
class PostResult:
    """One request and its result; never an exception.

    `left` says whether a first byte may have been sent: False is proof that the gateway saw nothing. `status` is None
    without a whole reply, and `error` then says why, without secrets. `garbled` is something that is not HTTP, and `late`
    that it was not to leave any more when it had its connection. The latency runs from handing the request over to the
    reply's last byte, or to the error; `headers` are the reply's, None where there was none.
    """

    left: bool = False
    status: int | None = None
    body: bytes = b""
    error: str = ""
    garbled: bool = False
    late: bool = False
    latency_ms: float = 0.0
    headers: Mapping[str, str] | None = None

    @property
    def gateway_ms(self) -> int | None:
        """The gateway's clock, in milliseconds since the epoch."""
        return _date_ms(self._header("Date"))

    @property
    def retry_after_s(self) -> float | None:
        """How long to wait, in seconds."""
        return _retry_after_s(self._header("Retry-After"), self.gateway_ms)

    def _header(self, name: str) -> str | None:
        return None if self.headers is None else self.headers.get(name)


@dataclass(slots=True)
class _UnderWay:
    """A request in flight: when it is given up, the wall clock when it was signed, how many connections it has made.

    `recorded_us` is when it was recorded, None where it was not.
    """

    exchange: PostResult
    deadline: float
    recorded_us: int | None
    signed: float = 0.0
    connections: int = 0
    overdue: bool = False


class _Again(Exception):
    """The request is to be made again: its connection was new, or its signature is too old.

    A connection may take long, and the machine may sleep meanwhile.
    """


class _Late(Exception):
    """The request is not to leave any more."""


class _Guard(asyncio.Protocol):
    """Closes a connection over which something comes while no request has it: it would be read as the next request's reply.

    `connection` is the connection as the last request had it.
    """

    def __init__(self, guarded: asyncio.Protocol, transport: asyncio.Transport) -> None:
        self._guarded = guarded
        self._transport = transport
        self.connection: aiohttp.connector.Connection | None = None

    def data_received(self, data: bytes) -> None:
        connection = self.connection
        if connection is None or connection.closed:
            self._transport.abort()
            return
        self._guarded.data_received(data)
        # A reply that ended in here began in an earlier part. aiohttp does not see what comes right after such an end.
        if connection.closed and _STATUS_LINE in data:
            self._transport.abort()

    def eof_received(self) -> bool | None:
        return self._guarded.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self.connection = None
        self._guarded.connection_lost(exc)

    def pause_writing(self) -> None:
        self._guarded.pause_writing()

    def resume_writing(self) -> None:
        self._guarded.resume_writing()


class _Pool(aiohttp.TCPConnector):
    """Connections to one gateway; a request counts as sent from the moment it has one, since aiohttp writes next.

    The trace hook ``on_request_headers_sent`` says nearly the same for 7% more of a request, and does not give the
    connection, on which what comes unasked must be noticed.
    """

    def __init__(
        self,
        under_way: Mapping[asyncio.Task[Any], _UnderWay],
        may_leave: Callable[[int], bool],
        trusted: ssl.SSLContext | bool,
    ) -> None:
        super().__init__(limit=0, keepalive_timeout=_KEEPALIVE_S, ssl=trusted)
        self._requests = under_way
        self._may_leave = may_leave

    async def connect(self, *args: Any, **kwargs: Any) -> aiohttp.connector.Connection:
        """Connect a request; one that fails here, or is cancelled, has not left."""
        task = asyncio.current_task()
        if task is None or task not in self._requests:
            raise RuntimeError("A connection is asked for by another task than its request's.")
        request = self._requests[task]
        request.exchange.left = False
        connection = await super().connect(*args, **kwargs)
        if (guard := _guard_of(connection)) is None:
            # A new one goes into the pool first: there aiohttp closes it if the gateway has spoken already.
            _set_guard(connection)
            connection.release()
            request.connections += 1
            raise _Again if request.connections <= _CONNECTIONS else ConnectionResetError
        if request.recorded_us is not None and not self._may_leave(request.recorded_us):
            connection.release()
            raise _Late
        if not 0 <= time.time() - request.signed <= _SIGNED_S:
            connection.release()
            raise _Again
        guard.connection = connection
        request.exchange.left = True
        return connection


def _guard_of(connection: aiohttp.connector.Connection) -> _Guard | None:
    guard = None if connection.transport is None else connection.transport.get_protocol()
    # By name: a module that is reloaded during a run has another class, and a guard within a guard lets nothing through.
    return cast("_Guard", guard) if type(guard).__name__ == _Guard.__name__ else None


def _set_guard(connection: aiohttp.connector.Connection) -> None:
    if (transport := connection.transport) is None or transport.is_closing():
        return
    guarded = transport.get_protocol()
    if isinstance(guarded, asyncio.Protocol):
        transport.set_protocol(_Guard(guarded, transport))


class Transport:
    """A pool of connections to one client's gateway.

    `may_leave` says whether a request that was recorded at a time may still leave; it is asked right before that, since a
    connection may take long, and the machine sleep.
    Nothing is repeated, redirects are not followed; cookies and the environment's proxies are ignored.
    """

    def __init__(self, client: Client, may_leave: Callable[[int], bool] = lambda _: True) -> None:
        self._client = client
        self._may_leave = may_leave
        self._session: aiohttp.ClientSession | None = None
        self._under_way: dict[asyncio.Task[Any], _UnderWay] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._stalls = 0
        self._proxy_login: dict[str, str] = {}
        self.clock_offset_ms = 0

    async def __aenter__(self) -> Self:
        client = self._client
        trusted: ssl.SSLContext | bool = True
        if client.authorities is not None:
            trusted = ssl.create_default_context(cadata=client.authorities)
        if client.proxy_authorization is not None:
            self._proxy_login = {"Proxy-Authorization": client.proxy_authorization}
        self._session = aiohttp.ClientSession(
            connector=_Pool(self._under_way, self._may_leave, trusted),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "nxsms_nb", "Accept": "application/json"},
            # One timer of ours serves all requests: it is cheaper, and it knows when the loop itself stood still.
            timeout=_UNTIMED,
            proxy=client.proxy,
            trust_env=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
        if self._session is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING_S):
                    await self._session.close()

    def post(self, body: bytes, recorded_us: int | None = None) -> Coroutine[Any, Any, PostResult]:
        """Post a batch once, signed when it is sent; the very bytes that are signed are sent.

        `recorded_us` is when it was recorded, in microseconds since the epoch. A cancellation is raised again, with the
        `PostResult` so far as ``args[0]``.
        """
        return self._exchange(self._client.endpoint, body, self._signed, recorded_us)

    def _signed(self, body: bytes) -> Mapping[str, str]:
        client, now_ms = self._client, time.time_ns() // 1_000_000 + self.clock_offset_ms
        return headers(client.access_key, client.access_secret, now_ms, body, client.algorithm)

    async def query(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Query the records and return the reply's JSON object; the application's key pair is added to the form.

        Without an app secret, a reply, or JSON in it, `QueryError` is raised.
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
            reply = msgspec.json.decode(exchange.body)
        except (msgspec.MsgspecError, ValueError, RecursionError):  # bytes that are not UTF-8, or nested too deeply
            reply = None
        if not isinstance(reply, dict):
            raise QueryError(f"The reply to {path} is not a JSON object. Check the client's query_url.")
        return reply

    async def _exchange(
        self,
        url: str,
        body: bytes,
        head: Callable[[bytes], Mapping[str, str]],
        recorded_us: int | None = None,
    ) -> PostResult:
        """Post a body once, with the headers that `head` makes for it when it is sent."""
        task, exchange = asyncio.current_task(), PostResult()
        if self._session is None or task is None:
            raise RuntimeError("Transport is used outside its 'async with'.")
        cancelling, begun = task.cancelling(), time.perf_counter()
        under_way = self._watched(task, exchange, recorded_us)
        try:
            while True:
                try:
                    await self._converse(self._session, url, under_way, body, head)
                    break
                except _Again:
                    continue
        except asyncio.CancelledError as error:
            # Another cancellation that came as well must not be swallowed.
            if not under_way.overdue or task.uncancel() > cancelling:
                raise asyncio.CancelledError(exchange) from error
            exchange.error = self._described(TimeoutError(), exchange, url)
        except _Late:
            exchange.late = True
        except Exception as error:  # noqa: BLE001  whatever it is called, it proves no more than `left` does
            exchange.error = self._described(error, exchange, url)
            exchange.garbled = isinstance(error, aiohttp.ClientResponseError)
        finally:
            del self._under_way[task]
            exchange.latency_ms = (time.perf_counter() - begun) * 1e3
        return exchange

    async def _converse(
        self,
        session: aiohttp.ClientSession,
        url: str,
        under_way: _UnderWay,
        body: bytes,
        head: Callable[[bytes], Mapping[str, str]],
    ) -> None:
        exchange, target = under_way.exchange, URL(url)
        data = body if len(body) < _LARGE else io.BytesIO(body)
        under_way.signed = time.time()
        signed, login = head(body), self._proxy_login
        if login and target.scheme == "http":
            # A plain request is forwarded by the proxy itself; over TLS its login is part of asking for a tunnel.
            signed = {**signed, **login}
        # Until the connector says otherwise: what never reaches it proves nothing.
        exchange.left = True
        response = await session.post(target, data=data, headers=signed, proxy_headers=login, allow_redirects=False)
        try:
            raw = await response.content.read(_REPLY_MAX + 1)
            while not response.content.at_eof() and len(raw) <= _REPLY_MAX:
                raw += await response.content.read(_REPLY_MAX)
        finally:
            if response.connection is not None:
                # A connection whose request or reply is not through does not serve another one.
                response.close()
        exchange.headers = response.headers
        if len(raw) > _REPLY_MAX:
            exchange.error = "the reply is far too long"
        else:
            exchange.status, exchange.body = response.status, raw

    def _described(self, error: BaseException, exchange: PostResult, url: str) -> str:
        # An exception's own text may carry a header or a part of a reply, so none of it is kept.
        name = type(error).__name__
        if not exchange.left:
            return unreachable.described(error, url, simulated=self._client.simulated, proxy=self._client.proxy)
        if isinstance(error, TimeoutError):
            return f"no reply within the client's timeout ({name})"
        return f"the connection broke or the reply was not HTTP ({name})"

    def _watched(self, task: asyncio.Task[Any], exchange: PostResult, recorded_us: int | None) -> _UnderWay:
        """Give a request up after the client's timeout; one timer serves all, since all have as long."""
        loop = task.get_loop()
        under_way = _UnderWay(exchange, loop.time() + self._client.timeout, recorded_us)
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
            # The loop stood still, for example in a slow commit: what came meanwhile is read first.
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
