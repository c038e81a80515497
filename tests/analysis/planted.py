"""Sent frames in which failures go with something known."""

import numpy as np
import pandas as pd

from tests.support.made import make


def campaign(n=3000, seed=1, **columns):
    """A sent frame in which nothing has failed yet, with the columns that functions of a generator and a size make."""
    rng = np.random.default_rng([seed, n])
    frame = make(n, seed=seed, failing=0.0)
    return frame.assign(**{name: column(rng, n) for name, column in columns.items()})


def failing(frame, where, *, rate=0.3, base=0.02, seed=1, code=13006):
    """The frame with failures drawn: at one rate where something holds, at another everywhere else."""
    rng = np.random.default_rng([seed, 7])
    held = pd.Series(where).fillna(False).to_numpy(bool)
    answered = frame["status"].isin(["Success", "Failure"]).to_numpy()
    bad = answered & (rng.random(len(frame)) < np.where(held, rate, base))
    status = frame["status"].astype(object).where(~answered, np.where(bad, "Failure", "Success"))
    codes = frame["code"].mask(answered, 0).mask(bad, code)
    return frame.assign(status=status.astype(frame["status"].dtype), code=codes)


def choice(*values, p=None):
    """A column that takes one of some values in each row."""

    def column(rng, n):
        held = np.empty(len(values), object)
        held[:] = values
        return held[rng.choice(len(values), n, p=p)]

    return column
