"""Turn round what the merge has decided where both sides had changed a field: the value that was lost is put back."""

from __future__ import annotations

from uuid import UUID

from channel_sync.channels.canonical import BookingStatus
from channel_sync.conflicts import CHANGED, STANDS
from channel_sync.connections.mapped_rooms import channel_rooms, room_type_of
from channel_sync.database_lock import lock_in_transaction
from channel_sync.errors import ResolutionImpossible
from channel_sync.merge.agreement import note_cancelled, ours, want_of_channel
from channel_sync.merge.fields import Field, Values, with_values
from channel_sync.merge.owners import Side
from channel_sync.models import ChannelProperty, Conflict, ReservationLink
from channel_sync.pms import Reservation, host_pms


def turn_round(conflict: Conflict, wanted: Side) -> None:
    """Let the reservation have a side's values of the fields of which the other side's stand, in the transaction.

    The change is the PMS's own: it goes to the channel as any other. Nothing is to be done where they stand already.
    Raises `ResolutionImpossible` when the reservation is gone, `UnmappedRoom` for a room that nobody has mapped.
    """
    lost, won = conflict.pms_side, conflict.channel_side
    if wanted is Side.CHANNEL:
        lost, won = won, lost
    changed = lost.get(CHANGED, {})
    values = {Field(name): changed[name] for name in won.get(STANDS, ()) if name in changed}
    if not values:
        return
    pms, channel_property = host_pms(), conflict.channel_property
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


def _cancel(channel_property: ChannelProperty, reservation: Reservation, external_id: str, values: Values) -> None:
    """Nothing is sent: the channel has it cancelled. What else it has changed is applied should it be reinstated."""
    pms = host_pms()
    lock_in_transaction("booking", channel_property.id, external_id)
    room = channel_rooms(channel_property, [reservation.room_type_id]).get(reservation.room_type_id)
    for link in ReservationLink.objects.filter(channel_property=channel_property, external_id=external_id):
        others = [one for one in values if one is not Field.STATUS]
        want_of_channel(link, others, ours(channel_property.channel_name, link, reservation, room))
        note_cancelled(link)
        link.applied_cancelled = True
        link.save(update_fields=["bases", "pushed_hash", "applied_cancelled", "updated_at"])
    pms.lock_room_types([reservation.room_type_id])
    pms.cancel_reservation(reservation.id)
