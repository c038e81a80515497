"""What pictures say of uncertainty, of causes and of experiments, and how they look where there is little room."""

import colorsys
import re
from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex, to_rgb
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text

import nxsms_nb as nx
from nxsms_nb.analysis.derived import DERIVED, OF_RECEIPTS, SECOND_NAMES
from nxsms_nb.errors import ConfigError, OptionError
from nxsms_nb.results import columns, delivery
from nxsms_nb.results.statuses import STATUSES
from nxsms_nb.views import labels, style
from tests.support.made import deliver
from tests.support.words import CHINESE, english_of

LONG = "长的优惠短信（周末特价）请尽快下单"


@pytest.fixture(name="ax", autouse=True)
def _ax():
    mpl.use("Agg")
    yield Figure(layout="constrained").add_subplot()
    plt.close("all")


@pytest.fixture(name="sent", scope="module")
def _sent(made):
    """A campaign in which one sender fails in one country, over groups of long and of Chinese names."""
    sent = made(6000)
    rng = np.random.default_rng(1)
    sent["wording"] = rng.choice(["短的", LONG, "plain"], len(sent))
    sent["sender"] = rng.choice(["ACME", "Shop24", "INFO"], len(sent))
    sent["slot"] = rng.integers(0, 24, len(sent))
    hit = sent["phone"].str.startswith("60") & (sent["sender"] == "ACME") & (rng.random(len(sent)) < 0.5)
    hit &= sent["status"] == "Success"
    sent.loc[hit, ["status", "code", "reason"]] = ["Failure", 13006, "incorrect sender"]
    sent["variant"] = rng.choice(["as always", "by name", "third"], len(sent))
    sent["ordered"] = rng.random(len(sent)) < sent["variant"].map({"as always": 0.04, "by name": 0.08, "third": 0.04})
    sent["spent"] = rng.gamma(2, 6, len(sent))
    return deliver(sent)


PICTURES = {
    "status": lambda plot, ax: plot.status(ax),
    "codes": lambda plot, ax: plot.failures(ax),
    "groups": lambda plot, ax: plot.failures(ax, by="sender"),
    "Chinese groups": lambda plot, ax: plot.failures(ax, by="wording"),
    "many groups": lambda plot, ax: plot.failures(ax, by=["wording", "sender"]),
    "heatmap": lambda plot, ax: plot.heatmap(ax, by=["wording", "slot"]),
    "drivers": lambda plot, ax: plot.drivers(ax),
    "compare": lambda plot, ax: plot.compare(ax, outcome="ordered", unit="messageid"),
    "compare means": lambda plot, ax: plot.compare(ax, outcome="spent", unit="messageid"),
    "throughput": lambda plot, ax: plot.throughput(ax),
    "latency": lambda plot, ax: plot.latency(ax),
    "delivery": lambda plot, ax: plot.delivery(ax),
    "delivery of groups": lambda plot, ax: plot.delivery(ax, by="network"),
    "delivery of many groups": lambda plot, ax: plot.delivery(ax, by=["network", "country"]),
}


def title(ax):
    return ax.get_title(loc="left").replace("\n", " ")


def words(ax):
    return " ".join(text.get_text() for text in ax.findobj(Text)).replace("\n", " ")


def names(ax):
    return [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]


def whiskers(ax):
    """The ends of all intervals, from the top down."""
    drawn = [each for each in ax.containers if isinstance(each, ErrorbarContainer)]
    ends = [segment for each in drawn for segment in each.lines[2][0].get_segments()]
    return np.array([[*segment[:, 0]] for segment in sorted(ends, key=lambda segment: segment[0, 1])])


def lines(ax, kind):
    return [line for line in ax.lines if line.get_label() == kind]


def test_rates_have_their_intervals(sent, ax):
    """Each group's whiskers are Wilson's interval, and a line is the rate of all rows."""
    sent.nxsms.plot.failures(ax, by="sender")
    table = sent.nxsms.failures(by="sender").drop_duplicates("sender").sort_values("rate", ascending=False)
    assert whiskers(ax) == pytest.approx(table[["low", "high"]].to_numpy())
    (line,) = lines(ax, "all rows")
    assert line.get_xdata()[0] == table.attrs["overall"]["rate"]
    assert title(ax).startswith("Failure rate by sender: ACME ")
    assert "these 3 groups differ more than chance would: p < 0.001" in words(ax)


