"""Dask frames, a cluster of two processes, and a gateway; all skipped where there is no Dask."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from tests.support.machine import lacks


@pytest.fixture(name="dd", scope="session")
def _dd():
    """``dask.dataframe``, with the accessor registered."""
    try:
        import dask.dataframe as dd
        import distributed  # noqa: F401
    except ImportError:
        lacks("Dask is not installed")
    import nxsms_nb.dask  # noqa: F401

    return dd


@pytest.fixture(name="cluster", scope="session")
def _cluster(dd):
    """A client of a cluster of two worker processes, closed at the end."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True) as cluster,
        Client(cluster, set_as_default=False) as client,
    ):
        yield client


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7, hourly_limit=None) as sandbox:
        yield sandbox


@pytest.fixture(name="parted", scope="session")
def _parted(dd):
    """Cut a pandas frame into partitions at random places, some of them empty, in its own order."""

    def cut(frame, seed=0, partitions=6):
        rng = np.random.default_rng(seed)
        edges = [0, *sorted(rng.integers(0, len(frame) + 1, partitions - 1).tolist()), len(frame)]
        pieces = [frame.iloc[a:b] for a, b in pairwise(edges)]
        return dd.from_map(lambda piece: piece, pieces, meta=frame.iloc[:0])

    return cut


@pytest.fixture(name="recipients", scope="session")
def _recipients():
    """Recipients whose index repeats."""

    def made(rows, first=0):
        numbers = range(first, first + rows)
        return pd.DataFrame(
            {
                "phone": [str(8615000000000 + i) for i in numbers],
                "content": [f"confidential offer {i}" for i in numbers],
                "city": pd.Categorical([f"c{i % 3}" for i in numbers]),
            },
            index=pd.Index([f"row{i // 2}" for i in numbers], name="who"),
        )

    return made
