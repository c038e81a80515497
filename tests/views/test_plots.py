"""Pictures show the numbers of the frame; they are read here by their bars, labels and data."""

import threading
from types import SimpleNamespace

import matplotlib as mpl
import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from matplotlib.text import Text
from nbclient import NotebookClient

import nxsms_nb  # noqa: F401  registers df.nxsms
from nxsms_nb.analysis import failures, summary, throughput
from nxsms_nb.errors import ColumnError, ConfigError
from nxsms_nb.results import columns
from nxsms_nb.results.statuses import RESULT_COLUMNS
from nxsms_nb.views import labels, style
from tests.support.machine import lacks


def picture(name):
    """Draw as the accessor does."""

    def draw(frame, ax=None, **given):
        return getattr(frame.nxsms.plot, name)(ax, **given)

    draw.__name__ = name
    return draw


NAMES = ("status", "failures", "heatmap", "drivers", "throughput", "latency")
pictures = SimpleNamespace(**{name: picture(name) for name in (*NAMES, "compare")})
PICTURES = tuple(getattr(pictures, name) for name in NAMES)


@pytest.fixture(name="ax", autouse=True)
def _ax():
    mpl.use("Agg")
    yield Figure(layout="constrained").add_subplot()
    plt.close("all")


def names(ax):
    return [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]


def title(ax):
    return ax.get_title(loc="left").replace("\n", " ")


def words(ax):
    return [text.get_text().replace("\n", " ") for text in ax.findobj(Text) if text.get_text()]


def colours(ax):
    return [to_hex(bar.get_facecolor()).upper() for bar in ax.patches]


def test_status_draws_every_status_with_its_number(made, ax):
    """Bars are as long as the counts, named, numbered with thousands apart, in each status' own colour."""
    sent = made(20_000)
    table = summary.summary(sent)
    assert pictures.status(sent, ax) is ax
    assert [bar.get_width() for bar in ax.patches] == table["count"].tolist()
    assert names(ax)[0] == "Success: accepted"
    assert colours(ax) == list(style.STATUS_COLOURS.values())
    success = table.iloc[0]
    assert f"{success['count']:,}  ({success['share']:.1%})" in words(ax)
    answered = table["count"].iloc[:2].sum()
    assert title(ax) == f"{success['share']:.1%} accepted: {success['count']:,} of {answered:,} answered messages", (
        "title and bar have one denominator"
    )


def test_failures_are_drawn_by_code_largest_first(made, ax):
    """One bar a code, labelled with its meaning, the uncoded with the gateway's text, in the colour of Failure."""
    sent = made(5000)
    sent = sent[sent["status"].isin(["Success", "Failure"])]
    table = failures.failures(sent)
    pictures.failures(sent, ax)
    assert [bar.get_width() for bar in ax.patches] == table["count"].tolist()
    assert names(ax)[0] == "13005 incorrect phone number"
    assert any(name.startswith("Handset gone ") for name in names(ax))
    assert set(colours(ax)) == {style.STATUS_COLOURS["Failure"]}
    failed = table["count"].sum()
    assert title(ax) == f"{failed / len(sent):.1%} failed: {failed:,} of {len(sent):,} answered messages"
    places = [bar.get_y() for bar in ax.patches]
    bottom, top = ax.get_ylim()
    assert places == sorted(places)
    assert bottom > top, "the first bar is at the top"


def test_a_text_of_the_gateway_is_drawn_in_its_own_characters(made, ax):
    """Chinese stays Chinese where a font for it is installed, whatever the usual font has."""
    if not any(
        entry.name in labels.FALLBACKS and ord("手") in get_font(entry.fname).get_charmap()
        for entry in fontManager.ttflist
    ):
        lacks("no font with Chinese characters is installed, as in Debian's fonts-noto-cjk")
    sent = made(5000)
    pictures.failures(sent[sent["status"].isin(["Success", "Failure"])], ax)
    assert "Handset gone 手机已停机" in names(ax)


def test_what_was_not_sent_is_drawn_separately(made, ax):
    """Rows refused by validation have bars and a colour of their own, and count in no share."""
    sent = made(5000)
    pictures.failures(sent, ax)
    table = failures.failures(sent)
    assert [bar.get_width() for bar in ax.patches][-1] == table["invalid"].sum()
    assert colours(ax)[-1] == style.STATUS_COLOURS["Invalid"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "refused by the gateway",
        "refused before sending",
    ]
    assert f"{table['invalid'].sum():,}" in words(ax)


