"""A process that sends a Dask frame and may be killed: ``python sending_alone.py URL FOLDER SECRETS SAY_AT``.

It says a line when so many rows are decided, and another with the counts at its end.
"""

import json
import sys
from pathlib import Path

import pandas as pd

import nxsms_nb as nx


def recipients(partition, rows=200):
    """One partition's people."""
    numbers = range(partition * rows, (partition + 1) * rows)
    return pd.DataFrame({"phone": [str(8615000000000 + i) for i in numbers], "content": [f"Hi {i}" for i in numbers]})


class Saying:
    """An observer that says when a run has come so far."""

    def __init__(self, at):
        self.at = at

    def update(self, snapshot):
        """Look at the run."""
        if snapshot.decided >= self.at:
            self.at = float("inf")
            print("so far", flush=True)  # noqa: T201

    def close(self, snapshot):
        """The end."""


def main():
    """Send, or go on."""
    import dask
    import dask.dataframe as dd

    import nxsms_nb.dask  # noqa: F401

    url, folder, secrets, say_at = sys.argv[1:]
    client = nx.Client(base_url=url, **json.loads(secrets))
    ddf = dd.from_map(recipients, range(8), meta=recipients(0).iloc[:0])
    with dask.config.set(scheduler="threads"):
        sent = ddf.nxsms.send(
            client,
            campaign="spring",
            to=Path(folder) / "out",
            journal=Path(folder) / "journal",
            batch_size=20,
            progress=Saying(int(say_at)),
        )
        print(json.dumps(sent["status"].compute().value_counts().to_dict()), flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
