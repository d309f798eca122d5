"""The HTTP connections of this process, shared by every client that it makes: an event costs no handshake.

Only connections are shared. There is no session: no cookie is kept, and each call brings its own headers.

A server closes a connection that has been idle for a while. urllib3 looks before it uses one: a connection that is
closed already is replaced, and the call goes out once, on the new one. What it cannot see is a close that happens while
the call is on its way. Then nobody knows whether the server has read it: a GET, which changes nothing, is made once
more; anything else is an error, and its sender, who can look for what it has written, decides.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from json import dumps
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import default_headers
from urllib3.util import Retry

HOSTS = 10
CONNECTIONS_PER_HOST = 16
JSON = {"Content-Type": "application/json"}

Timeout = float | tuple[float, float]


class HeaderUnsendable(Exception):
    """A header of a call holds characters that no header may have. Says neither its name nor its value."""


@dataclass(frozen=True)
class _Adapters:
    """Two ways into the same connections: with two more tries to connect, and without."""

    patient: HTTPAdapter
    hasty: HTTPAdapter

    @classmethod
    def new(cls) -> _Adapters:
        patient, hasty = (HTTPAdapter(HOSTS, CONNECTIONS_PER_HOST, _connecting_again(times)) for times in (2, 0))
        hasty.close()
        hasty.poolmanager = patient.poolmanager
        return cls(patient, hasty)


def _connecting_again(times: int) -> Retry:
    """Only connecting is tried again: a call that may have been sent is not."""
    return Retry(total=None, connect=times, read=0, redirect=0, status=0, other=0, backoff_factor=0.2)


class _Pool:
    """The adapters of a process, made when they are first needed."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Begin anew without closing anything: in a forked child, the connections are its parent's."""
        self._lock = threading.Lock()
        self._adapters: _Adapters | None = None

    def adapters(self) -> _Adapters:
        with self._lock:
            if self._adapters is None:
                self._adapters = _Adapters.new()
            return self._adapters

    def close(self) -> None:
        with self._lock:
            adapters, self._adapters = self._adapters, None
        if adapters is not None:
            adapters.patient.close()


_pool = _Pool()
os.register_at_fork(after_in_child=_pool.forget)
atexit.register(_pool.close)


def close_connections() -> None:
    """Close what is idle; the next call connects anew."""
    _pool.close()


def encoded(content: Any) -> bytes:
    """JSON as it is sent. Raises `ValueError` for a number that JSON does not have."""
    return dumps(content, separators=(",", ":"), allow_nan=False).encode()


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    timeout: Timeout,
    params: Mapping[str, Any] | None = None,
    json: Any = None,
    repeatable: bool = False,
    patient: bool = True,
) -> requests.Response:
    """Make a call and read its answer whole; a redirect is an answer, and is not followed.

    `repeatable` says that the call may be made again when its connection was closed under it; with `patient`, it tries
    three times to connect. Proxies and `.netrc` of the environment are not looked at. Raises
    `requests.RequestException`, which holds no headers, or `HeaderUnsendable`.
    """
    try:
        every = {**default_headers(), **({} if json is None else JSON), **headers}
        body = None if json is None else encoded(json)
        request = requests.Request(method, url, headers=every, params=params, data=body).prepare()
        try:
            return _sent(request, timeout, patient)
        except requests.ConnectionError as error:
            if not (repeatable and _was_hung_up(error)):
                raise
            return _sent(request, timeout, patient)
    except (requests.exceptions.InvalidHeader, UnicodeError):
        raise HeaderUnsendable("a header holds characters that no header may have") from None


def is_redirect(response: requests.Response) -> bool:
    """Whether the answer points elsewhere."""
    return HTTPStatus.MULTIPLE_CHOICES <= response.status_code < HTTPStatus.BAD_REQUEST


def _sent(request: requests.PreparedRequest, timeout: Timeout, patient: bool) -> requests.Response:
    adapters = _pool.adapters()
    try:
        response = (adapters.patient if patient else adapters.hasty).send(request, timeout=timeout)
        # Read to its end, an answer gives its connection back.
        response.content  # noqa: B018
    except requests.RequestException as error:
        # Its headers hold the token, and an error is shown in many places.
        error.request = error.response = None
        raise
    return response


def _was_hung_up(error: BaseException | None) -> bool:
    """Whether the connection was closed before a byte of the answer came. `RemoteDisconnected` is a reset, too."""
    while error is not None:
        if isinstance(error, ConnectionResetError | BrokenPipeError):
            return True
        error = error.__context__
    return False
