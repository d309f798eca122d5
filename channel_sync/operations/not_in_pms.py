"""What is "not in the PMS yet", for people: with names of rooms, and the event or conflict that settles it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from channel_sync.channels.ranges import ONE_NIGHT
from channel_sync.conf import channel_sync_settings
from channel_sync.inventory.not_in_pms import READ_AT_MOST, NotInPms, not_in_pms
from channel_sync.models import (
    UNAPPLIED_STATUSES,
    ChannelEvent,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    Direction,
    EntityType,
    MappingType,
)
from channel_sync.operations.mapping_rules import internal_names
from channel_sync.pms import host_pms

# Conflicts in which free units of nights are shown.
OF_NIGHTS = (ConflictKind.AVAILABILITY, ConflictKind.OVERBOOKING)
OF_CLAIMS = (ConflictKind.DATES, ConflictKind.ROOM, ConflictKind.CANCELLED_HERE)


@dataclass(frozen=True)
class Missing:
    """A booking that the PMS does not keep, wholly or in part, and what to do about it."""

    booking: NotInPms
    room_name: str
    conflict_id: UUID | None

    @property
    def nights(self) -> str:
        """Such as "2 units on 2027-03-01 to 2027-03-03"."""
        return "; ".join(map(str, self.booking.nights))

    @property
    def next_step(self) -> str:
        """What settles it."""
        if self.booking.is_partly_stored:
            return "The PMS has stored it in part: give the guest the rest by hand, then settle its conflict."
        if self.booking.has_failed:
            return "Its event has failed: see why, correct that, and retry it. Ignored, its nights are free again."
        return "Its event waits and goes on by itself."

    def __str__(self) -> str:
        return f"Booking {self.booking.external_id or 'without a number'}: {self.nights} of {self.room_name}"


@dataclass(frozen=True)
class NotInPmsYet:
    """All of a property; `is_complete` is False where there are more than are listed."""

    missing: Sequence[Missing]
    is_complete: bool = True

    @property
    def bookings(self) -> int:
        """How many bookings that are."""
        return len({one.booking.external_id or one.booking.event_id for one in self.missing})

    @property
    def failed(self) -> int:
        """How many of them somebody has to see to."""
        return len([one for one in self.missing if one.booking.has_failed or one.booking.is_partly_stored])


def not_in_pms_yet(
    channel_property: ChannelProperty,
    *,
    start: date | None = None,
    end: date | None = None,
    room_type_id: UUID | None = None,
) -> NotInPmsYet:
    """From `start`, today at the property unless given, up to but without `end`, that of the calendar."""
    first = start or host_pms().property_facts(channel_property.property_id).today()
    last = end or first + timedelta(days=channel_sync_settings().calendar_nights)
    found = not_in_pms(channel_property, first, last, room_type_id=room_type_id)
    return NotInPmsYet(_named(channel_property, found), is_complete=len(found) < READ_AT_MOST)


def missing_in_conflict(conflict: Conflict) -> Sequence[Missing]:
    """The bookings that take units on the nights that a conflict shows; empty for one that shows none."""
    shown: Mapping[str, Any] = conflict.pms_side.get("free_units") or {}
    if conflict.kind not in OF_NIGHTS or not shown or "room_type_id" not in conflict.pms_side:
        return ()
    nights = [date.fromisoformat(night) for night in shown]
    found = not_in_pms_yet(
        conflict.channel_property,
        start=min(nights),
        end=max(nights) + ONE_NIGHT,
        room_type_id=UUID(conflict.pms_side["room_type_id"]),
    )
    return [one for one in found.missing if one.booking.takes(nights)]


def missing_by_event(event: ChannelEvent) -> Missing | None:
    """What the booking of an event takes until it is settled; None where it takes nothing."""
    is_open = event.status in UNAPPLIED_STATUSES and event.direction == Direction.INBOUND
    if not is_open or event.entity_type != EntityType.BOOKING or event.claimed_from is None or not event.claimed_until:
        return None
    found = not_in_pms(event.channel_property, event.claimed_from, event.claimed_until, event_id=event.id)
    return next(iter(_named(event.channel_property, found)), None)


def _named(channel_property: ChannelProperty, found: Collection[NotInPms]) -> Sequence[Missing]:
    if not found:
        return ()
    names = internal_names(channel_property, MappingType.ROOM_TYPE)
    conflicts = _conflicts(channel_property, [one.external_id for one in found if one.is_partly_stored])
    return [Missing(one, _room_name(one, names), conflicts.get(f"booking:{one.external_id}")) for one in found]


def _room_name(one: NotInPms, names: Mapping[UUID, str]) -> str:
    if one.room_type_id is None:
        return f"room {one.room}, which is mapped to no room type"
    name = names.get(one.room_type_id, str(one.room_type_id))
    return f"{name} (room {one.room})" if one.room else name


def _conflicts(channel_property: ChannelProperty, external_ids: Sequence[str | None]) -> Mapping[str, UUID]:
    if not external_ids:
        return {}
    found = Conflict.objects.filter(
        channel_property=channel_property,
        status=ConflictStatus.OPEN,
        kind__in=OF_CLAIMS,
        subject__in=[f"booking:{external_id}" for external_id in external_ids],
    )
    return dict(found.values_list("subject", "id"))