def test_many_causes_are_cut_and_counted(made, ax):
    """Forty texts do not make forty bars, and the last bar says how many it stands for."""
    sent = made(400).assign(
        status="Failure", code=pd.NA, reason=[f"cause {chr(97 + i % 20)}{i % 2}" for i in range(400)]
    )
    pictures.failures(sent, ax)
    assert len(ax.patches) == 15
    assert names(ax)[-1] == "6 other causes"
    assert sum(bar.get_width() for bar in ax.patches) == 400


def test_failure_rates_are_drawn_by_group(made, ax):
    """Each group's bar is its rate, put together from its codes, with the numbers behind it."""
    sent = made(4000)
    pictures.failures(sent, ax, by="segment")
    table = failures.failures(sent, "segment").drop_duplicates("segment").sort_values("rate", ascending=False)
    reached = np.zeros(len(table))
    for bar in ax.patches:
        reached[round(bar.get_y() + bar.get_height() / 2)] += bar.get_width()
    assert reached == pytest.approx(table["rate"].to_numpy())
    assert names(ax) == ["(missing)" if pd.isna(key) else key for key in table["segment"]]
    first = table.iloc[0]
    assert f"{first['rate']:.1%}  ({first['failed']:,} of {first['answered']:,})" in words(ax)
    assert title(ax).startswith("Failure rate by segment: ")


def test_ranges_of_numbers_are_named_in_words(made, ax):
    """Thirty different batches are ten bins, each named by its first and last."""
    pictures.failures(made(8000), ax, by="batch")
    assert names(ax)[:2] == ["1 to 4", "5 to 8"]


def test_groups_with_an_order_keep_it_and_too_many_are_cut(made, ax):
    """Waves stand in their order, and what is left out is told with its failures."""
    sent = made(8000)
    waves = [f"wave {number}" for number in range(41)]
    sent["wave"] = pd.Categorical([waves[number] for number in sent["batch"].fillna(1)], waves, ordered=True)
    pictures.failures(sent, ax, by="wave")
    assert names(ax) == waves[1:25]
    table = failures.failures(sent, "wave").drop_duplicates("wave")
    left_out = table[table["wave"] > "wave 24"]["failed"].sum()
    assert any(f"16 more with {left_out} failures left out" in text for text in words(ax))


def test_phones_are_masked_on_a_picture(made, ax):
    """A picture is saved in a notebook, so nobody's number stands on it."""
    pictures.failures(made(500), ax, by="phone")
    assert sorted(names(ax)) == ["141••••••23", "491••••••••78", "601••••••89", "861••••••••88"]


def test_throughput_has_every_message_under_its_steps(made, ax):
    """The area of the steps is the number of messages, accepted and failed apart, on a scale of seconds from 0."""
    sent = made(20_000)
    pictures.throughput(sent, ax, freq="2s")
    table = throughput.throughput(sent, "2s")
    for steps, name in zip(ax.patches, ("accepted", "failed"), strict=False):
        tops, edges, base = steps.get_data()
        assert ((tops - base) * np.diff(edges)).sum() == pytest.approx(table[name].sum())
        assert np.diff(edges)[:-1] == pytest.approx(2.0)
        assert edges[0] == ax.get_xlim()[0] == 0
    assert ax.get_xlabel() == "seconds since the first request"
    assert [to_hex(steps.get_facecolor()).upper() for steps in ax.patches][:2] == [
        style.STATUS_COLOURS["Success"],
        style.STATUS_COLOURS["Failure"],
    ]


@pytest.mark.parametrize(
    ("rows", "per_second", "unit"), [(600, 2000, "seconds"), (4000, 20_000, "seconds"), (50_000, 7, "minutes")]
)
def test_throughput_looks_alike_for_short_and_long_runs(made, ax, rows, per_second, unit):
    """Two seconds or two hours: some steps, never hundreds, in a unit that reads well."""
    pictures.throughput(made(rows, per_second=per_second), ax)
    assert 5 <= len(ax.patches[0].get_data()[0]) <= 82
    assert ax.get_xlabel().startswith(unit)


def test_throughput_of_one_request_is_drawn(made, ax):
    """One request has no length of time; it is one step, not an error."""
    sent = made(1)[["messageid", "code", "reason", "attempts"]].assign(
        status="Success", batch=1, sent_at=pd.Timestamp("2026-03-03", tz="UTC"), latency_ms=0.0
    )
    pictures.throughput(sent, ax)
    assert len(ax.patches[0].get_data()[0]) == 1


