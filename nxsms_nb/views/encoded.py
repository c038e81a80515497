"""Encode what is sent to widgets as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np


def as_json(view: Any) -> str:
    r"""Encode a view as JSON; NumPy's values become Python's, lone surrogates question marks.

    Examples
    --------
    >>> as_json({"rows": np.int64(3), "rates": np.array([0.5]), np.str_("name"): np.str_("é\ud800")})
    '{"rows":3,"rates":[0.5],"name":"é?"}'
    """
    try:
        return msgspec.json.encode(view, enc_hook=_plain).decode()
    except (UnicodeEncodeError, TypeError):  # TypeError: a key of a class of its own, which no hook is asked about
        return msgspec.json.encode(_mended(view), enc_hook=_plain).decode()


def _plain(value: Any) -> Any:
    """Convert a text or number of another class to Python's own."""
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON.")


def _mended(view: Any) -> Any:
    if isinstance(view, str):
        return view.encode("utf-8", "replace").decode()
    if isinstance(view, dict):
        return {_mended(key): _mended(value) for key, value in view.items()}
    return [_mended(value) for value in view] if isinstance(view, (list, tuple)) else view
