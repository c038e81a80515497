"""What all tests share: property tests that draw the same examples each time, and no clock."""

from contextlib import ExitStack
from functools import cache

import pytest
from hypothesis import settings

import nxsms_nb as nx
from tests.support import jupyter, postgres
from tests.support.machine import lacks
from tests.support.made import make as make_sent

settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")

# Only read by the type checker: run, it would look for credentials and leave a journal behind.
collect_ignore = ["typing"]


@pytest.fixture(name="postgres", scope="session")
def _postgres():
    """A PostgreSQL server; skipped where there is none, an error where CI lacks one."""
    if (why := postgres.missing()) is not None:
        lacks(why)
    with postgres.Server() as server:
        yield server


@pytest.fixture(name="database")
def _database(postgres):
    """The URL of an empty database."""
    return postgres.database()


@pytest.fixture(name="made", scope="session")
def _made():
    """Make sent frames, seeded, without a gateway."""
    return make_sent


def pytest_generate_tests(metafunc):
    """Run the tests of a module that names `BACKENDS` once with each, except those about a journal's file."""
    backends = getattr(metafunc.module, "BACKENDS", ())
    if backends and "backend" in metafunc.fixturenames and "path" not in metafunc.fixturenames:
        metafunc.parametrize("backend", backends)


@pytest.fixture(name="backend")
def _backend():
    """Where `journal` and the sandboxes' journals are kept."""
    return "file"


@pytest.fixture(name="make")
def _make(request, backend):
    """Make sandboxes that are closed after the test."""
    made = []

    def make(**settings):
        if backend == "postgresql":
            settings = {"journal": request.getfixturevalue("postgres").database()} | settings
        made.append(nx.Sandbox(**{"seed": 7} | settings))
        return made[-1]

    yield make
    for sandbox in made:
        sandbox.close()


@pytest.fixture(name="sandbox")
def _sandbox(make):
    return make()


@pytest.fixture(name="path")
def _path(tmp_path):
    """A place for a journal's file, in a folder that is not there yet."""
    return tmp_path / "data" / "nxsms_nb" / "journal.sqlite3"


@pytest.fixture(name="swift")
def _swift(monkeypatch):
    """Batches that found no connection try again by the same rules, in less time."""
    monkeypatch.setattr("nxsms_nb.engine.policy._BACKOFF_S", 0.01)


@pytest.fixture(name="journal")
def _journal(request, backend):
    return nx.Journal(request.getfixturevalue("database" if backend == "postgresql" else "path"))


@pytest.fixture(name="browser", scope="module")
def _browser():
    """Chromium; skipped where there is none, an error where CI lacks one."""
    # Of one module only: while it is open, an event loop runs in the main thread.
    with jupyter.a_browser() as browser:
        yield browser


@pytest.fixture(name="gateway", scope="module")
def _gateway():
    """A sandbox in the tests' own process: its ledger can be read while a cell keeps a kernel busy."""
    with nx.Sandbox(seed=7, hourly_limit=None) as sandbox:
        yield sandbox


@pytest.fixture(name="site_of", scope="module")
def _site_of(browser, gateway, tmp_path_factory):
    """Give a server of each kind, started when it is first wanted; its kernels' `Client.from_env` is the sandbox's."""
    env = {
        "NXSMS_ACCESS_KEY": gateway.access_key,
        "NXSMS_ACCESS_SECRET": gateway.access_secret,
        "NXSMS_APP_KEY": gateway.app_key,
        "NXSMS_APP_SECRET": gateway.app_secret,
        "NXSMS_BASE_URL": gateway.url,
    }
    with ExitStack() as stack:

        @cache
        def site(app):
            return stack.enter_context(jupyter.Site(app, browser, tmp_path_factory.mktemp(app), env).running())

        yield site


@pytest.fixture(name="lab", scope="module")
def _lab(site_of):
    """A JupyterLab of its own."""
    return site_of("lab")


@pytest.fixture(name="chinese")
def _chinese():
    """The views in Chinese."""
    nx.options.language = "zh"
    yield
    nx.options.language = "en"
