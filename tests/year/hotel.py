"""The hotel of the game on both sides, and how it goes live, is paused and is resumed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from channel_sync.channels.beds24.simulator.app import Simulator
from channel_sync.channels.beds24.simulator.state import Room as SimulatedRoom
from channel_sync.connections.connect import Connected
from channel_sync.models import ChannelMapping, ChannelProperty, ChannelPropertyStatus, MappingType
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import create_mapping
from channel_sync.operations.properties import NewConnection, connect, pause, resume
from pms_project.pms.models import DailyRate, HotelSettings, RatePlan, Room, RoomType
from pms_project.pms.services.rates import RateChange, set_rates
from tests.factories import HotelFactory, RatePlanFactory, RoomFactory, RoomTypeFactory
from tests.year.workers import Workers

BY = "the front office"
PROPERTY = 1001
INVITE_CODE = "YEAR"
# Beyond the end of the calendar, so that its last nights have prices whenever they come into reach.
PRICED_NIGHTS = 560
UNITS = {"Double": 6, "Single": 4, "Suite": 2}
BASE_PRICES = {"Double Flexible": 120, "Double Saver": 96, "Single Flexible": 80, "Suite Flexible": 240}
ROOM_IDS = {"Double": 2001, "Single": 2002, "Suite": 2003}
SLOTS = {"Double Flexible": "2001:1", "Double Saver": "2001:2", "Single Flexible": "2002:1", "Suite Flexible": "2003:1"}
# These are mapped on the first day; the others in the course of the game.
AT_ONCE = ("Double Flexible", "Single Flexible")
SEED: dict[str, Any] = {
    "accounts": [
        {
            "owner_id": 901,
            "invite_codes": [INVITE_CODE],
            "properties": [
                {
                    "id": PROPERTY,
                    "name": "Fast Motion Hotel",
                    "rooms": [
                        {"id": ROOM_IDS[name], "name": f"{name} at the channel", "qty": units}
                        for name, units in UNITS.items()
                    ],
                }
            ],
        }
    ]
}


@dataclass
class GameHotel:
    """Both sides of the hotel."""

    simulator: Simulator
    workers: Workers
    pms: HotelSettings
    room_types: dict[str, RoomType]
    plans: dict[str, RatePlan]
    rooms: dict[str, list[Room]]
    connection: Connected | None = field(default=None)

    @classmethod
    def built(cls, simulator: Simulator, workers: Workers, today: date) -> GameHotel:
        """In the PMS, with prices, not connected yet."""
        hotel = HotelFactory(name="Fast Motion Hotel", time_zone="Europe/Madrid")
        room_types = {name: RoomTypeFactory(hotel=hotel, name=name, units=units) for name, units in UNITS.items()}
        rooms = {
            name: [RoomFactory(room_type=kind, number=f"{name[0]}{number}") for number in range(kind.units)]
            for name, kind in room_types.items()
        }
        plans = {
            name: RatePlanFactory(room_type=room_types[name.split()[0]], name=name.split()[1]) for name in BASE_PRICES
        }
        made = cls(simulator, workers, hotel, room_types, plans, rooms)
        ahead = [today + timedelta(days=offset) for offset in range(PRICED_NIGHTS)]
        DailyRate.objects.bulk_create(
            DailyRate(rate_plan=plan, night=night, price=_price(name, night))
            for name, plan in plans.items()
            for night in ahead
        )
        return made

    @property
    def channel_property(self) -> ChannelProperty:
        """As it is now."""
        return ChannelProperty.objects.get(property_id=self.pms.id)

    @property
    def is_paused(self) -> bool:
        """Whether somebody has paused it."""
        return self.channel_property.status == ChannelPropertyStatus.INACTIVE

    def simulated_room(self, name: str) -> SimulatedRoom:
        """The room at the channel that is meant by a room type, mapped or not."""
        return self.simulator.state.rooms[ROOM_IDS[name]]

    def is_mapped(self, name: str) -> bool:
        """Whether a room type is sold by the channel."""
        return self._mappings(MappingType.ROOM_TYPE).filter(internal_id=self.room_types[name].id).exists()

    def mapped_plans(self) -> dict[str, str]:
        """Rate plan -> its slot, of those that are sent."""
        mapped = set(self._mappings(MappingType.RATE).values_list("internal_id", flat=True))
        return {name: SLOTS[name] for name, plan in self.plans.items() if plan.id in mapped}

    def price(self, start: date, end: date, *, plans: tuple[str, ...] = tuple(BASE_PRICES)) -> None:
        """Set the usual prices, dearer at the weekend and in summer."""
        changes = []
        for name in plans:
            first = start
            while first < end:
                last = first + timedelta(days=1)
                while last < end and _price(name, last) == _price(name, first):
                    last += timedelta(days=1)
                changes.append(RateChange(self.plans[name].id, first, last, _price(name, first)))
                first = last
        set_rates(changes)

    def go_live(self, webhook_url: str) -> None:
        """Connect, map what is mapped at once, import and send: with the parity report accepted, where there is one."""
        outcome = connect(
            NewConnection(self.pms.id, "beds24", INVITE_CODE, webhook_url=webhook_url, set_webhook=True), by=BY
        )
        self.connection = outcome.connected
        for name in AT_ONCE:
            self.map_room(name.split()[0])
            self.map_plan(name)
        self.workers.check_parity()

    def map_room(self, name: str) -> None:
        """Let the channel sell a room type."""
        self._map(MappingType.ROOM_TYPE, self.room_types[name].id, str(ROOM_IDS[name]))

    def map_plan(self, name: str) -> None:
        """Send a rate plan."""
        self._map(MappingType.RATE, self.plans[name].id, SLOTS[name])

    def pause(self) -> None:
        """Send nothing."""
        pause(self.channel_property, by=BY)

    def resume(self) -> None:
        """Send again, once the parity report is accepted."""
        resume(self.channel_property, by=BY)
        self.workers.check_parity()

    def _map(self, kind: MappingType, internal_id: Any, external_id: str) -> None:
        create_mapping(WantedMapping(self.channel_property, kind, internal_id, external_id), by=BY)
        if self.channel_property.held_since is None:
            self.workers.check_parity()

    def _mappings(self, kind: MappingType) -> Any:
        return ChannelMapping.objects.filter(channel_property__property=self.pms, mapping_type=kind, is_active=True)


def _price(name: str, night: date) -> Decimal:
    factor = Decimal("1.25") if night.weekday() in (4, 5) else Decimal(1)
    return BASE_PRICES[name] * factor * (Decimal("1.4") if night.month in (7, 8) else Decimal(1))
