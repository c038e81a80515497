"""What can be set on the simulated gateway, checked in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, fields
from typing import Any, Final, Literal

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Settings of the simulated gateway; `Sandbox` documents each."""

    seed: int = 0
    latency: Seconds = 0.0
    tps: float | None = None
    limiter: Literal["bucket", "window"] = "bucket"
    per: Per = "request"
    balance: int | None = None
    balance_per: Per = "request"
    hourly_limit: int | None = 5
    failures: Failures = None
    blocked_keywords: Sequence[str] = ()
    verification_channel: bool = False
    refuse: int | None = None
    faults: Faults = None
    clock_offset: float = 0.0
    rewrite_phones: bool = False
    strict_ids: bool = True
    delivery: Mapping[int, float] = field(default_factory=lambda: dict(sandbox_delivery.USUAL))
    delivery_delay: Seconds = 0.0
    dr_url: str | None = None
    receipts_in: Literal["body", "query"] = "body"
    record_delay: float = 0.0
    record_wording: Wording = "en"
    record_network: Literal["name", "number"] = "name"
    record_unknown: Literal["empty", "null", "missing"] = "empty"
    record_utc_offset: float = 8.0
    query_limit: float | None = None

    def __post_init__(self) -> None:
        for setting in fields(self):
            value = getattr(self, setting.name)
            if isinstance(value, (dict, list)):
                object.__setattr__(self, setting.name, deepcopy(value))
        for name, check in _CHECKS.items():
            value = getattr(self, name)
            if complaint := check(value):
                # A text is a mistake in its place, a key or a number of somebody for example.
                shown = "" if isinstance(value, (str, bytes)) and name in _NUMBERS else f"={named(value)}"
                raise ConfigError(f"Sandbox: {name}{shown} {complaint}")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - NaN


def _seconds(value: Any) -> str | None:
    low, high = value if isinstance(value, tuple) and len(value) == 2 else (value, value)
    if _number(low) and _number(high) and 0 <= low <= high:
        return None
    return "is neither seconds, 0 or more, nor a (low, high) pair of them."


def _count(value: Any) -> str | None:
    return None if value is None or (_whole(value) and value >= 0) else "is not a whole number, 0 or more, or None."


def _choice(*allowed: str) -> Any:
    return lambda value: None if value in allowed else f"is not one of {', '.join(map(repr, allowed))}."


def _flag(value: Any) -> str | None:
    return None if isinstance(value, bool) else "is neither True nor False."


def _keywords(value: Any) -> str | None:
    if not isinstance(value, str) and all(isinstance(word, str) and word for word in value):
        return None
    return "is not a sequence of words, as in ('casino', 'loan')."


def _rate(value: Any) -> str | None:
    return None if value is None or (_number(value) and value > 0) else "is not a number per second, above 0, or None."


def _dr_url(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value.startswith(("http://", "https://"))):
        return None
    return "is not a URL, as in 'http://127.0.0.1:8000/receipts'."


def _refuse(value: Any) -> str | None:
    if value is None or (_whole(value) and value in codes.TABLE and value != codes.SUCCESS):
        return None
    return "is not a code of the vendor's that refuses, for example 1100. nxsms_nb.codes() lists them."


_NUMBERS: Final = frozenset(
    {"seed", "latency", "tps", "balance", "hourly_limit", "refuse", "clock_offset", "query_limit"}
)
"""The settings that no text can be right for."""

_CHECKS: Final[Mapping[str, Any]] = {
    "seed": lambda v: None if _whole(v) else "is not a whole number.",
    "latency": _seconds,
    "tps": _rate,
    "limiter": _choice("bucket", "window"),
    "per": _choice("request", "item"),
    "balance": _count,
    "balance_per": _choice("request", "item"),
    "hourly_limit": _count,
    "blocked_keywords": _keywords,
    "verification_channel": _flag,
    "refuse": _refuse,
    "clock_offset": lambda v: None if _number(v) else "is not a number of seconds.",
    "rewrite_phones": _flag,
    "strict_ids": _flag,
    "delivery": sandbox_delivery.complaint,
    "delivery_delay": _seconds,
    "dr_url": _dr_url,
    "receipts_in": _choice("body", "query"),
    "record_delay": lambda v: None if _number(v) and v >= 0 else "is not a number of seconds, 0 or more.",
    "record_wording": _choice("en", "en-alt", "zh"),
    "record_network": _choice("name", "number"),
    "record_unknown": _choice("empty", "null", "missing"),
    "record_utc_offset": lambda v: None if _number(v) and -12 <= v <= 14 else "is not a number of hours, -12 to 14.",
    "query_limit": _rate,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKeys:
    """The keys that the simulated gateway knows: values made from the seed where none are given.

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
