"""Loading the package is cheap."""

import subprocess
import sys

import pytest

HEAVY = {"aiohttp", "matplotlib", "ipywidgets", "scipy", "phonenumbers", "IPython", "jupyterlab", "sqlite3"}

LOADED = """
import sys
import pandas
before = set(sys.modules)
import nxsms_nb
print(*sorted(set(sys.modules) - before))
"""


def test_importing_the_package_loads_nothing_heavy():
    """``import nxsms_nb`` loads none of the heavy libraries that ``import pandas`` had not loaded before."""
    shown = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True).stdout.split()
    assert "nxsms_nb" in shown
    assert HEAVY.isdisjoint(shown)


LOOKED_AT = """
import sys
import pandas
import nxsms_nb
sent = pandas.DataFrame({"phone": ["8615000000001", "8615000000002"], "content": "Hi", "messageid": ["n1", "n2"],
                         "status": ["Success", "Failure"], "code": [0, 13005], "reason": [None, "refused"], "batch": 1,
                         "attempts": 1, "sent_at": pandas.Timestamp("2026-03-03", tz="UTC"), "latency_ms": 9.0})
sent.LOOK
print(*sorted(sys.modules))
"""


@pytest.mark.parametrize(
    "look",
    ["nxsms.dashboard().html()", "nxsms.summary()", "nxsms.failures()", "nxsms.throughput()", "nxsms.validate()",
     "nxsms.drivers()", "nxsms.plot.status()"],
)  # fmt: skip
def test_a_frame_that_is_only_looked_at_needs_no_gateway_and_no_journal(look):
    """A frame from a file has its tables, pictures and dashboard without what sending needs."""
    program = LOOKED_AT.replace("LOOK", look)
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    assert "nxsms_nb.accessor" in loaded
    assert {"aiohttp", "psutil", "sqlite3", "psycopg", "dask"}.isdisjoint(loaded)
