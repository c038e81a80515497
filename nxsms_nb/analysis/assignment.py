"""Who gets which variant: by a hash of campaign and person, the same in any order, subset and kernel, indefinitely.

The hashes are version 1 and never change: a person that is in an arm of a campaign stays in it.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from itertools import repeat
from numbers import Real
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import xxhash

from nxsms_nb import screen
from nxsms_nb._arrow import TEXT, present
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import count, listed, named
from nxsms_nb.given import frame_as_given
from nxsms_nb.rows import keys, message_ids
from nxsms_nb.rows.columns import found, one_column, one_label
from nxsms_nb.rows.holdout import HOLDOUT, VARIANT
from nxsms_nb.rows.templates import render, rendered
from nxsms_nb.rows.validate import phones
from nxsms_nb.settings import CHECKING, with_defaults

if TYPE_CHECKING:
    from nxsms_nb.analysis.intervals import Floats
    from nxsms_nb.rows.phones import Bare
    from nxsms_nb.rows.rounding import Counts

__all__ = ["assign_variants"]

Variants = Mapping[str, str] | Sequence[str]
Weights = Mapping[Any, float] | Sequence[float] | None
Unit = Hashable | list[Hashable]

CONTENT: Final = "content"
_ARM: Final = "nxsms arm 1"
_HOLDOUT: Final = "nxsms holdout 1"
_SEPARATOR: Final = "\x1f"


def assign_variants(
    frame: pd.DataFrame,
    variants: Variants,
    *,
    campaign: str,
    unit: Unit = "phone",
    weights: Weights = None,
    holdout: float = 0.0,
    column: Hashable = VARIANT,
    phone: Hashable | None = None,
    region: Hashable | None = None,
    bare: Bare | None = None,
    counts: Counts | None = None,
) -> pd.DataFrame:
    """Assign each row to a variant; see ``df.nxsms.assign_variants``.

    `counts` says what the whole columns are, where the frame is a part of one; then nothing is said of rows without a variant or a
    text.

    Examples
    --------
    >>> people = pd.DataFrame({"phone": ["8615088888888", "4915112345678", "14155550123"], "name": ["Li", "Ann", "Bo"]})
    >>> assign_variants(people, {"A": "Hi {name}", "B": "Hello {name}!"}, campaign="spring")["content"].to_list()
    ['Hello Li!', 'Hello Ann!', 'Hi Bo']
    """
    names = _names(variants)
    if campaign is None or with_defaults({"campaign": campaign}, CHECKING)["campaign"] is None:
        raise ConfigError(
            "assign_variants needs a campaign name, which decides who gets which variant: campaign='spring'"
        )
    shares, held = shares_of(weights, names), _share_held(holdout)
    label = one_label("column", column)
    frame = frame_as_given(frame)
    number = phone if phone is not None else "phone"
    if label in (number, "phone", CONTENT) or label in (unit if isinstance(unit, list) else [unit]):
        raise ConfigError(
            f"column={named(label)} would replace the {'texts' if label == CONTENT else 'numbers or units'} of the frame by the "
            f"variants. Name a column of its own: column={VARIANT!r}."
        )
    units = unit_texts(frame, unit, phone=phone, region=region, bare=bare, counts=counts)
    arms = np.searchsorted(np.cumsum(shares)[:-1], positions(units, campaign, _ARM), side="right")
    arms[positions(units, campaign, _HOLDOUT) < held] = len(names)
    known = present(units)
    arms[~known] = -1
    frame[label] = pd.Categorical.from_codes(arms, categories=pd.Index([*names, HOLDOUT]))
    if isinstance(variants, Mapping):
        # The others get an empty text, so that they do not count as rows that lack one.
        templates: dict[Any, str] = {**variants, HOLDOUT: "", None: ""}
        if counts is None:
            content = render(frame, templates, by=label)
        else:
            content, _ = rendered(frame, templates, label)
        frame[CONTENT] = content.where((arms >= 0) & (arms < len(names)))
    if counts is None and not known.all():
        screen.say(
            f"{count(int((~known).sum()), 'row')} of {len(frame):,} got no variant, because what unit= names is missing there "
            "or cannot be read. df.nxsms.validate() shows why a number cannot."
        )
    return frame


def positions(units: pa.Array, campaign: str, purpose: str) -> Floats:
    """Map each unit to a number between 0 and 1 by its hash, spread evenly, and independently for each purpose."""
    seed = xxhash.xxh3_64_intdigest(f"{purpose}{_SEPARATOR}{campaign}".encode())
    texts = units.fill_null("").cast(pa.large_binary()).to_numpy(zero_copy_only=False).tolist()
    digests = np.fromiter(map(xxhash.xxh3_64_intdigest, texts, repeat(seed)), np.uint64, len(texts))
    return np.asarray((digests >> np.uint64(11)).astype(np.float64) * 2.0**-53)


def unit_texts(
    frame: pd.DataFrame,
    unit: Unit,
    *,
    phone: Hashable | None,
    region: Hashable | None,
    bare: Bare | None,
    counts: Counts | None = None,
) -> pa.Array:
    """Return the text that identifies each unit: the digits of a phone, or for other columns the text that keys use.

    A missing or ambiguous column raises `ColumnError`.
    """
    labels = [one_label("unit", label) for label in (unit if isinstance(unit, list) else [unit])]
    if not labels:
        raise ConfigError("unit=[] names no column. Name the one that identifies people, as in unit='phone'.")
    number = one_column(frame, phone, "phone") if phone is not None else found(frame, "phone")
    labels = [
        number if label == "phone" and number is not None else one_column(frame, label, "unit") for label in labels
    ]
    labels = sorted(dict.fromkeys(labels), key=lambda label: (str(label), type(label).__name__))
    texts = []
    for label in labels:
        if label == number:
            digits = phones(frame, {"phone": label, "region": region, "bare": bare}, counts)
            texts.append(pa.array(digits, TEXT, from_pandas=True))
        else:
            texts += keys.columns(frame, [label], number, pa.nulls(0, TEXT))[0]
    if len(texts) == 1:
        return texts[0]
    parts = message_ids.key_texts({}, texts)
    return parts.slice(0, len(parts))


def shares_of(weights: Weights, names: Sequence[Any]) -> Floats:
    """Return each arm's intended share of the rows; they add up to 1.

    Examples
    --------
    >>> shares_of({"A": 9, "B": 1}, ["A", "B"]).tolist()
    [0.9, 0.1]
    """
    if weights is None:
        given: list[Any] = [1.0] * len(names)
    elif isinstance(weights, Mapping):
        strange = [name for name in weights if name not in names]
        missing = [name for name in names if name not in weights]
        if strange or missing:
            wrong = f"names {named(strange[0])}" if strange else f"has none for {named(missing[0])}"
            raise ConfigError(f"weights= {wrong}. Give one for each of {listed(list(names))}.")
        given = [weights[name] for name in names]
    else:
        given = list(weights) if not isinstance(weights, str) else []
        if len(given) != len(names):
            raise ConfigError(
                f"weights= has {count(len(given), 'weight')} for {len(names)} arms: {listed(list(names))}."
            )
    wrong_ones = [weight for weight in given if not is_number(weight) or not 0 < weight < float("inf")]
    if wrong_ones:
        raise ConfigError(
            f"weights= holds {named(wrong_ones[0])}, which is not a number above 0, as in weights={{'A': 9, 'B': 1}}."
        )
    shares = np.array(given, np.float64)
    return np.asarray(shares / shares.sum())


def is_number(value: Any) -> bool:
    """Return whether a value is a number; True and False are not."""
    return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))


def _names(variants: Any) -> list[str]:
    given = list(variants) if isinstance(variants, (Mapping, list, tuple)) else []
    if not given:
        raise ConfigError(
            f"variants={named(variants)} names no variants. Give a template for each, {{'A': 'Hi {{name}}', 'B': 'Hello'}}, or "
            "a list of names, ['A', 'B']."
        )
    for name in given:
        if not isinstance(name, str) or not name.strip():
            raise ConfigError(f"variants= has {named(name)} as a name. Names are text, as in 'A'.")
        if name == HOLDOUT:
            raise ConfigError(
                "variants= names 'holdout', whose rows get no message. Give their share instead: holdout=0.1"
            )
    if len(set(given)) < len(given):
        raise ConfigError(f"variants= repeats a name: {listed(given)}.")
    return given


def _share_held(holdout: Any) -> float:
    if not is_number(holdout) or not 0 <= holdout < 1:
        raise ConfigError(f"holdout={named(holdout)} is not a share of the rows, from 0 to below 1, as in holdout=0.1.")
    return float(holdout)
