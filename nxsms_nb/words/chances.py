"""The analysis's words for its findings, which pictures and the dashboard repeat."""

from __future__ import annotations

from typing import Final

# Rows and what they did: each put into its own words, since patterns could not tell where one ends.
_KINDS: Final = (
    ("answered rows", "failed", "有响应的行", "失败"),
    ("rows with a final receipt", "were not delivered", "有最终回执的行", "未送达"),
    ("rows in which {outcome} is known", "were not {outcome}", "已知 {outcome} 的行", "不是 {outcome}"),
)
_OF_ROWS: Final = {
    "There are no {rows}, so there is nothing to explain.": "没有{rows}，因此没有可解释的。",
    "None of the {number} {rows} {did}.": "{number} 条{rows}中没有{did}的。",
    "All {number} {rows} {did}, so there is nothing to compare.": "{number} 条{rows}全部{did}，因此无从区分。",
    "{rate} of {number} {rows} {did}, and no slice of {columns} columns more often than chance explains ({looked} looked "
    "at).": "{number} 条{rows}中 {rate} {did}；{columns} 列中没有哪个切片超出偶然范围（共查看 {looked} 个）。",
}

SAID: Final = {
    "These {groups} differ no more than chance would: {p}.": "这 {groups}之间的差异未超出偶然范围：{p}。",
    "These {groups} differ more than chance would: {p}.": "这 {groups}之间的差异超出偶然范围：{p}。",
    **{
        english.replace("{rows}", rows).replace("{did}", did): chinese.replace("{rows}", rows_zh).replace(
            "{did}", did_zh
        )
        for rows, did, rows_zh, did_zh in _KINDS
        for english, chinese in _OF_ROWS.items()
    },
}