def test_counts_of_codes_have_intervals_too(sent, ax):
    """By code the whiskers are the interval of the share, in rows; rows that were not sent have none."""
    sent.nxsms.plot.failures(ax)
    table = sent.nxsms.failures()
    table, answered = table[table["count"] > 0], table.attrs["overall"]["answered"]
    assert whiskers(ax) == pytest.approx(table[["low", "high"]].to_numpy() * answered)


def test_groups_that_differ_by_chance_are_said_to(made, ax):
    """A ranking of noise is no finding: the title says so."""
    sent = made(3000)
    sent["shop"] = np.random.default_rng(5).choice(["Shop24", "ACME", "INFO"], len(sent))
    p = sent.nxsms.failures(by="shop").attrs["p"]
    assert p > 0.05
    sent.nxsms.plot.failures(ax, by="shop")
    assert title(ax) == f"Failure rate by shop: these 3 groups differ no more than chance would: p = {p:.2f}"


@pytest.mark.parametrize("dtype", ["datetime64[ns, UTC]", "float64", "Int64"])
def test_bins_of_nothing_are_drawn(made, ax, dtype):
    """A filter that leaves no row, or a column without any value, needs no bins."""
    sent = made(50)
    sent["when"] = pd.Series([None] * 50, dtype=dtype)
    for some in (sent, sent[:0]):
        some.nxsms.plot.failures(ax, by="when", bins=4)
        ax.clear()


def test_a_small_group_is_not_called_the_highest(ax):
    """One failure of one row is a rate of 100%, and no finding."""
    sent = columns.empty(1001).assign(status="Success", code=0, g=["big"] * 500 + ["other"] * 500 + ["lone"])
    sent.loc[np.r_[0:100, 1000], ["status", "code"]] = ["Failure", 13005]
    sent.nxsms.plot.failures(ax, by="g")
    assert title(ax).startswith("Failure rate by g: big 20.0%, against ")


def test_statuses_and_codes_share_no_colour():
    """A colour means one thing; what was not sent is grey."""
    statuses, codes = set(style.STATUS_COLOURS.values()), set(style.CODE_COLOURS.values())
    assert len(statuses) == 6
    assert len(codes) == len(style.CODE_COLOURS)
    assert not (codes | {style.OTHER_COLOUR, style.NEUTRAL}) & statuses
    for status in ("Unsent", "Skipped"):
        assert colorsys.rgb_to_hls(*to_rgb(style.STATUS_COLOURS[status]))[2] == 0


def test_bars_of_refused_and_invalid_rows_do_not_alternate(sent, ax):
    """Failures come first, then what was not sent, whatever the codes."""
    mixed = sent.copy()
    mixed.loc[mixed.index[:400], ["status", "code"]] = ["Invalid", 13009]
    mixed.loc[mixed.index[400:450], ["status", "code"]] = ["Unsent", 1102]
    mixed.nxsms.plot.failures(ax)
    colours = [to_hex(bar.get_facecolor()).upper() for bar in ax.patches]
    order = [style.STATUS_COLOURS[name] for name in ("Failure", "Invalid", "Unsent")]
    assert list(dict.fromkeys(colours)) == order
    assert colours == sorted(colours, key=order.index)


def steady(seconds, *, per_request=20, per_second=200.0):
    """A run at an even pace; its requests take no time."""
    n = round(seconds * per_second)
    batch = np.arange(n) // per_request
    sent = columns.empty(n).assign(status="Success", code=0, batch=batch + 1, attempts=1, latency_ms=0.0)
    start = pd.Timestamp("2026-03-03 14:02:11.3", tz="UTC")
    sent["sent_at"] = (start + pd.to_timedelta(batch * per_request / per_second, unit="s")).as_unit("us")
    return sent


