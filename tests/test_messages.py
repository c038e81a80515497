"""What a message says to run is whole and does what it says: each test evaluates the calls that a message names."""

import ast
import asyncio
import re
import signal
import sys
import threading
import types

import pandas as pd
import pytest

import nxsms_nb as nx

OPENING = re.compile(r"(?:await )?(?:(?:df|sent)\b(?=[.\[])|nx\b(?=\.))")


def calls(text):
    """Every call in a message, from the frame or the package to its last parenthesis."""
    found, end = [], 0
    while (opening := OPENING.search(text, end)) is not None:
        end = opening.end()
        while step := re.compile(r"(?:\.\w+)*[(\[]").match(text, end):
            end = balanced(text, step.end() - 1)
        if end > opening.end():
            found.append(text[opening.start() : end])
    return found


def balanced(text, start):
    """Where what opens here closes again; brackets in texts do not count."""
    depth, quote = 0, ""
    for place in range(start, len(text)):
        character = text[place]
        if quote:
            quote = "" if character == quote and text[place - 1] != "\\" else quote
        elif character in "\"'":
            quote = character
        else:
            depth += (character in "([{") - (character in ")]}")
        if depth == 0:
            return place + 1
    return len(text)


def only_call(text, verb):
    (call,) = dict.fromkeys(call for call in calls(text) if f".{verb}(" in call)
    return call


def people(n, **columns):
    return pd.DataFrame(
        {
            "phone": [f"86150888{i:05d}" for i in range(n)],
            "content": [f"Hi {i}" for i in range(n)],
            "order": [f"o-{i}" for i in range(n)],
            **columns,
        }
    )


def shown(error):
    return "\n".join(error._render_traceback_())


OPTIONS = {
    "none": {},
    "campaign": {"campaign": "it's {spring}, wave 2"},
    "key": {"campaign": "spring", "key": ["order"]},
    "key without campaign": {"key": "order"},
    "prefix": {"campaign": "spring", "prefix": "sms_"},
    "journal": {"journal": "PATH", "campaign": "spring"},
    "columns": {"phone": "mobile", "content": "text", "key": ("mobile",)},
    "region": {"region": "CN", "campaign": "spring"},
    "duplicates": {"duplicates": "drop", "campaign": "spring"},
    "much": {"campaign": "spring", "max_rate": 5000, "batch_size": 50, "concurrency": 2, "on_invalid": "skip",
             "progress": "silent", "confirm": 5000},
    "a number as a campaign": {"campaign": "8615077665544"},
}  # fmt: skip


@pytest.fixture(name="given", params=OPTIONS)
def _given(request, tmp_path):
    given = dict(OPTIONS[request.param])
    if "journal" in given:
        given["journal"] = str(tmp_path / "journal.sqlite3")
    return given


@pytest.fixture(name="sandbox")
def _sandbox():
    with nx.Sandbox(seed=7) as sandbox:
        yield sandbox


def frame_for(given, n=200):
    return people(n).rename(columns={"phone": given.get("phone", "phone"), "content": given.get("content", "content")})


def same(one, other, prefix=""):
    columns = [prefix + name for name in ("messageid", "status", "code", "attempts", "batch", "sent_at")]
    pd.testing.assert_frame_equal(one[columns], other[columns], check_dtype=False)


def stopped_by(sandbox, call, *, when=3):
    """What a call raises that is interrupted when so many requests have come in; the interrupt is a kernel's."""

    def interrupt():
        sandbox.wait_for(requests=when)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(nx.Interrupted) as caught:
        call()
    thread.join()
    return caught.value


def test_an_interrupted_run_names_the_call_that_gives_its_frame(given, sandbox):
    """It gives the rows of this run, whatever options it had: what was sent, and what was not."""
    df, client = frame_for(given), sandbox.client
    options = {"batch_size": 10, "max_rate": 400, **given}
    error = stopped_by(sandbox, lambda: df.nxsms.send(client, **options))
    sent = error.frame[given.get("prefix", "") + "status"]
    assert 0 < (sent == "Success").sum() < len(df)
    call = only_call(shown(error), "recorded")
    assert call == error.recorded
    recorded = eval(call, {"df": df, "client": client, "campaign": given.get("campaign")})  # noqa: S307
    same(recorded, error.frame, given.get("prefix", ""))
    assert "run the same cell again" in shown(error)
    again = df.nxsms.send(client, **given)
    assert (again[given.get("prefix", "") + "status"] == "Success").all()
    assert sandbox.ledger["phone"].is_unique


