"""Bookings that the PMS may have already, typed in by hand before the property was live."""

from __future__ import annotations

from uuid import UUID

from channel_sync.channels.canonical import Booking, Stay
from channel_sync.connections.mapped_rooms import find_room_type
from channel_sync.connections.opening import HELD_RETRY, is_being_compared
from channel_sync.errors import NotYet, WaitsFor
from channel_sync.models import ChannelProperty, ReservationLink
from channel_sync.pms import host_pms


def likeness(room_type_id: UUID, stay: Stay) -> tuple[object, ...]:
    """The same for two that are the same guest's stay: room type, dates, units and last name.

    Without a name nothing says that two are the same.
    """
    name = " ".join(stay.guest.last_name.casefold().split())
    return (room_type_id, stay.check_in, stay.check_out, stay.units, name) if name else (object(),)


def require_no_twin(channel_property: ChannelProperty, booking: Booking) -> None:
    """Raise `NotYet` for a new booking that looks like a reservation without one, until a parity report links the two.

    Applied now, the guest would be in the PMS twice. The booking takes its nights meanwhile. Nothing is looked up of a
    property that waits for no report.
    """
    if not is_being_compared(channel_property):
        return
    room_type_id = find_room_type(channel_property, booking.external_room_id)
    if room_type_id is None:
        return
    rows = host_pms().reserved([room_type_id], booking.check_in, booking.check_out)
    near = {row[0] for row in rows if row[2:4] == (booking.check_in, booking.check_out)}
    linked = ReservationLink.objects.filter(channel_property=channel_property, reservation_id__in=near)
    near -= set(linked.values_list("reservation_id", flat=True))
    wanted = likeness(room_type_id, booking)
    if any(likeness(one.room_type_id, one) == wanted for one in host_pms().reservations(near).values()):
        raise NotYet(
            f"The PMS may have booking {booking.external_id} already. Look at the parity check of {channel_property} "
            "and accept its report, which links the two.",
            retry_after=HELD_RETRY,
            waits_for=WaitsFor.PARITY,
        )
