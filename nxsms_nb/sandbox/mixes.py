"""Find the mix of failures for an item: by country, sender, hour and content, nested to any depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.sandbox.places import calling_code
from nxsms_nb.wire import codes

if TYPE_CHECKING:
    from nxsms_nb.sandbox.settings import FailureMix

_OF_NUMBER: Final = frozenset({13005})
_OF_TEXT: Final = frozenset({13001, 13006, 13009})
_WHOLE: Final = 1 << 64

CONDITIONS: Final = ("country", "source_address", "hour", "content")
"""The keys of conditions; calling codes and regions are keys themselves."""


class ItemTraits(NamedTuple):
    """The properties of an item that decide its mix."""

    phone: str
    content: str
    source_address: str | None
    hour: int


class Shares:
    """The codes of one mix as ladders of 64-bit thresholds, one for each thing a failure can depend on."""

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


NONE: Final = Shares({})


class Mix:
    """A mix, and the mixes that apply instead where a condition holds; `where` names its place in messages.

    Notes
    -----
    Conditions are tried in the order written, calling codes by length. The first that holds and has shares decides; a mix of
    nothing but conditions leaves items that meet none of them to the surrounding mix.
    """

    def __init__(self, given: Mapping[Any, Any], where: str = "failures") -> None:
        given = with_codes(given)
        self._inner: list[tuple[Callable[[ItemTraits], bool], Mix]] = []
        places: list[tuple[str, Mix]] = []
        for key, value in given.items():
            if not isinstance(key, str):
                continue
            if key in CONDITIONS[1:]:
                self._inner += _conditions(key, value)
                continue
            inside = _checked(key, value, "a calling code or a region to a mix") if key == "country" else {key: value}
            places += [(_code_of(place), Mix(_mapping(place, mix), repr(place))) for place, mix in inside.items()]
        for prefix, mix in sorted(places, key=lambda place: -len(place[0])):
            self._inner.append((_begins(prefix), mix))
        own = {code: share for code, share in given.items() if not isinstance(code, str)}
        self._own = Shares(checked_shares(where, own)) if own or not self._inner else None

    def find(self, item: ItemTraits) -> Shares | None:
        """Return the shares that apply to an item; None where the surrounding mix decides."""
        for holds, mix in self._inner:
            if holds(item) and (found := mix.find(item)) is not None:
                return found
        return self._own


def _conditions(key: str, value: Any) -> Iterator[tuple[Callable[[ItemTraits], bool], Mix]]:
    tests: Mapping[str, tuple[str, Callable[[Any], bool], Callable[[Any], Callable[[ItemTraits], bool]]]] = {
        "source_address": ("a sender to a mix", lambda one: one is None or isinstance(one, str), _is_sender),
        "hour": ("an hour from 0 to 23 (UTC) to a mix", _is_hour, lambda hour: lambda item: item.hour == hour),
        "content": ("a part of the text to a mix", lambda one: isinstance(one, str) and bool(one), _contains),
    }
    what, fits, test = tests[key]
    for values, mix in _checked(key, value, what).items():
        for given in values if isinstance(values, tuple) else (values,):
            one = int(given) if key == "hour" and isinstance(given, str) and given.isdecimal() else given  # from JSON
            if not fits(one):
                raise ConfigError(f"Sandbox: {named(one)} in the failures by {key!r} does not fit: it takes {what}.")
            yield test(one), Mix(_mapping(one, mix), f"{key} {named(one)}")


def _is_hour(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 23


def _is_sender(sender: str | None) -> Callable[[ItemTraits], bool]:
    return lambda item: (item.source_address or None) == sender


def _contains(part: str) -> Callable[[ItemTraits], bool]:
    folded = part.casefold()
    return lambda item: folded in item.content.casefold()


def _begins(prefix: str) -> Callable[[ItemTraits], bool]:
    return lambda item: item.phone.startswith(prefix)


def _checked(key: str, value: Any, what: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ConfigError(f"Sandbox: the failures by {key!r} are {named(value)}, not a mapping of {what}.")
    return value


def _mapping(place: object, mix: Any) -> Mapping[Any, Any]:
    if not isinstance(mix, Mapping):
        raise ConfigError(f"Sandbox: the failures of {place!r} are {mix!r}, not a mapping of code to share.")
    return mix


def checked_shares(where: str, shares: Mapping[Any, Any]) -> FailureMix:
    """Check that a mapping holds codes and their shares, and nothing else."""
    for code, share in shares.items():
        if code not in codes.TABLE or code == codes.SUCCESS:
            raise ConfigError(f"Sandbox: {code!r} in the failures is not a vendor result code. nx.codes() lists them.")
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise ConfigError(f"Sandbox: the share {share!r} of code {code} is not a number from 0 to 1.")
    if sum(shares.values()) > 1 + 1e-9:
        raise ConfigError(f"Sandbox: the shares of {where} add up to {sum(shares.values()):.3f}, more than 1.")
    return shares


def with_codes(mix: Mapping[Any, Any]) -> dict[Any, Any]:
    """Turn codes into numbers, which JSON and forms write as text; text with a mix of its own is a place."""
    read: dict[Any, Any] = {}
    for key, share in mix.items():
        of_place = isinstance(share, Mapping)
        code = int(key) if isinstance(key, str) and key.strip().isdecimal() and not of_place else key
        if code in read:
            raise ConfigError(f"Sandbox: the failures name code {code} twice, as a number and as text. Give one share.")
        read[code] = share
    return read


def _code_of(place: Any) -> str:
    try:
        return calling_code(place)
    except ConfigError:
        raise ConfigError(
            f"Sandbox: {place!r} in the failures is neither a calling code ('91') nor a region ('IN')."
        ) from None
