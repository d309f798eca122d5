"""Why a guest cannot be erased yet: their stay is not over, or something of it is still to be worked or decided."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Q
from django.db.models.functions import Now

from channel_sync.conflicts import without_guest
from channel_sync.inbound.echo import LATE_WEBHOOKS
from channel_sync.models import OPEN_STATUSES, PMS_SOURCE, ConflictStatus, Direction, EventStatus
from channel_sync.operations.guest_data_places import changes_of, conflicts_of, events_of
from channel_sync.operations.guest_data_search import GuestBooking
from channel_sync.pms import StayPhase, host_pms

STILL_TO_STAY = (StayPhase.EXPECTED, StayPhase.IN_HOUSE)


def obstacles(booking: GuestBooking) -> list[str]:
    """What keeps the guest of a booking from being erased, in sentences that say what to do; none when nothing does."""
    return list(_found(booking))


def _found(booking: GuestBooking) -> Iterator[str]:
    property_id = booking.channel_property.property_id
    today = host_pms().property_facts(property_id).today()
    reservation = host_pms().reservation(booking.reservation_id) if booking.reservation_id is not None else None
    events = events_of(booking)
    if reservation is not None and reservation.takes_room and reservation.phase_on(today) in STILL_TO_STAY:
        yield f"The stay lasts until {reservation.check_out}: erase the guest afterwards, or cancel the reservation."
    if reservation is None:
        failed = events.filter(status=EventStatus.FAILED, direction=Direction.INBOUND, claimed_until__gt=today)
        if failed.exists():
            yield "Its event has failed, and its nights are to come: settle the event, or ignore it."
    if waiting := events.filter(status__in=OPEN_STATUSES).count():
        yield f"{waiting} of its events are still to be worked or sent: wait for them, or ignore them."
    if changes_of(booking).filter(Q(attempts=0) | Q(next_attempt_at__isnull=False)).exists():
        yield "Writes of its reservation are still to become events: try again in a minute."
    lately = events.filter(source=PMS_SOURCE, normalized_payload__isnull=False, redacted_at=None)
    if lately.filter(status=EventStatus.DONE, processed_at__gt=Now() - LATE_WEBHOOKS).exists():
        minutes = LATE_WEBHOOKS.total_seconds() / 60
        yield f"It was sent to the channel less than {minutes:.0f} minutes ago, and may come back: try again then."
    for conflict in conflicts_of(booking).filter(status=ConflictStatus.OPEN):
        sides = (conflict.pms_side, conflict.channel_side)
        if sides != (without_guest(conflict.pms_side), without_guest(conflict.channel_side)):
            yield f"The conflict {conflict.id} is about the guest's data: settle or dismiss it first."
