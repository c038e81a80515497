"""Try the panel's Stop with the Jupyter and the kernel of other environments, and hold it to a second.

    python -m tests.support.stop_on PYTHON…

Each PYTHON is an environment's interpreter that has the package's dependencies, JupyterLab, Notebook 7 and the ipykernel to
be tried; the tree this runs in is what it imports. The browser and the tests are those of the Python that runs this.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable

TESTS = ["tests/views/test_panel_stop.py", "tests/views/test_panel_other_cells.py"]
VERSION = "import ipykernel; print('ipykernel', ipykernel.__version__)"


def main(pythons: Iterable[str]) -> int:
    """Run the tests of Stop with each; how many failed."""
    failed = 0
    for python in pythons:
        version = subprocess.run([python, "-c", VERSION], capture_output=True, text=True, check=True).stdout
        sys.stdout.write(version)
        sys.stdout.flush()
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-s",
            "-p",
            "no:cacheprovider",
            "tests/views/test_panel_stop.py",
        ]
        env = os.environ | {"NXSMS_JUPYTER_PYTHON": python, "NXSMS_STRICT": "1"}
        failed += subprocess.run(command, env=env, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
