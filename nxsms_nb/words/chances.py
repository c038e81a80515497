"""What the analysis says of its findings, which pictures and the dashboard repeat."""

from __future__ import annotations

from typing import Final

SAID: Final = {
    "These {groups} differ no more than chance would: {p}.": "这 {groups}之间的差异未超出偶然范围：{p}。",
    "These {groups} differ more than chance would: {p}.": "这 {groups}之间的差异超出偶然范围：{p}。",
}
