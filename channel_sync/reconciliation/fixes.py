"""Put right what is safe to put right, the way a webhook would, on the record."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Q

from channel_sync.channels.booking_details import Detail, with_details
from channel_sync.channels.canonical import Booking, BookingNotification
from channel_sync.connections.mapped_rooms import channel_rooms
from channel_sync.connections.pushable import push_of
from channel_sync.database_lock import lock_in_transaction
from channel_sync.errors import ComparisonFailed
from channel_sync.events.idempotency import inbound_key
from channel_sync.events.new_event import NewEvent
from channel_sync.events.processing import process
from channel_sync.events.store import record, record_done, try_once_more
from channel_sync.inbound.notification import event_of
from channel_sync.merge.agreement import forget, note_price, ours, want_of_channel
from channel_sync.merge.fields import Field
from channel_sync.models import (
    ChannelEvent,
    ChannelProperty,
    Direction,
    EntityType,
    EventStatus,
    EventType,
    ReservationLink,
)
from channel_sync.origin import on_behalf_of
from channel_sync.pms import host_pms
from channel_sync.reconciliation.link_state import LinkState, link_state
from channel_sync.reconciliation.rules import Fix, compare_prices

# The source of the events that tell what a reconciliation did; a fix that goes through a handler has the channel's.
RECONCILIATION_SOURCE = "reconciliation"


def auto_fix_booking(
    channel_property: ChannelProperty,
    fix: Fix,
    listed: BookingNotification,
    booking: Booking | None,
    before: LinkState | None,
) -> bool:
    """Create, cancel, or set the price, as the channel has it; False when it could not be done.

    Nothing is done either when the link is not as it was `before` the channel was asked: the read is older than what
    was applied or sent since. What fails is in the log, with the reason.
    """
    if fix is Fix.PRICE and booking is not None:
        return _set_price(channel_property, booking, before)
    wanted = (Field.STATUS,) if fix is Fix.CANCEL else None
    return _apply(channel_property, listed, lambda: link_state(channel_property, listed.external_id) == before, wanted)


def apply_as_listed(
    channel_property: ChannelProperty, listed: BookingNotification, fields: Collection[Field] | None = None
) -> bool:
    """Take over the channel's state, or some fields of it, as a person decided; false when that failed."""
    return _apply(channel_property, listed, lambda: True, fields)


def record_unreadable(channel_property: ChannelProperty, listed: BookingNotification) -> None:
    """Let an event name what cannot be read of a booking, once; its nights are not raised until it is settled."""
    event = event_of(channel_property, listed)
    if record(event) is not None:
        process(event.id)


def record_failure(channel_property: ChannelProperty, listed: BookingNotification, error: Exception) -> None:
    """Let an event that failed name a booking whose comparison raised an error, once per state of the booking."""
    event = event_of(channel_property, listed)
    key = inbound_key(channel_property.id, f"{RECONCILIATION_SOURCE}-{listed.dedupe_key}")

    def fail(event: ChannelEvent) -> None:
        raise ComparisonFailed(listed.external_id, error)

    if record(replace(event, idempotency_key=key)) is not None:
        process(event.id, fail)


def _apply(
    channel_property: ChannelProperty,
    listed: BookingNotification,
    is_wanted: Callable[[], bool],
    fields: Collection[Field] | None,
) -> bool:
    """Through the log and the handlers.

    A crash leaves an event that the relay takes up. The log may say that this state was applied before: it is not
    there, and what the link remembers of it is forgotten. An event that failed to apply the same state is tried once
    more in place of a new one, which would be one more open case of the same booking.
    """
    event = replace(event_of(channel_property, listed), idempotency_key=f"{RECONCILIATION_SOURCE}-{uuid4()}")
    with transaction.atomic():
        lock_in_transaction("booking", channel_property.id, listed.external_id)
        if not is_wanted():
            return False
        _expect(channel_property, listed, event, fields)
        event_id = _failed_with_the_same(channel_property, listed)
        if event_id is None or not try_once_more(event_id):
            record(event)
            event_id = event.id
    return process(event_id) is EventStatus.DONE


def _expect(
    channel_property: ChannelProperty, listed: BookingNotification, event: NewEvent, fields: Collection[Field] | None
) -> None:
    """Let the link take the state as news: in these fields, or in all."""
    links = ReservationLink.objects.filter(channel_property=channel_property, external_id=listed.external_id)
    for link in links:
        reservation = host_pms().reservation(link.reservation_id) if link.reservation_id is not None else None
        link.applied_modified_at, link.applied_hash, link.applied_cancelled = _just_before(event), "", False
        if fields is None or reservation is None or not link.bases:
            forget(link)
        else:
            room = channel_rooms(channel_property, [reservation.room_type_id]).get(reservation.room_type_id)
            want_of_channel(link, fields, ours(channel_property.channel_name, link, reservation, room))
        link.save()


def _just_before(event: NewEvent) -> datetime | None:
    """A time that makes this state the next one to apply, and what is older than it stale as ever."""
    return event.occurred_at - timedelta(microseconds=1) if event.occurred_at is not None else None


def _failed_with_the_same(channel_property: ChannelProperty, listed: BookingNotification) -> UUID | None:
    """The last event that failed to apply this very state of a booking."""
    same_state = Q(payload=listed.payload) | Q(idempotency_key=inbound_key(channel_property.id, listed.dedupe_key))
    failed = ChannelEvent.objects.filter(
        same_state,
        channel_property=channel_property,
        entity_external_id=listed.external_id,
        direction=Direction.INBOUND,
        entity_type=EntityType.BOOKING,
        status=EventStatus.FAILED,
    )
    found: UUID | None = failed.order_by("-received_at").values_list("id", flat=True).first()
    return found


def _set_price(channel_property: ChannelProperty, booking: Booking, before: LinkState | None) -> bool:
    """Take over the channel's price and nothing else, and write down that it was done."""
    pms = host_pms()
    with transaction.atomic(), on_behalf_of(channel_property.id):
        lock_in_transaction("booking", channel_property.id, booking.external_id)
        if link_state(channel_property, booking.external_id) != before:
            return False
        link = ReservationLink.objects.get(channel_property=channel_property, external_id=booking.external_id)
        reservation = pms.reservation(link.reservation_id) if link.reservation_id is not None else None
        if reservation is None:
            return False
        if compare_prices(booking, reservation, channel_property.currency) is not Fix.PRICE:
            return False
        priced = with_details(booking.taking(["price"], reservation), [Detail.CURRENCY])
        pms.modify_reservation(reservation.id, reservation.room_type_id, priced)
        room = channel_rooms(channel_property, [reservation.room_type_id]).get(reservation.room_type_id)
        after = pms.reservation(reservation.id)
        if room is not None and after is not None:
            note_price(link, push_of(channel_property.channel_name, after, room))
            link.save(update_fields=["bases", "pushed_hash", "updated_at"])
        record_done(
            NewEvent(
                channel_property_id=channel_property.id,
                direction=Direction.INBOUND,
                source=RECONCILIATION_SOURCE,
                event_type=EventType.BOOKING_MODIFIED,
                entity_type=EntityType.BOOKING,
                entity_external_id=booking.external_id,
                entity_internal_id=reservation.id,
                idempotency_key=f"{RECONCILIATION_SOURCE}-{uuid4()}",
                payload={"price": {"was": str(reservation.price), "is": str(booking.price)}},
            )
        )
    return True
