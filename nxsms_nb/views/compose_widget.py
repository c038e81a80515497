"""The model of compose. This module loads anywidget; the package loads the module when compose is first shown."""

from __future__ import annotations

import anywidget
import traitlets

from nxsms_nb.views import assets

__all__ = ["ComposeWidget"]


class ComposeWidget(anywidget.AnyWidget):
    """The widget's model of a text that is being written; ``static/compose.js`` draws it.

    Attributes
    ----------
    compose : str
        Tells its still pictures from those of others.
    template : str
        The text as the kernel has it: what the field begins with.
    view : str
        What is shown, see `compose_view`, as JSON: numbers are masked in it, unless the session's options say otherwise.
    words : str
        English words of the script to those of the chosen language, as JSON.
    """

    _esm = assets.script("compose.js")
    _css = assets.styles("compose.css")
    compose = traitlets.Unicode().tag(sync=True)
    template = traitlets.Unicode().tag(sync=True)
    view = traitlets.Unicode("{}").tag(sync=True)
    words = traitlets.Unicode("{}").tag(sync=True)
