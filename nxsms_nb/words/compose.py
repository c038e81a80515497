"""The words of compose."""

from __future__ import annotations

from typing import Final

CHINESE: Final[dict[str, str]] = {
    "Compose": "撰写短信",
    "Text": "短信内容",
    "Hi {name|there}, …": "{name|您}好，……",
    "Insert a column": "插入列",
    "Real rows, as they would be sent": "真实数据行的发送预览",
    "Check every row": "检查所有行",
    "The lines to paste": "可粘贴的代码",
    "Copied": "已复制",
    "Press Ctrl+C": "请按复制快捷键",
    "Use plain characters": "改用普通字符",
    "Keep the characters": "保留原字符",
    "Plain characters are used, by nx.plain.": "已用 nx.plain 改为普通字符。",
    "Plain characters would save {segments}.": "改用普通字符可节省 {segments}。",
    "Plain characters would save {segments}, {money}.": "改用普通字符可节省 {segments}，即 {money}。",
    "The kernel is busy with a cell.": "内核正忙于执行单元格。",
    "checking…": "正在检查…",
    "This could not be computed ({kind}).": "无法计算（{kind}）。",
    "Estimated from {part} of {rows}.": "根据 {rows}中的 {part} 行估算。",
    "the longest": "最长",
    "with a gap": "有空缺",
    "no usable number": "无可用号码",
    "no text, so it is not sent": "没有内容，因此不发送",
    "rows to send": "将发送的行",
    "recipients": "接收人",
    "segments to pay": "计费条数合计",
    "cost": "费用",
    "about {number}": "约 {number}",
    "{number} rows": "{number} 行",
    "{number} segments": "{number} 段",
    "{characters}: {needs} instead of {without} in {rows}": "{characters}：{rows}为 {needs}，而不是 {without} 段",
    "Write a text: real rows show it here, as it would be sent.": "请输入内容：此处显示真实数据行的发送效果。",
}

SAID: Final[dict[str, str]] = {
    "{number} of {rows} got no text, the first at position {times}: {why}. Rows without a text are not sent.": (
        "{rows}中有 {number} 行没有内容，第一处在位置 {times}：{why}。没有内容的行不发送。"
    ),
    "{number} of {rows} got no text, the first at position {times}: {why}. Write the replacement after a |, as in "
    "{example}. Rows without a text are not sent.": (
        "{rows}中有 {number} 行没有内容，第一处在位置 {times}：{why}。请在 | 之后写出替代文字，如 {example}。没有内容的行不发送。"
    ),
    "{column} is missing in {number}": "{number} 行缺少 {column}",
    "The template cannot be read: a } without its {. A brace that is part of the text is written twice: {{ or }}.": (
        "模板无法读取：有 } 而没有对应的 {。内容中的花括号要写两次：{{ 或 }}。"
    ),
    "The template cannot be read: a { without its }. A brace that is part of the text is written twice: {{ or }}.": (
        "模板无法读取：有 { 而没有对应的 }。内容中的花括号要写两次：{{ 或 }}。"
    ),
    "{name} in the template names a column the frame does not have. Its columns: {columns}": (
        "表中没有模板里的列 {name}。现有列：{columns}"
    ),
    "{name} in the template names a column the frame does not have. Did you mean {near}? Its columns: {columns}": (
        "表中没有模板里的列 {name}。是否指 {near}？现有列：{columns}"
    ),
    "{name} in the template names no column. Write its name, as in {example}.": "模板中的 {name} 没有列名。请写出列名，如 {example}。",
}
"""The words of rendering, about a template and its rows."""
