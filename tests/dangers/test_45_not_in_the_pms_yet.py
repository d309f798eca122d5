"""What an OTA has sold and the PMS could not take in was sold at the desk once more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from channel_sync.channels.beds24.webhook import parse_webhook
from channel_sync.events.processing import process
from channel_sync.inbound.receipt import receive_notification
from channel_sync.inventory.availability import check_availability, free_units
from channel_sync.models import ChannelEvent, ChannelMapping, Conflict, EventStatus
from channel_sync.operations.event_actions import ignore_event
from channel_sync.reconciliation.availability import reconcile_availability
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation
from pms_project.pms.services.errors import NotEnoughRooms
from pms_project.pms.services.reservations import NewReservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, refuse
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db

UNTIL = NIGHT + timedelta(days=2)
SOON = timedelta(seconds=10)


def told(hotel: ConnectedHotel, booking: dict[str, Any]) -> ChannelEvent:
    """The event of a booking's webhook, stored as the view does it."""
    shown = {name: value for name, value in booking.items() if name != "infoItems"}
    body = {
        "timeStamp": "2026-11-01T12:00:05Z",
        "booking": shown,
        "infoItems": booking.get("infoItems", []),
        "retries": 0,
    }
    receive_notification(hotel.channel_property, parse_webhook(body))
    found: ChannelEvent = ChannelEvent.objects.order_by("-received_at").filter(direction="inbound")[0]
    return found


def free(hotel: ConnectedHotel) -> int:
    return check_availability(hotel.double.id, NIGHT, UNTIL)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


