"""What the simulated Beds24 knows. One lock guards all of it."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from channel_sync.channels.beds24.simulator.webhook_settings import WebhookSettings

Json = dict[str, Any]

PRICES = tuple(f"price{slot}" for slot in range(1, 17))
DEFAULT_SCOPES = (
    "all:bookings",
    "all:bookings-personal",
    "all:bookings-financial",
    "all:inventory",
    "all:properties",
    "all:channels",
)
TAKES_A_ROOM = ("confirmed", "new", "request", "black")


@dataclass
class Room:
    """A room type with its number of units and its calendar.

    `fixed_price` stands for prices that are set elsewhere than in the calendar, and hold for every night. `price_names`
    are the names of price slots that have a price rule, by their number.
    """

    id: int
    property_id: int
    name: str
    qty: int
    fixed_price: float | None = None
    price_names: dict[int, str] = field(default_factory=dict)
    num_avail: dict[date, int] = field(default_factory=dict)
    booked: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    days: dict[date, Json] = field(default_factory=lambda: defaultdict(dict))

    def available(self, night: date) -> int:
        """What was set and has not been booked since; never more than the units that nobody has booked."""
        return min(self.num_avail.get(night, self.qty), self.qty - self.booked.get(night, 0))

    def on_sale(self, night: date) -> int:
        """`numAvail` as it is shown: a night without a price has nothing to sell."""
        available = self.available(night)
        return available if self.price(night) is not None else min(available, 0)

    def price(self, night: date) -> float | None:
        """The price of the first slot that has one; None where nothing is set."""
        values = self.days.get(night, {})
        prices = (values[name] for name in PRICES if values.get(name) is not None)
        return next(prices, self.fixed_price)

    def take(self, booking: Json, sign: int) -> None:
        """Lower (`sign` -1) or raise (+1) `numAvail` by a booking that takes rooms."""
        if booking["status"] in TAKES_A_ROOM:
            for night in nights_of(booking):
                units = sign * int(booking["roomQty"])
                self.num_avail[night] = self.num_avail.get(night, self.qty) + units
                self.booked[night] -= units


@dataclass
class Property:
    """A property and where its webhooks go."""

    id: int
    owner_id: int
    name: str
    currency: str = "EUR"
    webhook: WebhookSettings = field(default_factory=WebhookSettings)


@dataclass
class Account:
    """An account: tokens and credits are counted by it."""

    owner_id: int
    invite_codes: set[str] = field(default_factory=set, repr=False)
    refresh_tokens: set[str] = field(default_factory=set, repr=False)
    tokens: dict[str, datetime] = field(default_factory=dict, repr=False)
    device_name: str = ""
    scopes: list[str] = field(default_factory=lambda: list(DEFAULT_SCOPES))
    credit_limit: float = 100
    window_seconds: int = 300
    window_started: datetime | None = None
    credits_used: float = 0
    most_credits_used: float = 0
    calls_over_the_limit: int = 0
    calls_under_way: int = 0
    most_calls_at_once: int = 0


class State:
    """Accounts, properties, rooms, bookings and the log of calls."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.booking_ids = itertools.count(5_000_001)
        self.accounts: dict[int, Account] = {}
        self.properties: dict[int, Property] = {}
        self.rooms: dict[int, Room] = {}
        self.bookings: dict[int, Json] = {}
        self.invoice_dates: dict[int, str] = {}
        self.message_ids = itertools.count(9_000_001)
        self.messages: dict[int, Json] = {}
        self.reports: list[Json] = []
        self.calls: list[Json] = []

    def seed(self, seed: Json) -> None:
        """Start over from a description of accounts, properties and rooms."""
        with self.lock:
            self.accounts.clear()
            self.properties.clear()
            self.rooms.clear()
            self.bookings.clear()
            self.invoice_dates.clear()
            self.messages.clear()
            self.reports.clear()
            self.calls.clear()
            for account in seed["accounts"]:
                self._add_account(account)

    def _add_account(self, seed: Json) -> None:
        owner_id = int(seed["owner_id"])
        self.accounts[owner_id] = Account(
            owner_id=owner_id,
            invite_codes=set(seed.get("invite_codes", [])),
            credit_limit=seed.get("credit_limit", 100),
            window_seconds=seed.get("window_seconds", 300),
            scopes=list(seed.get("scopes", DEFAULT_SCOPES)),
        )
        for wanted in seed.get("properties", []):
            created = Property(int(wanted["id"]), owner_id, wanted["name"], wanted.get("currency", "EUR"))
            self.properties[created.id] = created
            for room in wanted.get("rooms", []):
                self.rooms[int(room["id"])] = Room(
                    int(room["id"]), created.id, room["name"], int(room["qty"]), room.get("fixed_price")
                )
                self.rooms[int(room["id"])].price_names = {
                    int(slot): name for slot, name in room.get("price_names", {}).items()
                }

    def forget_booking(self, booking_id: int) -> Json:
        """Delete a booking with its messages, and return what it was."""
        booking = self.bookings.pop(booking_id)
        self.rooms[booking["roomId"]].take(booking, +1)
        for number in [number for number, found in self.messages.items() if found["bookingId"] == booking_id]:
            del self.messages[number]
        return booking

    def owned_rooms(self, account: Account) -> dict[int, Room]:
        """The rooms that an account may see."""
        return {
            room.id: room
            for room in self.rooms.values()
            if self.properties[room.property_id].owner_id == account.owner_id
        }


def nights_of(booking: Json) -> Iterator[date]:
    """The nights of a booking; the departure day is none."""
    arrival, departure = date.fromisoformat(booking["arrival"]), date.fromisoformat(booking["departure"])
    return (arrival + timedelta(days=offset) for offset in range((departure - arrival).days))


def utc_now(*, seconds_ago: int = 0) -> str:
    """Now, or a little earlier, the way Beds24 writes times."""
    return (datetime.now(UTC) - timedelta(seconds=seconds_ago)).strftime("%Y-%m-%dT%H:%M:%SZ")


DEFAULT_SEED: Json = {
    "accounts": [
        {
            "owner_id": 901,
            "invite_codes": ["DEMO-INVITE-CODE"],
            "properties": [
                {
                    "id": 1001,
                    "name": "Harbour View Hotel",
                    "rooms": [
                        {"id": 2001, "name": "Double Room", "qty": 10, "fixed_price": 100},
                        {"id": 2002, "name": "Single Room", "qty": 5, "fixed_price": 100},
                        {"id": 2003, "name": "Suite", "qty": 2, "fixed_price": 100},
                    ],
                }
            ],
        }
    ]
}
