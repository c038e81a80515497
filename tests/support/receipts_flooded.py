"""A receipt server under floods: how many pushes it takes, and what strangers do to it and to its memory.

``python -m tests.support.receipts_flooded`` prints a line for each flood, with the server's counts and its memory.
"""

from __future__ import annotations

import http.client
import multiprocessing
import os
import random
import resource
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from nxsms_nb import ReceiptServer
from nxsms_nb.screen import say

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
Address = tuple[str, int]


def serve(journal: Path, pipe: Any) -> None:
    """Serve in a process of its own; tell the counts and the most memory, in MB, whenever asked."""
    with ReceiptServer(token="flood", journal=journal) as server:
        pipe.send(server.url)
        while pipe.recv():
            counts = {name: n for name, n in server.counts.items() if n}
            pipe.send((counts, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024))


def push(address: Address, sender: str, times: int, *, path: str = "/dr/flood") -> None:
    """Push receipts one after the other over one connection."""
    with closing(http.client.HTTPConnection(*address, timeout=60)) as connection:
        for number in range(times):
            body = f"messageid={sender}-{number:06d}&status=2&result=DELIVRD&drtime=2026-03-03+14%3A02%3A11&size=1"
            connection.request("POST", path, body, FORM)
            connection.getresponse().read()


def pour(address: Address, times: int, data: Callable[[], bytes]) -> None:
    """Connect, send something and read what comes, again and again."""
    for _ in range(times):
        with suppress(OSError), closing(socket.create_connection(address)) as sock:
            sock.sendall(data())
            sock.shutdown(socket.SHUT_WR)
            sock.recv(100)


def at_once(work: Callable[[int], None], threads: int) -> float:
    """Do something in several threads; return how many seconds it took."""
    began = time.perf_counter()
    running = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    return time.perf_counter() - began


def main() -> None:
    """Flood a server in every way, one after the other."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        process = context.Process(target=serve, args=(Path(folder) / "journal.sqlite3", theirs))
        process.start()
        host, port = ours.recv().split("/")[2].split(":")
        address = (host, int(port))

        def report(what: str, seconds: float) -> None:
            ours.send(True)
            counts, memory = ours.recv()
            say(f"{what}: {seconds:.1f} s, {memory} MB, {counts}")

        report("at first", 0.0)
        for senders in (1, 16, 100):
            seconds = at_once(lambda n, all_of=senders: push(address, f"{all_of}-{n}", 4000 // all_of), senders)
            report(f"4,000 pushes by {senders} at once", seconds)
        report("2,000 senders at once", at_once(lambda n: push(address, f"together-{n}", 1), 2000))
        held = [socket.create_connection(address) for _ in range(600)]
        for sock in held:
            with suppress(OSError):
                sock.sendall(b"POST /dr/flood HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nmess")
        report("300 pushes beside 600 held requests", at_once(lambda n: push(address, f"beside-{n}", 300), 1))
        for sock in held:
            sock.close()
        large = b"POST /dr/flood HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n" + b"x" * 1_000_000
        report("1,000 bodies of 1 MB", at_once(lambda _: pour(address, 25, lambda: large), 40))
        report(
            "2,000 times random bytes",
            at_once(lambda _: pour(address, 100, lambda: os.urandom(random.randrange(1, 3000))), 20),
        )
        report("5,000 guesses", at_once(lambda n: push(address, "guess", 250, path=f"/dr/guess{n}"), 20))
        report("300 pushes afterwards", at_once(lambda n: push(address, f"after-{n}", 300), 1))
        ours.send(False)
        process.join()


if __name__ == "__main__":
    main()
