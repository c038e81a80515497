"""The vendor's result codes: their texts, meanings, scopes and remedies.

Texts are copied letter by letter from the vendor's page on the batch endpoint; it refers to another page for 1001 to
1005, whose wording here is ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

__all__ = [
    "ACCOUNT",
    "CHANNEL_NUMBERS",
    "CHANNEL_SIZE",
    "CLOCK",
    "HALVED",
    "HOURLY",
    "PARAMETER",
    "RETRYABLE",
    "SUCCESS",
    "TABLE",
    "TPS",
    "from_text",
    "label",
]

Scope = Literal["success", "account", "clock", "flow", "request", "row", "unclear"]


@dataclass(frozen=True)
class Code:
    """One result code: the vendor's text, its meaning, its scope and what to do; both in English and Chinese.

    The scope ``account`` ends a run, ``clock`` is about the sender's clock, ``flow`` about the rate, ``request`` about the
    request's form or size, ``row`` about one row; ``unclear`` proves nothing.
    """

    number: int
    text: str
    meaning: str
    meaning_zh: str
    scope: Scope
    advice: str
    advice_zh: str


SUCCESS: Final = 0
CLOCK: Final = 1004
PARAMETER: Final = 9000
TPS: Final = 13008
CHANNEL_SIZE: Final = 13010

CHANNEL_NUMBERS: Final = 5
"""The most numbers a verification channel accepts in one request, according to the vendor's text on 13010."""

