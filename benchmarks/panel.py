"""What the live panel costs of a run's CPU, in a real kernel: ``python -m benchmarks.panel [LATENCY_MS] [ROWS] [ROUNDS]``.

In turn a run with the panel and one without send a frame to the bare server, from a kernel as JupyterLab starts it. The
panel's cost is the CPU of its thread, and of the kernel's thread that sends its messages beyond what that needs without the
panel; the run's is that of the whole process. Prints a line a round, then the least and the median.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.data import recipients
from nxsms_nb import Client
from nxsms_nb.views.panel import RunPanel

if TYPE_CHECKING:
    from nxsms_nb.engine.progress import Progress

SENDER: Final = "IOPub"
"""What ipykernel calls the thread that sends to front ends."""


class Metered:
    """A panel that notes the CPU of the thread in which it draws, which does nothing else."""

    def __init__(self) -> None:
        self._panel = RunPanel(recorded="df.nxsms.recorded(client)")
        self.spent = 0.0
        self.updates = 0

    def update(self, snapshot: Progress) -> None:
        """Draw."""
        self._panel.update(snapshot)
        self.updates += 1

    def close(self, snapshot: Progress) -> None:
        """Draw the end."""
        self._panel.close(snapshot)
        self.spent = time.thread_time()


def run(port: int, rows: int, *, panel: bool) -> None:
    """Send once, in the kernel, and print what it took."""
    client = Client(
        access_key="bench-key", access_secret="bench-secret", app_key="bench-app", base_url=f"http://127.0.0.1:{port}"
    )
    frame = recipients(rows)
    seen = Metered() if panel else None
    with tempfile.TemporaryDirectory() as folder:
        sender, process, begun = _sender_s(), _process_s(), time.monotonic()
        frame.nxsms.send(client, journal=Path(folder) / "journal", concurrency=16, progress=seen or False)
        took = {"process": _process_s() - process, "sender": _sender_s() - sender, "wall": time.monotonic() - begun}
    print("took", json.dumps(took | {"panel": seen.spent if seen else 0.0}))


def _process_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _sender_s() -> float:
    clocks = [time.pthread_getcpuclockid(one.ident or 0) for one in threading.enumerate() if one.name == SENDER]
    return sum(map(time.clock_gettime, clocks))


def main() -> None:
    """Start a server and a kernel, and measure in turn."""
    from jupyter_client.manager import start_new_kernel

    latency, rows, rounds = [*map(int, sys.argv[1:4]), *(100, 100_000, 5)[len(sys.argv) - 1 :]]
    command = [sys.executable, str(Path(__file__).with_name("server.py")), str(latency)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        manager, kernel = start_new_kernel(kernel_name="python3", cwd=str(Path.cwd()))
        try:
            _answer(kernel, "from benchmarks import panel")
            _answer(kernel, f"panel.run({port}, 1000, panel=True)")
            seen: list[tuple[dict[str, float], dict[str, float]]] = []
            for _ in range(rounds):
                without, took = (
                    json.loads(_answer(kernel, f"panel.run({port}, {rows}, panel={shown})").partition("took ")[2])
                    for shown in (False, True)
                )
                seen.append((without, took))
                print(
                    f"process without {without['process']:.3f} s, with {took['process']:.3f} s; panel's thread "
                    f"{1000 * took['panel']:.1f} ms, sending {1000 * (took['sender'] - without['sender']):.1f} ms; "
                    f"{took['wall']:.1f} s, load {os.getloadavg()[0]:.1f}",
                    flush=True,
                )
        finally:
            kernel.stop_channels()
            manager.shutdown_kernel(now=True)
            server.kill()
    shares = [(took["panel"] + took["sender"] - without["sender"]) / took["process"] for without, took in seen]
    print(f"{rows:,} rows at {latency} ms: least {min(shares):.2%}, median {statistics.median(shares):.2%}")


def _answer(kernel: Any, code: str) -> str:
    """Run a cell as a front end does and return what it printed."""
    said: list[str] = []

    def heard(message: Any) -> None:
        if message["msg_type"] == "stream" and message["content"]["name"] == "stdout":
            said.append(message["content"]["text"])
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(message["content"]["traceback"]))

    kernel.execute_interactive(code, output_hook=heard, timeout=600)
    return "".join(said)


if __name__ == "__main__":
    main()
