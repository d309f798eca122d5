"""What the host really stored of a booking: what is less than the channel has sold stays taken, and somebody hears.

A host may keep one room of two, or refuse nights that it has no row for. Its answer to "how many are free?" is then too
high. The channel counts its booking itself; the desk and the other channels have to be kept from what is missing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.canonical import Booking, BookingStatus
from channel_sync.conflicts import channel_side, close_gone, flag_conflict, pms_side
from channel_sync.events.outbound_events import availability_event
from channel_sync.events.store import record_all
from channel_sync.inventory.claims import keep_claim, release_claim
from channel_sync.inventory.moves import TakenStay
from channel_sync.merge.fields import Field, parts_of, values_of
from channel_sync.models import (
    ChannelMapping,
    ChannelProperty,
    ChannelPropertyStatus,
    Conflict,
    ConflictKind,
    MappingType,
    Severity,
)
from channel_sync.pms import NightSpan, Reservation

# The comparison of bookings opens and closes the same ones.
KINDS = (ConflictKind.DATES, ConflictKind.ROOM)


def keep_what_is_missing(
    channel_property: ChannelProperty,
    booking: Booking,
    room_type_id: UUID | None,
    stored: Reservation,
    *,
    to_channel: Collection[Field] = (),
    is_flagged: bool = True,
) -> None:
    """Claim the stay of a booking that its reservation does not cover, and open a conflict; undo both once it does.

    `room_type_id` is the one of the booking's room. Fields `to_channel` are the PMS's: the channel is about to have
    them as they are stored.
    """
    sold = booking.taking(parts_of(set(values_of(booking)) - set(to_channel)), stored)
    if Field.ROOM in to_channel:
        room_type_id = stored.room_type_id
    if booking.status is BookingStatus.CANCELLED and not stored.takes_room:
        # Cancelled by the desk, it may be kept closed: our own cancellation has no time, one at the channel does.
        if booking.cancelled_at is not None:
            note_cancelled_there(channel_property, booking.external_id)
        return
    if not sold.takes_room or room_type_id is None:
        let_go(channel_property, booking.external_id)
        return
    missing = _missing(sold, room_type_id, stored)
    if not missing:
        let_go(channel_property, booking.external_id)
        return
    stay = TakenStay(room_type_id, sold.check_in, sold.check_out, sold.units)
    spans = keep_claim(channel_property, booking.external_id, stay, reservation_id=stored.id)
    for kind in missing if is_flagged else ():
        flag_conflict(
            channel_property,
            kind,
            Severity.HIGH,
            f"booking:{booking.external_id}",
            pms_side=pms_side(stored),
            channel_side=channel_side(booking),
        )
    _send_elsewhere(channel_property, spans)


def is_kept(booking: Booking, room_type_id: UUID, stored: Reservation) -> bool:
    """Whether a reservation takes all that its new booking has sold."""
    return not booking.takes_room or not _missing(booking, room_type_id, stored)


def let_go(channel_property: ChannelProperty, external_id: str) -> None:
    """Nothing of a booking is missing, or it takes no room any more: what was claimed for it is free."""
    spans = release_claim(channel_property, external_id)
    if spans:
        subject = f"booking:{external_id}"
        close_gone(Conflict.objects.filter(channel_property=channel_property, kind__in=KINDS, subject=subject))
        _send_elsewhere(channel_property, spans)


def note_cancelled_there(channel_property: ChannelProperty, external_id: str) -> None:
    """The booking was cancelled where it was made: nothing is kept for it, and nobody has to cancel it there."""
    let_go(channel_property, external_id)
    note_nothing_to_cancel(channel_property, external_id)


def note_nothing_to_cancel(channel_property: ChannelProperty, external_id: str) -> None:
    """The OTA and the PMS are of one mind again: nobody has to cancel a booking at the OTA."""
    subject = f"booking:{external_id}"
    close_gone(
        Conflict.objects.filter(channel_property=channel_property, kind=ConflictKind.CANCELLED_HERE, subject=subject)
    )


def _missing(sold: Booking, room_type_id: UUID, stored: Reservation) -> list[ConflictKind]:
    if not stored.takes_room:
        return [ConflictKind.DATES]
    missing = []
    if stored.check_in > sold.check_in or stored.check_out < sold.check_out:
        missing.append(ConflictKind.DATES)
    if stored.room_type_id != room_type_id or stored.units < sold.units:
        missing.append(ConflictKind.ROOM)
    return missing


def _send_elsewhere(channel_property: ChannelProperty, spans: Sequence[NightSpan]) -> None:
    """Every channel that sells the room type hears of it, this one too: what it was sent last may be too high."""
    mappings = ChannelMapping.objects.filter(
        mapping_type=MappingType.ROOM_TYPE,
        internal_id__in={span.room_type_id for span in spans},
        is_active=True,
        channel_property__property_id=channel_property.property_id,
        channel_property__status__in=(ChannelPropertyStatus.ACTIVE, ChannelPropertyStatus.ERROR),
    )
    selling = list(mappings.values_list("channel_property_id", "internal_id")) if spans else []
    events = [
        availability_event(channel_property_id, span)
        for channel_property_id, room_type_id in selling
        for span in spans
        if span.room_type_id == room_type_id
    ]
    publish_after_commit(record_all(events))