def test_a_cancelled_run_names_the_call_that_gives_its_frame(given, sandbox):
    """As an interrupted one; the lines are few, and the exception is the cancellation itself."""
    df, client = frame_for(given), sandbox.client

    async def cancelled():
        sending = asyncio.ensure_future(df.nxsms.asend(client, **{"batch_size": 10, "max_rate": 400, **given}))
        await asyncio.to_thread(sandbox.wait_for, requests=3)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await sending
        return caught.value

    error = asyncio.run(cancelled())
    assert type(error) is asyncio.CancelledError
    assert len(error._render_traceback_()) == 3
    names = {"df": df, "client": client, "campaign": given.get("campaign")}
    recorded = eval(only_call(shown(error), "recorded"), names)  # noqa: S307
    status = recorded[given.get("prefix", "") + "status"]
    assert (status == "Success").sum() == len(sandbox.ledger) > 0


def test_an_interrupted_stream_names_a_call_for_its_chunks(sandbox):
    """Chunk by chunk it gives what was sent of the stream."""
    df, client = people(400), sandbox.client
    chunks = [df.iloc[:200], df.iloc[200:]]
    error = stopped_by(
        sandbox, lambda: list(nx.send_stream(chunks, client, campaign="spring", batch_size=20, max_rate=400))
    )
    recorded = eval(error.recorded, {"df": df, "client": client})  # noqa: S307
    assert (recorded["status"] == "Success").sum() == len(sandbox.ledger) > 0


def test_a_run_in_doubt_names_the_call_that_settles_it(given):
    """Reconciled by the line of the message, nobody is in doubt any more."""
    with nx.Sandbox(seed=7, faults=["lost"] * 3) as sandbox:
        df, client = frame_for(given), sandbox.client
        with pytest.raises(nx.InDoubt) as caught:
            df.nxsms.send(
                client, **{"batch_size": 20, "concurrency": 1, **given} | {"batch_size": 20, "concurrency": 1}
            )
        prefix = given.get("prefix", "")
        assert (caught.value.frame[prefix + "status"] == "Unknown").any()
        names = {"sent": caught.value.frame, "client": client, "campaign": given.get("campaign")}
        settled = eval(only_call(shown(caught.value), "reconcile"), names)  # noqa: S307
        assert not (settled[prefix + "status"] == "Unknown").any()
        assert (settled[prefix + "status"] == "Success").sum() == len(sandbox.ledger)


@pytest.mark.parametrize("option", ["campaign", "journal"])
def test_a_placeholder_is_no_name(sandbox, tmp_path, monkeypatch, option):
    """Pasted as the message writes it, the line says what to put in its place."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(nx.ConfigError, match="is a placeholder"):
        people(3).nxsms.send(sandbox.client, **{option: "…"})
    assert not list(tmp_path.iterdir())
    assert len(sandbox.ledger) == 0


def test_what_follows_the_colon_can_be_run():
    """Every line of a stopped run, as it stands after its label."""
    with nx.Sandbox(seed=7, faults=["lost"] * 3) as sandbox:
        df, client = people(100), sandbox.client
        with pytest.raises(nx.InDoubt) as caught:
            df.nxsms.send(client, campaign="spring", batch_size=20, concurrency=1)
        sys.last_value = caught.value
        names = {"df": df, "client": client}
        lines = [line.partition(":  ")[2] for line in shown(caught.value).splitlines() if ":  " in line]
        assert len(lines) == 2
        for line in lines:
            exec(line, names)  # noqa: S102
        assert not (names["sent"]["status"] == "Unknown").any()


@pytest.mark.parametrize("kind", ["path", "journal", "number"])
def test_a_journal_is_named_by_its_place(sandbox, tmp_path, kind):
    """A path or a Journal is no name in the notebook, and digits in a path are nobody's number."""
    path = tmp_path / ("8615088888888.db" if kind == "number" else "journal.db")
    journal = {"path": path, "journal": nx.Journal(path), "number": str(path)}[kind]
    df, client = people(3).assign(status="mine"), sandbox.client
    with pytest.raises(nx.ColumnError) as refused:
        df.nxsms.send(client, journal=journal, key=pd.Index(["order"]))
    eval(only_call(str(refused.value), "send"), {"df": df, "client": client})  # noqa: S307
    assert nx.Journal(path).campaigns()["rows"].sum() == len(sandbox.ledger) == 3