@pytest.fixture
def host_fails(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The host refuses every booking, until it is called off."""
    monkeypatch.setattr(Pms, "create_reservations", refuse)
    return monkeypatch.undo


def test_a_booking_that_waits_is_taken_at_the_desk_already(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    told(hotel, beds24.controls.book(roomId=2001, roomQty=10, **stay()))

    assert free(hotel) == 0
    with pytest.raises(NotEnoughRooms):
        create_reservation(NewReservation(hotel.double.id, NIGHT, UNTIL))

    work_everything()
    assert free(hotel) == 0
    assert Reservation.objects.get().units == 10
    assert not Conflict.objects.exists()


@pytest.mark.usefixtures("host_fails")
def test_one_that_failed_keeps_its_rooms_until_somebody_has_seen_to_it(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    event = told(hotel, beds24.controls.book(roomId=2001, roomQty=2, **stay()))
    for _ in range(4):
        process(event.id)
        ChannelEvent.objects.filter(id=event.id, status=EventStatus.RETRYING).update(published_at="2020-01-01T00:00Z")
    event.refresh_from_db()
    assert event.status == EventStatus.FAILED
    assert free(hotel) == 8 == units_at_beds24(beds24)

    reconcile_availability(hotel.channel_property)
    work_everything()
    assert units_at_beds24(beds24) == 8
    assert not Conflict.objects.exists()

    ignore_event(event, reason="entered by hand", by="ada")
    assert free(hotel) == 10


def test_once_it_is_applied_it_counts_once(
    hotel: ConnectedHotel, beds24: RunningSimulator, host_fails: Callable[[], None]
) -> None:
    event = told(hotel, beds24.controls.book(roomId=2001, roomQty=2, **stay()))
    process(event.id)
    host_fails()
    work_everything()

    assert Reservation.objects.get().units == 2
    assert free(hotel) == 8
    assert not Conflict.objects.exists()


def test_a_longer_stay_takes_only_what_it_takes_anew(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    made = beds24.controls.book(roomId=2001, roomQty=2, **stay())
    told(hotel, made)
    work_everything()
    told(hotel, at_beds24(beds24, made["id"], after=SOON, **stay(nights=3)))

    nights = free_units([hotel.double.id], NIGHT, NIGHT + timedelta(days=4))
    assert [night.free for night in nights] == [8, 8, 8, 10]


def test_two_states_of_one_booking_take_their_rooms_once(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    made = beds24.controls.book(roomId=2001, roomQty=2, **stay())
    told(hotel, made)
    told(hotel, at_beds24(beds24, made["id"], after=SOON, notes="a cot"))
    assert free(hotel) == 8


def test_a_cancellation_gives_back_what_failed(
    hotel: ConnectedHotel, beds24: RunningSimulator, host_fails: Callable[[], None]
) -> None:
    made = beds24.controls.book(roomId=2001, roomQty=2, **stay())
    told(hotel, made)
    ChannelEvent.objects.filter(direction="inbound").update(status=EventStatus.FAILED, next_attempt_at=None)
    assert free(hotel) == 8
    host_fails()
    told(hotel, at_beds24(beds24, made["id"], after=SOON, status="cancelled"))
    work_everything()
    assert free(hotel) == 10


def test_our_own_booking_is_not_counted_twice(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    create_reservation(NewReservation(hotel.double.id, NIGHT, UNTIL, units=2))
    work_everything()
    told(hotel, at_beds24(beds24, beds24.bookings[0]["id"], after=SOON, notes="a cot"))
    assert free(hotel) == 8


def test_a_mapping_that_is_added_later_takes_the_rooms_at_once(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    mapping = ChannelMapping.objects.filter(external_id="2001")
    mapping.update(is_active=False)
    told(hotel, beds24.controls.book(roomId=2001, roomQty=2, **stay()))
    ChannelEvent.objects.filter(direction="inbound").update(status=EventStatus.FAILED, next_attempt_at=None)
    assert free(hotel) == 10
    mapping.update(is_active=True)
    assert free(hotel) == 8


def nights(hotel: ConnectedHotel, number: int = 6) -> list[int]:
    return [one.free for one in free_units([hotel.double.id], NIGHT, NIGHT + timedelta(days=number))]


def fail_what_waits() -> None:
    waiting = ChannelEvent.objects.filter(direction="inbound", status__in=(EventStatus.RECEIVED, EventStatus.RETRYING))
    waiting.update(status=EventStatus.FAILED, next_attempt_at=None)


def test_a_failed_change_that_the_ota_takes_back_takes_nothing(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    made = beds24.controls.book(roomId=2001, roomQty=2, **stay())
    told(hotel, made)
    work_everything()
    told(hotel, at_beds24(beds24, made["id"], after=SOON, **stay(nights=4)))
    fail_what_waits()
    assert nights(hotel) == [8, 8, 8, 8, 10, 10]

    told(hotel, at_beds24(beds24, made["id"], after=2 * SOON, **stay(nights=2)))
    work_everything()
    assert nights(hotel) == [8, 8, 10, 10, 10, 10]


@pytest.mark.parametrize("settle", [lambda: None, fail_what_waits], ids=["waiting", "failed"])
def test_of_several_states_the_newest_takes_its_rooms(
    hotel: ConnectedHotel, beds24: RunningSimulator, settle: Callable[[], None]
) -> None:
    made = beds24.controls.book(roomId=2001, roomQty=2, **stay())
    told(hotel, made)
    settle()
    told(hotel, at_beds24(beds24, made["id"], after=SOON, **stay(first=NIGHT + timedelta(days=3))))
    settle()
    assert nights(hotel) == [10, 10, 10, 8, 8, 10]


def test_a_cancellation_of_the_same_second_gives_back_what_failed(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    made = at_beds24(beds24, beds24.controls.book(roomId=2001, roomQty=2, **stay())["id"], after=SOON)
    second = made["modifiedTime"]
    told(hotel, made)
    fail_what_waits()
    cancelled = at_beds24(beds24, made["id"], after=SOON, status="cancelled")
    cancelled["modifiedTime"] = second
    told(hotel, cancelled)
    work_everything()
    assert free(hotel) == 10
