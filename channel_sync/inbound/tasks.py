"""The task that a message of `beds24.inbound` starts."""

from __future__ import annotations

from celery import shared_task

from channel_sync.broker.deliveries import work_delivery
from channel_sync.broker.publisher import INBOUND_TASK


@shared_task(name=INBOUND_TASK, ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def process_inbound(event_id: str, event_type: str, correlation_id: str) -> None:
    """Work one inbound event."""
    work_delivery(event_id)
