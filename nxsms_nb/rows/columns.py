"""Map a frame's own columns to the API's fields."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any

from nxsms_nb.errors import ColumnError
from nxsms_nb.formatting import listed, named

if TYPE_CHECKING:
    import pandas as pd
from nxsms_nb.wire.fields import FIELDS


def resolve(frame: pd.DataFrame, renames: Mapping[str, Hashable | None] | None = None) -> dict[str, Hashable]:
    """Find the frame's column for each API field.

    Parameters
    ----------
    frame : pandas.DataFrame
        The recipients.
    renames : mapping of str to hashable, optional
        Field name (snake_case) to the label of the frame's column; None means not renamed.

    Returns
    -------
    dict of str to hashable
        Field name to column label, for the fields the frame has, in the API's order.

    Raises
    ------
    ColumnError
        A required column is missing, a named one does not exist, a label stands twice in the frame,
        or a field is there under both spellings.

    Examples
    --------
    >>> import pandas as pd
    >>> resolve(pd.DataFrame({"mobile": ["8615088888888"], "content": ["Hi"]}), {"phone": "mobile"})
    {'phone': 'mobile', 'content': 'content'}
    """
    renames = {name: label for name, label in (renames or {}).items() if label is not None}
    found: dict[str, Hashable] = {}
    for field in FIELDS:
        if field.name in renames:
            label = one_label(field.name, renames[field.name])
            if label not in frame.columns:
                raise ColumnError(
                    f"{field.name}={named(label)} names a column the frame does not have. "
                    f"Its columns: {listed(list(frame.columns))}"
                )
        else:
            spellings = [name for name in dict.fromkeys((field.name, field.wire)) if name in frame.columns]
            if len(spellings) > 1:
                raise ColumnError(
                    f"The frame has both {spellings[0]!r} and {spellings[1]!r}, two spellings of one field. "
                    f"Drop one, or say which: {field.name}={spellings[0]!r}"
                )
            if not spellings:
                if field.required:
                    raise ColumnError(
                        f"The frame has no column {field.name!r}. Name the one that holds it, as in "
                        f'{field.name}="mobile". Its columns: {listed(list(frame.columns))}'
                    )
                continue
            label = spellings[0]
        if int((frame.columns == label).sum()) > 1:
            raise ColumnError(f"The frame has more than one column {named(label)}. Rename or drop all but one.")
        found[field.name] = label
    return found


def one_label(option: str, label: Any) -> Hashable:
    """The label that an option names.

    Raises
    ------
    ColumnError
        It is no label: the values of a column, say.
    """
    try:
        hash(label)
    except TypeError:
        raise ColumnError(
            f"{option}= takes a column's name, as in {option}='name', and was given a {type(label).__name__}."
        ) from None
    return label  # type: ignore[no-any-return]
