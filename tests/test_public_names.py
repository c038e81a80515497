"""The public surface is what the design says, no more and no less."""

import inspect
import re
import traceback

import pandas as pd
import pytest
from IPython.core.oinspect import Inspector

import nxsms_nb as nx
from nxsms_nb import settings
from nxsms_nb.accessor import NxsmsAccessor
from nxsms_nb.plot_accessor import NxsmsPlots

VERBS = {"try_out", "compose", "send", "asend", "start", "plan", "recorded", "retry", "reconcile", "receipts"}
LOOKS = {
    "validate",
    "render",
    "phones",
    "assign_variants",
    "new",
    "summary",
    "failures",
    "drivers",
    "select",
    "throughput",
    "delivery",
    "compare",
    "plot",
    "dashboard",
    "to_excel",
}


def test_every_public_name_is_there_and_documented():
    """Each name of __all__ is loaded when asked for, has a docstring, and dir() shows it."""
    assert list(nx.__all__) == sorted(nx.__all__)
    for name in nx.__all__:
        value = getattr(nx, name)
        assert inspect.getdoc(value), name
    assert dir(nx) == list(nx.__all__)
    with pytest.raises(AttributeError, match="no attribute 'sned'"):
        nx.sned  # noqa: B018


def test_the_accessor_has_the_verbs_and_the_looks():
    """df.nxsms offers just what the design lists, each with a docstring."""
    accessor = pd.DataFrame().nxsms
    public = {name for name in dir(accessor) if not name.startswith("_")}
    assert public == VERBS | LOOKS
    assert {name for name in dir(accessor.plot) if not name.startswith("_")} == {
        "compare",
        "delivery",
        "drivers",
        "failures",
        "heatmap",
        "latency",
        "status",
        "throughput",
    }
    for name in public:
        assert inspect.getdoc(getattr(type(accessor), name)), name


@pytest.mark.parametrize("verb", ["send", "asend", "start", "retry"])
def test_a_verb_spells_out_its_options(verb):
    """Tab and help show every option of a verb with its default, on the accessor as on the function."""
    shown = inspect.signature(getattr(pd.DataFrame().nxsms, verb)).parameters
    for name, default in {**settings.SENDING, **settings.COLUMNS}.items():
        assert shown[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert shown[name].default == default


def test_an_option_that_does_not_exist_is_named_with_those_that_do():
    """A misspelt option is a TypeError that lists the options, before anything is read or sent."""
    with pytest.raises(
        TypeError, match=r"'concurency' is not an option here\. The options: campaign, key, .*concurrency"
    ):
        pd.DataFrame({"phone": [], "content": []}).nxsms.send(nx.Sandbox().client, concurency=3)


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("duplicates", "keep", "'raise', 'drop', 'allow'"),
        ("concurrency", 0, "whole number from 1 to 256"),
        ("batch_size", 201, "from 1 to 200"),
        ("max_rate", -1, "messages per second"),
        ("max_failures", 1.5, "a share"),
        ("campaign", " spring", "without blanks at its ends"),
        ("confirm", "all", "number of messages"),
    ],
)
def test_a_value_that_is_not_usable_is_shown_with_what_is(option, value, words):
    """The error names the option, the value and what it takes."""
    with pytest.raises(nx.ConfigError, match=words) as raised:
        pd.DataFrame({"phone": [], "content": []}).nxsms.send(nx.Sandbox().client, **{option: value})
    assert f"{option}={value!r}" in str(raised.value)


def functions():
    """Every public function, method and class that takes something."""
    for owner in (NxsmsAccessor, NxsmsPlots):
        for name in dir(owner):
            if not name.startswith("_") and callable(getattr(owner, name)):
                yield pytest.param(getattr(owner, name), id=f"{owner.__name__}.{name}")
    for name in ("Client", "Sandbox", "Journal", "codes", "encoding", "plain", "segments", "send_stream"):
        yield pytest.param(getattr(nx, name), id=name)
    yield pytest.param(nx.Client.from_env, id="Client.from_env")


@pytest.mark.parametrize("function", list(functions()))
def test_shift_tab_shows_every_option_with_its_meaning(function):
    """The docstring has an entry for each keyword of the signature, in numpydoc, with the type and words."""
    doc = inspect.getdoc(function)
    names = [name for name in inspect.signature(function).parameters if name != "self"]
    entries = doc.partition("Parameters\n----------\n")[2]
    entries = entries[: re.search(r"\n\n[A-Z]\w+\n---", entries).start()] if entries else ""
    described = {}
    for line in entries.splitlines():
        if line.startswith("    ") or not line:
            described[next(reversed(described))].append(line.strip())
        else:
            together, colon, _ = line.partition(" : ")
            assert colon or together.startswith("**"), line
            described[together] = []
    assert all(any(lines) for lines in described.values())
    assert [name.strip("*") for together in described for name in together.split(", ")] == names


def test_the_inspector_of_ipython_shows_what_a_notebook_shows():
    """``df.nxsms.send?`` and Shift-Tab: signature and docstring, whatever wraps the method."""
    themes = {"theme_name": "nocolor"} if "theme_name" in inspect.signature(Inspector).parameters else {}
    inspector = Inspector(**themes)
    accessor = pd.DataFrame({"phone": ["8615088888888"]}).nxsms
    for name in VERBS | LOOKS - {"plot"}:
        found = inspector.info(getattr(accessor, name), oname=f"df.nxsms.{name}", detail_level=0)
        assert found["docstring"] == inspect.getdoc(getattr(NxsmsAccessor, name))
        for option in inspect.signature(getattr(accessor, name)).parameters:
            assert f"{option}" in found["definition"]
            assert option in found["docstring"]


def test_the_accessor_alone_shows_what_it_can_do():
    """df.nxsms at the end of a cell lists every method with one line of what it does."""
    shown = repr(pd.DataFrame({"phone": ["8615088888888"]}).nxsms)
    assert "on 1 row:" in shown
    for name in VERBS | LOOKS:
        (line,) = [line for line in shown.splitlines() if f".{name} " in line]
        assert line.endswith(".")


@pytest.mark.parametrize(
    "make",
    [
        lambda: nx.Client(access_key="abcd", access_secret="s3cret", app_key=3),
        lambda: nx.Journal(5),
        lambda: nx.Sandbox(seed="x"),
        lambda: nx.Sandbox(port=-1),
        lambda: nx.ReceiptServer(token="a b"),
        lambda: nx.ReceiptServer("192.0.2.1", journal=nx.Journal.in_memory()),
    ],
    ids=["client", "journal", "seed", "sandbox", "token", "server"],
)
def test_an_object_that_was_not_made_has_a_repr(make):
    """Tools that show the values of a traceback ask for it, and would break off otherwise."""
    with pytest.raises(nx.NxsmsError) as failed:
        make()
    shown = "".join(traceback.TracebackException.from_exception(failed.value, capture_locals=True).format())
    assert "s3cret" not in shown.partition("in __init__")[2]