TABLE: Final[dict[int, Code]] = {
    code.number: code
    for code in (
        Code(
            0,
            "Success",
            "accepted",
            "已受理",
            "success",
            "Nothing; delivery receipts say whether it arrived.",
            "无需处理；是否送达以回执为准。",
        ),
        Code(
            -1,
            "Failure",
            "failed, no cause given",
            "失败，未说明原因",
            "unclear",
            "It may have been sent: settle it with sent.nxsms.reconcile(client).",
            "可能已经发出：用 sent.nxsms.reconcile(client) 核实。",
        ),
        Code(
            1001,
            "Missing common request header",
            "a common header is missing",
            "缺少公共请求头",
            "account",
            "Check for a proxy that strips headers.",
            "检查是否有代理去掉了请求头。",
        ),
        Code(
            1002,
            "Incorrect request parameter",
            "bizType, action or a body parameter is wrong",
            "请求参数错误",
            "account",
            "Check base_url and path of the client.",
            "检查客户端的 base_url 和 path。",
        ),
        Code(
            1003,
            "Invalid signature",
            "invalid signature",
            "签名错误",
            "account",
            "Check the access secret and the client's algorithm (md5 or sha256).",
            "检查 access secret 和客户端的签名算法（md5 或 sha256）。",
        ),
        Code(
            1004,
            "Timestamp outside the allowed window",
            "ts is more than 60 s off the gateway's clock",
            "时间戳超出允许范围",
            "clock",
            "Set this machine's clock.",
            "校准本机时钟。",
        ),
        Code(
            1005,
            "No permission",
            "wrong access key, or the business is not enabled",
            "无权限",
            "account",
            "Check the access key; ask the vendor to enable SMS.",
            "检查 access key；请牛信云开通短信业务。",
        ),
        Code(
            1100,
            "Customer does not exist / Status is unavailable",
            "the customer does not exist or is disabled",
            "客户不存在或状态不可用",
            "account",
            "Ask the vendor about the account.",
            "请向牛信云确认账户状态。",
        ),
        Code(
            1102,
            "Insufficient balance",
            "insufficient balance",
            "余额不足",
            "account",
            "Top up, then run again.",
            "充值后重新运行。",
        ),
        Code(
            9000,
            "Request parameter error",
            "a parameter of the request or of one row is wrong",
            "请求参数错误",
            "request",
            "Look at the row's fields; one bad row refuses its whole request.",
            "检查该行的各个字段；一行有误会使整个请求被拒绝。",
        ),
        Code(
            13001,
            "Exceeded content length limit (1000 characters)",
            "content longer than 1000 characters",
            "内容超过 1000 个字符",
            "row",
            "Shorten the text.",
            "缩短短信内容。",
        ),
        Code(
            13002,
            "Unavailable app or incorrect key",
            "the application is unavailable or its key wrong",
            "应用不可用或 appKey 错误",
            "account",
            "Check the app key.",
            "检查 app key。",
        ),
        Code(
            13003,
            "IP not in whitelist",
            "this machine's address is not on the whitelist",
            "IP 不在白名单",
            "account",
            "Add this machine's public address in the vendor's console.",
            "在牛信云控制台把本机的公网 IP 加入白名单。",
        ),
        Code(
            13005,
            "Incorrect phone number format",
            "incorrect phone number",
            "手机号格式错误",
            "row",
            "Check the country code and the digits.",
            "检查国码和号码位数。",
        ),
        Code(
            13006,
            "Incorrect source address (Source address must consist of 1 to 20 alphanumeric characters"
            " (letters or digits))",
            "incorrect sender (source address)",
            "源地址错误",
            "row",
            "Often the country takes registered senders only: ask your account manager. Else: 1 to 20 letters or digits.",
            "很多国家只接受已报备的源地址：请咨询客户经理。否则应为 1 至 20 位数字或英文字母。",
        ),
        Code(
            13007,
            "Rate limit exceeded (5 messages per hour)",
            "this number got 5 messages within the hour",
            "超过频率限制（每小时 5 条）",
            "row",
            "Wait an hour, then sent.nxsms.retry(client).",
            "一小时后运行 sent.nxsms.retry(client)。",
        ),
        Code(
            13008,
            "TPS limit exceeded",
            "more messages per second than the account may send",
            "超过 TPS 限制",
            "flow",
            "Nothing: the rate adapts automatically. max_rate= sets a ceiling.",
            "无需处理：速率会自动调整。用 max_rate= 可设上限。",
        ),
        Code(
            13009,
            "Empty content or illegal Keywords",
            "empty content or a forbidden keyword",
            "内容为空或含非法关键词",
            "row",
            "Reword the text.",
            "修改短信内容。",
        ),
        Code(
            13010,
            "Exceeding maximum numbers for verification channel",
            "too many numbers in one request for a verification channel",
            "超过验证码通道最大号码数",
            "request",
            "Nothing: requests become smaller by themselves.",
            "无需处理：请求会自动变小。",
        ),
    )
}
"""Number to `Code`, in the order of the vendor's page."""

ACCOUNT: Final = frozenset(number for number, code in TABLE.items() if code.scope == "account")
"""The codes that end a run at once."""

HALVED: Final = frozenset(number for number, code in TABLE.items() if code.scope == "row") | {PARAMETER}
"""The codes of a refused request that one row may have caused."""

HOURLY: Final = 13007
"""Too many messages to one number within an hour."""
RETRYABLE: Final = frozenset({HOURLY})
"""The codes of a refused row that may pass later without a change to the row."""


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())


_BY_TEXT: Final = {_folded(code.text): number for number, code in TABLE.items() if number != SUCCESS}


def from_text(text: str | None) -> int | None:
    """Map a failed item's text back to its code, ignoring case and spaces; None if the table lacks it.

    Examples
    --------
    >>> from_text("incorrect  Phone number format")
    13005
    >>> from_text("something new") is None
    True
    """
    return None if text is None else _BY_TEXT.get(_folded(text))


def label(number: int) -> str:
    """Return a code with its meaning, for an axis or a table.

    Examples
    --------
    >>> label(13005), label(777)
    ('13005 incorrect phone number', '777 (not documented)')
    """
    code = TABLE.get(number)
    return f"{number} {code.meaning}" if code else f"{number} (not documented)"
