"""A phone number is masked wherever a person looks, whatever it was given as."""

import inspect
import itertools

import numpy as np
import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import settings
from nxsms_nb.formatting import mask_name, masks, named

NUMBERS = ["8615077665544", "1234567", "15077665544", "+49 151 12345678", "00861507766-5544", "٨٦١٥٠٧٧٦٦٥٥٤٤"]


def digits(text):
    return "".join(character for character in text if character.isdecimal())


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


def people(**columns):
    return pd.DataFrame({"phone": ["8615012345678", "8615012345679"], "content": ["Hi", "Ho"], **columns})


def shown(error):
    """Everything a person sees of an error, but for the line of code that she wrote herself."""
    lines = getattr(error, "_render_traceback_", list)()
    place = next((i for i, line in enumerate(lines) if line.startswith("in line ")), len(lines))
    return "\n".join([str(error), *lines[:place]])


def hides(text, number):
    assert digits(number) not in digits(text.replace("8615012345678", "").replace("8615012345679", "")), text


@pytest.mark.parametrize("number", NUMBERS[:2])
@pytest.mark.parametrize("verb", ["send", "plan", "recorded", "retry", "reconcile", "validate"])
def test_a_number_given_as_any_option_is_masked(verb, number, sandbox, capsys, recwarn):
    """As campaign, key, column, region, code, prefix or anything else: the error says enough without it."""
    frame = people()
    if verb in ("retry", "reconcile"):
        frame = frame.nxsms.send(sandbox.client)
    method = getattr(frame.nxsms, verb)
    for name in inspect.signature(method).parameters:
        if name in ("client", "journal"):
            continue
        for value in (number, [number], {number: number}, int(digits(number))):
            client = () if verb == "validate" else (sandbox.client,)
            try:
                answer = method(*client, **{name: value})
            except Exception as error:
                if not isinstance(value, (int, float)) or len(digits(number)) > 8:
                    hides(shown(error), number)
            else:
                hides(repr(answer).replace(number, "") if name in ("prefix", "key") else repr(answer), number)
    hides("".join(capsys.readouterr()), number)
    for warning in recwarn:
        hides(str(warning.message), number)


@pytest.mark.parametrize("number", [NUMBERS[0], NUMBERS[3]])
def test_a_number_as_a_column_is_masked(number, sandbox):
    """A file without a header row has numbers for names."""
    frames = [
        pd.DataFrame({number: ["Hi"], "content": ["Hi"]}),
        people(**{number: ["a", "b"]}).rename(columns={number: "content"}),
        people().rename(columns={"content": number}),
        people().set_axis([number, number], axis=1),
        people().nxsms.send(sandbox.client).rename(columns={"status": f"{number}status", "code": f"{number}code"}),
    ]
    calls = [
        lambda frame: frame.nxsms.send(sandbox.client),
        lambda frame: frame.nxsms.send(sandbox.client, phone=number, content=number),
        lambda frame: frame.nxsms.send(sandbox.client, prefix=number),
        lambda frame: frame.nxsms.retry(sandbox.client),
        lambda frame: frame.nxsms.retry(sandbox.client, prefix=number),
        lambda frame: frame.nxsms.failures(by=number),
        lambda frame: frame.nxsms.failures(by=[number, number]),
        lambda frame: frame.nxsms.summary(number),
        lambda frame: frame.nxsms.throughput(number),
        lambda frame: frame.nxsms.render(f"Hi {{{number}}}"),
        lambda frame: frame.nxsms.render(f"Hi {{{number}:{number}}}"),
        lambda frame: frame.nxsms.render(f"Hi {{{number}.name}}"),
        lambda frame: frame.nxsms.render(f"Hi {{{number}!r}}"),
        lambda frame: frame.nxsms.plot.failures(by=number),
        lambda frame: frame.nxsms.dashboard(number),
    ]
    refused = 0
    for frame, call in itertools.product(frames, calls):
        try:
            call(frame)
        except Exception as error:
            refused += 1
            hides(shown(error), number)
    assert refused > 40


def test_a_number_in_a_call_to_paste_stands_as_the_options_name(sandbox):
    """The line still works where the name holds the value."""
    campaign = "8615077665544"
    frame = people(status=["a", "b"])
    with pytest.raises(nx.ColumnError) as refused:
        frame.nxsms.send(sandbox.client, campaign=campaign)
    call = str(refused.value).splitlines()[-1].strip()
    assert call == "df.nxsms.send(client, campaign=campaign, prefix='sms_')"
    eval(call, {"df": frame, "client": sandbox.client, "campaign": campaign})  # noqa: S307  the line to paste
    assert sandbox.client.journal.campaigns()["campaign"].tolist() == [campaign]
    assert campaign not in repr(settings.options)


CELLS = [
    "8615077665544",
    "+86 150 7766 5544",
    "(0086) 150-7766-5544",
    8615077665544,
    np.int64(8615077665544),
    8615077665544.0,
    "tel:8615077665544;ext=5",
    "８６１５０７７６６５５４４",
    "8615077665544 / 8615077665545",
    ["8615077665544"],
    b"8615077665544",
    "8.615077665544E+12",
    pd.Timestamp(8615077665544),
]


@pytest.mark.parametrize(
    "field", ["phone", "content", "source_address", "ext", "dr_url", "sys_message_id", "short_link"]
)
@pytest.mark.parametrize("cell", CELLS, ids=repr)
def test_a_number_in_a_cell_is_masked(field, cell, sandbox):
    """Whatever kind of cell of whatever field holds it, reports, errors and reasons show it masked."""
    frame = people(**({} if field in ("phone", "content") else {field: [None, None]}))
    frame[field] = pd.Series([cell, frame[field][1]], dtype=object)
    report = frame.nxsms.validate()
    texts = [repr(report), report._repr_html_(), report.problems["value"].to_csv(), report.problems["hint"].to_csv()]
    for verb in ("send", "plan"):
        try:
            answer = getattr(frame.nxsms, verb)(sandbox.client)
        except nx.NxsmsError as error:
            texts.append(shown(error))
        else:
            answer = answer if verb == "send" else answer.frame
            texts.append("\n".join(answer["reason"].dropna()))
    try:
        report.raise_if_bad()
    except nx.ValidationError as error:
        texts.append(shown(error))
    for text in texts:
        hides(text, "8615077665544")


def test_a_number_is_masked_in_pictures_and_tables(sandbox):
    """As the name of a column that rows are grouped by, and as one of its values."""
    number = "8615077665544"
    frame = pd.DataFrame(
        {
            "phone": [f"86150123{i:05d}" for i in range(1, 41)],
            "content": ["Hi"] * 40,
            number: ["a", "b"] * 20,
            "other": [number, "8615077665545"] * 20,
        }
    )
    dashboard = frame.nxsms.send(sandbox.client).nxsms.dashboard()
    hides(dashboard.view, number)
    for by in (number, "other"):
        column = dashboard._board.columns.index(by)
        dashboard._heard(dashboard, {"nxsms": "column", "role": "group", "column": column}, [])
        for text in (dashboard.html(), dashboard.view, dashboard.table):
            assert "861••••••••44" in text
            assert number not in text


def test_what_is_no_number_stays():
    """Dates, small numbers and figures in names are shown as they are."""
    for name in ("spring 2026", "wave 20261127", "2026-11-27 09:00:00", "top 100 of 1000", "v1.2.3", "A/B 50-50"):
        assert mask_name(name) == name
        assert not masks(name)
        assert named(name) == repr(name)