def test_latency_counts_requests(made, ax):
    """The histogram is of requests, not of rows, and its title says median and 95th percentile."""
    sent = made(4000)
    sent["latency_ms"] = sent["batch"].astype("Float64").fillna(np.nan).astype(float) * 10
    pictures.latency(sent.dropna(subset="batch"), ax)
    assert sum(bar.get_height() for bar in ax.patches) in {19, 20}  # of the slowest half per cent, none is drawn
    assert title(ax) == "Half of the requests within 105 ms, 95% within 190 ms"


@pytest.mark.parametrize(
    ("draw", "status", "said"),
    [
        (pictures.status, None, "The frame has no rows."),
        (pictures.failures, None, "The gateway has not answered any row."),
        (pictures.failures, "Success", "No failures: all"),
        (pictures.throughput, "Invalid", "No request was sent"),
        (pictures.latency, "Invalid", "No request was answered"),
    ],
)
def test_nothing_to_draw_is_said_in_words(made, ax, draw, status, said):
    """An empty picture would leave the reader guessing."""
    sent = made(300)
    draw(sent[sent["status"] == status] if status else sent[:0], ax)
    assert any(said in text for text in words(ax))
    assert not ax.patches


def test_groups_without_an_answer_say_so(made, ax):
    """No answered row, no rate."""
    pictures.failures(made(300).query("status == 'Invalid'"), ax, by="segment")
    assert "The gateway has not answered any row." in words(ax)


@pytest.mark.parametrize("draw", PICTURES)
@pytest.mark.parametrize("rows", [0, 500])
def test_sandbox_results_say_so(made, draw, rows):
    """Practice must not be taken for the real thing, and the real thing not for practice."""
    sent = made(rows)
    assert not any("sandbox" in text for text in words(draw(sent, Figure().add_subplot())))
    sent.attrs["nxsms"] = {"gateway": "sandbox"}
    assert any("sandbox" in text for text in words(draw(sent, Figure().add_subplot())))


@pytest.mark.parametrize("draw", PICTURES)
def test_a_prefix_and_missing_results(made, draw, ax):
    """Results under a prefix are drawn; a frame that was not sent is refused with these words."""
    sent = made(200).rename(columns={name: f"sms_{name}" for name in RESULT_COLUMNS})
    draw(sent, ax, prefix="sms_")
    with pytest.raises(ColumnError, match="prefix='sms_'"):
        draw(sent)


@pytest.mark.parametrize("draw", PICTURES)
def test_pictures_are_saved_without_a_warning(made, draw, ax):
    """Drawing them for real, Chinese, dollars and what no font has included, warns of nothing."""
    sent = made(600)
    failed = sent["status"] == "Failure"
    sent.loc[failed, "code"] = pd.NA
    sent.loc[failed, "reason"] = "余额 $5 不足 and $6 \U0001f980 ส่งไม่ได้"
    draw(sent, ax)
    assert style.png(ax.figure).startswith(b"\x89PNG")


def test_dollars_are_no_formula(made, ax):
    """A reason that holds two dollar signs is shown as it is."""
    pictures.failures(made(10).assign(status="Failure", code=pd.NA, reason="$5 and $6"), ax)
    label = ax.get_yticklabels()[0]
    assert label.get_text() == "$5 and $6"
    assert not label.get_parse_math()


def test_fonts_are_chosen_by_what_the_text_needs():
    """Latin text keeps the usual font; a character that no font has becomes a box instead of a warning each time."""
    usual = list(mpl.rcParams["font.family"])
    assert labels.drawable("plain") == ("plain", usual)
    assert labels.drawable("très") == ("très", usual)
    text, families = labels.drawable("\U0001f980\ue123")
    assert text.endswith("□")
    assert families[: len(usual)] == usual


def test_without_axes_the_main_thread_uses_pyplot(made):
    """plt.savefig and a notebook find the picture, as with every other library."""
    ax = pictures.failures(made(50))
    assert plt.gcf() is ax.figure


def test_a_thread_never_touches_pyplot(made):
    """Drawn in a thread, as a widget's callback may be, the figure is one that pyplot knows nothing of."""
    drawn = []
    thread = threading.Thread(target=lambda: drawn.extend(draw(made(50)) for draw in PICTURES))
    thread.start()
    thread.join()
    assert not plt.get_fignums()
    assert len(drawn) == len(PICTURES)


def test_every_picture_is_drawn_on_the_axes_it_is_given(made, ax):
    """A given Axes is drawn on and given back."""
    sent = made(300)
    for name in NAMES:
        assert getattr(sent.nxsms.plot, name)(ax) is ax
        assert title(ax) or ax.texts
        ax.clear()


