"""Settings of the session, and the keywords that several verbs share, with defaults and checks in one place."""

from __future__ import annotations

import inspect
import unicodedata
from collections.abc import Callable, Hashable, Mapping
from numbers import Integral, Real
from typing import Any, Final, Literal, TypedDict, TypeVar

from nxsms_nb.arguments import Names, unknown_option
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named
from nxsms_nb.given import value_as_given
from nxsms_nb.wire.fields import FIELDS
from nxsms_nb.wire.requests import BATCH_MAX
from nxsms_nb.words.language import chosen, use

Duplicates = Literal["raise", "drop", "allow"]


class SessionOptions(Names):
    """Settings that hold for the whole session.

    Attributes
    ----------
    confirm_above : int, default 100
        To a gateway that is not on loopback, more messages than this need ``confirm=``.
    language : {"en", "zh"}, default "en"
        The language of what is shown: the panel of a run, the dashboard, compose, pictures and tables. Columns, their values
        and errors stay English, since programs read them.
    mask_phones : bool, default True
        Whether phone numbers are masked in the dashboard, in compose and in pictures. They are masked in errors, logs and
        the journal in any case.
    """

    __slots__ = ("_confirm_above", "_mask_phones")

    def __init__(self) -> None:
        self._confirm_above = 100
        self._mask_phones = True

    @property
    def confirm_above(self) -> int:
        """How many messages a real gateway may get without ``confirm=``."""
        return self._confirm_above

    @confirm_above.setter
    def confirm_above(self, value: int) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise ConfigError(f"options.confirm_above={named(value)} is not a whole number of messages, 0 or more.")
        self._confirm_above = value

    @property
    def language(self) -> str:
        """The language of what is shown: "en" or "zh"."""
        return chosen()

    @language.setter
    def language(self, value: str) -> None:
        use(value)

    @property
    def mask_phones(self) -> bool:
        """Whether phone numbers are masked in what is displayed."""
        return self._mask_phones

    @mask_phones.setter
    def mask_phones(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise ConfigError(f"options.mask_phones={named(value)} is neither True nor False.")
        self._mask_phones = value

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in dir(type(self)):
            raise unknown_option(name, [one for one in dir(type(self)) if not one.startswith("_")])
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        given = (f"{name}={getattr(self, name)!r}" for name in ("confirm_above", "language", "mask_phones"))
        return f"options({', '.join(given)})"


options: Final = SessionOptions()
"""The settings of this session."""


class Columns(TypedDict, total=False):
    """Keywords that name the frame's columns; by default a field has the column of its own name."""

    phone: Hashable
    content: Hashable
    source_address: Hashable
    sys_message_id: Hashable
    short_link: Hashable
    link_verbose: Hashable
    dr_url: Hashable
    ext: Hashable


class Checking(Columns, total=False):
    """Keywords of validation: the columns, and which rows count as the same recipient."""

    campaign: str | None
    key: Hashable | list[Hashable] | None
    duplicates: Duplicates
    region: Hashable | None
    bare: Literal["national", "international"] | None
    suppress: Any
    variant: Hashable


class Trying(Columns, total=False):
    """Keywords of a trial: the columns, and how rows are read."""

    region: Hashable
    bare: Literal["national", "international"] | None
    variant: Hashable


class Looking(Checking, total=False):
    """Keywords of verbs that look at or settle what was sent: those of validation, and the journal."""

    journal: Any
    prefix: str


class Sending(Looking, total=False):
    """Keywords of send, asend and start."""

    on_invalid: Literal["skip", "raise"]
    confirm: int | None
    concurrency: int
    batch_size: int
    max_rate: float | None
    max_failures: float | None
    progress: Any


CHECKING: Final[Mapping[str, Any]] = {
    "campaign": None,
    "key": None,
    "duplicates": "raise",
    "region": None,
    "bare": None,
    "suppress": None,
    "variant": "variant",
}
READING: Final[Mapping[str, Any]] = {"region": None, "phone": None, "bare": None}
TRYING: Final[Mapping[str, Any]] = {name: CHECKING[name] for name in ("region", "bare", "variant")}
LOOKING: Final[Mapping[str, Any]] = {**CHECKING, "journal": None, "prefix": ""}
SENDING: Final[Mapping[str, Any]] = {
    "campaign": None,
    "key": None,
    "duplicates": "raise",
    "on_invalid": "skip",
    "confirm": None,
    "concurrency": 8,
    "batch_size": BATCH_MAX,
    "max_rate": None,
    "max_failures": None,
    "progress": None,
    "journal": None,
    "prefix": "",
    "region": None,
    "bare": None,
    "suppress": None,
    "variant": "variant",
}
COLUMNS: Final[Mapping[str, Any]] = {field.name: None for field in FIELDS}

OPTION_DOCS: Final[Mapping[str, str]] = {
    "campaign": """str, optional
    The campaign's name. In a named campaign a number gets one message; without a name, the same text is not sent to the
    same number twice.""",
    "key": """label or list of labels, optional
    The columns that distinguish messages, for example ``"order_id"``. Default: the phone in a named campaign,
    else phone and content.""",
    "duplicates": """{"raise", "drop", "allow"}, default "raise"
    What to do with rows that share a key: refuse the call, send only the first of them, or send each.""",
    "on_invalid": """{"skip", "raise"}, default "skip"
    What to do with rows that fail validation.""",
    "confirm": """int, optional
    Confirmation to send at most this many messages to a real gateway; required above ``nx.options.confirm_above``.""",
    "concurrency": """int, default 8
    Requests in flight at once, 1 to 256.""",
    "batch_size": """int, default 200
    Rows per request, 1 to 200.""",
    "max_rate": """float, optional
    The most messages per second. The account's own limit is detected: throttling (13008) slows the run down.""",
    "max_failures": """int or float, optional
    Stop when more rows than this have failed: a count, or a share (a float below 1) of the answered rows.""",
    "progress": """{None, "widget", "bar", "silent"} or Observer, optional
    How to show progress. None: a widget in a notebook, a bar in a terminal, else nothing.""",
    "journal": """path-like, URL or Journal, optional
    The record of earlier sends: a file, or the URL of a PostgreSQL database that a team shares
    (``postgresql://user@host/database``). None: ``NXSMS_JOURNAL``, from the environment or a ``.env``
    file, else a file in the user's data folder.""",
    "prefix": """str, default ""
    A prefix for the names of the result columns.""",
    "region": """str or label, optional
    The country that completes national numbers: two capital letters, for example ``"CN"``, or the column with each row's, in
    either case.""",
    "bare": """{"national", "international"}, optional
    What numbers without +, 00 and trunk zero are, where `region` is given. None: what is valid; national first if it can be
    a mobile of the region, unless the column also holds bare numbers of other countries. What stays open is a problem.""",
    "suppress": """path, Series, frame, list, set or number, optional
    Numbers that get no message, in any spelling, or the ``.csv``, ``.tsv``, ``.txt``, ``.xlsx`` or ``.parquet`` file that holds
    them: those rows become ``Skipped``, "suppressed". National numbers are completed by `region` as the rows' are; an entry
    that cannot be read stops the call. Rows that were sent before keep their results. Where the frame has rows that an earlier
    list suppressed, a call without a list is stopped; ``()`` is the list with nobody.""",
    "variant": """label, default "variant"
    The column with each row's variant, as `assign_variants` makes it: ``holdout`` rows are not sent and become ``Skipped``,
    whatever their content. A frame without a column of the default name has no holdout.""",
}
"""The meaning of each option in numpydoc, for the docstrings of the verbs."""

_COLUMN_DOCS: Final = """label, optional
    The frame's column for this field, where it has another name than the field."""

_Call = TypeVar("_Call", bound=Callable[..., Any])


def spelled_out(*groups: Mapping[str, Any]) -> Callable[[_Call], _Call]:
    """List the options of a function that takes ``**options`` in its signature, for Tab, Shift-Tab and ``help``.

    The signature lists every keyword of the groups with its default; a line ``{options}`` of the docstring becomes their
    description.
    """
    defaults = {name: value for group in groups for name, value in group.items()}

    def decorate(call: _Call) -> _Call:
        signature = inspect.signature(call)
        own = [p for p in signature.parameters.values() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        shared = {name: value for name, value in defaults.items() if name not in signature.parameters}
        spelled = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=shared[name]) for name in shared]
        call.__signature__ = signature.replace(parameters=own + spelled)  # type: ignore[attr-defined]
        if call.__doc__ is not None:  # python -OO has none
            call.__doc__ = inspect.cleandoc(call.__doc__).replace("{options}", _documented(list(shared)))
        return call

    return decorate


