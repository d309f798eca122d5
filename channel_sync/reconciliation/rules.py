"""What differs between two snapshots, and whether it is fixed or flagged; nothing here does I/O."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum, auto
from enum import Flag as Flags

from channel_sync.channels.canonical import Booking, BookingStatus, Guest
from channel_sync.connections.currency import are_different
from channel_sync.merge.phases import has_begun
from channel_sync.models import ConflictKind, Severity
from channel_sync.pms import Reservation

# A price may differ by this share of the channel's price, and availability by this many units, and is still fixed.
PRICE_TOLERANCE = Decimal("0.05")
UNIT_TOLERANCE = 1

ZERO = Decimal(0)


class Fix(Enum):
    """What is safe to put right at once: the channel says how it is."""

    CREATE = auto()
    CANCEL = auto()
    PRICE = auto()


@dataclass(frozen=True)
class Flag:
    """What a person has to look at."""

    kind: ConflictKind
    severity: Severity


Finding = Fix | Flag

DATES = Flag(ConflictKind.DATES, Severity.HIGH)
ROOM = Flag(ConflictKind.ROOM, Severity.HIGH)
PRICE = Flag(ConflictKind.PRICE, Severity.HIGH)
GUEST = Flag(ConflictKind.GUEST, Severity.MEDIUM)
STATUS = Flag(ConflictKind.STATUS, Severity.HIGH)
MISSING = Flag(ConflictKind.MISSING_AT_CHANNEL, Severity.HIGH)
STAY_BEGUN = Flag(ConflictKind.STAY_BEGUN, Severity.HIGH)
OF_THE_STAY = frozenset((DATES, ROOM, STATUS))


def compare_booking(
    booking: Booking | None,
    reservation: Reservation | None,
    mapped_room: str | None,
    today: date,
    *,
    currency: str = "",
) -> tuple[Finding, ...]:
    """Everything that differs between a booking and its reservation; `mapped_room` is the reservation's at the channel.

    `currency` is that of the property at the channel, for a booking that names none; blank when it is not known. None
    stands for a side that does not have it. What differs of a stay that has begun by `today` at the property, or
    has ended, is one finding for a person.
    """
    if booking is None:
        return (MISSING,) if reservation is not None and reservation.takes_room else ()
    if reservation is None:
        return () if booking.status is BookingStatus.CANCELLED else (Fix.CREATE,)
    if booking.status is BookingStatus.CANCELLED:
        return of_cancellation(reservation, today)
    if reservation.status is BookingStatus.CANCELLED:
        return (STATUS,)
    found = tuple(_differences(booking.completed(reservation), reservation, mapped_room, currency))
    if has_begun(reservation, today) and not OF_THE_STAY.isdisjoint(found):
        return (STAY_BEGUN, *(finding for finding in found if finding not in OF_THE_STAY))
    return found


def of_cancellation(reservation: Reservation | None, today: date) -> tuple[Finding, ...]:
    """What a reservation differs in from a booking that the channel has cancelled, whatever else can be read of it."""
    if reservation is None or reservation.status is BookingStatus.CANCELLED:
        return ()
    return (STAY_BEGUN,) if has_begun(reservation, today) else (Fix.CANCEL,)


def _differences(
    booking: Booking, reservation: Reservation, mapped_room: str | None, currency: str
) -> Iterator[Finding]:
    if (booking.check_in, booking.check_out) != (reservation.check_in, reservation.check_out):
        yield DATES
    if (booking.external_room_id, booking.units) != (mapped_room, reservation.units):
        yield ROOM
    if booking.status is not reservation.status:
        yield STATUS
    price = compare_prices(booking, reservation, currency)
    if price is not None:
        yield price
    if not same_guest(booking.guest, reservation.guest):
        yield GUEST


def compare_prices(booking: Booking, reservation: Reservation, currency: str) -> Finding | None:
    """The difference of the prices; amounts of two currencies are never compared, and a person looks at them.

    Where a booking names no currency, and that of the property is another one than the reservation's, the property has
    a conflict that says so: not each of its bookings.
    """
    if are_different(booking.currency, reservation.currency):
        return PRICE
    if not booking.currency and are_different(currency, reservation.currency):
        return None
    return compare_price(booking.price, reservation.price)


def compare_price(channel: Decimal | None, pms: Decimal | None) -> Finding | None:
    """The difference as a share of the channel's price: up to 5 % is fixed, more is flagged.

    A price that was never set counts as zero. Against a channel price of zero every difference is more than 5 %.
    """
    theirs, ours = channel or ZERO, pms or ZERO
    if theirs == ours:
        return None
    return Fix.PRICE if abs(theirs - ours) <= abs(theirs) * PRICE_TOLERANCE else PRICE


def same_guest(channel: Guest, pms: Guest) -> bool:
    """Whether names and email agree, whatever their case and spaces; what the channel does not know differs nowhere."""
    return all(
        not theirs or theirs == ours
        for theirs, ours in (
            (_plain(getattr(channel, name)), _plain(getattr(pms, name)))
            for name in ("first_name", "last_name", "email")
        )
    )


class Delta(Flags):
    """What a difference in free units calls for; both at once where the channel sells far too many."""

    NONE = 0
    FIX = auto()
    FLAG = auto()


def compare_units(channel: int, pms: int) -> Delta:
    """A difference of one unit is pushed, more may be an overbooking and is flagged.

    What the channel shows beyond what is free is always pushed: it is lowered at once, flagged or not.
    """
    difference = abs(channel - pms)
    delta = Delta.NONE
    if difference and (difference <= UNIT_TOLERANCE or channel > pms):
        delta |= Delta.FIX
    if difference > UNIT_TOLERANCE:
        delta |= Delta.FLAG
    return delta


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
