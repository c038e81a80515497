"""What a request's outcome proves, and what may be done about it: one table, each line with its reason.

The rule behind it: a request or a row is repeated only when it certainly did not go out. Everything that proves
neither "accepted" nor "not sent" is doubt, and doubt is never repeated. That includes whatever this module, or one that
reads its verdicts, does not know or cannot handle.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

from nxsms_nb.formatting import mask_digits
from nxsms_nb.wire import codes
from nxsms_nb.wire.replies import NotJson, NotUnderstood, Reply, parse


class Disposition(StrEnum):
    """What becomes of a request. Compare by value (``==``): a module reloaded during a run has new members."""

    JUDGED = "the reply speaks for each row"
    NOT_SENT = "nothing left: the same request may be made again"
    FLOW = "refused for its pace: the same rows may leave later"
    CLOCK = "refused for its time stamp: learn the offset, once"
    SIZE = "refused for its size: the same rows may leave in smaller requests"
    HALVE = "refused for what may be one row's fault: halve until it stands alone"
    ACCOUNT = "refused for the account: the run ends"
    NO_ENDPOINT = "nothing at this URL takes requests: the rows are Unsent and the run ends"
    DOUBT = "it may have gone out: the rows are Unknown"


@dataclass(frozen=True)
class Case:
    """One line of the table: what was seen, what becomes of the request, and why."""

    seen: str
    disposition: Disposition
    because: str


NOTHING_LEFT: Final = Case(
    "the request was never handed to a socket", Disposition.NOT_SENT, "no byte left, whatever the exception is called"
)
NO_REPLY: Final = Case(
    "a byte may have left and no whole reply came",
    Disposition.DOUBT,
    "the gateway may have read and accepted the request",
)
NOT_HTTP: Final = Case(
    "a byte may have left and something else than HTTP came", Disposition.DOUBT, "it may be what is left of a reply"
)
TOO_MANY_REQUESTS: Final = Case("HTTP 429", Disposition.FLOW, "by RFC 6585 the request was refused for its pace")
BUSY_WITH_DATA: Final = Case(
    "HTTP 429 whose body claims success or carries data",
    Disposition.DOUBT,
    "it contradicts itself: rows may be accepted",
)
NO_ENDPOINT: Final = Case(
    "HTTP 404, 405, 410 or 501 before any sign of a gateway in run or journal, not from the vendor's own URL",
    Disposition.NO_ENDPOINT,
    "by RFC 9110 the server has nothing here that could take the request; nobody has yet shown that a gateway is here",
)
SERVER_ERROR: Final = Case("HTTP 5xx", Disposition.DOUBT, "a proxy may answer 502 after the gateway accepted")
OTHER_STATUS: Final = Case(
    "any other HTTP status than 200",
    Disposition.DOUBT,
    "a proxy may answer so after the gateway accepted; redirects likewise",
)
NONSENSE: Final = Case("a reply that is not what is documented", Disposition.DOUBT, "it proves nothing about the rows")
DAMAGED: Final = Case(
    "a reply that has a code and is not JSON", Disposition.DOUBT, "it may be what is left of a gateway's"
)
UNJUDGED: Final = Case(
    "a reply whose judging failed", Disposition.DOUBT, "an error of ours proves nothing about the rows"
)
SETTLED: Final = Case("code 0 with data", Disposition.JUDGED, "an item for each row, matched by messageid")
MIXED: Final = Case(
    "a refusal that carries data", Disposition.JUDGED, "only data: null says that nothing was sent, so each item counts"
)
NO_DATA: Final = Case("code 0 without data", Disposition.DOUBT, "the reply reports success but lists no message")
FAILED: Final = Case("code -1", Disposition.DOUBT, "the vendor does not say that nothing was sent")
UNDOCUMENTED: Final = Case("an undocumented code", Disposition.DOUBT, "nobody says that nothing was sent")

NOTHING_HERE: Final = frozenset({404, 405, 410, 501})
"""The HTTP statuses by which a server says that the URL, or POST at this URL, does not exist."""

FOREIGN: Final = frozenset(case.seen for case in (NO_ENDPOINT, OTHER_STATUS, NOT_HTTP, NONSENSE, UNDOCUMENTED))
"""The cases, by `Case.seen`, that suggest another service, where nothing has come from a gateway before."""

REFUSED: Final[dict[int, Case]] = (
    {
        number: Case(f"code {number}, data: null", Disposition.ACCOUNT, "the account is refused, nothing was sent")
        for number in codes.ACCOUNT
    }
    | {
        number: Case(
            f"code {number}, data: null", Disposition.HALVE, "nothing was sent; one bad row may poison a request"
        )
        for number in codes.HALVED
    }
    | {
        codes.CLOCK: Case(
            "code 1004, data: null", Disposition.CLOCK, "nothing was sent; Date tells the gateway's time"
        ),
        codes.TPS: Case("code 13008, data: null", Disposition.FLOW, "nothing was sent; it is a matter of pace"),
        codes.CHANNEL_SIZE: Case(
            "code 13010, data: null", Disposition.SIZE, "nothing was sent; the request was too large"
        ),
    }
)
"""The documented refusals of a whole request, by code."""


class Verdict(NamedTuple):
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
    def settles_nothing(self) -> bool:
        """Whether it is a reply in the vendor's form that names none of the request's rows and no refusal of the vendor's."""
        if self.reply is None or self.code in codes.TABLE:
            return False
        return self.reply.items is None or not any(self.reply.items)

    @property
    def disposition(self) -> Disposition:
        """What becomes of the request."""
        return self.case.disposition


