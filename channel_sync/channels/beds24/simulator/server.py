"""Serve the simulator over HTTP."""

from __future__ import annotations

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from channel_sync.channels.beds24.simulator.app import Simulator


class _KeepAliveHandler(WSGIRequestHandler):
    """Connections stay open, and requests are logged by the simulator itself."""

    protocol_version = "HTTP/1.1"

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Nothing: see `GET /simulator/calls`."""


def simulator_server(simulator: Simulator, host: str, port: int) -> BaseWSGIServer:
    """A threaded server; call `serve_forever` on it. Port 0 takes a free one."""
    return make_server(host, port, simulator.wsgi, threaded=True, request_handler=_KeepAliveHandler)
