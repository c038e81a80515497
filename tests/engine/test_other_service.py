"""A base_url that is wrong, and a gateway that cannot be reached: one request at most, and words that say what and where."""

import socket
import threading

import pytest

import nxsms_nb as nx
from nxsms_nb import errors
from nxsms_nb.engine.outcomes import Disposition, classify
from tests.support.faultgateway import FaultGateway
from tests.support.ledgercheck import check, client_of, people, sent

pytestmark = pytest.mark.any_pandas

KEYS = {"access_key": "key", "access_secret": "secret", "app_key": "app"}


@pytest.fixture(name="gateway")
def _gateway():
    with FaultGateway() as gateway:
        yield gateway


@pytest.fixture(name="journal")
def _journal(tmp_path):
    return tmp_path / "journal.sqlite3"


# ---------------------------------------------------------------------- the whole endpoint as base_url


@pytest.mark.parametrize("host", ["https://api2.nxcloud.com", "http://127.0.0.1:8080", "https://proxy.example/sms"])
@pytest.mark.parametrize("ending", ["/v1/sms/multi/mt", "/v1/sms/multi/mt/", "//v1/sms//multi/mt", "/V1/sms/multi/MT"])
def test_a_base_url_that_ends_in_the_path_is_refused(host, ending):
    """Each request would go to a URL that does not exist, so no client is made, and the message has the right value."""
    with pytest.raises(nx.ConfigError, match="ends in the path '/v1/sms/multi/mt'") as refused:
        nx.Client(**KEYS, base_url=host + ending)
    assert f"Give base_url={host!r}." in str(refused.value)


def test_the_path_may_be_the_clients_own_or_the_other_one_of_the_vendors_page():
    """Whichever path is at the end is left out of base_url and, where the client has another, given as path."""
    with pytest.raises(nx.ConfigError, match=r"Give base_url='https://a.example'\.$"):
        nx.Client(**KEYS, base_url="https://a.example/mt", path="/mt")
    with pytest.raises(nx.ConfigError, match=r"Give base_url='https://a.example', path='/api/sms/multi/mt'\.$"):
        nx.Client(**KEYS, base_url="https://a.example/api/sms/multi/mt")
    with pytest.raises(nx.ConfigError, match=r"^query_url=.* Give query_url='https://a.example'\.$"):
        nx.Client(**KEYS, query_url="https://a.example/api/sms/getSmsCdr")


@pytest.mark.parametrize(
    "base_url", ["https://a.example/v1", "https://a.example/mt", "https://a.example/v1/sms/multi/mt2"]
)
def test_a_base_url_may_have_a_path_of_its_own(base_url):
    """A prefix before the path, as a proxy may have, is no mistake."""
    assert nx.Client(**KEYS, base_url=base_url).endpoint == f"{base_url}/v1/sms/multi/mt"
    assert nx.Client(**KEYS, base_url="https://a.example", path="/").endpoint == "https://a.example/"


@pytest.mark.parametrize(
    "url", ["https://me:geheim@a.example", "ftp://me:geheim@a.example", "https://me:geheim@a:99999"]
)
def test_a_login_in_a_url_is_not_repeated(url):
    """What is wrong with the URL is said without the secret in it."""
    with pytest.raises(nx.ConfigError) as refused:
        nx.Client(**KEYS, base_url=url)
    assert "geheim" not in str(refused.value)


# ---------------------------------------------------------------------- another service


def answering(status, body, **headers):
    async def act(it):
        await it.body()
        await it.http(status, body, **headers)

    return act


@pytest.mark.parametrize("status", [404, 405, 410, 501])
def test_nothing_at_the_url_costs_one_request_and_leaves_nobody_in_doubt(gateway, journal, status):
    """The run ends with the URL, every row is Unsent, and the right base_url sends all of them."""
    gateway.strike(answering(status, b"<html>nothing here</html>", Content_Type="text/html"), times=float("inf"))
    frame = people(40)
    out, stopped = sent(frame, client_of(gateway.url), journal, batch_size=8)
    assert type(stopped) is errors.NoConnection
    assert f"HTTP {status} instead of a reply from {gateway.url}/v1/sms/multi/mt" in stopped.reason
    assert "base_url" in stopped.reason
    assert len(gateway.requests) == 1
    assert set(out["status"]) == {"Unsent", "Invalid", "Skipped"}
    assert set(out["code"].dropna()) <= {13005, 9000}
    check(frame, out, gateway)
    gateway.heal()
    out, stopped = sent(frame, client_of(gateway.url), journal, batch_size=8)
    assert stopped is None
    check(frame, out, gateway)
    assert len(gateway.ledger) == 40


