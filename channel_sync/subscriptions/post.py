"""One POST to a receiver: to the machine that was looked up, no redirect followed, over in seconds whatever comes."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from threading import Timer
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection

from channel_sync.conf import channel_sync_settings
from channel_sync.errors import AddressRefused
from channel_sync.subscriptions.address import Target, resolve

# Connecting and an answer that trickles in byte by byte, together.
WHOLE_CALL = 2.0


@dataclass(frozen=True)
class Outcome:
    """How an attempt went; without a status there was no answer, and `error` says why."""

    status: int | None
    error: str
    duration_ms: int

    @property
    def succeeded(self) -> bool:
        """Whether the receiver has taken it."""
        return self.status is not None and HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES

    @property
    def is_gone(self) -> bool:
        """Whether the receiver wants nothing any more."""
        return self.status == HTTPStatus.GONE


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Outcome:
    """Send a body; nothing of the answer is read but its status. What goes wrong is in the outcome."""
    begun = time.monotonic()
    status, error = None, ""
    try:
        target = resolve(url)
        status = _status(target, body, headers)
    except AddressRefused as refused:
        error = str(refused)
    except requests.exceptions.SSLError:
        error = "The receiver's certificate is not valid."
    except requests.exceptions.Timeout:
        error = "The receiver did not answer in time."
    except socket.gaierror:
        error = "The receiver's name is not known."
    except (OSError, UnicodeError, requests.RequestException) as failed:
        error = f"The receiver did not answer: {type(failed).__name__}."
    return Outcome(status, error[:255], round((time.monotonic() - begun) * 1000))


def _status(target: Target, body: bytes, headers: Mapping[str, str]) -> int:
    timeout = channel_sync_settings().subscription_timeout
    every = {**headers, "Host": target.host_header, "Connection": "close"}
    request = requests.Request("POST", target.url, data=body, headers=every).prepare()
    adapter = _Pinned(target)
    try:
        with adapter.send(request, stream=True, timeout=(timeout, timeout)) as answer:
            return answer.status_code
    finally:
        adapter.close()


class _HangsUp:
    """A connection that is hung up on when the call as a whole takes too long: each byte has a time-out of its own."""

    sock: Any
    timeout: Any

    def connect(self) -> None:
        """Within the time of the whole call, the handshake included."""
        self._watchdog = Timer(WHOLE_CALL * channel_sync_settings().subscription_timeout, self._hang_up)
        self._watchdog.daemon = True
        self._watchdog.start()
        super().connect()  # type: ignore[misc]

    def close(self) -> None:
        """It was in time."""
        watchdog = getattr(self, "_watchdog", None)
        if watchdog is not None:
            watchdog.cancel()
        super().close()  # type: ignore[misc]

    def _hang_up(self) -> None:
        if self.sock is not None:
            try:
                # Of the socket itself: a TLS one would wait for an answer to its goodbye.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)
            except OSError:
                pass


class _Plain(_HangsUp, HTTPConnection):
    pass


class _Tls(_HangsUp, HTTPSConnection):
    pass


class _Pinned(HTTPAdapter):
    """Connects to the machine; the certificate has to be for the name."""

    def __init__(self, target: Target) -> None:
        self._target = target
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        if self._target.scheme == "https":
            options |= {"assert_hostname": self._target.host, "server_hostname": self._target.host}
        super().init_poolmanager(*arguments, **options)

    def get_connection_with_tls_context(self, *arguments: Any, **options: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*arguments, **options)
        pool.ConnectionCls = _Tls if self._target.scheme == "https" else _Plain
        return pool
