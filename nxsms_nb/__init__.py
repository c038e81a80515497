"""Send a pandas frame as SMS through NXCloud, once, and see row by row what became of it.

``import nxsms_nb as nx`` registers ``df.nxsms`` and loads nothing heavy: everything else is loaded when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from nxsms_nb import accessor as _accessor
from nxsms_nb.calls import apart as _apart

if TYPE_CHECKING:
    from nxsms_nb import analysis as analysis
    from nxsms_nb import dashboard as dashboard
    from nxsms_nb import plotting as plotting
    from nxsms_nb import sending as sending
    from nxsms_nb import templates as templates
    from nxsms_nb import validation as validation
    from nxsms_nb.client import Client
    from nxsms_nb.codetable import codes
    from nxsms_nb.errors import (
        AccountRefused,
        AlreadySentWarning,
        CampaignBusy,
        ClockRefused,
        ColumnError,
        ConfigError,
        ConfirmationNeeded,
        InDoubt,
        Interrupted,
        JournalError,
        JournalLost,
        NoConnection,
        NxsmsError,
        QueryError,
        Stopped,
        Throttled,
        TooManyFailures,
        ValidationError,
    )
    from nxsms_nb.handle import Run
    from nxsms_nb.journal import Journal
    from nxsms_nb.plan import Plan
    from nxsms_nb.report import ValidationReport
    from nxsms_nb.sandbox import Sandbox
    from nxsms_nb.settings import options
    from nxsms_nb.streaming import send_stream

_HOMES: Final = {
    "AccountRefused": "errors",
    "AlreadySentWarning": "errors",
    "CampaignBusy": "errors",
    "Client": "client",
    "ClockRefused": "errors",
    "ColumnError": "errors",
    "ConfigError": "errors",
    "ConfirmationNeeded": "errors",
    "InDoubt": "errors",
    "Interrupted": "errors",
    "Journal": "journal",
    "JournalError": "errors",
    "JournalLost": "errors",
    "NoConnection": "errors",
    "NxsmsError": "errors",
    "Plan": "plan",
    "QueryError": "errors",
    "Run": "handle",
    "Sandbox": "sandbox",
    "Stopped": "errors",
    "Throttled": "errors",
    "TooManyFailures": "errors",
    "ValidationError": "errors",
    "ValidationReport": "report",
    "codes": "codetable",
    "options": "settings",
    "send_stream": "streaming",
}

__all__ = [
    "AccountRefused",
    "AlreadySentWarning",
    "CampaignBusy",
    "Client",
    "ClockRefused",
    "ColumnError",
    "ConfigError",
    "ConfirmationNeeded",
    "InDoubt",
    "Interrupted",
    "Journal",
    "JournalError",
    "JournalLost",
    "NoConnection",
    "NxsmsError",
    "Plan",
    "QueryError",
    "Run",
    "Sandbox",
    "Stopped",
    "Throttled",
    "TooManyFailures",
    "ValidationError",
    "ValidationReport",
    "codes",
    "options",
    "send_stream",
]

_MODULES: Final = frozenset({"analysis", "dashboard", "plotting", "records", "sending", "templates", "validation"})
"""What `df.nxsms` reaches, loaded with the first call that needs it."""

_accessor.register()


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415  reads files, which few want at import

        return version(__name__)
    # Apart from this thread: where an interrupt comes in the midst of an import, it is lost, or the module is left half.
    if name in _MODULES:
        return _apart(import_module, f"{__name__}.{name}")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_apart(import_module, f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
