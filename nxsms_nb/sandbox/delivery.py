"""Decide what happens to an accepted message: whether it is delivered, the network, the segments, the price.

Drawn from the seed and the message, so that it is the same in every run. Segments are counted from the vendor's rules and
not with `nxsms_nb.rows.segments`, so that the two check each other.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.sandbox.draws import derived, roll
from nxsms_nb.sandbox.places import ByPlace

if TYPE_CHECKING:
    from nxsms_nb.sandbox.ledger import Accepted
    from nxsms_nb.sandbox.settings import Seconds, Settings

RESULTS: Final[Mapping[int, str]] = {
    2: "DELIVRD",
    5: "UNDELIV",
    6: "REJECTD",
    7: "EXPIRED",
    8: "DELETED",
    9: "DND",
    10: "wrong destination address",
    11: "wrong source address",
    12: "UNKNOWN",
}
"""A receipt's status and the result it stands for."""

DELIVERED: Final = 2

USUAL: Final[Mapping[int, float]] = {5: 0.04, 7: 0.02, 12: 0.01}
"""The usual shares of messages that are accepted and not delivered."""

PRICE: Final = 0.05
_PRICES: Final = {"1": 0.0075, "86": 0.0065, "91": 0.0030, "62": 0.0450, "60": 0.0230, "44": 0.0400, "971": 0.0450}
_NETWORKS: Final = {
    "1": (("Verizon", "311480"), ("AT&T", "310410"), ("T-Mobile", "310260")),
    "86": (("China Mobile", "46000"), ("China Unicom", "46001"), ("China Telecom", "46003")),
    "91": (("Airtel", "40410"), ("Jio", "405857"), ("Vi", "40420")),
    "62": (("Telkomsel", "51010"), ("Indosat", "51001"), ("XL Axiata", "51011")),
    "44": (("EE", "23430"), ("O2", "23410"), ("Vodafone", "23415")),
}
_OTHER_NETWORKS: Final = (("Network A", "90101"), ("Network B", "90102"), ("Network C", "90103"))
_PREFIXES: Final = frozenset(_NETWORKS | _PRICES)

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION: Final = frozenset("\f^{}\\[~]|€")
_GSM: Final = _BASIC | _EXTENSION


@dataclass(frozen=True, slots=True)
class Delivery:
    """What happened to one message: `price` in US dollars per segment, `after` in seconds from acceptance to receipt.

    `pushed` is False where the receipt is lost on the way; the record has it all the same.
    """

    status: int
    size: int
    price: float
    network: str
    network_number: str
    after: float
    pushed: bool

    @property
    def result(self) -> str:
        """The receipt's result."""
        return RESULTS[self.status]


def outcome(message: Accepted, settings: Settings) -> Delivery:
    """Draw what happens to an accepted message, the same for its receipt and its record."""
    prefix = _prefix(message.phone)
    networks = _NETWORKS.get(prefix, _OTHER_NETWORKS)
    names = networks[roll(message.phone) % len(networks)]
    mixes, delays, losses = _by_place(settings)
    drawn = roll(message.messageid, derived(settings.seed, "delivery"))
    share, later = (drawn >> 32) / (1 << 32), (drawn & 0xFFFFFFFF) / (1 << 32)
    status, total = DELIVERED, 0.0
    for other, part in (mixes.find(message.phone, names) or {}).items():
        total += part
        if share < total:
            status = other
            break
    delay = delays.find(message.phone, names) or 0.0
    low, high = delay if isinstance(delay, tuple) else (delay, delay)
    lost = roll(message.messageid, derived(settings.seed, "receipt lost")) / (1 << 64)
    return Delivery(
        status,
        size(message.content, message.phone),
        _PRICES.get(prefix, PRICE),
        *names,
        low + later * (high - low),
        lost >= (losses.find(message.phone, names) or 0.0),
    )


