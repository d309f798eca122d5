"""Store what a channel says as an event, once; a state that a booking has come back to is stored again."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

from channel_sync.channels.canonical import BookingChange, BookingNotification, Notification
from channel_sync.database_clock import database_now
from channel_sync.errors import InvalidPayload
from channel_sync.events.idempotency import inbound_key
from channel_sync.events.message import EventMessage
from channel_sync.events.new_event import NewEvent
from channel_sync.events.store import record
from channel_sync.inbound.cancellation import read_state
from channel_sync.inbound.notification import event_of
from channel_sync.inbound.order import Order, order_of
from channel_sync.models import (
    OPEN_STATUSES,
    ChannelEvent,
    ChannelProperty,
    Direction,
    EntityType,
    ReservationLink,
)
from channel_sync.moments import time_to_order_by


def receive_notification(
    channel_property: ChannelProperty, notification: Notification
) -> tuple[NewEvent, EventMessage | None]:
    """The event that stands for a notification, and its message; no message for a duplicate.

    The key of a booking stands for its content. Where no time tells its states apart, A, B and A again would be two
    events; the third is recorded under a key of its own while something else is applied. Whether it is the present
    state, its handler asks the channel.
    """
    event = event_of(channel_property, notification)
    message = record(event)
    if message is not None or not isinstance(notification, BookingNotification) or notification.is_numbered:
        return event, message
    name = _superseded_by(channel_property, notification)
    if name is None or _is_the_same_webhook(event, notification):
        return event, None
    key = inbound_key(channel_property.id, f"{notification.dedupe_key}-after-{name}")
    again = replace(event, id=uuid4(), idempotency_key=key)
    return again, record(again)


def _superseded_by(channel_property: ChannelProperty, notification: BookingNotification) -> str | None:
    """A name for another state of the booking that is applied, or about to be, and may be older or newer."""
    try:
        is_cancelled = notification.change is BookingChange.CANCELLED
        state = read_state(channel_property, notification.payload, is_cancelled=is_cancelled)
    except InvalidPayload:
        return None
    now = database_now()
    if time_to_order_by(state.modified_at, now) is None:
        waiting = _another_that_waits(channel_property, notification)
        if waiting is not None:
            return str(waiting)
    link = ReservationLink.objects.filter(
        channel_property=channel_property, external_id=notification.external_id
    ).first()
    return _name_of(link) if link is not None and order_of(link, state, now) is Order.OPEN else None


def _another_that_waits(channel_property: ChannelProperty, notification: BookingNotification) -> UUID | None:
    """The event of another state of the booking that a worker has in hand, or is about to take."""
    key = inbound_key(channel_property.id, notification.dedupe_key)
    waiting = ChannelEvent.objects.filter(
        channel_property=channel_property,
        entity_external_id=notification.external_id,
        direction=Direction.INBOUND,
        entity_type=EntityType.BOOKING,
        status__in=OPEN_STATUSES,
    ).exclude(idempotency_key__startswith=key)
    found: UUID | None = waiting.order_by("-received_at").values_list("id", flat=True).first()
    return found


def _is_the_same_webhook(event: NewEvent, notification: BookingNotification) -> bool:
    """Whether the sender repeats the very webhook that is stored: it says so, and the time of sending is the same."""
    if not notification.is_redelivery or event.occurred_at is None:
        return False
    return ChannelEvent.objects.filter(idempotency_key=event.idempotency_key, occurred_at=event.occurred_at).exists()


def _name_of(link: ReservationLink) -> str:
    """What is applied now: another name for each change of it, so that two copies of one webhook are one event."""
    return f"{link.updated_at.timestamp():.6f}" if link.updated_at is not None else link.applied_hash
