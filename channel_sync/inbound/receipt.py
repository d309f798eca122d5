"""Store what a channel says as an event, once; a state that a booking has come back to is stored again."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

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
from channel_sync.models import ChannelEvent, ChannelProperty, ReservationLink


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
    link = _superseded_by(channel_property, notification)
    if link is None or _is_the_same_webhook(event, notification):
        return event, None
    key = inbound_key(channel_property.id, f"{notification.dedupe_key}-after-{_name_of(link)}")
    again = replace(event, id=uuid4(), idempotency_key=key)
    return again, record(again)


def _superseded_by(channel_property: ChannelProperty, notification: BookingNotification) -> ReservationLink | None:
    """The link of a booking to which another state is applied that may be older or newer."""
    link = ReservationLink.objects.filter(
        channel_property=channel_property, external_id=notification.external_id
    ).first()
    if link is None:
        return None
    try:
        is_cancelled = notification.change is BookingChange.CANCELLED
        state = read_state(channel_property, notification.payload, is_cancelled=is_cancelled)
    except InvalidPayload:
        return None
    return link if order_of(link, state, database_now()) is Order.OPEN else None


def _is_the_same_webhook(event: NewEvent, notification: BookingNotification) -> bool:
    """Whether the sender repeats the very webhook that is stored: it says so, and the time of sending is the same."""
    if not notification.is_redelivery or event.occurred_at is None:
        return False
    return ChannelEvent.objects.filter(idempotency_key=event.idempotency_key, occurred_at=event.occurred_at).exists()


def _name_of(link: ReservationLink) -> str:
    """What is applied now: another name for each change of it, so that two copies of one webhook are one event."""
    return f"{link.updated_at.timestamp():.6f}" if link.updated_at is not None else link.applied_hash
