"""Which of two states of a booking is the later one: deliveries come late, twice and out of order."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto

from channel_sync.channels.canonical import Booking, BookingStatus, content_hash
from channel_sync.models import ChannelEvent, ReservationLink


class Order(Enum):
    """How a state of a booking stands to the one that was last applied."""

    NEWER = auto()
    SAME_TIME = auto()
    UNCHANGED = auto()
    STALE = auto()


def order_of(link: ReservationLink, booking: Booking, modified_at: datetime | None) -> Order:
    """Compare with what the link says was applied; a change in the very second of a cancellation is stale."""
    applied_at = link.applied_modified_at
    if applied_at is None or modified_at is None or modified_at > applied_at:
        return Order.NEWER
    if modified_at < applied_at:
        return Order.STALE
    if link.applied_hash == applied_hash(booking):
        return Order.UNCHANGED
    return Order.STALE if link.applied_cancelled else Order.SAME_TIME


def modified_time(event: ChannelEvent, booking: Booking) -> datetime | None:
    """When the channel says a booking reached its state; else when it sent the event, or when we got it."""
    return booking.modified_at or event.occurred_at or event.received_at


def note_applied(link: ReservationLink, booking: Booking, modified_at: datetime | None) -> None:
    """Let the link say that this state is applied; the caller saves it."""
    link.applied_modified_at = modified_at
    link.applied_hash = applied_hash(booking)
    link.applied_cancelled = booking.status is BookingStatus.CANCELLED


def applied_hash(booking: Booking) -> str:
    """The hash of a state of a booking, whenever it was reached."""
    return content_hash(booking.model_copy(update={"modified_at": None}))
