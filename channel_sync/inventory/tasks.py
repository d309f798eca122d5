"""The periodic task that runs the reaper."""

from __future__ import annotations

from celery import shared_task

from channel_sync.fleeting import FleetingTask
from channel_sync.inventory.reaper import expire_holds

EXPIRE_HOLDS_TASK = "channel_sync.expire_holds"

# A run that no worker took in time is dropped: the next one does its work.
RUN_EXPIRES_SECONDS = 240


@shared_task(name=EXPIRE_HOLDS_TASK, base=FleetingTask, ignore_result=True, fleeting_seconds=RUN_EXPIRES_SECONDS)
def expire_holds_task() -> None:
    """Expire the holds whose time is over; beat starts it every five minutes."""
    expire_holds()
