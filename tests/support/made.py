"""Made-up sent frames, seeded: what reads results needs no gateway."""

import numpy as np
import pandas as pd

from nxsms_nb.results import columns, delivery, statuses
from nxsms_nb.wire import codes

PHONES = ("8615088888888", "60123456789", "14155550123", "4915112345678")
TEXTS = ("Hi, your parcel is here", "您的包裹已到达，请凭取件码领取", "x" * 170)
CODES = (13005, 13009, 13007, 13006)


def make(n: int = 1000, *, seed: int = 7, failing: float = 0.2, per_second: float = 500.0) -> pd.DataFrame:
    """A frame of recipients as send would return it: all six statuses, some failures without a code."""
    rng = np.random.default_rng(seed)
    status = rng.choice(
        len(statuses.STATUSES), n, p=[0.9 * (1 - failing), 0.9 * failing, 0.04, 0.03, 0.02, 0.01]
    )  # in the order of STATUSES
    answered, asked = status <= 1, np.isin(status, [0, 1, 3])
    code = np.where(status == 1, rng.choice(CODES, n, p=[0.5, 0.3, 0.15, 0.05]), 0)
    unknown = (status == 1) & (rng.random(n) < 0.1)
    reason = pd.Series(pd.NA, range(n), dtype=columns.TEXT)
    reason[status == 1] = [codes.TABLE[int(c)].text for c in code[status == 1]]
    reason[unknown] = "Handset gone 手机已停机"
    reason[status == 2] = "phone: too short"
    code[status == 2] = 13005
    batch = np.arange(n) // 200 + 1
    start = pd.Timestamp("2026-03-03 14:02:00", tz="UTC")
    sent_at = pd.Series(start + pd.to_timedelta(batch * 200 / per_second, unit="s"), range(n)).astype(columns.INSTANT)
    return pd.DataFrame(
        {
            "phone": rng.choice(PHONES, n),
            "content": rng.choice(TEXTS, n),
            "segment": rng.choice(["new", "old", None], n, p=[0.5, 0.4, 0.1]),
            "messageid": pd.Series([f"n1{i:020d}" for i in range(n)], dtype=columns.TEXT).where(asked),
            "status": pd.Categorical.from_codes(status, dtype=columns.STATUS),
            "code": pd.Series(code, dtype=columns.WHOLE).where((answered | (status == 2)) & ~unknown),
            "reason": reason,
            "batch": pd.Series(batch, dtype=columns.WHOLE).where(asked),
            "attempts": pd.Series(asked.astype(int), dtype=columns.WHOLE),
            "sent_at": sent_at.where(asked),
            "latency_ms": pd.Series(rng.gamma(4, 25, n).round(3)).where(asked),
        }
    )


def deliver(sent: pd.DataFrame, *, seed: int = 7, late: float = 0.05, median: float = 8.0) -> pd.DataFrame:
    """A sent frame with receipts of its accepted rows: one in 16 is undelivered, `late` are open, some have no receipt."""
    rng = np.random.default_rng(seed)
    drawn = rng.random(len(sent))
    status = np.where(drawn < late, 12, np.where(drawn < late + 1 / 16, 5, 2))
    took = pd.to_timedelta(np.round(rng.lognormal(np.log(median), 1.2, len(sent))), unit="s")
    receipts = pd.DataFrame(
        {
            "messageid": sent["messageid"],
            "dr": pd.Series(status, sent.index).map({2: "DELIVRD", 5: "UNDELIV", 12: "UNKNOWN"}),
            "dr_status": status,
            "dr_time": sent["sent_at"] + took,
            "price": 0.0065,
            "currency": "USD",
            "segments": 1,
            "network": rng.choice(["中国移动", "EE", "46003"], len(sent)),
        }
    ).astype(delivery.DTYPES | {"messageid": columns.TEXT})
    return delivery.join(sent, receipts[(sent["status"] == "Success") & (rng.random(len(sent)) > 0.02)])
