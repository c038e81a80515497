"""Frames of people, and what is asked of the frames that come back."""

import pandas as pd

from nxsms_nb.fields import RESULT_COLUMNS, STATUSES


def people(n, first=0, **columns):
    """Make a frame of `n` people with numbers of their own, who all get the same text."""
    phones = [str(8615000000000 + first + i) for i in range(n)]
    return pd.DataFrame({"phone": phones, "content": "Your order is ready"}).assign(**columns)


def counts(frame):
    """Status to rows, those that occur."""
    found = frame["status"].value_counts()
    return {status: int(found[status]) for status in STATUSES if found[status]}


def results(frame):
    """The result columns alone."""
    return frame[list(RESULT_COLUMNS)]


def no_double(sandbox):
    """Whether no message took effect twice."""
    return bool((sandbox.effects() <= 1).all()) and sandbox.ledger["messageid"].is_unique
