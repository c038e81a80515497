"""What a request's outcome proves, and what may be done about it: one table, each line with its reason.

The rule behind it: a request or a row is repeated only when it certainly did not go out. Everything that proves
neither "accepted" nor "not sent" is doubt, and doubt is never repeated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from nxsms_nb import codetable
from nxsms_nb.display import mask_digits
from nxsms_nb.replies import NotUnderstood, Reply, parse


class Fate(Enum):
    """What becomes of a request."""

    JUDGED = "the reply speaks for each row"
    NOT_SENT = "nothing left: the same request may be made again"
    FLOW = "refused for its pace: the same rows may leave later"
    CLOCK = "refused for its time stamp: learn the offset, once"
    SIZE = "refused for its size: the same rows may leave in smaller requests"
    HALVE = "refused for what may be one row's fault: halve until it stands alone"
    ACCOUNT = "refused for the account: the run ends"
    DOUBT = "it may have gone out: the rows are Unknown"


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table: what was seen, what becomes of the request, and why."""

    seen: str
    fate: Fate
    because: str


NOTHING_LEFT: Final = Case(
    "the request was never handed to a socket", Fate.NOT_SENT, "no byte left, whatever the exception is called"
)
NO_REPLY: Final = Case(
    "a byte may have left and no whole reply came", Fate.DOUBT, "the gateway may have read and accepted the request"
)
TOO_MANY_REQUESTS: Final = Case("HTTP 429", Fate.FLOW, "by RFC 6585 the request was refused for its pace")
OTHER_STATUS: Final = Case(
    "any other HTTP status than 200",
    Fate.DOUBT,
    "a proxy may answer 502 after the gateway accepted; redirects likewise",
)
NONSENSE: Final = Case("a reply that is not what is documented", Fate.DOUBT, "it proves nothing about the rows")
SETTLED: Final = Case("code 0 with data", Fate.JUDGED, "an item for each row, matched by messageid")
MIXED: Final = Case(
    "a refusal that carries data", Fate.JUDGED, "only data: null says that nothing was sent, so each item counts"
)
NO_DATA: Final = Case("code 0 without data", Fate.DOUBT, "success is claimed, and nothing of it shown")
UNDOCUMENTED: Final = Case("-1 or an undocumented code", Fate.DOUBT, "the vendor does not say that nothing was sent")

REFUSED: Final[dict[int, Case]] = (
    {
        number: Case(f"code {number}, data: null", Fate.ACCOUNT, "the account is refused, nothing was sent")
        for number in codetable.ACCOUNT
    }
    | {
        number: Case(f"code {number}, data: null", Fate.HALVE, "nothing was sent; one bad row may poison a request")
        for number in codetable.HALVED
    }
    | {
        codetable.CLOCK: Case("code 1004, data: null", Fate.CLOCK, "nothing was sent; Date tells the gateway's time"),
        codetable.TPS: Case("code 13008, data: null", Fate.FLOW, "nothing was sent; it is a matter of pace"),
        codetable.CHANNEL_SIZE: Case(
            "code 13010, data: null", Fate.SIZE, "nothing was sent; the request was too large"
        ),
    }
)
"""The documented refusals of a whole request, by code."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one request's outcome means.

    Parameters
    ----------
    case : Case
        The line of the table.
    reply : Reply or None
        The reply where it was understood.
    code : int or None
        The code of a refusal.
    words : str
        What happened, for the rows' reason.
    """

    case: Case
    reply: Reply | None = None
    code: int | None = None
    words: str = ""

    @property
    def fate(self) -> Fate:
        """What becomes of the request."""
        return self.case.fate


def judge(*, left: bool, status: int | None, body: bytes, error: str, ids: Sequence[str]) -> Verdict:
    """Judge one request by what came of it.

    Parameters
    ----------
    left : bool
        Whether a byte may have left.
    status : int or None
        The HTTP status of a reply that was read whole.
    body : bytes
        The reply's body.
    error : str
        What went wrong where no whole reply was read.
    ids : sequence of str
        The messageids that the request carried.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> judge(left=True, status=200, body=b'{"code":1102,"message":"Insufficient balance","data":null}', error="",
    ...       ids=["a"]).fate.name
    'ACCOUNT'
    >>> judge(left=True, status=502, body=b"", error="", ids=["a"]).fate.name
    'DOUBT'
    """
    if not left:
        return Verdict(NOTHING_LEFT, words=error or "no connection")
    if status is None:
        return Verdict(NO_REPLY, words=error or "no reply")
    if status == 429:
        return Verdict(TOO_MANY_REQUESTS, code=codetable.TPS, words="HTTP 429: too many requests")
    if status != 200:
        return Verdict(OTHER_STATUS, words=f"HTTP {status} instead of a reply")
    try:
        reply = parse(body, ids)
    except NotUnderstood as why:
        return Verdict(NONSENSE, words=str(why))
    if reply.items is not None:
        code = reply.code if reply.code != codetable.SUCCESS else None
        return Verdict(SETTLED if code is None else MIXED, reply, code, words="the reply says nothing of this row")
    if reply.code == codetable.SUCCESS:
        return Verdict(NO_DATA, reply, words="code 0 without data: success is claimed, and nothing of it shown")
    words = codetable.TABLE[reply.code].text if reply.code in codetable.TABLE else "not documented"
    case = REFUSED.get(reply.code)
    if case is None:
        return Verdict(UNDOCUMENTED, reply, reply.code, f"code {mask_digits(str(reply.code))}: {words}")
    return Verdict(case, reply, reply.code, words)
