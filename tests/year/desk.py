"""What the front office does: through the services that its screens call."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from channel_sync.errors import ChannelSyncError
from channel_sync.models import Conflict, ConflictStatus
from channel_sync.operations.conflicts import resolve
from channel_sync.reconciliation.resolution import Resolution
from pms_project.pms.models import DailyRate, MaintenanceBlock, Reservation, ReservationStatus, StayPhase
from pms_project.pms.services.errors import PmsError
from pms_project.pms.services.rates import RateChange, set_rates
from pms_project.pms.services.reservations import (
    NewReservation,
    book_again,
    cancel_reservation,
    change_reservation,
    create_group,
    create_reservation,
)
from pms_project.pms.services.stays import check_in, check_out, mark_no_show
from tests.year.hotel import BY, UNITS, GameHotel

STAYS = (ReservationStatus.CONFIRMED, ReservationStatus.PENDING_SYNC)


@dataclass
class Desk:
    """The people of the hotel; what they cannot do they leave."""

    hotel: GameHotel
    random: random.Random
    note: Callable[[str], None]
    guests: int = 0
    made: int = 0
    changed: int = 0
    refused: int = 0

    def attempt(self, what: str, do: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Do it, or be refused in words; what comes of it."""
        try:
            done = do(*arguments, **options)
        except PmsError as error:
            self.refused += 1
            self.note(f"desk: {what}: refused, {error}")
            return None
        self.note(f"desk: {what}")
        return done

    def reserve(self, today: date, *, walk_in: bool = False) -> None:
        """Sell a room for a later day, or to somebody who stands there."""
        first = today if walk_in else today + timedelta(days=self.lead_time())
        nights = self.random.choice([1, 1, 2]) if walk_in else self.random.choice([1, 2, 2, 3, 4, 7])
        wanted = self._new(self.room_type(), first, nights)
        told = f"{'walk-in' if walk_in else 'reserve'} {_told(self.hotel, wanted)}"
        if self.attempt(told, create_reservation, wanted):
            self.made += 1

    def reserve_a_group(self, today: date) -> None:
        """Two or three rooms, of several types, that go together."""
        first, nights = today + timedelta(days=self.lead_time()), self.random.choice([1, 2, 3])
        wanted = [self._new(self.room_type(), first, nights) for _ in range(self.random.choice([2, 3]))]
        told = "; ".join(_told(self.hotel, one) for one in wanted)
        if self.attempt(f"group {told}", create_group, wanted):
            self.made += len(wanted)

    def change(self, today: date) -> None:
        """Other dates, or another number of guests, of a stay to come."""
        if one := self._choose(self._to_come(today)):
            moved = timedelta(days=self.random.choice([-2, -1, 1, 2, 5]))
            longer = timedelta(days=self.random.choice([0, 0, 1]))
            first = max(one.check_in + moved, today)
            last = max(one.check_out + moved + longer, first + timedelta(days=1))
            self._change(f"move {self._name(one)} to {first}..{last}", one, check_in=first, check_out=last)

    def upgrade(self, today: date) -> None:
        """Another room type, of a stay to come or of a guest in house."""
        if one := self._choose([*self._to_come(today)[:5], *self._in_house(today)]):
            other = self.random.choice([name for name in UNITS if self.hotel.room_types[name].id != one.room_type_id])
            self._change(f"upgrade {self._name(one)} to {other}", one, room_type_id=self.hotel.room_types[other].id)

    def cancel(self, today: date) -> None:
        """A stay to come; now and then one that an OTA has sold."""
        own = [one for one in self._to_come(today) if one.source == "PMS"]
        ota = [one for one in self._to_come(today) if one.source != "PMS"]
        if one := self._choose(ota if self.random.random() < 0.15 else own):
            self.attempt(f"cancel {self._name(one)}", cancel_reservation, one.id)
            self.changed += 1

    def morning(self, today: date) -> None:
        """Guests leave, and some leave early."""
        for one in self._in_house(today):
            if one.check_out <= today and one.phase == StayPhase.IN_HOUSE:
                self.attempt(f"check out {self._name(one)}", check_out, one.id)
            elif one.check_in < today < one.check_out and self.random.random() < 0.04:
                self._change(f"early departure of {self._name(one)}", one, check_out=today)
                if one.phase == StayPhase.IN_HOUSE:
                    self.attempt("and check out", check_out, one.id)
            elif today < one.check_out and self.random.random() < 0.05:
                last = one.check_out + timedelta(days=self.random.choice([1, 2]))
                self._change(f"extend {self._name(one)} to {last}", one, check_out=last)

    def evening(self, today: date) -> None:
        """Guests have come, or not; some are not marked at all."""
        for one in self._found(check_in=today, status=ReservationStatus.CONFIRMED, phase=""):
            luck = self.random.random()
            if luck < 0.85:
                self.attempt(f"check in {self._name(one)}", check_in, one.id)
            elif luck < 0.92:
                self.attempt(f"no-show {self._name(one)}", mark_no_show, one.id)
                if self.random.random() < 0.5 and one.check_out > today + timedelta(days=1):
                    # Only its first night is kept.
                    self._change(f"shorten {self._name(one)}", one, check_out=today + timedelta(days=1))

    def book_failed_again(self, today: date) -> None:
        """What the channel refused is offered on other dates, or given up."""
        for one in self._found(status=ReservationStatus.FAILED, check_in__gt=today)[:2]:
            if self.random.random() < 0.5:
                self.attempt(f"give up {self._name(one)}", cancel_reservation, one.id)
                continue
            moved = timedelta(days=self.random.randint(1, 9))
            dates = {"check_in": one.check_in + moved, "check_out": one.check_out + moved}
            self._change(f"other dates for {self._name(one)}", one, **dates)
            self.attempt(f"book again {self._name(one)}", book_again, one.id, by=BY)

    def take_out_of_order(self, today: date) -> None:
        """A room, soon or far ahead: some beyond the end of the calendar."""
        name = self.room_type()
        room = self.random.choice(self.hotel.rooms[name])
        first = today + timedelta(days=self.random.choice([0, 1, 3, 10, 40, 130, 380, 499, 520]))
        last = first + timedelta(days=self.random.choice([1, 2, 5]))
        self.note(f"desk: {name} {room.number} is out of order {first}..{last}")
        block = MaintenanceBlock(room=room, start=first, end=last)
        if self.random.random() < 0.5:
            block.save()
        else:
            # Past the signals: the triggers see it.
            MaintenanceBlock.objects.bulk_create([block])

    def put_into_order(self, today: date) -> None:
        """A room is ready earlier."""
        blocks = MaintenanceBlock.objects.filter(end__gt=today).order_by("start", "end", "room__number")
        if found := self._choose(list(blocks)):
            self.note(f"desk: {found.room.number} is in order, was out {found.start}..{found.end}")
            found.delete()

    def change_prices(self, today: date) -> None:
        """Other prices, for some nights of a plan."""
        name, first, last = self._nights(today)
        price = self.random.randint(50, 300)
        self.note(f"desk: {name} costs {price} on {first}..{last}")
        set_rates([RateChange(self.hotel.plans[name].id, first, last, price, min_stay=self.random.choice([1, 1, 2]))])

    def stop_sell(self, today: date) -> None:
        """A plan is not sold for some nights; or all of a room's."""
        name, first, last = self._nights(today)
        room = name.split()[0]
        names = [name] if self.random.random() < 0.6 else [one for one in self.hotel.plans if one.startswith(room)]
        self.note(f"desk: stop sell of {', '.join(names)} on {first}..{last}")
        for one in names:
            set_rates([RateChange(self.hotel.plans[one].id, first, last, 111, stop_sell=True)])

    def usual_prices(self, today: date) -> None:
        """Prices and sales as ever: closed nights are open again, deleted ones priced."""
        name, first, last = self._nights(today, longest=30)
        self.note(f"desk: {name} as usual on {first}..{last}")
        self.hotel.price(first, last, plans=(name,))

    def delete_rates(self, today: date) -> None:
        """Nights without a price."""
        name, first, last = self._nights(today)
        self.note(f"desk: no price for {name} on {first}..{last}")
        DailyRate.objects.filter(rate_plan=self.hotel.plans[name], night__gte=first, night__lt=last).delete()

    def settle_conflicts(self, share: float) -> None:
        """Somebody looks at some of what is open, and decides."""
        found = Conflict.objects.filter(status=ConflictStatus.OPEN).order_by("created_at", "kind", "subject")
        for conflict in found:
            if self.random.random() >= share:
                continue
            for resolution in self.random.sample(list(Resolution), len(Resolution)):
                try:
                    resolve(conflict, resolution, by=BY)
                except ChannelSyncError:
                    continue
                self.note(f"desk: {conflict} is settled: {resolution}")
                break

    def room_type(self) -> str:
        """One of them, the larger ones more often."""
        return self.random.choices(list(UNITS), list(UNITS.values()))[0]

    def lead_time(self) -> int:
        """Days until an arrival: most come soon, few in more than a year."""
        return min(int(self.random.expovariate(1 / 20)), 470) if self.random.random() < 0.97 else 505

    def _new(self, name: str, first: date, nights: int) -> NewReservation:
        self.guests += 1
        guest = {"first_name": "Ada", "last_name": f"Desk{self.guests:05}"}
        return NewReservation(
            self.hotel.room_types[name].id, first, first + timedelta(days=nights), price=100 * nights, guest=guest
        )

    def _change(self, what: str, one: Reservation, **changes: Any) -> None:
        if self.attempt(what, change_reservation, one.id, changes):
            self.changed += 1

    def _nights(self, today: date, longest: int = 10) -> tuple[str, date, date]:
        first = today + timedelta(days=self.random.choice([0, 1, 5, 20, 60, 200, 370, 490]))
        return (
            self.random.choice(list(self.hotel.plans)), first, first + timedelta(days=self.random.randint(1, longest)),
        )  # fmt: skip

    def _to_come(self, today: date) -> list[Reservation]:
        return self._found(check_in__gt=today, status__in=STAYS)

    def _in_house(self, today: date) -> list[Reservation]:
        here = {"check_in__lt": today, "check_out__gte": today, "phase__in": ("", StayPhase.IN_HOUSE)}
        return self._found(status=ReservationStatus.CONFIRMED, **here)

    def _found(self, **which: Any) -> list[Reservation]:
        found = Reservation.objects.filter(**which).select_related("guest")
        return list(found.order_by("check_in", "guest__last_name"))

    def _choose(self, found: list[Any]) -> Any:
        return self.random.choice(found) if found else None

    def _name(self, one: Reservation) -> str:
        room = next(name for name, kind in self.hotel.room_types.items() if kind.id == one.room_type_id)
        guest = one.guest.last_name if one.guest else "nobody"
        return f"{guest} ({one.status} {one.units}x{room} {one.check_in}..{one.check_out} {one.phase})"


def _told(hotel: GameHotel, wanted: NewReservation) -> str:
    room = next(name for name, kind in hotel.room_types.items() if kind.id == wanted.room_type_id)
    return f"{wanted.guest['last_name']}: {wanted.units}x{room} {wanted.check_in}..{wanted.check_out}"
