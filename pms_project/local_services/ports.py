"""Free ports, and waiting until something answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from pms_project.local_services.errors import ServiceUnavailable

POLL_SECONDS = 0.1


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def accepts(host: str, port: int) -> bool:
    """Whether a TCP connection is taken."""
    try:
        with socket.create_connection((host, port), timeout=1):
            return True
    except OSError:
        return False


def wait_until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Poll until the condition holds. Raises `ServiceUnavailable` that says what did not happen."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise ServiceUnavailable(f"{what} did not happen within {seconds:g} seconds.")
        time.sleep(POLL_SECONDS)
