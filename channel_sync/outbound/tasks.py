"""The task that a message of `pms.outbound` starts."""

from __future__ import annotations

from celery import shared_task

from channel_sync.broker.deliveries import work_delivery
from channel_sync.broker.publisher import OUTBOUND_TASK


@shared_task(name=OUTBOUND_TASK, ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def process_outbound(event_id: str, event_type: str, correlation_id: str) -> None:
    """Work one outbound event."""
    work_delivery(event_id)
