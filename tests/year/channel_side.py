"""What happens at the channel: OTAs sell what it offers, and somebody at the hotel works in its own pages."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from channel_sync.channels.beds24.simulator.state import TAKES_A_ROOM, Json
from pms_project.demo.parties import SimulatedBeds24
from tests.year.hotel import ROOM_IDS, UNITS, GameHotel


@dataclass
class ChannelSide:
    """OTAs and the hotelier at Beds24; an OTA never sells what is not offered."""

    hotel: GameHotel
    controls: SimulatedBeds24
    random: random.Random
    note: Callable[[str], None]
    guests: int = 0
    sold: int = 0
    changed: int = 0
    closed_by_hand: list[tuple[str, date, date]] = field(default_factory=list)

    def book(self, name: str, first: date, nights: int, units: int = 1) -> bool:
        """A guest books at an OTA, if it is offered."""
        last = first + timedelta(days=nights)
        if not self._offers(name, first, last, units):
            return False
        self.guests += 1
        made = self.controls.book(
            roomId=ROOM_IDS[name], arrival=str(first), departure=str(last), roomQty=units, price=100 * nights,
            firstName="Grace", lastName=f"Ota{self.guests:05}",
        )  # fmt: skip
        self.sold += 1
        self.note(f"OTA: booking {made['id']} Ota{self.guests:05}: {units}x{name} {first}..{last}")
        return True

    def change(self, today: date) -> None:
        """Other dates, or another room, if it is offered; also of guests who are in house."""
        booking = self._choose(today)
        if booking is None:
            return
        names = {number: name for name, number in ROOM_IDS.items()}
        first, last = date.fromisoformat(booking["arrival"]), date.fromisoformat(booking["departure"])
        moved = timedelta(days=self.random.choice([-3, -1, 1, 2, 4]))
        after = {
            "dates": (names[booking["roomId"]], max(first + moved, today), max(last + moved, today + timedelta(1))),
            "longer": (names[booking["roomId"]], first, last + timedelta(days=1)),
            "room": (self.random.choice(list(UNITS)), first, last),
        }[self.random.choice(["dates", "longer", "room"])]
        if after[2] <= after[1] or not self._offers_beside(booking, *after):
            return
        changes = {"roomId": ROOM_IDS[after[0]], "arrival": str(after[1]), "departure": str(after[2])}
        self.controls.change(booking["id"], **changes)
        self.changed += 1
        was = f"{names[booking['roomId']]} {first}..{last}"
        self.note(f"OTA: booking {booking['id']} is {after[0]} {after[1]}..{after[2]}, was {was}")

    def cancel(self, today: date) -> None:
        """A guest cancels at the OTA, now and then during the stay."""
        if booking := self._choose(today):
            self.controls.change(booking["id"], status="cancelled")
            self.changed += 1
            self.note(f"OTA: booking {booking['id']} is cancelled, {booking['arrival']}..{booking['departure']}")

    def delete(self, today: date) -> None:
        """A booking is deleted at the channel, which sends no webhook."""
        if booking := self._choose(today):
            with self.hotel.simulator.state.lock:
                self.hotel.simulator.state.forget_booking(booking["id"])
            self.note(f"hotelier at the channel: booking {booking['id']} is deleted")

    def write_notes(self, today: date) -> None:
        """Something changes that takes no room."""
        if booking := self._choose(today):
            self.controls.change(booking["id"], notes=f"note {self.random.randint(1, 999)}", numAdult=2)
            self.note(f"OTA: notes of booking {booking['id']}")

    def close_by_hand(self, today: date) -> None:
        """Somebody closes a room in the channel's own calendar."""
        name, first = self._room(), today + timedelta(days=self.random.choice([1, 4, 15, 60]))
        last = first + timedelta(days=self.random.choice([0, 1, 3]))
        self._touch(name, first, last, override="blackout")
        self.closed_by_hand.append((name, first, last))

    def open_by_hand(self) -> None:
        """And opens it again, which offers all that has no booking there."""
        if self.closed_by_hand:
            name, first, last = self.closed_by_hand.pop(self.random.randrange(len(self.closed_by_hand)))
            self._touch(name, first, last, override="none")

    def set_units_by_hand(self, today: date) -> None:
        """Somebody changes how many units are offered."""
        name, first = self._room(), today + timedelta(days=self.random.choice([0, 2, 9, 30]))
        self._touch(name, first, first + timedelta(days=self.random.choice([0, 1])), numAvail=self.random.randint(0, 6))

    def set_price_by_hand(self, today: date) -> None:
        """Somebody changes a price, a little or a lot."""
        name, first = self._room(), today + timedelta(days=self.random.choice([2, 9, 30]))
        day = self.hotel.simulated_room(name).days.get(first, {})
        if day.get("price1") is not None:
            price = round(day["price1"] * self.random.choice([0.97, 1.02, 0.7, 1.5]), 2)
            self._touch(name, first, first, price1=price)

    def offered_nights(self, name: str, first: date, last: date) -> int:
        """The least number of units that are offered for a whole stay."""
        room = self.hotel.simulated_room(name)
        stay = [first + timedelta(days=offset) for offset in range((last - first).days)]
        closed = any(room.days.get(night, {}).get("override") == "blackout" for night in stay)
        return 0 if closed else min(room.on_sale(night) for night in stay)

    def _offers(self, name: str, first: date, last: date, units: int) -> bool:
        return self.offered_nights(name, first, last) >= units

    def _offers_beside(self, booking: Json, name: str, first: date, last: date) -> bool:
        """Whether a change is offered: on the nights that the booking has already nothing more is needed."""
        stay = [first + timedelta(days=offset) for offset in range((last - first).days)]
        own = ROOM_IDS[name] == booking["roomId"]
        more = [night for night in stay if not (own and booking["arrival"] <= str(night) < booking["departure"])]
        return all(self._offers(name, night, night + timedelta(days=1), booking["roomQty"]) for night in more)

    def _choose(self, today: date) -> Json | None:
        bookings = self.hotel.simulator.state.bookings.values()
        found = [
            booking
            for booking in bookings
            if booking["status"] in TAKES_A_ROOM
            and booking["departure"] > str(today)
            and booking["channel"] == "booking"
        ]
        return self.random.choice(found) if found else None

    def _room(self) -> str:
        return self.random.choice(list(UNITS))

    def _touch(self, name: str, first: date, last: date, **values: Any) -> None:
        self.controls.set_calendar(str(ROOM_IDS[name]), first, last, **values)
        self.note(f"hotelier at the channel: {name} {first}..{last} {values}")
