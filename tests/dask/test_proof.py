"""Workers and callers that die, and people who interrupt: each against the gateway's ledger, row by row; and what a cluster is told."""

import _thread
import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb.settings import COLUMNS, SENDING

pytestmark = [
    pytest.mark.any_pandas,
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dask"),
]  # its own, of pandas' next release

QUIET = {"campaign": "spring", "progress": "silent"}
ALONE = Path(__file__).with_name("sending_alone.py")


def held_against_ledger(sent, sandbox):
    """Each accepted row is in the ledger once with its own number and text, and nothing else is."""
    accepted = sent[sent["status"] == "Success"]
    columns = ["messageid", "phone", "content"]
    mine = accepted[columns].astype(str).sort_values("messageid").to_numpy().tolist()
    assert sandbox.ledger[columns].astype(str).sort_values("messageid").to_numpy().tolist() == mine


def dying(dd, frame, folder, fatal, partitions=6):
    """A frame whose partitions kill the process that computes them, each when it is looked at for the n-th time."""
    size = -(-len(frame) // partitions)

    def computed(number):
        looks = 1 + sum(1 for path in folder.iterdir() if path.name.startswith(f"{number}-"))
        (folder / f"{number}-{looks}-{os.getpid()}").touch()
        if (number, looks) in fatal:
            os.kill(os.getpid(), signal.SIGKILL)
        return frame.iloc[number * size : (number + 1) * size]

    return dd.from_map(computed, range(partitions), meta=frame.iloc[:0])


def test_a_worker_s_death_costs_computing_only(dd, cluster, recipients, sandbox, tmp_path):
    """Workers killed in the first pass and while a partition is prepared: every row is sent once."""
    looks = tmp_path / "looks"
    looks.mkdir()
    frame = recipients(600)
    with cluster.as_current():
        sent = (
            dying(dd, frame, looks, {(1, 1), (4, 2)}).nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET).compute()
        )
    assert len({path.name.split("-")[2] for path in looks.iterdir()}) >= 3
    assert len(sent) == len(frame)
    held_against_ledger(sent, sandbox)


def test_a_process_of_the_pool_may_die(dd, recipients, sandbox, tmp_path):
    """With Dask's processes, too, a death while partitions are prepared costs computing only."""
    import dask

    looks = tmp_path / "looks"
    looks.mkdir()
    frame = recipients(300)
    with dask.config.set(scheduler="processes", num_workers=2):
        sent = dying(dd, frame, looks, {(1, 2)}, 3).nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
        rows = sent.compute(scheduler="threads")
    held_against_ledger(rows, sandbox)
    assert len(rows) == 300


def alone(sandbox, folder, say_at):
    """The same call in a process of its own."""
    secrets = {name: getattr(sandbox, name) for name in ("access_key", "access_secret", "app_key")}
    command = [sys.executable, ALONE, sandbox.url, folder, json.dumps(secrets), str(say_at)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(nx.__file__).parents[1]), *sys.path])}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def test_the_same_call_in_another_process_goes_on_after_a_kill(dd, sandbox, tmp_path):
    """The calling process killed in mid-run, and the same call again: nobody gets a message twice, and everybody's row is known."""
    sandbox.latency = 0.1
    with alone(sandbox, tmp_path, 430) as first:
        assert "so far\n" in iter(first.stdout.readline, "")
        first.kill()
    before = len(sandbox.ledger)
    assert before < 1600
    sandbox.latency = 0
    with alone(sandbox, tmp_path, 10**9) as second:
        *_, tally = second.stdout.read().splitlines()
    tally = json.loads(tally)
    assert second.returncode == 0
    assert sandbox.ledger["phone"].is_unique
    assert tally["Success"] + tally["Unknown"] == 1600
    rows = dd.read_parquet(str(tmp_path / "out")).compute()
    known = rows[rows["status"].isin(["Success", "Unknown"])]["messageid"]
    assert {*sandbox.ledger["messageid"]} <= {*known}
    assert {*rows.loc[rows["status"] == "Success", "messageid"]} <= {*sandbox.ledger["messageid"]}


class Interrupting:
    """An observer that interrupts the main thread when a run has come so far."""

    def __init__(self, at):
        self.at = at

    def update(self, snapshot):
        """Look at the run."""
        if snapshot.decided >= self.at:
            self.at = float("inf")
            _thread.interrupt_main()

    def close(self, snapshot):
        """The end."""


