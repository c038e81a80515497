"""What a run reaches under a limit nobody told it: ``python -m benchmarks.limited PORT TPS SECONDS``, prints JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from benchmarks.data import recipients
from nxsms_nb import Client, Journal

WARM_UP_S = 10


def main() -> None:
    """Send for so many seconds and look at what was accepted, and when."""
    port, tps, seconds = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    client = Client(access_key="k", access_secret="s", app_key="a", base_url=f"http://127.0.0.1:{port}")
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal(Path(folder) / "journal")
        sent = recipients(int(tps * seconds)).nxsms.send(client, journal=journal, progress="silent", concurrency=16)
        requests = int(journal.runs()["requests"].iloc[0])
    took = sent.drop_duplicates("batch")
    ended = sent["sent_at"] + sent["latency_ms"].mul(1e6).astype("timedelta64[ns]")
    after = (ended - sent["sent_at"].min()).dt.total_seconds()
    settled = after > WARM_UP_S if seconds > 2 * WARM_UP_S else after > 1
    span = after[settled].max() - after[settled].min()
    refused = requests - len(took)
    print(json.dumps({"reached": int(settled.sum()) / span, "refused_share": refused / requests}))


if __name__ == "__main__":
    main()