@pytest.mark.parametrize("seconds", [10.1, 10.4, 10.6, 10.9])
def test_the_last_interval_is_no_collapse(ax, seconds):
    """What is left of a run at the end is drawn as long as it is, at the pace it had."""
    steady(seconds).nxsms.plot.throughput(ax, freq="1s")
    tops, edges, _ = ax.patches[0].get_data()
    assert edges[0] == 0
    assert edges[-1] == pytest.approx(ax.get_xlim()[1])
    assert tops[-1] == pytest.approx(200, rel=0.2)


def test_the_pace_that_was_held_is_a_line(ax):
    """Where a run kept to a pace, a line shows it and the words name it."""
    steady(30).nxsms.plot.throughput(ax)
    (line,) = lines(ax, "held")
    assert line.get_ydata()[0] == pytest.approx(200, rel=0.05)
    assert "line: held to 2" in words(ax)


def test_a_run_with_a_pause_held_no_pace(ax):
    """Half an hour of nothing between two runs is no pace."""
    first = steady(10)
    second = first.assign(sent_at=first["sent_at"] + pd.Timedelta("30min"), batch=first["batch"] + 1000)
    pd.concat([first, second]).nxsms.plot.throughput(ax)
    assert not lines(ax, "held")
    assert "held to" not in words(ax)


def test_drivers_are_dots_next_to_the_rest(sent, ax):
    """Each slice has its rate, its interval and the rate of the rest; the title is the finding, and what is left is last."""
    sent.nxsms.plot.drivers(ax)
    table = sent.nxsms.drivers()
    left = table.attrs["left"]
    assert names(ax) == [*table["where"], "everything else"]
    dots, rings = ax.collections[-2:]
    assert np.asarray(dots.get_offsets())[:, 0] == pytest.approx([*table["rate"], left["rate"]])
    assert np.asarray(rings.get_offsets())[:, 0] == pytest.approx(table["rest_rate"].to_numpy())
    assert whiskers(ax)[: len(table)] == pytest.approx(table[["low", "high"]].to_numpy())
    assert title(ax) == table.attrs["note"].partition(";")[0]
    assert "13006" in words(ax)


def test_drivers_that_are_not_there_are_said_to_be_none(made, ax):
    """Noise gives words in place of a picture."""
    sent = made(2000).nxsms.plot.drivers(ax, columns=["segment"])
    assert "more often than chance" in words(ax)
    assert not sent.collections


def test_arms_are_compared_in_two_panels(sent, ax):
    """Rates with their intervals, and beside them the differences with theirs; the title says what the verdicts do."""
    assert sent.nxsms.plot.compare(ax, outcome="ordered", unit="messageid") is ax
    table = sent.nxsms.compare(outcome="ordered", unit="messageid")
    rates, differences = ax.child_axes
    assert names(rates) == ["as always", "by name", "third"]
    assert whiskers(rates) == pytest.approx(table[["low", "high"]].to_numpy())
    assert whiskers(differences) == pytest.approx(table[["diff_low", "diff_high"]].to_numpy()[1:])
    assert rates.get_ylim() == differences.get_ylim()
    assert title(ax).startswith('"by name" is higher than "as always": ')
    assert f"p = {table['p_adjusted'][1]:.3f}" in title(ax)
    tones = [to_hex(dot.get_facecolor()[0]).upper() for dot in differences.collections if len(dot.get_facecolor())]
    assert style.NEUTRAL in tones


def test_no_arm_is_called_better_without_evidence(sent, ax):
    """Wordings that sold alike are said to, whichever is ahead."""
    alike = sent[sent["variant"] != "by name"]
    alike.nxsms.plot.compare(ax, outcome="ordered", unit="messageid")
    assert title(ax).startswith('No evidence that third differs from "as always": ')


def test_arms_that_cannot_be_compared_are_drawn(ax):
    """Nothing is known of an arm without rows that count."""
    frame = pd.DataFrame({"variant": list("AAB"), "bought": [1.0, 0.0, None]})
    frame.nxsms.plot.compare(ax, outcome="bought")
    assert title(ax) == "B and A cannot be compared"


