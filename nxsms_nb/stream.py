"""Send frames chunk by chunk, as one run of one campaign: a file larger than memory, for example."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Unpack

import pandas as pd
import pyarrow as pa

from nxsms_nb import screen
from nxsms_nb.arguments import strict
from nxsms_nb.calls import Call
from nxsms_nb.client import client_or_env
from nxsms_nb.engine import other_keys
from nxsms_nb.engine.notices import mistaken_words
from nxsms_nb.engine.prepare import journal_of, prepare_to_send
from nxsms_nb.engine.progress import Observer, Progress
from nxsms_nb.engine.run import Run, Session, stopped
from nxsms_nb.engine.sources import ALL_WARNINGS, Measured, Part, source_of
from nxsms_nb.engine.state import Limits
from nxsms_nb.engine.stream_state import SoFar, agreed_to, fewer
from nxsms_nb.errors import ConfigError, ConfirmationNeeded, Interrupted, JournalError, NxsmsError, Stopped
from nxsms_nb.formatting import count
from nxsms_nb.invocation import Invocation
from nxsms_nb.results import columns
from nxsms_nb.rows import suppression
from nxsms_nb.rows.rounding import Counts
from nxsms_nb.settings import COLUMNS, SENDING, Sending, spelled_out, with_defaults
from nxsms_nb.verbs.sending import report_all_sent
from nxsms_nb.views import progress

if TYPE_CHECKING:
    from nxsms_nb.client import Client
    from nxsms_nb.engine.dispatch import Dispatch
    from nxsms_nb.journal.campaign import Campaign
    from nxsms_nb.stop_request import StopRequest

_BYTES: Final = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
_ROWS_AHEAD: Final = 1_000_000
"""How many rows' records the journal's disk must have room for when a stream of unknown length begins."""


@strict
@spelled_out(SENDING, COLUMNS)
def send_stream(
    frames: Iterable[Any], client: Client | None = None, **given: Unpack[Sending]
) -> Generator[pd.DataFrame, None, None]:
    """Send frames one after another, as one run of a campaign, and yield each with its results.

    Parameters
    ----------
    frames : iterable of frames
        Chunks of ``pandas.read_csv``, row groups of Parquet, Arrow tables or batches, polars frames: pandas frames, or
        anything with Arrow's C stream interface. Only one is held at a time. The length of a list of frames, a frame or a
        ``pyarrow.parquet.ParquetFile`` is known, so that `confirm` is checked before the first row.
    client : Client, optional
        The account; None: `Client.from_env`.
    {options}

    Yields
    ------
    pandas.DataFrame
        As `send` returns it, chunk by chunk.

    Raises
    ------
    ConfigError
        There is no campaign.
    Stopped
        As for `send`; ``.frame`` is the chunk that was being sent. Run the same stream again to continue.

    Notes
    -----
    `campaign` is required: its key identifies rows across chunks, and a row whose key an earlier chunk had is not sent again.
    `confirm` and `max_failures` count over the whole stream; one of unknown length ends before the chunk with which it
    would send more than was confirmed.

    Examples
    --------
    >>> import pandas as pd, nxsms_nb as nx
    >>> chunks = (pd.DataFrame({"phone": [f"861508888888{i}"], "content": ["Hi"]}) for i in range(3))
    >>> with nx.Sandbox(seed=7) as sandbox:
    ...     sum(len(sent) for sent in nx.send_stream(chunks, sandbox.client, campaign="spring", progress="silent"))
    3
    """
    settings = with_defaults(given, SENDING, COLUMNS)
    spelled = Invocation("send_stream", given, client is not None)
    if (listed := suppression.of(settings["suppress"], settings["phone"])) is not None:
        settings["suppress"] = replace(listed, chunked=True)
    client = client_or_env(client, practice=spelled.practice)
    return sent_in_turn(source_of(frames), client, settings, spelled)


def sent_in_turn(
    source: Iterable[Any], client: Client, settings: dict[str, Any], spelled: Invocation
) -> Generator[pd.DataFrame, None, None]:
    """Do what `send_stream` does, with a source, a client and options that are settled, for a call written as `spelled`.

    A campaign has to be named. Besides frames, the source may yield `sources.Part`: a frame with what is known of its rows.
    """
    if settings["campaign"] is None:
        raise ConfigError(f"A stream needs a campaign name: {spelled.text(campaign='spring')}")
    so_far = SoFar(settings["campaign"])
    work = partial(_stream, source=source, so_far=so_far, client=client, settings=settings, spelled=spelled)
    return _sent(source, so_far, work)


def _sent(
    frames: Iterable[Any], so_far: SoFar, work: Callable[[Call[None]], None]
) -> Generator[pd.DataFrame, None, None]:
    """Read the frames in this thread, to which they may belong; the stream's own thread does everything else."""
    call = Call(work)
    try:
        call.first()
        for frame in _read(frames, so_far):
            yield call.exchange(frame)
        call.finish()
    finally:
        # An assignment comes first: another interrupt could prevent a function call.
        call.stop.asked = call.left = True
        call.close()


