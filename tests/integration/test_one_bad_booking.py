"""One bad booking of a list is one bad booking: its neighbours are applied, and every push and comparison goes on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from channel_sync.channels.beds24.simulator.app import Simulator
from channel_sync.channels.beds24.simulator.state import Json
from channel_sync.channels.canonical import Booking
from channel_sync.connections.account import calling
from channel_sync.errors import InvalidPayload
from channel_sync.events.processing import process
from channel_sync.models import ChannelConnection, ChannelEvent, Direction, EventStatus, ReservationLink, RunStatus
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.first_sync import first_sync
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, stay, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import MaintenanceBlockFactory, RoomFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.nonconforming("answers", "webhooks", reason="items that cannot be read"),
]

NOW = RunOptions(wait=do_not_wait)
ODD_ITEMS: list[Any] = [
    None,
    "booking",
    7,
    [],
    {},
    {"id": None},
    {"id": []},
    {"id": {"a": 1}},
    {"id": True},
    {"id": -5},
    {"id": "9" * 300},
    {"id": "five", "firstName": "Lovelace"},
]


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


def listed_too(monkeypatch: pytest.MonkeyPatch, simulator: Simulator, path: str, items: Sequence[Any]) -> None:
    """Answers of a path have these items before all others."""
    listed = simulator._list

    def with_more(request: Any, kind: str, read: Any) -> Any:
        if request.path.endswith(path):
            return listed(request, kind, lambda account: [*items, *read(account)])
        return listed(request, kind, read)

    monkeypatch.setattr(simulator, "_list", with_more)


def change_and_push(hotel: ConnectedHotel, *, offset: int = 0) -> ChannelEvent:
    """A room goes out of order; the availability event as it ends."""
    night = NIGHT + timedelta(days=offset)
    MaintenanceBlockFactory(room=RoomFactory(room_type=hotel.single), start=night, end=night + timedelta(days=1))
    event = ChannelEvent.objects.filter(direction=Direction.OUTBOUND, status=EventStatus.RECEIVED).earliest(
        "received_at"
    )
    process(event.id)
    event.refresh_from_db()
    return event


def inbound(booking: Json) -> ChannelEvent:
    return ChannelEvent.objects.get(direction=Direction.INBOUND, entity_external_id=str(booking["id"]))


def fails_for(monkeypatch: pytest.MonkeyPatch, name: str, error: Exception) -> None:
    """A fault of the host: it cannot take in the bookings of one guest."""
    create = Pms.create_reservations

    def faulty(pms: Pms, property_id: UUID, sold: Sequence[tuple[UUID, Booking]]) -> Sequence[UUID]:
        if any(booking.guest.last_name == name for _, booking in sold):
            raise error
        return create(pms, property_id, sold)

    monkeypatch.setattr(Pms, "create_reservations", faulty)


@pytest.mark.parametrize("way", ["pull", "comparison", "first synchronisation"])
def test_what_is_no_booking_is_left_out_alone(
    hotel: ConnectedHotel,
    beds24: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    way: str,
) -> None:
    listed_too(monkeypatch, beds24.simulator, "/bookings", ODD_ITEMS)
    beds24.controls.book(roomId=2001, **stay())

    if way == "pull":
        assert change_and_push(hotel).status == EventStatus.DONE
    elif way == "comparison":
        assert reconcile_bookings(hotel.channel_property, NOW).status == RunStatus.DONE
    else:
        assert first_sync(hotel.channel_property, NOW)[0].status == RunStatus.DONE

    assert Reservation.objects.count() == 1
    assert caplog.text.count("a booking in a list of Beds24 is left out") >= len(ODD_ITEMS)
    assert "Lovelace" not in caplog.text


def test_a_fault_of_the_host_delays_neither_neighbours_nor_pushes(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_for(monkeypatch, "Lovelace", ValueError("this host has a fault"))
    broken = beds24.controls.book(roomId=2001, lastName="Lovelace", **stay())
    neighbour = beds24.controls.book(roomId=2001, lastName="Hopper", **stay())

    assert change_and_push(hotel).status == EventStatus.DONE

    assert inbound(neighbour).status == EventStatus.DONE
    assert inbound(broken).status == EventStatus.RETRYING
    assert ChannelConnection.objects.get().bookings_pulled_at is not None
    assert beds24.posts("/inventory/rooms/calendar") != []
    work_everything()
    assert inbound(broken).status == EventStatus.FAILED
    assert "ValueError" in (inbound(broken).last_error or "")


def test_the_nights_of_a_booking_that_is_tried_again_are_not_raised(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails_for(monkeypatch, "Lovelace", ValueError("this host has a fault"))
    for _ in range(5):
        beds24.controls.book(roomId=2002, lastName="Lovelace", **stay())

    change_and_push(hotel)

    assert beds24.controls.availability("2002", NIGHT, NIGHT + timedelta(days=1)) == {str(NIGHT): 0}


def test_nights_that_were_not_raised_are_pushed_once_the_booking_is_applied(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as faulty:
        fails_for(faulty, "Lovelace", ValueError("this host has a fault"))
        beds24.controls.book(roomId=2002, lastName="Lovelace", **stay())
        beds24.controls.set_availability("2002", NIGHT, 1)
        change_and_push(hotel)
        assert beds24.controls.availability("2002", NIGHT, NIGHT + timedelta(days=1)) == {str(NIGHT): 1}

    work_everything()

    assert beds24.controls.availability("2002", NIGHT, NIGHT + timedelta(days=1)) == {str(NIGHT): 3}


@pytest.mark.parametrize("error", [ValueError("a fault"), TypeError("None"), KeyError("name")])
def test_a_comparison_that_goes_wrong_for_one_goes_on_with_the_others(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bookings = [beds24.controls.book(roomId=2001, price=200, **stay()) for _ in range(3)]
    reconcile_bookings(hotel.channel_property, NOW)
    for booking in bookings:
        beds24.simulator.state.bookings[booking["id"]]["price"] = 202
    broken = ReservationLink.objects.get(external_id=str(bookings[1]["id"])).reservation_id
    modify = Pms.modify_reservation

    def faulty(pms: Pms, reservation_id: UUID, *args: Any) -> None:
        if reservation_id == broken:
            raise error
        modify(pms, reservation_id, *args)

    monkeypatch.setattr(Pms, "modify_reservation", faulty)
    for _ in range(2):
        run = reconcile_bookings(hotel.channel_property, NOW)

    assert run.status == RunStatus.DONE
    assert sorted(Reservation.objects.values_list("price", flat=True)) == [Decimal(200), Decimal(202), Decimal(202)]
    failed = ChannelEvent.objects.get(status=EventStatus.FAILED)
    assert failed.entity_external_id == str(bookings[1]["id"])
    assert type(error).__name__ in (failed.last_error or "")


def test_a_comparison_names_what_it_cannot_read_and_keeps_its_nights(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    broken = beds24.controls.book(roomId=2001, **stay())
    beds24.controls.book(roomId=2001, **stay())
    beds24.simulator.state.bookings[broken["id"]]["numAdult"] = "many"

    for _ in range(3):
        run = reconcile_bookings(hotel.channel_property, NOW)

    assert run.status == RunStatus.DONE
    assert Reservation.objects.count() == 1
    assert inbound(broken).status == EventStatus.FAILED
    assert "Field 'booking.numAdult'" in (inbound(broken).last_error or "")


@pytest.mark.parametrize("way", ["pull", "comparison"])
def test_a_cancellation_that_cannot_be_read_is_applied_from_a_list(
    hotel: ConnectedHotel, beds24: RunningSimulator, way: str
) -> None:
    booking = beds24.controls.book(roomId=2001, **stay())
    reconcile_bookings(hotel.channel_property, NOW)
    later = (date.today() + timedelta(days=1)).isoformat()
    beds24.simulator.state.bookings[booking["id"]] |= {
        "status": "cancelled",
        "numAdult": "many",
        "modifiedTime": f"{later}T00:00:00Z",
    }

    if way == "pull":
        change_and_push(hotel)
    else:
        assert reconcile_bookings(hotel.channel_property, NOW).fixed == 1

    assert Reservation.objects.get().status == ReservationStatus.CANCELLED


def test_rooms_of_the_calendar_that_cannot_be_read_are_left_out_alone(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = {"from": str(NIGHT), "to": str(NIGHT), "numAvail": 1, "price1": 1}
    odd = [
        None,
        "room",
        {"roomId": 2003},
        {"roomId": "x", "calendar": [day]},
        {"roomId": 2003, "calendar": "none"},
        {"roomId": 2003, "calendar": [None]},
        {"roomId": 2003, "calendar": [day | {"from": "0000-00-00"}]},
        {"roomId": 2003, "calendar": [day | {"numAvail": 10**200}]},
        {"roomId": 2003, "calendar": [day | {"numAvail": "many", "price1": "much"}]},
        {"roomId": 2003, "calendar": [day | {"to": "2020-01-01"}]},
    ]
    listed_too(monkeypatch, beds24.simulator, "/calendar", odd)

    assert reconcile_availability(hotel.channel_property, NOW).status == RunStatus.DONE
    assert reconcile_rates(hotel.channel_property, NOW).status == RunStatus.DONE
    with calling(hotel.channel_property) as channel:
        assert {span.external_room_id for span in channel.availability(["2001"], NIGHT, NIGHT)} == {"2001"}
        with pytest.raises(InvalidPayload, match="calendar"):
            channel.availability(["2001", "2003"], NIGHT, NIGHT)


def test_a_range_is_cut_to_the_nights_that_were_asked_for(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = {"from": "0001-01-01", "to": "9999-12-31", "numAvail": 1}
    listed_too(monkeypatch, beds24.simulator, "/calendar", [{"roomId": 2003, "calendar": [endless]}])

    with calling(hotel.channel_property) as channel:
        spans = channel.availability(["2003"], NIGHT, NIGHT)

    assert {(span.first_night, span.last_night) for span in spans} == {(NIGHT, NIGHT)}


def test_properties_and_rooms_that_cannot_be_read_are_left_out_alone(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    rooms = [None, "room", {"id": 1, "name": {}}, {"id": "x"}, {"id": 3001, "qty": ""}, {"id": 3002, "qty": "many"}]
    odd = [None, 5, {}, {"id": "x"}, {"id": 7, "roomTypes": "none"}, {"id": 1002, "name": "Quay", "roomTypes": rooms}]
    listed_too(monkeypatch, beds24.simulator, "/properties", odd)

    with calling(hotel.channel_property) as channel:
        found = {details.external_id: [room.external_id for room in details.rooms] for details in channel.properties()}

    assert found == {"1001": ["2001", "2002", "2003"], "1002": ["3001"]}


def test_a_lost_create_is_found_among_odd_bookings(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "CHANNELSYNC"
    notes = [None, "x", {"code": code, "text": ["k"]}, {"code": [code]}, {"code": code, "text": "the-key"}]
    odd = [*ODD_ITEMS, {"id": 8, "infoItems": "none"}, {"id": 9, "infoItems": notes}]
    listed_too(monkeypatch, beds24.simulator, "/bookings", odd)

    with calling(hotel.channel_property) as channel:
        connection = ChannelConnection.objects.get()
        assert connection.created_at is not None
        found = channel.find_bookings("1001", ["the-key"], created_from=connection.created_at)

    assert found == {"the-key": "9"}
