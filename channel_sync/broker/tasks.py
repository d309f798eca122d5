"""The periodic task that runs the relay."""

from __future__ import annotations

import logging

from celery import shared_task

from channel_sync.broker.celery_options import RELAY_TASK
from channel_sync.broker.dead_letters import mend_dead_letters
from channel_sync.broker.publisher import publish
from channel_sync.errors import PublishFailed
from channel_sync.events.relay import relay_due
from channel_sync.heartbeats import BEAT, note_alive
from channel_sync.models import Direction, ProcessKind

logger = logging.getLogger(__name__)

# A run that no worker took in time is dropped: the next one does its work.
RUN_EXPIRES_SECONDS = 10


@shared_task(name=RELAY_TASK, ignore_result=True, expires=RUN_EXPIRES_SECONDS)
def relay() -> None:
    """Hand everything that is due to the broker, and keep its dead letters; beat starts it every few seconds."""
    note_alive(BEAT, ProcessKind.BEAT)
    try:
        relay_due(publish)
        for direction in Direction:
            mend_dead_letters(direction)
    except PublishFailed as error:
        logger.warning("the relay stops until its next run: %s", error)