def _stream(
    call: Call[None],
    *,
    source: Iterable[Any],
    so_far: SoFar,
    client: Client,
    settings: dict[str, Any],
    spelled: Invocation,
) -> None:
    """Send the frames that come, in the thread of the stream's call, under one lock and in one record."""
    limits = Limits.of(settings)
    call.recorded = spelled.text("recorded")
    observer = _Whole(progress.watch(settings["progress"], call))
    session: Session | None = None
    reason: str | None = "the stream was abandoned before its end"
    call.ready_to_lock()
    with journal_of(settings, client).campaign(settings["campaign"]) as campaign:
        try:
            so_far.begun_us = campaign.now_us()
            _agree_beforehand(source, call.stop, client=client, settings=settings, spelled=spelled, campaign=campaign)
            settings = {"counts": Counts(), **settings}
            listing = source.all_warnings if isinstance(source, Measured) else ALL_WARNINGS
            distinct = isinstance(source, Measured) and source.distinct
            call.hand_out(None)
            while (given := call.given()) is not None:
                report = given[0].report if isinstance(given[0], Part) else None
                dispatch = _dispatch(
                    given[0],
                    so_far,
                    client=client,
                    settings=settings,
                    call=spelled,
                    campaign=campaign,
                    own_run=session.recorder.run if session is not None and distinct else None,
                )
                with so_far.placing(len(dispatch.frame)):
                    so_far.agree(dispatch, settings["confirm"])
                so_far.look_at(dispatch)
                if session is None:
                    ahead = source.rows if isinstance(source, Measured) else _ROWS_AHEAD
                    session = Session(dispatch, limits, rows=ahead)
                    so_far.memory = session.memory
                    screen.say(other_keys.sent_before_words(dispatch, settings))
                screen.say(mistaken_words(dispatch, listing, report))
                run = Run(dispatch, limits, observer, call, session=session)
                run.go()
                sent = run.outcome(last=True)
                if run.ending is not None:
                    # All rows of the chunk were decided when it ended early; still the next chunk must not begin.
                    raise stopped(run.ending, sent, spelled)
                so_far.rows += len(sent)
                call.hand_out(sent)
                # Only one chunk is held at a time: the next one may be as large.
                del given, report, dispatch, run, sent
            if call.stop.asked and not call.left:
                # By a button, between two chunks: a reader would mistake the end of the work for a chunk.
                raise Interrupted("Stopped by you between two chunks; those before it were sent.")
            if not call.stop.asked:
                reason = None
                so_far.tell(partial(report_all_sent, call))
        except Stopped as ending:
            reason = ending.reason[:1].lower() + ending.reason[1:]
            raise
        finally:
            observer.end()
            broken = sys.exception()
            try:
                if session is not None:
                    session.close(stopped=reason)
            except JournalError as error:
                # The chunk that was being sent when the journal failed.
                error.frame = getattr(broken, "frame", None)
                raise


def _dispatch(
    frame: Any,
    so_far: SoFar,
    *,
    client: Client,
    settings: dict[str, Any],
    call: Invocation,
    campaign: Campaign,
    own_run: int | None = None,
) -> Dispatch:
    """Prepare the next chunk; its errors say where in the source it is."""
    report = frame.report if isinstance(frame, Part) else None
    with so_far.placing(0):
        chunk = as_pandas(frame) if report is None else report.frame
    with so_far.placing(len(chunk)):
        return prepare_to_send(
            chunk,
            client,
            settings,
            call=call,
            campaign=campaign,
            doubts_before_us=so_far.begun_us,
            own_run=own_run,
            report=report,
        )


def _read(frames: Iterable[Any], so_far: SoFar) -> Iterator[Any]:
    """Yield the frames; if the source breaks off, its error says what was sent."""
    try:
        with so_far.placing(0):
            yield from frames
    except NxsmsError:
        raise
    except Exception as error:
        if so_far.rows:
            error.add_note(f"{so_far.went()} Run the same stream again to continue.")
        raise


