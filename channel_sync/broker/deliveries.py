"""What becomes of the message of an event: acknowledged, dead-lettered, or given back to its queue."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from uuid import UUID

from celery.exceptions import Reject
from django.db import InterfaceError, OperationalError, connection

from channel_sync.errors import Fatal
from channel_sync.events.processing import Work, nothing_more, process
from channel_sync.models import ChannelEvent, EventStatus

logger = logging.getLogger(__name__)

# A worker without its database has nothing else to do, and its messages should not spin.
DATABASE_PAUSE_SECONDS = 1.0


def work_delivery(event_id: str, work: Work, *, on_fatal: Callable[[ChannelEvent, Fatal], None] = nothing_more) -> None:
    """Work the event of a message; returns when the message can be acknowledged.

    Raises `Reject`: without requeue for an event that failed, so that RabbitMQ dead-letters its message; with requeue
    when the database went away, perhaps before the event was claimed. Acknowledged then, the event would wait for the
    message's expiry.
    """
    try:
        status = process(UUID(event_id), work, on_fatal=on_fatal)
    except (OperationalError, InterfaceError) as error:
        logger.warning("event %s: the database went away, its message goes back: %s", event_id, error)
        connection.close()
        time.sleep(DATABASE_PAUSE_SECONDS)
        raise Reject(event_id, requeue=True) from error
    if status is EventStatus.FAILED:
        raise Reject(event_id, requeue=False)