def _documented(names: list[str]) -> str:
    """Describe options as entries of numpydoc's Parameters; columns share an entry."""
    columns = ", ".join(name for name in names if name in COLUMNS)
    entries = [f"{name} : {OPTION_DOCS[name]}" for name in names if name in OPTION_DOCS]
    return "\n".join([*entries, f"{columns} : {_COLUMN_DOCS}"] if columns else entries)


def with_defaults(given: Mapping[str, Any], *groups: Mapping[str, Any]) -> dict[str, Any]:
    """Complete the options of a call with the defaults of the groups, and check them all."""
    defaults = {name: value for group in groups for name, value in group.items()}
    unknown = [name for name in given if name not in defaults]
    if unknown:
        raise unknown_option(unknown[0], defaults)
    settled = {**defaults, **{name: value_as_given(value) for name, value in given.items()}}
    for name, check in _CHECKS.items():
        if name in settled and (complaint := check(settled[name])):
            raise ConfigError(f"{name}={shown(settled[name])} {complaint}")
    if settled.get("bare") == "national" and settled["region"] is None:
        raise ConfigError(
            "bare='national' needs the country: its two capital letters, as in region='CN', or the column that "
            "holds them."
        )
    return settled


def shown(value: Any) -> str:
    """Format a value for an error; of a column only its type, since its values may be personal."""
    return f"a {type(value).__name__}" if hasattr(value, "dtype") and getattr(value, "ndim", None) else named(value)


