"""One request over a real socket: when it is given up, and by whom, and over which connection it may go."""

import asyncio
import contextlib
import re
import socket
import threading
import time

import aiohttp
import pandas as pd
import pytest

from nxsms_nb import Client
from nxsms_nb.engine.transport import Transport
from nxsms_nb.errors import ConfigError
from tests.engine.people import counts, no_double, people

pytestmark = pytest.mark.any_pandas


@contextlib.asynccontextmanager
async def connected(answer, patience, *, window=None):
    """A connection to a gateway that treats each connection by `answer(reader, writer)`, with so large a receive buffer."""

    async def serve(reader, writer):
        with contextlib.closing(writer), contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await answer(reader, writer)

    listening = socket.create_server(("127.0.0.1", 0))
    if window is not None:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    server = await asyncio.start_server(serve, sock=listening)
    port = server.sockets[0].getsockname()[1]
    client = Client(
        access_key="key", access_secret="secret", app_key="app", base_url=f"http://127.0.0.1:{port}", timeout=patience
    )
    async with server, Transport(client) as connection:
        yield connection


async def mute(reader, _writer):
    await reader.read()


async def drip(_reader, writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"{")
        await writer.drain()
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("answer", [mute, drip])
def test_each_request_has_the_whole_timeout_to_itself(answer):
    """One timer serves all of them; none is given up with one that began before it."""

    async def work():
        async with connected(answer, 0.3) as connection:

            async def later(seconds):
                await asyncio.sleep(seconds)
                return await connection.post(b"{}")

            return await asyncio.gather(*(later(seconds) for seconds in (0.0, 0.1, 0.1, 0.2, 0.45)))

    exchanges = asyncio.run(work())
    assert all(exchange.latency_ms >= 300 for exchange in exchanges)
    assert {(exchange.left, exchange.status) for exchange in exchanges} == {(True, None)}
    assert {exchange.error for exchange in exchanges} == {"no reply within the client's timeout (TimeoutError)"}


def test_who_cancels_a_request_that_is_given_up_has_it_cancelled():
    """A stop that comes in the same moment as the timeout is not taken for the timeout."""

    async def work():
        async with connected(mute, 0.1) as connection:
            task = asyncio.create_task(connection.post(b"{}"))
            give_up = connection._give_up

            def both(*due):
                give_up(*due)
                task.cancel()

            connection._give_up = both
            with pytest.raises(asyncio.CancelledError) as raised:
                await task
            assert raised.value.args[0].left
            assert task.cancelled()

    asyncio.run(work())


def test_a_reply_that_came_while_the_loop_stood_still_is_read():
    """A commit that another kernel holds up lasts longer than the timeout: nobody's reply is thrown away for it."""
    still, replied = threading.Event(), threading.Event()

    async def work(listening):
        loop, passed = asyncio.get_running_loop(), [0]
        clock = loop.time
        loop.time = lambda: clock() + passed[0]

        def stand_still():
            still.set()
            replied.wait()
            passed[0] = 60

        def answer():
            with listening.accept()[0] as client:
                heard = b""
                while not heard.endswith(b"{}"):
                    heard += client.recv(65536)
                loop.call_soon_threadsafe(stand_still)
                still.wait()
                client.sendall(REPLY)
                replied.set()
                client.recv(1)

        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        client = Client(access_key="key", access_secret="secret", app_key="app", base_url=url, timeout=20)
        answering = asyncio.create_task(asyncio.to_thread(answer))
        async with Transport(client) as connection:
            exchange = await connection.post(b"{}")
        await answering
        return exchange

    with socket.create_server(("127.0.0.1", 0)) as listening:
        exchange = asyncio.run(work(listening))
    assert (exchange.status, exchange.error) == (200, "")


