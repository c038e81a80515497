"""What validation found, as frames and as a display."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from nxsms_nb._arrow import only
from nxsms_nb.errors import ValidationError
from nxsms_nb.formatting import count, html_card, html_line, html_table
from nxsms_nb.given import frame_as_given
from nxsms_nb.rows.links import link_words
from nxsms_nb.rows.problems import suspicions
from nxsms_nb.words.language import hint, tr, translated

if TYPE_CHECKING:
    import numpy.typing as npt

    from nxsms_nb.rows.message_ids import Keys
    from nxsms_nb.rows.problems import Problems
    from nxsms_nb.rows.rules import Checked
    from nxsms_nb.settings import Duplicates

__all__ = ["ValidationReport"]


class ValidationReport:
    """Every problem of every row of a frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        The frame that was looked at, as `given.frame_as_given` takes it.
    checked : Checked
        Its rows after every rule.
    keys : identity.Keys
        The text that tells one recipient from another, for each row.
    ordinals : numpy.ndarray of int32
        How many earlier rows have the row's key; -1 where it has a problem and so no key.
    duplicates : {"raise", "drop", "allow"}
        How rows that share a key are treated.

    Attributes
    ----------
    ok : bool
        Whether no row has a problem.
    problems : pandas.DataFrame
        One row per problem, never cut short: ``position`` (int64, counted from 0), ``index`` (the label), ``field``,
        ``code`` (Int64, the vendor's number where there is one), ``rule``, ``value`` (masked), ``hint``.
    warnings : pandas.DataFrame
        Texts that may be sent and read as a mistake: ``nan`` or ``None``, a ``{name}`` or a ``#1#`` that was not filled in, a
        character that could not be decoded. One row per text and rule, columns as of ``problems``.
    counts : pandas.DataFrame
        One row per rule that was broken, index ``rule``: ``field``, ``code``, ``rows``, ``position`` (of the first),
        ``hint``.
    valid, invalid : pandas.DataFrame
        The frame's rows without and with a problem; held-out rows are among those without, suppressed rows in neither.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        checked: Checked,
        keys: Keys,
        ordinals: npt.NDArray[np.int32],
        *,
        duplicates: Duplicates = "raise",
    ) -> None:
        self.frame = frame
        self.checked = checked
        self.keys = keys
        self.ordinals = ordinals
        self.duplicates = duplicates
        self._problems: pd.DataFrame | None = None
        self._suspicions: Problems | None = None

    @property
    def ok(self) -> bool:
        """Whether no row has a problem."""
        return not len(self.checked.problems)

    @property
    def problems(self) -> pd.DataFrame:
        """One row per problem."""
        if self._problems is None:
            self._problems = self.checked.problems.frame(self.frame.index)
        return frame_as_given(self._problems)

    @property
    def warnings(self) -> pd.DataFrame:
        """One row per text that reads as a mistake, and rule."""
        return self.suspicions.frame(self.frame.index)

    @property
    def suspicions(self) -> Problems:
        """The texts that read as a mistake; looked for on first use."""
        if self._suspicions is None:
            fields = self.checked.fields
            self._suspicions = suspicions(only(fields["content"], self.checked.good), links=fields.get("short_link"))
        return self._suspicions

    @property
    def counts(self) -> pd.DataFrame:
        """One row per rule that was broken."""
        return self.checked.problems.counts()

    @property
    def valid(self) -> pd.DataFrame:
        """The frame's rows without a problem."""
        return self.frame.loc[(self.checked.good | self.checked.held) & ~self.checked.suppressed]

    @property
    def invalid(self) -> pd.DataFrame:
        """The frame's rows with a problem."""
        return self.frame.loc[~(self.checked.good | self.checked.held | self.checked.suppressed)]

    def raise_if_bad(self) -> ValidationReport:
        """Raise where there is a problem.

        Returns
        -------
        ValidationReport
            Itself, where there is none.

        Raises
        ------
        ValidationError
            There is a problem.
        """
        if self.ok:
            return self
        counted = ", ".join(f"{rule} {rows:,}" for rule, rows in self.counts["rows"].items())
        raise ValidationError(
            f"{self._headline()} By rule: {counted}. .report.problems of this error lists all, .report.valid are the rows "
            "without a problem.",
            self,
        )

    def _headline(self) -> str:
        rows, held, suppressed = self.checked.rows, int(self.checked.held.sum()), int(self.checked.suppressed.sum())
        sendable = int((self.checked.good & ~self.checked.suppressed).sum())
        bad = rows - sendable - held - suppressed
        aside = (f"; {held:,} held out" if held else "") + (f"; {suppressed:,} suppressed" if suppressed else "")
        if self.ok:
            return f"No problem in {count(rows, 'row')}{aside}."
        found = len(self.checked.problems)
        total = f" ({found:,} in all)" if found > bad else ""
        verb, noun = ("has", "a problem") if bad == 1 else ("have", "problems")
        return f"{bad:,} of {count(rows, 'row')} {verb} {noun}{total}; {sendable:,} may be sent{aside}."

    def _repeated(self) -> str | None:
        repeated = int((self.ordinals > 0).sum())
        if not repeated or self.duplicates == "raise":
            return None
        fate = "will be dropped" if self.duplicates == "drop" else "will be sent too"
        verb = "repeats" if repeated == 1 else "repeat"
        return f'{count(repeated, "row")} {verb} an earlier key and {fate} (duplicates="{self.duplicates}").'

    def _linked(self) -> str | None:
        return link_words(self.checked.fields, np.flatnonzero(self.checked.good & ~self.checked.suppressed))

    def __repr__(self) -> str:
        lines = [f"ValidationReport: {self._headline()}"]
        lines += [words for words in (self._repeated(), self._linked()) if words]
        if not self.ok:
            lines += ["", *_lines(self.counts)]
            lines += ["", "Each one, with what to do: .problems   The rows: .valid, .invalid"]
        if len(self.suspicions):
            lines += ["", _WARNED, *_lines(self.suspicions.counts()), "", "Each one, with what to do: .warnings"]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        parts = [html_line(translated(words)) for words in (self._repeated(), self._linked()) if words]
        if not self.ok:
            parts.append(_table(self.counts))
            parts.append(html_line(tr("Each one: .problems; the rows: .valid, .invalid"), faint=True))
        if len(self.suspicions):
            parts += [html_line(tr(_WARNED)), _table(self.suspicions.counts())]
            parts.append(html_line(tr("Each one: .warnings"), faint=True))
        return html_card("validation", translated(self._headline()), *parts)


_WARNED: Final = "Texts that may be sent, and read as a mistake:"


def _lines(counts: pd.DataFrame) -> list[str]:
    return [
        f"{'rule':<24}{'field':<16}{'code':>6}{'rows':>12}  first at position",
        *(
            f"{row.Index:<24}{row.field:<16}{_number(row.code):>6}{row.rows:>12,}  {row.position}"
            for row in counts.itertuples()
        ),
    ]


def _table(counts: pd.DataFrame) -> str:
    heads = [
        (tr("rule"), False),
        (tr("field"), False),
        (tr("code"), True),
        (tr("rows"), True),
        (tr("first at position"), True),
        (tr("what to do"), False),
    ]
    rows = (
        (row.Index, row.field, _number(row.code), f"{row.rows:,}", row.position, hint(str(row.Index), str(row.hint)))
        for row in counts.itertuples()
    )
    return html_table(heads, rows)


def _number(code: object) -> str:
    return "–" if pd.isna(code) else str(code)  # type: ignore[call-overload]
