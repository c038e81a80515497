"""Secrets never show themselves: not in a message, a repr, nor in a traceback that prints the values of variables."""

import asyncio
import io
import pydoc
import traceback
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

import nxsms_nb as nx
from nxsms_nb.client import ENVIRONMENT
from nxsms_nb.engine.transport import Transport
from nxsms_nb.formatting import Secret
from nxsms_nb.sandbox import Sandbox

ACCESS, APP = "s3cr3t-accessQQ", "s3cr3t-appZZZZ"
LOGIN, TOKEN = "hunter2pass", "t0k3nABCDEF"
GOOD = {"access_key": "fme2na3kdi3ki", "access_secret": ACCESS, "app_key": "app-1", "app_secret": APP}


@pytest.fixture(name="env")
def _env(monkeypatch, tmp_path):
    """An environment with both secrets in it, and an empty folder."""
    monkeypatch.chdir(tmp_path)
    for variable in ENVIRONMENT.values():
        monkeypatch.delenv(variable, raising=False)

    def env(**given):
        for name, value in given.items():
            monkeypatch.setenv(ENVIRONMENT[name], value)

    return env


def frames(error):
    """Every frame of an error's traceback, and of those it was raised from or in the course of."""
    seen = []
    while error is not None:
        seen += [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
        error = error.__cause__ or error.__context__
    return seen


def written(name, value, write):
    """A value as a traceback prints it; one that is not made to its end may have no repr."""
    try:
        return f"{name}={write(value)}"
    except AttributeError:
        return ""


def shows_nothing(error, *more):
    """No secret stands in the message or in a value that a traceback would print."""
    forbidden = (ACCESS, APP, LOGIN, TOKEN, *more)
    package, here = str(Path(nx.__file__).parent), str(Path(__file__).parent)
    texts = [str(error), repr(error), *getattr(error, "_render_traceback_", list)()[:-1]]
    inside = [frame for frame in frames(error) if not frame.f_code.co_filename.startswith(here)]
    assert any(frame.f_code.co_filename.startswith(package) for frame in inside)
    for frame in inside:
        for name, value in frame.f_locals.items():
            texts += [written(name, value, write) for write in (repr, pydoc.text.repr, pretty_repr, ascii)]
            if hasattr(value, "__dict__"):
                texts.append(pretty_repr(vars(value)))
    for text in texts:
        for secret in forbidden:
            assert secret not in text, (text[:200], secret)


WRONG = {
    "no app key": {"app_key": ""},
    "blank at its end": {"access_secret": ACCESS + " "},
    "not printable": {"access_secret": ACCESS + "\n"},
    "not text": {"access_secret": ACCESS.encode()},
    "algorithm": {"algorithm": "sha1"},
    "timeout": {"timeout": 0},
    "path": {"path": "v1"},
    "not a URL": {"base_url": "gateway"},
    "another scheme": {"base_url": f"ftp://user:{LOGIN}@host"},
    "a login": {"base_url": f"https://user:{LOGIN}@host"},
    "a login in a broken URL": {"base_url": f"https//user:{LOGIN}@host"},
    "a token": {"base_url": f"https://host/?token={TOKEN}"},
    "a token in a broken URL": {"base_url": f"host?token={TOKEN}"},
    "a port": {"base_url": f"https://user:{LOGIN}@host:99999999"},
    "a bracket": {"base_url": f"https://user:{LOGIN}@[host"},
    "plain http": {"base_url": "http://sms.example"},
    "whole endpoint": {"base_url": "https://sms.example/v1/sms/multi/mt"},
    "another service for queries": {"query_url": f"https://user:{LOGIN}@host"},
    "a proxy of another kind": {"proxy": f"socks5://user:{LOGIN}@host:1080"},
    "a proxy with a path": {"proxy": f"http://user:{LOGIN}@host:3128/path"},
    "a proxy with a broken login": {"proxy": f"http://user:/{LOGIN}@host:3128"},
    "a proxy without a scheme": {"proxy": f"user:{LOGIN}@host:3128"},
    "a proxy's port": {"proxy": f"http://user:{LOGIN}@host:99999999"},
    "a proxy that reads along": {"proxy": f"http://user:{LOGIN}@host:3128", "base_url": "http://127.0.0.1:8080"},
    "no such authorities": {"proxy": f"http://user:{LOGIN}@host:3128", "ca_file": "nowhere.pem"},
    "an unknown argument": {"app_sceret": APP},
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_client_that_cannot_be_made_shows_no_secret(wrong, env):
    """Given as arguments, from the environment or both, none is seen where it fails."""
    with pytest.raises((nx.ConfigError, TypeError)) as caught:
        nx.Client(**{**GOOD, **WRONG[wrong]})
    if caught.type is nx.ConfigError:
        shows_nothing(caught.value)
    env(**{name: value for name, value in GOOD.items() if name in ENVIRONMENT})
    with pytest.raises((nx.ConfigError, TypeError)) as caught:
        nx.Client.from_env(**WRONG[wrong])
    shows_nothing(caught.value)


@pytest.mark.parametrize("missing", ["access_key", "access_secret", "app_key"])
def test_a_missing_variable_shows_no_secret(missing, env, tmp_path):
    """In the environment, in a .env file, and with the rest as arguments."""
    rest = {name: value for name, value in GOOD.items() if name != missing}
    env(**{name: value for name, value in rest.items() if name in ENVIRONMENT})
    with pytest.raises(nx.ConfigError, match=ENVIRONMENT[missing]) as caught:
        nx.Client.from_env()
    shows_nothing(caught.value)
    lines = [f"{ENVIRONMENT.get(name, 'NXSMS_APP_SECRET')}={value}" for name, value in rest.items()]
    (tmp_path / "other.env").write_text("\n".join([*lines, f"DATABASE_PASSWORD={LOGIN}"]))
    with pytest.raises(nx.ConfigError) as caught:
        nx.Client.from_env(tmp_path / "other.env")
    shows_nothing(caught.value)


def test_a_file_that_cannot_be_read_shows_nothing_of_itself(env, tmp_path):
    """Another encoding is named, the file's text is not shown."""
    file = tmp_path / "latin.env"
    file.write_bytes(f"NXSMS_ACCESS_SECRET={ACCESS}\nNAME=M\xfcller\nNXSMS_APP_KEY={APP}\n".encode("latin-1"))
    with pytest.raises(nx.ConfigError, match="is neither UTF-8 nor UTF-16") as caught:
        nx.Client.from_env(file)
    shows_nothing(caught.value)
    with pytest.raises(nx.ConfigError, match="does not exist"):
        nx.Client.from_env(tmp_path / "nowhere.env")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_file_is_read_in_the_encodings_that_windows_writes(env, tmp_path, encoding, ends):
    """With a byte order mark or without; the first name counts, and so does a value that is not ASCII."""
    lines = ["NXSMS_ACCESS_KEY=key", "# Müller", f"NXSMS_ACCESS_SECRET={ACCESS}", "NXSMS_APP_KEY='äpp'", ""]
    (tmp_path / ".env").write_bytes(ends.join(lines).encode(encoding))
    client = nx.Client.from_env()
    assert (client.access_key, client.access_secret, client.app_key) == ("key", ACCESS, "äpp")


def test_the_environment_counts_before_the_file(env, tmp_path):
    """What a variable says holds, what it does not say comes from the file, an argument comes first."""
    (tmp_path / ".env").write_text("NXSMS_ACCESS_KEY=file\nNXSMS_ACCESS_SECRET=file\nNXSMS_APP_KEY=file\n")
    env(access_key="environment")
    client = nx.Client.from_env(app_key="argument")
    assert (client.access_key, client.access_secret, client.app_key) == ("environment", "file", "argument")


def test_a_signature_that_fails_shows_no_secret():
    """The secret is an argument of every function on the way."""
    client = nx.Client(**GOOD, base_url="http://127.0.0.1:9")
    client.algorithm = "sha1"

    async def signed():
        return Transport(client)._signed(b"{}")

    with pytest.raises(KeyError) as caught:
        asyncio.run(signed())
    shows_nothing(caught.value)


@pytest.mark.parametrize("kind", ["closed", "not HTTP", "cancelled"])
def test_a_record_query_that_fails_shows_no_secret(kind):
    """The pair of keys is in the body of a query, and the body is on every level of the way."""

    async def asked():
        async def conversation(reader, writer):
            await reader.readuntil(b"secretkey")
            if kind == "cancelled":
                task.cancel()
            else:
                writer.write(b"" if kind == "closed" else b"no HTTP at all\r\n\r\n")
            writer.close()

        server = await asyncio.start_server(conversation, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        client = nx.Client(**GOOD, base_url=f"http://127.0.0.1:{port}")
        async with server, Transport(client) as connection:
            task = asyncio.current_task()
            await connection.query("/api/sms/getSmsCdr", {"page": "1"})

    with pytest.raises((nx.QueryError, asyncio.CancelledError)) as caught:
        asyncio.run(asked())
    shows_nothing(caught.value)


def test_a_wrong_key_of_the_application_shows_no_secret():
    """The gateway refuses the pair."""
    with Sandbox(seed=7, faults=["lost"]) as sandbox:
        frame = pd.DataFrame({"phone": ["8615088888888"], "content": ["Hi"]})
        wrong = nx.Client(**{**GOOD, "access_key": sandbox.access_key, "access_secret": sandbox.access_secret},
                          base_url=sandbox.url)  # fmt: skip
        wrong.app_key = sandbox.app_key
        sent = frame.nxsms.send(wrong, journal=nx.Journal.in_memory(), progress="silent")
        assert sent["status"].tolist() == ["Unknown"]
        with pytest.raises(nx.QueryError, match="key pair was refused") as caught:
            sent.nxsms.reconcile(wrong, journal=nx.Journal.in_memory())
    shows_nothing(caught.value, str(sandbox.access_secret))


def test_a_sandbox_that_cannot_be_made_shows_no_secret():
    """Its keys may be somebody's real ones."""
    with pytest.raises(nx.ConfigError) as caught:
        Sandbox(seed=7, latency=-1, access_secret=ACCESS, app_secret=APP)
    shows_nothing(caught.value)
    with Sandbox(seed=7, access_secret=ACCESS, app_secret=APP) as sandbox:
        for text in (
            repr(sandbox),
            repr(sandbox.client),
            pretty_repr(vars(sandbox)),
            pretty_repr(vars(sandbox.client)),
        ):
            assert ACCESS not in text
            assert APP not in text


def test_whole_tracebacks_with_variables_show_no_secret(env):
    """IPython's verbose mode and rich print what they find; neither finds a secret."""
    from IPython.core.ultratb import VerboseTB

    env(access_key="key", access_secret=ACCESS)
    try:
        nx.Client.from_env(app_secret=APP, app_key="", base_url=f"https://user:{LOGIN}@host")
    except nx.ConfigError as error:
        raised = error
    verbose = VerboseTB(include_vars=True)
    shown = "\n".join(map(str, verbose.structured_traceback(type(raised), raised, raised.__traceback__.tb_next)))
    page = io.StringIO()
    Console(file=page, width=200).print(
        Traceback.from_exception(type(raised), raised, raised.__traceback__.tb_next, show_locals=True)
    )
    for text in (shown, page.getvalue()):
        assert "app_key" in text
        for secret in (ACCESS, APP, LOGIN):
            assert secret not in text


def test_a_secret_is_the_text_it_is():
    """Only its repr differs: it compares, signs, formats and pickles as the text."""
    import copy
    import pickle

    secret = Secret(ACCESS)
    assert (secret, f"{secret}", str(secret), hash(secret)) == (ACCESS, ACCESS, ACCESS, hash(ACCESS))
    for other in (pickle.loads(pickle.dumps(secret)), copy.deepcopy(secret), secret[2:]):  # noqa: S301  made here
        assert repr(other) == "•••"
    client = nx.Client(**GOOD)
    assert (client.access_secret, client.app_secret) == (ACCESS, APP)
    assert ACCESS not in repr(vars(client))