def _one_of(*allowed: str) -> Callable[[Any], str | None]:
    return lambda value: None if value in allowed else f"is not one of {', '.join(map(repr, allowed))}."


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


PLACEHOLDER: Final = "…"
"""The placeholder in a proposed call; a call pasted without replacing it must be refused."""


LISTS: Final = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".xlsx", ".parquet", ".txt")
"""The file name endings of do-not-contact lists."""


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_unicode(text: str) -> bool:
    # pandas would refuse a lone surrogate in a column's name only when everything was sent.
    return not any(unicodedata.category(letter) == "Cs" for letter in text)


def _max_failures(value: Any) -> str | None:
    if value is None or (_is_whole(value) and value >= 0) or (isinstance(value, float) and 0 <= value < 1):
        return None
    return "is not a count (a whole number, 0 or more) or a share of the answered rows (for example 0.05)."


def _campaign(value: Any) -> str | None:
    if value == PLACEHOLDER:
        return "is a placeholder. Replace it by the campaign's name."
    if value is None or (
        isinstance(value, str)
        and value.strip() == value
        and 0 < len(value) <= 200
        and not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in value)
    ):
        return None
    return "is not a campaign name: 1 to 200 characters, without blanks at its ends and without control characters."


def region_complaint(value: Any) -> str | None:
    """Say why a value is not a region or the label of a column; None if it is."""
    try:
        hash(value)
    except TypeError:
        return (
            "is not a country's two capital letters, as in region='CN', or a column name. Put the countries into a "
            "column first: df.assign(country=…), then region='country'."
        )
    return None


_CHECKS: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "campaign": _campaign,
    "duplicates": _one_of("raise", "drop", "allow"),
    "on_invalid": _one_of("skip", "raise"),
    "confirm": lambda v: None if v is None or (_is_whole(v) and v >= 0) else "is not a number of messages.",
    "concurrency": lambda v: None if _is_whole(v) and 1 <= v <= 256 else "is not a whole number from 1 to 256.",
    "batch_size": lambda v: (
        None if _is_whole(v) and 1 <= v <= BATCH_MAX else f"is not a whole number from 1 to {BATCH_MAX}."
    ),
    "max_rate": lambda v: (
        None
        if v is None or (_is_number(v) and (0 < v <= 1e12 or v == float("inf")))
        else "is not a number of messages per second."
    ),
    "max_failures": _max_failures,
    "variant": lambda v: "is not a column. Omit it, or name one, as in variant='arm'." if v is None else None,
    "prefix": lambda v: None if isinstance(v, str) and _is_unicode(v) else "is not text.",
    "region": region_complaint,
    "bare": lambda v: (
        None
        if v is None or (isinstance(v, str) and v in ("national", "international"))
        else "is not one of 'national', 'international'."
    ),
}
