"""Words about rows in errors, warnings and notes, which compose, a plan, a report or the dashboard show."""

from __future__ import annotations

from typing import Final

_WHERE: Final = {
    "in campaign {campaign}": "在活动 {campaign} 中",
    "in the unnamed campaign": "在未命名的活动中",
}
_WHAT: Final = {
    "of these numbers": "个号码",
    "of these texts to the same numbers": "条发往相同号码的相同内容",
}
_CAMPAIGNS: Final = {
    **{
        f"{{number}} {what} were sent {where} before, under another key: key={{key}} makes them new messages. To leave them out, "
        "omit key=.": f"其中 {{number}} {what_zh}此前已{where_zh}以其他键发送：key={{key}} 使其成为新短信。要略过它们，请去掉 key=。"
        for what, what_zh in _WHAT.items()
        for where, where_zh in _WHERE.items()
    },
    **{
        f"Some of these {{rows}} were sent {where} before, with key={{key}}; {given} new messages.": (
            f"这 {{rows}}中有的此前已{where_zh}以 key={{key}} 发送；{given_zh}它们会成为新短信。"
        )
        for where, where_zh in _WHERE.items()
        for given, given_zh in {
            "without key=, they are": "不用 key= 时",
            "with key={own}, they are": "用 key={own} 时",
        }.items()
    },
    "{number} of {rows} were sent before as other messages, by their results; campaign {campaign} sends to them again.": (
        "{rows}中有 {number} 行按其结果此前已作为其他短信发送；活动 {campaign} 会再次发送。"
    ),
    **{
        f"{{rows}} of {{number}} got a message of this campaign earlier, so {they} nothing about people without one. Choose the "
        "hold-out before the first send.": (
            "{number} 行对照中有 {rows}此前已收到本活动的短信，因此不能代表未收到短信的人。请在首次发送之前选定对照组。"
        )
        for they in ("it says", "they say")
    },
}
_GATEWAYS: Final = {
    "{rows} of {number}, the first at position {times}, may have been sent to {urls}, which never replied as a gateway does; "
    "this client's gateway is {gateway}. Nothing was sent.": (
        "{number} 行中有 {rows}（第一处在位置 {times}）可能已发往 {urls}，而它从未像网关那样应答；此客户端的网关是 {gateway}。"
        "没有发送任何短信。"
    ),
    "If that base_url was wrong, look for these rows here and release those that are not found, a minute after they were sent. "
    "Then run this call again:": (
        "如果当时的 base_url 有误，请在此查找这些行，并在发送一分钟后放行未找到的行，然后重新运行此调用："
    ),
    "{rows} of {number}, the first at position {times}, went to {urls} according to this journal, not to {gateway}, and one "
    "gateway does not know what another accepted (if both are the same gateway, use the earlier base_url). Nothing was sent.": (
        "据此日志，{number} 行中有 {rows}（第一处在位置 {times}）已发往 {urls}，而不是 {gateway}；一个网关不知道另一个网关受理了什么"
        "（如为同一网关，请使用先前的 base_url）。没有发送任何短信。"
    ),
    "`send` stops for them, and its error has the calls to continue with.": "send() 会因此中止，其错误信息中有可继续使用的调用。",
    "Campaign {campaign} of this journal was sent by another account (app_key) at {gateway}, and ids differ by account: "
    "whoever got the message from it would get it again. Nothing was sent.": (
        "此日志中的活动 {campaign} 由另一账户（app_key）在 {gateway} 发送，而短信标识区分账户：已收到的人会再次收到。没有发送任何短信。"
    ),
    "To send the rest, use the frame of its run:": "要发送其未发送的行，请取该次发送的表：",
    "To send new messages:": "要作为新短信发送：",
    "To keep a rehearsal apart, use a separate journal:": "要与演练分开，请使用单独的日志：",
    "To continue with the other rows only:": "只继续发送其他行：",
    "To send these rows as new messages:": "要将这些行作为新短信发送：",
}
_LISTS: Final = {
    "suppress=: {number} of {entries} are among these rows.": "suppress=：{entries}中有 {number} 个在这些行中。",
    "suppress=: {number} of {entries} is among these rows.": "suppress=：{entries}中有 {number} 个在这些行中。",
    "Columns of {source} that count as the list: {names}.": "{source} 中作为名单的列：{names}。",
    "Sheets of {source} that count as the list: {names}.": "{source} 中作为名单的工作表：{names}。",
    "Sheets of {source} that count as the list: {names}; without numbers: {others}.": (
        "{source} 中作为名单的工作表：{names}；没有号码的：{others}。"
    ),
}
_LINKED: Final = '{rows} HAVE a short link in place of {place}: "{text}".'
_LENGTH: Final = (
    " The vendor does not document how long its link is: segments are counted with {place} as written; the links as short_link has "
    "them would "
)
_LINKED_ZH: Final = "{rows}以短链接代替 {place}：“{text}”。"
_LENGTH_ZH: Final = "牛信云文档未说明其链接的长度：条数按 {place} 原样计算；按 short_link 中的链接则"
_LINKS: Final = {
    _LINKED.replace("HAVE", have) + rest: _LINKED_ZH + rest_zh
    for have in ("has", "have")
    for rest, rest_zh in {
        "": "",
        f"{_LENGTH}change nothing.": f"{_LENGTH_ZH}没有变化。",
        f"{_LENGTH}save {{segments}} in {{others}}.": f"{_LENGTH_ZH}在 {{others}}中节省 {{segments}}。",
        f"{_LENGTH}add {{segments}} in {{others}}.": f"{_LENGTH_ZH}在 {{others}}中增加 {{segments}}。",
    }.items()
}
_ONLY: Final = "Only {column}, {column:spec} and {column|text for gaps} are supported: make a column of it first."
_ONLY_ZH: Final = "只支持 {column}、{{column:spec}} 和 {{column|文字}}：请先将其做成一列。"
_UNREAD: Final = "A brace that is part of the text is written twice: {{ or }}."
_TEMPLATES: Final = {
    "The template holds half a character (a lone surrogate). Type that character again.": "模板中有半个字符（孤立的代理项）。请重新输入该字符。",
    f"The template cannot be read: a {{ within {{{{name}}. {_UNREAD}": (
        "模板无法读取：{{{name} 之内又有 {{。内容中的花括号要写两次：{{{{ 或 }}}}。"
    ),
    "{name} in the template has a field within its spec. Write the spec out.": "模板中 {name} 的格式里含有字段。请将格式写明。",
    f"{{name}} in the template asks for a conversion. {_ONLY}": f"模板中的 {{name}} 要求转换。{_ONLY_ZH}",
    "{name} in the template has a | in the middle of its spec. The spec comes first, the text for a gap after the |: {example}.": (
        "模板中 {name} 的格式中间有 |。格式在前，空缺时的文字在 | 之后：{example}。"
    ),
    f"{{name}} in the template reaches into a value. {_ONLY} Its columns: {{columns}}": (
        f"模板中的 {{name}} 访问了值的内部。{_ONLY_ZH}现有列：{{columns}}"
    ),
    f"{{name}} in the template reaches into a value. {_ONLY} It has no columns": (
        f"模板中的 {{name}} 访问了值的内部。{_ONLY_ZH}表中没有列"
    ),
    "{name} in the template names a column the frame does not have. Did you mean {near}? Rename it first. Its columns: {columns}": (
        "表中没有模板里的列 {name}。是否指 {near}？请先重命名。现有列：{columns}"
    ),
    "{name} in the template names a column the frame does not have. It has no columns": "表中没有模板里的列 {name}：表中没有列。",
    "{name} in the template: the spec fits no value of the column ({why}). Give one for its type: .2f for numbers, %d %b for "
    "dates, none for text.": (
        "模板中的 {name}：格式不适合该列的任何值（{why}）。请按类型给出：数字用 .2f，日期用 %d %b，文字不用格式。"
    ),
    "The frame has more than one column {name}. Rename or drop all but one.": "表中有多列名为 {name}。请重命名或去掉，只留一列。",
    "{column} is missing in {number}, {rest}": "{number} 行缺少 {column}，{rest}",
    "{field} does not fit the value in {number}": "{number} 行的值不适合 {field}",
    "{field} does not fit the value in {number}, {rest}": "{number} 行的值不适合 {field}，{rest}",
    "{field} is half a character, or a float too large to hold every digit, in {number}": (
        "{number} 行的 {field} 是半个字符，或是无法保留全部数位的浮点数"
    ),
    "{field} is half a character, or a float too large to hold every digit, in {number}, {rest}": (
        "{number} 行的 {field} 是半个字符，或是无法保留全部数位的浮点数，{rest}"
    ),
}
_ARMS: Final = {
    "{rows} of {number} repeat an earlier row's phone, and rows of one person are not independent: the intervals are too narrow. "
    "Name who is one: compare(…, unit='phone')": (
        "{number} 行中有 {rows}与前面的号码重复；同一人的各行并不独立，因此区间偏窄。请用 compare() 的 unit='phone' 指明谁是同一人"
    ),
    "sample ratio mismatch: {split} (p = {p}). Rows were lost or added, or the weights are others, and what the arms show may "
    "come from that. Compare the frame as it was assigned, and name its weights=.": (
        "各组比例不符：{split}（p = {p}）。行有增减，或权重不同，各组的差异可能由此而来。请比较分组时的原表，并给出其 weights=。"
    ),
    "{arm} {number} of {times} intended": "{arm}：应为 {times}，实为 {number}",
    "{arm} {number} of {times} intended, {rest}": "{arm}：应为 {times}，实为 {number}；{rest}",
    "There is only one arm, {arms}, and nothing to compare it with. Compare the frame as it was assigned, with all its arms.": (
        "只有一个实验组 {arms}，没有可比较的。请比较分组时的原表，包含所有实验组。"
    ),
    "No row has an arm: column {name} is empty. Name the column of the variants, as in by='variant'.": (
        "没有行属于任何实验组：列 {name} 为空。请给出实验组所在的列，例如 by='variant'。"
    ),
    "Column {name} holds lists or the like, not arms. Name a column of plain values.": (
        "列 {name} 含有列表等值，不能作为实验组。请给出只含普通值的列。"
    ),
    "Column {name} has {number} different values, too many to be arms. Name the column that says each row's variant, as in "
    "by='variant'.": (
        "列 {name} 有 {number} 个不同的值，太多而不能作为实验组。请指明表示各行所属组的列，如 by='variant'。"
    ),
    "column {name} holds tuples": "列 {name} 含有元组",
    "its values are of the type {kind}": "其值的类型为 {kind}",
}
_PLANS: Final = {
    "Balance unknown: {why}": "余额未知：{why}",
    "the balance query failed: {why}": "余额查询失败：{why}",
    "the reply to the balance query has no amount": "余额查询的响应中没有金额",
    "the application's key pair was refused (2)": "应用的密钥被拒绝（2）",
    "it was asked too often (5)": "查询过于频繁（5）",
    "the gateway refused it": "网关拒绝了查询",
    "numbers of no country": "不属于任何国家/地区的号码",
    "{countries}, numbers of no country": "{countries}、不属于任何国家/地区的号码",
    "numbers of no country, {countries}": "不属于任何国家/地区的号码、{countries}",
    "{countries}, numbers of no country, {others}": "{countries}、不属于任何国家/地区的号码、{others}",
    "{countries} and {number} more": "{countries} 等，另有 {number} 个",
    "{number} held out": "{number} 行留作对照",
    "{number} suppressed": "{number} 行免打扰",
    "{number} held out; {times} suppressed": "{number} 行留作对照；{times} 行免打扰",
}

SAID: Final[dict[str, str]] = {
    **_CAMPAIGNS,
    **_GATEWAYS,
    **_LISTS,
    **_LINKS,
    **_TEMPLATES,
    **_ARMS,
    **_PLANS,
}
