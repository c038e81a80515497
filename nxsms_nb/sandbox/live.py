"""The settings of a sandbox as attributes that can be assigned while it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, Self, TypeVar, cast, overload

from nxsms_nb.arguments import Names, unknown_option
from nxsms_nb.errors import ConfigError
from nxsms_nb.sandbox.settings import Failures, Faults, Per, Seconds, Settings, Wording

if TYPE_CHECKING:
    from nxsms_nb.sandbox.service import Service

_Value = TypeVar("_Value")

NAMES: Final = tuple(field.name for field in fields(Settings))


class _Live(Generic[_Value]):
    """One setting: read as it is now, checked and in force when assigned."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self.__doc__ = f"The setting ``{name}``; may be assigned while the gateway runs."

    @overload
    def __get__(self, sandbox: None, owner: type) -> Self: ...
    @overload
    def __get__(self, sandbox: LiveSettings, owner: type) -> _Value: ...
    def __get__(self, sandbox: LiveSettings | None, owner: type) -> Self | _Value:
        return self if sandbox is None else cast("_Value", getattr(sandbox.settings, self._name))

    def __set__(self, sandbox: LiveSettings, value: _Value) -> None:
        sandbox.change(**{self._name: value})


class LiveSettings(Names):
    """The part of `Sandbox` that is about settings."""

    def __setattr__(self, name: str, value: Any) -> None:
        # A misspelt setting would be an attribute that nobody reads.
        if not name.startswith("_") and name not in dir(type(self)):
            raise unknown_option(name, NAMES)
        super().__setattr__(name, value)

    _service: Service

    latency = _Live[Seconds]()
    tps = _Live[float | None]()
    limiter = _Live[Literal["bucket", "window"]]()
    per = _Live[Per]()
    balance_per = _Live[Per]()
    hourly_limit = _Live[int | None]()
    failures = _Live[Failures]()
    blocked_keywords = _Live[Sequence[str]]()
    verification_channel = _Live[bool]()
    refuse = _Live[int | None]()
    faults = _Live[Faults]()
    clock_offset = _Live[float]()
    rewrite_phones = _Live[bool]()
    strict_ids = _Live[bool]()
    delivery = _Live[Mapping[int, float]]()
    delivery_delay = _Live[Seconds]()
    dr_url = _Live[str | None]()
    receipts_in = _Live[Literal["body", "query"]]()
    record_delay = _Live[float]()
    record_wording = _Live[Wording]()
    record_network = _Live[Literal["name", "number"]]()
    record_unknown = _Live[Literal["empty", "null", "missing"]]()
    record_utc_offset = _Live[float]()
    query_limit = _Live[float | None]()

    @property
    def seed(self) -> int:
        """The seed of everything that is drawn."""
        return self.settings.seed

    @property
    def settings(self) -> Settings:
        """All settings as they are now."""
        return self._service.settings

    @property
    def balance(self) -> int | None:
        """How many more messages the account can pay for; None without a limit. May be assigned."""
        return self._service.gateway.balance

    @balance.setter
    def balance(self, value: int | None) -> None:
        self.change(balance=value)

    def change(self, **settings: Any) -> None:
        """Change settings of the running gateway, several at once.

        Parameters
        ----------
        **settings
            Any of the settings; the keys, the port and the journal stay.

        Raises
        ------
        ConfigError
            A setting that does not exist or a value that is not usable; nothing is changed then.
        """
        # Another seed is another gateway: what was drawn so far would not repeat.
        changeable = [name for name in NAMES if name != "seed"]
        if unknown := [name for name in settings if name not in changeable]:
            raise ConfigError(f"Sandbox: {unknown[0]!r} is not a setting to change. These are: {', '.join(changeable)}")
        self._service.change(**settings)

    def _changed(self) -> list[str]:
        usual = Settings()
        now = {name: getattr(self.settings, name) for name in NAMES}
        # A function by its name: an address would differ from run to run.
        shown = {name: getattr(value, "__name__", repr(value)) for name, value in now.items()}
        return [f"{name}={shown[name]}" for name, value in now.items() if value != getattr(usual, name)]
