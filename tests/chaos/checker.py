"""Afterwards: is every booking once on each side, and in sync; is every event settled; is every message a case?

Rooms are scarce: that an OTA sells the last one a moment before the desk's booking arrives is the market's doing. Such
a reservation is failed, for somebody to offer other dates, and stands nowhere at the channel.
"""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import Any

from django.db.models import QuerySet

from channel_sync.errors import SoldElsewhere
from channel_sync.models import ChannelEvent, Direction, EventStatus, EventType, ReservationLink
from pms_project.pms.models import Reservation, ReservationStatus
from tests.end_to_end.installation import Installation

STATUSES = {
    ReservationStatus.CONFIRMED: "confirmed",
    ReservationStatus.PENDING_SYNC: "pending",
    ReservationStatus.CANCELLED: "cancelled",
    ReservationStatus.FAILED: "failed",
}


def differences(site: Installation, start: date, end: date) -> list[str]:
    """Everything that is not as it should be, in words."""
    bookings = {str(booking["id"]): booking for booking in site.beds24.bookings()}
    return [
        *_unsettled(),
        *_bookings(bookings),
        *_calendars(site, start, end),
        *_dead_letters(site),
    ]


def sold_elsewhere() -> QuerySet[ChannelEvent]:
    """Bookings of the desk that came too late; the channel hears of a new one by its first change, if that is first."""
    return ChannelEvent.objects.filter(
        status=EventStatus.FAILED,
        event_type__in=(EventType.BOOKING_CREATE, EventType.BOOKING_UPDATE),
        last_error__startswith=f"{SoldElsewhere.__name__}:",
    )


def _unsettled() -> list[str]:
    settled = (EventStatus.DONE, EventStatus.FAILED, EventStatus.IGNORED)
    found = [f"{event} is {event.status}" for event in ChannelEvent.objects.exclude(status__in=settled)]
    failed = ChannelEvent.objects.filter(status=EventStatus.FAILED).exclude(id__in=sold_elsewhere().values("id"))
    return found + [f"{event} failed: {event.last_error}" for event in failed]


def _bookings(bookings: dict[str, Any]) -> list[str]:
    found = []
    links = dict(ReservationLink.objects.filter(reservation__isnull=False).values_list("reservation", "external_id"))
    twice = [number for number, count in Counter(links.values()).items() if count > 1]
    found += [f"booking {number} has several reservations" for number in twice]
    for number in bookings.keys() - set(links.values()):
        events = ChannelEvent.objects.filter(entity_external_id=number)
        told = [f"{event.event_type} {event.status} {event.last_error or ''}" for event in events]
        found.append(f"booking {number} has no reservation; its events: {told}")
    too_late = set(sold_elsewhere().values_list("entity_internal_id", flat=True))
    for reservation in Reservation.objects.all():
        booking = bookings.get(links.get(reservation.id, ""))
        if booking is None:
            is_refused = reservation.status == ReservationStatus.FAILED and reservation.id in too_late
            if reservation.status != ReservationStatus.CANCELLED and not is_refused:
                found.append(f"reservation {reservation.id} ({reservation.status}) is not at Beds24")
            continue
        stay = (str(reservation.check_in), str(reservation.check_out), float(reservation.price or 0))
        ours = (STATUSES[ReservationStatus(reservation.status)], *stay)
        status = "confirmed" if booking["status"] == "new" else booking["status"]
        theirs = (status, booking["arrival"], booking["departure"], float(booking["price"] or 0))
        # What a cancelled booking's dates were is of no consequence.
        if ours != theirs and not ours[0] == theirs[0] == "cancelled":
            found.append(f"reservation {reservation.id} is {ours}, booking {booking['id']} is {theirs}")
    return found


def _calendars(site: Installation, start: date, end: date) -> list[str]:
    found = []
    for name, room_type in site.room_types.items():
        ours = {night: max(free, 0) for night, free in site.pms.availability(room_type, start, end).items()}
        theirs = {night: max(free, 0) for night, free in site.beds24.availability(site.rooms[name], start, end).items()}
        unequal = [night for night in ours if ours[night] != theirs[night]]
        found += [f"{name} {night}: {ours[night]} here, {theirs[night]} there" for night in unequal]
    return found


def _dead_letters(site: Installation) -> list[str]:
    found = []
    for direction, queue in ((Direction.INBOUND, "beds24.dlq"), (Direction.OUTBOUND, "pms.dlq")):
        failed = ChannelEvent.objects.filter(direction=direction, status=EventStatus.FAILED).count()
        depth = site.dead_letters(queue)
        if depth != failed:
            found.append(f"{queue} holds {depth} messages for {failed} failed events")
    return found
