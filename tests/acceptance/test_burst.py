"""Certification, point 12: a burst of changes stays within the credits and loses nothing."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import ChannelEvent, EventStatus
from pms_project.pms.models import Reservation
from pms_project.pms.services.reservations import change_reservation
from tests.end_to_end.installation import UNITS, Installation, installation, models_of
from tests.factories import RoomTypeFactory, RoomTypeMappingFactory

pytestmark = [pytest.mark.processes, pytest.mark.timeout(480)]

ROOM_TYPES, BOOKINGS, CHANGES = 10, 100, 1000
START = date.today() + timedelta(days=20)
END = START + timedelta(days=40)


@pytest.fixture
def site(broker_url: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Installation]:
    running = installation(os.environ["DATABASE_URL"], broker_url, tmp_path, credit_limit=100, more_rooms=ROOM_TYPES)
    with running as site, django_db_blocker.unblock(), models_of(site):
        for number in range(ROOM_TYPES):
            room_type = RoomTypeFactory(hotel=site.channel_property.property, name=f"Type {number}", units=UNITS)
            RoomTypeMappingFactory(
                channel_property=site.channel_property, internal_id=room_type.id, external_id=str(2101 + number)
            )
        yield site


def test_12_a_thousand_changes_stay_within_the_credits_of_one_window(site: Installation) -> None:
    for number in range(BOOKINGS):
        arrival = START + timedelta(days=number % 20)
        site.beds24.book(
            roomId=2101 + number % ROOM_TYPES, arrival=str(arrival), departure=str(arrival + timedelta(days=3))
        )
    site.settle(60)
    reservations = list(Reservation.objects.order_by("id"))
    assert len(reservations) == BOOKINGS
    site.beds24.forget_calls()

    for number in range(CHANGES):
        reservation = reservations[number % BOOKINGS]
        check_out = reservation.check_in + timedelta(days=2 + number // BOOKINGS)
        change_reservation(reservation.id, {"check_out": check_out, "price": Decimal(100 + number)})
    site.settle(240)

    posts = [call["path"] for call in site.beds24.calls() if call["method"] == "POST"]
    state = site.beds24.state()
    calendar_posts = posts.count("/inventory/rooms/calendar")
    sys.stderr.write(f"calendar POSTs {calendar_posts}, POSTs {len(posts)}, credits {state['credits_used']}\n")
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()
    assert calendar_posts <= 12
    assert state["credits_used"]["901"] <= 100
    assert state["most_calls_at_once"] == 1
    for room_type in site.channel_property.mappings.filter(external_id__startswith="21"):
        ours = site.pms.availability(str(room_type.internal_id), START, END)
        assert ours == site.beds24.availability(room_type.external_id, START, END)
    booked = {booking["id"]: (booking["departure"], booking["price"]) for booking in site.beds24.bookings()}
    for reservation in Reservation.objects.prefetch_related("channel_links"):
        (link,) = reservation.channel_links.all()
        assert booked[int(link.external_id)] == (str(reservation.check_out), float(reservation.price or 0))
