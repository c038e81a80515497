"""Which columns a call means, and what is said where it means none."""

import pandas as pd
import pytest

import nxsms_nb as nx

PHONE, BOM = "8615088888888", "\ufeff"


def refused(columns, **options):
    with pytest.raises(nx.ColumnError) as caught:
        pd.DataFrame([[PHONE] * len(columns)], columns=columns).nxsms.validate(**options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("columns", "options", "words"),
    [
        (["phone", "Content"], {}, "Is it 'Content'? Name it, content='Content', or rename it"),
        (["phone", " content "], {}, "content=' content '"),
        (
            [BOM + "phone", "content"],
            {},
            r"phone='\ufeffphone', or rename it: df.rename(columns={'\ufeffphone': 'phone'})",
        ),
        ([BOM + "tel", "content"], {}, r"phone='\ufefftel'"),
        (["PHONE", "content"], {}, "phone='PHONE'"),
        (["phone", "contents"], {}, "content='contents'"),
        (["phone", "Nachricht"], {}, "content='Nachricht'"),
        (["Mobile Number", "content"], {}, "phone='Mobile Number'"),
        (["手机号", "content"], {}, "phone='手机号'"),
        (["a", "content"], {}, "Name the column that holds the numbers, as in phone='mobile'. Its columns: 'a'"),
        (["phone", "a"], {}, "df.nxsms.render('Hi {name}')"),
        (["phone", "a"], {}, "df = df.assign(content='…')"),
        (["phone"], {"content": "Good morning!"}, "df = df.assign(content='Good morning!'), and leave content= out"),
        (["phone", "content"], {"source_address": "ACME"}, "df = df.assign(source_address='ACME')"),
        (["phone", "content"], {"link_verbose": 1}, "df = df.assign(link_verbose=1)"),
        (["phone", "content"], {"content": f"Call {PHONE}"}, "df = df.assign(content=…)"),
        (["x", "content"], {"phone": "+49 151 23456789"}, "df = df.assign(phone=…)"),
        (["mobile", "content"], {"phone": "Mobile"}, "Did you mean phone='mobile'?"),
        (["mobile", "content"], {"phone": "moblie"}, "Did you mean phone='mobile'?"),
        (["phone", "content", "order_id"], {"key": "orderid"}, "Did you mean key='order_id'?"),
        (
            ["phone", "x"],
            {"content": ["Hi"]},
            "was given a list. Values go into a column first: df = df.assign(content=…)",
        ),
        (["phone", "x"], {"content": pd.Series(["Hi"])}, "was given a Series"),
    ],
)
def test_an_error_about_a_column_fits_it(columns, options, words):
    """It names the column that may be meant, or how to make one; no number is shown."""
    said = refused(columns, **options)
    assert words in said
    assert PHONE not in said
    assert ("mobile" in said) is ("mobile" in words or "mobile" in columns)


TWO = [("phone", "mobile"), ("phone", "home"), ("content", "")]


@pytest.mark.parametrize("flat", [False, True])
def test_one_of_several_columns_below_a_label_is_named_whole(flat):
    """The error lists them; each can be named by its levels, and a lone one by its first."""
    columns = pd.Index(TWO, tupleize_cols=False) if flat else pd.MultiIndex.from_tuples(TWO)
    frame = pd.DataFrame([[PHONE, "x", "Hi"]], columns=columns)
    with pytest.raises(
        nx.ColumnError, match=r"'phone' has several columns below it: \('phone', 'mobile'\), \('phone', 'home'\)"
    ):
        frame.nxsms.validate()
    with pytest.raises(nx.ColumnError, match="several columns below it"):
        frame.nxsms.render("{phone}")
    with pytest.raises(nx.ColumnError, match="several columns below it"):
        frame.nxsms.validate(phone=("phone", "mobile"), key="phone")
    assert frame.nxsms.validate(phone=("phone", "mobile")).ok
    assert frame.nxsms.render("{content}").tolist() == ["Hi"]


def test_columns_of_two_levels_work_throughout():
    """Sent, looked at, retried and sent once more."""
    columns = pd.MultiIndex.from_tuples([("phone", ""), ("content", ""), ("order", "no")])
    frame = pd.DataFrame([[PHONE, "Hi", 1]], columns=columns)
    with nx.Sandbox(seed=7) as sandbox:
        sent = frame.nxsms.send(sandbox.client, key=("order", "no"))
        assert sent["status"].tolist() == ["Success"]
        with pytest.warns(nx.AlreadySentWarning):
            sent.nxsms.send(sandbox.client, key=("order", "no"))
        assert sent.nxsms.retry(sandbox.client)["status"].tolist() == ["Success"]
        assert frame.nxsms.recorded(sandbox.client, key=("order", "no"))["status"].tolist() == ["Success"]
        assert sent.nxsms.failures(by=[("order", "no")])["failed"].tolist() == [0]
        assert sent.nxsms.summary()["count"].sum() == 1
        assert sent.nxsms.new().columns.tolist() == columns.tolist()
        assert len(sandbox.ledger) == 1


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_a_label_that_is_missing_disturbs_nothing(missing):
    """A file's unnamed column has one."""
    frame = pd.DataFrame([[PHONE, "Hi", 1]], columns=pd.Index(["phone", "content", missing], dtype=object))
    assert frame.nxsms.validate().ok
