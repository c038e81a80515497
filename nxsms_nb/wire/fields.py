"""The fields of an item of the batch API, under our names and the vendor's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["FIELDS", "Field"]


@dataclass(frozen=True)
class Field:
    """One field: its snake_case name as a column and keyword, its name on the wire, and whether every row needs it."""

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
