"""A cluster without workers, and one that is gone: the person is told, nothing waits in silence, and nothing is sent twice."""

import _thread
import os
import signal
import subprocess
import sys
from contextlib import redirect_stdout

import pytest

import nxsms_nb as nx

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dask")  # its own, of pandas' next release

QUIET = {"campaign": "spring", "progress": "silent"}


class Screen:
    """Standard output that does something when it shows that there are no workers."""

    def __init__(self, act):
        self.act, self.words = act, []

    def write(self, text):
        """Take what is shown."""
        if "has no workers" in text:
            self.words.append(text)
            self.act()

    def flush(self):
        """Nothing is kept back."""


@pytest.fixture(name="idle")
def _idle(dd, monkeypatch):
    """A client of a cluster without workers, in which a call soon looks for them."""
    from distributed import Client, LocalCluster

    from nxsms_nb.dask import clusters

    monkeypatch.setattr(clusters, "LOOK_S", 0.05)
    with LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as cluster, Client(cluster) as client:
        yield client


def parts(recipients, folder, computed=None):
    """A frame of eight partitions; `computed` gets the number of each that is computed, and how often it was so far."""
    import dask.dataframe as dd

    def part(number):
        if computed is not None:
            looks = 1 + sum(1 for path in folder.iterdir() if path.name.startswith(f"{number}-"))
            (folder / f"{number}-{looks}").touch()
            computed(number, looks)
        return recipients(20, first=20 * number)

    return dd.from_map(part, range(8), meta=recipients(0))


def test_a_call_on_a_cluster_without_workers_says_so_once_and_goes_on_when_there_is_one(
    idle, recipients, sandbox, tmp_path
):
    """It names the cluster and the line that starts workers."""
    with redirect_stdout(Screen(lambda: idle.cluster.scale(1))) as screen:
        sent = parts(recipients, tmp_path).nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    (words,) = screen.words
    assert f"The Dask cluster at {idle.cluster.scheduler_address} has no workers" in words
    assert "client.cluster.scale(2)" in words
    assert len(sent) == len(sandbox.ledger) == 160


def test_an_interrupt_ends_a_call_that_waits_for_workers(idle, recipients, sandbox, tmp_path):
    """Nothing was sent."""
    screen = Screen(_thread.interrupt_main)
    with pytest.raises(nx.Interrupted, match="before anything was sent"), redirect_stdout(screen):
        parts(recipients, tmp_path).nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    assert screen.words
    assert not len(idle.nthreads())
    assert not len(sandbox.ledger)


class Without:
    """An observer that takes all workers away when so many rows are decided."""

    def __init__(self, cluster):
        self.cluster, self.done = cluster, False

    def update(self, snapshot):
        """Look at the run."""
        if snapshot.decided >= 20 and not self.done:
            self.done = True
            for worker in [*self.cluster.workers.values()]:
                self.cluster.sync(worker.close)

    def close(self, snapshot):
        """The end."""


def test_workers_that_all_go_in_mid_run_are_missed_and_waited_for(idle, recipients, sandbox, tmp_path):
    """When another one comes, the run goes on; each row is sent once."""
    idle.cluster.scale(1)
    idle.wait_for_workers(1)
    sandbox.latency = 0.05
    given = {"batch_size": 5, "concurrency": 1, "progress": Without(idle.cluster), "campaign": "spring"}
    with redirect_stdout(Screen(lambda: idle.cluster.scale(2))):
        sent = parts(recipients, tmp_path).nxsms.send(sandbox.client, to=tmp_path / "out", **given)
    assert (sent["status"].compute() == "Success").all()
    assert sandbox.ledger["phone"].is_unique
    assert len(sandbox.ledger) == 160


@pytest.fixture(name="apart")
def _apart(dd, tmp_path):
    """A scheduler in a process of its own, with a worker and a client; its process id."""
    from distributed import Client

    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--port", "0", "--host", "127.0.0.1"]
    command += ["--dashboard-address", ":0", "--scheduler-file", str(file)]
    scheduler = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    command = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(file), "--nthreads", "1"]
    worker = subprocess.Popen([*command, "--no-nanny", "--no-dashboard"], stderr=subprocess.DEVNULL)
    try:
        with Client(scheduler_file=str(file)) as client:
            client.wait_for_workers(1)
            yield scheduler.pid
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


@pytest.mark.parametrize("look", [1, 2])
def test_a_scheduler_that_dies_ends_the_call_and_the_next_cluster_goes_on(apart, recipients, sandbox, tmp_path, look):
    """In the first pass nothing was sent; later the error has the partitions before. The same call sends the rest."""
    import dask

    def computed(number, looks):
        if (number, looks) == (5, look):
            os.kill(apart, signal.SIGKILL)

    looks = tmp_path / "looks"
    looks.mkdir()
    ddf = parts(recipients, looks, computed)
    with pytest.raises(nx.Stopped, match=r"The Dask cluster at tcp://.* was lost") as stopped:
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    frame = stopped.value.frame
    written = [] if frame is None else frame.compute(scheduler="threads")["messageid"].tolist()
    assert {*written} == {*sandbox.ledger["messageid"]}
    assert len(written) < 160
    assert look == 2 or not written
    with dask.config.set(scheduler="threads"):
        sent = parts(recipients, looks).nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET).compute()
    assert (sent["status"] == "Success").all()
    assert sandbox.ledger["phone"].is_unique
    assert len(sandbox.ledger) == 160
