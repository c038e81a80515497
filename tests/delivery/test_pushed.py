"""`ReceiptServer`: what is taken, what is refused and why, over real sockets, during a run, and by strangers."""

import http.client
import logging
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from urllib.parse import urlencode, urlsplit

import pandas as pd
import pytest

import nxsms_nb as nx
from nxsms_nb import Journal, ReceiptServer
from nxsms_nb.delivery import gates
from nxsms_nb.journal import tables
from tests.engine.people import counts, no_double, people

PUSH = {
    "phone": "8615088888888",
    "status": "2",
    "result": "DELIVRD",
    "drtime": "2026-03-03 14:02:11",
    "sendtime": "2026-03-03 14:02:09",
    "currency": "USD",
    "price": "0.0065",
    "rate": "7.1",
    "size": "2",
    "ext": "order 17",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def fields(messageid="message-000001", **changed):
    return urlencode({**PUSH, "messageid": messageid, **changed})


def push(server, body="", *, query="", method="POST", path=None, headers=FORM):
    """Push to a server; its status and what it answers."""
    url = urlsplit(server.url)
    with closing(http.client.HTTPConnection(url.hostname, url.port, timeout=30)) as connection:
        connection.request(method, (path or url.path) + (f"?{query}" if query else ""), body or None, dict(headers))
        reply = connection.getresponse()
        return reply.status, reply.read().decode()


@contextmanager
def connected(server, data=b""):
    url = urlsplit(server.url)
    with closing(socket.create_connection((url.hostname, url.port), timeout=30)) as sock:
        sock.sendall(data)
        yield sock


def until(true):
    """Wait until something is true: what tells it is another thread's, which signals nothing to tests."""
    tries = 0
    while not true() and (tries := tries + 1) < 3000:
        threading.Event().wait(0.01)
    return true()


def refused(server):
    """The reasons for which pushes were refused, with how many."""
    return {why: n for why, n in server.counts.items() if n and why != "success"}


@pytest.fixture(name="server")
def _server(path):
    with ReceiptServer(journal=path) as server:
        yield server


def kept(path):
    return sorted(Journal(path).receipts()["messageid"])


@pytest.mark.parametrize("form", ["body", "query", "get"])
def test_both_forms_are_taken(server, path, form):
    """A form in the body, and the query string of older customers."""
    body, query = (fields(), "") if form == "body" else ("", fields())
    assert push(server, body, query=query, method="GET" if form == "get" else "POST") == (200, "success")
    row = Journal(path).receipts().iloc[0]
    assert row[["messageid", "dr", "dr_status", "price", "currency", "segments"]].to_list() == [
        *("message-000001", "DELIVRD", 2, 0.0065, "USD", 2),
    ]
    assert str(row["dr_time"]) == "2026-03-03 06:02:11+00:00"
    assert server.counts["success"] == 1


def test_signs_in_a_query_string_are_read_once():
    """A plus sign is a blank, and %2B a plus sign; what is encoded twice stays encoded."""
    with ReceiptServer(journal=(journal := Journal.in_memory())) as server:
        push(server, query="messageid=a%2Bb&result=DELIVRD&drtime=2026-03-03+14%3A02%3A11")
        push(server, query="messageid=c&result=do+not%20disturb%252B")
    frame = journal.receipts()
    assert frame["messageid"].to_list() == ["a+b", "c"]
    assert frame["dr"].to_list() == ["DELIVRD", "do not disturb%2B"]
    assert frame["dr_time"].notna().to_list() == [True, False]


def test_success_means_that_it_is_in_the_file(server, path):
    """Another connection finds it the moment it is answered."""
    for number in range(20):
        assert push(server, fields(f"message-{number:06d}"))[1] == "success"
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("SELECT count(*) FROM receipt").fetchone() == (number + 1,)


def test_neither_the_number_nor_the_pass_through_field_is_kept(server, path):
    """Not in the file, its log, or anything beside it."""
    push(server, fields())
    held = b"".join(file.read_bytes() for file in path.parent.rglob("*") if file.is_file())
    assert b"message-000001" in held
    assert b"8615088888888" not in held
    assert b"order 17" not in held


def test_the_same_receipt_again_is_answered_and_changes_nothing(server, path):
    """A proxy may repeat it."""
    assert [push(server, fields())[1] for _ in range(5)] == ["success"] * 5
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM receipt").fetchone() == (1,)


@pytest.mark.parametrize(
    ("body", "options", "expected"),
    [
        ("", {}, (200, "no messageid")),
        ("hello", {}, (200, "no messageid")),
        ("status=2", {}, (200, "no messageid")),
        ("messageid=message-000001", {}, (200, "no status")),
        (b"\xff\xfe", {}, (200, "not a form")),
        ("&".join("a=1" for _ in range(500)), {}, (200, "not a form")),
        ("x" * 20_000, {}, (413, "too large")),
        (fields(), {"path": "/dr/wrong"}, (404, "another address")),
        (fields(), {"path": "/"}, (404, "another address")),
        (fields(), {"path": "/dr/"}, (404, "another address")),
        (fields(), {"path": "/dr/%C3%A9"}, (404, "another address")),
        (fields(), {"method": "PUT"}, (405, "another method")),
        (fields(), {"method": "DELETE"}, (405, "another method")),
        ("", {"method": "GET"}, (200, "no messageid")),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_is_no_receipt_is_refused_and_counted(server, path, body, options, expected):
    """Each for its reason; the next receipt is taken."""
    status, why = expected
    assert push(server, body, **options) == (status, "error")
    assert refused(server) == {why: 1}
    assert push(server, fields("message-000002"))[1] == "success"
    assert kept(path) == ["message-000002"]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
        b"hello\r\n\r\n",
        b"GET " + b"/" + b"a" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(1000)) + b"\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 200_000,
        b"\x00" * 300_000,
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_http_does_no_harm(server, path, garbage, caplog):
    """The connection ends, nothing is logged, and the next receipt is taken."""
    with caplog.at_level(logging.DEBUG), connected(server) as sock, suppress(OSError):
        sock.sendall(garbage)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    assert push(server, fields())[1] == "success"
    assert kept(path) == ["message-000001"]
    assert not [record for record in caplog.records if record.name.startswith(("aiohttp", "nxsms_nb"))]


def test_a_compressed_body_is_not_unpacked(server):
    """A small one could become a large one."""
    assert push(server, b"\x1f\x8b\x08" + b"\x00" * 40, headers=FORM | {"Content-Encoding": "gzip"})[1] == "error"
    assert sum(refused(server).values()) == 1


@pytest.mark.parametrize(
    "begun",
    [
        b"POST ",
        b"POST /dr/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nmessageid=",
        b"POST /dr/x HTTP/1.1\r\nHost: x\r\n",
    ],
    ids=["line", "body", "headers"],
)
def test_a_sender_that_is_too_slow_is_cut_off(path, monkeypatch, begun):
    """It gets as long as a request may take, counted from its beginning, whatever it goes on sending."""
    monkeypatch.setattr(gates, "REQUEST_S", 0.3)
    with (
        ReceiptServer(journal=path) as server,
        connected(server, begun.replace(b"/dr/x", server.url[-47:].encode())) as sock,
    ):
        with pytest.raises((ConnectionError, StopIteration)):  # noqa: PT012  as it may end in either way
            if not sock.recv(1):
                raise StopIteration
        assert refused(server) == {"too slow": 1}


def test_whoever_holds_connections_open_keeps_nobody_away(path, monkeypatch):
    """The one that has waited longest makes room, once it had the time to bring a request."""
    monkeypatch.setattr(gates, "CONNECTIONS_MAX", 8)
    monkeypatch.setattr(gates, "GRACE_S", 0.1)
    with ReceiptServer(journal=path) as server:
        held = [socket.create_connection(("127.0.0.1", urlsplit(server.url).port)) for _ in range(30)]
        for sock in held:
            sock.sendall(b"POST ")
        assert [push(server, fields(f"message-{n:06d}"))[1] for n in range(20)] == ["success"] * 20
        for sock in held:
            sock.close()


@pytest.fixture(name="proxied")
def _proxied(server):
    """A reverse proxy in front of the server, as a server with the same kind of address."""
    url = urlsplit(server.url)

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            passed = {
                "Host": url.netloc,
                "Via": "1.1 proxy",
                "X-Forwarded-For": "192.0.2.1",
                "X-Forwarded-Proto": "https",
            }
            passed |= {"Content-Type": self.headers.get("Content-Type", "")}
            with closing(http.client.HTTPConnection(url.hostname, url.port, timeout=30)) as connection:
                # In chunks, as proxies pass on what they have not read whole.
                connection.request("POST", self.path, iter([body[:7], body[7:]]), passed, encode_chunked=True)
                reply = connection.getresponse()
                said = reply.read()
            self.send_response(reply.status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_):
            pass

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    thread = threading.Thread(target=proxy.serve_forever, args=(0.01,))
    thread.start()
    yield SimpleNamespace(url=f"http://127.0.0.1:{proxy.server_port}{url.path}")
    proxy.shutdown()
    thread.join()
    proxy.server_close()


@pytest.mark.parametrize("form", ["body", "query"])
def test_it_works_behind_a_reverse_proxy(proxied, path, form):
    """Path, query string and body are passed on, the body in chunks, with a proxy's own headers."""
    body, query = (fields(), "") if form == "body" else ("", fields())
    assert push(proxied, body, query=query) == (200, "success")
    assert push(proxied, "hello") == (200, "error")
    assert push(proxied, fields(), path="/dr/wrong") == (404, "error")
    assert kept(path) == ["message-000001"]


def test_a_flood_is_answered_in_full(server, path):
    """A thousand at once over a hundred connections: each is recorded, many in one transaction."""

    def several(first):
        url, answers = urlsplit(server.url), []
        with closing(http.client.HTTPConnection(url.hostname, url.port, timeout=60)) as connection:
            for number in range(first, first + 10):
                connection.request("POST", url.path, fields(f"message-{number:06d}"), FORM)
                answers.append(connection.getresponse().read())
        return answers

    with ThreadPoolExecutor(100) as pool:
        answers = [one for some in pool.map(several, range(0, 1000, 10)) for one in some]
    assert answers == [b"success"] * 1000
    assert kept(path) == [f"message-{number:06d}" for number in range(1000)]


def test_more_senders_at_once_than_there_is_room_for_wait_for_it(path, monkeypatch):
    """A push is made once: whoever says something is answered, however many came before."""
    monkeypatch.setattr(gates, "CONNECTIONS_MAX", 8)
    with ReceiptServer(journal=path) as server:
        url = urlsplit(server.url)
        together = [socket.create_connection((url.hostname, url.port), timeout=60) for _ in range(200)]
        for number, sock in enumerate(together):
            body = fields(f"message-{number:06d}").encode()
            sock.sendall(
                b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (url.path.encode(), len(body)) + body
            )
        assert {sock.recv(1000)[-7:] for sock in together} == {b"success"}
        assert refused(server) == {}
        for sock in together:
            sock.close()
    assert len(kept(path)) == 200


def test_few_files_are_enough(path):
    """Connections leave the journal the files that it needs, where a process may have few."""
    code = (
        "import resource, sys, nxsms_nb as nx\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "server = nx.ReceiptServer(token='few', journal=sys.argv[1])\n"
        "print(server.url, flush=True)\n"
        "server.join()"
    )
    pytest.importorskip("resource")
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        port = urlsplit(process.stdout.readline().strip()).port
        together = [socket.create_connection(("127.0.0.1", port), timeout=60) for _ in range(200)]
        for number, sock in enumerate(together):
            query = fields(f"message-{number:06d}").encode()
            sock.sendall(b"GET /dr/few?%s HTTP/1.1\r\nHost: x\r\n\r\n" % query)
        answers = {sock.recv(1000)[-7:] for sock in together}
        for sock in together:
            sock.close()
        process.kill()
    assert answers == {b"success"}
    assert len(kept(path)) == 200


def test_a_sender_that_asks_first_may_send_its_body(server, path):
    """Some clients announce a body and wait."""
    url, body = urlsplit(server.url), fields().encode()
    head = f"POST {url.path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n"
    with connected(server, head.encode()) as sock:
        assert sock.recv(1000).startswith(b"HTTP/1.1 100 ")
        sock.sendall(body)
        assert sock.recv(1000).endswith(b"success")
    assert kept(path) == ["message-000001"]


def test_a_server_that_was_closed_is_not_entered(path):
    """Else a block would run in which nothing is received."""
    with ReceiptServer(journal=path) as server:
        pass
    with pytest.raises(nx.ConfigError, match=r"is closed.*nx\.ReceiptServer"):
        server.__enter__()


def test_it_works_during_a_run_of_the_same_journal(make, path):
    """Receipts are pushed while requests leave, some before their own replies; both are recorded."""
    sandbox = make(delivery={}, latency=0.02)
    with ReceiptServer(journal=path) as server:
        sandbox.dr_url = server.url
        sent = people(2000).nxsms.send(sandbox.client, journal=path, batch_size=50)
        assert sandbox.wait_for(receipts=2000, timeout=60)
    assert set(sandbox.receipts["answer"]) == {"success"}
    joined = sent.nxsms.receipts(journal=path)
    assert counts(joined) == {"Success": 2000}
    assert (joined["dr_status"].fillna(-1) == 2).all()
    assert joined["network"].isna().all()
    assert no_double(sandbox)


def test_a_receipt_that_comes_before_a_reply_that_never_comes_is_used(make, path):
    """The row in doubt was accepted."""
    sandbox = make(delivery={}, faults=["close_after"])
    with ReceiptServer(journal=path) as server:
        sent = people(3).assign(dr_url=server.url).nxsms.send(sandbox.client, journal=path)
        assert counts(sent) == {"Unknown": 3}
        assert sandbox.wait_for(receipts=3)
    assert counts(sent.nxsms.receipts(journal=path)) == {"Success": 3}


def test_a_journal_that_cannot_be_written_is_an_error_and_said(path, tmp_path):
    """Nothing that was not recorded is answered success; once it can be written again, receipts are taken again."""
    with ReceiptServer(journal=path) as server:
        assert push(server, fields())[1] == "success"
        for name in ("", "-wal", "-shm"):
            path.with_name(path.name + name).rename(tmp_path / f"away{name}")
        path.mkdir()
        assert push(server, fields("message-000002"))[1] == "error"
        assert refused(server) == {"not recorded": 1}
        assert str(path) in server.trouble
        path.rmdir()
        for name in ("", "-wal", "-shm"):
            (tmp_path / f"away{name}").rename(path.with_name(path.name + name))
        assert push(server, fields("message-000003"))[1] == "success"
        assert server.trouble is None
    assert kept(path) == ["message-000001", "message-000003"]


def test_a_journal_that_is_held_is_said_of_receipts(server, path, monkeypatch):
    """The words are of receipts; nothing is said of messages, which a server does not send."""
    monkeypatch.setattr(tables, "BUSY_S", 0.01)
    with ReceiptServer(journal=path) as other, closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        assert push(other, fields())[1] == "error"
        assert "No receipt was recorded. Another program holds it" in other.trouble
        assert "Nothing was sent" not in other.trouble
        holder.execute("ROLLBACK")
        assert push(other, fields())[1] == "success"


def test_a_server_closes_while_another_program_holds_the_journal(path, monkeypatch):
    """The push that waits for it is not answered success, and the close does not wait as long as a write would."""
    monkeypatch.setattr("nxsms_nb.delivery.service._CLOSING_S", 0.5)
    monkeypatch.setattr(tables, "BUSY_S", 3600.0)
    server = ReceiptServer(journal=path)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder, connected(server) as sock:
        holder.execute("BEGIN IMMEDIATE")
        url = urlsplit(server.url)
        request = f"POST {url.path} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\n"
        sock.sendall(f"{request}Content-Length: {len(fields())}\r\n\r\n{fields()}".encode())
        assert until(lambda: server._service._unwritten)
        server.close()
        assert b"success" not in sock.recv(1000)
        assert server.counts["success"] == 0
    assert kept(path) == []


def test_a_server_closes_while_a_shared_journal_is_held(database, monkeypatch):
    """As with a file: the push that waits is not answered success, and the close does not wait for the database."""
    import psycopg

    monkeypatch.setattr("nxsms_nb.delivery.service._CLOSING_S", 0.5)
    server = ReceiptServer(journal=database)
    with psycopg.connect(database) as holder, ThreadPoolExecutor(1) as pool:
        holder.execute("LOCK TABLE receipt")
        answer = pool.submit(push, server, fields())
        assert until(lambda: server._service._unwritten)
        server.close()
        with suppress(OSError, http.client.HTTPException):
            assert answer.result()[1] != "success"
    assert server.counts["success"] == 0


def test_a_receipt_that_waits_for_the_journal_at_the_close_is_written(path):
    """Its push is answered success once the other program is done, though the server is closing."""
    server = ReceiptServer(journal=path)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder, ThreadPoolExecutor(2) as pool:
        holder.execute("BEGIN IMMEDIATE")
        answer = pool.submit(push, server, fields())
        assert until(lambda: server._service._unwritten)
        end = pool.submit(server.close)
        assert until(lambda: server._call.stop.asked)
        holder.execute("ROLLBACK")
        end.result()
        assert answer.result() == (200, "success")
    assert kept(path) == ["message-000001"]


def test_a_journal_that_cannot_be_used_is_found_out_at_the_start(path):
    """Before anything is pushed."""
    path.mkdir(parents=True)
    with pytest.raises(nx.JournalError, match=re.escape(str(path))):
        ReceiptServer(journal=path)


def test_the_token_is_long_and_random_and_never_shown(path, caplog):
    """Neither in the repr, nor in a log, nor in what the server holds."""
    with caplog.at_level(logging.DEBUG), ReceiptServer(journal=path) as server, ReceiptServer(journal=path) as other:
        token = server.url.rpartition("/")[2]
        assert len(token) >= 40
        assert not other.url.endswith(token)
        push(server, fields())
        push(server, "hello")
        with connected(server, f"POST /dr/{token} HTTP/9.9\r\n\r\n".encode()) as sock:
            sock.recv(1000)
        assert token not in repr(server)
        assert "/dr/•••" in repr(server)
        assert token not in repr(vars(server)) + repr(vars(server._service)) + caplog.text
    assert token.encode() not in path.read_bytes()


@pytest.mark.parametrize("token", ["", "a b", "a/b", "ä", "x" * 201, 17, b"bytes", "a?b"], ids=repr)
def test_a_token_that_fits_no_address_is_refused_and_not_shown(path, token):
    """The error says what it may have."""
    with pytest.raises(nx.ConfigError, match="token=••• cannot be part of a URL") as failed:
        ReceiptServer(token=token, journal=path)
    assert repr(token) not in str(failed.value)


def test_the_token_given_is_in_the_address(path):
    """So that the address stays the same from day to day."""
    with ReceiptServer(token="spring-2026", journal=path) as server:
        assert server.url.endswith("/dr/spring-2026")
        assert push(server, fields())[1] == "success"
        assert push(server, fields(), path="/dr/spring-2027")[1] == "error"


@pytest.mark.parametrize(
    ("option", "value"), [("port", -1), ("port", 70000), ("port", "80"), ("host", ""), ("host", 5)]
)
def test_an_address_that_is_none_is_refused(path, option, value):
    """Before anything is started."""
    with pytest.raises(nx.ConfigError, match=f"{option}="):
        ReceiptServer(journal=path, **{option: value})


def test_a_port_in_use_is_an_error_with_a_remedy(server, path):
    """Two servers do not share one."""
    with pytest.raises(nx.ConfigError, match=r"is not available.*port=0"):
        ReceiptServer(port=urlsplit(server.url).port, journal=path)


def test_it_ends_and_frees_its_port(path):
    """With its block, by close, twice, and when nobody holds it any more."""
    with ReceiptServer(journal=path) as server:
        port = urlsplit(server.url).port
    assert repr(server).endswith("closed)")
    server.close()
    other = ReceiptServer(port=port, journal=path)
    assert push(other, fields())[1] == "success"
    del other
    with ReceiptServer(port=port, journal=path) as again:
        assert push(again, fields("message-000002"))[1] == "success"


def test_an_end_answers_what_has_arrived(path):
    """Whoever was answered success is in the journal, and who was not has no answer."""
    answers, server = [], ReceiptServer(journal=path)

    def one(number):
        with suppress(OSError, http.client.HTTPException):
            answers.append((f"message-{number:06d}", push(server, fields(f"message-{number:06d}"))[1]))

    with ThreadPoolExecutor(20) as pool:
        for number in range(200):
            pool.submit(one, number)
        server.close()
    said = [messageid for messageid, answer in answers if answer == "success"]
    assert set(said) <= set(kept(path))


@pytest.fixture(name="both_families")
def _both_families(monkeypatch):
    """A name of this machine with an address of either family; skipped where it lacks one."""
    try:
        for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
            with socket.socket(family) as one:
                one.bind((address, 0))
    except OSError:
        pytest.skip("IPv6 is off")
    resolved = socket.getaddrinfo

    def getaddrinfo(host, *args, **options):
        if host != "both.example":
            return resolved(host, *args, **options)
        return resolved("127.0.0.1", *args, **options) + resolved("::1", *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return "both.example"


def test_any_free_port_is_the_same_on_all_addresses_of_a_host(both_families, path):
    """Whichever of them the sender's machine takes, it reaches the server by its url."""
    for number in range(3):
        with ReceiptServer(both_families, journal=path) as server:
            port = urlsplit(server.url).port
            for host in ("127.0.0.1", "[::1]"):
                there = SimpleNamespace(url=f"http://{host}:{port}{urlsplit(server.url).path}")
                assert push(there, fields(f"message-{number:06d}"))[1] == "success"


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_the_command_line_prints_the_address_and_the_counts(path, end):
    """Ctrl-C, or whoever stops services, ends it cleanly, with what it has counted."""
    command = [sys.executable, "-m", "nxsms_nb", "receipts", "--token", "spring", "--journal", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        server = SimpleNamespace(url=re.search(r"http://127\.0\.0\.1:\d+/dr/spring", line)[0])
        assert push(server, fields())[1] == "success"
        assert push(server, "hello")[1] == "error"
        process.send_signal(end)
        out, error = process.communicate(timeout=30)
    assert (process.returncode, error) == (0, "")
    assert "success 1  no messageid 1" in out
    assert kept(path) == ["message-000001"]


def test_the_package_alone_loads_no_server():
    """Neither the import nor the accessor's look at receipts in a journal loads aiohttp."""
    code = "import sys, nxsms_nb; assert 'aiohttp' not in sys.modules; nxsms_nb.ReceiptServer; assert 'aiohttp' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_receipts_of_a_frame_that_goes_on_being_pushed(make, path):
    """Called again, more has arrived."""
    sandbox = make(delivery={}, delivery_delay=100.0)
    with ReceiptServer(journal=path) as server:
        sent = people(5).assign(dr_url=server.url).nxsms.send(sandbox.client, journal=path)
        assert sent.nxsms.receipts(journal=path)["dr"].isna().all()
        sandbox.advance(101)
        assert sandbox.wait_for(receipts=5)
        assert (sent.nxsms.receipts(journal=path)["dr_time"] > pd.Timestamp("2020", tz="UTC")).all()


def test_threads_push_while_the_journal_is_read(server, path):
    """Readers see whole states and are not in the way."""
    stop = threading.Event()
    thread = threading.Thread(target=lambda: [kept(path) for _ in iter(stop.is_set, True)])
    thread.start()
    assert [push(server, fields(f"message-{n:06d}"))[1] for n in range(50)] == ["success"] * 50
    stop.set()
    thread.join()
