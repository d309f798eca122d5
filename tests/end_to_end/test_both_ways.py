"""A booking in and a reservation out, through real processes."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import pytest

from channel_sync.models import ChannelEvent, Direction, EventStatus, ReservationLink
from pms_project.pms.models import Reservation, ReservationStatus
from tests.beds24_webhooks import webhook
from tests.end_to_end.installation import Installation
from tests.factories import RoomTypeFactory, RoomTypeMappingFactory

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

_weeks = itertools.count(5)


@pytest.fixture
def check_in() -> date:
    """Nights that no other test uses."""
    return date.today() + timedelta(weeks=next(_weeks))


def stay(check_in: date, nights: int = 3) -> dict[str, str]:
    return {"arrival": str(check_in), "departure": str(check_in + timedelta(days=nights))}


def reservations(**columns: Any) -> list[Reservation]:
    return list(Reservation.objects.filter(**columns))


def expect_equal_calendars(site: Installation, room_type: str, around: date) -> None:
    start, end = around - timedelta(days=3), around + timedelta(days=14)

    def equal() -> bool:
        return site.pms.availability(site.room_types[room_type], start, end) == site.beds24.availability(
            site.rooms[room_type], start, end
        )

    site.eventually(equal, "availability is equal night by night")


def test_a_booking_its_change_and_its_cancellation_arrive(site: Installation, check_in: date) -> None:
    booking = site.beds24.book(roomId=int(site.rooms["Double Room"]), price=360, lastName="Lovelace", **stay(check_in))
    reference = booking["apiReference"]
    site.eventually(lambda: len(reservations(channel_reference=reference)) == 1, "the booking arrives")
    expect_equal_calendars(site, "Double Room", check_in)

    site.beds24.change(booking["id"], departure=str(check_in + timedelta(days=5)), roomId=int(site.rooms["Suite"]))
    site.eventually(
        lambda: reservations(channel_reference=reference)[0].check_out == check_in + timedelta(days=5),
        "its change arrives",
    )
    expect_equal_calendars(site, "Double Room", check_in)
    expect_equal_calendars(site, "Suite", check_in)

    site.beds24.change(booking["id"], status="cancelled")
    site.eventually(
        lambda: reservations(channel_reference=reference)[0].status == ReservationStatus.CANCELLED,
        "its cancellation arrives",
    )
    expect_equal_calendars(site, "Suite", check_in)
    site.settle()
    assert len(reservations(channel_reference=reference)) == 1


def test_a_reservation_its_change_and_its_cancellation_reach_beds24(site: Installation, check_in: date) -> None:
    made = site.pms.reserve(
        room_type=site.room_types["Single Room"],
        check_in=str(check_in),
        check_out=str(check_in + timedelta(days=2)),
        guest={"last_name": "Hopper"},
        price="160.00",
    )
    assert made["status"] == ReservationStatus.PENDING_SYNC

    def booked() -> list[dict[str, Any]]:
        return [booking for booking in site.beds24.bookings() if booking["arrival"] == str(check_in)]

    site.eventually(lambda: len(booked()) == 1, "the reservation reaches Beds24")
    key = ChannelEvent.objects.get(entity_internal_id=made["id"], event_type="booking.create").idempotency_key
    assert ("CHANNELSYNC", key) in [(item["code"], item["text"]) for item in booked()[0]["infoItems"]]
    assert key in {call["idempotencyKey"] for call in site.beds24.calls() if call["path"] == "/bookings"}
    site.eventually(
        lambda: site.pms.reservation(made["id"])["status"] == ReservationStatus.CONFIRMED, "it is confirmed"
    )
    expect_equal_calendars(site, "Single Room", check_in)

    site.pms.change(made["id"], check_out=str(check_in + timedelta(days=4)), price="320.00")
    site.eventually(
        lambda: (booked()[0]["departure"], booked()[0]["price"]) == (str(check_in + timedelta(days=4)), 320.0),
        "its change reaches Beds24",
    )
    expect_equal_calendars(site, "Single Room", check_in)

    site.pms.cancel(made["id"])
    site.eventually(lambda: booked()[0]["status"] == "cancelled", "its cancellation reaches Beds24")
    expect_equal_calendars(site, "Single Room", check_in)
    site.settle()
    assert len(booked()) == 1


def test_maintenance_and_a_change_at_beds24_leave_both_sides_equal(site: Installation, check_in: date) -> None:
    site.pms.take_out_of_order(site.room_types["Double Room"], check_in, check_in + timedelta(days=3))
    site.eventually(
        lambda: (
            site.beds24.availability(site.rooms["Double Room"], check_in, check_in + timedelta(days=1))
            == {str(check_in): 9}
        ),
        "Beds24 has one room less",
    )

    site.beds24.set_availability(site.rooms["Double Room"], check_in, 42)

    expect_equal_calendars(site, "Double Room", check_in)


def test_the_same_webhook_fifty_times_at_once_is_one_event_and_one_reservation(
    site: Installation, check_in: date
) -> None:
    body = webhook(id=7000001, apiReference="FIFTY", roomId=int(site.rooms["Double Room"]), **stay(check_in))

    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(site.send_webhook, [body] * 50))

    assert set(statuses) == {200}
    site.eventually(lambda: len(reservations(channel_reference="FIFTY")) == 1, "the booking arrives")
    site.settle()
    assert ChannelEvent.objects.filter(entity_external_id="7000001").count() == 1
    assert len(reservations(channel_reference="FIFTY")) == 1
    assert ReservationLink.objects.filter(external_id="7000001").count() == 1


def test_many_states_of_one_booking_in_any_order_end_in_the_last(site: Installation, check_in: date) -> None:
    hour = iter(range(1, 24))
    states = [
        webhook(
            id=7000002,
            apiReference="ORDER",
            roomId=int(site.rooms["Suite"]),
            modifiedTime=f"2026-11-02T{next(hour):02}:00:00Z",
            price=100 + number,
            **stay(check_in),
        )
        for number in range(12)
    ]

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(site.send_webhook, states[::2][::-1] + states[1::2]))

    assert set(statuses) == {200}
    site.settle()
    (reservation,) = reservations(channel_reference="ORDER")
    assert reservation.price == 111


def test_the_correlation_id_of_the_webhook_is_in_the_log_of_the_worker(site: Installation, check_in: date) -> None:
    booking = site.beds24.book(roomId=int(site.rooms["Double Room"]), **stay(check_in))
    site.eventually(lambda: len(reservations(channel_reference=booking["apiReference"])) == 1, "the booking arrives")

    event = ChannelEvent.objects.get(entity_external_id=str(booking["id"]), direction=Direction.INBOUND)
    assert event.status == EventStatus.DONE
    assert f"[{event.correlation_id}]" in site.processes.log("inbound worker").read_text()


def test_a_failed_event_is_a_dead_letter_until_its_mapping_is_saved(site: Installation, check_in: date) -> None:
    assert site.send_webhook(webhook(id=7000003, apiReference="UNMAPPED", roomId=2101, **stay(check_in))) == 200
    failed = ChannelEvent.objects.filter(entity_external_id="7000003", status=EventStatus.FAILED)
    site.eventually(failed.exists, "the event fails")
    site.eventually(lambda: site.dead_letters() == 1, "its message is a dead letter")
    room_type = RoomTypeFactory(hotel=site.channel_property.property, name="Garden House")

    RoomTypeMappingFactory(channel_property=site.channel_property, internal_id=room_type.id, external_id="2101")

    site.eventually(lambda: len(reservations(channel_reference="UNMAPPED")) == 1, "the booking arrives")
    site.eventually(lambda: site.dead_letters() == 0, "no dead letter is left")
