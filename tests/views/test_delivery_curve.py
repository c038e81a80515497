"""The picture of what was delivered how long after sending."""

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from nxsms_nb.errors import ColumnError, OptionError
from nxsms_nb.views import delivery_curve, style
from tests.support.made import deliver


@pytest.fixture(name="ax", autouse=True)
def _ax():
    mpl.use("Agg")
    yield Figure(layout="constrained").add_subplot()
    plt.close("all")


@pytest.fixture(name="arrived", scope="module")
def _arrived(made):
    return deliver(made(3000))


def title(ax):
    return ax.get_title(loc="left").replace("\n", " ")


def words(ax):
    return " ".join(text.get_text() for text in ax.findobj(Text)).replace("\n", " ")


def named(ax):
    """The words behind the curves."""
    return [text for text in ax.texts if text.get_position()[0] == delivery_curve._GAP]


def ends(ax):
    """The words behind the curves, from the top down."""
    found = named(ax)
    return [text.get_text() for text in sorted(found, key=lambda text: -text.xy[1])]


def ticks(ax):
    low, high = ax.get_xlim()
    return [ax.xaxis.get_major_formatter()(tick) for tick in ax.xaxis.get_majorticklocs() if low <= tick <= high]


def test_the_curve_is_the_share_of_all_accepted_rows(arrived, ax):
    """At each time as many steps up as were delivered by then; open rows stay in the denominator, and are named."""
    assert arrived.nxsms.plot.delivery(ax) is ax
    overall = arrived.nxsms.delivery().iloc[0]
    accepted = arrived[arrived["status"] == "Success"]
    took = (accepted["dr_time"] - accepted["sent_at"]).dt.total_seconds()[accepted["dr_status"] == 2]
    (line,) = ax.lines
    times, shares = line.get_xdata(), line.get_ydata()
    for second in (1, 5, 8, 60):
        at = np.searchsorted(times, second, side="right") - 1
        assert shares[at] == pytest.approx((took.clip(lower=1e-3) <= second).sum() / len(accepted))
    assert shares[0] == 0
    assert shares[-1] == pytest.approx(overall["delivered"] / overall["rows"])
    assert line.get_drawstyle() == "steps-post"
    assert ends(ax) == [f"{overall['delivered'] / overall['rows']:.1%} · {overall['open']:.0f} open"]
    assert ax.get_ylabel() == "delivered, of the accepted"
    assert f"open, counted as not delivered so far: {overall['open']:.0f}" in words(ax)
    assert title(ax).startswith(
        f"{overall['delivered'] / overall['rows']:.1%} of {overall['rows']:,.0f} accepted messages delivered"
    )


def test_groups_are_named_where_their_curves_end(arrived, ax):
    """Each in its colour, none over another; at most five, the others are counted."""
    arrived.nxsms.plot.delivery(ax, by="country")
    table = arrived.nxsms.delivery("country")
    assert len(ax.lines) == len(table) == 4
    assert {text.split()[0] for text in ends(ax)} == set(table["country"])
    assert len({to_hex(line.get_color()) for line in ax.lines}) == 4
    ax.figure.draw_without_rendering()
    boxes = sorted((Text.get_window_extent(text) for text in named(ax)), key=lambda box: box.y0)
    for below, above in pairwise(boxes):
        assert above.y0 >= below.y1 - 0.5
    assert title(ax) == (
        "Delivered by country: these 4 groups differ no more than chance would: p = " + f"{table.attrs['p']:.2f}"
    )


def test_many_groups_are_the_largest_five(arrived, ax):
    """In the table's order; how many rows are left out is said."""
    frame = arrived.assign(g=np.minimum(np.arange(len(arrived)) % 36, 7))
    frame.nxsms.plot.delivery(ax, by="g")
    table = frame.nxsms.delivery("g")
    assert len(ax.lines) == 5
    assert len(table) == 8
    largest = table.nlargest(5, "rows").sort_values("g")
    assert [line.get_label() for line in ax.lines] == largest["g"].astype(str).tolist()
    assert f"left out: 3 groups with {table['rows'].sum() - largest['rows'].sum()} rows" in words(ax)


def test_the_group_of_which_least_arrived_is_in_the_title(arrived, ax):
    """With its share of the final receipts, and that of all; another outcome than the curves', and named."""
    frame = arrived.copy()
    lost = frame["phone"].str.startswith("60") & (frame["dr_status"] == 2) & (np.arange(len(frame)) % 3 == 0)
    frame.loc[lost, "dr_status"] = 5
    frame.nxsms.plot.delivery(ax, by="country")
    lowest = frame.nxsms.delivery("country").set_index("country").loc["MY"]
    overall = frame.nxsms.delivery().iloc[0]
    assert title(ax) == (
        f"Delivered by country: MY {lowest['rate']:.1%} of the final receipts, against {overall['rate']:.1%} of all"
    )


