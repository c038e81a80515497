"""What to do about a rule that a row breaks; the rule itself keeps its name, as columns of results have it."""

from __future__ import annotations

from typing import Final

SAID: Final[dict[str, str]] = {
    "fill in the number or drop the row": "补上号码，或删去该行",
    "a float or a spreadsheet rounded it and its last digits are gone from this file: take it from its original source": (
        "被浮点数或电子表格四舍五入，末尾数字已丢失：请从原始来源重新取得"
    ),
    "reads as a decimal number, not as a phone: load the column again as text": "是小数而不是号码：请以文本重新读取该列",
    "write country code and number in digits, as in 8615088888888": "请写成国码加号码的数字，如 8615088888888",
    "several numbers in one cell: keep one of them, or make a row for each": "一个单元格里有多个号码：只留一个，或拆成多行",
    "ends in an extension or in a second number cut short, and no message reaches an extension: keep one whole number": (
        "末尾是分机号或不完整的第二个号码，短信无法发到分机：请只留一个完整号码"
    ),
    "by its form or by the word beside it a key, not a phone: an order's, a tax or an article number; put the phone here": (
        "从形式或旁边的文字看是编号而不是手机号（订单号、税号、货号等）：请填手机号"
    ),
    "the word beside the number says not to send there: drop the row, or remove the word if it means something else": (
        "号码旁的文字表示不应发送：请删去该行；若另有含义，请去掉该文字"
    ),
    "a zero after the country code is dialled only inside the country: leave it out, as in 442079460000": (
        "国码后的 0 只在国内拨号时使用：请去掉，如 442079460000"
    ),
    "a number has 7 to 15 digits with its country code, as in 8615088888888": "号码连国码应为 7 至 15 位，如 8615088888888",
    'no country code starts with 0: put the country code in front, or name the country, as in region="CN"': (
        '国码不以 0 开头：请加上国码，或指明国家，如 region="CN"'
    ),
    "valid both as a national number and with its own country code: write it with +, or say what the column's bare numbers "
    'are: bare="national" or bare="international"': (
        '作为国内号码和带国码的号码都有效：请加上 +，或用 bare="national" 或 bare="international" 说明该列的号码'
    ),
    "valid neither as a national number nor with its own country code: check it, write it with +, or say what the column's "
    'bare numbers are: bare="national" or bare="international"': (
        '作为国内号码和带国码的号码都无效：请检查，加上 +，或用 bare="national" 或 bare="international" 说明该列的号码'
    ),
    "the column named by region= has no ISO country code here: two letters, GB and not UK, DE and not Germany; or write the "
    "number with +": "region= 所指的列在此没有 ISO 国家代码：应为两个字母，如 GB、DE；或给号码加上 +",
    "no text; if render() made the column, a column that its template uses has a gap here: write what stands there instead "
    "after a |, as in {name|there}": "没有内容；若由 render() 生成，则模板用到的列在此有空缺：请在 | 之后写出替代文字，如 {name|您}",
    "white space or invisible characters only: write a text or drop the row": "只有空白或不可见字符：请写内容，或删去该行",
    "not text: make it text, as in astype(str) or with render()": "不是文本：请转成文本，如 astype(str) 或 render()",
    "half a character (a lone surrogate) or wrongly decoded bytes: load the text again with its right encoding": (
        "有半个字符或解码有误：请用正确的编码重新读取"
    ),
    "longer than 1000 characters: shorten it": "超过 1000 个字符：请缩短",
    "a sender has 1 to 20 letters A-Z, a-z or digits": "源地址应为 1 至 20 位数字或英文字母",
    "an id has 10 to 50 characters of 0-9, a-z, A-Z and -": "ID 应为 10 至 50 位的 0-9、a-z、A-Z 和 -",
    "rows for different recipients or texts share this id: give each its own, or drop the column to have ids made": (
        "不同接收人或内容的行共用此 ID：请各给一个，或删去该列以自动生成"
    ),
    'an earlier row has this id, and duplicates="allow" sends both: give each its own id': (
        '前面的行已有此 ID，而 duplicates="allow" 会都发送：请各给一个 ID'
    ),
    "not text: give the short link as the vendor's console has it": "不是文本：请按牛信云控制台的短链填写",
    "the content lacks #1#, the place where the short link goes: add it, or leave short_link empty": (
        "短信内容里没有短链的位置 #1#：请加上，或把 short_link 留空"
    ),
    "use 1 to collect clicks, or 0": "收集点击用 1，否则用 0",
    "not a web address: http:// or https://, a host, no blanks": "不是网址：应为 http:// 或 https:// 加主机名，且无空格",
    "half a character (a lone surrogate) or wrongly decoded bytes: repair it": "有半个字符或解码有误：请修正",
    "a column named by key= is empty here: fill it in, or name other columns": "key= 所指的列在此为空：请补上，或改用其他列",
    "a float or a spreadsheet rounded the key and its last digits are gone: take it from where it stood before; where the file "
    "itself still shows every digit, read this column as text": (
        "键值被浮点数或电子表格四舍五入，末尾数字已丢失：请从原处取得；若文件里仍有全部数字，请以文本读取该列"
    ),
    'an earlier row has the same key: duplicates="drop" sends the first only, duplicates="allow" sends each': (
        '前面的行有相同的键：duplicates="drop" 只发第一行，duplicates="allow" 全部发送'
    ),
    "the text reads nan, None, NaT, <NA>, null, undefined or inf, as a gap does that was made text: fill the gaps before, or "
    "{name|there}": "内容里有 nan、None、NaT、<NA>、null、undefined 或 inf，像是空缺转成的文本：请先填补，或用 {name|您}",
    "a formula's error such as #N/A or #NAME?: mend it in the spreadsheet": "公式错误，如 #N/A 或 #NAME?：请在电子表格中修正",
    "a fraction as computers keep it, such as 0.30000000000000004 or 1e-07: round it, as in {price:.2f}": (
        "计算机内部的小数，如 0.30000000000000004 或 1e-07：请取整，如 {price:.2f}"
    ),
    "reads as UTF-8 that was loaded as Latin letters, as MÃ¼ller: load the text again with its right encoding": (
        "像是把 UTF-8 当作拉丁字母读取，如 MÃ¼ller：请用正确的编码重新读取"
    ),
    "a {name} was not filled in: make the text with df.nxsms.render": "有 {name} 未填入：请用 df.nxsms.render 生成内容",
    "� stands for what could not be decoded: load the text again with its right encoding": (
        "� 表示无法解码的字符：请用正确的编码重新读取"
    ),
}
"""Hints of rules: what stands in braces is part of them, so they are never filled in."""
