"""Draw which items fail, from the seed and the item itself, never from the order in which requests arrive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import shorten
from nxsms_nb.sandbox.draws import derived, roll
from nxsms_nb.sandbox.functions import Function
from nxsms_nb.sandbox.mixes import NONE, ItemTraits, Mix, Shares
from nxsms_nb.wire import codes

if TYPE_CHECKING:
    from nxsms_nb.sandbox.settings import FailureMix, Failures

REALISTIC: Final[Mapping[int | str, float | FailureMix]] = {
    13005: 0.012,
    13009: 0.004,
    13006: 0.003,
    13007: 0.004,
    "91": {13005: 0.015, 13006: 0.06, 13009: 0.012, 13007: 0.004},  # India: senders need to be registered
    "971": {13005: 0.01, 13006: 0.035, 13009: 0.02, 13007: 0.003},
    "62": {13005: 0.045, 13009: 0.006, 13007: 0.006},
    "86": {13005: 0.006, 13009: 0.03, 13007: 0.004},  # China: keywords are filtered
}
"""The mix behind ``failures="realistic"``: shares by code, and by calling code where a country has its own."""


class Draw:
    """Draws each item's failure from what `Sandbox` documents as `failures`.

    Notes
    -----
    A wrong number (13005) is wrong with every text; what depends on the text or the sender may pass with another text;
    anything else depends on the messageid, so that another attempt, which has another id, may pass. 13008 also depends
    on how often the id was tried, since such an item is repeated with the same id.

    Examples
    --------
    >>> draw = Draw({13005: 0.5}, seed=1)
    >>> items = [{"phone": phone, "content": "Hi"} for phone in ("8615088888888", "8615088888880")]
    >>> [draw.code(item, "a-message-id", shares) for item, shares in zip(items, draw.shares(items, hour=9))]
    [0, 13005]
    """

    def __init__(self, failures: Failures, seed: int) -> None:
        given: Any = REALISTIC if isinstance(failures, str) and failures == "realistic" else failures
        given = {} if given is None else given
        self._function = Function(given) if callable(given) else None
        if self._function is None and not isinstance(given, Mapping):
            raise ConfigError(
                f"Sandbox: failures={shorten(failures)} is neither a mapping of code to share, a function of the rows nor "
                "'realistic'."
            )
        self._mix = Mix({} if self._function else given)
        self._seeds = [derived(seed, f"failures of {what}") for what in ("number", "text", "id")]
        self._tries: dict[str, int] = {}
        self.ever = bool(given)

    def shares(self, items: Sequence[Mapping[str, Any]], hour: int) -> list[Shares]:
        """Find which codes each item of a request fails with, and how often."""
        if self._function is not None:
            return self._function.shares(items, hour)
        find = self._mix.find
        return [
            find(ItemTraits(item["phone"], item["content"], item.get("sourceAddress"), hour)) or NONE for item in items
        ]

    def code(self, item: Mapping[str, Any], messageid: str, shares: Shares) -> int:
        """Draw the code an item fails with; 0 if it is accepted."""
        of_number, of_text, of_id = self._seeds
        phone = item["phone"]
        if shares.of_number and (code := _pick(shares.of_number, roll(phone, of_number))):
            return code
        if shares.of_text:
            whole = f"{phone}\n{item.get('sourceAddress') or ''}\n{item['content']}"
            if code := _pick(shares.of_text, roll(whole, of_text)):
                return code
        if shares.of_id:
            tries = self._tries.get(messageid, 0)
            whole = f"{messageid}\n{tries}" if tries else messageid
            code = _pick(shares.of_id, roll(whole, of_id))
            if code == codes.TPS:
                self._tries[messageid] = tries + 1
            return code
        return 0


def _pick(ladder: list[tuple[int, int]], drawn: int) -> int:
    for limit, code in ladder:
        if drawn < limit:
            return code
    return 0
