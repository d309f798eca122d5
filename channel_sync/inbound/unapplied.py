"""Bookings that a channel has sold and the PMS could not take in: their nights are sold all the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Case, Exists, OuterRef, QuerySet, When
from django.db.models.functions import Coalesce

from channel_sync.channels.canonical import ClaimedNights
from channel_sync.connections.registry import channel_class
from channel_sync.models import (
    UNAPPLIED_STATUSES,
    ChannelEvent,
    ChannelProperty,
    Direction,
    EntityType,
    EventStatus,
    EventType,
)

FREEING = (EventType.BOOKING_CANCELLED, EventType.BOOKING_DELETED)
# More than these are not looked at one by one: any night may be theirs.
READ_AT_MOST = 500
ANYWHERE = ClaimedNights(None, None, None)


@dataclass(frozen=True)
class UnappliedNights:
    """Nights that unapplied bookings may take, by room of the channel."""

    claims: Sequence[ClaimedNights]

    def may_take(self, external_room_id: str, night: date) -> bool:
        """Whether any of the bookings may be of this room and night; what could not be read may be of every one."""
        return any(claim.may_be_of(external_room_id, night) for claim in self.claims)


def unapplied_nights(channel_property: ChannelProperty) -> UnappliedNights:
    """The nights of the inbound bookings of a property that are not in the PMS yet: waiting, under way, or failed.

    One statement. Read before what is free is read: a booking that is applied in between counts in both, which is safe.
    """
    parse = channel_class(channel_property.channel_name).claimed_nights
    found = _unapplied(channel_property).exclude(event_type__in=FREEING)
    payloads = list(found.values_list("payload", flat=True)[: READ_AT_MOST + 1])
    if len(payloads) > READ_AT_MOST:
        return UnappliedNights([ANYWHERE])
    claims = dict.fromkeys(parse(payload) for payload in payloads)
    return UnappliedNights([claim for claim in claims if claim is not None])


def unapplied_changes(channel_property: ChannelProperty, external_ids: Collection[str]) -> Mapping[str, UUID]:
    """External id -> the event that has not applied the last change of that booking, for those that have one.

    One that failed goes before one that is under way.
    """
    found = _unapplied(channel_property).filter(entity_external_id__in=external_ids)
    by_status = found.order_by(Case(When(status=EventStatus.FAILED, then=1), default=0))
    return {str(number): event_id for number, event_id in by_status.values_list("entity_external_id", "id")}


def _unapplied(channel_property: ChannelProperty) -> QuerySet[ChannelEvent]:
    """Events of bookings that no later state of the same booking, from the channel itself, has replaced."""
    bookings = ChannelEvent.objects.filter(
        channel_property=channel_property, direction=Direction.INBOUND, entity_type=EntityType.BOOKING
    ).alias(reached_at=Coalesce("occurred_at", "received_at"))
    later = bookings.filter(
        status=EventStatus.DONE,
        source=OuterRef("source"),
        entity_external_id=OuterRef("entity_external_id"),
        reached_at__gt=OuterRef("reached_at"),
    )
    return bookings.filter(~Exists(later), status__in=UNAPPLIED_STATUSES)
