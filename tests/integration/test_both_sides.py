"""What each side sells on each night, without a call to the channel: nobody could see both beside each other."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from channel_sync.events.processing import process
from channel_sync.inventory.holds import create_hold
from channel_sync.models import (
    ChannelEvent,
    ChannelMapping,
    Conflict,
    ConflictKind,
    EventStatus,
    EventType,
    MappingType,
    Role,
    Severity,
    ShownNight,
)
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import change_mapping
from channel_sync.operations.pausing import pause_with_rooms_closed
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.rate_conflicts import LEFT_CLOSED
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import (
    DailyRateFactory,
    EventFactory,
    MaintenanceBlockFactory,
    RateMappingFactory,
    RatePlanFactory,
    ReservationFactory,
    RoomFactory,
    RoomTypeFactory,
)
from tests.staff import works_everywhere

pytestmark = pytest.mark.django_db

FIRST = date.today() + timedelta(days=30)
NIGHTS = [FIRST + timedelta(days=day) for day in range(10)]
NOW = RunOptions(wait=do_not_wait)

Read = Callable[..., dict[str, Any]]


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    """Connected, and the whole calendar was sent; Beds24 has more units than the PMS, and so can have more on sale."""
    plenty_of_credits(beds24.simulator.state, connected)
    plan = RatePlanFactory(room_type=connected.double, name="Flex")
    RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id="2001:1")
    for night in NIGHTS:
        DailyRateFactory(rate_plan=plan, night=night, price=Decimal("100.00"), min_stay=2)
    request_full_sync(connected.channel_property)
    work()
    beds24.simulator.state.rooms[2001].qty = 20
    return connected


def work() -> None:
    for event in ChannelEvent.objects.filter(status=EventStatus.RECEIVED).order_by("received_at"):
        process(event.id)


def login(role: Role) -> APIClient:
    client = APIClient()
    client.force_authenticate(works_everywhere(get_user_model().objects.create_user(role.name), role))
    return client


@pytest.fixture
def read(hotel: ConnectedHotel) -> Read:
    client = login(Role.VIEWER)

    def ask(start: date = NIGHTS[0], end: date = NIGHTS[3], **query: Any) -> dict[str, Any]:
        answer = client.get(
            f"/api/admin/properties/{hotel.channel_property.id}/availability/", {"start": start, "end": end, **query}
        )
        assert answer.status_code == 200, answer.content
        found: dict[str, Any] = answer.json()
        return found

    return ask


def room_type(found: dict[str, Any], wanted: Any) -> dict[str, Any]:
    (one,) = [row for row in found["room_types"] if row["room_type_id"] == str(wanted.id)]
    return dict(one)


def test_both_sides_are_in_sync_after_a_push(hotel: ConnectedHotel, read: Read, beds24: RunningSimulator) -> None:
    calls = len(beds24.simulator.state.calls)

    found = read()

    assert [row["name"] for row in found["room_types"]] == ["Double Room", "Single Room"]
    double = room_type(found, hotel.double)
    assert (double["units"], double["external_room_id"], double["on_its_way"]) == (10, "2001", False)
    assert [night["night"] for night in double["nights"]] == [str(night) for night in NIGHTS[:3]]
    night = double["nights"][0]
    assert (night["free"], night["for_sale"], night["differs"], night["kept_lower"]) == (10, 10, False, None)
    assert (night["channel"]["units"], night["channel"]["last_known"], night["channel"]["how"]) == (10, 10, "sent")
    assert night["channel"]["known_at"]
    assert len(beds24.simulator.state.calls) == calls


def test_what_takes_units_is_told_apart(hotel: ConnectedHotel, read: Read) -> None:
    ReservationFactory(room_type=hotel.double, check_in=FIRST, check_out=NIGHTS[1], units=2)
    pending = ReservationFactory(
        room_type=hotel.double, check_in=FIRST, check_out=NIGHTS[1], status=ReservationStatus.PENDING_SYNC
    )
    create_hold(pending.id, hotel.double.id, FIRST, NIGHTS[1])
    MaintenanceBlockFactory(room=RoomFactory(room_type=hotel.double), start=FIRST, end=NIGHTS[2])
    EventFactory(
        channel_property=hotel.channel_property, status=EventStatus.FAILED, event_type=EventType.BOOKING_CREATED,
        entity_external_id="99", claimed_room="2001", claimed_from=FIRST, claimed_until=NIGHTS[1], claimed_units=3,
    )  # fmt: skip

    double = room_type(read(), hotel.double)

    first, second = double["nights"][:2]
    assert {name: first[name] for name in ("reserved", "held", "out_of_order", "not_in_pms", "free")} == {
        "reserved": 2, "held": 1, "out_of_order": 1, "not_in_pms": 3, "free": 3,
    }  # fmt: skip
    assert {name: second[name] for name in ("reserved", "held", "out_of_order", "not_in_pms", "free")} == {
        "reserved": 0, "held": 0, "out_of_order": 1, "not_in_pms": 0, "free": 9,
    }  # fmt: skip


def test_bookings_that_the_pms_does_not_have_are_named(hotel: ConnectedHotel, read: Read) -> None:
    event = EventFactory(
        channel_property=hotel.channel_property, status=EventStatus.FAILED, event_type=EventType.BOOKING_CREATED,
        entity_external_id="99", claimed_room="2001", claimed_from=FIRST, claimed_until=NIGHTS[1], claimed_units=3,
    )  # fmt: skip

    found = read()

    assert [(one["booking"], one["event_id"]) for one in found["not_in_pms"]] == [("99", str(event.id))]


def test_while_a_change_is_on_its_way_nobody_says_that_the_sides_differ(hotel: ConnectedHotel, read: Read) -> None:
    MaintenanceBlockFactory(room=RoomFactory(room_type=hotel.double), start=FIRST, end=NIGHTS[1])

    before = room_type(read(), hotel.double)
    work()
    after = room_type(read(), hotel.double)

    assert (before["on_its_way"], before["nights"][0]["differs"]) == (True, None)
    assert (after["on_its_way"], after["nights"][0]["differs"]) == (False, False)
    assert (after["nights"][0]["for_sale"], after["nights"][0]["channel"]["units"]) == (9, 9)


def test_a_booking_moves_both_sides_alike(hotel: ConnectedHotel, read: Read) -> None:
    """An OTA's booking lowers the channel by itself: nothing is sent, and ten that were sent are nine."""
    ReservationFactory(room_type=hotel.double, check_in=FIRST, check_out=NIGHTS[1])
    ChannelEvent.objects.filter(status=EventStatus.RECEIVED).update(status=EventStatus.DONE)

    night = room_type(read(), hotel.double)["nights"][0]

    assert (night["for_sale"], night["differs"]) == (9, False)
    assert (night["channel"]["units"], night["channel"]["last_known"]) == (9, 10)


