"""Which of two states of a booking is the later one: deliveries come late, twice and out of order."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto

from channel_sync.channels.booking_details import Detail, changed_details, kept_details, knows
from channel_sync.channels.canonical import Booking, BookingCancellation, BookingStatus, content_hash
from channel_sync.merge.agreement import is_made_here
from channel_sync.models import ReservationLink
from channel_sync.moments import time_to_order_by

State = Booking | BookingCancellation


class Order(Enum):
    """How a state of a booking stands to the one that was last applied; of what is open, only the channel knows."""

    NEWER = auto()
    OPEN = auto()
    UNCHANGED = auto()
    STALE = auto()


def order_of(link: ReservationLink, state: State, now: datetime) -> Order:
    """Compare with what the link says was applied.

    `now` is the database's time. Without a time on either side the order is open; so it is for two states of one
    second, and for one that is older than an applied state whose time is still to come: that clock is wrong.
    """
    if link.applied_modified_at is None and not link.applied_hash:
        return Order.NEWER
    applied_at, modified_at = time_to_order_by(link.applied_modified_at, now), time_to_order_by(state.modified_at, now)
    if applied_at is None or modified_at is None:
        return Order.UNCHANGED if link.applied_hash == applied_hash(state) else Order.OPEN
    if modified_at > applied_at:
        return Order.NEWER
    if modified_at < applied_at:
        return Order.OPEN if applied_at > now else Order.STALE
    return Order.UNCHANGED if link.applied_hash == applied_hash(state) else Order.OPEN


def new_details(link: ReservationLink, booking: Booking) -> frozenset[Detail]:
    """What only the channel can change, and is not what was applied.

    The OTA that a channel first gives a booking of our own making is a word of its own for it, and no change.
    """
    changed = changed_details(link.applied_details, booking)
    if is_made_here(link, booking) and not knows(link.applied_details, Detail.OTA):
        return changed - {Detail.OTA}
    return changed


def is_deleted(link: ReservationLink) -> bool:
    """Whether the channel has said that the booking is gone: a deletion has no content."""
    return link.applied_cancelled and link.applied_modified_at is not None and not link.applied_hash


def note_applied(link: ReservationLink, state: State, now: datetime) -> None:
    """Let the link say that this state is applied; the caller saves it."""
    link.applied_modified_at = time_to_order_by(state.modified_at, now)
    link.applied_hash = applied_hash(state)
    link.applied_cancelled = isinstance(state, BookingCancellation) or state.status is BookingStatus.CANCELLED
    if isinstance(state, Booking):
        link.applied_details = kept_details(link.applied_details, state)
        link.ota = state.ota[:50] or link.ota
        link.ota_reference = state.ota_reference[:255] or link.ota_reference
        link.group_id = link.group_id if state.group_id is None else state.group_id[:255]


def applied_hash(state: State) -> str:
    """The hash of a state of a booking, whenever it was reached."""
    return content_hash(state.model_copy(update={"modified_at": None}))
