"""The one place where HTTP happens: a request is posted once, and what is known of it afterwards is told as it is.

What may be believed of a failed request rests on one fact: without a connection no byte leaves, and the connector says
when there is one. An exception's class tells nothing; aiohttp raises the same one before the first byte and after it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp
import orjson

from nxsms_nb.errors import QueryError
from nxsms_nb.protocol import headers

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
# The gateway allows 60 s; a connection that took this long to come about is signed for again.
_TS_AGED_MS: Final = 15_000


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


@dataclass(slots=True)
class _UnderWay:
    """A request that is being made: when it was signed, when it is given up, and whether that has happened."""

    exchange: Exchange
    signed_ms: int | None
    deadline: float
    overdue: bool = False


class _SignedTooLongAgo(Exception):
    """Raised before the first byte: nothing has left, so the request can be signed anew."""


class _Connector(aiohttp.TCPConnector):
    """Calls back when a request has its connection and is about to leave.

    Parameters
    ----------
    about_to_leave : callable
        What it raises keeps the request from leaving.
    """

    def __init__(self, about_to_leave: Callable[[], None]) -> None:
        super().__init__(limit=0, keepalive_timeout=_KEEPALIVE_S)
        self._about_to_leave = about_to_leave

    async def connect(self, *args: Any, **options: Any) -> Any:
        """Get a connection, as aiohttp's own; a request cannot leave without one."""
        connection = await super().connect(*args, **options)
        try:
            self._about_to_leave()
        except BaseException:
            connection.release()
            raise
        return connection


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
        self._under_way: dict[asyncio.Task[Any], _UnderWay] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._stalls = 0
        self.clock_offset_ms = 0

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=_Connector(self._leaving),
            timeout=aiohttp.ClientTimeout(),
            trust_env=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "nxsms_nb", "Accept": "application/json"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._watch is not None:
            self._watch.cancel()
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
        task = asyncio.current_task()
        if self._session is None or task is None:
            raise RuntimeError("Connection is used outside its 'async with'.")
        cancelling, begun = task.cancelling(), time.perf_counter()
        under_way = self._watched(task, exchange, signed_ms)
        try:
            async with self._session.post(url, data=data, headers=extra, allow_redirects=False) as response:
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
            # A cancellation of somebody else's that came as well is not to be swallowed.
            if not under_way.overdue or task.uncancel() > cancelling:
                raise asyncio.CancelledError(exchange) from error
            exchange.error = _described(TimeoutError(), left=exchange.left)
        except Exception as error:  # noqa: BLE001  whatever it is called, it proves no more than `left` does
            exchange.error = _described(error, left=exchange.left)
        finally:
            del self._under_way[task]
            exchange.latency_ms = (time.perf_counter() - begun) * 1e3
        return exchange

    def _leaving(self) -> None:
        """The request of the task at work has its connection: what it writes from here on may reach the gateway."""
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a request is made in no task")
        under_way = self._under_way[task]
        signed_ms = under_way.signed_ms
        if signed_ms is not None and abs(time.time_ns() // 1_000_000 - signed_ms) > _TS_AGED_MS:
            raise _SignedTooLongAgo
        under_way.exchange.left = True

    def _watched(self, task: asyncio.Task[Any], exchange: Exchange, signed_ms: int | None) -> _UnderWay:
        """Give a request up after the client's timeout; one timer serves all, since all have as long."""
        loop = task.get_loop()
        under_way = _UnderWay(exchange, signed_ms, loop.time() + self._client.timeout)
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
