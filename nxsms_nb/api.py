"""The verbs: send and its kin. Each runs in a call of its own, see `verbs`."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, Never, Unpack

from nxsms_nb import verbs, views
from nxsms_nb.arguments import only_by_name
from nxsms_nb.calls import Call
from nxsms_nb.client import client_or_env
from nxsms_nb.engine.loops import awaited
from nxsms_nb.engine.prices import read_prices
from nxsms_nb.invocation import Invocation
from nxsms_nb.rows.validate import phones
from nxsms_nb.settings import (
    COLUMNS,
    LOOKING,
    READING,
    SENDING,
    TRYING,
    Looking,
    Sending,
    Trying,
    spelled_out,
    with_defaults,
)

if TYPE_CHECKING:
    from datetime import tzinfo

    import pandas as pd

    from nxsms_nb.client import Client
    from nxsms_nb.engine.plan import Plan
    from nxsms_nb.engine.run import Run
    from nxsms_nb.views.compose import Compose


@spelled_out(SENDING, COLUMNS)
def send(frame: pd.DataFrame, client: Client | None = None, *others: Never, **given: Unpack[Sending]) -> pd.DataFrame:
    """Send a frame's rows as SMS, each at most once, and join the results.

    See ``df.nxsms.send`` for parameters, results and errors.
    """
    only_by_name(send, others)
    call: Call[pd.DataFrame] = Call(partial(verbs.sending.sent, frame=frame, client=client, given=given))
    return call.result()


@spelled_out(SENDING, COLUMNS)
async def asend(
    frame: pd.DataFrame, client: Client | None = None, *others: Never, **given: Unpack[Sending]
) -> pd.DataFrame:
    """Send as `send` does, but awaited: the running event loop continues.

    A cancellation stops the run, awaits its end and is raised again; `recorded` then has the frame.
    """
    only_by_name(asend, others)
    call: Call[pd.DataFrame] = Call(partial(verbs.sending.sent, frame=frame, client=client, given=given, verb="asend"))
    # A cancellation before the work has begun names it as well.
    call.recorded = Invocation("asend", given, client is not None).text("recorded")
    return await awaited(call)


@spelled_out(SENDING, COLUMNS)
def start(frame: pd.DataFrame, client: Client | None = None, *others: Never, **given: Unpack[Sending]) -> Run:
    """Send as `send` does, but return a `Run` at once: ``.stop()``, ``.wait()``, ``.done``, ``.frame``, ``.stopped``."""
    only_by_name(start, others)
    call: Call[Run] = Call(partial(verbs.sending.started, frame=frame, client=client, given=given))
    # No cast: it is a call, and an interrupt during it would lose the only handle.
    return call.first()  # type: ignore[no-any-return]


@spelled_out({"prices": None, "rate": None}, LOOKING, COLUMNS)
def plan(
    frame: pd.DataFrame,
    client: Client | None = None,
    *,
    prices: Any = None,
    rate: float | None = None,
    **given: Unpack[Looking],
) -> Plan:
    """Find out what would happen to each row if the frame were sent now. Sends nothing.

    See ``df.nxsms.plan`` for parameters, results and errors.
    """
    call: Call[Plan] = Call(
        partial(verbs.looking.planned, frame=frame, client=client, prices=prices, rate=rate, given=given)
    )
    return call.result()


@spelled_out({"template": "", "prices": None}, LOOKING, COLUMNS)
def compose(
    frame: pd.DataFrame,
    client: Client | None = None,
    *,
    template: str = "",
    prices: Any = None,
    **given: Unpack[Looking],
) -> Compose:
    """Write a text with a live preview. Sends nothing.

    See ``df.nxsms.compose`` for parameters, results and errors.
    """
    settings, per_segment = with_defaults(given, LOOKING, COLUMNS), read_prices(prices)
    spelled = Invocation("compose", {"template": template or None, "prices": prices, **given}, client is not None)
    account = client_or_env(client, practice=spelled.practice)
    label = settings["content"] if settings["content"] is not None else "content"

    def planned(rows: pd.DataFrame) -> tuple[Plan, list[str]]:
        call: Call[tuple[Plan, list[str]]] = Call(
            partial(verbs.looking.foreseen, frame=rows, client=account, prices=per_segment, given=given)
        )
        return call.result()

    def lines(text: str, plain: bool) -> str:
        rendered = f"df.nxsms.render({text!r})"
        made = f"nx.plain({rendered})" if plain else rendered
        return f"df[{label!r}] = {made}\nsent = {spelled.text('send')}"

    return views.compose.Compose(
        frame,
        phones=phones(frame, {name: settings[name] for name in READING}),
        label=label,
        plan=planned,
        lines=lines,
        given=views.compose.Given(
            settings["campaign"], account.simulated, account.on_loopback, per_segment is not None
        ),
        template=template,
    )


@spelled_out(LOOKING, COLUMNS)
def recorded(frame: pd.DataFrame, client: Client | None = None, **given: Unpack[Looking]) -> pd.DataFrame:
    """Join what is recorded of a frame's rows, as `send` would. Sends nothing.

    See ``df.nxsms.recorded`` for parameters, results and errors.
    """
    call: Call[pd.DataFrame] = Call(partial(verbs.looking.looked_up, frame=frame, client=client, given=given))
    return call.result()


@spelled_out({"codes": None}, SENDING, COLUMNS)
def retry(
    frame: pd.DataFrame,
    client: Client | None = None,
    codes: int | Iterable[int] | None = None,
    *others: Never,
    **given: Unpack[Sending],
) -> pd.DataFrame:
    """Retry rows that certainly were not sent and may pass now.

    See ``df.nxsms.retry`` for parameters, results and errors.
    """
    only_by_name(retry, others)
    call: Call[pd.DataFrame] = Call(
        partial(verbs.sending.retried, frame=frame, client=client, codes=codes, given=given)
    )
    return call.result()


@spelled_out({"absent": "Unknown"}, LOOKING, COLUMNS)
def reconcile(
    frame: pd.DataFrame,
    client: Client | None = None,
    absent: Literal["Unknown", "Unsent"] = "Unknown",
    *others: Never,
    **given: Unpack[Looking],
) -> pd.DataFrame:
    """Settle rows in doubt by the vendor's record query.

    See ``df.nxsms.reconcile`` for parameters, results and errors.
    """
    only_by_name(reconcile, others)
    call: Call[pd.DataFrame] = Call(
        partial(verbs.settling.reconciled, frame=frame, client=client, absent=absent, given=given)
    )
    return call.result()


@spelled_out({"tz": "Asia/Shanghai"}, LOOKING, COLUMNS)
def receipts(
    frame: pd.DataFrame, client: Client | None = None, *, tz: str | tzinfo = "Asia/Shanghai", **given: Unpack[Looking]
) -> pd.DataFrame:
    """Join delivery receipts, pushed and pulled, and settle the rows in doubt that they prove accepted.

    See ``df.nxsms.receipts`` for parameters, results and errors.
    """
    call: Call[pd.DataFrame] = Call(partial(verbs.receiving.received, frame=frame, client=client, tz=tz, given=given))
    return call.result()


@spelled_out(TRYING, COLUMNS)
def try_out(
    frame: pd.DataFrame, client: Client | None = None, *, to: Any, rows: int = 3, **given: Unpack[Trying]
) -> pd.DataFrame:
    """Send a few rows' texts to the person's own number.

    See ``df.nxsms.try_out`` for parameters, results and errors.
    """
    call: Call[pd.DataFrame] = Call(
        partial(verbs.trying.tried, frame=frame, client=client, to=to, rows=rows, given=given)
    )
    return call.result()
