"""Who the guest of a booking is, as far as anything that is kept says it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from channel_sync.channels.canonical import Guest
from channel_sync.connections.registry import channel_class
from channel_sync.errors import ChannelSyncError
from channel_sync.models import PMS_SOURCE, ChannelEvent, StagedBooking
from channel_sync.operations.guest_data_places import answers_about, conflicts_of, events_of, rows_about
from channel_sync.operations.guest_data_search import GuestBooking
from channel_sync.operations.guest_data_words import Names, full_name
from channel_sync.pms import host_pms

# Of the events of a booking; those before were of the same guest.
LATEST = 100


@dataclass(frozen=True)
class Described:
    """Who a booking is of and when, for a person who has to tell guests apart; blank where it is not known."""

    guests: tuple[str, ...]
    emails: tuple[str, ...]
    arrival: date | None
    departure: date | None


def names_of(booking: GuestBooking) -> Names:
    """All that the guest is called in what is kept of a booking, and in the words that they were looked for by."""
    called = list(booking.said)
    for conflict in conflicts_of(booking):
        for side in (conflict.pms_side, conflict.channel_side):
            called += [str(side[name]) for name in ("guest", "email") if side.get(name)]
    return Names.of([*guests_of(booking), *_staged(booking), *_answered(booking)], called)


def described(booking: GuestBooking) -> Described:
    """For the list of what was found."""
    guests = list(guests_of(booking))
    reservation = host_pms().reservation(booking.reservation_id) if booking.reservation_id is not None else None
    arrival, departure = _claimed(booking) if reservation is None else (reservation.check_in, reservation.check_out)
    return Described(
        guests=_distinct(full_name(one) for one in guests),
        emails=_distinct(one.email for one in guests),
        arrival=arrival,
        departure=departure,
    )


def guests_of(booking: GuestBooking) -> Iterator[Guest]:
    """As the PMS has the guest, and as events of the booking have them, as far as they can be read."""
    reservation = host_pms().reservation(booking.reservation_id) if booking.reservation_id is not None else None
    if reservation is not None:
        yield reservation.guest
    for event in events_of(booking).filter(redacted_at=None).order_by("-received_at")[:LATEST]:
        if isinstance((event.normalized_payload or {}).get("guest"), dict):
            yield Guest.model_validate(_texts((event.normalized_payload or {})["guest"]))
        elif event.source != PMS_SOURCE and (said := _said(event)) is not None:
            yield said


def _said(event: ChannelEvent) -> Guest | None:
    return _parsed(event.channel_property.channel_name, event.payload)


def _parsed(channel_name: str, payload: dict[str, Any]) -> Guest | None:
    try:
        return channel_class(channel_name).parse_booking(payload).guest
    except ChannelSyncError:
        return None


def _staged(booking: GuestBooking) -> Iterator[Guest]:
    """As a comparison has read the booking at the channel."""
    for staged in rows_about(booking)[StagedBooking._meta.db_table]:
        found = _parsed(booking.channel_property.channel_name, staged.payload)
        if found is not None:
            yield found


def _answered(booking: GuestBooking) -> Iterator[Guest]:
    """As the API of the host has answered with the reservation."""
    for answer in answers_about(booking):
        for one in answer.body if isinstance(answer.body, list) else [answer.body]:
            if not isinstance(one, dict) or one.get("id") != str(booking.reservation_id):
                continue
            if isinstance(one.get("guest"), dict):
                yield Guest.model_validate(_texts(one["guest"]))


def _texts(guest: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in guest.items() if name in Guest.model_fields}


def _claimed(booking: GuestBooking) -> tuple[date | None, date | None]:
    nights = events_of(booking).filter(claimed_from__isnull=False).values_list("claimed_from", "claimed_until")
    return nights.last() or (None, None)


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
