"""How the simulated gateway runs and ends."""

import asyncio
import gc
import http.client
import re
import signal
import subprocess
import sys
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from nxsms_nb.errors import ConfigError
from nxsms_nb.sandbox import Sandbox
from tests.sandbox.talk import items, outcomes, send


def test_latency_can_be_a_range_and_does_not_change_outcomes(make):
    """Requests take at least as long as told, and settle the same."""
    sandbox = make(latency=(0.01, 0.02))
    assert set(outcomes(send(sandbox, items(3))).values()) == {0}
    assert sandbox.requests["latency"].iloc[0] >= 0.01


def test_held_replies_leave_when_released(make):
    """While held, requests take effect and wait for their reply."""
    sandbox = make()
    sandbox.hold()
    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(send, sandbox, items(2, start)) for start in (0, 10, 20)]
        assert sandbox.wait_for(requests=3, effects=6)
        assert not any(one.done() for one in waiting)
        assert sandbox.requests["latency"].isna().all()
        sandbox.release()
        assert [one.result()["code"] for one in waiting] == [0, 0, 0]
    assert len(sandbox.ledger) == 6


def test_waiting_for_requests_that_do_not_come_ends(sandbox):
    """wait_for says whether they came."""
    assert sandbox.wait_for(requests=0, timeout=0)
    for happening in ("requests", "effects", "receipts"):
        assert not sandbox.wait_for(**{happening: 1}, timeout=0)


def test_concurrent_requests_are_all_accounted_for(sandbox):
    """Many requests at once leave one row for each message and each request."""
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda start: send(sandbox, items(50, start)), range(0, 2000, 50)))
    assert {one["code"] for one in replies} == {0}
    assert sorted(sandbox.ledger["messageid"]) == [one["sysMessageId"] for one in items(2000)]
    assert sandbox.requests["accepted"].sum() == 2000
    merged = sandbox.ledger.groupby("request").size()
    assert (merged == 50).all()
    assert len(merged) == 40


def test_it_ends_once_and_for_all():
    """After close nothing listens; closing again does nothing; the ledger stays."""
    sandbox = Sandbox()
    send(sandbox, items(1))
    sandbox.close()
    sandbox.close()
    with pytest.raises(ConnectionRefusedError):
        send(sandbox, items(1))
    assert len(sandbox.ledger) == 1


def test_closing_with_requests_under_way_ends_them():
    """A held request does not keep the gateway from closing."""
    sandbox = Sandbox()
    sandbox.hold()
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(send, sandbox, items(1))
        assert sandbox.wait_for(requests=1)
        sandbox.close()
        with pytest.raises((http.client.HTTPException, OSError)):
            waiting.result()


def test_a_sandbox_nobody_holds_closes_by_itself():
    """Its thread ends when the object is gone, so a cell that is run again leaves nothing behind."""
    before = set(threading.enumerate())
    sandbox = Sandbox()
    gone = weakref.ref(sandbox)
    del sandbox
    gc.collect()
    assert gone() is None
    for thread in set(threading.enumerate()) - before:
        thread.join(30)
        assert not thread.is_alive()


def test_the_port_of_a_sandbox_nobody_holds_is_free_for_the_next():
    """A cell that is run again may name the port."""
    sandbox = Sandbox()
    port = int(sandbox.url.rpartition(":")[2])
    del sandbox
    gc.collect()
    with Sandbox(port=port) as sandbox:
        assert sandbox.url.endswith(f":{port}")


def test_a_client_keeps_its_gateway_running():
    """Sandbox().client alone is enough: the gateway runs as long as its client is held."""
    client = Sandbox(seed=7).client
    gc.collect()
    address = http.client.HTTPConnection("127.0.0.1", int(client.base_url.rpartition(":")[2]), timeout=30)
    address.request("GET", "/")
    assert address.getresponse().status == 404
    address.close()


def test_a_taken_port_is_an_error_that_says_so(sandbox):
    """Two gateways cannot have one port."""
    port = int(sandbox.url.rpartition(":")[2])
    with pytest.raises(ConfigError, match=rf"port {port} on loopback is not available.*port=0"):
        Sandbox(port=port)


def test_it_serves_a_loop_that_already_runs():
    """Made and used inside a running event loop, as in a notebook, it answers like anywhere."""

    async def cell():
        with Sandbox() as sandbox:
            return await asyncio.to_thread(send, sandbox, items(2))

    assert set(outcomes(asyncio.run(cell())).values()) == {0}


def _python(code, **settings):
    return subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **settings)


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT to another process there")
def test_alone_it_says_how_to_reach_it_and_ends_when_interrupted():
    """serve() prints address and keys that work, and ends quietly on Ctrl-C."""
    with _python("from nxsms_nb.sandbox import serve; serve(seed=3)") as process:
        try:
            said = "".join(process.stdout.readline().decode() for _ in range(5))
            variables = dict(re.findall(r"(NXSMS_\w+)=(\S+)", said))
            with Sandbox(seed=3) as twin:
                address = SimpleNamespace(
                    url=variables["NXSMS_BASE_URL"],
                    access_key=variables["NXSMS_ACCESS_KEY"],
                    access_secret=variables["NXSMS_ACCESS_SECRET"],
                    app_key=variables["NXSMS_APP_KEY"],
                )
                assert (address.access_key, variables["NXSMS_APP_SECRET"]) == (twin.access_key, twin.app_secret)
            assert set(outcomes(send(address, items(2))).values()) == {0}
            process.send_signal(signal.SIGINT)
            out, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, out, errors) == (0, b"", b"")


def test_a_script_that_forgets_to_close_ends_quietly():
    """The interpreter ends with a gateway still open, held by a client, and requests held back."""
    code = "from nxsms_nb.sandbox import Sandbox; s = Sandbox(); c = s.client; s.hold(); print(s.url)"
    with _python(code) as process:
        out, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, b"")
    assert out.startswith(b"http://127.0.0.1:")
