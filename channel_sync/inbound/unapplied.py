"""Bookings that a channel has sold and the PMS could not take in: their nights are sold all the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from channel_sync.channels.canonical import ClaimedNights
from channel_sync.connections.registry import channel_class
from channel_sync.models import ChannelEvent, ChannelProperty, Direction, EntityType, EventStatus, EventType

WENT_WRONG = (EventStatus.FAILED, EventStatus.RETRYING)
FREEING = (EventType.BOOKING_CANCELLED, EventType.BOOKING_DELETED)


@dataclass(frozen=True)
class UnappliedNights:
    """Nights that unapplied bookings may take, by room of the channel."""

    claims: Sequence[ClaimedNights]

    def may_take(self, external_room_id: str, night: date) -> bool:
        """Whether any of the bookings may be of this room and night; what could not be read may be of every one."""
        return any(claim.may_be_of(external_room_id, night) for claim in self.claims)


def unapplied_nights(channel_property: ChannelProperty) -> UnappliedNights:
    """The nights of the inbound bookings of a property that failed or wait for another attempt, until they are settled.

    One statement, and none more where nothing has failed.
    """
    parse = channel_class(channel_property.channel_name).claimed_nights
    failed = _failed(channel_property).exclude(event_type__in=FREEING)
    claims = [parse(payload) for payload in failed.values_list("payload", flat=True)]
    return UnappliedNights([claim for claim in claims if claim is not None])


def unapplied_changes(channel_property: ChannelProperty, external_ids: Collection[str]) -> Mapping[str, UUID]:
    """External id -> the event that failed to apply the last change of that booking, for those that have one."""
    failed = _failed(channel_property).filter(entity_external_id__in=external_ids)
    return {str(number): event_id for number, event_id in failed.values_list("entity_external_id", "id")}


def _failed(channel_property: ChannelProperty) -> QuerySet[ChannelEvent]:
    """Events of bookings that went wrong, and that no later state of the same booking has replaced."""
    bookings = ChannelEvent.objects.filter(
        channel_property=channel_property, direction=Direction.INBOUND, entity_type=EntityType.BOOKING
    ).alias(reached_at=Coalesce("occurred_at", "received_at"))
    later = bookings.filter(
        status=EventStatus.DONE,
        entity_external_id=OuterRef("entity_external_id"),
        reached_at__gte=OuterRef("reached_at"),
    )
    return bookings.filter(~Exists(later), status__in=WENT_WRONG)
