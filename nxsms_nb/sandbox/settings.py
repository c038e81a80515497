"""The settings of the simulated gateway, each with its type, default and check in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, Generic, Literal, Self, TypeVar, cast, overload

from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import Secret, mask_secret, named
from nxsms_nb.sandbox import delivery as sandbox_delivery
from nxsms_nb.sandbox.draws import derived
from nxsms_nb.wire import codes

FailureMix = Mapping[int, float]
Failures = Mapping[int | str, Any] | Callable[[Any], Any] | Literal["realistic"] | None
Faults = Mapping[str | int, float] | Sequence[str | int] | None
Seconds = float | tuple[float, float]
Per = Literal["request", "item"]
Wording = Literal["en", "en-alt", "zh"]
Check = Callable[[Any], str | None]

_Value = TypeVar("_Value")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - NaN


def _seconds(value: Any) -> str | None:
    low, high = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
    if _number(low) and _number(high) and 0 <= low <= high:
        return None
    return "is not a number of seconds, 0 or more, or a (low, high) pair of them."


def _count(value: Any) -> str | None:
    return None if value is None or (_whole(value) and value >= 0) else "is not a whole number, 0 or more, or None."


def _choice(*allowed: str) -> Check:
    return lambda value: None if value in allowed else f"is not one of {', '.join(map(repr, allowed))}."


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "is not True or False."


def _keywords(value: Any) -> str | None:
    if not isinstance(value, str) and all(isinstance(word, str) and word for word in value):
        return None
    return "is not a sequence of words, as in ('casino', 'loan')."


def _rate(value: Any) -> str | None:
    return None if value is None or (_number(value) and value > 0) else "is not a number per second, above 0, or None."


def _share(value: Any) -> str | None:
    return None if _number(value) and 0 <= value <= 1 else "is not a share, a number from 0 to 1."


def _dr_url(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.startswith(("http://", "https://"))):
        return None
    return "is not a URL, as in 'http://127.0.0.1:8000/receipts'."


def _refuse(value: Any) -> str | None:
    if value is None or (_whole(value) and value in codes.TABLE and value != codes.SUCCESS):
        return None
    return "is not a vendor result code that refuses, for example 1100. nx.codes() lists them."


class Setting(Generic[_Value]):
    """One setting of the gateway: its type, default and check; reads as its value now, is in force once assigned.

    ``numeric`` says that no text can be right: one in its place may be a key or somebody's number, and is not shown.
    """

    def __init__(self, default: _Value, check: Check = lambda _: None, *, numeric: bool = False) -> None:
        self.default = default
        self._check = check
        self._numeric = numeric

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self.__doc__ = f"The setting ``{name}``; may be assigned while the gateway runs."

    @overload
    def __get__(self, owner: None, kind: type) -> Self: ...
    @overload
    def __get__(self, owner: Adjustable, kind: type) -> _Value: ...
    def __get__(self, owner: Adjustable | None, kind: type) -> Self | _Value:
        return self if owner is None else cast("_Value", owner._value_of(self._name))  # noqa: SLF001 - of the same class

    def __set__(self, owner: Adjustable, value: _Value) -> None:
        owner.change(**{self._name: value})

    def check(self, value: object) -> None:
        """Raise `ConfigError` where a value is not usable."""
        if complaint := self._check(value):
            shown = "" if isinstance(value, (str, bytes)) and self._numeric else f"={named(value)}"
            raise ConfigError(f"Sandbox: {self._name}{shown} {complaint}")


class Adjustable:
    """Every setting of the simulated gateway, each declared once; `Sandbox` documents them."""

    seed = Setting[int](0, lambda v: None if _whole(v) else "is not a whole number.", numeric=True)
    latency = Setting[Seconds](0.0, _seconds, numeric=True)
    tps = Setting[float | None](None, _rate, numeric=True)
    limiter = Setting[Literal["bucket", "window"]]("bucket", _choice("bucket", "window"))
    per = Setting[Per]("request", _choice("request", "item"))
    balance = Setting[int | None](None, _count, numeric=True)
    balance_per = Setting[Per]("request", _choice("request", "item"))
    hourly_limit = Setting[int | None](5, _count, numeric=True)
    failures = Setting[Failures](None)
    blocked_keywords = Setting[Sequence[str]]((), _keywords)
    verification_channel = Setting[bool](False, _flag)
    refuse = Setting[int | None](None, _refuse, numeric=True)
    faults = Setting[Faults](None)
    clock_offset = Setting[float](0.0, lambda v: None if _number(v) else "is not a number of seconds.", numeric=True)
    rewrite_phones = Setting[bool](False, _flag)
    strict_ids = Setting[bool](True, _flag)
    delivery = Setting[Mapping[Any, Any]](sandbox_delivery.USUAL, sandbox_delivery.complaint)
    delivery_delay = Setting[Seconds | Mapping[Any, Any]](0.0, partial(sandbox_delivery.wrong_by_place, check=_seconds))
    receipts_lost = Setting[float | Mapping[Any, Any]](0.0, partial(sandbox_delivery.wrong_by_place, check=_share))
    dr_url = Setting[str | None](None, _dr_url)
    receipts_in = Setting[Literal["body", "query"]]("body", _choice("body", "query"))
    record_delay = Setting[Seconds](0.0, _seconds)
    record_wording = Setting[Wording]("en", _choice("en", "en-alt", "zh"))
    record_network = Setting[Literal["name", "number"]]("name", _choice("name", "number"))
    record_unknown = Setting[Literal["empty", "null", "missing"]]("empty", _choice("empty", "null", "missing"))
    record_utc_offset = Setting[float](
        8.0, lambda v: None if _number(v) and -12 <= v <= 14 else "is not a number of hours, -12 to 14."
    )
    query_limit = Setting[float | None](None, _rate, numeric=True)

    def _value_of(self, name: str) -> Any:
        """Return a setting's present value."""
        raise NotImplementedError

    def change(self, **settings: Any) -> None:
        """Put other values in force."""
        raise AttributeError(f"{', '.join(settings)} cannot be assigned here. Assign it to the sandbox.")