@pytest.mark.usefixtures("swift")
@pytest.mark.parametrize("given", [{}, OPTIONS["much"], OPTIONS["columns"]], ids=["none", "much", "columns"])
@pytest.mark.parametrize("verb", ["send", "asend", "start", "retry"])
def test_agreement_is_asked_for_with_the_whole_call(verb, given):
    """The line to paste needs no further agreement; here it then meets a machine without a network."""
    client = nx.Client(access_key="key", access_secret="secret", app_key="app", base_url="https://sms.invalid")
    given = {name: value for name, value in given.items() if name not in ("confirm", "region")}
    journal = given.get("journal", nx.Journal.in_memory())
    df = frame_for(given, 150)
    names = {"df": df, "client": client, "campaign": given.get("campaign"), "journal": journal}
    if verb == "retry":
        with pytest.raises(nx.NoConnection) as stopped:
            df.nxsms.send(client, **{"journal": journal, **given, "confirm": 150})
        names["sent"] = df = stopped.value.frame

    def run(made):
        if verb == "asend":
            return asyncio.run(made)
        if verb != "start":
            return made
        frame = made.wait()
        raise nx.NoConnection(made.stopped, frame)

    with pytest.raises(nx.ConfirmationNeeded) as asked:
        run(getattr(df.nxsms, verb)(client, **{"journal": journal, **given}))
    assert asked.value.count == 150
    call = only_call(str(asked.value), verb)
    with pytest.raises(nx.NoConnection):
        run(eval(call.removeprefix("await "), names))  # noqa: S307


def test_a_taken_column_is_answered_with_the_whole_call(given, sandbox):
    """Run as it stands, the line sends every row once."""
    df, client = frame_for(given).assign(**{f"{given.get('prefix', '')}status": "mine"}), sandbox.client
    with pytest.raises(nx.ColumnError) as refused:
        df.nxsms.send(client, **given)
    call = only_call(str(refused.value), "send")
    sent = eval(call, {"df": df, "client": client, "campaign": given.get("campaign")})  # noqa: S307
    assert (sent.filter(regex="_status$") == "Success").all(axis=None) or (sent["nx_status"] == "Success").all()
    assert len(sandbox.ledger) == len(df)


def test_without_a_client_none_is_named(monkeypatch, tmp_path):
    """A client from the environment is no name in the notebook; the call is whole without it."""
    with nx.Sandbox(seed=7) as sandbox:
        for name in ("access_key", "access_secret", "app_key"):
            monkeypatch.setenv(f"NXSMS_{name.upper()}", getattr(sandbox, name))
        monkeypatch.setenv("NXSMS_BASE_URL", sandbox.url)
        df, path = people(400), str(tmp_path / "journal.sqlite3")
        error = stopped_by(sandbox, lambda: df.nxsms.send(journal=path, campaign="a", batch_size=20, max_rate=400))
        recorded = eval(error.recorded, {"df": df})  # noqa: S307
        same(recorded, error.frame)


def test_a_stream_without_a_campaign_is_answered_with_the_whole_call(sandbox):
    """With the other options that were given."""
    frames = [people(10)]
    with pytest.raises(nx.ConfigError) as refused:
        nx.send_stream(frames, sandbox.client, max_rate=1000, progress="silent")
    call = only_call(str(refused.value), "send_stream")
    (sent,) = eval(call, {"nx": nx, "frames": frames, "client": sandbox.client})  # noqa: S307
    assert (sent["status"] == "Success").all()


def test_changed_texts_are_answered_with_calls_that_send_them(given, sandbox):
    """As new messages, or in another campaign: each call sends every row once more, and nothing else."""
    df, client, prefix = frame_for(given, 20), sandbox.client, given.get("prefix", "")
    if "campaign" in given or "key" in given:
        pytest.skip("there the key and not the text tells messages apart")
    sent = df.nxsms.send(client, **given)
    content = given.get("content", "content")
    changed = sent.assign(**{content: sent[content] + "!"})
    with pytest.raises(nx.NxsmsError) as refused:
        changed.nxsms.send(client, **given)
    proposed = [call for call in calls(str(refused.value)) if ".send(" in call]
    assert len(proposed) >= 2
    for number, call in enumerate(proposed, 2):
        again = eval(call, {"df": changed, "client": client, "sys": sys})  # noqa: S307
        assert (again[prefix + "status"] == "Success").all()
        assert len(sandbox.ledger) == number * len(df)


