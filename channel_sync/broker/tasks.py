"""The periodic task that runs the relay."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from channel_sync.broker.celery_options import RELAY_TASK
from channel_sync.broker.dead_letters import mend_dead_letters
from channel_sync.broker.lost_messages import rescue
from channel_sync.broker.publisher import publish
from channel_sync.database_clock import database_now
from channel_sync.errors import PublishFailed
from channel_sync.events.relay import relay_due
from channel_sync.fleeting import SENT_AT, FleetingTask
from channel_sync.heartbeats import BEAT, note_alive
from channel_sync.models import Direction, ProcessKind

logger = logging.getLogger(__name__)

# A run that no worker took in time is dropped: the next one does its work.
RUN_EXPIRES_SECONDS = 10


@shared_task(name=RELAY_TASK, base=FleetingTask, bind=True, ignore_result=True, fleeting_seconds=RUN_EXPIRES_SECONDS)
def relay(task: Any, *, by_beat: bool = True) -> None:
    """Hand everything that is due to the broker, and keep its dead letters.

    Beat starts it every few seconds; while beat is silent, workers do.
    """
    if by_beat:
        note_alive(BEAT, ProcessKind.BEAT, ahead=_ahead((task.request.headers or {}).get(SENT_AT)))
    rescue()
    try:
        relay_due(publish)
        for direction in Direction:
            mend_dead_letters(direction)
    except PublishFailed as error:
        logger.warning("the relay stops until its next run: %s", error)


def _ahead(sent_at: float | None) -> float | None:
    """How far beat's clock is ahead, in seconds, by when it says that it sent a message; None when it does not say.

    A message may have waited in its queue, for `RUN_EXPIRES_SECONDS` at most: what looks later by that is no sign.
    """
    if sent_at is None:
        return None
    ahead = sent_at - database_now().timestamp()
    return ahead if ahead > 0 else min(ahead + RUN_EXPIRES_SECONDS, 0.0)
