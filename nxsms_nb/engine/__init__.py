"""From validated rows to outcomes: dispatch, batches, rate, transport, policy, run."""

__all__ = [
    "dispatch",
    "elsewhere",
    "loops",
    "other_keys",
    "plan",
    "progress",
    "reconcile",
    "retry",
    "run",
    "sources",
    "state",
    "stream_state",
    "trial",
]