def test_a_loop_that_is_always_late_gives_requests_up_all_the_same():
    """A mute gateway ends a request even where other work holds the loop up again and again."""

    async def work():
        loop = asyncio.get_running_loop()

        def busy():
            time.sleep(0.08)
            loop.call_soon(busy)

        async with connected(mute, 0.1) as connection:
            loop.call_soon(busy)
            return await asyncio.wait_for(connection.post(b"{}"), 20)

    assert asyncio.run(work()).error == "no reply within the client's timeout (TimeoutError)"


def test_a_task_goes_on_after_a_request_was_given_up():
    """What was cancelled was the request: the task can wait for other things, and make the next request."""

    async def work():
        async with connected(mute, 0.1) as connection:
            first = await connection.post(b"{}")
            await asyncio.sleep(0)
            second = await connection.post(b"{}")
            assert not asyncio.current_task().cancelling()
            return first, second

    assert all(exchange.error.startswith("no reply") for exchange in asyncio.run(work()))


REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def request(reader):
    """Read a request with a body of two bytes."""
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(2)


def test_a_request_that_was_replied_to_before_it_was_read_ends_with_its_connection():
    """Its rest must neither come before the next request nor be waited for: the gateway may never read it."""
    connections = []

    async def hasty(reader, writer):
        connections.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        if len(connections) > 1:
            await reader.readexactly(2)
        writer.transport.pause_reading()
        writer.write(REPLY)
        await asyncio.sleep(30)

    async def work():
        async with asyncio.timeout(20), connected(hasty, 10, window=4096) as connection:
            exchanges = [await connection.post(b"x" * (8 << 20)), await connection.post(b"{}")]
        for writer in connections:
            writer.transport.abort()
        return exchanges

    assert [(exchange.status, exchange.error) for exchange in asyncio.run(work())] == [(200, "")] * 2
    assert len(connections) == 2


def test_what_came_unasked_over_an_idle_connection_is_nobodys_reply():
    """A second reply to the request before is not taken for the reply to the next one, which has a connection of its own."""
    connections = []
    twice = asyncio.Event()

    async def talkative(reader, writer):
        connections.append(writer)
        await request(reader)
        writer.write(REPLY)
        if len(connections) == 1:
            await asyncio.sleep(0.05)
            writer.write(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            twice.set()
        await reader.read()

    async def work():
        async with connected(talkative, 10) as connection:
            first = await connection.post(b"{}")
            await twice.wait()
            await asyncio.sleep(0.05)
            return first, await connection.post(b"{}")

    assert [exchange.status for exchange in asyncio.run(work())] == [200, 200]
    assert len(connections) == 2


STRAY = b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    "parts",
    [
        [REPLY + STRAY],
        [REPLY[:-1], REPLY[-1:] + STRAY],
        [REPLY[:-2], REPLY[-2:] + STRAY],
        [REPLY[:20], REPLY[20:] + STRAY],
        [CHUNKED[:-5], CHUNKED[-5:] + STRAY],
        [CHUNKED[:-9], CHUNKED[-9:] + STRAY],
        [b"HTTP/1.1 100 Continue\r\n\r\n", REPLY + STRAY],
        [REPLY, STRAY],
    ],
    ids=["at once", "within", "after head", "within head", "last chunk", "chunk", "continue", "later"],
)
def test_a_second_reply_right_behind_the_first_is_nobodys(parts):
    """Wherever the network cuts the bytes, a refusal that nobody asked for does not make the next request's rows leave again."""
    connections, sent = [], asyncio.Event()

    async def twice(reader, writer):
        connections.append(writer)
        first = len(connections) == 1
        while True:
            await request(reader)
            for part in parts if first else [REPLY]:
                writer.write(part)
                await writer.drain()
                await asyncio.sleep(0.02 if first else 0)
            sent.set()

    async def work():
        async with connected(twice, 10) as connection:
            first = await connection.post(b"{}")
            await sent.wait()
            await asyncio.sleep(0.05)
            second = await connection.post(b"{}")
            for writer in connections:
                writer.transport.abort()
            await asyncio.sleep(0.05)
            return first.status, second.status

    assert asyncio.run(work()) == (200, 200)
    assert len(connections) == 2