def test_an_interrupt_while_sending_keeps_what_was_sent(parted, recipients, sandbox, tmp_path):
    """The error's frame is what is written, statuses complete; the same call sends the rest and nothing twice."""
    ddf = parted(recipients(1200), seed=2)
    sandbox.latency = 0.02
    with pytest.raises(nx.Interrupted) as stopped:
        ddf.nxsms.send(
            sandbox.client,
            to=tmp_path / "out",
            campaign="spring",
            progress=Interrupting(450),
            batch_size=10,
            concurrency=1,
        )
    rows = stopped.value.frame.compute()
    assert rows["status"].notna().all()
    assert {*rows.loc[rows["status"] == "Success", "messageid"]} == {*sandbox.ledger["messageid"]}
    sandbox.latency = 0
    sent = ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET).compute()
    assert len(sent) == 1200
    held_against_ledger(sent, sandbox)


@pytest.mark.parametrize("look", [1, 2])
def test_an_interrupt_while_partitions_are_prepared_ends_the_call(dd, recipients, sandbox, tmp_path, look):
    """In the first pass nothing was sent and there is no frame; later the partitions before are there."""
    looks = []

    def computed(number):
        looks.append(number)
        if number == 3 and looks.count(3) == look:
            _thread.interrupt_main()
        return recipients(50, first=number * 50)

    ddf = dd.from_map(computed, range(6), meta=recipients(0))
    with pytest.raises(nx.Interrupted) as stopped:
        ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET)
    written = recipients(0).assign(status="") if stopped.value.frame is None else stopped.value.frame.compute()
    assert (written["status"] == "Success").sum() == len(sandbox.ledger)
    assert look == 2 or not len(written)
    sent = ddf.nxsms.send(sandbox.client, to=tmp_path / "out", **QUIET).compute()
    assert len(sent) == 300
    held_against_ledger(sent, sandbox)


def test_what_a_cluster_is_sent_has_no_secret_and_its_keys_no_number(dd, cluster, sandbox, tmp_path):
    """Tasks as the scheduler gets them hold nothing of the client or the journal; keys and names hold no number and no text."""
    from distributed.diagnostics.plugin import SchedulerPlugin

    sent_tasks = []

    class Listening(SchedulerPlugin):
        name = "listening"

        def update_graph(self, scheduler, *, tasks, **_):
            sent_tasks.extend((key, pickle.dumps(scheduler.tasks[key].run_spec)) for key in tasks)

    frame = pd.DataFrame(
        {"phone": [str(8615012345000 + i) for i in range(40)], "content": [f"confidential {i}" for i in range(40)]}
    )
    frame.to_parquet(tmp_path / "in.parquet")
    scheduler = cluster.cluster.scheduler
    scheduler.add_plugin(Listening())
    journal = tmp_path / "journal-of-mine"
    try:
        with cluster.as_current():
            ddf = dd.read_parquet(str(tmp_path / "in.parquet")).repartition(npartitions=4)
            ddf.nxsms.send(sandbox.client, to=tmp_path / "out", journal=journal, suppress=["8615012345003"], **QUIET)
    finally:
        scheduler.remove_plugin("listening")
    assert len(sandbox.ledger) == 39
    assert len(sent_tasks) > 10
    keys = " ".join(str(key) for key, _ in sent_tasks)
    logged = " ".join(str(entry) for entry in scheduler.transition_log)
    for words in ("8615012345", "12345003", "confidential", "spring"):
        assert words not in keys
        assert words not in logged
    client = sandbox.client
    secrets = (client.access_key, sandbox.access_secret, client.app_key, sandbox.app_secret, "journal-of-mine")
    for key, task in sent_tasks:
        for secret in secrets:
            assert secret.encode() not in task, key


def test_options_of_the_run_stay_in_the_calling_process(dd):
    """Of the options a worker gets those of validation only."""
    from nxsms_nb.dask.first_pass import Rules

    kept = Rules({**SENDING, **COLUMNS}).settings
    assert not {"journal", "confirm", "progress", "max_rate", "client"} & {*kept}


def test_without_dask_the_import_says_how_to_get_it():
    """The error has the line to paste, and the package itself imports no Dask."""
    program = (
        "import sys; sys.modules['dask'] = None\n"
        "import nxsms_nb\n"
        "try:\n    import nxsms_nb.dask\nexcept ImportError as error:\n    print(error)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(nx.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert 'pip install "nxsms_nb[dask]"' in done.stdout
    program = "import sys, nxsms_nb; nxsms_nb.send_stream; print('dask' in sys.modules or 'distributed' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "False\n"
