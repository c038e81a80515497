"""Errors as people meet them: caught, shown, pickled, copied, raised in other processes."""

import asyncio
import copy
import inspect
import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import errors

KINDS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, errors.NxsmsError)]
BASES = (errors.NxsmsError, errors.Stopped)


def people(n, **columns):
    return pd.DataFrame(
        {"phone": [f"86150888{i:05d}" for i in range(n)], "content": [f"Hi {i}" for i in range(n)], **columns}
    )


def raised(kind):
    """An error of a kind, with everything that it may carry."""
    if kind is errors.ValidationError:
        frame = people(3).assign(phone=["8615088888888", "x", "8615088888888"])
        try:
            frame.nxsms.validate().raise_if_bad()
        except errors.ValidationError as error:
            return error
    if kind is errors.ConfirmationNeeded:
        return kind("This would send 4,812 messages.", 4812)
    if issubclass(kind, errors.AccountRefused):
        return kind("The gateway refused the account.", people(2), code=1102)
    if issubclass(kind, errors.Stopped):
        error = kind("Stopped by you.", people(2))
        error.recorded = "df.nxsms.recorded(client)"
        return error
    error = kind("What is wrong. What to do:\n    df.nxsms.send(client)")
    if issubclass(kind, errors.JournalError):
        error.frame = people(2)
    return error


@pytest.mark.parametrize("kind", KINDS)
def test_except_exception_catches_every_error_but_an_interrupt(kind):
    """A loop with `except Exception: continue` goes on after any error of ours, and ends when the person stops it."""
    if kind in BASES:
        return
    assert issubclass(kind, Exception) is (kind is not errors.Interrupted)
    assert issubclass(kind, KeyboardInterrupt) is (kind is errors.Interrupted)
    reached = []

    def loop():
        for campaign in "ab":
            try:
                _raise(kind)
            except Exception:
                reached.append(campaign)

    if kind is errors.Interrupted:
        with pytest.raises(nx.Stopped):
            loop()
    else:
        loop()
    assert reached == ([] if kind is errors.Interrupted else ["a", "b"])
    with pytest.raises(nx.NxsmsError):
        raise raised(kind)


def test_only_kinds_below_the_bases_are_raised():
    """The two bases are no Exceptions, so none of the package raises them themselves."""
    for module in __import__("pathlib").Path(nx.__file__).parent.rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        for base in ("NxsmsError(", "Stopped("):
            assert f"raise {base}" not in text
            assert f"raise errors.{base}" not in text
        assert "Ending(errors.Stopped" not in text


def restored(pickled):
    return pickle.loads(pickled)  # noqa: S301  made by this test


def same(one, other):
    assert type(other) is type(one)
    assert (other.args, str(other)) == (one.args, str(one))
    for name, value in vars(one).items():
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(getattr(other, name), value)
        elif isinstance(value, nx.ValidationReport):
            pd.testing.assert_frame_equal(other.report.problems, value.problems)
            pd.testing.assert_frame_equal(other.report.valid, value.valid)
            assert repr(other.report) == repr(value)
        else:
            assert getattr(other, name) == value
    assert other._render_traceback_()[0] == one._render_traceback_()[0]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_an_error_survives_pickling_and_copying(kind, protocol):
    """It keeps its words and what it carries: frame, report, count, code."""
    error = raised(kind)
    same(error, restored(pickle.dumps(error, protocol)))
    same(error, copy.copy(error))
    same(error, copy.deepcopy(error))


def _raise(kind):
    raise raised(kind)


def test_an_error_reaches_the_process_that_waits():
    """Raised in a worker of a pool it arrives as it is."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        for kind in (errors.ValidationError, errors.ConfirmationNeeded, errors.AccountRefused, errors.InDoubt):
            error = pool.submit(_raise, kind).exception()
            same(raised(kind), error)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_is_shown_in_a_few_lines(kind):
    """What is wrong first, then what to do and the line it is about; three to six lines."""
    with pytest.raises(kind) as caught:
        raise raised(kind).with_traceback(None)
    lines = caught.value._render_traceback_()
    assert 3 <= len(lines) <= 6
    assert lines[0].startswith(f"{kind.__name__}: ")
    assert "\n" not in "".join(lines)
    if not issubclass(kind, errors.Stopped):
        assert lines[-1].strip() == "raise raised(kind).with_traceback(None)"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if issubclass(kind, errors.Stopped) and kind not in BASES])
def test_a_stop_before_the_first_request_is_shown_in_a_few_lines(kind):
    """There is no frame yet, and the lines say so, or how to look at what is recorded."""
    error = kind("Stopped by the person before anything was sent.")
    assert 3 <= len(error._render_traceback_()) <= 6
    assert error._render_traceback_()[1] == "The call ended before there was a frame."
    error.recorded = "df.nxsms.recorded(client)"
    assert error._render_traceback_()[1] == "What is recorded of the rows:  sent = df.nxsms.recorded(client)"


@pytest.mark.parametrize("rows", range(1, 6))
def test_the_place_gives_way_to_the_words(rows):
    """However many lines the message has, no more than six are shown, and none of the message is left out."""
    words = "What is wrong. What to do:" + "".join(
        f"\n    df.nxsms.send(client, batch_size={i})" for i in range(1, rows)
    )
    with pytest.raises(nx.ConfigError) as caught:
        raise nx.ConfigError(words)
    lines = caught.value._render_traceback_()
    assert 3 <= len(lines) <= 6
    assert lines[0] == "ConfigError: What is wrong."
    assert lines[1 : rows + 1] == words.removeprefix("What is wrong. ").splitlines()


def test_the_place_is_the_last_line_outside_the_package():
    """The line that is shown is the person's, whatever depth it was raised at."""

    def prepare():
        return nx.Client(access_key="", access_secret="s", app_key="a")

    with pytest.raises(nx.ConfigError) as caught:
        prepare()
    assert (
        caught.value._render_traceback_()[-1].strip()
        == 'return nx.Client(access_key="", access_secret="s", app_key="a")'
    )


@pytest.mark.parametrize("requests", [0, 1])
def test_a_cancellation_keeps_its_class(monkeypatch, requests):
    """A time limit around an awaited run is still one: what asyncio gets back is what it raised."""
    monkeypatch.setattr("nxsms_nb.engine.sender.GRACE_S", 0.05)

    async def limited(sandbox, requests):
        async with asyncio.timeout(None) as limit:
            sending = asyncio.ensure_future(people(50).nxsms.asend(sandbox.client, campaign="a"))
            assert await asyncio.to_thread(sandbox.wait_for, requests=requests)
            limit.reschedule(asyncio.get_running_loop().time())
            await sending

    with nx.Sandbox(seed=7) as sandbox:
        sandbox.hold()
        with pytest.raises(TimeoutError) as caught:
            asyncio.run(limited(sandbox, requests))
        sandbox.release()
    cancelled = caught.value.__cause__ or caught.value.__context__
    assert type(cancelled) is asyncio.CancelledError
    assert (
        "Every row is accounted for:  sent = df.nxsms.recorded(client, campaign='a')"
        in cancelled._render_traceback_()[1]
    )
    assert restored(pickle.dumps(cancelled))._render_traceback_() == cancelled._render_traceback_()
