"""Requests through a proxy, and certificate authorities of one's own, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl

import pandas as pd
import pytest
import trustme

import nxsms_nb as nx
from nxsms_nb.engine.transport import Transport

pytestmark = pytest.mark.any_pandas

LOGIN = "p%40ss/word"
BASIC = b"Proxy-Authorization: Basic dXNlcjpwQHNzL3dvcmQ="
FRAME = pd.DataFrame({"phone": ["8615088888888", "8615088888889"], "content": ["Hi", "你好"]})


class Gateway:
    """Accepts each batch, or has the proxy cut the connection once it has read one."""

    def __init__(self):
        self.heads, self.batches = [], []
        self.mute, self.read = False, asyncio.Event()

    async def __call__(self, reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            body = await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))
            self.heads.append(head)
            self.batches.append(body)
            if self.mute:
                self.read.set()
                await reader.read()
                return
            items = json.loads(body).get("items", []) if body.startswith(b"{") else []
            data = [{"phone": item["phone"], "messageid": item["sysMessageId"], "status": "Success"} for item in items]
            reply = json.dumps({"code": 0, "message": "Success", "data": data}).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(reply), reply))


class Proxy:
    """Makes tunnels and forwards requests, or answers with a status, or closes, or breaks a tunnel."""

    def __init__(self, gateway, act="serve"):
        self.gateway, self.act, self.heads = gateway, act, []

    async def __call__(self, reader, writer):
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            if self.act == "close":
                return
            if isinstance(self.act, int):
                if length := re.search(rb"Content-Length: (\d+)", head):
                    await reader.readexactly(int(length[1]))
                writer.write(b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n\r\n" % self.act)
                return
            if head.startswith(b"CONNECT "):
                await self.tunnel(head, reader, writer)
                return
            await self.forward(head, reader, writer)

    async def tunnel(self, head, reader, writer):
        host, port = head.split()[1].decode().rsplit(":", 1)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        if self.act == "close after CONNECT":
            return
        to_gateway = await asyncio.open_connection(host, int(port))
        with contextlib.closing(to_gateway[1]):
            jobs = [
                asyncio.create_task(job)
                for job in (piped(reader, to_gateway[1]), piped(to_gateway[0], writer), self.gateway.read.wait())
            ]
            await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            for job in jobs:
                job.cancel()
            await asyncio.wait(jobs)
        writer.transport.abort()

    async def forward(self, head, reader, writer):
        _, host, port, path = re.match(rb"POST (http)://([^:/]+):(\d+)(/\S*) ", head).groups()
        body = await reader.readexactly(int(re.search(rb"Content-Length: (\d+)", head)[1]))
        from_gateway, to_gateway = await asyncio.open_connection(host.decode(), int(port))
        with contextlib.closing(to_gateway):
            to_gateway.write(b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (path, len(body)) + body)
            reply = await from_gateway.readuntil(b"\r\n\r\n")
            writer.write(reply + await from_gateway.readexactly(int(re.search(rb"Content-Length: (\d+)", reply)[1])))


async def piped(reader, writer):
    while data := await reader.read(1 << 16):
        writer.write(data)


@contextlib.asynccontextmanager
async def serving(handle, tls=None):
    """Serve each connection by `handle(reader, writer)`; yields the port."""

    async def serve(reader, writer):
        with contextlib.closing(writer), contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await handle(reader, writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]


@pytest.fixture(name="authority", scope="module")
def _authority():
    return trustme.CA()


@pytest.fixture(name="tls", scope="module")
def _tls(authority):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    return context


@pytest.fixture(name="ca_file")
def _ca_file(authority, tmp_path):
    path = tmp_path / "authority.pem"
    path.write_bytes("# Főtanúsítvány\n".encode() + authority.cert_pem.bytes())
    return path


def client_of(gateway, scheme, **more):
    url = f"{scheme}://localhost:{gateway}"
    return nx.Client(access_key="key", access_secret="secret", app_key="app", base_url=url, timeout=10, **more)


def sent(client, folder):
    """The frame and the error of a send."""
    try:
        return FRAME.nxsms.send(client, journal=folder / "journal", progress="silent"), None
    except nx.NxsmsError as error:
        return error.frame, error


async def through(act, scheme, folder, *, gateway_tls=None, proxy_tls=None, mute=False, work=None, **more):
    """Send the frame, or do `work(client)`, through a proxy; returns what came of it, the proxy and the gateway."""
    gateway = Gateway()
    gateway.mute, proxy = mute, Proxy(gateway, act)
    async with serving(gateway, gateway_tls) as port, serving(proxy, proxy_tls) as proxy_port:
        at = f"{'https' if proxy_tls else 'http'}://user:{LOGIN.replace('/', '%2F')}@localhost:{proxy_port}"
        client = client_of(port, scheme, proxy=at, **more)
        got = await (work(client) if work else asyncio.to_thread(sent, client, folder))
    return got, proxy, gateway, proxy_port


async def posted(client):
    async with Transport(client) as connection:
        return await connection.post(b"{}")


@pytest.mark.parametrize("proxied_by_tls", [False, True])
def test_rows_go_through_a_tunnel(proxied_by_tls, tls, ca_file, tmp_path):
    """The proxy is asked for a tunnel with its login; it sees nothing else, and the gateway sees nothing of it."""
    proxy_tls = tls if proxied_by_tls else None
    (frame, error), proxy, gateway, _ = asyncio.run(
        through("serve", "https", tmp_path, gateway_tls=tls, proxy_tls=proxy_tls, ca_file=ca_file)
    )
    assert error is None
    assert list(frame["status"]) == ["Success", "Success"]
    assert all(head.startswith(b"CONNECT localhost:") and BASIC in head for head in proxy.heads)
    assert len(gateway.batches) == 1
    assert gateway.heads[0].startswith(b"POST /v1/sms/multi/mt HTTP/1.1\r\n")
    assert b"Proxy" not in gateway.heads[0]


def test_connections_through_a_tunnel_are_used_again(tls, ca_file, tmp_path):
    """A tunnel is made for a connection, not for a request."""

    async def work(client):
        async with Transport(client) as connection:
            return [await connection.post(b"{}") for _ in range(6)]

    exchanges, proxy, gateway, _ = asyncio.run(
        through("serve", "https", tmp_path, gateway_tls=tls, ca_file=ca_file, work=work)
    )
    assert [exchange.status for exchange in exchanges] == [200] * 6
    assert len(gateway.heads) == 6
    assert len(proxy.heads) <= 2


def test_rows_to_plain_http_are_forwarded(tmp_path):
    """The proxy gets the whole URL and its login with each request."""
    (frame, error), proxy, gateway, _ = asyncio.run(through("serve", "http", tmp_path))
    assert error is None
    assert list(frame["status"]) == ["Success", "Success"]
    assert len(gateway.batches) == 1
    assert all(head.startswith(b"POST http://localhost:") and BASIC in head for head in proxy.heads)


@pytest.mark.usefixtures("swift")
@pytest.mark.parametrize(
    ("act", "cause"),
    [
        (407, "the proxy refused with HTTP 407: give its login, as in proxy='http://user:password@…'"),
        (502, "the proxy refused with HTTP 502"),
        ("close", "ServerDisconnectedError"),
        ("close after CONNECT", ""),
    ],
)
def test_a_tunnel_that_is_not_made_leaves_no_doubt(act, cause, tls, ca_file, tmp_path):
    """What was sent to the proxy is not the batch: the rows are Unsent, and the error names the proxy without its login."""
    (frame, error), proxy, gateway, port = asyncio.run(
        through(act, "https", tmp_path, gateway_tls=tls, ca_file=ca_file)
    )
    assert isinstance(error, nx.NoConnection)
    assert list(frame["status"]) == ["Unsent", "Unsent"]
    assert f"through the proxy localhost:{port}: {cause}" in str(error)
    assert proxy.heads
    assert all(head.startswith(b"CONNECT ") for head in proxy.heads)
    assert gateway.batches == []
    assert not any(part in str(error) + frame.to_csv() for part in (LOGIN, "p@ss", "dXNlcj"))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_cannot_be_reached_is_named(scheme, ca_file, tmp_path):
    """The error does not blame the gateway."""

    async def work():
        async with serving(Gateway()) as gateway, serving(Gateway()) as gone:
            pass
        client = client_of(gateway, scheme, proxy=f"http://user:{LOGIN.replace('/', '%2F')}@localhost:{gone}")
        return gone, await posted(client)

    port, exchange = asyncio.run(work())
    assert (exchange.left, exchange.status) == (False, None)
    assert exchange.error == f"no connection to the proxy localhost:{port}: connection refused"


def test_a_tunnel_that_breaks_under_a_request_is_doubt(tls, ca_file, tmp_path):
    """The gateway has read the batch: that the proxy broke proves nothing."""
    exchange, proxy, gateway, _ = asyncio.run(
        through("serve", "https", tmp_path, gateway_tls=tls, ca_file=ca_file, mute=True, work=posted)
    )
    assert (exchange.left, exchange.status) == (True, None)
    assert len(proxy.heads) == len(gateway.batches) == 1


@pytest.mark.parametrize("status", [403, 404, 407, 501, 502, 504])
def test_a_proxy_that_forwards_proves_nothing_by_its_status(status, tmp_path):
    """It has had the whole batch, and another proxy behind it may answer so after the gateway accepted."""
    (frame, error), proxy, _, _ = asyncio.run(through(status, "http", tmp_path))
    assert error is None
    assert list(frame["status"]) == ["Unknown", "Unknown"]
    assert f"HTTP {status}" in frame["reason"].iloc[0]
    assert len(proxy.heads) == 1


def test_record_queries_go_through_the_proxy_too(tls, ca_file, tmp_path):
    """A network that lets nothing out but by its proxy is no obstacle to them."""

    async def work(client):
        async with Transport(client) as connection:
            return await connection.query("/api/sms/get", {"messageids": "1"})

    reply, proxy, gateway, _ = asyncio.run(
        through("serve", "https", tmp_path, gateway_tls=tls, ca_file=ca_file, work=work, app_secret="other")
    )
    assert reply["code"] == 0
    assert len(gateway.batches) == len(proxy.heads) == 1


def test_proxies_of_the_environment_are_ignored(monkeypatch, tmp_path):
    """A batch goes where the client says, not where a variable of the machine does."""

    async def work():
        gateway = Gateway()
        async with serving(gateway) as port:
            return await posted(client_of(port, "http"))

    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert asyncio.run(work()).status == 200


def test_only_the_authorities_of_ca_file_are_trusted(tls, tmp_path):
    """A certificate of anybody else's is no connection."""
    other = tmp_path / "other.pem"
    trustme.CA().cert_pem.write_to_path(other)

    async def work():
        async with serving(Gateway(), tls) as port:
            return await posted(client_of(port, "https", ca_file=other))

    exchange = asyncio.run(work())
    assert (exchange.left, exchange.status) == (False, None)
    assert "its certificate is not trusted" in exchange.error


