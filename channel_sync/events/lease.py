"""The lease of a claim: it lasts as long as the process that works the event is alive, and ends soon after it.

A claim is named by its holder, a token of its own, so that a worker whose event went to another can settle nothing. A
thread of the process renews what is held; when the process dies nobody does, and the event is rescued within a minute.
"""

from __future__ import annotations

import itertools
import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from django.db import DatabaseError, InterfaceError, connection

from channel_sync.conf import channel_sync_settings

logger = logging.getLogger(__name__)

Renew = Callable[[Sequence[str]], int]

# Of `lease_ttl`: two renewals may be missed before a lease ends.
RENEW_SHARE = 1 / 3

_numbers = itertools.count(1)


def new_holder() -> str:
    """A name for one claim: who, and which of its claims."""
    return f"{socket.gethostname()[:150]}:{os.getpid()}:{time.time_ns():x}:{next(_numbers)}"


@contextmanager
def keeping(holder: str, renew: Renew) -> Iterator[None]:
    """Renew a lease while this block runs, for `processing_lease` at most: what takes longer is taken for stuck."""
    global _keeper
    if _keeper.pid != os.getpid():
        _keeper = _LeaseKeeper()
    _keeper.keep(holder, renew)
    try:
        yield
    finally:
        _keeper.let_go(holder)


class _LeaseKeeper:
    """The leases that this process holds and the thread that renews them; a forked child makes its own."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._held: dict[str, float] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def keep(self, holder: str, renew: Renew) -> None:
        with self._changed:
            self._held[holder] = time.monotonic()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(
                    target=self._run, args=(renew,), name="channel_sync leases", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def let_go(self, holder: str) -> None:
        with self._changed:
            self._held.pop(holder, None)

    def _run(self, renew: Renew) -> None:
        while True:
            with self._changed:
                while not self._held:
                    self._changed.wait()
            time.sleep(_pause())
            self._renew_once(renew)

    def _renew_once(self, renew: Renew) -> None:
        now = time.monotonic()
        stuck = now - channel_sync_settings().processing_lease.total_seconds()
        # What was claimed a moment ago has its whole lease before it: most claims are never renewed.
        fresh = now - _pause() / 2
        with self._changed:
            due = [holder for holder, since in self._held.items() if stuck < since < fresh]
        if not due:
            return
        try:
            renew(due)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("%d leases could not be renewed: %s", len(due), type(error).__name__)
        finally:
            connection.close()


def _pause() -> float:
    return channel_sync_settings().lease_ttl.total_seconds() * RENEW_SHARE


_keeper = _LeaseKeeper()
