"""Tables in text files: their encoding, their separator, and their rows as literal text."""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import pandas as pd
import pyarrow as pa

from nxsms_nb._arrow import TEXT
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import named

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins like UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAID: Final = {
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-16": "UTF-16",
    "utf-32": "UTF-32",
    "gb18030": "GB18030",
}
_SEPARATORS: Final = {"tab": "\t", r"\t": "\t"}
_WORDS: Final = {"\t": "a tab", ";": "a semicolon", "|": "a bar", ",": "a comma"}
_EXCEL: Final = re.compile(r"sep=(.)\r?\n?")
"""The first line by which a file names its separator for Excel."""
_PIECE: Final = 1 << 20
"""Bytes read at a time."""


@dataclass(frozen=True)
class Layout:
    """How to read a text file.

    `packed` by gzip, with `skipped` lines before the header; the columns are all text, and `notes` say what was detected rather
    than given.
    """

    encoding: str
    separator: str
    packed: bool
    skipped: int
    schema: pa.Schema
    notes: tuple[str, ...]


def check_encoding(encoding: str | None) -> None:
    """Raise `ConfigError` for a name that is not a text encoding's."""
    if encoding is None:
        return
    try:
        b" ".decode(encoding, "ignore")  # for no bytes at all, Python looks nothing up
        known = True
    except (LookupError, TypeError, ValueError):
        known = False
    if not known:
        raise ConfigError(
            f"encoding={named(encoding)} is not an encoding that Python knows. For example 'gb18030', 'cp1252' or 'utf-16'."
        )


def one_separator(separator: str | None) -> str | None:
    """Return the one character that separates fields; None if none is given."""
    if separator is None:
        return None
    one = _SEPARATORS.get(separator, separator) if isinstance(separator, str) else ""
    if len(one) != 1 or one in '"\r\n\0':
        raise ConfigError(
            f"sep={named(separator)} is not one character that separates columns, such as ',', ';' or 'tab'."
        )
    return one


def layout_of(path: Path, kind: str, *, encoding: str | None = None, separator: str | None = None) -> Layout:
    """Detect how to read a text file; what is given is used as it is.

    Refuses a file without a header, or whose encoding is not certain.
    """
    packed = kind.endswith(".gz")
    notes = []
    if encoding is None:
        encoding = _encoding(path, packed=packed)
        if encoding in _SAID:
            notes.append(f"{path} is read as {_SAID[encoding]}.")
    with _lines(path, encoding, packed=packed) as lines:
        excel_line = _EXCEL.fullmatch(lines.readline())
    skipped = int(excel_line is not None)
    default = "," if kind.startswith(".csv") else "\t"
    used = separator or (excel_line[1] if excel_line else default)

    def header(delimiter: str) -> list[str]:
        with _lines(path, encoding, packed=packed) as lines:
            for _ in range(skipped):
                lines.readline()
            return next((fields for fields in csv.reader(lines, delimiter=delimiter) if fields), [])

    names = header(used)
    if not names:
        raise ConfigError(f"{path} is empty.")
    if len(names) == 1 and separator is None and excel_line is None:
        # A single column cannot hold messages: another separator is likely.
        most, other = max((len(header(one)), one) for one in _WORDS)
        if most > 1:
            used, names = other, header(other)
            notes.append(f"The columns of {path} are separated by {_WORDS[used]}.")
    return Layout(encoding, used, packed, skipped, pa.schema([(name, TEXT) for name in names]), tuple(notes))


def chunks(path: Path, layout: Layout, rows: int) -> Iterator[pa.Table]:
    """Read a text file in chunks; empty fields are null."""
    # As text, since numbers read as floats lose digits. Without index_col=False, delimiters at the ends of lines would make
    # the first column an index; with it, pandas warns that it drops extra fields.
    options: Any = {
        "dtype": str,
        "keep_default_na": False,
        "na_values": [""],
        "index_col": False,
        "encoding": layout.encoding,
        "sep": layout.separator,
        "skiprows": layout.skipped,
        "compression": "gzip" if layout.packed else None,
    }
    with pd.read_csv(path, chunksize=rows, **options) as frames:
        while (frame := _strictly(frames)) is not None:
            columns = [pa.array(column, TEXT, from_pandas=True) for _, column in frame.items()]
            yield pa.Table.from_arrays(columns, schema=layout.schema)


