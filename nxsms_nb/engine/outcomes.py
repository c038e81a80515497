"""Classify the outcome of a request: what it proves, and what may be done next.

The rule behind it: a request or a row is repeated only when it certainly was not sent. Everything that proves
neither "accepted" nor "not sent" is doubt, and doubt is never repeated. That includes whatever this module, or one that
reads its verdicts, does not know or cannot handle.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from nxsms_nb.formatting import mask_digits
from nxsms_nb.wire import codes
from nxsms_nb.wire.replies import NotJson, NotUnderstood, Reply, parse


class Disposition(StrEnum):
    """What becomes of a request. Compare by value (``==``): a module reloaded during a run has new members."""

    JUDGED = "the reply has a result for each row"
    NOT_SENT = "nothing was sent: the same request may be made again"
    FLOW = "refused for the rate: the same rows may be sent later"
    CLOCK = "refused for its time stamp: learn the offset, once"
    SIZE = "refused for its size: the same rows may be sent in smaller requests"
    HALVE = "refused for what may be one row's fault: halve until it stands alone"
    ACCOUNT = "refused for the account: the run ends"
    NO_ENDPOINT = "nothing at this URL takes requests: the rows are Unsent and the run ends"
    DOUBT = "it may have been sent: the rows are Unknown"


NOTHING_HERE: Final = frozenset({404, 405, 410, 501})
"""The HTTP statuses by which a server says that the URL, or POST at this URL, does not exist (RFC 9110)."""

REFUSED: Final[dict[int, Disposition]] = {
    **dict.fromkeys(codes.ACCOUNT, Disposition.ACCOUNT),
    # One bad row may have the whole request refused.
    **dict.fromkeys(codes.HALVED, Disposition.HALVE),
    codes.CLOCK: Disposition.CLOCK,
    codes.TPS: Disposition.FLOW,
    codes.CHANNEL_SIZE: Disposition.SIZE,
}
"""The documented refusals of a whole request, by code: with ``data: null`` nothing was sent."""


class Verdict(NamedTuple):
    """What one request's outcome means: the reply where it was understood, a refusal's code, and words for the rows.

    `foreign` says that the outcome suggests another service, where nothing has come from a gateway before.
    """

    disposition: Disposition
    reply: Reply | None = None
    code: int | None = None
    words: str = ""
    foreign: bool = False

    @property
    def settles_nothing(self) -> bool:
        """Whether the reply has the vendor's form but neither names a row of the request nor is a documented refusal."""
        if self.reply is None or self.code in codes.TABLE:
            return False
        return self.reply.items is None or not any(self.reply.items)


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
    """Classify the outcome of one request.

    `left` says whether a byte may have been sent; `status` is None without a whole reply, and `error` says why; `garbled` is
    a reply that is not HTTP. `first` says that the URL is not the vendor's own, and neither this run nor the journal has a
    sign of a gateway there.

    Examples
    --------
    >>> classify(left=True, status=200, body=b'{"code":1102,"message":"Insufficient balance","data":null}', error="",
    ...       ids=["a"]).disposition.name
    'ACCOUNT'
    >>> classify(left=True, status=502, body=b"", error="", ids=["a"]).disposition.name
    'DOUBT'
    """
    if not left:
        return Verdict(Disposition.NOT_SENT, words=error or "no connection")
    try:
        if status is None:
            # The gateway may have accepted the request; what is not HTTP may be the rest of a reply.
            return Verdict(Disposition.DOUBT, words=error or "no reply", foreign=garbled)
        return _judged(status, body, ids, first=first)
    except Exception as surprise:  # noqa: BLE001  whatever it is, the rows may have been sent
        return Verdict(Disposition.DOUBT, words=f"the reply could not be classified ({type(surprise).__name__})")


def _judged(status: int, body: bytes, ids: Sequence[str], *, first: bool) -> Verdict:
    if status == 429:
        return _too_many_requests(body, ids)
    if status != 200:
        words = f"HTTP {status} instead of a reply"
        if first and status in NOTHING_HERE and not _mentions(body, ids):
            return Verdict(Disposition.NO_ENDPOINT, words=words, foreign=True)
        # A proxy may answer any of these after the gateway has accepted.
        return Verdict(Disposition.DOUBT, words=words, foreign=status < 500)
    try:
        reply = parse(body, ids)
    except NotUnderstood as why:
        # A damaged reply of a gateway; its replies never begin with a byte order mark, whole or damaged.
        damaged = isinstance(why, NotJson) and b'"code"' in body and not body.startswith(b"\xef\xbb\xbf")
        return Verdict(Disposition.DOUBT, words=str(why), foreign=not damaged)
    if reply.items is not None:
        # Only data: null says that nothing was sent, so each item counts, also of a refusal.
        code = reply.code if reply.code != codes.SUCCESS else None
        return Verdict(Disposition.JUDGED, reply, code, words="the reply says nothing about this row")
    if reply.code == codes.SUCCESS:
        words = "code 0 without data: the reply reports success but lists no message"
        return Verdict(Disposition.DOUBT, reply, words=words)
    documented = reply.code in codes.TABLE
    words = codes.TABLE[reply.code].text if documented else "not documented"
    if (disposition := REFUSED.get(reply.code)) is not None:
        return Verdict(disposition, reply, reply.code, words)
    # Of -1 the vendor does not say that nothing was sent, and of an undocumented code no one does.
    words = f"code {mask_digits(str(reply.code)[:20])}: {words}"
    return Verdict(Disposition.DOUBT, reply, reply.code, words, foreign=not documented)


def _mentions(body: bytes, ids: Sequence[str]) -> bool:
    """Return whether a body mentions the rows or is a documented reply, so that something at the URL read the request."""
    try:
        parse(body, ids)
    except NotUnderstood:
        return b"messageid" in body or any(messageid.encode() in body for messageid in ids)
    return True


def _too_many_requests(body: bytes, ids: Sequence[str]) -> Verdict:
    """Classify HTTP 429: a refusal for the rate (RFC 6585), unless its body suggests that rows were accepted."""
    words = "HTTP 429: too many requests"
    try:
        reply = parse(body, ids)
    except NotUnderstood:
        return Verdict(Disposition.FLOW, words=words)
    if reply.items is not None or reply.code == codes.SUCCESS:
        return Verdict(Disposition.DOUBT, words="HTTP 429 with a reply that claims success or carries data")
    return Verdict(Disposition.FLOW, code=codes.TPS if reply.code == codes.TPS else None, words=words)