VERBS = {
    "send": "df.nxsms.send(client, campaign='spring')",
    "asend": "await df.nxsms.asend(client, campaign='spring')",
    "start": "df.nxsms.start(client, campaign='spring', max_rate=50)",
    "send_stream": "nx.send_stream(frames, client, campaign='spring')",
    "plan": "df.nxsms.plan(client, prices={'CN': 0.05}, rate=50, campaign='spring')",
    "recorded": "df.nxsms.recorded(client, campaign='spring')",
    "try_out": "df.nxsms.try_out(client, to=to, rows=2)",
    "compose": "df.nxsms.compose(client, template='Hi', prices=prices, campaign='spring')",
    "retry": "sent.nxsms.retry(client, campaign='spring')",
    "reconcile": "sent.nxsms.reconcile(client, campaign='spring')",
}


@pytest.fixture(name="without_credentials")
def _without_credentials(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for name in ("ACCESS_KEY", "ACCESS_SECRET", "APP_KEY", "BASE_URL", "APP_SECRET"):
        monkeypatch.delenv(f"NXSMS_{name}", raising=False)


def run_line(line, names):
    """Run a line as a notebook's cell does, to its end."""
    result = eval(compile(line, "cell", "eval", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)  # noqa: S307
    if isinstance(result, types.CoroutineType):
        asyncio.run(result)
    elif isinstance(result, types.GeneratorType):
        list(result)
    elif isinstance(result, nx.Run):
        result.wait()


@pytest.mark.usefixtures("without_credentials")
@pytest.mark.parametrize("verb", VERBS)
def test_no_credentials_are_answered_with_a_way_to_practise(verb, sandbox):
    """The line makes a client, and then comes the call that was made, with every option, which works; not for a sent frame."""
    prices = pd.Series({"CN": 0.05, "DE": 0.08})
    names = {"nx": nx, "df": people(3), "frames": [people(3)], "to": "4915112345678", "prices": prices}
    names["sent"] = people(3).nxsms.send(sandbox.client, campaign="spring")
    call = VERBS[verb]
    with pytest.raises(nx.ConfigError) as refused:
        run_line(call.replace("client, ", ""), names)
    proposed = f"client = nx.Sandbox().client, then {call}."
    if "sent" in call:
        assert "nx.Sandbox()" not in str(refused.value)
        return
    assert str(refused.value).endswith(proposed)
    exec("client = nx.Sandbox().client", names)  # noqa: S102
    run_line(call, names)


@pytest.mark.usefixtures("without_credentials")
def test_a_client_from_the_environment_names_send(sandbox):
    """And what needs no account asks for none."""
    sent = people(3).nxsms.send(sandbox.client, campaign="spring")
    with pytest.raises(nx.ConfigError, match=r"then df\.nxsms\.send\(client\)\.$"):
        nx.Client.from_env()
    assert len(sent.nxsms.receipts()) == len(sent)
    sent.nxsms.dashboard()


@pytest.mark.parametrize("campaign", [None, "spring"])
def test_forgetting_is_answered_with_the_whole_call(campaign, tmp_path, sandbox):
    """The journal is named in it."""
    path = str(tmp_path / "journal.sqlite3")
    people(3).nxsms.send(sandbox.client, campaign=campaign, journal=path)
    with pytest.raises(nx.ConfigError) as refused:
        nx.Journal(path).forget(campaign)
    assert eval(only_call(str(refused.value), "forget"), {"nx": nx}) == 3  # noqa: S307


def test_results_under_a_prefix_are_answered_with_the_whole_call(sandbox):
    """The line drops them."""
    sent = people(3).nxsms.send(sandbox.client, prefix="sms_")
    with pytest.raises(nx.ColumnError) as refused:
        sent.nxsms.new()
    dropped = eval(only_call(str(refused.value), "new"), {"df": sent})  # noqa: S307
    pd.testing.assert_frame_equal(dropped, people(3))


def test_advice_names_methods_that_are_there():
    """What the code table says to call can be called."""
    for text in (*nx.codes()["advice"].dropna(),):
        for call in calls(text):
            method = re.match(r"sent\.nxsms\.(\w+)\(client\)$", call)
            assert hasattr(pd.DataFrame().nxsms, method[1]), call
        assert not re.search(r"(?<!\.)\b(?:retry|reconcile|recorded|send)\(", text), text