DECLARED: Final[Mapping[str, Setting[Any]]] = {
    name: setting for name, setting in vars(Adjustable).items() if isinstance(setting, Setting)
}
"""Name to setting, in the order of the signature of `Sandbox`."""


class Settings(Adjustable):
    """A value for each setting, checked, that does not change any more; defaults for those not given."""

    def __init__(self, **given: Any) -> None:
        self._values = {name: given.get(name, setting.default) for name, setting in DECLARED.items()}
        for name, value in self._values.items():
            # A later change in place would be in force without having been checked.
            self._values[name] = deepcopy(value) if isinstance(value, (dict, list)) else value
            DECLARED[name].check(value)

    def _value_of(self, name: str) -> Any:
        """Return a setting as it was given."""
        return self._values[name]

    def changed_to(self, **settings: Any) -> Settings:
        """Return the settings with some of them replaced."""
        return Settings(**{**self._values, **settings})

    def not_default(self) -> list[str]:
        """Return the settings that differ from their defaults, as they are written in a call."""
        # A function by its name: an address would differ from run to run.
        shown = {name: getattr(value, "__name__", repr(value)) for name, value in self._values.items()}
        return [f"{name}={shown[name]}" for name, value in self._values.items() if value != DECLARED[name].default]

    def __repr__(self) -> str:
        return f"Settings({', '.join(self.not_default())})"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKeys:
    """The keys that the simulated gateway knows: made from the seed unless given.

    Examples
    --------
    >>> AccessKeys.seeded(7) == AccessKeys.seeded(7)
    True
    >>> AccessKeys.seeded(7, app_key="app")
    Keys(access_key='sandbox-f746b0', access_secret=•••, app_key='app', app_secret=•••)
    """

    access_key: str
    access_secret: str = field(repr=False)
    app_key: str
    app_secret: str = field(repr=False)

    @classmethod
    def seeded(cls, seed: int, **given: str | None) -> AccessKeys:
        """Make the keys that were not given from the seed."""
        made: dict[str, str] = {name: Secret(f"{derived(seed, name):016x}") for name in ("access_secret", "app_secret")}
        made |= {name: f"sandbox-{derived(seed, name) % 0x1000000:06x}" for name in ("access_key", "app_key")}
        return cls(**(made | {name: value for name, value in given.items() if value is not None}))

    def __post_init__(self) -> None:
        for name in ("access_secret", "app_secret"):
            object.__setattr__(self, name, Secret(getattr(self, name)))

    def __repr__(self) -> str:
        hidden = mask_secret(self.access_secret), mask_secret(self.app_secret)
        return (
            f"Keys(access_key={self.access_key!r}, access_secret={hidden[0]}, "
            f"app_key={self.app_key!r}, app_secret={hidden[1]})"
        )
