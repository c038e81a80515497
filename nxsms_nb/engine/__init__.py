"""From validated rows to outcomes: dispatch, batches, rate, transport, policy, run."""

__all__ = [
    "balance",
    "dispatch",
    "elsewhere",
    "loops",
    "notices",
    "other_keys",
    "plan",
    "prepare",
    "prices",
    "progress",
    "reconcile",
    "retry",
    "run",
    "sent_rows",
    "sources",
    "state",
    "stream_state",
    "trial",
]
