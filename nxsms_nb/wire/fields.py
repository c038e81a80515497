"""The names of columns: what the API takes, what a result carries, and how a frame's own columns map to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["FIELDS", "Field"]


@dataclass(frozen=True)
class Field:
    """One field of an item of the batch API.

    Parameters
    ----------
    name : str
        Its name here: snake_case, a column's and a keyword's name.
    wire : str
        Its name in the request: the vendor's camelCase.
    required : bool, default False
        Whether every row needs it.
    """

    name: str
    wire: str
    required: bool = False


FIELDS: Final = (
    Field("phone", "phone", required=True),
    Field("content", "content", required=True),
    Field("source_address", "sourceAddress"),
    Field("sys_message_id", "sysMessageId"),
    Field("short_link", "shortLink"),
    Field("link_verbose", "linkVerbose"),
    Field("dr_url", "drUrl"),
    Field("ext", "ext"),
)