def cost(phones: Sequence[str], contents: Sequence[str]) -> float:
    """Add up the prices of messages, each segment of them, as `outcome` has them.

    No draw and no setting changes a price.
    """
    return sum(
        _PRICES.get(_prefix(phone), PRICE) * size(content, phone)
        for phone, content in zip(phones, contents, strict=True)
    )


def _prefix(phone: str) -> str:
    return next((phone[:n] for n in (3, 2, 1) if phone[:n] in _PREFIXES), "")


@functools.lru_cache(maxsize=8)
def _by_place(settings: Settings) -> tuple[ByPlace[Mapping[int, float]], ByPlace[Seconds], ByPlace[float]]:
    """Return the settings by place: they do not change, and messages come by the thousand."""
    return (
        ByPlace(settings.delivery, _mix_and_places),
        ByPlace(settings.delivery_delay, _value_and_places),
        ByPlace(settings.receipts_lost, _value_and_places),
    )


def _mix_and_places(given: Any) -> tuple[Mapping[int, float] | None, Mapping[Any, Any]]:
    """Split a mix into its own shares and those of places.

    A mix of nothing but places leaves the rest to the surrounding one.
    """
    if not isinstance(given, Mapping):
        raise ConfigError(f"has {named(given)}, which is not a mapping of a receipt's status to its share.")
    own = {key: value for key, value in given.items() if not isinstance(key, str)}
    places = {key: value for key, value in given.items() if isinstance(key, str)}
    return (own if own or not places else None), places


def _value_and_places(given: Any) -> tuple[Any, Mapping[Any, Any]]:
    """Split a mapping into the value of what it does not name, under None, and those of places."""
    if not isinstance(given, Mapping):
        return given, {}
    return given.get(None), {key: value for key, value in given.items() if key is not None}


def size(content: str, phone: str) -> int:
    """Count the segments a message is billed as.

    Examples
    --------
    >>> size("x" * 160, "8615088888888"), size("x" * 161, "8615088888888"), size("牛" * 71, "8615088888888")
    (1, 2, 2)
    """
    prefix = 7 if phone.startswith("60") else 0
    used = set(content)
    if used <= _GSM:
        units, single, part = len(content) + sum(content.count(char) for char in used & _EXTENSION), 160, 154
    else:
        units, single, part = len(content.encode("utf-16-le")) // 2, 70, 67
    units += prefix
    return 1 if units <= single else -(-units // part)


def complaint(mix: Any) -> str | None:
    """Describe what is wrong with a delivery mix; None if nothing is."""
    if not isinstance(mix, Mapping):
        return f"is not a mapping of a receipt's status to its share. The statuses: {', '.join(map(str, RESULTS))}."
    return _wrong(mix, _mix_and_places, _wrong_shares)


def wrong_by_place(given: Any, check: Callable[[Any], str | None]) -> str | None:
    """Describe what is wrong with a value, or a mapping of places to values; None if nothing is."""
    return _wrong(given, _value_and_places, check)


def _wrong(
    given: Any, split: Callable[[Any], tuple[Any, Mapping[Any, Any]]], check: Callable[[Any], str | None]
) -> str | None:
    found: list[str] = []

    def checked(value: Any) -> tuple[Any, Mapping[Any, Any]]:
        own, places = split(value)
        if own is not None and (words := check(own)):
            found.append(words)
        return own, places

    try:
        ByPlace(given, checked)
    except ConfigError as error:
        return str(error)
    return found[0] if found else None


def _wrong_shares(mix: Mapping[Any, Any]) -> str | None:
    if any(isinstance(status, bool) or status not in RESULTS for status in mix):
        return f"is not a mapping of a receipt's status to its share. The statuses: {', '.join(map(str, RESULTS))}."
    shares = list(mix.values())
    if any(isinstance(share, bool) or not isinstance(share, (int, float)) or share < 0 for share in shares):
        return "has a share that is not a number from 0 to 1."
    return None if sum(shares) <= 1 + 1e-9 else f"has shares that add up to {sum(shares):.3f}, more than 1."