def _strictly(frames: Iterator[pd.DataFrame]) -> pd.DataFrame | None:
    """Return the next frame, or None; pandas' warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return next(frames, None)


def open_bytes(path: Path, *, packed: bool) -> IO[bytes]:
    """Open a file for reading, uncompressed."""
    return gzip.open(path, "rb") if packed else path.open("rb")  # type: ignore[return-value]


def _lines(path: Path, encoding: str, *, packed: bool) -> io.TextIOWrapper:
    return io.TextIOWrapper(open_bytes(path, packed=packed), encoding, newline="")


def _encoding(path: Path, *, packed: bool) -> str:
    """Detect a file's encoding by its mark or by all of its bytes; refuse uncertainty, which would send wrong texts."""
    with open_bytes(path, packed=packed) as file:
        beginning = file.read(4)
    marked = next((name for mark, name in _MARKS if beginning.startswith(mark)), None)
    if marked is not None:
        return marked
    error = _fault(path, "utf-8", packed=packed)
    if error is None:
        return "utf-8"
    if _fault(path, "gb18030", packed=packed) is None and _reads_as_chinese(path, packed=packed):
        if _reads_as_korean(path, packed=packed):
            raise ConfigError(
                f"{path} cannot be read: it may be Korean (EUC-KR) or Chinese (GB18030). Give its encoding, for example "
                "encoding='euc_kr'."
            )
        return "gb18030"
    raise ConfigError(f"{path} cannot be read ({undecoded(error)}). Give its encoding, for example encoding='cp1252'.")


def _fault(path: Path, encoding: str, *, packed: bool) -> UnicodeError | None:
    """Return the error that the first wrong byte of a file raises in an encoding; None if there is none."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with open_bytes(path, packed=packed) as file:
        try:
            while piece := file.read(_PIECE):
                if b"\0" in piece:
                    raise ConfigError(
                        f"{path} cannot be read: it contains NUL bytes, so it is not text, or UTF-16 without a byte order mark. "
                        "For the latter, name its encoding: encoding='utf-16-le'."
                    )
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeError as error:
            return error
    return None


_COMMON: Final = frozenset(
    "的一是不了在人有我他这中大来上国个到说们为子和你地出道也时年得就那要下以生会自着去之过家学对可她里后小么心多天而能好都然没日于起还发成事只作当想看文"
    "无开手十用主行方又如前所本见经头面公同三已老从动两长知民样现分将外但身些与高意进把法此实回二理美点月明其种声全工己话儿者向情部正名定女问力机给等几"
    "很业最间新什打便位因重被走电四第门相次东政海口使教西再平真听世气信北少关并内加化由却代军产入先山五太水万市尊敬您客户验证码请优惠活动短信退订感谢收购"
    "送货快递订单号码手姓名联系费付款元订银账"
)
"""Characters that make up a third of ordinary Chinese text, and words of short messages."""


def _reads_as_korean(path: Path, *, packed: bool) -> bool:
    """Return whether a file's first megabyte, read as EUC-KR, is almost entirely Hangul.

    Many such bytes are Chinese, too.
    """
    with open_bytes(path, packed=packed) as file:
        text = codecs.getincrementaldecoder("euc_kr")("replace").decode(file.read(_PIECE))
    foreign = [letter for letter in text if letter > "\x7f"]
    return sum("가" <= letter <= "힣" for letter in foreign) > 0.95 * len(foreign) > 2


def _reads_as_chinese(path: Path, *, packed: bool) -> bool:
    """Return whether a file read as GB18030 is Chinese: nearly any text in another old encoding can be read so.

    In Chinese text nearly all characters are those of GB 2312's first level and punctuation, and many are common ones.
    """
    letters: Counter[str] = Counter()
    with _lines(path, "gb18030", packed=packed) as lines:
        while piece := lines.read(_PIECE):
            letters.update(piece)
    foreign = {letter: times for letter, times in letters.items() if not letter.isascii()}
    usual = sum(times for letter, times in foreign.items() if _is_usual(letter.encode("gb18030")))
    common = sum(times for letter, times in foreign.items() if letter in _COMMON)
    total = sum(foreign.values())
    return common > 0 and usual >= 0.9 * total and common >= 0.1 * total


def _is_usual(pair: bytes) -> bool:
    return len(pair) == 2 and pair[1] >= 0xA1 and (pair[0] <= 0xA3 or 0xB0 <= pair[0] <= 0xD7)


def undecoded(error: UnicodeError) -> str:
    """Describe briefly why bytes are not text in an encoding."""
    if not isinstance(error, UnicodeDecodeError):
        return " ".join(str(error).split())
    name = {"utf-8": "UTF-8", "gb18030": "GB18030"}.get(error.encoding, error.encoding)
    return f"it is not {name}: byte 0x{error.object[error.start]:02x}"
