"""A connection pooler as pgbouncer is: a session of the server's belongs to a client for a transaction, or for as long as it stays."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
from typing import Self

_READY = ord("Z")


class Backend:
    """A session of the server's, logged in, with what it said then."""

    def __init__(self, port: int, database: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        words = b"user\0postgres\0database\0" + database.encode() + b"\0client_encoding\0UTF8\0\0"
        self.socket.sendall(struct.pack("!II", len(words) + 8, 196608) + words)
        self._rest = b""
        self.greeting = b""
        while True:
            for kind, message in self.messages():
                if kind == ord("S"):
                    self.greeting += message
                if kind == _READY:
                    return

    def messages(self) -> list[tuple[int, bytes]]:
        """Read what there is: whole messages, with their kinds."""
        self._rest += self.socket.recv(65536)
        found = []
        while len(self._rest) >= 5 and len(self._rest) > (size := struct.unpack("!I", self._rest[1:5])[0]):
            found.append((self._rest[0], self._rest[: size + 1]))
            self._rest = self._rest[size + 1 :]
        return found


class Pooler:
    """Gives each transaction of its clients one of its sessions, the one that was used last; or, if `keeps`, each client."""

    def __init__(self, port: int, database: str, *, sessions: int = 2, keeps: bool = False) -> None:
        self._idle = [Backend(port, database) for _ in range(sessions)]
        self._greeting = self._idle[0].greeting
        self._keeps = keeps
        self._freed = threading.Condition()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"postgresql://postgres@127.0.0.1:{self._listener.getsockname()[1]}/{database}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for backend in self._idle:
            backend.socket.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        # A client that waited for a session may have gone.
        with client, contextlib.suppress(OSError):
            while (code := struct.unpack("!II", client.recv(65536)[:8])[1]) != 196608:
                assert code in (80877103, 80877104)  # encryption is asked for first
                client.sendall(b"N")
            client.sendall(b"R" + struct.pack("!II", 8, 0) + self._greeting)
            client.sendall(b"K" + struct.pack("!III", 12, 4711, 42) + b"Z" + struct.pack("!I", 5) + b"I")
            while (data := client.recv(65536)) and data[:1] != b"X":
                backend = self._next()
                try:
                    self._pass_on(data, client, backend)
                finally:
                    self._free(backend)

    def _pass_on(self, data: bytes, client: socket.socket, backend: Backend) -> None:
        """Let a client have a session until its transaction has ended, or until it goes."""
        backend.socket.sendall(data)
        with selectors.DefaultSelector() as ready:
            ready.register(client, selectors.EVENT_READ)
            ready.register(backend.socket, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    if key.fileobj is client:
                        data = client.recv(65536)
                        if not data or data[:1] == b"X":
                            return
                        backend.socket.sendall(data)
                        continue
                    messages = backend.messages()
                    client.sendall(b"".join(message for _, message in messages))
                    if not self._keeps and messages and messages[-1][1] == b"Z\0\0\0\5I":
                        return

    def _next(self) -> Backend:
        with self._freed:
            # As long as a client waits, and longer: nobody has one to spare.
            self._freed.wait_for(lambda: self._idle)
            return self._idle.pop()

    def _free(self, backend: Backend) -> None:
        with self._freed:
            self._idle.append(backend)
            self._freed.notify()
