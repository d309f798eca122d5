"""A reservation that failed is booked again: under a new hold, by the events that failed with it.

Its bookings at the channel are looked up by the keys of all its events before anything is created, so one whose answer
was lost is found and not doubled; those keys stay, which is why events are started again and not made anew.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from channel_sync.channels.canonical import BookingStatus
from channel_sync.database_clock import database_now
from channel_sync.errors import CannotBookAgain
from channel_sync.events.message import EventMessage
from channel_sync.events.store import restart
from channel_sync.inventory.confirmation import confirm_at_channel, lock_with_room_type
from channel_sync.inventory.hold_policy import BRINGING
from channel_sync.inventory.holds import create_hold
from channel_sync.models import (
    PMS_SOURCE,
    ChannelEvent,
    ChannelMapping,
    EntityType,
    EventStatus,
    EventType,
    HoldStatus,
    InventoryHold,
    MappingType,
    ReservationLink,
)
from channel_sync.pms import Reservation, host_pms


class Reopened(Enum):
    """What became of a reservation that is to be booked again."""

    WAITS = auto()
    CONFIRMED = auto()
    NOT_FAILED = auto()


@dataclass(frozen=True)
class Reopening:
    """What became of it, and the messages of its events, which the caller publishes."""

    outcome: Reopened
    messages: Sequence[EventMessage] = ()


@transaction.atomic
def reopen(reservation_id: UUID) -> Reopening:
    """Let a failed reservation wait for its channel again, or confirm it when the channel has its booking.

    Locks its room type, then the reservation, and takes a hold: of several who try at once, one reopens it, and the
    others find it reopened. Raises `NotEnoughUnits`, `CannotBookAgain`, and `NotYet` when it moves at this moment; then
    nothing has changed.
    """
    pms = host_pms()
    reservation = lock_with_room_type(reservation_id)
    if reservation is None or reservation.status is not BookingStatus.CANCELLED:
        return Reopening(Reopened.NOT_FAILED)
    pms.reopen_reservation(reservation_id)
    reopened = pms.reservation(reservation_id)
    if reopened is None or reopened.status is BookingStatus.CANCELLED:
        return Reopening(Reopened.NOT_FAILED)
    if reopened.check_out <= pms.property_facts(reopened.property_id).today():
        raise CannotBookAgain(reservation_id, f"its stay ended on {reopened.check_out}. Change its dates first.")
    is_booked = ReservationLink.objects.filter(reservation_id=reservation_id, applied_cancelled=False).exists()
    if not is_booked and not _is_mapped(reopened.room_type_id):
        raise CannotBookAgain(
            reservation_id,
            "its room type is mapped to no channel. Add a 'room_type' mapping for it, or choose another.",
        )
    _take_hold(reopened)
    messages = restart(_events_to_restart(reservation_id), (EventStatus.FAILED, EventStatus.IGNORED))
    if is_booked:
        confirm_at_channel(reservation_id)
    return Reopening(Reopened.CONFIRMED if is_booked else Reopened.WAITS, messages)


def failed_with_reservation(events: QuerySet[ChannelEvent]) -> dict[UUID, UUID]:
    """Those of the events that failed and whose reservation has ended, with the reservation: it may be reopened."""
    failed = dict(
        events.filter(
            status=EventStatus.FAILED,
            entity_type=EntityType.BOOKING,
            source=PMS_SOURCE,
            event_type__in=BRINGING,
            entity_internal_id__isnull=False,
        )
        .order_by("received_at", "id")
        .values_list("id", "entity_internal_id")
    )
    ended = _ended(set(failed.values()))
    return {event_id: reservation_id for event_id, reservation_id in failed.items() if reservation_id in ended}


def _ended(reservation_ids: Collection[UUID]) -> set[UUID]:
    found = host_pms().reservations(reservation_ids) if reservation_ids else {}
    return {one.id for one in found.values() if one.status is BookingStatus.CANCELLED}


def _is_mapped(room_type_id: UUID) -> bool:
    found = ChannelMapping.objects.filter(mapping_type=MappingType.ROOM_TYPE, internal_id=room_type_id, is_active=True)
    return found.exists()


def _take_hold(reservation: Reservation) -> None:
    """The new hold decides from now on; nothing of an earlier attempt can confirm the reservation beside it."""
    over = InventoryHold.objects.filter(reservation_id=reservation.id, status=HoldStatus.EXPIRED)
    over.update(status=HoldStatus.RELEASED, updated_at=database_now())
    create_hold(
        reservation.id, reservation.room_type_id, reservation.check_in, reservation.check_out, reservation.units
    )


def _events_to_restart(reservation_id: UUID) -> QuerySet[ChannelEvent]:
    """What failed, and creates that were ignored, as after an expiry: a create is sent before what is less urgent."""
    failed = Q(status=EventStatus.FAILED, event_type__in=BRINGING)
    unsent = Q(status=EventStatus.IGNORED, event_type=EventType.BOOKING_CREATE)
    return ChannelEvent.objects.filter(
        failed | unsent, entity_type=EntityType.BOOKING, entity_internal_id=reservation_id, source=PMS_SOURCE
    )
