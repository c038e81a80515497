"""The public face of the receipt server: `ReceiptServer`, and ``python -m nxsms_nb receipts``."""

from __future__ import annotations

import re
import secrets
import time
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Any, Final, Self

from nxsms_nb.arguments import Names, shown_unfinished, strict_and_hidden
from nxsms_nb.calls import Call
from nxsms_nb.delivery.service import ReceiptService
from nxsms_nb.errors import ConfigError
from nxsms_nb.formatting import Secret, hidden, named
from nxsms_nb.journal.journal import Journal
from nxsms_nb.screen import say

__all__ = ["ReceiptServer", "serve"]

_TOKEN: Final = re.compile(r"[0-9A-Za-z._~-]{1,200}")
_NEWS_S: Final = 10.0


def _hidden(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: hidden(value) if name == "token" else value for name, value in given.items()}


class ReceiptServer(Names):
    """Receive the delivery receipts that the vendor pushes, and record them in a journal.

    The server runs in a thread of its own, also during a run that uses the same journal, and ends with ``close()``, at the end
    of a ``with`` block, or with the interpreter. Give its `url`, or the one by which the vendor reaches it, as the messages'
    ``dr_url`` or in the application's settings; ``sent.nxsms.receipts()`` then joins what has arrived.

    Parameters
    ----------
    host : str, default "127.0.0.1"
        The address on which it listens. The vendor does not reach the default one: expose it through a reverse proxy or an SSH
        tunnel, as ``notebooks/RECEIPTS.md`` shows, rather than by another address.
    port : int, default 0
        The port; 0 for any free one.
    token : str, optional
        The secret part of the address, of letters, digits and ``-._~``; None: a long random one. A push carries no signature:
        whoever knows the address can push receipts.
    journal : path-like or Journal, optional
        Where receipts are kept. None: ``NXSMS_JOURNAL``, from the environment or a ``.env`` file, else a file in
        the user's data folder.

    Attributes
    ----------
    url : str
        The address for pushes, with the token.
    counts : dict of str to int
        How many pushes were answered ``success``, and how many were not, by reason: ``not a form``, ``no messageid``,
        ``no status``, ``another address``, ``another method``, ``too large``, ``too slow``, ``busy``, ``not recorded``.
    trouble : str or None
        Why the last attempt to write the journal failed; None if it succeeded.

    Raises
    ------
    ConfigError
        A parameter is not usable, the port is not available, or the server of a ``with`` block was closed before.
    JournalError
        The journal cannot be used.

    Notes
    -----
    Source: the vendor's page on delivery receipts. Both forms are taken: fields as a form in the body and, as customers
    registered before 2023-05-24 get them, in the query string. A receipt is pushed once, so it is answered ``success`` only
    when it is in the journal durably; those that come at the same time are written together. Anything else is answered
    ``error``. Receipts for ids that no run knows are kept, and the same receipt again changes nothing. The number and ``ext``
    are not stored, and no access is logged.

    At most 200 connections are open at once, fewer where the process may open only few files; others wait in the system's
    queue. A connection that brings no complete request within 10 seconds is cut off; while others wait, the one that has taken
    longest is cut off after two seconds.

    Examples
    --------
    >>> import pandas as pd, nxsms_nb as nx
    >>> df = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
    >>> with nx.Sandbox(seed=7, delivery={}) as sandbox, nx.ReceiptServer(journal=sandbox.client.journal) as server:
    ...     sent = df.assign(dr_url=server.url).nxsms.send(sandbox.client, progress="silent")
    ...     sandbox.wait_for(receipts=1)
    ...     sent.nxsms.receipts(journal=sandbox.client.journal)[["status", "dr", "currency"]].values.tolist()
    True
    [['Success', 'DELIVRD', 'USD']]
    """

    @strict_and_hidden(_hidden)
    def __init__(
        self, host: str = "127.0.0.1", port: int = 0, *, token: str | None = None, journal: Any = None
    ) -> None:
        if not isinstance(host, str) or not host.strip():
            raise ConfigError(f"ReceiptServer: host={named(host)} is not an address, as in host='127.0.0.1'.")
        if not isinstance(port, int) or isinstance(port, bool) or not 0 <= port <= 65535:
            raise ConfigError(
                f"ReceiptServer: port={named(port)} is not from 0 to 65535. Choose another, or 0 for any free one."
            )
        if token is not None and not (isinstance(token, str) and _TOKEN.fullmatch(token)):
            raise ConfigError(
                "ReceiptServer: token=••• cannot be part of a URL: 1 to 200 letters, digits, '-', '.', '_' or '~'. "
                "Omit it for a random one."
            )
        self._host = host.strip()
        self._token = Secret(secrets.token_urlsafe(32) if token is None else token)
        # The service knows nothing of this object, so that one nobody holds any more closes by itself.
        self._service = ReceiptService(self._token, Journal.of(journal))
        self._call: Call[None] = Call(partial(self._service.run, self._host, port), served=weakref.ref(self))
        self._port: int = self._call.first()

    @property
    def url(self) -> str:
        """The address for pushes, with the token."""
        return self._address(str(self._token))

    @property
    def counts(self) -> dict[str, int]:
        """How many pushes were answered ``success``, and how many were not, by reason."""
        return dict(self._service.counts)

    @property
    def trouble(self) -> str | None:
        """Why the last attempt to write the journal failed; None if it succeeded."""
        return self._service.trouble

    def join(self) -> None:
        """Wait until the server has ended or is interrupted."""
        self._call.await_end()

    def close(self) -> None:
        """Answer what has arrived and free the port. Closing twice is fine."""
        self._call.close()

    def __enter__(self) -> Self:
        if self._call.ended:
            raise ConfigError("This ReceiptServer is closed. Make a new one: nx.ReceiptServer(…)")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @shown_unfinished
    def __repr__(self) -> str:
        return f"ReceiptServer({self._address('•••')!r}{', closed' if self._call.ended else ''})"

    def _address(self, token: str) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/dr/{token}"


def serve(host: str, port: int, token: str | None, journal: Any) -> None:
    """Run the server in the foreground until it is interrupted; print its address, and what it has counted."""
    with suppress(KeyboardInterrupt), ReceiptServer(host, port, token=token, journal=journal) as server:
        say(f"Listening for receipts at {server.url}\nPress Ctrl-C to stop it.")
        shown: Mapping[str, int] = {}
        try:
            while not server._call.ended:  # noqa: SLF001  of the same module
                server._call.await_end(time.monotonic() + _NEWS_S)  # noqa: SLF001
                shown = _print_news(server, shown)
        finally:
            server.close()
            _print_news(server, shown)


def _print_news(server: ReceiptServer, shown: Mapping[str, int]) -> Mapping[str, int]:
    """Print the counts where they have changed."""
    counts = {name: n for name, n in server.counts.items() if n}
    if counts != shown:
        say("  ".join(f"{name} {n:,}" for name, n in counts.items()))
        if counts.get("not recorded") != shown.get("not recorded") and server.trouble is not None:
            say(server.trouble, error=True)
    return counts
