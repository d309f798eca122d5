"""The task that a message of `pms.outbound` starts, and the periodic one that finds what no signal told of."""

from __future__ import annotations

from celery import shared_task

from channel_sync.broker.celery_options import CHANGES_TASK
from channel_sync.broker.deliveries import work_delivery
from channel_sync.broker.publisher import OUTBOUND_TASK
from channel_sync.fleeting import FleetingTask
from channel_sync.outbound.changes import consume_captured

# A run that no worker took in time is dropped: the next one does its work.
RUN_EXPIRES_SECONDS = 10


@shared_task(name=CHANGES_TASK, base=FleetingTask, ignore_result=True, fleeting_seconds=RUN_EXPIRES_SECONDS)
def changes() -> None:
    """Make the events of captured changes that no signal took; beat starts it every few seconds."""
    consume_captured()


@shared_task(name=OUTBOUND_TASK, ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def process_outbound(event_id: str, event_type: str, correlation_id: str) -> None:
    """Work one outbound event."""
    work_delivery(event_id)