def test_a_comparison_needs_an_outcome(sent):
    """The message says what to give."""
    with pytest.raises(OptionError, match=r"compare\(\) needs outcome"):
        sent.nxsms.plot.compare()


def test_cells_of_a_heatmap_are_rates_and_few_rows_are_faint(sent, ax):
    """A cell's colour is its rate; one of few rows is faint, one without rows is empty."""
    sent = sent.replace({"wording": {LONG: "long", "短的": "short"}})
    some = sent[~((sent["sender"] == "INFO") & (sent["wording"] == "plain"))]
    thin = some.index[(some["sender"] == "INFO") & (some["wording"] == "short")][10:]
    some = some.drop(thin)
    some.nxsms.plot.heatmap(ax, by=["sender", "wording"])
    table = some.nxsms.failures(by=["sender", "wording"]).drop_duplicates(["sender", "wording"])
    (mesh,) = ax.collections
    shown = pd.DataFrame(
        mesh.get_array().filled(np.nan), names(ax), [label.get_text() for label in ax.get_xticklabels()]
    )
    faint = pd.DataFrame(mesh.get_alpha().reshape(shown.shape), shown.index, shown.columns)
    for row in table[["sender", "wording", "rate", "answered"]].itertuples(index=False):
        assert shown.loc[row.sender, row.wording] == pytest.approx(row.rate)
        assert (faint.loc[row.sender, row.wording] < 1) == (row.answered < 20)
    assert np.isnan(shown.loc["INFO", "plain"])
    assert "faint: under 20 answered" in words(ax)


def test_hours_of_a_heatmap_are_in_their_order(sent, ax):
    """What has an order keeps it; of names those with most failures come first."""
    sent.nxsms.plot.heatmap(ax, by=["country", "slot"])
    assert [label.get_text() for label in ax.get_xticklabels()] == [str(hour) for hour in range(24)]
    assert names(ax)[0] == "MY"


@pytest.mark.parametrize("by", ["country", ["country"], ["country", "hour", "sender"], None])
def test_a_heatmap_has_two_sides(sent, by):
    """One grouping, or three, is not a table."""
    with pytest.raises(ConfigError, match="Name two"):
        sent.nxsms.plot.heatmap(by=by)


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize("size", [(4.0, 3.4), (3.4, 4.5), (6.4, 4.8), None])
def test_nothing_is_cut_off(sent, name, size):
    """In a narrow figure without any layout, words are wrapped and stay inside; a new figure has one width."""
    ax = plt.subplots(figsize=size)[1] if size else None
    figure = PICTURES[name](sent.nxsms.plot, ax).figure
    if size is None:
        assert figure.get_size_inches()[0] == style.WIDTH
    figure.canvas.draw()
    inside = figure.bbox.padded(2)
    beyond = {
        text
        for panel in (ax or figure.axes[0], *figure.axes[0].child_axes)
        for axis, limits in ((panel.xaxis, panel.get_xlim()), (panel.yaxis, panel.get_ylim()))
        for tick, text in zip(axis.get_majorticklocs(), axis.get_ticklabels(), strict=True)
        if not panel.axison or not min(limits) <= tick <= max(limits)
    }
    drawn = [text for text in figure.findobj(Text) if text.get_text() and text.get_visible() and text not in beyond]
    low, high = sorted(inside.intervalx)
    assert len(drawn) > 3
    for text in drawn:
        box = text.get_window_extent()
        assert box.x0 >= low, text.get_text()
        assert box.x1 <= high, text.get_text()


def test_words_are_wrapped_where_they_may_be():
    """Between words, within Chinese ones, and neither in a p-value nor in a name of two parts; the rest is left out."""
    assert labels.wrapped("p = 0.21 of all", 60, 10) == "p = 0.21\nof all"
    assert labels.wrapped("slot MY · 7 is", 45, 10) == "slot\nMY · 7 is"
    assert labels.wrapped("手机号格式错误请检查", 62, 10) == "手机号格式\n错误请检查"
    assert labels.wrapped("a long name, wave 7", 70, 10, lines=1).endswith("e 7")


