"""What objects say of themselves in a notebook."""

from __future__ import annotations

from typing import Final

CHINESE: Final[dict[str, str]] = {}
