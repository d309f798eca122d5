"""Two sides that agree, and ways in which they come to differ: each kind in a known number."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction

from channel_sync.channels.beds24.simulator.booking_writes import new_booking
from channel_sync.channels.beds24.simulator.state import State, utc_now
from channel_sync.errors import NotYet
from channel_sync.models import (
    CapturedChange,
    ChannelAccount,
    ConflictKind,
    EventType,
    RateLimitBucket,
    ReservationLink,
)
from channel_sync.origin import on_behalf_of
from channel_sync.pms import host_pms
from channel_sync.reconciliation.rules import Fix
from pms_project.pms.models import Guest, Reservation, ReservationStatus
from tests.conftest import ConnectedHotel
from tests.factories import OutboundEventFactory, ReservationFactory

PLENTY = 1_000_000
PRICE = Decimal("200.00")


def do_not_wait(delay: timedelta, reason: str) -> None:
    """Where a run would wait for credits, give up."""
    raise NotYet(reason, retry_after=delay)


def plenty_of_credits(state: State, hotel: ConnectedHotel) -> None:
    state.accounts[901].credit_limit = PLENTY
    ChannelAccount.objects.update(credits_remaining=None, credits_reset_at=None)
    RateLimitBucket.objects.update_or_create(
        channel_property=hotel.channel_property,
        defaults={"tokens": PLENTY, "capacity": PLENTY, "refill_rate": PLENTY},
    )


@dataclass
class Pair:
    """A booking and its reservation, equal."""

    booking: dict[str, Any]
    reservation: Reservation

    def at_beds24(self, **changes: Any) -> None:
        self.booking.update(changes)

    def in_pms(self, **changes: Any) -> None:
        """Behind the back of the triggers too, as a lost write would be."""
        with transaction.atomic():
            Reservation.objects.filter(id=self.reservation.id).update(**changes)
            CapturedChange.objects.filter(row_pk=str(self.reservation.id)).delete()

    def guest_in_pms(self, **changes: Any) -> None:
        Guest.objects.filter(id=self.reservation.guest_id).update(**changes)


@dataclass
class Drift:
    """Plants differences and counts what a reconciliation has to do about them."""

    hotel: ConnectedHotel
    state: State
    seed: int = 1
    fixes: Counter[Fix] = field(default_factory=Counter)
    flags: Counter[ConflictKind] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.today = host_pms().property_facts(self.hotel.channel_property.property_id).today()

    def pair(self, *, has_begun: bool = False) -> Pair:
        """Linked and equal, somewhere in the window: the guest is expected, or has come or left."""
        days = self.random.randrange(-25, 0) if has_begun else self.random.randrange(80)
        check_in = self.today + timedelta(days=days)
        booking = self.booking(check_in)
        with on_behalf_of(self.hotel.channel_property.id):
            reservation = ReservationFactory(
                room_type=self.hotel.double,
                check_in=check_in,
                check_out=check_in + timedelta(days=2),
                price=PRICE,
                guest__last_name="Hopper",
                guest__first_name="Grace",
                guest__email="grace@example.org",
            )
        ReservationLink.objects.create(
            channel_property=self.hotel.channel_property, external_id=str(booking["id"]), reservation=reservation
        )
        return Pair(booking, reservation)

    def booking(self, check_in: date) -> dict[str, Any]:
        booking = new_booking(self.state) | {
            "propertyId": 1001,
            "modifiedTime": utc_now(),
            "roomId": 2001,
            "arrival": str(check_in),
            "departure": str(check_in + timedelta(days=2)),
            "firstName": "Grace",
            "lastName": "Hopper",
            "email": "grace@example.org",
            "price": float(PRICE),
        }
        self.state.bookings[booking["id"]] = booking
        return booking

    def plant(self, *, equal: int = 5) -> None:
        """Each kind one to four times, among pairs that are equal."""
        for kind in self.kinds():
            for _ in range(self.random.randint(1, 4)):
                kind()
        for _ in range(equal):
            self.pair()

    def kinds(self) -> Iterator[Callable[[], None]]:
        yield self.missing_in_pms
        yield self.cancelled_and_never_known
        yield self.cancelled_at_beds24
        yield self.other_dates
        yield self.moved_out_of_the_window
        yield lambda: self.price(Decimal("210.00"), Fix.PRICE)  # 10 of 200: exactly 5 %
        yield lambda: self.price(Decimal("190.00"), Fix.PRICE)
        yield lambda: self.price(Decimal("210.01"), ConflictKind.PRICE)
        yield lambda: self.price(Decimal("189.99"), ConflictKind.PRICE)
        yield self.price_of_nothing
        yield self.other_guest
        yield self.same_guest_in_other_letters
        yield self.other_room
        yield self.other_units
        yield self.cancelled_in_pms
        yield self.gone_at_beds24
        yield self.never_sent
        yield self.on_its_way
        yield self.price_and_guest
        yield self.begun_and_cancelled
        yield self.begun_and_moved_to_another_room
        yield self.begun_with_another_price

    def missing_in_pms(self) -> None:
        self.booking(self.today + timedelta(days=self.random.randrange(80)))
        self.fixes[Fix.CREATE] += 1

    def cancelled_and_never_known(self) -> None:
        self.booking(self.today)["status"] = "cancelled"

    def cancelled_at_beds24(self) -> None:
        self.pair().at_beds24(status="cancelled")
        self.fixes[Fix.CANCEL] += 1

    def other_dates(self) -> None:
        pair = self.pair()
        pair.at_beds24(departure=str(pair.reservation.check_out + timedelta(days=1)))
        self.flags[ConflictKind.DATES] += 1

    def moved_out_of_the_window(self) -> None:
        far = self.today + timedelta(days=300)
        self.pair().at_beds24(arrival=str(far), departure=str(far + timedelta(days=2)))
        self.flags[ConflictKind.DATES] += 1

    def price(self, in_pms: Decimal, expected: Fix | ConflictKind) -> None:
        self.pair().in_pms(price=in_pms)
        if isinstance(expected, Fix):
            self.fixes[expected] += 1
        else:
            self.flags[expected] += 1

    def price_of_nothing(self) -> None:
        self.pair().at_beds24(price=0)
        self.flags[ConflictKind.PRICE] += 1

    def other_guest(self) -> None:
        self.pair().guest_in_pms(last_name="Lovelace")
        self.flags[ConflictKind.GUEST] += 1

    def same_guest_in_other_letters(self) -> None:
        self.pair().guest_in_pms(last_name=" HOPPER ", email="Grace@Example.org")

    def other_room(self) -> None:
        self.pair().at_beds24(roomId=2002)
        self.flags[ConflictKind.ROOM] += 1

    def other_units(self) -> None:
        self.pair().at_beds24(roomQty=2)
        self.flags[ConflictKind.ROOM] += 1

    def cancelled_in_pms(self) -> None:
        self.pair().in_pms(status=ReservationStatus.CANCELLED)
        self.flags[ConflictKind.STATUS] += 1

    def gone_at_beds24(self) -> None:
        del self.state.bookings[self.pair().booking["id"]]
        self.flags[ConflictKind.MISSING_AT_CHANNEL] += 1

    def never_sent(self) -> None:
        self._unlinked()
        self.flags[ConflictKind.MISSING_AT_CHANNEL] += 1

    def on_its_way(self) -> None:
        reservation = self._unlinked()
        OutboundEventFactory(
            channel_property=self.hotel.channel_property,
            event_type=EventType.BOOKING_CREATE,
            entity_internal_id=reservation.id,
            payload={"room_type_id": str(self.hotel.double.id)},
        )

    def price_and_guest(self) -> None:
        pair = self.pair()
        pair.in_pms(price=Decimal("206.00"))
        pair.guest_in_pms(first_name="Ada")
        self.fixes[Fix.PRICE] += 1
        self.flags[ConflictKind.GUEST] += 1

    def begun_and_cancelled(self) -> None:
        self.pair(has_begun=True).at_beds24(status="cancelled")
        self.flags[ConflictKind.STAY_BEGUN] += 1

    def begun_and_moved_to_another_room(self) -> None:
        pair = self.pair(has_begun=True)
        pair.at_beds24(roomId=2002, departure=str(pair.reservation.check_out + timedelta(days=1)))
        self.flags[ConflictKind.STAY_BEGUN] += 1

    def begun_with_another_price(self) -> None:
        self.pair(has_begun=True).in_pms(price=Decimal("206.00"))
        self.fixes[Fix.PRICE] += 1

    def _unlinked(self) -> Reservation:
        with on_behalf_of(self.hotel.channel_property.id):
            made: Reservation = ReservationFactory(
                room_type=self.hotel.double, check_in=self.today + timedelta(days=self.random.randrange(80))
            )
        return made
