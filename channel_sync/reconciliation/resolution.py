"""What a person decides about a conflict, done."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.canonical import BookingStatus
from channel_sync.channels.ranges import ONE_NIGHT, equal_ranges
from channel_sync.conflicts import CHANGED, CURRENCY
from channel_sync.connections.account import calling
from channel_sync.database_clock import database_now
from channel_sync.errors import ConflictClosed, ResolutionImpossible
from channel_sync.events.new_event import NewEvent
from channel_sync.events.outbound_events import availability_event, booking_event, rate_event
from channel_sync.events.store import record_all
from channel_sync.inbound.begun_stay_conflicts import DELETED
from channel_sync.inventory.claims import release_claim
from channel_sync.merge.agreement import want_of_pms
from channel_sync.merge.fields import Field
from channel_sync.merge.owners import Side
from channel_sync.models import (
    RESTRICTIONS_SUBJECT,
    ChannelMapping,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EventType,
    MappingType,
    PushedRate,
    ReservationLink,
)
from channel_sync.outbound.enqueue import record_availability
from channel_sync.pms import NightSpan, RateSpan, host_pms
from channel_sync.reconciliation.closer_look import BOOKING_KINDS
from channel_sync.reconciliation.fixes import apply_as_listed
from channel_sync.reconciliation.plan_rooms import room_types_of_plans
from channel_sync.reconciliation.turning import turn_round

# What cannot be read has no state that the other side could take over.
FIELDS_OF: Mapping[str, tuple[Field, ...]] = {
    ConflictKind.DATES: (Field.DATES,),
    ConflictKind.ROOM: (Field.ROOM, Field.UNITS),
    ConflictKind.STATUS: (Field.STATUS,),
    ConflictKind.PRICE: (Field.PRICE,),
    ConflictKind.GUEST: (Field.GUEST_NAME, Field.EMAIL),
}
OF_THE_STAY = (ConflictKind.DATES, ConflictKind.ROOM, ConflictKind.STATUS)
KINDS_WITH_SIDES = tuple(kind for kind in BOOKING_KINDS if kind is not ConflictKind.UNREADABLE)


class Resolution(StrEnum):
    """How a conflict may end."""

    TAKE_CHANNEL = "take_channel"
    KEEP_PMS = "keep_pms"
    DISMISS = "dismiss"


SIDES: Mapping[Resolution, Side] = {Resolution.TAKE_CHANNEL: Side.CHANNEL, Resolution.KEEP_PMS: Side.PMS}
# Sides of conflicts that keep both values: what was lost is put back in the PMS.
TURNED: Mapping[str, tuple[Side, ...]] = {
    ConflictKind.CONCURRENT_CHANGE: (Side.CHANNEL, Side.PMS),
    ConflictKind.STAY_BEGUN: (Side.CHANNEL,),
}


def resolve_conflict(conflict_id: UUID, resolution: Resolution, *, by: str) -> Conflict:
    """Bring one side to the other, or leave both as they are; `by` is kept.

    Raises `ConflictClosed` when it is not open any more, `ResolutionImpossible` when this kind has no such side, and
    what calls raise when the channel has to be asked and cannot be.
    """
    conflict = Conflict.objects.select_related("channel_property").get(id=conflict_id)
    if conflict.status != ConflictStatus.OPEN:
        raise ConflictClosed(conflict_id, conflict.status)
    side = SIDES.get(resolution)
    turns = side is not None and side in TURNED.get(conflict.kind, ())
    if side is Side.CHANNEL and not turns:
        _take_channel(conflict, by=by)
    with transaction.atomic():
        events: list[NewEvent] = []
        if conflict.kind == ConflictKind.CANCELLED_HERE:
            _reopen(conflict)
        elif side is Side.PMS and not turns:
            events = _events_of_the_pms(conflict)
        if side is not None and turns:
            turn_round(conflict, side)
        status = ConflictStatus.DISMISSED if resolution is Resolution.DISMISS else ConflictStatus.RESOLVED
        closed = Conflict.objects.filter(id=conflict_id, status=ConflictStatus.OPEN).update(
            status=status, resolution=resolution.value, resolved_by=by[:150], resolved_at=Now(), updated_at=Now()
        )
        if not closed:
            raise ConflictClosed(conflict_id, "closed")
        publish_after_commit(record_all(events))
    conflict.refresh_from_db()
    return conflict


def _take_channel(conflict: Conflict, *, by: str) -> None:
    """Apply the booking as the channel has it now; the stay may have begun since the conflict was opened.

    What somebody closed at the channel stays closed: there is nothing to do.
    """
    if conflict.kind == ConflictKind.CLOSED_AT_CHANNEL:
        return
    withheld = Conflict.objects.filter(
        channel_property=conflict.channel_property,
        kind=ConflictKind.STAY_BEGUN,
        subject=conflict.subject,
        status=ConflictStatus.OPEN,
    )
    was_withheld = withheld.exists()
    number = conflict.channel_side.get("booking_id")
    if conflict.kind not in KINDS_WITH_SIDES or number is None:
        raise ResolutionImpossible(conflict.kind, Resolution.TAKE_CHANNEL)
    with calling(conflict.channel_property, is_urgent=True) as channel:
        present = channel.bookings([number]).get(number)
    if present is None:
        raise ResolutionImpossible(conflict.kind, Resolution.TAKE_CHANNEL)
    apply_as_listed(conflict.channel_property, present, FIELDS_OF.get(conflict.kind))
    if conflict.kind in OF_THE_STAY and not was_withheld and (asks_again := withheld.first()) is not None:
        resolve_conflict(asks_again.id, Resolution.TAKE_CHANNEL, by=by)


def _events_of_the_pms(conflict: Conflict) -> list[NewEvent]:
    """What has to be sent so that the channel gets what the PMS has."""
    senders: dict[str, Callable[[Conflict], list[NewEvent]]] = dict.fromkeys(KINDS_WITH_SIDES, _booking)
    senders |= {
        ConflictKind.AVAILABILITY: _availability,
        ConflictKind.RATE: _rates,
        ConflictKind.CLOSED_AT_CHANNEL: _opened,
    }
    sender = senders.get(conflict.kind)
    if sender is None:
        raise ResolutionImpossible(conflict.kind, Resolution.KEEP_PMS)
    return sender(conflict)


def _reopen(conflict: Conflict) -> None:
    """What was kept closed for the channel's guest is for sale again: a person has seen to it."""
    record_availability(release_claim(conflict.channel_property, conflict.channel_side["booking_id"]))


