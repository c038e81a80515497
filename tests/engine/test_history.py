"""Any history of runs, faults, crashes, retries and questions: what is known stays true and nothing is sent twice."""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import nxsms_nb as nx
from tests.support.faultgateway import APP_SECRET, FaultGateway
from tests.support.killing import OFTEN, ONCE, killed, start
from tests.support.ledgercheck import check, client_of, people
from tests.support.storms import SWIFT

ROWS = 24
FINAL = {"Success", "Invalid", "Skipped"}
EXAMPLES = int(os.environ.get("NXSMS_HISTORIES", "30"))


class History(RuleBasedStateMachine):
    """One journal, one gateway, one frame; each step is a cell that somebody runs, or a process that dies."""

    @initialize()
    def begin(self):
        self.folder = tempfile.TemporaryDirectory()
        self.journal = Path(self.folder.name) / "journal.sqlite3"
        self.gateway, self.elsewhere = FaultGateway().__enter__(), FaultGateway().__enter__()
        self.gateway.elsewhere = self.elsewhere.url
        self.frame = people(ROWS)
        self.known = None

    def client(self, *, asks):
        return client_of(self.gateway.url, app_secret=APP_SECRET if asks else None)

    def settled(self, *, retried=False):
        """What the journal knows now, held against the ledger and against what was known before."""
        self.gateway.heal()
        self.gateway.quiet()
        now = self.frame.nxsms.recorded(self.client(asks=False), journal=self.journal, duplicates="drop")
        check(self.frame, now, self.gateway)
        if self.known is not None:
            for then, row in zip(self.known.to_dict("records"), now.to_dict("records"), strict=True):
                if then["status"] in FINAL:
                    assert row["status"] == then["status"]
                    assert row["messageid"] == then["messageid"] or row["status"] != "Success"
                elif then["status"] == "Unknown":
                    assert row["status"] in {"Unknown", "Success"}
                elif then["status"] == "Failure" and not retried:
                    assert (row["status"], row["messageid"]) == ("Failure", then["messageid"])
                assert row["attempts"] >= then["attempts"]
        self.known = now

    @rule(
        fault=st.none() | st.sampled_from(SWIFT),
        first=st.integers(0, 2),
        batch_size=st.sampled_from([1, 5, 40]),
        concurrency=st.sampled_from([1, 4]),
        asks=st.booleans(),
    )
    def run_the_cell(self, fault, first, batch_size, concurrency, asks):
        """The cell, met by a fault or by none."""
        if fault is not None:
            self.gateway.strike(fault.act, first=first)
        options = {"batch_size": batch_size, "concurrency": concurrency, "duplicates": "drop", "progress": "silent"}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", nx.AlreadySentWarning)
            try:
                out = self.frame.nxsms.send(self.client(asks=asks), journal=self.journal, **options)
            except nx.Stopped as stopped:
                out = stopped.frame
        self.gateway.quiet()
        check(self.frame, out, self.gateway)
        self.settled()

    @rule(point=st.sampled_from(sorted(ONCE | OFTEN)), nth=st.integers(1, 3), asks=st.booleans())
    def die_at_a_point(self, point, nth, asks):
        """The cell in a process that is killed at a labelled point, if it comes by so often."""
        secret = APP_SECRET if asks else None
        killed(start(self.gateway.url, self.journal, ROWS, point=point, nth=nth, app_secret=secret))
        self.settled()

    @rule(codes=st.sampled_from([None, [9000, 13005, 13009]]))
    def retry_twice(self, codes):
        """The retry cell, run twice on the same frame: the second time nothing leaves."""
        if self.known is None:
            return
        frames = []
        for _ in range(2):
            frames.append(
                self.known.nxsms.retry(self.client(asks=False), codes, journal=self.journal, progress="silent")
            )
            self.gateway.quiet()
            frames.append(len(self.gateway.ledger))
        assert frames[1] == frames[3]
        assert frames[0]["status"].tolist() == frames[2]["status"].tolist()
        self.settled(retried=True)

    @rule()
    def ask_the_gateway(self):
        """Rows in doubt are asked about: found means accepted."""
        if self.known is not None:
            out = self.known.nxsms.reconcile(self.client(asks=True), journal=self.journal)
            doubtful = out["status"] == "Unknown"
            effects = self.gateway.effects()
            assert not any(effects[messageid] for messageid in out.loc[doubtful, "messageid"])
            self.settled()

    @rule()
    def look_ahead(self):
        """A plan sends nothing and says what would leave."""
        before = len(self.gateway.ledger)
        plan = self.frame.nxsms.plan(self.client(asks=False), journal=self.journal, duplicates="drop")
        assert len(self.gateway.ledger) == before
        assert int(plan.counts.sum()) == len(self.frame)
        if self.known is not None:
            assert plan.counts["send"] == (self.known["status"] == "Unsent").sum()

    @rule()
    def second_kernel(self):
        """While somebody else's run holds the campaign, the cell is refused and nothing leaves."""
        before = len(self.gateway.ledger)
        lock = nx.Journal(self.journal).campaign(None)
        try:
            with pytest.raises(nx.CampaignBusy):
                self.frame.nxsms.send(self.client(asks=False), journal=self.journal, duplicates="drop")
        finally:
            lock.release()
        assert len(self.gateway.ledger) == before

    @invariant()
    def at_most_once(self):
        """No message has two effects, and no person two messages."""
        if hasattr(self, "gateway"):
            assert max(self.gateway.effects().values(), default=0) <= 1
            phones = [effect.phone for effect in self.gateway.ledger]
            assert len(phones) == len(set(phones))
            assert not self.elsewhere.requests

    def teardown(self):
        if hasattr(self, "gateway"):
            self.gateway.__exit__(None, None, None)
            self.elsewhere.__exit__(None, None, None)
            self.folder.cleanup()


History.TestCase.settings = settings(
    max_examples=EXAMPLES, stateful_step_count=8, deadline=None, derandomize=True, print_blob=False, database=None
)
test_any_history = pytest.mark.any_pandas(pytest.mark.filterwarnings("ignore::ResourceWarning")(History.TestCase))
