"""People who got a message of the campaign under another key, or in another campaign, are sent another one with a word."""

import pandas as pd
import pytest

import nxsms_nb as nx
from tests.engine.people import counts, people


def send(frame, client, **given):
    return frame.nxsms.send(client, **given)


def start(frame, client, **given):
    return frame.nxsms.start(client, **given).wait()


def stream(frame, client, **given):
    return pd.concat(nx.send_stream([frame.iloc[:2], frame.iloc[2:]], client, **given))


@pytest.mark.parametrize("send_again", [send, start, stream])
def test_a_key_that_is_added_is_said_before_anything_leaves(sandbox, journal, capsys, send_again):
    """The numbers that the campaign has without it are counted, by the looks as well."""
    frame, given = people(5, order=range(5)), {"campaign": "spring", "journal": journal}
    frame.iloc[:2].nxsms.send(sandbox.client, **given)
    for look in (frame.nxsms.plan, frame.nxsms.recorded):
        capsys.readouterr()
        look(sandbox.client, key="order", **given)
        assert "2 of these numbers were sent in campaign 'spring' before, under another key" in capsys.readouterr().out
    assert counts(send_again(frame, sandbox.client, key="order", progress="silent", **given)) == {"Success": 5}
    assert "2 of these numbers were sent in campaign 'spring' before, under another key" in capsys.readouterr().out


def test_a_key_that_is_added_without_a_campaign_is_said(make, capsys):
    """There the key is the text and the number."""
    sandbox = make(hourly_limit=None)
    frame = people(3, order=range(3))
    frame.nxsms.send(sandbox.client)
    capsys.readouterr()
    frame.nxsms.send(sandbox.client, key="order")
    assert "3 of these texts to the same numbers were sent in the unnamed campaign before" in capsys.readouterr().out


@pytest.mark.parametrize("later", [{}, {"key": "customer"}])
def test_a_key_that_is_left_out_or_exchanged_is_said(make, journal, capsys, later):
    """The frame's column that was the key is named."""
    sandbox = make(hourly_limit=None)
    frame = people(3, order=range(3), customer=["a", "b", "c"])
    given = {"campaign": "spring", "journal": journal}
    frame.nxsms.send(sandbox.client, key="order", **given)
    capsys.readouterr()
    frame.nxsms.send(sandbox.client, **later, **given)
    assert "Some of these 3 rows were sent in campaign 'spring' before, with key='order'" in capsys.readouterr().out


def test_the_same_key_and_new_people_are_nothing_to_speak_of(sandbox, journal, capsys):
    """Nor are rows that the campaign has under this key."""
    frame = people(6, order=range(6), name=list("abcdef"))
    for rows in (3, 6):
        for given in ({"campaign": "spring", "key": "order"}, {"campaign": "summer"}):
            capsys.readouterr()
            frame.iloc[:rows].nxsms.plan(sandbox.client, journal=journal, **given)
            assert "before" not in capsys.readouterr().out
            frame.iloc[:rows].nxsms.send(sandbox.client, journal=journal, progress="silent", **given)
            said = capsys.readouterr().out
            assert "another key" not in said
            assert "with key=" not in said


def test_rows_that_another_campaign_sent_are_said_before_they_leave(sandbox, capsys):
    """In this one they are other messages, and nothing else would show that some of the frame had theirs."""
    spring, alone = (
        people(3).nxsms.send(sandbox.client, campaign="spring"),
        people(5, first=50).nxsms.send(sandbox.client),
    )
    both = pd.concat([spring, alone], ignore_index=True)
    capsys.readouterr()
    both.nxsms.send(sandbox.client, campaign="spring")
    said = capsys.readouterr().out
    assert (
        "5 of 8 rows were sent before as other messages, by their results; campaign 'spring' sends to them again."
        in said
    )