def _booking(conflict: Conflict) -> list[NewEvent]:
    """The reservation again, as if the channel had never heard of it.

    A price in another currency is not sent: the channel would take the amount for its own.
    """
    if conflict.kind == ConflictKind.PRICE and CURRENCY in conflict.channel_side:
        raise ResolutionImpossible(conflict.kind, Resolution.KEEP_PMS)
    named = conflict.pms_side.get("reservation_id")
    reservation = host_pms().reservation(UUID(named)) if named else None
    if reservation is None:
        raise ResolutionImpossible(conflict.kind, Resolution.KEEP_PMS)
    links = ReservationLink.objects.filter(channel_property=conflict.channel_property, reservation_id=reservation.id)
    if conflict.kind == ConflictKind.MISSING_AT_CHANNEL or conflict.channel_side.get(DELETED):
        # The number it had there is gone, with what was kept for it: it gets a new one.
        for link in links:
            record_availability(release_claim(conflict.channel_property, link.external_id))
        links.delete()
        return [booking_event(conflict.channel_property_id, EventType.BOOKING_CREATE, reservation, None)]
    # What the channel has until now was seen and decided on: it is not applied before the PMS's side is sent.
    for link in links.select_for_update():
        seen = _seen(conflict)
        want_of_pms(link, FIELDS_OF.get(conflict.kind, tuple(seen)), seen)
        link.pushed_hash = ""
        link.applied_cancelled, link.applied_modified_at = False, database_now()
        link.save()
    is_cancelled = reservation.status is BookingStatus.CANCELLED
    event_type = EventType.BOOKING_CANCEL if is_cancelled else EventType.BOOKING_UPDATE
    events = [
        booking_event(conflict.channel_property_id, event_type, reservation, conflict.channel_side.get("booking_id"))
    ]
    if conflict.kind == ConflictKind.STAY_BEGUN:
        _reopen(conflict)
        # The channel counts the guest again, whose nights were sent to it as taken.
        events.append(availability_event(conflict.channel_property_id, reservation.nights()))
    return events


