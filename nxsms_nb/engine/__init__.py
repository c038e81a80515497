"""From validated rows to outcomes: dispatch, batches, rate, transport, policy, run."""

__all__ = [
    "balance",
    "dispatch",
    "elsewhere",
    "loops",
    "other_keys",
    "plan",
    "prices",
    "progress",
    "reconcile",
    "retry",
    "run",
    "sources",
    "state",
    "stream_state",
    "trial",
]