def _agree_beforehand(
    frames: Iterable[Any],
    stop: StopRequest,
    *,
    client: Client,
    settings: dict[str, Any],
    spelled: Invocation,
    campaign: Campaign,
) -> None:
    """Refuse before the first row, if the source's length is known, to send more than was confirmed."""
    most = agreed_to(settings["confirm"])
    if client.on_loopback or not isinstance(frames, Measured) or frames.rows <= most:
        return
    # Only rows that would be sent count; the source's length suffices where nothing needs confirming.
    settings = {"counts": Counts(), **settings}
    leaving, looked = 0, SoFar(settings["campaign"])
    for frame in frames:
        stop.check()
        dispatch = _dispatch(frame, looked, client=client, settings=settings, call=spelled, campaign=campaign)
        leaving += len(dispatch.todo)
        looked.rows += len(dispatch.frame)
    if leaving > most:
        raise ConfirmationNeeded(
            f"This stream would send {count(leaving, 'message')} to {client.base_url}"
            f"{fewer(settings['confirm'])}. Nothing was sent. If that is what you want:\n"
            f"    {spelled.text(confirm=leaving)}",
            leaving,
        )


class _Whole:
    """Shows the runs of a stream as one: earlier chunks are added to the progress of the current one."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._before = Progress(total=0, sending=0)

    def update(self, snapshot: Progress) -> None:
        self._observer.update(self._added(snapshot))

    def close(self, snapshot: Progress) -> None:
        self._before = self._added(snapshot)

    def end(self) -> None:
        with suppress(Exception):
            self._observer.close(replace(self._before, final=True))

    def _added(self, now: Progress) -> Progress:
        before = self._before
        return replace(
            now,
            total=before.total + now.total,
            sending=before.sending + now.sending,
            decided=before.decided + now.decided,
            counts=Counter(before.counts) + Counter(now.counts),
            codes=Counter(before.codes) + Counter(now.codes),
            before=Counter(before.before) + Counter(now.before),
            suppressed=before.suppressed + now.suppressed,
            elapsed_s=before.elapsed_s + now.elapsed_s,
            final=False,
        )


def as_pandas(frame: Any) -> pd.DataFrame:
    """Convert a frame of another library (polars, pyarrow, DuckDB, …) to pandas, with text as Arrow strings.

    Examples
    --------
    >>> import pyarrow as pa
    >>> as_pandas(pa.table({"phone": ["8615088888888"]}))["phone"].to_list()
    ['8615088888888']
    """
    if isinstance(frame, pd.DataFrame):
        return frame
    if isinstance(frame, pa.RecordBatch):
        frame = pa.Table.from_batches([frame])
    if not isinstance(frame, pa.Table):
        if not hasattr(frame, "__arrow_c_stream__"):
            raise ConfigError(f"{type(frame).__name__} is not a frame. Use one of pandas, polars or Arrow.")
        frame = pa.table(frame)
    for place, kind in enumerate(frame.schema.types):
        if kind == pa.binary_view():  # few kernels take it
            frame = frame.set_column(place, frame.schema.names[place], frame.column(place).cast(pa.large_binary()))
    converted: pd.DataFrame = frame.to_pandas(types_mapper=_dtype)
    for place, dtype in enumerate(converted.dtypes):
        if isinstance(dtype, pd.CategoricalDtype) and dtype.categories.inferred_type in ("string", "empty"):
            # Categories of a chunk without any would have no type.
            text = pd.Index(dtype.categories, dtype=columns.TEXT)
            converted.isetitem(place, converted.iloc[:, place].cat.rename_categories(text).array)
    return converted


def _dtype(kind: pa.DataType) -> Any:
    """Return the pandas dtype for an Arrow type, the same for every chunk; None for pandas' default."""
    types = pa.types
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        return columns.TEXT
    if types.is_boolean(kind):
        return pd.BooleanDtype()
    if types.is_integer(kind):
        # With missing values they would be floats, which lose digits from 2**53 on.
        return pd.api.types.pandas_dtype(str(kind).replace("int", "Int").replace("uI", "UI"))
    # As objects, their type would depend on the values of each chunk.
    exact = types.is_decimal, types.is_date, types.is_time, types.is_nested, types.is_null, *_BYTES
    return pd.ArrowDtype(kind) if any(is_one(kind) for is_one in exact) else None