def test_a_gateway_that_speaks_first_is_no_connection(monkeypatch):
    """Nothing is sent to what does not wait for a request, and it is not tried indefinitely."""
    heard, greeted = [], asyncio.Event()
    connect = aiohttp.TCPConnector.connect

    async def after_the_greeting(*request, **how):
        made = await connect(*request, **how)
        await greeted.wait()
        greeted.clear()
        await asyncio.sleep(0.05)
        return made

    async def greeting(reader, writer):
        writer.write(REPLY)
        await writer.drain()
        greeted.set()
        heard.append(await reader.read())

    async def work():
        async with connected(greeting, 10) as connection:
            return await connection.post(b"{}")

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", after_the_greeting)
    exchange = asyncio.run(work())
    assert (exchange.left, exchange.status) == (False, None)
    assert exchange.error.startswith("no connection")
    assert not any(heard)


def test_a_request_whose_signature_aged_before_it_left_is_signed_again(monkeypatch):
    """A machine that slept while the connection was made sends one request, with the time stamp of its leaving."""
    heard, slept = [], []
    connect, seconds, nanoseconds = aiohttp.TCPConnector.connect, time.time, time.time_ns

    async def connect_and_sleep(*request, **how):
        made = await connect(*request, **how)
        slept[:] = [90]
        return made

    async def answer(reader, writer):
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(2)
        writer.write(REPLY)

    async def work():
        async with connected(answer, 10) as connection:
            return await connection.post(b"{}")

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect_and_sleep)
    monkeypatch.setattr(time, "time", lambda: seconds() + sum(slept))
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() + sum(slept) * 10**9)
    exchange = asyncio.run(work())
    assert (exchange.left, exchange.status) == (True, 200)
    (head,) = heard
    assert int(re.search(rb"ts: (\d+)", head)[1]) / 1000 > seconds() + 60


def test_a_machine_that_sleeps_while_it_connects_records_its_request_anew(sandbox, journal, monkeypatch):
    """However often it sleeps there: what leaves was recorded just before, and no sleep counts as a missing connection."""
    asleep, calls = [0], []
    connect, seconds, nanoseconds = aiohttp.TCPConnector.connect, time.time, time.time_ns

    async def connect_and_sleep(*request, **how):
        made = await connect(*request, **how)
        calls.append(made)
        asleep[0] += 3600 * (len(calls) < 7)
        return made

    monkeypatch.setattr(aiohttp.TCPConnector, "connect", connect_and_sleep)
    monkeypatch.setattr(time, "time", lambda: seconds() + asleep[0])
    monkeypatch.setattr(time, "time_ns", lambda: nanoseconds() + asleep[0] * 10**9)
    begun = seconds()
    out = people(20).nxsms.send(sandbox.client, journal=journal, batch_size=5, progress="silent")
    assert counts(out) == {"Success": 20}
    assert set(out["attempts"]) == {1}
    assert no_double(sandbox)
    assert (out["sent_at"] >= pd.Timestamp(begun + 6 * 3600, unit="s", tz="UTC")).all()


def test_an_address_that_cannot_be_is_no_connection():
    """Whatever is wrong before a connection is asked for, nothing has left and the rows are not in doubt."""

    async def work():
        client = Client(access_key="key", access_secret="secret", app_key="app", base_url="http://127.0.0.1:9")
        client.base_url = "http://127.0.0.1:99999"
        async with Transport(client) as connection:
            return await connection.post(b"{}")

    exchange = asyncio.run(work())
    assert (exchange.left, exchange.status) == (False, None)
    assert exchange.error.startswith("no connection")


@pytest.mark.parametrize("port", ["99999", "abc", "-1", "0"])
def test_an_unusable_port_is_refused_at_once(port):
    """The client is not made: no row is sent, nor recorded, by an address nobody can have."""
    with pytest.raises(ConfigError, match=r"^base_url=.* has a port that does not exist\. .* 1 to 65535\.$"):
        Client(access_key="key", access_secret="secret", app_key="app", base_url=f"http://127.0.0.1:{port}")
