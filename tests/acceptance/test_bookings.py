"""Certification, points 11 and 14 to 16: bookings of OTAs, through webhooks of the simulated Beds24."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from channel_sync.models import ChannelEvent, Conflict, ConflictKind, EventStatus
from pms_project.local_services.ports import accepts, wait_until
from pms_project.local_services.stack import start_web
from pms_project.pms.models import Reservation, ReservationStatus
from tests.acceptance.conftest import Hotel

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

_weeks = itertools.count(1)


@pytest.fixture
def check_in() -> date:
    """A stay beyond the calendar of the other file, that no other test uses."""
    return date.today() + timedelta(days=200 + 8 * next(_weeks))


def book(
    hotel: Hotel, check_in: date, room_type: str = "Double Room", nights: int = 2, **wanted: Any
) -> dict[str, Any]:
    made: dict[str, Any] = hotel.site.beds24.book(
        **{
            "roomId": hotel.room_id(room_type),
            "arrival": str(check_in),
            "departure": str(check_in + timedelta(days=nights)),
            "firstName": "Ada",
            "lastName": "Lovelace",
            "price": 240,
            **wanted,
        }
    )
    return made


def reservation_of(hotel: Hotel, booking: dict[str, Any]) -> Reservation:
    """The one reservation of a booking, once everything is settled."""
    hotel.site.settle()
    return Reservation.objects.select_related("guest", "room_type").get(channel_reference=booking["apiReference"])


def test_11_received_changed_in_every_way_and_cancelled(hotel: Hotel, check_in: date) -> None:
    booking = book(hotel, check_in)
    assert reservation_of(hotel, booking).status == ReservationStatus.CONFIRMED

    later = check_in + timedelta(days=1)
    hotel.site.beds24.change(booking["id"], arrival=str(later), departure=str(later + timedelta(days=3)))
    hotel.site.beds24.change(booking["id"], roomId=hotel.room_id("Suite"), lastName="Byron", price=777.5)
    changed = reservation_of(hotel, booking)
    assert (changed.check_in, changed.check_out) == (later, later + timedelta(days=3))
    assert (changed.room_type.name, changed.guest.last_name) == ("Suite", "Byron")  # type: ignore[union-attr]
    assert changed.price == Decimal("777.50")

    hotel.site.beds24.change(booking["id"], status="cancelled")
    assert reservation_of(hotel, booking).status == ReservationStatus.CANCELLED


def test_11_nothing_is_lost_while_the_pms_is_down(hotel: Hotel, check_in: date) -> None:
    port = urlsplit(hotel.site.web).port
    assert port is not None
    hotel.site.processes.stop("web")
    bookings = [book(hotel, check_in) for _ in range(3)]
    assert hotel.site.beds24.state()["webhooks_pending"] == 3

    start_web(hotel.site.processes, port)
    wait_until(lambda: accepts("127.0.0.1", port), "The start of the web process", 60)

    assert {reservation_of(hotel, booking).status for booking in bookings} == {ReservationStatus.CONFIRMED}


def test_14_two_rooms_in_one_booking(hotel: Hotel, check_in: date) -> None:
    booking = book(hotel, check_in, roomQty=2)

    assert reservation_of(hotel, booking).units == 2
    night = {str(check_in): 8}
    end = check_in + timedelta(days=1)
    assert hotel.site.pms.availability(hotel.room_type("Double Room"), check_in, end) == night
    assert hotel.site.beds24.availability(str(hotel.room_id("Double Room")), check_in, end) == night


def test_14_one_room_of_a_group_is_cancelled_and_one_is_added(hotel: Hotel, check_in: date) -> None:
    master = book(hotel, check_in)
    second = book(hotel, check_in, "Single Room", masterId=master["id"])
    third = book(hotel, check_in, "Suite", masterId=master["id"])
    hotel.site.beds24.change(second["id"], status="cancelled")

    statuses = [reservation_of(hotel, booking).status for booking in (master, second, third)]

    assert statuses == [ReservationStatus.CONFIRMED, ReservationStatus.CANCELLED, ReservationStatus.CONFIRMED]


def test_15_a_room_type_without_a_free_unit(hotel: Hotel, check_in: date) -> None:
    bookings = [book(hotel, check_in, "Suite") for _ in range(3)]

    assert {reservation_of(hotel, booking).status for booking in bookings} == {ReservationStatus.CONFIRMED}
    subjects = {f"booking:{booking['id']}" for booking in bookings}
    assert Conflict.objects.filter(kind=ConflictKind.OVERBOOKING, subject__in=subjects).exists()


@pytest.mark.parametrize(
    "wanted",
    [
        {"arrival": "2024-03-01", "departure": "2024-03-03"},
        {"currency": "USD"},
        {"firstName": "", "lastName": ""},
        {"lastName": "عمر 👩‍🚀 𠮷田"},
        {"price": 0},
        {"nights": 31},
        {"arrival": "2027-03-27", "departure": "2027-03-29"},
    ],
    ids=["past", "currency", "nameless", "scripts", "free", "31 nights", "daylight saving"],
)
def test_15_odd_bookings_arrive_as_they_are(hotel: Hotel, check_in: date, wanted: dict[str, Any]) -> None:
    booking = book(hotel, check_in, "Single Room", **wanted)

    reservation = reservation_of(hotel, booking)

    assert (str(reservation.check_in), str(reservation.check_out)) == (booking["arrival"], booking["departure"])
    assert reservation.guest is not None
    assert reservation.guest.last_name == booking["lastName"]
    assert reservation.price == Decimal(booking["price"])
    assert reservation.currency == booking.get("currency", "EUR")


def test_15_an_unmapped_room_is_a_case_that_names_it(hotel: Hotel, check_in: date) -> None:
    mapping = hotel.site.channel_property.mappings.get(mapping_type="room_type", internal_id=hotel.room_type("Suite"))
    type(mapping).objects.filter(id=mapping.id).update(is_active=False)
    booking = book(hotel, check_in, "Suite")
    failed = ChannelEvent.objects.filter(entity_external_id=str(booking["id"]), status=EventStatus.FAILED)
    hotel.site.eventually(failed.exists, "the event fails")
    assert f"Room '{hotel.room_id('Suite')}'" in failed.get().last_error

    mapping.is_active = True
    mapping.save()

    hotel.site.eventually(lambda: not failed.exists(), "saving the mapping retries the event")
    assert reservation_of(hotel, booking).status == ReservationStatus.CONFIRMED


@pytest.mark.parametrize(
    ("status", "ours", "free"),
    [
        ("black", ReservationStatus.BLOCKED, 9),
        ("inquiry", ReservationStatus.INQUIRY, 10),
        ("request", ReservationStatus.REQUEST, 9),
        ("new", ReservationStatus.CONFIRMED, 9),
    ],
)
def test_16_what_each_status_takes(
    hotel: Hotel, check_in: date, status: str, ours: ReservationStatus, free: int
) -> None:
    booking = book(hotel, check_in, status=status)

    reservation = reservation_of(hotel, booking)

    assert reservation.status == ours
    assert (reservation.guest is None) == (status == "black")
    end = check_in + timedelta(days=1)
    assert hotel.site.pms.availability(hotel.room_type("Double Room"), check_in, end) == {str(check_in): free}
    assert hotel.site.beds24.availability(str(hotel.room_id("Double Room")), check_in, end) == {str(check_in): free}
