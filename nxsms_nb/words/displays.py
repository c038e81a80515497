"""The words with which objects show themselves in a notebook."""

from __future__ import annotations

from typing import Final

CHINESE: Final[dict[str, str]] = {
    "rule": "规则",
    "field": "字段",
    "row": "行",
    "first at position": "首个位置",
    "what to do": "处理建议",
    "Texts that may be sent, and read as a mistake:": "可以发送、但像是有误的内容：",
    "Each one: .problems; the rows: .valid, .invalid": "逐条见 .problems；各行见 .valid、.invalid",
    "Each one: .warnings": "逐条见 .warnings",
    "characters": "字符数",
    "longest messages": "最长的短信",
    "price": "单价",
    # client, sandbox, journal
    "Client": "客户端",
    "address": "地址",
    "none: no balance, no record query": "未设置：不能查询余额和记录",
    "Simulated gateway": "模拟网关",
    "closed": "已关闭",
    "messages accepted": "已受理短信",
    "settings": "设置",
    "as they are by default": "均为默认值",
    "Journal in memory": "日志（内存中）",
    "Journal {path}": "日志 {path}",
    "campaign": "活动",
    "begun": "开始时间",
    "how it ended": "结束情况",
    "not ended": "未结束",
    "Nothing was sent yet.": "尚未发送任何短信。",
    "{number} earlier runs: .runs()": "更早的 {number} 次：.runs()",
    # a row's fate
    "send": "将发送",
    "accepted before": "此前已受理",
    "refused before": "此前被拒绝",
    "duplicate": "重复",
    "held out": "留作对照",
    "suppressed": "免打扰",
    # tables
    "unknown": "未知",
    "and {number} more rows": "另有 {number} 行",
    "stops the call": "会中止调用",
}

SAID: Final[dict[str, str]] = {
    "{number} more": "另有 {number} 个",
    "No problem in {rows}.": "{rows}均无问题。",
    "No problem in {rows}; {aside}.": "{rows}均无问题；{aside}。",
    "{bad} of {rows} has a problem; {number} may be sent.": "{rows}中有 {bad} 行有问题；{number} 行可以发送。",
    "{bad} of {rows} have problems; {number} may be sent.": "{rows}中有 {bad} 行有问题；{number} 行可以发送。",
    "{bad} of {rows} has a problem ({found} in all); {number} may be sent.": (
        "{rows}中有 {bad} 行有问题（共 {found} 个）；{number} 行可以发送。"
    ),
    "{bad} of {rows} have problems ({found} in all); {number} may be sent.": (
        "{rows}中有 {bad} 行有问题（共 {found} 个）；{number} 行可以发送。"
    ),
    **{
        f"{{bad}} of {{rows}} {has}{found}; {{number}} may be sent; {{aside}}.": (
            f"{{rows}}中有 {{bad}} 行有问题{found_zh}；{{number}} 行可以发送；{{aside}}。"
        )
        for has in ("has a problem", "have problems")
        for found, found_zh in {"": "", " ({found} in all)": "（共 {found} 个）"}.items()
    },
    "{rows} repeat an earlier key and will be dropped (duplicates={how}).": "{rows}与前面的键重复，将被去除（duplicates={how}）。",
    "{rows} repeats an earlier key and will be dropped (duplicates={how}).": "{rows}与前面的键重复，将被去除（duplicates={how}）。",
    "{rows} repeat an earlier key and will be sent too (duplicates={how}).": "{rows}与前面的键重复，也会发送（duplicates={how}）。",
    "{rows} repeats an earlier key and will be sent too (duplicates={how}).": "{rows}与前面的键重复，也会发送（duplicates={how}）。",
    "Plan for {rows}: {requests} to make": "{rows}的发送计划：{requests}",
    "Nothing would be sent: rows say that they were sent as other messages, or suppressed. .frame has them and the reason.": (
        "不会发送任何短信：有的行表明已作为其他短信发送，或属免打扰。见 .frame 及其中的原因。"
    ),
    **{
        f"{{number}} {recipients}, {{segments}}{cost}": f"{{number}} 位接收人，{{segments}}{cost_zh}"
        for recipients in ("recipient", "recipients")
        for cost, cost_zh in {"": "", ", cost {money}": "，费用 {money}"}.items()
    },
    "Balance {money}": "余额 {money}",
    "Balance {money}: enough": "余额 {money}：足够",
    "Balance {money} and {credit} credit: enough": "余额 {money}，信用额度 {credit}：足够",
    "Balance {money} and {credit} credit": "余额 {money}，信用额度 {credit}",
    "Balance {money}: not enough, {less} missing": "余额 {money}：不足，还差 {less}",
    "Balance {money} and {credit} credit: not enough, {less} missing": "余额 {money}，信用额度 {credit}：不足，还差 {less}",
    "Balance {money}: enough for the countries with a price": "余额 {money}：足够支付有价格的国家/地区",
    "Balance {money} and {credit} credit: enough for the countries with a price": (
        "余额 {money}，信用额度 {credit}：足够支付有价格的国家/地区"
    ),
    "Balance {money} and {credit} credit: enough with the credit": "余额 {money}，信用额度 {credit}：加上信用额度足够",
    "Expected time: {time}": "预计用时：{time}",
    "Expected time: unknown before a first run; give rate=, in messages per second": "预计用时：首次发送前未知；可用 rate= 给出每秒条数",
    "{rows} need {segments} because of several characters: {characters} ({number} without)": (
        "{rows}因以下字符需要 {segments}：{characters}（去掉后 {number} 段）"
    ),
    "{rows} need {segments} because of one character: {characters} ({number} without)": (
        "{rows}因一个字符需要 {segments}：{characters}（去掉后 {number} 段）"
    ),
    "{rows} needs {segments} because of several characters: {characters} ({number} without)": (
        "{rows}因以下字符需要 {segments}：{characters}（去掉后 {number} 段）"
    ),
    "{rows} needs {segments} because of one character: {characters} ({number} without)": (
        "{rows}因一个字符需要 {segments}：{characters}（去掉后 {number} 段）"
    ),
    "nx.plain would save {segments} in {rows}": "nx.plain 可在 {rows}中节省 {segments}",
    "nx.plain would save {segments} ({money}) in {rows}": "nx.plain 可在 {rows}中节省 {segments}（{money}）",
    'Duplicates: send refuses the call unless duplicates="drop" or "allow" says what to do; counted as dropped.': (
        '有重复行：除非用 duplicates="drop" 或 "allow" 说明如何处理，否则 send() 会拒绝；此处按去重计算。'
    ),
    "No price for {countries}: {rows} not in the cost.": "{countries} 没有价格：{rows}未计入费用。",
}
"""The words of a plan."""
