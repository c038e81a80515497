"""A call as the person wrote it, so that a message can propose it whole: again, with another option, or as another verb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from nxsms_nb.formatting import mask_name, mask_numbers
from nxsms_nb.given import value_as_given
from nxsms_nb.settings import COLUMNS, LOOKING, SENDING

_OF_SENT: Final = frozenset({"retry", "reconcile", "receipts"})
"""The verbs whose frame is a sent one: the result of a call that took another frame."""

_LOOKS: Final = frozenset({*LOOKING, *COLUMNS})
_TAKES: Final = {
    "plan": _LOOKS,
    "recorded": _LOOKS,
    "reconcile": _LOOKS | {"absent"},
    "receipts": _LOOKS,
    "retry": _LOOKS | {*SENDING, "codes"},
}
_SENDS: Final = _LOOKS | {*SENDING}


@dataclass(frozen=True)
class Invocation:
    """A call as the person wrote it.

    Parameters
    ----------
    verb : str
        The method, or ``send_stream``.
    given : mapping of str to object
        The keywords that were given, without the client.
    client : bool
        Whether a client was given, rather than taken from the environment.
    frame : str or None
        What it is to be called on instead of ``df``; of a stream, what is to be done with each chunk ``df``.
    """

    verb: str = "send"
    given: Mapping[str, Any] = field(default_factory=dict)
    client: bool = True
    frame: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "given", {name: value_as_given(value) for name, value in self.given.items()})

    def on(self, frame: str) -> Invocation:
        """Make the same call on another frame.

        Examples
        --------
        >>> Invocation("send_stream", {"campaign": "spring"}).on("df.nxsms.new()").text()
        "nx.send_stream((df.nxsms.new() for df in frames), client, campaign='spring')"
        """
        return replace(self, frame=frame)

    def text(self, verb: str | None = None, /, **changes: Any) -> str:
        """Write the call, with some options changed, or that of another verb with those of its options that it takes.

        Parameters
        ----------
        verb : str, optional
            The other verb.
        **changes
            Options to set; None leaves one out.

        Examples
        --------
        >>> call = Invocation("send", {"campaign": "spring", "phone": "mobile", "batch_size": 50})
        >>> call.text(confirm=4812)
        "df.nxsms.send(client, campaign='spring', phone='mobile', batch_size=50, confirm=4812)"
        >>> call.text("recorded")
        "df.nxsms.recorded(client, campaign='spring', phone='mobile')"
        """
        other = self.verb if verb is None else verb
        takes = _TAKES.get(other, _SENDS)
        kept = {name: value for name, value in self.given.items() if name in takes and name not in changes}
        # What was agreed to, and what was to be tried again, was meant of the call as it was written.
        dropped = {"confirm", "codes"} if other != self.verb else set()
        options = {name: value for name, value in {**kept, **changes}.items() if name not in dropped - {*changes}}
        shown = [f"{name}={shown_value(name, value)}" for name, value in options.items() if value is not None]
        first = (
            ["frames" if self.frame is None else f"({self.frame} for df in frames)"] if other == "send_stream" else []
        )
        first += ["client"] if self.client else []
        frame = "sent" if other in _OF_SENT and other != self.verb else "df"
        called = f"{self.frame or frame}.nxsms.{other}"
        form = f"await {called}" if other == "asend" else "nx.send_stream" if other == "send_stream" else called
        return f"{form}({', '.join([*first, *shown])})"


def shown_value(name: str, value: Any) -> str:
    """A value as a person would write it; the option's own name for what has no short form or may be somebody's number."""
    text = _literal(value)
    masked = mask_numbers if isinstance(value, (int, float)) else mask_name
    return name if text is None or masked(text) != text else text


def _literal(value: Any) -> str | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return str.__repr__(value)
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, (int, float)):
        return repr(value) if value == value and abs(value) != float("inf") else None  # noqa: PLR0124
    if type(value) in (list, tuple) and len(value) <= 12:
        parts = [_literal(part) for part in value]
        if None in parts:
            return None
        inside = ", ".join(part for part in parts if part is not None)
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(parts) == 1 else ''})"
    return None