def test_ca_file_is_read_when_the_client_is_made(tls, ca_file):
    """The file may go afterwards."""

    async def work():
        async with serving(Gateway(), tls) as port:
            client = client_of(port, "https", ca_file=str(ca_file))
            ca_file.unlink()
            return await posted(client)

    assert asyncio.run(work()).status == 200


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"authority",
        b"\xff\xfe\x00",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"-----BEGIN CERTIFICATE-----\n\xff\n-----END CERTIFICATE-----\n",
        b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
    ],
)
def test_a_ca_file_without_certificates_is_refused(content, tmp_path):
    """When the client is made, not in the middle of a run."""
    path = tmp_path / "authority.pem"
    path.write_bytes(content)
    with pytest.raises(nx.ConfigError, match=r"^ca_file=.*authority.pem' contains no usable certificate"):
        client_of(1, "https", ca_file=path)


def test_a_ca_file_with_one_broken_certificate_is_refused(authority, tmp_path):
    """It is not trusted by halves."""
    path = tmp_path / "authority.pem"
    path.write_bytes(authority.cert_pem.bytes() + b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(nx.ConfigError, match="contains no usable certificate"):
        client_of(1, "https", ca_file=path)


@pytest.mark.parametrize("name", ["nowhere.pem", "", ".", "a\0b"])
def test_a_ca_file_that_cannot_be_read_is_refused(name, tmp_path):
    """It is missing, a folder, or no name at all."""
    with pytest.raises(nx.ConfigError, match=r"^ca_file=.* cannot be read \("):
        client_of(1, "https", ca_file=f"{tmp_path}/{name}")
    with pytest.raises(nx.ConfigError, match=r"^ca_file='5' cannot be read \("):
        client_of(1, "https", ca_file=5)


@pytest.mark.parametrize(
    "proxy",
    ["", "proxy", "proxy:3128", "socks5://proxy:1080", "http://", "http://p:0", "http://p:x", "http://p/way", "http://p?a",
     "http://[p", "http://p q:80", 8080, b"http://p:80"],
)  # fmt: skip
def test_an_unusable_proxy_is_refused_and_not_shown(proxy):
    """Where a URL is misspelt, nobody knows which part is the password."""
    with pytest.raises(nx.ConfigError, match=r"^proxy is not the URL of an HTTP proxy") as caught:
        client_of(1, "https", proxy=proxy)
    assert str(caught.value).count("http://") == 2


def test_a_proxy_elsewhere_does_not_get_plain_http():
    """It could read the texts, the numbers and the keys."""
    for more in ({}, {"query_url": "https://sms.example"}):
        with pytest.raises(nx.ConfigError, match=r"^proxy='http://proxy.example:3128' is on another machine"):
            client_of(1, "http", proxy="http://user:pw@proxy.example:3128", **more)
    client_of(1, "http", proxy="http://proxy.example:3128", insecure=True)
    client_of(1, "https", proxy="http://proxy.example:3128")
    client_of(1, "http", proxy="http://[::1]:3128")


def test_the_environment_names_proxy_and_authorities(monkeypatch, ca_file, tmp_path):
    """Like the other settings; the login is shown nowhere."""
    for name in ("ACCESS_KEY", "ACCESS_SECRET", "APP_KEY"):
        monkeypatch.setenv(f"NXSMS_{name}", "key")
    monkeypatch.setenv("NXSMS_PROXY", "http://user:p%40ss@proxy.example:3128/")
    monkeypatch.setenv("NXSMS_CA_FILE", str(ca_file))
    monkeypatch.chdir(tmp_path)
    client = nx.Client.from_env()
    assert repr(client).endswith(f", proxy='http://proxy.example:3128', ca_file={str(ca_file)!r})")
    assert client.proxy_authorization == "Basic dXNlcjpwQHNz"
    assert "dXNl" not in repr(vars(client))
    assert "p%40ss" not in repr(vars(client))
    assert "proxy" not in repr(nx.Client.from_env(proxy=None))
