"""Settings of gunicorn: `gunicorn pms_project.wsgi --config pms_project/gunicorn.py`.

A thread serves one connection and waits for its bytes, so slow clients use threads up. A proxy that buffers, as in
docker/nginx, keeps them away. Without one, the limits below are all there is: more threads, and none waits longer than
`RECEIVE_SECONDS` for the next byte.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
from typing import Any

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
workers = int(os.environ.get("WEB_CONCURRENCY", "2"))
worker_class = "gthread"
# Each busy thread keeps a connection to PostgreSQL: workers times threads of them.
threads = int(os.environ.get("WEB_THREADS", "8"))

# An idle connection waits in the worker's loop, not in a thread.
keepalive = 5
# The longest time that a worker may not be heard of; threads that wait for clients do not count.
timeout = 60
graceful_timeout = 30
worker_connections = 1000

limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190
# Who the client is, and whether it came by TLS, is the application's to judge: see TRUSTED_PROXIES.
secure_scheme_headers: dict[str, str] = {}
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: PTH112, S108 - a heartbeat, not a secret

RECEIVE_SECONDS = 5
SEND_SECONDS = 20


def when_ready(server: Any) -> None:
    """Give up a client that neither sends nor takes bytes; connections inherit this from the socket they come in by."""
    for listener in server.LISTENERS:
        for option, seconds in ((socket.SO_RCVTIMEO, RECEIVE_SECONDS), (socket.SO_SNDTIMEO, SEND_SECONDS)):
            listener.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", seconds, 0))


def post_fork(server: Any, worker: Any) -> None:
    """A client that was given up on is no error of ours, and strangers could fill the log with them."""
    worker.log.error_log.addFilter(_is_worth_a_line)


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], BlockingIOError))
