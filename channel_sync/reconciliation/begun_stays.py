"""What a comparison finds of a stay that has begun or ended: nothing is put right, one conflict says all of it."""

from __future__ import annotations

from channel_sync.channels.canonical import Booking
from channel_sync.conflicts import channel_side
from channel_sync.inbound.begun_stay_conflicts import DELETED, is_dismissed, keep_wish
from channel_sync.inbound.begun_stays import CANCELLED, begun_phase, show_what_is_taken
from channel_sync.inbound.order import is_deleted
from channel_sync.merge.agreement import has_moved_there, note_seen, ours
from channel_sync.merge.fields import values_of
from channel_sync.merge.phases import differing
from channel_sync.models import ChannelProperty, ReservationLink
from channel_sync.pms import Reservation


def flag_begun_stay(
    channel_property: ChannelProperty,
    external_id: str,
    booking: Booking | None,
    reservation: Reservation,
    room: str | None,
) -> bool:
    """Keep what the channel has otherwise, under the lock of the booking; whether a conflict is open for it.

    Without a `booking` it is cancelled or deleted, and nothing else of it is known. What a person has dismissed is not
    brought up again, neither now nor when the booking's own news comes late.
    """
    phase = begun_phase(channel_property, reservation)
    link = ReservationLink.objects.filter(channel_property=channel_property, external_id=external_id).first()
    if phase is None or link is None:
        return False
    pms_now = ours(channel_property.channel_name, link, reservation, room)
    differs = differing(values_of(booking), pms_now) if booking is not None else dict(CANCELLED)
    outline = channel_side(booking)
    if booking is None:
        outline = {"booking_id": external_id, **({DELETED: True} if is_deleted(link) else {})}
    is_known = is_dismissed(channel_property, external_id, differs, pms_now)
    is_open = keep_wish(
        channel_property,
        reservation,
        phase,
        external_id,
        differs=differs,
        pms_now=pms_now,
        news=() if is_known else differs,
        outline=outline,
    )
    unseen = {one: value for one, value in differs.items() if has_moved_there(link, one, value)}
    if link.bases and unseen:
        note_seen(link, unseen, pms_now)
        link.save(update_fields=["bases", "pushed_hash", "updated_at"])
        show_what_is_taken(channel_property, reservation)
    return is_open
