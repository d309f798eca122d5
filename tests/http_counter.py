"""An HTTP/1.1 server that counts connections, keeps them open, and closes them when it is told to."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Counter:
    """What came: one entry per connection, one per request; `after_request` is asked what to do after each answer."""

    url: str = ""
    connections: list[socket.socket] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    hang_up_on: set[str] = field(default_factory=set)
    """Paths of which the first request on a connection that is not new gets no answer: the connection is closed."""

    def close_idle(self) -> None:
        """Close every connection, as a server does with those that nobody has used for a while."""
        for connection in self.connections:
            connection.shutdown(socket.SHUT_RDWR)

    def asked(self, path: str) -> int:
        """How often a path was asked for."""
        return sum(1 for _, found, _ in self.requests if found == path)


@contextmanager
def counting() -> Iterator[Counter]:
    """A server on a port of its own; it answers every call with `{}`, a call for a cookie with one."""
    counter = Counter()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            self.used = False
            counter.connections.append(self.connection)

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            counter.requests.append((self.command, self.path, dict(self.headers)))
            if self.used and self.path in counter.hang_up_on:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.used = True
            self.send_response(200)
            self.send_header("Set-Cookie", "session=of-somebody")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *arguments: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    counter.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield counter
    finally:
        server.shutdown()
        server.socket.close()
