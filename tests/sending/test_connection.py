"""One request over a real socket: when it is given up, and by whom."""

import asyncio
import contextlib
import time

import pytest

from nxsms_nb import Client, Sandbox
from nxsms_nb.connection import Connection


@contextlib.asynccontextmanager
async def connected(answer, patience):
    """A connection to a gateway that treats each request by `answer(reader, writer)`."""

    async def serve(reader, writer):
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            await answer(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = Client(
        access_key="key", access_secret="secret", app_key="app", base_url=f"http://127.0.0.1:{port}", timeout=patience
    )
    async with server, Connection(client) as connection:
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
            with pytest.raises(asyncio.CancelledError) as told:
                await task
            assert told.value.args[0].left
            assert task.cancelled()

    asyncio.run(work())


def test_a_reply_that_came_while_the_loop_stood_still_is_read():
    """A commit that another kernel holds up lasts longer than the timeout: nobody's reply is thrown away for it."""

    async def work(client):
        connection = Connection(client)
        leave = connection._leave

        def leaves(*request):
            leave(*request)
            asyncio.get_running_loop().call_later(0.02, time.sleep, 0.6)

        connection._leave = leaves
        async with connection:
            return await connection.post(b"{}")

    with Sandbox(latency=0.1) as sandbox:
        sandbox.client.timeout = 0.3
        exchange = asyncio.run(work(sandbox.client))
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
