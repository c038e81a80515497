"""Run the notebooks and keep their outputs: what is committed is executed.

    python tests/execute_notebooks.py notebooks/*.ipynb

Each runs from its top with a fresh kernel in an empty folder, as a copy of it would. Whatever raises without the tag
``raises-exception`` ends it, and leaves the file as it was. The state of widgets is not kept: it is large, and a
notebook that has only some of it is not valid.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

KERNEL = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}


def execute(file: Path) -> None:
    """Run one notebook and write its outputs into it."""
    notebook: Any = nbformat.read(file, as_version=4)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    client = NotebookClient(notebook, timeout=120, kernel_name=KERNEL["name"], store_widget_state=False)
    with tempfile.TemporaryDirectory() as folder:
        client.execute(cwd=folder)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    nbformat.validate(notebook)
    nbformat.write(notebook, file)


def main(names: Iterable[str]) -> None:
    """Run the notebooks of these names, one after the other."""
    for name in names:
        execute(Path(name))
        print(f"executed {name}")  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
