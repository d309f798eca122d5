"""Answers that are stored for an `Idempotency-Key` named the guest for a day after everything else was erased."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework.test import APIClient

from channel_sync.models import CapturedChange, ChannelEvent, ChannelProperty, EventStatus, Notification, StoredAnswer
from channel_sync.operations.guest_data_erasure import erase_guest
from channel_sync.operations.guest_data_search import GuestSearch, find_bookings
from pms_project.pms.models import Reservation
from tests.factories import ReservationLinkFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db

NAME, OTHER = "Lovelace", "Hopper"
OVER = date.today() - timedelta(days=10)


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_login(get_user_model().objects.create_superuser("clerk"))
    return client


def stay_of(name: str, room_type: Any) -> dict[str, Any]:
    arrival = date.today() + timedelta(days=20)
    guest = {"first_name": "Ada", "last_name": name, "email": f"{name.lower()}@example.org"}
    stay = {"check_in": str(arrival), "check_out": str(arrival + timedelta(days=2)), "notes": f"a cot for {name}"}
    return {"room_type": str(room_type.id), "guest": guest, **stay}


def booked(api: APIClient, address: str, body: Any, key: str) -> list[str]:
    answer = api.post(address, body, format="json", headers={"Idempotency-Key": key})
    assert answer.status_code == 201, answer.content
    made = answer.json()
    return [one["id"] for one in (made if isinstance(made, list) else made.get("reservations", [made]))]


def everything_is_over() -> None:
    """The stays have been, and nothing about them is open."""
    CapturedChange.objects.all().delete()
    ChannelEvent.objects.update(status=EventStatus.DONE, processed_at=timezone.now() - timedelta(days=8))
    Reservation.objects.update(check_in=OVER, check_out=OVER + timedelta(days=2))
    CapturedChange.objects.all().delete()


@pytest.mark.parametrize("is_group", [False, True], ids=["one", "a group"])
def test_stored_answers_of_the_guest_go_and_others_stay(
    api: APIClient, channel_property: ChannelProperty, is_group: bool
) -> None:
    room_type = RoomTypeFactory(hotel=channel_property.property, units=9)
    stay = stay_of(NAME, room_type)
    address = "/api/reservations/group/" if is_group else "/api/reservations/"
    made = booked(api, address, [stay, stay] if is_group else stay, "hers")
    booked(api, "/api/reservations/", stay_of(OTHER, room_type), "another's")
    assert NAME in str(list(StoredAnswer.objects.values_list("body", flat=True)))
    for reservation in made:
        ReservationLinkFactory(channel_property=channel_property, reservation_id=reservation)
    everything_is_over()

    found = [
        one for reservation in made
        for one in find_bookings(GuestSearch(reservation_ids=[reservation]), [channel_property])
    ]  # fmt: skip
    assert len(found) == len(made)
    done = erase_guest(found, by="clerk")

    assert not [one.refused for one in done if one.refused]
    assert [answer.key for answer in StoredAnswer.objects.all()] == ["another's"]
    assert NAME not in str(list(Notification.objects.values_list("payload", flat=True)))
