"""Which items fail: drawn from the seed and from the item itself, never from the order in which requests arrive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import shorten
from nxsms_nb.sandbox.draws import derived, roll
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

_OF_NUMBER: Final = frozenset({13005})
_OF_TEXT: Final = frozenset({13001, 13006, 13009})
_WHOLE: Final = 1 << 64


class Draw:
    """Draws each item's failure.

    Parameters
    ----------
    failures : mapping, "realistic" or None
        Code to share, codes as numbers or as text (``"13005"``); calling code ("91") or region ("IN") to such a mapping, which then holds for its numbers instead.
    seed : int
        Same seed, same item, same outcome.

    Notes
    -----
    A number that is wrong (13005) is wrong in every text; what the text or the sender is refused for, another text
    may pass; anything else goes with the messageid, so that another attempt, which has another id, may pass. 13008
    also counts how often the id was tried, since such an item is repeated with the same id.

    Examples
    --------
    >>> draw = Draw({13005: 0.5}, seed=1)
    >>> [draw.code(phone, "Hi", None, "a-message-id") for phone in ("8615088888888", "8615088888880")]
    [0, 13005]
    """

    def __init__(self, failures: Failures, seed: int) -> None:
        mix = REALISTIC if isinstance(failures, str) and failures == "realistic" else failures
        mix = {} if mix is None else mix
        if not isinstance(mix, Mapping):
            raise ConfigError(
                f"Sandbox: failures={shorten(failures)} is neither a mapping of code to share nor 'realistic'."
            )
        mix = _with_codes(mix)
        general = {code: share for code, share in mix.items() if not isinstance(code, str)}
        own = {_calling_code(place): _mix(place, shares) for place, shares in mix.items() if isinstance(place, str)}
        self._general = _Shares(_mix("failures", general))
        self._own = {prefix: _Shares(shares) for prefix, shares in own.items()}
        self._lengths = sorted({len(prefix) for prefix in own}, reverse=True)
        self._seeds = [derived(seed, f"failures of {what}") for what in ("number", "text", "id")]
        self._tries: dict[str, int] = {}
        self.ever = bool(general or own)

    def code(self, phone: str, content: str, source_address: str | None, messageid: str) -> int:
        """The code an item fails with; 0 where it does not."""
        shares = self._shares(phone)
        of_number, of_text, of_id = self._seeds
        if shares.of_number and (code := _pick(shares.of_number, roll(phone, of_number))):
            return code
        if shares.of_text:
            whole = f"{phone}\n{source_address or ''}\n{content}"
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

    def _shares(self, phone: str) -> _Shares:
        for length in self._lengths:
            own = self._own.get(phone[:length])
            if own is not None:
                return own
        return self._general


class _Shares:
    """The codes of one mix as ladders of 64-bit thresholds, one ladder for each thing a failure can hang on."""

    __slots__ = ("of_id", "of_number", "of_text")

    def __init__(self, mix: FailureMix) -> None:
        left = 1.0
        ladders = []
        for group in (_OF_NUMBER, _OF_TEXT, mix.keys() - _OF_NUMBER - _OF_TEXT):
            mine = {code: share for code, share in mix.items() if code in group}
            # A later ladder only sees what an earlier one let pass, so its share of the whole is scaled up.
            ladders.append(list(_ladder(mine, left)))
            left -= sum(mine.values())
        self.of_number, self.of_text, self.of_id = ladders


def _ladder(mix: FailureMix, left: float) -> Iterator[tuple[int, int]]:
    total = 0.0
    for code, share in mix.items():
        total += share
        yield (int(min(total / left, 1.0) * _WHOLE) if left > 0 else 0), code


def _pick(ladder: list[tuple[int, int]], drawn: int) -> int:
    for limit, code in ladder:
        if drawn < limit:
            return code
    return 0


def _mix(place: str, shares: Any) -> FailureMix:
    if not isinstance(shares, Mapping):
        raise ConfigError(f"Sandbox: the failures of {place!r} are {shares!r}, not a mapping of code to share.")
    for code, share in shares.items():
        if code not in codes.TABLE or code == codes.SUCCESS:
            raise ConfigError(f"Sandbox: {code!r} in the failures is not a code of the vendor's. See nxsms_nb.codes().")
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise ConfigError(f"Sandbox: the share {share!r} of code {code} is not a number from 0 to 1.")
    if sum(shares.values()) > 1 + 1e-9:
        raise ConfigError(f"Sandbox: the shares of {place!r} add up to {sum(shares.values()):.3f}, more than 1.")
    return shares


def _with_codes(mix: Mapping[Any, Any]) -> dict[Any, Any]:
    """The mix with codes as numbers, which JSON and a form write as text; text with a mix of its own is a place."""
    read: dict[Any, Any] = {}
    for key, share in mix.items():
        of_place = isinstance(share, Mapping)
        code = int(key) if isinstance(key, str) and key.strip().isdecimal() and not of_place else key
        if code in read:
            raise ConfigError(f"Sandbox: the failures name code {code} twice, as a number and as text. Give one share.")
        read[code] = _with_codes(share) if of_place else share
    return read


def _calling_code(place: str) -> str:
    if place.removeprefix("+").isdigit():
        return place.removeprefix("+")
    import phonenumbers  # noqa: PLC0415 - heavy, and only wanted where a region is named

    number = phonenumbers.country_code_for_region(place.upper())
    if not number:
        raise ConfigError(f"Sandbox: {place!r} in the failures is neither a calling code ('91') nor a region ('IN').")
    return str(number)
