"""A call as the person wrote it, so that a message can propose it: again, with another option, or as another verb."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from nxsms_nb.formatting import mask_name, mask_numbers, masks, without_password
from nxsms_nb.given import value_as_given
from nxsms_nb.settings import COLUMNS, LISTS, LOOKING, PLACEHOLDER, SENDING, TRYING

_OF_SENT: Final = frozenset({"retry", "reconcile", "receipts"})
"""The verbs called on a sent frame, the result of another call."""

ROWS_OF_ERROR: Final = "sys.last_value.rows"
_FEW: Final = 20
"""The most scattered rows that a proposed call lists."""

_LISTED: Final = 12

_LOOKS: Final = frozenset({*LOOKING, *COLUMNS})
_TAKES: Final = {
    "plan": _LOOKS | {"prices", "rate"},
    "compose": _LOOKS | {"prices", "template"},
    "recorded": _LOOKS,
    "reconcile": _LOOKS | {"absent"},
    "receipts": _LOOKS | {"tz"},
    "retry": _LOOKS | {*SENDING, "codes"},
    "try_out": {*TRYING, *COLUMNS, "to", "rows"},
}
_SENDS: Final = _LOOKS | {*SENDING}


@dataclass(frozen=True)
class Invocation:
    """A call as the person wrote it: the method or ``send_stream``, and its keywords.

    `client` says whether one was given, rather than taken from the environment. `frame` is what to call it on instead of
    ``df``; for a stream, an expression for each chunk ``df``.
    """

    verb: str = "send"
    given: Mapping[str, Any] = field(default_factory=dict)
    client: bool = True
    frame: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "given", {name: _as_given(name, value) for name, value in self.given.items()})

    def on(self, frame: str) -> Invocation:
        """Make the same call on another frame.

        Examples
        --------
        >>> Invocation("send_stream", {"campaign": "spring"}).on("df.nxsms.new()").text()
        "nx.send_stream((df.nxsms.new() for df in frames), client, campaign='spring')"
        """
        return replace(self, frame=frame)

    def on_rows(self, rows: npt.NDArray[np.int64], total: int, then: str = "") -> Invocation:
        """Make the same call on some of the frame's rows, after calling their method `then`.

        Many scattered rows are written as ``sys.last_value.rows``, an attribute of the error that proposes the call.

        Examples
        --------
        >>> Invocation("send", {"campaign": "spring"}).on_rows(np.array([4, 5, 6]), 9).text()
        "df.iloc[4:7].nxsms.send(client, campaign='spring')"
        """
        frame = f"{self.subject}{then}"
        if len(rows) == total:
            return self.on(frame) if then else self
        if rows[-1] - rows[0] == len(rows) - 1:
            frame += f".iloc[{rows[0]}:{rows[-1] + 1}]"
        else:
            frame += f".iloc[{rows.tolist()}]" if len(rows) <= _FEW else f".iloc[{ROWS_OF_ERROR}]"
        # Rows of a stream's chunk are sent on their own.
        return replace(self, verb="send" if self.verb == "send_stream" else self.verb, frame=frame)

    @property
    def practice(self) -> str:
        """The call with a sandbox's client; empty if the frame was sent already, since a new sandbox would not know it."""
        return "" if self.verb in _OF_SENT else replace(self, client=True).text()

    @property
    def subject(self) -> str:
        """The name of the call's frame in a message."""
        return "sent" if self.verb in _OF_SENT else "df"

    def text(self, verb: str | None = None, /, **changes: Any) -> str:
        """Write the call with some options changed (None omits one), or another verb with those options that it takes.

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
        # A confirmation, and the codes to retry, were meant for the call as it was written.
        dropped = {"confirm", "codes"} if other != self.verb else set()
        options = {name: value for name, value in {**kept, **changes}.items() if name not in dropped - {*changes}}
        shown = [f"{name}={shown_value(name, value)}" for name, value in options.items() if value is not None]
        first = (
            ["frames" if self.frame is None else f"({self.frame} for df in frames)"] if other == "send_stream" else []
        )
        first += ["client"] if self.client else []
        frame = "sent" if other in _OF_SENT else self.subject
        called = f"{self.frame or frame}.nxsms.{other}"
        form = f"await {called}" if other == "asend" else "nx.send_stream" if other == "send_stream" else called
        lead = "import sys; " if ROWS_OF_ERROR in called else ""
        return f"{lead}{form}({', '.join([*first, *shown])})"


def _as_given(name: str, value: Any) -> Any:
    # The call is only shown, and kept by errors.
    return without_password(value) if name == "journal" and isinstance(value, str) else value_as_given(value)


def another_campaign(campaign: str | None) -> str:
    """Return a name for another campaign, for a proposed call.

    Examples
    --------
    >>> another_campaign("spring"), another_campaign(None), another_campaign("8615088888888")
    ('spring 2', 'again', 'again')
    """
    other = f"{campaign} 2"
    return "again" if campaign is None or masks(other) else other


def shown_value(name: str, value: Any) -> str:
    """Write a value as a person would, or the option's own name if it is long or may be a phone number."""
    if name == "suppress":
        return _list(value)
    if name == "prices" and type(value) is not dict:
        # A column's countries are its index.
        return name
    if name == "journal":
        value = without_password(value) if isinstance(value, str) else getattr(value, "named", None) or value
    text = _literal(value)
    if name == "journal" and text is not None:
        # A path is not secret, and without it the line would mean another journal.
        return text
    masked = mask_numbers if isinstance(value, (int, float)) else mask_name
    return name if text is None or masked(text) != text else text


def _list(value: Any) -> str:
    """Write a do-not-contact list as its path, or as a placeholder, since its entries are people's numbers."""
    if isinstance(value, PurePath) or (isinstance(value, str) and value.lower().endswith(LISTS)):
        return str.__repr__(str(value))
    return "()" if type(value) is tuple and not value else repr(PLACEHOLDER)


def _literal(value: Any) -> str | None:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (np.ndarray, pd.Index, pd.Series)) and value.ndim == 1 and value.size <= _LISTED:
        value = value.tolist()
    if isinstance(value, PurePath):
        value = str(value)
    if isinstance(value, str):
        return str.__repr__(value)
    if value is None or isinstance(value, bool):
        return repr(value)
    if isinstance(value, (int, float)):
        return repr(value) if value == value and abs(value) != float("inf") else None  # noqa: PLR0124
    if type(value) is dict and len(value) <= _LISTED:
        pairs = [(_literal(key), _literal(part)) for key, part in value.items()]
        shown = [f"{key}: {part}" for key, part in pairs if key is not None and part is not None]
        return "{" + ", ".join(shown) + "}" if len(shown) == len(pairs) else None
    if type(value) in (list, tuple) and len(value) <= _LISTED:
        parts = [_literal(part) for part in value]
        if None in parts:
            return None
        inside = ", ".join(part for part in parts if part is not None)
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' if len(parts) == 1 else ''})"
    return None
