"""What objects say of themselves in a notebook."""

from __future__ import annotations

from typing import Final

CHINESE: Final[dict[str, str]] = {
    # a row's fate
    "send": "将发送",
    "accepted before": "此前已受理",
    "refused before": "此前被拒绝",
    "duplicate": "重复",
    "held out": "留作对照",
    "suppressed": "免打扰",
    "stops the call": "会中止调用",
}

SAID: Final[dict[str, str]] = {
    'Duplicates: send refuses the call unless duplicates="drop" or "allow" says what to do; counted as dropped.': (
        '有重复行：除非用 duplicates="drop" 或 "allow" 说明如何处理，否则 send() 会拒绝；此处按去重计算。'
    ),
    "No price for {countries}: {rows} not in the cost.": "{countries} 没有价格：{rows}未计入费用。",
}
"""What a plan says."""
