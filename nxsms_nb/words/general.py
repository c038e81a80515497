"""Words that several views use. "Accepted" (by the gateway) is 已受理, "delivered" (by the receipt) is 已送达, never mixed."""

from __future__ import annotations

from typing import Final

CHINESE: Final = {
    # the statuses, short and in full
    "accepted": "已受理",
    "failed": "失败",
    "invalid": "无效",
    "in doubt": "结果不明",
    "not sent": "未发送",
    "left out": "已跳过",
    "refused by the gateway": "网关拒绝",
    "refused before sending": "发送前校验不通过",
    "not sent yet": "尚未发送",
    "left out on purpose": "按设置跳过",
    "delivered": "已送达",
    "undelivered": "未送达",
    # causes
    "a code that the vendor does not document": "牛信云文档中没有的响应码",
    "(not documented)": "（文档中没有）",
    "no reason given": "未说明原因",
    "sandbox": "沙箱",
    "{amount} a second": "每秒 {amount} 条",
    "messages per second": "每秒短信条数",
    "code": "响应码",
    "rows": "行数",
    "failures by code": "失败（按响应码）",
    "none": "无",
    "(missing)": "（缺失）",
    "Copy": "复制",
    "The kernel is gone: run the cell again.": "内核已断开：请重新运行此单元格。",
    # rates
    "rate": "比率",
    "difference": "差值",
    "{rate} of {rows}": "{rows} 中的 {rate}",
    "mostly {code}": "主要是 {code}",
}

COUNTED: Final = {
    "row": "行",
    "message": "条短信",
    "answered message": "条有响应的短信",
    "accepted message": "条已受理的短信",
    "request": "个请求",
    "more code": "个其他响应码",
    "group": "组",
    "failure": "条失败",
    "segment": "段",
    "column": "列",
    "character": "个字符",
    "value": "个值",
    "problem": "个问题",
    "text": "条文本",
    "slower one": "个更慢的请求",
    "arm": "个实验组",
    "recipient": "位接收人",
    "held-out row": "行",
    "entry": "个条目",
}
"""Nouns that are counted, as written after a number."""

PLURALS: Final = {"entry": "entries"}
"""Plurals that are not made with an s."""
