"""A relay to a database, which breaks connections as a network and a pooler do."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import suppress
from typing import Self

_GONE = b"SFATAL\0VFATAL\0C57P01\0Mserver conn crashed?\0\0"


class Relay:
    """Passes on what client and server say."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._kept: set[socket.socket] = set()
        self._speaking: set[socket.socket] = set()

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self._kept.clear()
        for pair in self._pairs:
            self._end(*pair)

    def cut(self) -> None:
        """Break the clients' connections and keep the server's."""
        for client, server in self._pairs[:]:
            if server not in self._kept:
                self._kept.add(server)
                with suppress(OSError):
                    client.shutdown(socket.SHUT_RDWR)

    def speak_instead(self) -> None:
        """Answer what each client says next with the error that a pooler has, and break then."""
        self._speaking |= {client for client, _ in self._pairs}

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._target))
            self._pairs.append((client, server))
            for ends in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while data := here.recv(65536):
                if here in self._speaking:
                    here.sendall(b"E" + struct.pack("!I", len(_GONE) + 4) + _GONE)
                    break
                there.sendall(data)
        if not {here, there} & self._kept:
            self._end(here, there)

    @staticmethod
    def _end(*ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
