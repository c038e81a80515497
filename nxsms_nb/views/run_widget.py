"""The live panel's model. This module loads anywidget; the package loads the module with the first panel."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final

import anywidget
import traitlets

from nxsms_nb.views import assets

__all__ = ["RunWidget", "kernel_id"]

_KERNEL: Final = re.compile(r"kernel-([0-9a-fA-F-]{36})\.json$")


class RunWidget(anywidget.AnyWidget):
    """The widget's model of a run; ``static/run.js`` draws it.

    Attributes
    ----------
    run : str
        Tells this run's still pictures from those of others.
    view : str
        What is shown, see `run_view.view_of`, as JSON: in a structure, each update would be looked through for buffers.
    interrupts : bool
        Whether the cell that executes now is the run's own, so that an interrupt of the kernel stops the run and nothing else.
    kernel : str
        The kernel's id at its server, for that interrupt; empty where it is not known.
    recorded : str
        The call that gives the frame from the journal, for when the kernel is gone.
    words : str
        English words of the script to those of the chosen language, as JSON.
    """

    _esm = assets.script("run.js")
    _css = assets.styles("run.css")
    run = traitlets.Unicode().tag(sync=True)
    view = traitlets.Unicode("{}").tag(sync=True)
    interrupts = traitlets.Bool(default_value=False).tag(sync=True)
    kernel = traitlets.Unicode().tag(sync=True)
    recorded = traitlets.Unicode().tag(sync=True)
    words = traitlets.Unicode("{}").tag(sync=True)


def kernel_id() -> str:
    """Return the id of this kernel at its Jupyter server; empty if it is unknown."""
    found = None
    with suppress(Exception):  # a kernel of another kind, or none
        from ipykernel import get_connection_file  # noqa: PLC0415 - not there without a kernel

        found = _KERNEL.search(get_connection_file())
    return found[1] if found else ""
