"""Faults on the way: which request meets which fault, and how a fault changes a reply's data.

A fault is written as one word:

* ``{kind}_before`` or ``{kind}_after`` the effect, or ``{kind}_unread``, before the body was read. Kinds: ``close`` and
  ``reset`` (the connection, FIN or RST), ``mute`` (no answer), ``drip`` (an endless answer), ``half_header``,
  ``short_body`` (shorter than announced), ``cut_chunks``, ``cut_plain`` (cut without an announced length), ``garbage``
  (not HTTP), ``html``, ``broken_json``, ``empty``, and ``http_502`` or any other status;
* a change of the reply's data, after the effect: ``reordered``, ``missing``, ``alien``, ``renamed``, ``repeated``,
  ``contradicting``, ``odd_status``, ``unknown_text``, ``no_data``;
* a code: ``1102`` refuses the request as a whole without effect; ``-1_after`` claims so in spite of an effect;
  ``9000_with_data`` claims so and reports the true result of each item;
* ``ok``: none; ``lost`` is short for ``close_after``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from nxsms_nb.errors import ConfigError
from nxsms_nb.sandbox.draws import derived, roll

if TYPE_CHECKING:
    from nxsms_nb.sandbox.settings import Faults

Data = list[dict[str, str]]

WIRE: Final = (
    "close",
    "reset",
    "mute",
    "drip",
    "half_header",
    "short_body",
    "cut_chunks",
    "cut_plain",
    "garbage",
    "html",
    "broken_json",
    "empty",
)
_WORD: Final = re.compile(rf"({'|'.join(WIRE)}|http_[1-9][0-9][0-9])_(unread|before|after)")
_CODE: Final = re.compile(r"(-?[0-9]+)(_after|_with_data)?")


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, read from its `word`: its `kind` is one of `WIRE`, an ``http_`` status, one of `SPOILED`, or "code".

    It happens before the body is read, before the effect, or after it.
    """

    word: str
    kind: str
    when: Literal["unread", "before", "after"]
    code: int | None = None

    @property
    def with_data(self) -> bool:
        """Whether a code comes with the true data."""
        return self.word.endswith("_with_data")


def fault(word: str | int) -> Fault | None:
    """Read a fault from its word; None for "ok".

    Examples
    --------
    >>> fault("http_502_after")
    Fault(word='http_502_after', kind='http_502', when='after', code=None)
    >>> fault(9000).when
    'before'
    """
    text = "close_after" if word == "lost" else str(word)
    if text == "ok":
        return None
    if text in SPOILED:
        return Fault(text, text, "after")
    if match := _WORD.fullmatch(text):
        return Fault(text, match[1], match[2])  # type: ignore[arg-type]
    if not isinstance(word, bool) and (match := _CODE.fullmatch(text)):
        return Fault(text, "code", "after" if match[2] else "before", int(match[1]))
    raise ConfigError(
        f"Sandbox: {word!r} is not a fault. Faults are {', '.join(SPOILED)}, a code, or one of "
        f"{', '.join(WIRE)}, http_502 followed by _before, _after or _unread."
    )


class Chooser:
    """Decides which request meets which fault.

    By shares, drawn from the seed, the body and how often that body was tried; or by a script in order of arrival, after which
    no request meets one.

    Examples
    --------
    >>> script = Chooser(["ok", "lost"], seed=0)
    >>> [met.word if met else None for met in (script.scripted(), script.scripted(), script.scripted())]
    [None, 'close_after', None]
    """

    def __init__(self, faults: Faults, seed: int) -> None:
        self._script: list[Fault | None] = []
        self._ladder: list[tuple[float, Fault]] = []
        self._seed = derived(seed, "faults")
        self._tries: dict[int, int] = {}
        if isinstance(faults, Mapping):
            self._ladder = list(_ladder(faults.items()))
        elif isinstance(faults, Sequence) and not isinstance(faults, str):
            self._script = [fault(word) for word in reversed(faults)]
        elif faults is not None:
            raise ConfigError(
                f"Sandbox: faults={faults!r} is neither a mapping of fault to share nor a sequence of faults."
            )

    def scripted(self) -> Fault | None:
        """Return the script's fault for the request that just arrived."""
        return self._script.pop() if self._script else None

    def drawn(self, raw: bytes) -> Fault | None:
        """Draw the fault for a body."""
        if not self._ladder:
            return None
        body = roll(raw, self._seed)
        tries = self._tries[body] = self._tries.get(body, -1) + 1
        drawn = roll(f"{body}:{tries}") / (1 << 64)
        return next((met for limit, met in self._ladder if drawn < limit), None)


def _ladder(shares: Iterable[tuple[str | int, Any]]) -> Iterable[tuple[float, Fault]]:
    total = 0.0
    for word, share in shares:
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 <= share <= 1:
            raise ConfigError(f"Sandbox: the share {share!r} of the fault {word!r} is not a number from 0 to 1.")
        total += share
        if total > 1 + 1e-9:
            raise ConfigError(f"Sandbox: the shares of the faults add up to {total:.3f}, more than 1.")
        if (met := fault(word)) is not None:
            yield total, met


def _missing(data: Data, place: int) -> Data:
    return data[:place] + data[place + 1 :]


def _alien(data: Data, place: int) -> Data:
    return [*data[:place], data[place] | {"messageid": "alien-0123456789"}, *data[place:]]


def _renamed(data: Data, place: int) -> Data:
    return _changed(data, place, messageid="alien-0123456789")


def _repeated(data: Data, place: int) -> Data:
    return [*data, data[place]]


def _contradicting(data: Data, place: int) -> Data:
    item = {name: value for name, value in data[place].items() if name != "message"}
    accepted = item["status"] == "Success"
    other = {"status": "Failure", "message": "Incorrect phone number format"} if accepted else {"status": "Success"}
    return [*data, item | other]


def _odd_status(data: Data, place: int) -> Data:
    return _changed(data, place, status="Submitted")


def _unknown_text(data: Data, place: int) -> Data:
    if data[place]["status"] == "Success":
        return data
    return _changed(data, place, message="Rejected by upstream (E-77)")


def _changed(data: Data, place: int, **changes: str) -> Data:
    return [*data[:place], data[place] | changes, *data[place + 1 :]]


SPOILED: Final[Mapping[str, Callable[[Data, int], Data | None]]] = {
    "reordered": lambda data, place: data[place:][::-1] + data[:place],
    "missing": _missing,
    "alien": _alien,
    "renamed": _renamed,
    "repeated": _repeated,
    "contradicting": _contradicting,
    "odd_status": _odd_status,
    "unknown_text": _unknown_text,
    "no_data": lambda _data, _place: None,
}
"""The changes of a reply's data, each at one of its items."""


def spoil(kind: str, data: Data | None, raw: bytes) -> Data | None:
    """Change a reply's data as a fault says, at an item chosen by the request's body.

    Examples
    --------
    >>> spoil("repeated", [{"phone": "1", "messageid": "a", "status": "Success"}], b"")[1]["messageid"]
    'a'
    """
    if not data:
        return data
    return SPOILED[kind](data, roll(raw) % len(data))
