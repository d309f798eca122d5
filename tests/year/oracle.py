"""What has to be true of both sides once all is worked: counted in plain Python over their tables.

Nothing here asks the product what is free. It reads rows, night by night, and what the simulator keeps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Q

from channel_sync.channels.beds24.simulator.state import TAKES_A_ROOM, nights_of
from channel_sync.models import (
    ChannelEvent,
    Conflict,
    ConflictKind,
    ConflictStatus,
    Direction,
    EntityType,
    EventStatus,
    ReservationLink,
    ShownHow,
)
from channel_sync.operations.both_sides import AtChannel, both_sides
from channel_sync.reconciliation.resolution import Resolution
from pms_project.pms.models import DailyRate, MaintenanceBlock, Reservation, ReservationStatus
from tests.year.hotel import ROOM_IDS, UNITS, GameHotel

CALENDAR = 500
# As far ahead as the comparisons look.
COMPARED = 365
ARRIVALS_COMPARED = 90
LONGEST_STAY = 60
TAKEN = (
    ReservationStatus.CONFIRMED, ReservationStatus.REQUEST, ReservationStatus.BLOCKED, ReservationStatus.PENDING_SYNC,
)  # fmt: skip
# A dismissed difference is known to a person, who left it as it is.
NAMED = (ConflictStatus.OPEN, ConflictStatus.DISMISSED)
AT_BEDS24 = {
    ReservationStatus.CONFIRMED: ("confirmed", "new"),
    ReservationStatus.PENDING_SYNC: ("confirmed", "new"),
    ReservationStatus.REQUEST: ("request",),
    ReservationStatus.BLOCKED: ("black",),
    ReservationStatus.CANCELLED: ("cancelled",),
    ReservationStatus.FAILED: ("cancelled",),
}


class Kind(StrEnum):
    """What is wrong."""

    TAKEN_IS_ON_SALE = "something taken is for sale"
    FREE_IS_CLOSED = "something free is closed and no page names a reason"
    CLOSED_BY_HAND = "closed by hand at the channel, and no page names it"
    PRICE = "a price is not in sync"
    STOPPED_IS_ON_SALE = "a plan with a stop sell is for sale"
    DELETED_RATE = "a night without a rate is for sale"
    OVERBOOKED = "overbooked, and no page names it"
    BEYOND_COMPARISONS = "wrong beyond the nights that are compared"
    SHOWN = "the channel has other units than are shown for it"
    RESTLESS = "a comparison fixes the same for ever"
    BOOKING = "a booking is not in sync, and no page names it"


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    kind: Kind
    what: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.what}"


Night = tuple[str, date]


class Oracle:
    """One look at both sides."""

    def __init__(self, hotel: GameHotel, today: date) -> None:
        self.hotel, self.today = hotel, today
        self.nights = [today + timedelta(days=offset) for offset in range(CALENDAR)]
        # What is over is nobody's business any more; a reservation may end earlier than its booking.
        bookings: dict[int, dict[str, Any]] = hotel.simulator.state.bookings
        self.bookings = {number: one for number, one in bookings.items() if one["departure"] > str(today)}
        lately = today - timedelta(days=LONGEST_STAY)
        self.reservations = {one.id: one for one in Reservation.objects.filter(hotel=hotel.pms, check_out__gte=lately)}
        self.links = {
            int(number): reservation
            for number, reservation in ReservationLink.objects.filter(reservation__isnull=False).values_list(
                "external_id", "reservation_id"
            )
        }
        left_closed = Q(kind=ConflictKind.CLOSED_AT_CHANNEL, resolution=Resolution.TAKE_CHANNEL)
        self.conflicts = list(Conflict.objects.filter(Q(status__in=NAMED) | left_closed))
        self.failed = list(ChannelEvent.objects.filter(status=EventStatus.FAILED))
        self.names = {kind.id: name for name, kind in hotel.room_types.items()}
        self.mapped = [name for name in UNITS if hotel.is_mapped(name)]
        self.plans = hotel.mapped_plans()
        plan_names = {plan.id: name for name, plan in hotel.plans.items()}
        self.rates = {
            (plan_names[rate.rate_plan_id], rate.night): rate
            for rate in DailyRate.objects.filter(rate_plan__in=plan_names, night__gte=today)
        }
        self.named = self._named_bookings()
        self.taken = self._taken()
        self.kept_elsewhere = self._kept_elsewhere()

    def faults(self) -> Iterator[Fault]:
        """Everything that is wrong."""
        for night in self.nights:
            of_night = [fault for name in self.mapped for fault in self._of_night(name, night)]
            of_night += [fault for name, slot in self.plans.items() for fault in self._of_rate(name, slot, night)]
            if night > self.today + timedelta(days=COMPARED):
                of_night = [Fault(Kind.BEYOND_COMPARISONS, str(fault)) for fault in of_night]
            yield from of_night
        yield from self._of_bookings()

    def sold_too_often(self) -> Iterator[Fault]:
        """What is taken and for sale, within the nights that are compared: this may not wait for a comparison."""
        for night in self.nights[:COMPARED]:
            for name in self.mapped:
                yield from (one for one in self._of_night(name, night) if one.kind is Kind.TAKEN_IS_ON_SALE)

    def offered(self, name: str, night: date) -> int:
        """How many units an OTA can sell at the simulator."""
        room = self.hotel.simulated_room(name)
        return 0 if room.days.get(night, {}).get("override") == "blackout" else max(room.on_sale(night), 0)

    def free(self, name: str, night: date) -> int:
        """How many units nobody has, by the tables; below zero where it is overbooked."""
        return UNITS[name] - self.taken[name, night]

    def _taken(self) -> Counter[Night]:
        """Units by room type and night: reservations, rooms out of order, and bookings that are not in the PMS."""
        taken: Counter[Night] = Counter()
        for one in self.reservations.values():
            if one.status in TAKEN:
                for night in _nights(one.check_in, one.check_out):
                    taken[self.names[one.room_type_id], night] += one.units
        out_of_order = {
            (block.room_id, self.names[block.room.room_type_id], night)
            for block in MaintenanceBlock.objects.select_related("room")
            for night in _nights(block.start, block.end)
        }
        taken.update((name, night) for _, name, night in out_of_order)
        rooms = {number: name for name, number in ROOM_IDS.items()}
        for number, booking in self.bookings.items():
            reservation = self.reservations.get(self.links.get(number, UUID(int=0)))
            if booking["status"] in TAKES_A_ROOM and reservation is None:
                for night in nights_of(booking):
                    taken[rooms[booking["roomId"]], night] += booking["roomQty"]
        return taken

    def _kept_elsewhere(self) -> Counter[Night]:
        """Units that bookings take at the channel, and whose reservation has them not, as a page says of each."""
        kept: Counter[Night] = Counter()
        rooms = {number: name for name, number in ROOM_IDS.items()}
        for number, booking in self.bookings.items():
            reservation = self.reservations.get(self.links.get(number, UUID(int=0)))
            if booking["status"] in TAKES_A_ROOM and self._is_named_booking(number, reservation):
                for night in nights_of(booking):
                    kept[rooms[booking["roomId"]], night] += booking["roomQty"]
                if reservation is not None and reservation.status in TAKEN:
                    for night in _nights(reservation.check_in, reservation.check_out):
                        kept[self.names[reservation.room_type_id], night] -= reservation.units
        return +kept

    def _named_bookings(self) -> set[str]:
        """Bookings and reservations of which a conflict or a failed event has a page."""
        named = {one.subject.partition(":")[2] for one in self.conflicts}
        named |= {str(one.pms_side["reservation_id"]) for one in self.conflicts if "reservation_id" in one.pms_side}
        named |= {str(event.entity_external_id) for event in self.failed}
        return named | {str(event.entity_internal_id) for event in self.failed}

    def _is_named_booking(self, number: int, reservation: Reservation | None) -> bool:
        return str(number) in self.named or (reservation is not None and str(reservation.id) in self.named)

    def _of_night(self, name: str, night: date) -> Iterator[Fault]:
        offered, free = self.offered(name, night), self.free(name, night)
        told = f"{name} {night}: {offered} offered, {free} free"
        if offered > max(free, 0):
            yield Fault(Kind.TAKEN_IS_ON_SALE, told)
        elif offered + self.kept_elsewhere[name, night] < free and not self._is_closed_for_a_reason(name, night):
            by_hand = self.hotel.simulated_room(name).days.get(night, {}).get("override") == "blackout"
            yield Fault(Kind.CLOSED_BY_HAND if by_hand else Kind.FREE_IS_CLOSED, told)
        if free < 0 and not self._is_flagged_as_overbooked(name, night):
            yield Fault(Kind.OVERBOOKED, told)

    def shown_wrongly(self) -> Iterator[Fault]:
        """What people are shown of the channel once both sides were compared.

        A night may be closed there by hand; and of what was sent after the comparison the channel may sell less, by its
        own rules, and not more.
        """
        page = both_sides(self.hotel.channel_property, self.today, self.today + timedelta(days=COMPARED))
        for one in page.room_types:
            name = self.names[one.facts.id]
            days = self.hotel.simulated_room(name).days if name in self.mapped else {}
            for shown in one.nights if name in self.mapped else ():
                offered, by_hand = self.offered(name, shown.night), days.get(shown.night, {}).get("override")
                if by_hand != "blackout" and not _is_right(shown.channel, offered):
                    yield Fault(Kind.SHOWN, f"{name} {shown.night}: {offered} offered, shown as {shown}")

    def _is_closed_for_a_reason(self, name: str, night: date) -> bool:
        sold = [
            rate
            for plan in self.plans
            if plan.startswith(name) and (rate := self.rates.get((plan, night))) is not None and not rate.stop_sell
        ]
        return not sold or self._is_named(name, night) or self._may_be_of_an_unapplied_booking(name, night)

    def _may_be_of_an_unapplied_booking(self, name: str, night: date) -> bool:
        """Its failed event has a page, and an alert."""
        return any(
            event.direction == Direction.INBOUND
            and event.entity_type == EntityType.BOOKING
            and event.claimed_room in (None, str(ROOM_IDS[name]))
            and (event.claimed_from is None or event.claimed_from <= night < event.claimed_until)
            for event in self.failed
        )

    def _is_named(self, name: str, night: date) -> bool:
        """Whether a conflict is about this room type and night."""
        return any(_names(conflict, self.hotel, name, night) for conflict in self.conflicts)

    def _is_flagged_as_overbooked(self, name: str, night: date) -> bool:
        flagged = (one for one in self.conflicts if one.kind == ConflictKind.OVERBOOKING)
        return any(_names(conflict, self.hotel, name, night) for conflict in flagged)

    def _of_rate(self, name: str, slot: str, night: date) -> Iterator[Fault]:
        room_name = name.split()[0]
        if room_name not in self.mapped:
            return
        day = self.hotel.simulated_room(room_name).days.get(night, {})
        there = None if (found := day.get(f"price{slot.split(':')[1]}")) is None else Decimal(str(found))
        is_closed = there is None or day.get("override") == "blackout"
        rate = self.rates.get((name, night))
        told = f"{name} {night}: {rate and rate.price} here, {there} there"
        if rate is not None and rate.stop_sell:
            fault = None if is_closed else Kind.STOPPED_IS_ON_SALE
        elif rate is None:
            fault = None if is_closed else Kind.DELETED_RATE
        else:
            fault = None if there == rate.price else Kind.PRICE
        if fault is not None and not self._rate_is_named(name, night):
            yield Fault(fault, told)

    def _rate_is_named(self, name: str, night: date) -> bool:
        subject = f"rate:{self.hotel.plans[name].id}"
        return any(one.subject == subject and str(night) in one.pms_side.get("prices", {}) for one in self.conflicts)

    def _of_bookings(self) -> Iterator[Fault]:
        """Every booking that is not over is once on each side and the same, or a page says why not."""
        for number, booking in self.bookings.items():
            reservation = self.reservations.get(self.links.get(number, UUID(int=0)))
            if self._is_named_booking(number, reservation):
                continue
            if reservation is None:
                if booking["status"] in TAKES_A_ROOM:
                    yield Fault(Kind.BOOKING, f"booking {number} {_told(booking)} is not in the PMS")
            elif not self._agree(booking, reservation):
                yield Fault(Kind.BOOKING, f"booking {number} is {_told(booking)} there, {_shown(reservation)} here")
        there = set(self.links.values())
        for one in self.reservations.values():
            is_sent = self.names[one.room_type_id] in self.mapped and one.check_out > self.today
            if is_sent and one.status in TAKEN and one.id not in there and str(one.id) not in self.named:
                is_compared = one.check_in <= self.today + timedelta(days=ARRIVALS_COMPARED)
                kind = Kind.BOOKING if is_compared else Kind.BEYOND_COMPARISONS
                yield Fault(kind, f"reservation {_shown(one)} is not at the channel")
        twice = [one for one, count in Counter(self.links.values()).items() if count > 1]
        yield from (Fault(Kind.BOOKING, f"reservation {one} has several bookings") for one in twice)

    def _agree(self, booking: dict[str, Any], reservation: Reservation) -> bool:
        theirs = booking["arrival"], booking["departure"], booking["roomId"], booking["roomQty"]
        room = ROOM_IDS[self.names[reservation.room_type_id]]
        ours = str(reservation.check_in), str(reservation.check_out), room, reservation.units
        is_over = booking["status"] == "cancelled"
        status_agrees = booking["status"] in AT_BEDS24[ReservationStatus(reservation.status)]
        return status_agrees and (is_over or theirs == ours)


def _names(conflict: Conflict, hotel: GameHotel, name: str, night: date) -> bool:
    """Whether a conflict names a room type and a night, on either of its sides; all nights where it names none."""
    ours, theirs = conflict.pms_side, conflict.channel_side
    of_room = str(hotel.room_types[name].id) == ours.get("room_type_id") or str(ROOM_IDS[name]) == theirs.get("room_id")
    if not of_room or conflict.kind == ConflictKind.RATE:
        return False
    listed = [*ours.get("free_units", {}), *theirs.get("free_units", {})]
    stays = [(side["check_in"], side["check_out"]) for side in (ours, theirs) if "check_in" in side]
    within = any(first <= str(night) < last for first, last in stays)
    return str(night) in listed or within or not (listed or stays)


def _is_right(shown: AtChannel | None, offered: int) -> bool:
    if shown is None:
        return False
    return offered == shown.units or (shown.how == ShownHow.SENT and offered < shown.units)


def _nights(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=offset) for offset in range((last - first).days))


def _told(booking: dict[str, Any]) -> str:
    return f"{booking['status']} {booking['roomQty']}x{booking['roomId']} {booking['arrival']}..{booking['departure']}"


def _shown(one: Reservation) -> str:
    return f"{one.status} {one.units}x{one.room_type_id} {one.check_in}..{one.check_out} {one.phase}"