def classify(
    *,
    left: bool,
    status: int | None,
    body: bytes,
    error: str,
    ids: Sequence[str],
    garbled: bool = False,
    first: bool = False,
) -> Verdict:
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
    garbled : bool, default False
        Whether what came is not HTTP.
    first : bool, default False
        Whether the URL is not the vendor's own, and neither this run nor the journal has a sign of a gateway there.

    Returns
    -------
    Verdict

    Examples
    --------
    >>> classify(left=True, status=200, body=b'{"code":1102,"message":"Insufficient balance","data":null}', error="",
    ...       ids=["a"]).disposition.name
    'ACCOUNT'
    >>> classify(left=True, status=502, body=b"", error="", ids=["a"]).disposition.name
    'DOUBT'
    """
    if not left:
        return Verdict(NOTHING_LEFT, words=error or "no connection")
    try:
        if status is None:
            return Verdict(NOT_HTTP if garbled else NO_REPLY, words=error or "no reply")
        return _judged(status, body, ids, first=first)
    except Exception as surprise:  # noqa: BLE001  whatever it is, the rows may have gone out
        return Verdict(UNJUDGED, words=f"the reply could not be judged ({type(surprise).__name__})")


def _judged(status: int, body: bytes, ids: Sequence[str], *, first: bool) -> Verdict:
    if status == 429:
        return _too_many_requests(body, ids)
    if status != 200:
        case = SERVER_ERROR if status >= 500 else OTHER_STATUS
        if first and status in NOTHING_HERE and not _mentions(body, ids):
            case = NO_ENDPOINT
        return Verdict(case, words=f"HTTP {status} instead of a reply")
    try:
        reply = parse(body, ids)
    except NotUnderstood as why:
        # A gateway's reply never begins with a byte order mark, whole or damaged.
        damaged = isinstance(why, NotJson) and b'"code"' in body and not body.startswith(b"\xef\xbb\xbf")
        return Verdict(DAMAGED if damaged else NONSENSE, words=str(why))
    if reply.items is not None:
        code = reply.code if reply.code != codes.SUCCESS else None
        return Verdict(SETTLED if code is None else MIXED, reply, code, words="the reply says nothing of this row")
    if reply.code == codes.SUCCESS:
        return Verdict(NO_DATA, reply, words="code 0 without data: the reply reports success but lists no message")
    words = codes.TABLE[reply.code].text if reply.code in codes.TABLE else "not documented"
    case = REFUSED.get(reply.code, FAILED if reply.code in codes.TABLE else UNDOCUMENTED)
    if case.disposition == Disposition.DOUBT:
        return Verdict(case, reply, reply.code, f"code {mask_digits(str(reply.code)[:20])}: {words}")
    return Verdict(case, reply, reply.code, words)


def _mentions(body: bytes, ids: Sequence[str]) -> bool:
    """Return whether a body mentions the rows, or is a documented reply: then something at the URL has read the request."""
    try:
        parse(body, ids)
    except NotUnderstood:
        return b"messageid" in body or any(messageid.encode() in body for messageid in ids)
    return True


def _too_many_requests(body: bytes, ids: Sequence[str]) -> Verdict:
    words = "HTTP 429: too many requests"
    try:
        reply = parse(body, ids)
    except NotUnderstood:
        return Verdict(TOO_MANY_REQUESTS, words=words)
    if reply.items is not None or reply.code == codes.SUCCESS:
        return Verdict(BUSY_WITH_DATA, words="HTTP 429 with a reply that claims success or carries data")
    return Verdict(TOO_MANY_REQUESTS, code=codes.TPS if reply.code == codes.TPS else None, words=words)