@pytest.mark.parametrize("name", PICTURES)
def test_names_of_rows_do_not_overlap(sent, name):
    """Where rows are close to each other, their names are small."""
    ax = PICTURES[name](sent.nxsms.plot, plt.subplots(figsize=(4.0, 3.4))[1])
    ax.figure.canvas.draw()
    for panel in (ax, *ax.child_axes):
        boxes = [label.get_window_extent() for label in panel.get_yticklabels() if label.get_text()]
        boxes = sorted((box for box in boxes if box.height), key=lambda box: box.y0)
        for below, above in pairwise(boxes):
            assert above.y0 >= below.y1 - 0.5


@pytest.mark.parametrize("name", PICTURES)
def test_styles_of_matplotlib_are_honoured(sent, name):
    """On a dark page words are light, lines are dim and nothing has a white edge."""
    with plt.style.context("dark_background"):
        ax = PICTURES[name](sent.nxsms.plot, None)
    light = [sum(to_rgb(text.get_color())) / 3 for text in ax.findobj(Text) if text.get_text() and text.axes is ax]
    assert to_hex(ax.figure.get_facecolor()) == "#000000"
    written = [value for value, text in zip(light, ax.findobj(Text), strict=False) if text]
    assert min(written) > 0.4 or name == "heatmap"
    assert not any(
        to_hex(bar.get_edgecolor()) == "#ffffff" and bar.get_linewidth() for bar in ax.patches if bar.get_fill()
    )


def test_axes_of_another_style_are_readable(sent):
    """Axes that were made dark stay readable when the style has ended."""
    with plt.style.context("dark_background"):
        ax = plt.subplots()[1]
    sent.nxsms.plot.status(ax)
    assert sum(to_rgb(ax.title.get_color())) >= 0
    assert all(sum(to_rgb(label.get_color())) / 3 > 0.5 for label in ax.get_yticklabels())


def test_a_given_layout_is_left_alone(sent):
    """A figure that arranges its axes itself goes on doing so."""
    figure, ax = plt.subplots(layout="tight")
    engine = figure.get_layout_engine()
    sent.nxsms.plot.status(ax)
    assert figure.get_layout_engine() is engine


def test_pictures_can_be_parts_of_a_figure(sent):
    """Two subfigures side by side take two pictures."""
    left, right = Figure(figsize=(10, 4), layout="constrained").subfigures(1, 2)
    sent.nxsms.plot.status(left.add_subplot())
    ax = sent.nxsms.plot.compare(right.add_subplot(), outcome="ordered", unit="messageid")
    ax.figure.figure.savefig("/dev/null", format="png")
    assert len(ax.child_axes) == 2


def test_a_run_of_the_sandbox_shows_the_pace_it_found(ax):
    """Sent for real, the line is near the gateway's limit wherever there is one."""
    frame = pd.DataFrame({"phone": [f"4915{n:08d}" for n in range(1600)], "content": "Hi"})
    with nx.Sandbox(seed=7, tps=400, hourly_limit=None) as sandbox:
        sent = frame.nxsms.send(sandbox.client, progress=False)
    sent.nxsms.plot.throughput(ax)
    assert all(line.get_ydata()[0] < 500 for line in lines(ax, "held"))
    assert ax.get_xlim()[0] == 0


@pytest.mark.parametrize("name", PICTURES)
def test_no_english_remains_in_a_chinese_picture(chinese, sent, ax, name):
    """Titles, axes, keys and what stands at the bars are Chinese; columns and values keep their names."""
    frame = sent.rename(columns={"ordered": "o", "spent": "s", "variant": "v", "sender": "f", "wording": "w"})
    renamed = {"sender": "f", "wording": "w"}
    plot = frame.nxsms.plot
    drawn = {
        "groups": lambda: plot.failures(ax, by="f"),
        "Chinese groups": lambda: plot.failures(ax, by="w"),
        "many groups": lambda: plot.failures(ax, by=list(renamed.values())),
        "heatmap": lambda: plot.heatmap(ax, by=["country", "hour"]),
        "compare": lambda: plot.compare(ax, by="v", outcome="o", unit="messageid"),
        "compare means": lambda: plot.compare(ax, by="v", outcome="s", unit="messageid", sequential=True),
    }
    drawn.get(name, lambda: PICTURES[name](plot, ax))()
    shown = words(ax)
    for value in (*STATUSES, "ACME", "Shop24", "INFO", "plain", "as always", "by name", "third", "Handset gone"):
        shown = shown.replace(value, "")
    assert CHINESE.search(shown)
    assert not [word for word in english_of(shown) if not re.fullmatch("[A-Z]{2}", word)]  # countries


