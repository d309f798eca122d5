"""What a parity check has found: kept as JSON, shown to people, and clean or not. Nothing in it names a guest."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

MOST_SHOWN = 200


class Part(BaseModel):
    """Base of what a report consists of."""

    model_config = ConfigDict(frozen=True)


class Stay(Part):
    """A booking of the channel, or a reservation of the PMS, or both where they are the same."""

    check_in: date
    check_out: date
    room: str
    booking_id: str | None = None
    reservation_id: UUID | None = None
    ota: str = ""
    differences: tuple[str, ...] = ()


class Nights(Part):
    """Neighbouring nights of a room type on which both sides have other numbers of free units."""

    room: str
    first: date
    last: date
    channel: int | None
    pms: int


class Prices(Part):
    """Neighbouring nights of a rate plan that cost the same on each side, and not what the other says."""

    plan: str
    first: date
    last: date
    channel: str | None
    pms: str | None


class BookingsReport(Part):
    """Who is in house and who is to come, on both sides.

    `same` are linked and agree. `to_link` are the same by dates, room and name, and not linked yet. `only_channel` come
    into the PMS. `only_pms` the channel does not have; `waiting` of those that only the PMS has go out by themselves.
    `unreadable` names bookings, `no_room` bookings of channel rooms that nobody has mapped, `other_currency` those that
    are not priced in the currency of the PMS.
    """

    same: int = 0
    to_link: tuple[Stay, ...] = ()
    only_channel: tuple[Stay, ...] = ()
    only_pms: tuple[Stay, ...] = ()
    waiting: int = 0
    different: tuple[Stay, ...] = ()
    unreadable: tuple[str, ...] = ()
    no_room: tuple[Stay, ...] = ()
    other_currency: tuple[Stay, ...] = ()


class ParityReport(Part):
    """What each side would change. `setup` and `unmapped` are sentences for people."""

    setup: tuple[str, ...] = ()
    unmapped: tuple[str, ...] = ()
    bookings: BookingsReport = BookingsReport()
    lowered: tuple[Nights, ...] = ()
    raised: tuple[Nights, ...] = ()
    prices: tuple[Prices, ...] = ()
    last_night: date

    def reasons(self) -> list[str]:
        """Why it has to be accepted by a person; nothing when it is clean.

        What comes into the PMS and what lowers the channel's numbers is safe, and asks nobody.
        """
        bookings = self.bookings
        counts = (
            (
                len(bookings.to_link),
                "reservation looks like a booking of the channel and is not linked to it",
                "reservations look like bookings of the channel and are not linked to them",
            ),
            (len(bookings.only_pms), "reservation is only in the PMS", "reservations are only in the PMS"),
            (
                len(bookings.different),
                "booking differs from its reservation",
                "bookings differ from their reservations",
            ),
            (
                len(bookings.unreadable),
                "booking of the channel cannot be read",
                "bookings of the channel cannot be read",
            ),
            (
                len(bookings.no_room),
                "booking is in a channel room that is not mapped, and cannot come in",
                "bookings are in channel rooms that are not mapped, and cannot come in",
            ),
            (
                len(bookings.other_currency),
                "booking is priced in another currency than the PMS has",
                "bookings are priced in another currency than the PMS has",
            ),
            (
                nights_of(self.raised),
                "night would have more rooms for sale at the channel than now",
                "nights would have more rooms for sale at the channel than now",
            ),
            (
                nights_of(self.prices),
                "night would change its price at the channel",
                "nights would change their price at the channel",
            ),
        )
        found = (f"{counted(number, one, many)}." for number, one, many in counts if number)
        return [*self.setup, *self.unmapped, *found]

    @property
    def is_clean(self) -> bool:
        """Whether it may go live without a person's word."""
        return not self.reasons()

    def shown(self) -> dict[str, Any]:
        """As JSON for people: of long lists the first, and how many there are."""
        found = self.model_dump(mode="json")
        for holder in (found, found["bookings"]):
            for name, value in list(holder.items()):
                if isinstance(value, list):
                    holder[name] = {"count": len(value), "first": value[:MOST_SHOWN]}
        return {"is_clean": self.is_clean, "reasons": self.reasons(), **found}


def nights_of(ranges: tuple[Nights, ...] | tuple[Prices, ...]) -> int:
    """How many nights of a room type or rate plan these are."""
    return sum((one.last - one.first).days + 1 for one in ranges)


def counted(number: int, one: str, many: str) -> str:
    """A number and what it counts, in the singular or plural."""
    return f"{number} {one if number == 1 else many}"
