"""The task that a message of `beds24.inbound` starts."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task
from celery.exceptions import Reject

from channel_sync.broker.publisher import INBOUND_TASK
from channel_sync.events.processing import process
from channel_sync.inbound.handlers import handle
from channel_sync.models import EventStatus


@shared_task(name=INBOUND_TASK, ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def process_inbound(event_id: str, event_type: str, correlation_id: str) -> None:
    """Work one inbound event; the message of an event that failed goes to the dead letters."""
    if process(UUID(event_id), handle) is EventStatus.FAILED:
        raise Reject(event_id, requeue=False)
