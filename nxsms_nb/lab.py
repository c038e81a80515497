"""JupyterLab on copies of the notebooks, which may be changed."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from nxsms_nb.errors import ConfigError
from nxsms_nb.screen import say

_PACKAGE = Path(__file__).parent


def notebooks() -> Path:
    """Find the folder of the notebooks: inside an installed package, next to it in a checkout."""
    packed = _PACKAGE / "data" / "notebooks"
    return packed if packed.is_dir() else _PACKAGE.parent / "notebooks"


def copy_notebooks(source: Path, target: Path) -> tuple[list[Path], list[Path]]:
    """Copy the files that `target` lacks; files that differ there are the person's own and stay.

    Return the files copied, and those kept although they differ.
    """
    copied, kept = [], []
    for file in sorted(path for path in source.rglob("*") if path.is_file() and not _is_hidden(path, source)):
        place = target / file.relative_to(source)
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, place)
            copied.append(file.relative_to(source))
        elif place.read_bytes() != file.read_bytes():
            kept.append(file.relative_to(source))
    return copied, kept


def lab(target: Path, arguments: Sequence[str] = ()) -> int:
    """Copy the notebooks and run JupyterLab on the copies until it ends; return its exit code."""
    if importlib.util.find_spec("jupyterlab") is None:
        raise ConfigError(
            'JupyterLab is not installed in this environment. Install it:  python -m pip install "nxsms_nb[lab]"'
        )
    copied, kept = copy_notebooks(notebooks(), target)
    say(f"Notebooks in {target}: {len(copied)} new")
    for file in kept:
        say(f"  kept as you changed it: {file}  (delete it to get a fresh copy)")
    first = min(target.glob("*.ipynb"), default=target)
    command = [sys.executable, "-m", "jupyterlab", str(first), *arguments]
    with subprocess.Popen(command) as process:  # noqa: S603 - the person's own arguments to her own JupyterLab
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue  # JupyterLab got it too, and asks whether to end


def _is_hidden(path: Path, root: Path) -> bool:
    return any(part.startswith((".", "__")) for part in path.relative_to(root).parts)
