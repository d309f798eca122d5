"""Turn round what the merge has decided where both sides had changed a field: the value that was lost is put back."""

from __future__ import annotations

from uuid import UUID

from channel_sync.channels.canonical import BookingStatus
from channel_sync.conflicts import CHANGED
from channel_sync.connections.mapped_rooms import channel_rooms, room_type_of
from channel_sync.database_lock import lock_in_transaction
from channel_sync.errors import ResolutionImpossible
from channel_sync.inbound.carrying import free_nights_of
from channel_sync.inbound.overbooking import flag_overbooking
from channel_sync.inventory.claims import release_claim
from channel_sync.merge.agreement import has_as_sent, note_agreed, note_cancelled, note_room_type, ours, want_of_channel
from channel_sync.merge.fields import Field, Values, with_values
from channel_sync.merge.owners import Side
from channel_sync.models import ChannelProperty, Conflict, ReservationLink
from channel_sync.outbound.enqueue import record_availability
from channel_sync.pms import Reservation, host_pms


def turn_round(conflict: Conflict, wanted: Side) -> None:
    """Let the reservation have a side's values of the fields that both had changed, in the transaction.

    The change is the PMS's own: it goes to the channel as any other. Nothing is done where it has these values already.
    Raises `ResolutionImpossible` when the reservation is gone, `UnmappedRoom` for a room that nobody has mapped.
    """
    lost = conflict.channel_side if wanted is Side.CHANNEL else conflict.pms_side
    # Also of those that stand: somebody may have changed them since.
    values = {Field(name): value for name, value in lost.get(CHANGED, {}).items()}
    if not values:
        return
    pms, channel_property = host_pms(), conflict.channel_property
    lock_in_transaction("booking", channel_property.id, conflict.channel_side["booking_id"])
    reservation = pms.reservation(UUID(conflict.pms_side["reservation_id"]))
    if reservation is None:
        raise ResolutionImpossible(conflict.kind, wanted.value)
    if values.get(Field.STATUS) == BookingStatus.CANCELLED:
        _cancel(channel_property, reservation, conflict.channel_side["booking_id"], values)
        return
    room = channel_rooms(channel_property, [reservation.room_type_id]).get(reservation.room_type_id, "")
    booking = with_values(
        reservation,
        values,
        external_id=conflict.channel_side["booking_id"],
        external_room_id=values.get(Field.ROOM, room),
    )
    entered = room_type_of(channel_property, values[Field.ROOM]) if Field.ROOM in values else reservation.room_type_id
    pms.lock_room_types([reservation.room_type_id, entered])
    pms.modify_reservation(reservation.id, entered, booking)
    after = pms.reservation(reservation.id)
    if wanted is Side.CHANNEL and after is not None:
        # The reservation has now what was kept for the guest.
        record_availability(release_claim(channel_property, booking.external_id))
        _note_agreed(channel_property, booking.external_id, after)
    flag_overbooking(channel_property, booking, free_nights_of(after))


def _note_agreed(channel_property: ChannelProperty, external_id: str, after: Reservation) -> None:
    room = channel_rooms(channel_property, [after.room_type_id]).get(after.room_type_id)
    for link in ReservationLink.objects.filter(channel_property=channel_property, external_id=external_id):
        if link.bases:
            pms_now = ours(channel_property.channel_name, link, after, room)
            note_agreed(link, pms_now)
            if has_as_sent(link, Field.ROOM, pms_now[Field.ROOM]):
                note_room_type(link, after.room_type_id)
            link.save(update_fields=["bases", "pushed_hash", "updated_at"])


def _cancel(channel_property: ChannelProperty, reservation: Reservation, external_id: str, values: Values) -> None:
    """Nothing is sent: the channel has it cancelled. What else it has changed is applied should it be reinstated."""
    pms = host_pms()
    room = channel_rooms(channel_property, [reservation.room_type_id]).get(reservation.room_type_id)
    for link in ReservationLink.objects.filter(channel_property=channel_property, external_id=external_id):
        others = [one for one in values if one is not Field.STATUS]
        want_of_channel(link, others, ours(channel_property.channel_name, link, reservation, room))
        note_cancelled(link)
        link.applied_cancelled = True
        link.save(update_fields=["bases", "pushed_hash", "applied_cancelled", "updated_at"])
    pms.lock_room_types([reservation.room_type_id])
    pms.cancel_reservation(reservation.id)
