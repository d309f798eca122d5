"""A guest in house could not move to a room type that was full before today: nights that are over need no room."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from pms_project.pms.models import Reservation, RoomType
from pms_project.pms.services.errors import NightsTaken
from pms_project.pms.services.reservations import change_reservation
from tests.factories import HotelFactory, ReservationFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def suite() -> RoomType:
    made: RoomType = RoomTypeFactory(hotel=HotelFactory(time_zone="Pacific/Auckland"), name="Suite", units=1)
    return made


def staying(room_type: RoomType, first: int, last: int) -> Reservation:
    """A guest from so many days after today to so many."""
    today = timezone.localdate(timezone=ZoneInfo(room_type.hotel.time_zone))
    stay = {"check_in": today + timedelta(days=first), "check_out": today + timedelta(days=last)}
    made: Reservation = ReservationFactory(room_type=room_type, **stay)
    return made


def test_a_room_that_is_free_from_tonight_is_enough(suite: RoomType) -> None:
    staying(suite, -3, 0)
    guest = staying(RoomTypeFactory(hotel=suite.hotel, units=1), -2, 2)

    change_reservation(guest.id, {"room_type_id": suite.id})

    guest.refresh_from_db()
    assert guest.room_type_id == suite.id


def test_a_room_that_is_taken_tonight_is_not(suite: RoomType) -> None:
    taken = staying(suite, -3, 1)
    guest = staying(RoomTypeFactory(hotel=suite.hotel, units=1), -2, 2)

    with pytest.raises(NightsTaken) as refused:
        change_reservation(guest.id, {"room_type_id": suite.id})

    assert refused.value.nights == [taken.check_out - timedelta(days=1)]


def test_what_is_over_is_corrected_without_a_room(suite: RoomType) -> None:
    staying(suite, -3, 0)
    guest = staying(RoomTypeFactory(hotel=suite.hotel, units=1), -2, 0)

    change_reservation(guest.id, {"room_type_id": suite.id})

    guest.refresh_from_db()
    assert guest.room_type_id == suite.id
