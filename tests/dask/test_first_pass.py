"""The pass over all partitions before a row is judged."""

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning:dask")  # its own, of pandas' next release


def rules_of(frame, **given):
    from nxsms_nb.dask.first_pass import Rules
    from nxsms_nb.settings import COLUMNS, SENDING, with_defaults

    return Rules(with_defaults({"campaign": "spring", **given}, SENDING, COLUMNS))


@pytest.mark.parametrize("duplicates", ["raise", "drop", "allow"])
@pytest.mark.parametrize("key", [None, "order"])
def test_what_the_pass_knows_of_a_partition_gives_the_report_that_reading_its_keys_gives(
    dd, parted, recipients, duplicates, key
):
    """Whether its rows repeat each other's keys, those of other partitions, or none."""
    from nxsms_nb.dask.first_pass import first_pass
    from nxsms_nb.dask.schedulers import Scheduler

    frame = recipients(200).assign(order=lambda frame: frame["phone"].str[-2:])
    frame = pd.concat([frame, frame.iloc[10:14], frame.iloc[150:153]]) if key is None else frame
    frame = frame.assign(content=[" " if row % 9 == 0 else "Hi" for row in range(len(frame))])
    given = {"duplicates": duplicates, "key": key, "suppress": None}
    whole = rules_of(frame, **given).report(frame)
    ddf = parted(frame, 4)
    rules, found = first_pass(
        ddf.to_delayed(), Scheduler(ddf), {**rules_of(frame, **given).settings, "campaign": "spring"}, frame.iloc[:0]
    )
    reports = [
        rules.report(ddf.partitions[number].compute(), **found.repeats.known(number))
        for number in range(ddf.npartitions)
    ]
    assert np.concatenate([report.ordinals for report in reports]).tolist() == whole.ordinals.tolist()
    assert np.concatenate([report.checked.good for report in reports]).tolist() == whole.checked.good.tolist()


def test_a_pass_by_other_rules_says_nothing_of_repeats(dd, parted, monkeypatch):
    """Rows that were read otherwise may share a key that they did not share."""
    from nxsms_nb.dask import first_pass
    from nxsms_nb.dask.schedulers import Scheduler

    phones = [f"86150{i:03d}00000" if i in (10, 60) else f"86150{i:03d}12345" for i in range(100)]
    frame = pd.DataFrame({"phone": phones, "content": "Hi"})
    ddf = parted(frame, 5)
    for passes, known in ((4, {True}), (1, {False})):
        monkeypatch.setattr(first_pass, "_PASSES", passes)
        _, found = first_pass.first_pass(ddf.to_delayed(), Scheduler(ddf), rules_of(frame).settings, frame.iloc[:0])
        assert {found.repeats.known(number)["distinct"] for number in range(ddf.npartitions)} == known


def test_a_scheduler_gets_few_tasks_for_each_partition(dd, cluster, recipients):
    """However many shares the keys are looked through in."""
    from distributed.diagnostics.plugin import SchedulerPlugin

    from nxsms_nb.dask.first_pass import first_pass
    from nxsms_nb.dask.schedulers import Scheduler

    counted = []

    class Counting(SchedulerPlugin):
        name = "counting"

        def update_graph(self, scheduler, *, tasks, **_):
            counted.append(len(tasks))

    ddf = dd.from_map(lambda number: recipients(2, first=2 * number), range(80), meta=recipients(0))
    scheduler = cluster.cluster.scheduler
    scheduler.add_plugin(Counting())
    try:
        with cluster.as_current():
            _, found = first_pass(ddf.to_delayed(), Scheduler(ddf), rules_of(recipients(0)).settings, recipients(0))
    finally:
        scheduler.remove_plugin("counting")
    assert sum(found.sizes) == 160
    assert sum(counted) < 3 * 80
