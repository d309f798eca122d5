"""Hand the messages of committed events to a thread that publishes them: nobody waits for the broker.

The events are in the log already. What the thread does not bring to the broker, since it is away or the process dies,
the relay publishes after `relay_grace`. In a rush, what comes within `GATHER_SECONDS` of a batch gathers for the next.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from queue import Empty, Full, Queue

from django.db import DatabaseError, InterfaceError, close_old_connections, connection, transaction

from channel_sync.broker import publisher
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import PublishFailed
from channel_sync.events.message import EventMessage
from channel_sync.events.store import confirm_published

logger = logging.getLogger(__name__)

WAITING_AT_MOST = 10_000
BATCH = 500
IDLE_SECONDS = 30.0
# Between two batches: a single message goes at once, in a rush many share the cost of one confirm.
GATHER_SECONDS = 0.05
# Of `relay_grace`, after which the relay takes an event that nobody has noted or claimed.
NOTE_SHARE = 0.2
END: Sequence[EventMessage] = ()

_gathering: ContextVar[list[EventMessage] | None] = ContextVar("channel_sync_gathering", default=None)


def publish_after_commit(messages: Sequence[EventMessage]) -> None:
    """Publish once the caller's transaction is committed; a broker that is down is left to the relay."""
    if messages:
        transaction.on_commit(partial(_hand_over, tuple(messages)), robust=True)


@contextmanager
def gathered() -> Iterator[list[EventMessage]]:
    """What this thread commits meanwhile is for the caller to publish; what it does not is left to the relay."""
    messages: list[EventMessage] = []
    token = _gathering.set(messages)
    try:
        yield messages
    finally:
        _gathering.reset(token)


def flush(seconds: float) -> None:
    """Wait, no longer than this, until everything that was handed over has been published."""
    if _publishing.pid == os.getpid():
        _publishing.flush(seconds)


class _PublishingThread:
    """Started by the first message; a forked child starts one of its own."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._waiting: Queue[Sequence[EventMessage]] = Queue(WAITING_AT_MOST)
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._published: list[EventMessage] = []
        self._note_at = 0.0
        self._publish_at = 0.0

    def put(self, messages: Sequence[EventMessage]) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="channel_sync publisher", daemon=True)
                self._thread.start()
        try:
            self._waiting.put_nowait(messages)
        except Full:
            logger.warning("%d events wait for the relay: too much waits for the broker", len(messages))

    def flush(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        with self._waiting.all_tasks_done:
            while self._waiting.unfinished_tasks and (left := deadline - time.monotonic()) > 0:
                self._waiting.all_tasks_done.wait(left)

    def stop(self, seconds: float) -> None:
        """Publish what waits and end the thread with its connections; the next message starts another."""
        with self._starting:
            thread, self._thread = self._thread, None
            if thread is None:
                return
            self._waiting.put(END)
        thread.join(seconds)

    def _run(self) -> None:
        while self._publish_next():
            pass
        self._note_published()
        self._close_connections()

    def _publish_next(self) -> bool:
        """One batch of what waits; false after the end."""
        try:
            taken = [self._waiting.get(timeout=_note_seconds() if self._published else IDLE_SECONDS)]
        except Empty:
            is_idle = not self._published
            self._note_published()
            if is_idle:
                self._close_connections()
            return True
        time.sleep(max(0.0, self._publish_at - time.monotonic()))
        while taken[-1] is not END and sum(map(len, taken)) < BATCH and not self._waiting.empty():
            taken.append(self._waiting.get_nowait())
        self._publish([message for messages in taken for message in messages])
        self._publish_at = time.monotonic() + GATHER_SECONDS
        for _ in taken:
            self._waiting.task_done()
        return taken[-1] is not END

    def _publish(self, messages: Sequence[EventMessage]) -> None:
        try:
            self._published += publisher.publish(messages)
        except PublishFailed as error:
            logger.warning("%d events wait for the relay: %s", len(messages), error)
        if len(self._published) >= BATCH or time.monotonic() >= self._note_at:
            self._note_published()

    def _note_published(self) -> None:
        """In the log, some seconds later: most of the events have been claimed by then, and need no note."""
        published, self._published = self._published, []
        self._note_at = time.monotonic() + _note_seconds()
        try:
            close_old_connections()
            confirm_published(published)
        except (DatabaseError, InterfaceError) as error:
            logger.warning("%d published events could not be noted, the relay looks at them: %s", len(published), error)
            connection.close()

    @staticmethod
    def _close_connections() -> None:
        publisher.close()
        connection.close()


_publishing = _PublishingThread()


def _hand_over(messages: Sequence[EventMessage]) -> None:
    global _publishing
    gathering = _gathering.get()
    if gathering is not None:
        gathering.extend(messages)
        return
    if not channel_sync_settings().publish_in_background:
        publisher.publish_recorded(messages)
        return
    if _publishing.pid != os.getpid():
        _publishing = _PublishingThread()
    _publishing.put(messages)


def _note_seconds() -> float:
    return channel_sync_settings().relay_grace.total_seconds() * NOTE_SHARE


@atexit.register
def _at_exit() -> None:
    """A command that ends does not leave its messages to the relay."""
    flush(channel_sync_settings().publish_timeout)
