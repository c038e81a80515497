"""Find a setting's value for a message by country and network, nested to any depth: delivery, delays and losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named

_Value = TypeVar("_Value")

NETWORK: Final = "network"
"""The key of conditions by network; every other text is a region or a calling code."""


class ByPlace(Generic[_Value]):
    """A value that may differ by country and network.

    Notes
    -----
    `split` takes the value of its own from what was given, None where that is a mapping of nothing but places, and the mapping of
    places. Networks are tried first, then calling codes by their length; the first that holds decides. Where nothing does,
    the surrounding value counts.
    """

    def __init__(self, given: Any, split: Callable[[Any], tuple[_Value | None, Mapping[Any, Any]]]) -> None:
        self.own, places = split(given)
        self._networks: dict[str, ByPlace[_Value]] = {}
        self._countries: list[tuple[str, ByPlace[_Value]]] = []
        for place, inside in places.items():
            if place == NETWORK:
                if not isinstance(inside, Mapping):
                    raise ConfigError(f"has {named(inside)} by network, which is not a mapping of a network's name.")
                self._networks |= {str(name): ByPlace(one, split) for name, one in inside.items()}
            else:
                self._countries.append((calling_code(place), ByPlace(inside, split)))
        self._countries.sort(key=lambda one: -len(one[0]))

    def find(self, phone: str, names: tuple[str, ...]) -> _Value | None:
        """Return the value for a number on a network, which has several `names`; None if there is none."""
        for name in names:
            if name in self._networks and (found := self._networks[name].find(phone, names)) is not None:
                return found
        for prefix, one in self._countries:
            if phone.startswith(prefix) and (found := one.find(phone, names)) is not None:
                return found
        return self.own


def calling_code(place: Any) -> str:
    """Return the digits that numbers of a region, or of a calling code, begin with.

    Examples
    --------
    >>> calling_code("IN"), calling_code("+49")
    ('91', '49')
    """
    if isinstance(place, str) and place.removeprefix("+").isdigit():
        return place.removeprefix("+")
    import phonenumbers  # noqa: PLC0415 - heavy, and only wanted where a region is named

    number = phonenumbers.country_code_for_region(place.upper()) if isinstance(place, str) else 0
    if not number:
        raise ConfigError(f"has {named(place)}, which is neither a calling code ('91') nor a region ('IN').")
    return str(number)