@pytest.mark.parametrize(
    "act",
    [
        answering(200, b"<!doctype html><html>It works</html>", Content_Type="text/html"),
        answering(200, b'{"status":"ok"}'),
        answering(200, b'{"code":200,"msg":"success","data":{"id":7}}'),
        answering(200, b'{"code":404,"message":"Not Found","data":null}'),
        answering(200, b'{"code":"0","message":"Success","data":null}'),
        answering(200, b'{"code":0,"code":0,"message":"Success","data":null}'),
        answering(200, b'{"code":200,"message":"success","data":[]}'),
        answering(200, b'{"code":0,"message":"","data":[]}'),
        answering(200, b'{"code":0,"message":"Success","data":[{"messageid":"somebody-else","status":"Success"}]}'),
        answering(200, b'{"code":0}'),
        answering(200, b'\xef\xbb\xbf{"code":0}'),
        answering(200, b"pong"),
        answering(200, b""),
        answering(204, b"", Content_Length=""),
        answering(202, b"{}"),
        answering(301, b"", Location="https://elsewhere.example/"),
        answering(308, b"", Location="https://elsewhere.example/"),
        answering(400, b"plain HTTP request was sent to HTTPS port"),
        answering(401, b"who are you", WWW_Authenticate="Basic"),
        answering(403, b"no"),
    ],
)
def test_a_first_reply_that_is_not_the_gateways_ends_the_run(gateway, journal, act):
    """A gateway behind a proxy may have answered so: the rows of the one request are in doubt, the others are Unsent."""
    gateway.strike(act, times=float("inf"))
    frame = people(40)
    out, stopped = sent(frame, client_of(gateway.url), journal, batch_size=8)
    assert type(stopped) is errors.InDoubt
    assert f"The first reply from {gateway.url}/v1/sms/multi/mt is not the gateway's" in stopped.reason
    assert len(gateway.requests) == 1
    assert out["status"].value_counts()[["Unknown", "Unsent"]].to_list() == [8, 32]
    check(frame, out, gateway)


def test_a_service_that_does_not_speak_http_costs_one_request(gateway, journal):
    """What answers in another protocol ends the run at its first reply."""

    async def redis(it):
        await it.body()
        await it.raw(b"-ERR unknown command 'POST'\r\n")
        await it.fin()

    gateway.strike(redis, times=float("inf"))
    _, stopped = sent(people(40), client_of(gateway.url), journal, batch_size=8)
    assert "is not the gateway's: the connection broke or the reply was not HTTP" in stopped.reason
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    "act",
    [
        answering(502, b"<html>bad gateway</html>"),
        answering(503, b""),
        answering(200, b'{"code":0,"message":"Success","data":[{"phone'),
        answering(200, b'{"code":-1,"message":"Failure","data":null}'),
    ],
)
def test_a_gateway_that_is_out_of_order_for_a_moment_does_not_end_the_run(gateway, journal, act):
    """One such reply puts its own rows in doubt; a run ends after three in a row, as in its midst."""
    gateway.strike(act)
    frame = people(40)
    out, stopped = sent(frame, client_of(gateway.url), journal, batch_size=8)
    assert stopped is None
    assert out["status"].value_counts()[["Success", "Unknown"]].to_list() == [32, 8]
    check(frame, out, gateway)


@pytest.mark.parametrize("status", [404, 405, 410, 501, 301])
@pytest.mark.parametrize("code", [0, 1004, 13008, -1])
def test_a_gateway_that_answered_before_is_a_gateway(gateway, journal, code, status):
    """After any reply of the gateway's no status proves that a request was not accepted."""

    async def first(it):
        await it.body()
        if code == 0:
            it.accept()
            data = [
                {"phone": item["phone"], "messageid": item["sysMessageId"], "status": "Success"} for item in it.items
            ]
            await it.reply(data=data)
        else:
            await it.reply(code, "Failure")

    async def act(it):
        if len(gateway.requests) == 0:
            await first(it)
        else:
            await it.body()
            it.accept()
            await it.http(status, b"")

    gateway.strike(act, times=2)
    frame = people(24)
    out, stopped = sent(frame, client_of(gateway.url), journal, concurrency=1, batch_size=8)
    assert stopped is None
    check(frame, out, gateway)


def accepting_unseen(status):
    async def act(it):
        await it.body()
        it.accept()
        await it.http(status, b"<html>not here</html>")

    return act


async def account_refused(it):
    await it.body()
    await it.reply(1102, "Insufficient balance")


async def lost(it):
    await it.body()
    it.accept()
    await it.fin()


@pytest.mark.parametrize("status", [404, 405, 410, 501])
@pytest.mark.parametrize("before", [None, account_refused, lost], ids=["answered", "account refused", "in doubt"])
@pytest.mark.parametrize("campaign", [None, "another"])
def test_a_gateway_that_the_journal_knows_is_a_gateway(gateway, journal, campaign, before, status):
    """An earlier run met one at this URL, or may have: the first request's rows are in doubt, and nobody gets a message twice."""
    client, frame = client_of(gateway.url), people(40)
    if before is not None:
        gateway.strike(before, times=float("inf"))
    sent(people(5, text="a pilot"), client, journal, campaign=campaign)
    gateway.heal()
    gateway.strike(accepting_unseen(status), times=float("inf"))
    requests = len(gateway.requests)
    out, stopped = sent(frame, client, journal, batch_size=8)
    assert type(stopped) is errors.InDoubt
    # 501 is then one of the statuses of a server in trouble, which end a run at the third.
    doubtful = 24 if status == 501 else 8
    assert len(gateway.requests) == requests + doubtful // 8
    assert out["status"].value_counts()[["Unknown", "Unsent"]].to_list() == [doubtful, 40 - doubtful]
    gateway.heal()
    after, stopped = sent(frame, client, journal, batch_size=8)
    assert stopped is None
    assert after["status"].value_counts()[["Unknown", "Success"]].to_list() == [doubtful, 40 - doubtful]
    assert len({effect.messageid for effect in gateway.ledger}) == len(gateway.ledger)