def _seen(conflict: Conflict) -> dict[Field, Any]:
    """The fields of the booking as the conflict shows them."""
    side = conflict.channel_side
    if conflict.kind == ConflictKind.STAY_BEGUN:
        return {Field(name): value for name, value in side[CHANGED].items()}
    seen = {
        Field.DATES: [side.get("check_in"), side.get("check_out")],
        Field.ROOM: side.get("room_id"),
        Field.UNITS: side.get("units"),
        Field.STATUS: side.get("status"),
        Field.PRICE: f"{Decimal(side.get('price') or 0):.2f}",
    }
    return {one: value for one, value in seen.items() if value not in (None, [None, None])}


def _availability(conflict: Conflict) -> list[NewEvent]:
    first, last = _bounds(conflict.pms_side["free_units"])
    span = NightSpan(
        conflict.channel_property.property_id, UUID(conflict.pms_side["room_type_id"]), first, last + ONE_NIGHT
    )
    return [availability_event(conflict.channel_property_id, span)]


def _opened(conflict: Conflict) -> list[NewEvent]:
    """The closures of the PMS, with the units that are free, for each night that was closed at the channel."""
    room = conflict.channel_side["room_id"]
    dates = sorted(map(date.fromisoformat, conflict.channel_side["closures"]))
    mappings = ChannelMapping.objects.filter(
        channel_property=conflict.channel_property,
        mapping_type=MappingType.RATE,
        external_id__startswith=f"{room}:",
        is_active=True,
    )
    PushedRate.objects.bulk_create(
        [PushedRate(mapping=mapping, night=night, content_hash="") for mapping in mappings for night in dates],
        update_conflicts=True,
        unique_fields=["mapping", "night"],
        update_fields=["content_hash", "closures"],
    )
    room_type_of = room_types_of_plans(conflict.channel_property)
    spans = [
        RateSpan(
            conflict.channel_property.property_id, room_type_of(mapping), first, last + ONE_NIGHT, mapping.internal_id
        )
        for mapping in mappings
        for first, last, _ in equal_ranges((night, True) for night in dates)
    ]
    return [rate_event(conflict.channel_property_id, span) for span in spans]


def _rates(conflict: Conflict) -> list[NewEvent]:
    if conflict.subject.startswith(f"{RESTRICTIONS_SUBJECT}:"):
        raise ResolutionImpossible(conflict.kind, Resolution.KEEP_PMS)
    plan = UUID(conflict.pms_side["rate_plan_id"])
    first, last = _bounds(conflict.pms_side["prices"])
    mapping = ChannelMapping.objects.filter(
        channel_property=conflict.channel_property, mapping_type=MappingType.RATE, internal_id=plan, is_active=True
    ).first()
    if mapping is None:
        raise ResolutionImpossible(conflict.kind, Resolution.KEEP_PMS)
    PushedRate.objects.filter(mapping=mapping, night__gte=first, night__lte=last).update(content_hash="")
    room_type_id = room_types_of_plans(conflict.channel_property)(mapping)
    span = RateSpan(conflict.channel_property.property_id, room_type_id, first, last + ONE_NIGHT, plan)
    return [rate_event(conflict.channel_property_id, span)]


def _bounds(by_night: dict[str, object]) -> tuple[date, date]:
    dates = [date.fromisoformat(night) for night in by_night]
    return min(dates), max(dates)
