"""A push of all fields undid what the OTA had changed meanwhile, and what a host could not hold was wiped."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings

from channel_sync.channels.beds24.webhook import parse_webhook
from channel_sync.inbound.receipt import receive_notification
from channel_sync.models import ChannelEvent, Conflict, Direction, EventStatus, EventType
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, webhook_of, work_only
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db

FIRST, SECOND = timedelta(seconds=10), timedelta(seconds=20)
GUEST = {
    "firstName": "Ada", "lastName": "Lovelace", "email": "ada@example.org",
    "phone": "0034 600 000 000 ext. 12345 ask Ada", "country2": "ES", "comments": "late", "numAdult": 2,
}  # fmt: skip


@pytest.fixture
def sold(connected: ConnectedHotel, beds24: RunningSimulator) -> dict[str, Any]:
    """A booking of an OTA that both sides have."""
    plenty_of_credits(beds24.simulator.state, connected)
    made = beds24.controls.book(roomId=2001, channel="booking", price=240.5, **GUEST, **stay())
    webhook_of(connected, made)
    work_everything()
    return made


def written(beds24: RunningSimulator) -> list[dict[str, Any]]:
    return [item for call in beds24.posts("/bookings") for item in call["body"]]


def test_a_note_is_sent_alone(sold: dict[str, Any], beds24: RunningSimulator) -> None:
    change_reservation(Reservation.objects.get().id, {"notes": "a cot"})
    work_everything()

    assert written(beds24) == [{"id": sold["id"], "notes": "a cot"}]


@pytest.mark.parametrize("late", [False, True], ids=["its webhook comes first", "its webhook is late"])
@pytest.mark.parametrize(
    ("theirs", "there"),
    [
        (stay(nights=4), {"departure": str(NIGHT + timedelta(days=4))}),
        ({"price": 300}, {"price": 300}),
        ({"phone": "34611111111"}, {"phone": "34611111111"}),
        ({"roomId": 2002}, {"roomId": 2002}),
        ({"status": "cancelled"}, {"status": "cancelled"}),
    ],
    ids=["dates", "price", "phone", "room", "cancelled"],
)
def test_what_the_ota_changes_while_the_desk_edits_a_note_is_on_both_sides(
    connected: ConnectedHotel,
    sold: dict[str, Any],
    beds24: RunningSimulator,
    theirs: dict[str, Any],
    there: dict[str, Any],
    late: bool,
) -> None:
    changed = at_beds24(beds24, sold["id"], after=FIRST, **theirs)
    change_reservation(Reservation.objects.get().id, {"notes": "a cot"})

    work_only(Direction.OUTBOUND if late else Direction.INBOUND)
    body = {"timeStamp": "2026-11-01T12:00:05Z", "booking": changed, "infoItems": [], "retries": 0}
    receive_notification(connected.channel_property, parse_webhook(body))
    work_everything()

    (booking,), reservation = beds24.bookings, Reservation.objects.get()
    assert {name: booking[name] for name in there} == there
    assert (booking["status"] == "cancelled") == (reservation.status == ReservationStatus.CANCELLED)
    assert str(reservation.check_out) == booking["departure"]
    assert reservation.price == Decimal(str(booking["price"]))
    assert reservation.guest is not None
    assert reservation.guest.phone == booking["phone"]
    assert str(reservation.room_type_id) == str(
        connected.double.id if booking["roomId"] == 2001 else connected.single.id
    )
    if reservation.status != ReservationStatus.CANCELLED:
        assert (reservation.notes, booking["notes"]) == ("a cot", "a cot")
    assert not Conflict.objects.exists()
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()


def test_a_change_costs_two_calls_although_the_ota_changed_the_booking_meanwhile(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator
) -> None:
    change_reservation(Reservation.objects.get().id, {"notes": "a cot"})
    work_everything()
    at_beds24(beds24, sold["id"], after=FIRST, phone="34611111111")
    beds24.controls.forget_calls()

    change_reservation(Reservation.objects.get().id, {"notes": "two cots"})
    work_everything()

    assert [(call["method"], call["path"]) for call in beds24.controls.calls()] == [
        ("GET", "/bookings"),
        ("POST", "/bookings"),
    ]
    assert Reservation.objects.get().guest.phone == "34611111111"


def test_an_upgrade_at_the_desk_outlives_what_the_guest_changes_at_the_ota(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator
) -> None:
    upgraded = {"room_type_id": connected.single.id, "price": Decimal(0), "notes": "upgraded"}
    change_reservation(Reservation.objects.get().id, upgraded)
    work_everything()

    changed = at_beds24(beds24, sold["id"], after=SECOND, **stay(nights=3))
    webhook_of(connected, changed, EventType.BOOKING_MODIFIED)
    work_everything()

    reservation, (booking,) = Reservation.objects.get(), beds24.bookings
    assert (reservation.room_type_id, booking["roomId"]) == (connected.single.id, 2002)
    assert (reservation.price, booking["price"]) == (Decimal("0.00"), 0)
    assert (reservation.check_out, booking["departure"]) == (NIGHT + timedelta(days=3), str(NIGHT + timedelta(days=3)))
    assert units_at_beds24(beds24) == 10


def test_a_host_that_holds_less_than_it_is_told_changes_nothing_at_the_channel(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pms": "tests.lossy_pms.LossyPms"}
    plenty_of_credits(beds24.simulator.state, connected)
    for number in range(50):
        made = beds24.controls.book(
            roomId=2001, channel="booking", price=100.4 + number, roomQty=1 + number % 2, **GUEST,
            arrival=str(NIGHT + timedelta(days=2 * number)), departure=str(NIGHT + timedelta(days=2 * number + 2)),
        )  # fmt: skip
        webhook_of(connected, made)
    work_everything()
    before = {one["id"]: dict(one) for one in beds24.bookings}

    for reservation in Reservation.objects.all():
        change_reservation(reservation.id, {"notes": f"room for {reservation.id}"})
    work_everything()

    assert Reservation.objects.count() == len(before) == 50
    for booking in beds24.bookings:
        differs = {name for name, value in booking.items() if value != before[booking["id"]][name]}
        assert differs - {"modifiedTime"} == {"notes"}