@pytest.mark.parametrize("status", [404, 501])
def test_after_a_row_in_doubt_nothing_proves_that_nobody_is_there(gateway, journal, status):
    """A first reply that was lost may have been a gateway's, in this very run."""

    async def act(it):
        await (lost if not gateway.requests else accepting_unseen(status))(it)

    gateway.strike(act, times=2)
    frame = people(40)
    out, _ = sent(frame, client_of(gateway.url), journal, concurrency=1, batch_size=8)
    check(frame, out, gateway)
    assert (out["status"] == "Unknown").sum() == 16


@pytest.mark.parametrize(
    "body",
    [b'{"code":0,"message":"Success","data":null}', b'{"data":[{"messageid":"x"}]}', b"<p>order-00001 queued</p>"],
)
def test_a_404_that_speaks_of_the_rows_is_doubt(body):
    """Something at the URL has read the request, whatever the status says."""
    assert classify(
        left=True, status=404, body=b"<p>no such page</p>", error="", ids=["order-00001"], first=True
    ).disposition == (Disposition.NO_ENDPOINT)
    assert (
        classify(left=True, status=404, body=body, error="", ids=["order-00001"], first=True).disposition
        == Disposition.DOUBT
    )


def test_the_vendors_own_url_is_never_taken_for_another_service():
    """There a 404 tells of a proxy or an outage, not of a mistake in base_url."""
    assert nx.Client(**KEYS).at_vendor
    assert nx.Client(**KEYS, path="/api/sms/multi/mt").at_vendor
    assert not nx.Client(**KEYS, path="/v2/sms").at_vendor
    assert classify(left=True, status=404, body=b"", error="", ids=["a"], first=False).disposition == Disposition.DOUBT


# ---------------------------------------------------------------------- no connection


def unreachable(url, journal, *, cause, timeout=20):
    """Send a pilot of five rows, and return what the rows and the error say of the place."""
    out, stopped = sent(people(5).iloc[:5], client_of(url, timeout=timeout), journal)
    assert type(stopped) is errors.NoConnection
    assert set(out["status"]) == {"Unsent"}
    (reason,) = set(out["reason"])
    assert cause in reason
    assert reason in stopped.reason[:1].lower() + stopped.reason[1:]
    assert "base_url" in stopped.reason
    return reason


@pytest.mark.usefixtures("swift")
def test_no_connection_names_place_and_cause_in_a_pilot_of_five(journal):
    """The five rows and the error say host, port and why, and that it is base_url or the network."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert unreachable(f"http://127.0.0.1:{port}", journal, cause="connection refused").startswith(
        f"no connection to 127.0.0.1:{port}: "
    )
    reason = unreachable("https://gateway.invalid", journal, cause="no such name (DNS)")
    assert "gateway.invalid:443" in reason
    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        reason = unreachable(f"https://127.0.0.1:{port}", journal, cause="timed out", timeout=0.1)
        assert f"127.0.0.1:{port}" in reason


@pytest.mark.usefixtures("swift")
def test_no_connection_to_a_port_without_tls_says_so(gateway, journal):
    """Https to a plain http port is said to be that."""
    unreachable(gateway.url.replace("http:", "https:"), journal, cause="it may be plain http")


@pytest.mark.usefixtures("swift")
def test_a_closed_sandbox_is_said_to_be_closed(journal):
    """Its client outlives it in a notebook; the rows and the error say that it is the sandbox that is gone."""
    with nx.Sandbox(seed=7) as sandbox:
        client = sandbox.client
    with pytest.raises(errors.NoConnection, match="the sandbox is closed") as raised:
        people(5).iloc[:5].nxsms.send(client, journal=journal)
    assert raised.value.frame["reason"].str.contains("the sandbox is closed").all()


class Watcher:
    """Waits for a note that says something."""

    def __init__(self, wanted):
        self.wanted, self.seen, self.note = wanted, threading.Event(), ""

    def update(self, snapshot):
        if self.wanted in snapshot.note:
            self.note = snapshot.note
            self.seen.set()

    def close(self, snapshot):
        pass


def test_the_panel_says_why_there_is_no_connection_yet(journal):
    """While it is tried again, place and cause stand where "waiting for the first reply" would."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    watcher = Watcher("trying again")
    run = people(5).iloc[:5].nxsms.start(client_of(f"http://127.0.0.1:{port}"), journal=journal, progress=watcher)
    assert watcher.seen.wait(20)
    run.stop()
    assert watcher.note == f"no connection to 127.0.0.1:{port}: connection refused; trying again"
