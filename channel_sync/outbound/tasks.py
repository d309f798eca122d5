"""The task that a message of `pms.outbound` starts, and the periodic one that finds what no signal told of."""

from __future__ import annotations

from collections.abc import Callable

from celery import shared_task

from channel_sync.broker.celery_options import CHANGES_TASK
from channel_sync.broker.deliveries import work_delivery
from channel_sync.broker.publisher import OUTBOUND_TASK
from channel_sync.errors import Fatal
from channel_sync.models import ChannelEvent, EventType
from channel_sync.outbound.availability import push_availability
from channel_sync.outbound.booking_outcome import booking_refused
from channel_sync.outbound.bookings import push_booking
from channel_sync.outbound.changes import consume_captured
from channel_sync.outbound.rates import push_rates

PUSHES: dict[str, Callable[[ChannelEvent], None]] = {
    EventType.BOOKING_CREATE: push_booking,
    EventType.BOOKING_UPDATE: push_booking,
    EventType.BOOKING_CANCEL: push_booking,
    EventType.AVAILABILITY_UPDATE: push_availability,
    EventType.RATE_UPDATE: push_rates,
}


# A run that no worker took in time is dropped: the next one does its work.
RUN_EXPIRES_SECONDS = 10


@shared_task(name=CHANGES_TASK, ignore_result=True, expires=RUN_EXPIRES_SECONDS)
def changes() -> None:
    """Make the events of captured changes that no signal took; beat starts it every few seconds."""
    consume_captured()


@shared_task(name=OUTBOUND_TASK, ignore_result=True, acks_late=True, reject_on_worker_lost=True)
def process_outbound(event_id: str, event_type: str, correlation_id: str) -> None:
    """Work one outbound event."""
    work_delivery(event_id, push, on_fatal=booking_refused)


def push(event: ChannelEvent) -> None:
    """Send what an event is about. Raises `Fatal` for a type nobody sends."""
    sender = PUSHES.get(event.event_type)
    if sender is None:
        raise Fatal(f"Nothing sends outbound events of type '{event.event_type}'. Ignore the event.")
    sender(event)
