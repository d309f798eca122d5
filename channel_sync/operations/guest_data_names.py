"""The names that a guest is known by here, and how they are taken out of words that quote them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, TypeVar

from channel_sync.channels.canonical import Guest
from channel_sync.connections.registry import channel_class
from channel_sync.errors import ChannelSyncError
from channel_sync.models import PMS_SOURCE, ChannelEvent
from channel_sync.operations.guest_data_places import conflicts_of, events_of
from channel_sync.operations.guest_data_search import GuestBooking
from channel_sync.pms import host_pms

ERASED = "(erased)"
# A shorter one is found in words that are about something else.
SHORTEST = 3
# Of the events of a booking; those before were of the same guest.
LATEST = 100

Value = TypeVar("Value")


@dataclass(frozen=True)
class Names:
    """Names, emails and telephone numbers of a guest; whole words of these are taken out, whatever their case."""

    known: tuple[str, ...]

    def taken_out(self, value: Value) -> Value:
        """A text, or every text in a value of JSON, without them."""
        taken: Any = self._taken_out(value)
        return taken  # type: ignore[no-any-return]

    def _taken_out(self, value: Any) -> Any:
        if isinstance(value, str) and self.known:
            words = "|".join(map(re.escape, self.known))
            return re.sub(rf"(?<!\w)(?:{words})(?!\w)", ERASED, value, flags=re.IGNORECASE)
        if isinstance(value, list):
            return [self._taken_out(one) for one in value]
        if isinstance(value, dict):
            return {name: self._taken_out(one) for name, one in value.items()}
        return value


@dataclass(frozen=True)
class Described:
    """Who a booking is of and when, for a person who has to tell guests apart; blank where it is not known."""

    guests: tuple[str, ...]
    emails: tuple[str, ...]
    arrival: date | None
    departure: date | None


def names_of(booking: GuestBooking) -> Names:
    """Longest first: a full name goes before its parts."""
    found: set[str] = set()
    for guest in guests_of(booking):
        found |= {full_name(guest), guest.last_name, guest.email, guest.phone}
    for conflict in conflicts_of(booking):
        for side in (conflict.pms_side, conflict.channel_side):
            found |= {str(side[name]) for name in ("guest", "email") if side.get(name)}
    known = {one.strip() for one in found if len(one.strip()) >= SHORTEST and one != "(hidden)"}
    return Names(tuple(sorted(known, key=len, reverse=True)))


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


def full_name(guest: Guest) -> str:
    """First and last name."""
    return f"{guest.first_name} {guest.last_name}".strip()


def _said(event: ChannelEvent) -> Guest | None:
    try:
        return channel_class(event.channel_property.channel_name).parse_booking(event.payload).guest
    except ChannelSyncError:
        return None


def _texts(guest: dict[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in guest.items() if name in Guest.model_fields}


def _claimed(booking: GuestBooking) -> tuple[date | None, date | None]:
    nights = events_of(booking).filter(claimed_from__isnull=False).values_list("claimed_from", "claimed_until")
    return nights.last() or (None, None)


def _distinct(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))