@pytest.mark.parametrize(
    ("seconds", "scale", "expected"),
    [
        (np.linspace(1, 60, 50), "linear", ["0", "10 s", "20 s", "30 s", "40 s", "50 s", "60 s"]),
        (np.linspace(1, 600, 50), "linear", ["0", "2 min", "4 min", "6 min", "8 min", "10 min"]),
        (np.linspace(1, 5 * 3600, 50), "linear", ["0", "1 h", "2 h", "3 h", "4 h", "5 h"]),
        (np.linspace(0, 0.9, 50), "linear", ["0", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1 s"]),
        (np.geomspace(1, 86_400, 50), "log", ["1 s", "10 s", "1 min", "10 min", "1 h", "6 h", "1 d"]),
        (np.r_[np.full(50, 2.0), 100], "log", ["2 s", "5 s", "10 s", "15 s", "30 s", "1 min"]),
        (np.zeros(5), "linear", ["0", "0.2 s", "0.4 s", "0.6 s", "0.8 s", "1 s"]),
    ],
)
def test_time_is_in_units_that_people_read(made, ax, seconds, scale, expected):
    """Linear, or logarithmic where a few took far longer than most; in seconds, minutes, hours or days."""
    sent = made(1000)
    sent = deliver(sent[sent["status"] == "Success"].head(len(seconds)), late=0)
    sent["dr_status"], sent["dr_time"] = 2, sent["sent_at"] + pd.to_timedelta(seconds, unit="s")
    sent.nxsms.plot.delivery(ax)
    assert ax.get_xscale() == scale
    assert ticks(ax) == expected
    assert "none open" in words(ax)


def test_nothing_to_draw_is_said_in_words(arrived, ax):
    """Nothing accepted, nothing final, nothing delivered."""
    accepted = arrived[arrived["status"] == "Success"].head(3)
    for frame, said in (
        (arrived[arrived["status"] == "Failure"], "No row was accepted"),
        (arrived[:0], "No row was accepted"),
        (accepted.assign(dr_status=12), "No receipt is final yet; open: 3 rows."),
        (
            accepted.assign(dr_status=[5, 7, None]),
            "None of 2 rows with a final receipt was delivered; open: 1 row.",
        ),
        (accepted.assign(dr_status=5), "None of 3 rows with a final receipt was delivered."),
    ):
        frame.nxsms.plot.delivery(ax, by="country")
        assert said in words(ax)
        assert not ax.lines
        ax.clear()


def test_deliveries_without_a_usable_time_are_not_on_the_curve(arrived, ax):
    """They stay in its denominator and in the words; a curve of which no time is known stays at the bottom."""
    frame = arrived.copy()
    frame["dr_time"] = frame["sent_at"] - pd.Timedelta("8h")
    delivered = frame.nxsms.delivery()["delivered"][0]
    frame.nxsms.plot.delivery(ax)
    assert max(ax.lines[0].get_ydata()) == 0
    assert f"delivered without a usable time, not on the curve: {delivered:,}" in words(ax)


def test_a_million_steps_are_few_points(ax):
    """More than there are pixels show nothing; the curve begins at nothing and ends where it would."""
    times = np.sort(np.random.default_rng(1).random(50_000) * 1000)
    curve = delivery_curve._Curve("", {"rows": 100_000}, times)
    x, y = delivery_curve._steps(curve, 1000.0)
    assert len(x) <= 2_002
    assert (y[0], y[-1]) == (0.0, 0.5)
    assert np.interp(500, x, y) == pytest.approx(0.25, abs=0.01)


def test_colours_of_groups_mean_nothing_else():
    """Neither a status nor a code; and "accepted" has not the colour of "delivered"."""
    others = {*style.STATUS_COLOURS.values(), *style.CODE_COLOURS.values(), style.OTHER_COLOUR}
    assert not set(style.GROUP_COLOURS) & others


def test_no_receipts_and_a_wrong_first_argument_are_named(made, arrived):
    """The call that joins receipts; a grouping that was given as Axes."""
    with pytest.raises(ColumnError, match=r"receipts\(client\)"):
        made(3).nxsms.plot.delivery()
    with pytest.raises(Exception, match="by='country'"):
        arrived.nxsms.plot.delivery("country")
    with pytest.raises(OptionError):
        arrived.nxsms.plot.delivery(column="country")
