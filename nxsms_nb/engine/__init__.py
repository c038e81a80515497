"""From validated rows to outcomes: dispatch, batches, rate, transport, policy, run."""
