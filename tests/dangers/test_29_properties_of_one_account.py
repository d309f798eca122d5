"""What failed for one property of an account was taken for answered by its neighbour, and burned its attempts."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db.models import F

from channel_sync.channels.beds24.simulator import booking_writes, bookings
from channel_sync.channels.beds24.simulator.answers import ApiError
from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED
from channel_sync.connections.connect import connect_property
from channel_sync.connections.suggestions import save_suggestions
from channel_sync.events.processing import process
from channel_sync.events.store import hand_over
from channel_sync.models import (
    WAITING_STATUSES,
    ChannelAccount,
    ChannelEvent,
    ChannelProperty,
    Direction,
    EventStatus,
    RateLimitBucket,
)
from pms_project.pms.models import Reservation, ReservationStatus, RoomType
from pms_project.pms.services.reservations import NewReservation, create_reservation
from tests.conftest import RunningSimulator
from tests.dangers.working import LONG_AGO, NIGHT
from tests.factories import HotelFactory, MaintenanceBlockFactory, RoomFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db

TURNS = 8


@dataclass(frozen=True)
class Hotel:
    """One of two hotels of an account."""

    channel_property: ChannelProperty
    double: RoomType


@dataclass(frozen=True)
class TwoHotels:
    """Both are connected with one login; the first one is going to have trouble."""

    troubled: Hotel
    neighbour: Hotel
    beds24: RunningSimulator


@pytest.fixture
def hotels(
    db: None, start_simulator: Callable[[dict[str, Any]], RunningSimulator], settings: LazySettings
) -> TwoHotels:
    seed = copy.deepcopy(DEFAULT_SEED)
    account = seed["accounts"][0]
    account |= {"credit_limit": 100_000, "invite_codes": ["FIRST", "SECOND"]}
    rooms = [{"id": 3001, "name": "Double Room", "qty": 10, "fixed_price": 100}]
    account["properties"].append({"id": 1002, "name": "Hill View Hotel", "rooms": rooms})
    beds24 = start_simulator(seed)
    options = {"beds24": {"base_url": f"{beds24.address}/v2", "read_timeout": 5.0}}
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "channel_options": options}
    return TwoHotels(connected_hotel("FIRST", "1001"), connected_hotel("SECOND", "1002"), beds24)


def connected_hotel(invite_code: str, channel_property_id: str) -> Hotel:
    hotel = HotelFactory()
    double = RoomTypeFactory(hotel=hotel, name="Double Room", units=10)
    made = connect_property(
        hotel.id, channel_name="beds24", invite_code=invite_code, channel_property_id=channel_property_id
    )
    save_suggestions(made.channel_property, made.suggestions.matches)
    return Hotel(made.channel_property, double)


def time_passes() -> None:
    """What waits to be sent is due and worked once, and so is the next probe."""
    waiting = ChannelEvent.objects.filter(status__in=WAITING_STATUSES, direction=Direction.OUTBOUND)
    waiting.update(next_attempt_at=LONG_AGO)
    hand_over()
    for event_id in list(waiting.order_by("received_at").values_list("id", flat=True)):
        ChannelAccount.objects.update(probe_at=LONG_AGO, credits_remaining=None)
        RateLimitBucket.objects.update(tokens=F("capacity"), updated_at=LONG_AGO)
        process(event_id)


def reserve(hotel: Hotel) -> None:
    create_reservation(NewReservation(hotel.double.id, NIGHT, NIGHT + timedelta(days=2)))


def out_of_order(hotel: Hotel, *, turn: int) -> None:
    """A room on a night of its own, so that each turn has something to push."""
    night = NIGHT + timedelta(days=3 * turn)
    MaintenanceBlockFactory(room=RoomFactory(room_type=hotel.double), start=night, end=night + timedelta(days=1))


def of(hotel: Hotel) -> list[ChannelEvent]:
    return list(ChannelEvent.objects.filter(channel_property=hotel.channel_property, direction=Direction.OUTBOUND))


def require_no_attempt_burned(hotel: Hotel) -> None:
    """The failure that opens the breaker costs those that met it an attempt; none that follows costs any."""
    waiting = [event for event in of(hotel) if event.status != EventStatus.DONE]
    assert waiting != []
    assert {event.status for event in waiting} <= {EventStatus.RETRYING, EventStatus.RECEIVED}
    assert max(event.attempts or 0 for event in waiting) <= 1


def test_reads_that_fail_for_one_property_burn_none_of_its_attempts(
    hotels: TwoHotels, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = bookings.find

    def fail_for_the_first(state: Any, account: Any, query: Any) -> Any:
        if query.get("propertyId") == "1001":
            raise ApiError(500, 500, "bad data")
        return find(state, account, query)

    with monkeypatch.context() as faulty:
        faulty.setattr(bookings, "find", fail_for_the_first)
        for turn in range(TURNS):
            out_of_order(hotels.troubled, turn=turn)
            out_of_order(hotels.neighbour, turn=turn)
            time_passes()
        require_no_attempt_burned(hotels.troubled)
        assert ChannelAccount.objects.get().unavailable_since is not None

    for _ in range(3):
        time_passes()
    assert {event.status for event in of(hotels.troubled)} == {EventStatus.DONE}
    assert ChannelAccount.objects.get().unavailable_since is None


def test_bookings_that_are_refused_for_one_property_are_lost_for_none(
    hotels: TwoHotels, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = booking_writes._write_one

    def fail_for_the_first(state: Any, account: Any, item: Any, changed: Any) -> Any:
        if item.get("roomId") == 2001:
            raise ApiError(500, 500, "bad data")
        return write(state, account, item, changed)

    with monkeypatch.context() as faulty:
        faulty.setattr(booking_writes, "_write_one", fail_for_the_first)
        for _ in range(3):
            reserve(hotels.troubled)
        for _ in range(TURNS):
            reserve(hotels.neighbour)
            time_passes()
        require_no_attempt_burned(hotels.troubled)

    for _ in range(4):
        time_passes()
    assert [booking["roomId"] for booking in hotels.beds24.bookings].count(2001) == 3
    assert set(Reservation.objects.values_list("status", flat=True)) == {ReservationStatus.CONFIRMED}


def test_the_neighbour_goes_on_selling(hotels: TwoHotels, monkeypatch: pytest.MonkeyPatch) -> None:
    find = bookings.find

    def fail_for_the_first(state: Any, account: Any, query: Any) -> Any:
        if query.get("propertyId") == "1001":
            raise ApiError(500, 500, "bad data")
        return find(state, account, query)

    monkeypatch.setattr(bookings, "find", fail_for_the_first)
    for turn in range(TURNS):
        out_of_order(hotels.troubled, turn=turn)
        reserve(hotels.neighbour)
        out_of_order(hotels.neighbour, turn=turn + 1)
        time_passes()
    time_passes()

    assert {event.status for event in of(hotels.neighbour)} <= {EventStatus.DONE, EventStatus.IGNORED}
    assert len(hotels.beds24.bookings) == TURNS
