"""What accepting a report does, in words: to old bookings by each choice, and to both sides."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from channel_sync.models import OldBookings
from channel_sync.parity.report import ParityReport, counted, nights_of


@dataclass(frozen=True)
class Choice:
    """One way to settle old bookings, and what it does."""

    value: OldBookings
    label: str
    effect: str


def choices_of(report: ParityReport) -> list[Choice]:
    """The usual one first. None where no reservation is only in the PMS; of those that come to the same, one."""
    bookings = report.bookings
    if bookings.only_pms:
        offered = {one: one.label for one in OldBookings}
    elif bookings.to_link:
        offered = {OldBookings.LINK: "Link those that the channel has too"}
    else:
        offered = {}
    return [Choice(one, label, " ".join(_settled(report, one))) for one, label in offered.items()]


def going_live_means(report: ParityReport, choice: OldBookings) -> Iterator[str]:
    """Sentences for who is asked; what the report remarks on is not among them."""
    yield from _settled(report, choice)
    bookings = report.bookings
    counts = (
        (
            len(bookings.only_channel),
            "booking of the channel comes into the PMS",
            "bookings of the channel come into the PMS",
        ),
        (
            bookings.waiting,
            "changed reservation is sent to the channel",
            "changed reservations are sent to the channel",
        ),
        (
            len(bookings.different),
            "booking differs from its reservation, and is a conflict to settle if that stays so",
            "bookings differ from their reservations, and are conflicts to settle if that stays so",
        ),
        (
            nights_of(report.raised),
            "night gets more rooms for sale at the channel than now",
            "nights get more rooms for sale at the channel than now",
        ),
        (
            nights_of(report.lowered),
            "night gets fewer rooms for sale at the channel than now",
            "nights get fewer rooms for sale at the channel than now",
        ),
        (
            nights_of(report.prices),
            "night gets another price at the channel",
            "nights get another price at the channel",
        ),
    )
    yield from (f"{counted(number, one, many)}." for number, one, many in counts if number)
    yield "This cannot be undone: what was linked, sent or left alone stays so. A pause only stops what is sent later."


def _settled(report: ParityReport, choice: OldBookings) -> Iterator[str]:
    same, alone = len(report.bookings.to_link), len(report.bookings.only_pms)
    if same:
        said = (
            "reservation is linked to the booking that the channel has",
            "reservations are linked to the bookings that the channel has",
        )
        yield f"{counted(same, *said)}."
    if alone and choice is OldBookings.LINK_AND_SEND:
        said = (
            "reservation is sent to the channel as a new booking",
            "reservations are sent to the channel as new bookings",
        )
        yield f"{counted(alone, *said)}."
    elif alone:
        said = "reservation is left alone: its", "reservations are left alone: their"
        yield f"{counted(alone, *said)} nights are taken, and the channel does not get the booking."