def test_a_notebook_shows_a_picture_exactly_once():
    """A plain call as a cell's last line gives one picture, and the text of its Axes does not change from run to run."""
    cell = """
import pandas as pd
import nxsms_nb
from nxsms_nb.results import columns
from nxsms_nb.results.statuses import RESULT_COLUMNS
sent = columns.empty(3).assign(status=["Success", "Failure", "Failure"], code=[0, 13005, 13005], batch=1,
                               sent_at=pd.Timestamp.now(tz="UTC"), latency_ms=20.0)
sent.nxsms.plot.{}()"""
    names = ("failures", "throughput")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell.format(name)) for name in names])
    NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    for done in notebook.cells:
        pictures = [output for output in done.outputs if "image/png" in output.get("data", {})]
        texts = [output["data"]["text/plain"] for output in done.outputs if output.output_type == "execute_result"]
        assert len(pictures) == 1
        assert len(texts) == 1
        assert "20.0" not in texts[0]


def test_the_slowest_request_is_drawn(ax):
    """A quantile between two requests would leave it out without a word; where there are many, it is told."""
    few = columns.empty(2).assign(status="Success", code=0, batch=[1, 2], attempts=1, latency_ms=[10.0, 100.0])
    few["sent_at"] = pd.to_datetime(["2026-03-03 14:02:11", "2026-03-03 14:02:13"], utc=True)
    pictures.latency(few, ax)
    assert sum(bar.get_height() for bar in ax.patches) == 2
    assert "not drawn" not in " ".join(words(ax))
    many = columns.empty(1000).assign(status="Success", code=0, batch=range(1000), attempts=1)
    many["sent_at"], many["latency_ms"] = pd.Timestamp("2026-03-03 14:02:11", tz="UTC"), np.arange(1000) + 1.0
    ax.clear()
    pictures.latency(many, ax)
    drawn = sum(bar.get_height() for bar in ax.patches)
    assert f"{1000 - drawn:.0f} slower ones not drawn" in " ".join(words(ax))


def test_a_wait_for_a_reply_that_did_not_come_is_no_latency(ax):
    """Rows in doubt have a duration, which is that of the timeout."""
    lost = columns.empty(2).assign(status="Unknown", batch=[1, 2], attempts=1, latency_ms=30_000.0)
    lost["sent_at"] = pd.Timestamp("2026-03-03 14:02:11", tz="UTC")
    pictures.latency(lost, ax)
    assert "No request was answered" in " ".join(words(ax))


def test_a_slow_run_has_a_rate(ax):
    """Less than one message a second is not none."""
    slow = columns.empty(30).assign(status="Success", code=0, batch=range(30), latency_ms=50.0)
    slow["sent_at"] = pd.date_range("2026-03-03 14:00", periods=30, freq="5s", tz="UTC")
    pictures.throughput(slow, ax)
    assert "0.21 a second on average" in " ".join(words(ax))


def test_groups_without_an_answer_are_counted(ax):
    """A group that is wholly in doubt has no rate, and is not passed over."""
    statuses = ["Success", "Failure", "Unknown", "Unknown", "Invalid"]
    sent = columns.empty(5).assign(status=statuses, code=[0, 13005, None, None, 13005], g=list("aabbc"))
    pictures.failures(sent, by="g", ax=ax)
    assert "2 groups with no answered row" in " ".join(words(ax))


@pytest.mark.parametrize(
    "written", ["+86 150-8888-8801", "(150) 8888-8801", "８６１５０８８８８８８０１", "8615088888801"]
)
def test_numbers_are_masked_however_they_are_written(written):
    """A column of numbers need not be called phone."""
    assert "8888" not in labels.value_text(written)
    assert "８８８８" not in labels.value_text(written)


@pytest.mark.parametrize("value", ["2026-01-01 00:00:00", "202403", 19999.99, 12345.67, "2026-11-26"])
def test_other_figures_stay_readable(value):
    """Dates, months and prices are no numbers of anybody's."""
    assert labels.value_text(value) == str(value)


@pytest.mark.parametrize("ax", ["country", 3, plt])
def test_what_is_no_axes_is_refused(made, ax):
    """A positional argument is the Axes, not what to group by."""
    with pytest.raises(ConfigError, match="is not an Axes"):
        pictures.failures(made(5), ax)


def test_long_names_that_differ_at_their_end_are_distinguished(made, ax):
    """Waves, cities and variants are numbered at the end of a name."""
    sent = made(60)
    sent["segment"] = [f"A very long name of a segment that goes on and on, wave {n % 3}" for n in range(60)]
    pictures.failures(sent, by="segment", ax=ax)
    assert len(set(names(ax))) == 3