@pytest.mark.parametrize("by", [*DERIVED, *OF_RECEIPTS, "slot", "when"])
def test_groups_have_chinese_names(chinese, sent, ax, by):
    """What is derived, ranges of numbers and times, and what is missing."""
    frame = sent.assign(slot=sent["slot"].where(sent["slot"] > 2) * 1000.5, when=pd.Timestamp("2026-03-03"))
    frame.nxsms.plot.failures(ax, by=by, bins=4 if by == "slot" else None)
    shown = words(ax).replace("slot", "").replace("when", "").replace("GSM-7", "").replace("UCS-2", "")
    for value in frame["network"].dropna().unique() if by == "network" else ():
        shown = shown.replace(value, "")
    shown = re.sub(r"\b[A-Z]{2}\b", "", shown) if by == "country" else shown
    assert not english_of(shown.replace("Handset gone", ""))  # the gateway's own words


@pytest.mark.parametrize("by", SECOND_NAMES)
def test_what_is_derived_next_to_a_column_of_its_name_is_named_in_chinese(chinese, sent, ax, by):
    """The column that it is derived from is named, and the frame's own column keeps its name and values."""
    name = SECOND_NAMES[by]
    frame = sent.drop(columns=[*delivery.DELIVERY_COLUMNS]).assign(**{name: "Monday"})
    frame.nxsms.plot.failures(ax, by=by)
    title = ax.get_title(loc="left") or words(ax)
    assert CHINESE.search(title)
    assert not [word for word in english_of(words(ax)) if re.search(f"{name}|day", word)]
    own = Figure().add_subplot()
    frame.nxsms.plot.failures(own, by=name)
    assert {"Monday", name} <= {*english_of(words(own))}


@pytest.mark.parametrize(("tz", "zone"), [(None, "UTC"), ("Asia/Kolkata", "Asia/Kolkata")])
def test_times_say_their_zone(sent, tz, zone):
    """A picture by hour, weekday or date names the zone that was asked for, not another."""
    for by, said in (("hour", "hour of the day"), ("weekday", "day of the week"), ("date", "date")):
        ax = sent.nxsms.plot.failures(by=by, tz=tz)
        assert f"{said} ({zone})" in words(ax)
    assert f"hour of the day ({zone})" in words(sent.nxsms.plot.heatmap(tz=tz))


@pytest.mark.parametrize("outcome", ["accepted", "delivered", "ordered"])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_nothing_found_is_said_in_chinese(chinese, ax, share, outcome):
    """With no failure, nothing but failures, or nothing beyond chance, whatever is explained."""
    frame = pd.DataFrame({"phone": [f"4915{n:08d}" for n in range(200)], "content": "Hi"})
    bad = pd.Series(range(200)) < 200 * share
    with nx.Sandbox(seed=7, delivery={}) as sandbox:
        sent = frame.nxsms.send(sandbox.client, progress=False).nxsms.receipts(sandbox.client)
    sent = sent.assign(ordered=~bad)
    if outcome == "accepted":
        sent = sent.assign(status=sent["status"].mask(bad, "Failure"), code=sent["code"].mask(bad, 13005))
    if outcome == "delivered":
        sent = sent.assign(dr_status=sent["dr_status"].mask(bad, 5))
    sent.nxsms.plot.drivers(ax, columns=["content"], outcome=outcome)
    shown = words(ax).replace("ordered", "")
    assert CHINESE.search(shown)
    assert not english_of(shown)
