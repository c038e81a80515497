"""`Sandbox`: the simulated gateway as one object."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from nxsms_nb.arguments import Names, shown_unfinished, strict_and_hidden, unknown_option
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import hidden, html_card, html_facts
from nxsms_nb.sandbox.server import HOST, Server
from nxsms_nb.sandbox.service import Service
from nxsms_nb.sandbox.settings import (
    DECLARED,
    AccessKeys,
    Adjustable,
    Failures,
    Faults,
    Per,
    Seconds,
    Settings,
    Wording,
)
from nxsms_nb.screen import say
from nxsms_nb.words.language import tr

if TYPE_CHECKING:
    import pandas as pd

    from nxsms_nb.client import Client


def _hidden(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: hidden(value) if "secret" in name else value for name, value in given.items()}


class Sandbox(Adjustable, Names):
    """A simulated NXCloud gateway on loopback: answers like the vendor's and records what it accepts.

    It runs in its own thread, so it serves scripts and notebooks alike, and ends with ``close()``, at the end of a ``with``
    block, or with the interpreter. Settings are attributes that can be assigned while it runs.

    Parameters
    ----------
    seed : int, default 0
        The same seed and messages have the same outcomes, however they are split into requests and in any order of arrival.
    port : int, default 0
        The port on loopback; 0 for any free one.
    latency : float or (float, float), default 0.0
        Seconds each request takes, or the range they are drawn from.
    tps : float, optional
        The most messages per second; beyond that 13008.
    limiter : {"bucket", "window"}, default "bucket"
        A token bucket that holds one second's worth, or a count that restarts every second.
    per : {"request", "item"}, default "request"
        Whether 13008 refuses the request as a whole, or the items beyond the limit.
    balance : int, optional
        How many more messages the account can pay for; then 1102. The attribute is what is left of it.
    balance_per : {"request", "item"}, default "request"
        Whether 1102 refuses the request as a whole, or the items beyond the balance.
    hourly_limit : int or None, default 5
        The most messages to one number within an hour; then 13007.
    failures : mapping, function or "realistic", optional
        The share of items that fails with each code: ``{13005: 0.01, "IN": {13006: 0.06}}``, where a region or a calling code
        has its own mix instead of the general one. "realistic" is `REALISTIC`.

        A mix may also depend on the sender, on the hour at which the item arrives (UTC), and on what its text contains (ignoring
        case), nested as deep as needed: ``{13005: 0.01, "source_address": {"ACME": {"IN": {13006: 0.6}}},
        "hour": {14: {13007: 0.2}}, "content": {("loan", "casino"): {13009: 1.0}}}``. A tuple stands for any of its values.
        Conditions are tried in the order written, calling codes last and by length; the first that holds decides instead of the
        surrounding mix.

        A function decides for all items of a request at once. It takes a frame with the columns ``phone``, ``content``,
        ``source_address``, ``country`` (str) and ``hour`` (int), and returns a code for each row (0 or missing: none), or a
        mapping of code to share, each a number or one for each row:
        ``lambda rows: {13006: 0.02 + 0.4 * (rows["source_address"] == "ACME")}``. A row's answer must not depend on the
        other rows, which differ from request to request. It is tried on two rows when it is given.
    blocked_keywords : sequence of str, optional
        Words for which a content is refused with 13009, in any case.
    verification_channel : bool, default False
        Whether the account is on a verification channel: more than 5 items in a request are 13010.
    refuse : int, optional
        A code with which every request is refused as a whole, for example 1100 or 13003.
    faults : mapping or sequence, optional
        What goes wrong on the way: shares of requests, ``{"lost": 0.01}``, or a script in the order in which
        requests arrive, ``["ok", "lost", "reset_before"]``. `nxsms_nb.sandbox.faults` lists the words.
    clock_offset : float, default 0.0
        Seconds by which the gateway's clock is ahead.
    rewrite_phones : bool, default False
        Whether Chinese mobile numbers without country code come back with one, as in the vendor's example.
    strict_ids : bool, default True
        Whether a sysMessageId must have 10 to 50 characters as the vendor's page says; its example has six.
    delivery : mapping, optional
        Receipt status to its share of the accepted messages; the rest is delivered. By default 7% are not. A region or a calling
        code, and each network, may have its own mix instead, nested as deep as needed:
        ``{5: 0.02, "IN": {7: 0.3, "network": {"Jio": {5: 0.9}}}}``.
    delivery_delay : float, (float, float) or mapping, default 0.0
        Seconds until a message's receipt, or the range they are drawn from; by country and network as `delivery`, with those of
        all others under None: ``{"IN": (60, 600), None: (1, 5)}``.
    receipts_lost : float or mapping, default 0.0
        The share of receipts that are never pushed, or the shares by country and network as in `delivery_delay`. The record has
        what they would have said.
    dr_url : str, optional
        Where receipts are pushed for messages without their own drUrl; only to addresses on this machine.
    receipts_in : {"body", "query"}, default "body"
        Whether a receipt's fields come as a form, or in the query string as older customers get them.
    record_delay : float or (float, float), default 0.0
        Seconds until record queries know a message, or the range they are drawn from: then a day's list shifts meanwhile.
    record_wording : {"en", "en-alt", "zh"}, default "en"
        The wording of statuses in records.
    record_network : {"name", "number"}, default "name"
        How records name networks.
    record_unknown : {"empty", "null", "missing"}, default "empty"
        The record's ``row`` for an unknown messageid.
    record_utc_offset : float, default 8.0
        The time zone of dates in hours, by default China's.
    query_limit : float, optional
        The most queries per second; beyond that code 5.
    access_key, access_secret, app_key, app_secret : str, optional
        The account's keys; made from the seed by default.
    journal : optional
        The journal of `client`; by default one in memory.

    Attributes
    ----------
    url : str
        The base URL.
    client : Client
        A client set up for it.
    ledger, requests, receipts : pandas.DataFrame
        What took effect, what was requested, and what was pushed.

    Raises
    ------
    ConfigError
        A setting is not usable, or the port is not available.

    Examples
    --------
    >>> from urllib.request import Request, urlopen
    >>> with Sandbox(seed=7) as sandbox:
    ...     post = Request(sandbox.url + "/v1/sms/multi/mt", b"{}", {"Content-Type": "application/json"})
    ...     urlopen(post).read()
    b'{"code":1001,"message":"Missing common request header","data":null}'
    """

    @strict_and_hidden(_hidden)
    def __init__(
        self,
        *,
        seed: int = 0,
        port: int = 0,
        latency: Seconds = 0.0,
        tps: float | None = None,
        limiter: Literal["bucket", "window"] = "bucket",
        per: Per = "request",
        balance: int | None = None,
        balance_per: Per = "request",
        hourly_limit: int | None = 5,
        failures: Failures = None,
        blocked_keywords: Sequence[str] = (),
        verification_channel: bool = False,
        refuse: int | None = None,
        faults: Faults = None,
        clock_offset: float = 0.0,
        rewrite_phones: bool = False,
        strict_ids: bool = True,
        delivery: Mapping[Any, Any] | None = None,
        delivery_delay: Seconds | Mapping[Any, Any] = 0.0,
        receipts_lost: float | Mapping[Any, Any] = 0.0,
        dr_url: str | None = None,
        receipts_in: Literal["body", "query"] = "body",
        record_delay: Seconds = 0.0,
        record_wording: Wording = "en",
        record_network: Literal["name", "number"] = "name",
        record_unknown: Literal["empty", "null", "missing"] = "empty",
        record_utc_offset: float = 8.0,
        query_limit: float | None = None,
        access_key: str | None = None,
        access_secret: str | None = None,
        app_key: str | None = None,
        app_secret: str | None = None,
        journal: Any = None,
    ) -> None:
        access_secret, app_secret = hidden(access_secret), hidden(app_secret)
        given = {name: value for name, value in locals().items() if name in DECLARED}
        if delivery is None:
            del given["delivery"]
        settings = Settings(**given)
        self._keys = AccessKeys.seeded(
            seed, access_key=access_key, access_secret=access_secret, app_key=app_key, app_secret=app_secret
        )
        self._journal = journal
        self._pid = os.getpid()
        self._client: Client | None = None
        self._service = Service(settings, self._keys)
        # The service knows nothing of this object, so that one nobody holds any more closes by itself.
        self._server = Server(self._service.handle, port, self, closing=self._service.close)
        self._server.start()

    def __setattr__(self, name: str, value: Any) -> None:
        # A misspelt setting would be an attribute that nobody reads.
        if not name.startswith("_") and name not in dir(type(self)):
            raise unknown_option(name, DECLARED)
        super().__setattr__(name, value)

    @property
    def settings(self) -> Settings:
        """All settings as they are now."""
        return self._service.settings

    def _value_of(self, name: str) -> Any:
        """Return a setting's present value; for the balance, what is left of it."""
        return self._service.gateway.balance if name == "balance" else getattr(self.settings, name)

    def change(self, **settings: Any) -> None:
        """Change settings of the running gateway, several at once.

        Parameters
        ----------
        **settings
            Any of the settings; the seed, the keys, the port and the journal stay.

        Raises
        ------
        ConfigError
            A setting does not exist or a value is not usable; nothing is changed then.
        """
        # Another seed makes another gateway: the draws so far would not repeat.
        changeable = [name for name in DECLARED if name != "seed"]
        if unknown := [name for name in settings if name not in changeable]:
            raise ConfigError(f"Sandbox: {unknown[0]!r} is not a setting to change. These are: {', '.join(changeable)}")
        self._service.change(**settings)

    @property
    def url(self) -> str:
        """The base URL, on loopback."""
        return f"http://{HOST}:{self._server.port}"

    @property
    def access_key(self) -> str:
        """The account's access key."""
        return self._keys.access_key

    @property
    def access_secret(self) -> str:
        """The account's access secret."""
        return self._keys.access_secret

    @property
    def app_key(self) -> str:
        """The SMS application's key."""
        return self._keys.app_key

    @property
    def app_secret(self) -> str:
        """The SMS application's secret, for the record queries."""
        return self._keys.app_secret

    @property
    def client(self) -> Client:
        """A client set up for this gateway; the same one each time."""
        if self._client is None:
            from nxsms_nb.client import Client  # noqa: PLC0415 - the gateway alone needs no client
            from nxsms_nb.journal.forks import refuse_copy  # noqa: PLC0415 - nor a journal
            from nxsms_nb.journal.journal import Journal  # noqa: PLC0415

            if self._journal is None:
                # One made in a forked process would be another than the parent's.
                refuse_copy(self._pid)
            journal = Journal.in_memory() if self._journal is None else Journal.of(self._journal)

            self._client = Client(
                access_key=self.access_key,
                access_secret=self.access_secret,
                app_key=self.app_key,
                app_secret=self.app_secret,
                base_url=self.url,
            )
            self._client.bind(simulated=True, journal=journal, gateway=self)
        return self._client

    @property
    def ledger(self) -> pd.DataFrame:
        """The messages that took effect, one row per effect: a message accepted twice has two rows.

        Columns ``messageid``, ``phone``, ``content``, ``source_address`` (text), ``accepted_at`` (UTC, the gateway's
        clock), ``request`` (int64, its number in `requests`).
        """
        return self._service.ledger.messages()

    @property
    def requests(self) -> pd.DataFrame:
        """The batch sends that arrived, in order.

        Columns ``number`` (int64, from 1), ``items`` and ``code`` (Int64, NA where unknown), ``accepted`` (int64),
        ``started_at`` (UTC, the gateway's clock), ``latency`` (seconds, NaN while in flight), ``fault`` (text, NA without one).
        """
        return self._service.ledger.requests()

    @property
    def receipts(self) -> pd.DataFrame:
        """The delivery receipts of messages with a drUrl, in order of acceptance.

        Columns ``messageid``, ``phone``, ``result``, ``url``, ``answer``: text; the answer is NA until there is one.
        """
        return self._service.receipts.frame()

    def effects(self) -> pd.Series[int]:
        """Count the effects of each messageid.

        Returns
        -------
        pandas.Series
            int64, index ``messageid``; ids without any effect are not in it.
        """
        return self._service.ledger.effects()

    def advance(self, seconds: float) -> None:
        """Skip time for the gateway's limits and delays, without waiting; its clock stays right.

        Parameters
        ----------
        seconds : float
            How much time to skip.
        """
        self._service.advanced += seconds
        self._server.call(self._service.receipts.wake)

    def hold(self) -> None:
        """Hold every reply back from now on; requests still take effect."""
        self._server.call(lambda: self._service.hold(held=True))

    def release(self) -> None:
        """Release the replies that `hold` kept back."""
        self._server.call(lambda: self._service.hold(held=False))

    def wait_for(self, *, requests: int = 0, effects: int = 0, receipts: int = 0, timeout: float = 10.0) -> bool:
        """Wait until so much has happened since the start or the last `reset`.

        Parameters
        ----------
        requests : int, default 0
            Batch sends that have arrived.
        effects : int, default 0
            Messages that were accepted.
        receipts : int, default 0
            Receipts that were answered.
        timeout : float, default 10.0
            Seconds to wait at most.

        Returns
        -------
        bool
            Whether it has.
        """
        service = self._service

        def enough() -> bool:
            return (
                service.ledger.arrivals >= requests
                and len(service.ledger) >= effects
                and (not receipts or service.receipts.answers >= receipts)
            )

        with service.happened:
            return service.happened.wait_for(enough, timeout)

    def reset(self) -> None:
        """Forget what was accepted, requested, counted and due; the settings stay, and the balance is full again."""
        self._service.reset()

    def join(self) -> None:
        """Wait until the gateway has ended or is interrupted."""
        self._server.join()

    def close(self) -> None:
        """Stop the gateway and free its port; the ledger stays readable. Closing twice is fine."""
        self._server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @shown_unfinished
    def __repr__(self) -> str:
        state = [repr(self.url)] + ([] if self._server.running else ["closed"])
        return f"Sandbox({', '.join([*state, *self.settings.not_default()])})"

    def _repr_html_(self) -> str:
        requests = self.requests
        facts = [
            (tr("address"), self.url if self._server.running else f"{self.url} ({tr('closed')})"),
            (tr("messages accepted"), f"{len(self.ledger):,}"),
            (tr("requests"), f"{len(requests):,}"),
            (tr("settings"), ", ".join(self.settings.not_default()) or tr("as they are by default")),
        ]
        return html_card("sandbox", tr("Simulated gateway"), html_facts(facts), badge=tr("sandbox"))


def serve(port: int = 0, **settings: Any) -> None:
    """Run the gateway alone, in the foreground, until it is interrupted; print how to reach it.

    Parameters
    ----------
    port : int, default 0
        The port on loopback; 0 for any free one.
    **settings
        The other parameters of `Sandbox`.
    """
    # Ctrl-C may come at any moment, while the address is being printed as well: it is the way to end this.
    with suppress(KeyboardInterrupt), Sandbox(port=port, **settings) as sandbox:
        say(
            f"Simulated gateway on {sandbox.url}: nothing is sent to the outside. To reach it from another terminal:\n"
            f"  export NXSMS_BASE_URL={sandbox.url}\n"
            f"  export NXSMS_ACCESS_KEY={sandbox.access_key} NXSMS_ACCESS_SECRET={sandbox.access_secret}\n"
            f"  export NXSMS_APP_KEY={sandbox.app_key} NXSMS_APP_SECRET={sandbox.app_secret}\n"
            "Press Ctrl-C to stop it."
        )
        sandbox.join()
