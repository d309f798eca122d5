"""Fewer rooms were free than the reservations took, and no page said which bookings had the others."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from channel_sync.conflicts import flag_conflict
from channel_sync.inventory.availability import free_units
from channel_sync.inventory.not_in_pms import not_in_pms
from channel_sync.models import ChannelEvent, ChannelMapping, Conflict, ConflictKind, Severity
from channel_sync.operations.not_in_pms import NotInPmsYet, missing_by_event, missing_in_conflict, not_in_pms_yet
from channel_sync.operations.roles import Role
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24
from tests.dangers.test_45_not_in_the_pms_yet import SOON, UNTIL, fail_what_waits, told
from tests.dangers.working import NIGHT, stay, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db

LAST = UNTIL - timedelta(days=1)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


@pytest.fixture
def failed(hotel: ConnectedHotel, beds24: RunningSimulator) -> ChannelEvent:
    event = told(hotel, beds24.controls.book(roomId=2001, roomQty=2, **stay()))
    fail_what_waits()
    event.refresh_from_db()
    return event


@pytest.fixture
def root(db: None) -> Client:
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("root"))
    return client


def missing(hotel: ConnectedHotel) -> NotInPmsYet:
    return not_in_pms_yet(hotel.channel_property)


def test_a_booking_is_named_with_nights_room_and_event(hotel: ConnectedHotel, failed: ChannelEvent) -> None:
    found = missing(hotel)

    assert (found.bookings, found.failed, found.is_complete) == (1, 1, True)
    (one,) = found.missing
    assert one.booking.event_id == failed.id
    assert one.booking.room_type_id == hotel.double.id
    assert str(one) == f"Booking {failed.entity_external_id}: 2 units on {NIGHT} to {LAST} of Double Room (room 2001)"
    assert "retry it" in one.next_step


def test_what_waits_goes_on_by_itself(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    told(hotel, beds24.controls.book(roomId=2001, **stay()))

    found = missing(hotel)

    assert (found.bookings, found.failed) == (1, 0)
    assert found.missing[0].next_step == "Its event waits and goes on by itself."
    work_everything()
    assert missing(hotel).missing == ()


def test_of_a_change_only_the_nights_that_are_new(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    made = beds24.controls.book(roomId=2001, roomQty=2, **stay())
    told(hotel, made)
    work_everything()
    told(hotel, at_beds24(beds24, made["id"], after=SOON, notes="a cot"))
    assert missing(hotel).missing == ()

    told(hotel, at_beds24(beds24, made["id"], after=2 * SOON, **stay(nights=4)))

    (one,) = missing(hotel).missing
    assert one.nights == f"2 units on {UNTIL} to {UNTIL + timedelta(days=1)}"


def test_it_adds_up_to_what_is_not_free(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    for quantity, nights in ((1, 1), (2, 3), (1, 5)):
        told(hotel, beds24.controls.book(roomId=2001, roomQty=quantity, **stay(nights=nights)))
    end = NIGHT + timedelta(days=7)

    named = not_in_pms(hotel.channel_property, NIGHT, end)

    for night in free_units([hotel.double.id], NIGHT, end):
        taken = sum(span.units for one in named for span in one.nights if span.first <= night.night <= span.last)
        assert night.free == 10 - taken


def test_a_room_that_nobody_mapped(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    ChannelMapping.objects.filter(external_id="2001").update(is_active=False)
    event = told(hotel, beds24.controls.book(roomId=2001, **stay()))

    (one,) = missing(hotel).missing
    assert one.room_name == "room 2001, which is mapped to no room type"
    by_event = missing_by_event(event)
    assert by_event is not None
    assert by_event.booking.room_type_id is None


def test_a_booking_that_is_stored_in_part_names_its_conflict(
    hotel: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings, root: Client
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pms": "tests.lossy_pms.LossyPms"}
    told(hotel, beds24.controls.book(roomId=2001, roomQty=2, **stay()))
    work_everything()
    conflict = Conflict.objects.get(kind=ConflictKind.ROOM)

    (one,) = missing(hotel).missing

    assert (one.booking.is_partly_stored, one.conflict_id) == (True, conflict.id)
    assert one.nights == f"1 unit on {NIGHT} to {LAST}"
    page = root.get(
        reverse("admin:channel_sync_channelproperty_change", args=[hotel.channel_property.id])
    ).content.decode()
    assert reverse("admin:channel_sync_conflict_change", args=[conflict.id]) in page


def test_it_takes_one_statement_however_many_there_are(
    hotel: ConnectedHotel, beds24: RunningSimulator, django_assert_num_queries: Any
) -> None:
    for _ in range(3):
        told(hotel, beds24.controls.book(roomId=2001, **stay()))

    # The mappings, the statement.
    with django_assert_num_queries(2):
        assert len(not_in_pms(hotel.channel_property, NIGHT, UNTIL)) == 3


def test_the_page_of_the_property_links_to_the_event(hotel: ConnectedHotel, failed: ChannelEvent, root: Client) -> None:
    page = root.get(
        reverse("admin:channel_sync_channelproperty_change", args=[hotel.channel_property.id])
    ).content.decode()

    assert "Not in the PMS yet" in page
    assert "1 booking of the channel takes rooms" in page
    assert reverse("admin:channel_sync_channelevent_change", args=[failed.id]) in page
    assert f"2 units on {NIGHT} to {LAST}" in page
    assert "1 booking</a>" in root.get(reverse("admin:channel_sync_dashboard")).content.decode()


def test_there_is_a_page_when_all_is_well(hotel: ConnectedHotel, root: Client) -> None:
    page = root.get(
        reverse("admin:channel_sync_channelproperty_change", args=[hotel.channel_property.id])
    ).content.decode()

    assert "Every booking that the channel has reported is in the PMS." in page
    assert "0 bookings</a>" in root.get(reverse("admin:channel_sync_dashboard")).content.decode()


def conflict(hotel: ConnectedHotel, night: object) -> Conflict:
    flag_conflict(
        hotel.channel_property,
        ConflictKind.AVAILABILITY,
        Severity.HIGH,
        "availability of the double",
        pms_side={"room_type_id": str(hotel.double.id), "free_units": {str(night): 8}},
        channel_side={"room_id": "2001", "free_units": {str(night): 10}},
    )
    return Conflict.objects.get(subject="availability of the double")


def test_a_conflict_of_such_a_night_names_it(hotel: ConnectedHotel, failed: ChannelEvent, root: Client) -> None:
    found = conflict(hotel, NIGHT)

    page = root.get(reverse("admin:channel_sync_conflict_change", args=[found.id])).content.decode()

    assert reverse("admin:channel_sync_channelevent_change", args=[failed.id]) in page


def test_a_conflict_of_another_night_names_none(hotel: ConnectedHotel, failed: ChannelEvent, root: Client) -> None:
    found = conflict(hotel, UNTIL)

    assert missing_in_conflict(found) == []
    page = root.get(reverse("admin:channel_sync_conflict_change", args=[found.id])).content.decode()
    assert "Every booking of these nights" in page


def test_the_page_of_the_event_says_what_it_takes(failed: ChannelEvent, root: Client) -> None:
    page = root.get(reverse("admin:channel_sync_channelevent_change", args=[failed.id])).content.decode()

    assert f"2 units on {NIGHT} to {LAST} of Double Room (room 2001)" in page
    assert "count as taken until this event is settled" in page


def test_status_names_it(
    hotel: ConnectedHotel, failed: ChannelEvent, api_of: Callable[[Role | None], Any], topology_at_broker: None
) -> None:
    call_command("channel_sync_status", stdout=(words := StringIO()))
    call_command("channel_sync_status", "--json", stdout=(printed := StringIO()))
    (state,) = json.loads(printed.getvalue())

    assert "not in the PMS yet  1 bookings, 1 of them to be settled" in words.getvalue()
    assert f"2 units on {NIGHT} to {LAST}" in words.getvalue()
    assert state["not_in_pms"] == {"bookings": 1, "failed": 1, "events": [str(failed.id)]}
    answer = api_of(Role.VIEWER).get(f"/api/admin/channel-status/{hotel.hotel.id}").json()
    assert answer["not_in_pms"] == {"bookings": 1, "failed": 1}


def test_the_api_lists_it(hotel: ConnectedHotel, failed: ChannelEvent, api_of: Callable[[Role | None], Any]) -> None:
    viewer, address = api_of(Role.VIEWER), f"/api/admin/properties/{hotel.channel_property.id}/not-in-pms"

    answer = viewer.get(address).json()

    assert (answer["bookings"], answer["failed"], answer["complete"]) == (1, 1, True)
    (one,) = answer["not_in_pms"]
    assert one["nights"] == [{"first": str(NIGHT), "last": str(LAST), "units": 2}]
    assert (one["event_id"], one["event_status"], one["external_room_id"]) == (str(failed.id), "failed", "2001")
    assert "Hopper" not in json.dumps(answer)
    assert viewer.get(address, {"start": str(UNTIL), "end": str(UNTIL + timedelta(days=3))}).json()["not_in_pms"] == []
    assert viewer.get(address, {"start": str(UNTIL), "end": str(NIGHT)}).status_code == 400
    assert api_of(None).get(address).status_code == 403


@pytest.mark.parametrize("odd", ["9999-12-31", "0001-01-01"])
def test_days_beyond_all_calendars_are_refused_by_name(hotel: ConnectedHotel, root: Client, odd: str) -> None:
    room_type, own = f"/api/room-types/{hotel.double.id}", f"/api/admin/properties/{hotel.channel_property.id}"
    searched = {"last_name": "Hopper", "arrival": odd}
    run = {"channel_property_id": str(hotel.channel_property.id), "kind": "rates", "start": odd, "end": odd}
    answers = [
        root.get(f"{own}/not-in-pms", {"start": odd}),
        root.get(f"{own}/not-in-pms", {"end": odd}),
        root.get(f"{room_type}/not-in-pms/", {"start": odd, "end": odd}),
        root.get(f"{room_type}/availability/", {"start": odd, "end": odd}),
        root.post("/api/admin/guest-data/search", searched, content_type="application/json"),
        root.post("/api/admin/reconciliation-runs", run, content_type="application/json"),
    ]

    for answer in answers:
        assert answer.status_code == 400, answer.content
        assert {error["attr"] for error in answer.json()["errors"]} <= {"start", "end", "arrival"}


def test_the_pms_lists_it_beside_its_free_rooms(hotel: ConnectedHotel, failed: ChannelEvent, root: Client) -> None:
    nights = {"start": str(NIGHT), "end": str(UNTIL)}

    (one,) = root.get(f"/api/room-types/{hotel.double.id}/not-in-pms/", nights).json()

    assert (one["booking"], one["nights"][0]["units"]) == (failed.entity_external_id, 2)
    assert root.get(f"/api/room-types/{hotel.single.id}/not-in-pms/", nights).json() == []