def test_what_a_comparison_has_seen_differs(hotel: ConnectedHotel, read: Read, beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms[2001].num_avail[NIGHTS[1]] = 7

    run = reconcile_availability(hotel.channel_property, NOW)
    run.refresh_from_db()

    double = room_type(read(), hotel.double)
    assert [night["differs"] for night in double["nights"]] == [False, True, False]
    assert (double["nights"][1]["channel"]["units"], double["nights"][1]["channel"]["how"]) == (7, "seen")
    assert double["nights"][0]["compared_at"] == double["nights"][1]["compared_at"]
    assert double["nights"][0]["compared_at"][:19] == run.finished_at.isoformat()[:19]  # type: ignore[union-attr]
    assert [conflict["kind"] for conflict in double["conflicts"]] == ["availability"]


def test_a_dry_run_keeps_nothing(hotel: ConnectedHotel, read: Read, beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms[2001].num_avail[NIGHTS[1]] = 7

    reconcile_availability(hotel.channel_property, RunOptions(wait=do_not_wait, dry_run=True))

    night = room_type(read(), hotel.double)["nights"][1]
    assert (night["differs"], night["compared_at"]) == (False, None)


def test_what_was_read_before_a_push_does_not_replace_what_was_sent(
    hotel: ConnectedHotel, read: Read, beds24: RunningSimulator
) -> None:
    ShownNight.objects.update(known_at=Now() + timedelta(days=2))
    beds24.simulator.state.rooms[2001].num_avail[NIGHTS[1]] = 7

    reconcile_availability(hotel.channel_property, NOW)

    assert room_type(read(), hotel.double)["nights"][1]["channel"]["how"] == "sent"


def test_comparing_again_writes_no_night_that_is_known(hotel: ConnectedHotel) -> None:
    reconcile_availability(hotel.channel_property, NOW)
    before = set(ShownNight.objects.values_list("id", "known_at"))

    reconcile_availability(hotel.channel_property, NOW)

    assert set(ShownNight.objects.values_list("id", "known_at")) == before


def test_a_night_that_the_channel_keeps_lower_says_why(
    hotel: ConnectedHotel, read: Read, beds24: RunningSimulator
) -> None:
    beds24.simulator.state.rooms[2001].qty = 4

    reconcile_availability(hotel.channel_property, NOW)

    night = room_type(read(), hotel.double)["nights"][0]
    assert (night["differs"], night["kept_lower"], night["channel"]["units"]) == (True, "fewer_rooms", 4)


@pytest.mark.parametrize(
    ("status", "resolution"),
    [("open", ""), ("dismissed", "dismiss"), ("resolved", LEFT_CLOSED)],
    ids=["open", "dismissed", "left so"],
)
def test_a_night_that_somebody_closed_at_the_channel_is_named(
    hotel: ConnectedHotel, read: Read, status: str, resolution: str
) -> None:
    Conflict.objects.create(
        channel_property=hotel.channel_property, kind=ConflictKind.CLOSED_AT_CHANNEL, severity=Severity.MEDIUM,
        subject="room:2001", status=status, resolution=resolution,
        pms_side={"room_type_id": str(hotel.double.id), "closures": {str(NIGHTS[1]): "open"}},
        channel_side={"room_id": "2001", "closures": {str(NIGHTS[1]): "stop sell"}},
    )  # fmt: skip

    double = room_type(read(), hotel.double)

    assert [night["closed_at_channel"] for night in double["nights"]] == [None, "stop sell", None]
    assert len(double["conflicts"]) == (status == "open")


def test_rooms_that_were_closed_for_a_pause_show_none(hotel: ConnectedHotel, read: Read) -> None:
    pause_with_rooms_closed(hotel.channel_property, by="ada")
    work()

    double = room_type(read(), hotel.double)

    assert [(night["channel"]["units"], night["differs"]) for night in double["nights"]] == [(0, True)] * 3


def test_a_room_type_without_a_room_has_no_other_side(hotel: ConnectedHotel, read: Read) -> None:
    loft = RoomTypeFactory(hotel=hotel.hotel, name="Loft", units=1)

    found = room_type(read(), loft)

    assert found["external_room_id"] is None
    assert [(night["free"], night["channel"], night["differs"]) for night in found["nights"]] == [(1, None, None)] * 3


def test_another_channel_room_is_not_taken_for_the_one_that_was_sent(hotel: ConnectedHotel, read: Read) -> None:
    mapping = ChannelMapping.objects.get(mapping_type=MappingType.ROOM_TYPE, internal_id=hotel.double.id)
    change_mapping(
        mapping, WantedMapping(hotel.channel_property, MappingType.ROOM_TYPE, hotel.double.id, "2003"), by="ada"
    )

    assert room_type(read(), hotel.double)["nights"][0]["channel"] is None


def test_prices_of_both_sides_are_there_when_asked_for(hotel: ConnectedHotel, read: Read) -> None:
    assert room_type(read(), hotel.double)["rates"] is None

    found = read(rates="true", start=NIGHTS[8], end=NIGHTS[9] + timedelta(days=2))
    (plan,) = room_type(found, hotel.double)["rates"]

    assert (plan["name"], plan["external_rate_id"]) == ("Flex", "2001:1")
    assert [night["price"] for night in plan["nights"]] == ["100.00", "100.00", None]
    first = plan["nights"][0]
    assert (first["min_stay"], first["stop_sell"], first["price_at_channel"]) == (2, False, "100.00")


def test_one_room_type_alone(hotel: ConnectedHotel, read: Read) -> None:
    found = read(room_type_id=str(hotel.single.id))

    assert [row["name"] for row in found["room_types"]] == ["Single Room"]


def test_an_operator_asks_the_channel_itself(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    """What nobody has sent or compared yet, such as a change by hand a minute ago."""
    beds24.simulator.state.rooms[2001].num_avail[NIGHTS[1]] = 7
    address = f"/api/admin/properties/{hotel.channel_property.id}/availability/"
    query = {"start": NIGHTS[0], "end": NIGHTS[3], "live": "true"}

    answer = login(Role.OPERATOR).get(address, query)

    assert answer.status_code == 200, answer.content
    nights = room_type(answer.json(), hotel.double)["nights"]
    assert [(night["channel"]["units"], night["channel"]["how"]) for night in nights] == [
        (10, "live"), (7, "live"), (10, "live"),
    ]  # fmt: skip
    assert [night["differs"] for night in nights] == [False, True, False]
    assert login(Role.VIEWER).get(address, query).status_code == 403


def test_a_channel_that_is_down_says_so_to_who_asks_live(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.controls.fail_next(kind="status", status=503, method="GET", path="/inventory", times=5)
    address = f"/api/admin/properties/{hotel.channel_property.id}/availability/"

    assert login(Role.OPERATOR).get(address, {"live": "true"}).status_code == 503


@pytest.mark.parametrize(
    ("query", "attr"),
    [
        ({"start": "2027-03-02", "end": "2027-03-02"}, "end"),
        ({"start": "2027-03-02", "end": "2029-03-02"}, "end"),
        ({"start": "noon"}, "start"),
        ({"room_type_id": "7"}, "room_type_id"),
        ({"from": "2027-03-02"}, "from"),
    ],
)
def test_wrong_questions_are_refused(hotel: ConnectedHotel, query: dict[str, str], attr: str) -> None:
    answer = login(Role.VIEWER).get(f"/api/admin/properties/{hotel.channel_property.id}/availability/", query)

    assert answer.status_code == 400
    assert attr in {error["attr"] for error in answer.json()["errors"]}


def test_the_number_of_statements_grows_neither_with_nights_nor_with_rooms(hotel: ConnectedHotel, read: Read) -> None:
    def statements(**query: Any) -> int:
        with CaptureQueriesContext(connection) as captured:
            read(**query)
        return len(captured)

    read()
    few = statements(rates="true")
    for number in range(5):
        RatePlanFactory(room_type=RoomTypeFactory(hotel=hotel.hotel, name=f"Loft {number}"))
        ReservationFactory(room_type=hotel.double, check_in=NIGHTS[number], check_out=NIGHTS[number + 1])

    assert statements(rates="true", end=FIRST + timedelta(days=500)) == few
    assert few < 25
