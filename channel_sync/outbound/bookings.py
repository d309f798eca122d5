"""Bring a booking at the channel to the state of its reservation.

The state is read when the event is worked, not when it was made: events of one reservation cannot overtake each
other, the later ones find nothing left to send.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import BookingPush, BookingStatus, content_hash
from channel_sync.connections.account import calling, note_success
from channel_sync.database_lock import lock_in_transaction
from channel_sync.errors import Fatal, UnmappedRoomType
from channel_sync.events.lifecycle import mark_done, mark_ignored, note_sent
from channel_sync.models import (
    PMS_SOURCE,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    EntityType,
    MappingType,
    ReservationLink,
)
from channel_sync.pms import Reservation, host_pms

# How far the channel's clock may be behind ours when a lost create is looked for.
CLOCK_MARGIN = timedelta(minutes=15)

NEVER_SENT = "the reservation ended before the channel was told of it"
NOTHING_CHANGED = "unchanged: the channel has this state already"


def push_booking(event: ChannelEvent) -> None:
    """Create, update or cancel the booking of a reservation, link and confirm it, and settle the event."""
    channel_property = event.channel_property
    with calling(channel_property) as channel:
        reservation = host_pms().reservation(event.entity_internal_id) if event.entity_internal_id else None
        link = _link_of(channel_property, event)
        external_id = link.external_id if link else event.entity_external_id
        external_id = external_id or _find_lost_create(channel, channel_property, event)
        if reservation is None or reservation.status is BookingStatus.CANCELLED:
            _cancel(channel, event, external_id)
        else:
            _create_or_update(channel, event, reservation, link, external_id)


def booking_refused(event: ChannelEvent, error: Fatal) -> None:
    """In the transaction that fails the event: a reservation that waited for the channel fails with it."""
    if event.entity_type == EntityType.BOOKING and event.entity_internal_id is not None:
        host_pms().fail_reservation(event.entity_internal_id, str(error))


def _create_or_update(
    channel: Channel,
    event: ChannelEvent,
    reservation: Reservation,
    link: ReservationLink | None,
    external_id: str | None,
) -> None:
    push = reservation.push(_external_room_of(event.channel_property, reservation))
    if link is not None and link.pushed_hash == content_hash(push):
        with transaction.atomic():
            host_pms().confirm_reservation(reservation.id)
            mark_ignored(event, NOTHING_CHANGED)
        return
    note_sent(event, push.model_dump(mode="json"))
    if external_id is None:
        external_id = channel.create_booking(push, idempotency_key=event.idempotency_key)
    else:
        channel.update_booking(external_id, push, idempotency_key=event.idempotency_key)
    with transaction.atomic():
        _save_link(event.channel_property, external_id, reservation.id, push)
        host_pms().confirm_reservation(reservation.id)
        note_success(event.channel_property)
        mark_done(event, entity_external_id=external_id)


def _cancel(channel: Channel, event: ChannelEvent, external_id: str | None) -> None:
    if external_id is None:
        mark_ignored(event, NEVER_SENT)
        return
    channel.cancel_booking(external_id, idempotency_key=event.idempotency_key)
    with transaction.atomic():
        link = _lock_link(event.channel_property, external_id)
        link.pushed_hash = ""
        link.save()
        note_success(event.channel_property)
        mark_done(event, entity_external_id=external_id)


def _save_link(channel_property: ChannelProperty, external_id: str, reservation_id: UUID, push: BookingPush) -> None:
    """The channel's own webhook about the booking may have made the link already."""
    link = _lock_link(channel_property, external_id)
    link.reservation_id = reservation_id
    link.pushed_hash = content_hash(push)
    link.save()


def _lock_link(channel_property: ChannelProperty, external_id: str) -> ReservationLink:
    lock_in_transaction("booking", channel_property.id, external_id)
    link = ReservationLink.objects.filter(channel_property=channel_property, external_id=external_id).first()
    return link or ReservationLink(channel_property=channel_property, external_id=external_id)


def _link_of(channel_property: ChannelProperty, event: ChannelEvent) -> ReservationLink | None:
    if event.entity_internal_id is None:
        return None
    return ReservationLink.objects.filter(
        channel_property=channel_property, reservation_id=event.entity_internal_id
    ).first()


def _find_lost_create(channel: Channel, channel_property: ChannelProperty, event: ChannelEvent) -> str | None:
    """The booking of an earlier create whose answer we never got, looked up by its key before another create."""
    attempted = ChannelEvent.objects.filter(
        channel_property=channel_property,
        entity_type=EntityType.BOOKING,
        entity_internal_id=event.entity_internal_id,
        source=PMS_SOURCE,
        normalized_payload__isnull=False,
    ).values_list("idempotency_key", "received_at")
    keys = dict(attempted)
    times = [time for time in keys.values() if time is not None]
    if not times:
        return None
    return channel.find_booking(
        channel_property.channel_property_id, keys.keys(), created_from=min(times) - CLOCK_MARGIN
    )


def _external_room_of(channel_property: ChannelProperty, reservation: Reservation) -> str:
    external_id = (
        ChannelMapping.objects.filter(
            channel_property=channel_property,
            mapping_type=MappingType.ROOM_TYPE,
            internal_id=reservation.room_type_id,
            is_active=True,
        )
        .values_list("external_id", flat=True)
        .first()
    )
    if external_id is None:
        raise UnmappedRoomType(reservation.room_type_id, str(channel_property))
    return external_id
