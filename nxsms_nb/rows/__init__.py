"""From a frame's rows to validated recipients: columns, phones, texts, rules, keys, message ids."""

__all__ = [
    "calling_codes",
    "cells",
    "characters",
    "columns",
    "holdout",
    "id_format",
    "keys",
    "links",
    "message_ids",
    "phones",
    "problems",
    "regions",
    "report",
    "rounding",
    "rules",
    "segments",
    "suppression",
    "templates",
    "texts",
    "validate",
]
