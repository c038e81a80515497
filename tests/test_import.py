"""Loading the package is cheap."""

import subprocess
import sys

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
