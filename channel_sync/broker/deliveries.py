"""What becomes of the message of an event: acknowledged, dead-lettered, or given back to its queue."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from uuid import UUID

from celery.exceptions import Reject
from django.db import connection

from channel_sync.events.processing import process
from channel_sync.models import EventStatus

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 30.0


class GrowingPause:
    """Waits while failures go on, twice as long each time: a worker that can claim nothing has nothing else to do."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self._sleep = sleep
        self._seconds = FIRST_PAUSE_SECONDS

    def wait(self) -> None:
        """After a failure."""
        seconds, self._seconds = self._seconds, min(2 * self._seconds, LONGEST_PAUSE_SECONDS)
        self._sleep(seconds)

    def end(self) -> None:
        """After a success: the next failure waits for the shortest time again."""
        self._seconds = FIRST_PAUSE_SECONDS


# One for each worker process.
pause = GrowingPause()


def work_delivery(event_id: str) -> None:
    """Work the event of a message; returns when the message can be acknowledged.

    Raises `Reject`: without requeue for an event that failed, so that RabbitMQ dead-letters its message; with requeue,
    after a pause, when the event could not be claimed or settled, whatever the error. Acknowledged unclaimed, the event
    would wait for somebody to miss it. One that was claimed has its lease: its message is given back for nothing, and
    the next worker lets it go.
    """
    event = UUID(event_id)
    try:
        status = process(event)
    except Exception as error:
        # Its text may name a guest: PostgreSQL shows the row that it refuses.
        logger.warning(
            "event %s could not be claimed or settled, its message goes back after %s", event_id, type(error).__name__
        )
        connection.close()
        pause.wait()
        raise Reject(event_id, requeue=True) from error
    pause.end()
    if status is EventStatus.FAILED:
        raise Reject(event_id, requeue=False)
