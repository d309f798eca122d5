"""A name of 101 characters, "Germany" as a country code or an empty email cost the whole booking."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from channel_sync.channels.beds24.booking_limits import booking_within_limits
from channel_sync.channels.canonical import Guest
from channel_sync.connections.account import calling
from channel_sync.inbound.pull import pull_bookings
from channel_sync.models import ChannelEvent, Direction, EventStatus, EventType
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import work_everything
from tests.factories import GuestFactory, ReservationFactory
from tests.integration.test_beds24_client import push

LONG = "a" * 3000


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"notes": LONG}, {"notes": LONG[:2000]}),
        ({"adults": 120, "children": 100}, {"adults": 99, "children": 99}),
        ({"price": Decimal("-0.01")}, {"price": None}),
        ({"price": Decimal(10**9)}, {"price": None}),
        ({"price": Decimal("0.00")}, {"price": Decimal("0.00")}),
    ],
)
def test_a_field_is_brought_to_the_limits(given: dict[str, Any], kept: dict[str, Any]) -> None:
    assert booking_within_limits(push(**given)) == push(**kept)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"first_name": LONG, "last_name": LONG}, {"first_name": LONG[:100], "last_name": LONG[:100]}),
        ({"phone": LONG}, {"phone": LONG[:100]}),
        ({"email": "nobody"}, {"email": ""}),
        ({"email": f"{LONG}@example.org"}, {"email": ""}),
        ({"country": "Germany"}, {"country": ""}),
        ({"country": "de"}, {"country": "de"}),
    ],
)
def test_a_guest_is_brought_to_the_limits(given: dict[str, str], kept: dict[str, str]) -> None:
    assert booking_within_limits(push(guest=Guest(**given))).guest == Guest(**kept)


@pytest.mark.django_db
def test_it_is_sent_cut_says_so_and_its_echo_changes_nothing(
    connected: ConnectedHotel, beds24: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    guest = GuestFactory(first_name="b" * 150, email="nobody", country="Germany")
    reservation = ReservationFactory(
        room_type=connected.double, status=ReservationStatus.PENDING_SYNC, notes=LONG, guest=guest
    )

    work_everything()

    (booking,) = beds24.bookings
    assert (booking["firstName"], booking["notes"]) == ("b" * 100, LONG[:2000])
    event = ChannelEvent.objects.get(event_type=EventType.BOOKING_CREATE)
    assert event.status == EventStatus.DONE
    assert [warning.partition(":")[0] for warning in event.warnings] == ["notes", "first name", "email", "country"]
    assert "notes: " in caplog.text
    assert "aaaa" not in caplog.text
    stored = Reservation.objects.get(id=reservation.id)
    assert (stored.notes, stored.guest.country, stored.status) == (LONG, "Germany", ReservationStatus.CONFIRMED)


@pytest.mark.django_db
def test_what_comes_back_cut_is_no_news(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    ReservationFactory(room_type=connected.double, notes=LONG)
    work_everything()
    (booking,) = beds24.bookings

    beds24.controls.change(booking["id"], flagText="seen")
    with calling(connected.channel_property) as channel:
        pull_bookings(connected.channel_property, channel)
    work_everything()

    assert Reservation.objects.get().notes == LONG
    assert not ChannelEvent.objects.filter(direction=Direction.INBOUND).exists()
