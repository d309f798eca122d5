"""One booking with text or a number that PostgreSQL refuses stopped every pull and comparison of its property."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
import requests
from django.http import HttpResponse
from django.test import Client

from channel_sync.channels.beds24.simulator import booking_writes as simulated_bookings
from channel_sync.channels.beds24.transport import read_credits
from channel_sync.channels.storable import read_json
from channel_sync.connections.connect import connect_property
from channel_sync.events.processing import process
from channel_sync.models import ChannelEvent, Direction, EventStatus, RunStatus
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.first_sync import first_sync
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import Guest, Reservation, ReservationStatus
from tests.beds24_webhooks import webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import (
    WEBHOOK_SECRET,
    ChannelConnectionFactory,
    HotelFactory,
    MaintenanceBlockFactory,
    ReservationFactory,
    RoomFactory,
)

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.nonconforming("answers", "webhooks", reason="text and numbers that no JSON should have"),
]

NIGHT = date.today() + timedelta(days=30)
NOW = RunOptions(wait=do_not_wait)
HEADERS = {"X-Channel-Sync-Secret": WEBHOOK_SECRET}
# As they stand in JSON, after a comma: what PostgreSQL refuses, in fields that we read and in fields that we do not.
STORABLE_ONCE_CLEANED = {
    "a NUL in a name": r'"firstName": "A\u0000B"',
    "half a surrogate pair in a name": r'"lastName": "A\ud800B"',
    "a NUL in the name of a field": r'"cust\u0000om": 1',
    "half a surrogate pair in a field that nobody reads": r'"comments": "\udfff"',
    "a number beyond all bounds in a field that nobody reads": '"commission": 1e400',
    "a number of 400 digits in a field that nobody reads": f'"commission": 1{"0" * 400}',
    "infinity": '"tax": Infinity',
    "no number": '"tax": {"rate": [NaN]}',
    "a long way down": '"custom1": ' + "[" * 300 + "]" * 300,
}
# The simulator itself cannot read it.
ENDLESS_NUMBER = f'"commission": -1{"0" * 5000}'
FAILS_ALONE = {
    "booking.price": ['"price": 1e400', '"price": "1e400"', '"price": NaN', f'"price": 1{"0" * 400}'],
    "booking.numAdult": ['"numAdult": 1e400', '"numAdult": "1e400"'],
    "booking.roomQty": ['"roomQty": -1e400'],
}
REFUSED = [(field, written) for field, all_written in FAILS_ALONE.items() for written in all_written]


def body_with(written: str, **changes: Any) -> bytes:
    """A webhook whose booking holds what `json.dumps` would not write."""
    body = webhook(**changes)
    body["booking"].pop(written.partition('"')[2].partition('"')[0], None)
    text = json.dumps(body)
    return text.replace('"id": 5000001', f'"id": 5000001, {written}').encode()


def post(body: bytes) -> HttpResponse:
    return Client().post("/webhooks/beds24/", body, content_type="application/json", headers=HEADERS)


def book(beds24: RunningSimulator, written: str) -> int:
    """An OTA books a single room, with something in it that `json.dumps` would not write; its webhook is lost."""
    stay = f'"roomId": 2002, "arrival": "{NIGHT}", "departure": "{NIGHT + timedelta(days=1)}"'
    answer = requests.post(
        f"{beds24.address}/simulator/bookings",
        data=f"{{{stay}, {written}}}",
        headers={"Content-Type": "application/json"},
        timeout=5,
    )
    assert answer.status_code == 200, answer.text
    return int(answer.json()["id"])


def change_and_push(connected: ConnectedHotel) -> ChannelEvent:
    """A room goes out of order; the availability event as it ends."""
    room = RoomFactory(room_type=connected.single)
    MaintenanceBlockFactory(room=room, start=NIGHT, end=NIGHT + timedelta(days=1))
    event = ChannelEvent.objects.filter(direction=Direction.OUTBOUND, status=EventStatus.RECEIVED).earliest(
        "received_at"
    )
    process(event.id)
    event.refresh_from_db()
    return event


@pytest.mark.parametrize(
    "written", [*STORABLE_ONCE_CLEANED.values(), ENDLESS_NUMBER], ids=[*STORABLE_ONCE_CLEANED, "5,000 digits"]
)
def test_a_webhook_that_holds_it_is_stored(written: str) -> None:
    ChannelConnectionFactory(channel_property__channel_property_id="1001")

    assert post(body_with(written)).status_code == 200

    assert ChannelEvent.objects.get().entity_external_id == "5000001"


@pytest.mark.parametrize(("field", "written"), REFUSED)
def test_a_webhook_with_a_boundless_number_is_stored_and_fails_by_the_name_of_the_field(
    connected: ConnectedHotel, field: str, written: str
) -> None:
    header = {"X-Channel-Sync-Secret": connected.webhook_secret}
    answer = Client().post("/webhooks/beds24/", body_with(written), content_type="application/json", headers=header)
    assert answer.status_code == 200

    event = ChannelEvent.objects.get(direction=Direction.INBOUND)
    process(event.id)
    event.refresh_from_db()
    assert event.status == EventStatus.FAILED
    assert f"'{field}'" in (event.last_error or "")


def test_a_surrogate_pair_is_one_character_and_stays() -> None:
    assert read_json(rb'["\ud83d\ude80", "\ude80\ud83d"]') == ["🚀", "\N{REPLACEMENT CHARACTER}" * 2]


def test_bytes_that_are_no_text_do_not_cost_the_booking() -> None:
    ChannelConnectionFactory(channel_property__channel_property_id="1001")

    assert post(json.dumps(webhook(lastName="X")).encode().replace(b'"X"', b'"M\xfcller"')).status_code == 200

    assert ChannelEvent.objects.get().payload["booking"]["lastName"] == "M\N{REPLACEMENT CHARACTER}ller"


@pytest.mark.parametrize("room_id", ["2" * 300, 10**299])
def test_an_inventory_webhook_with_an_endless_room_is_stored_and_fails_by_name(room_id: object) -> None:
    ChannelConnectionFactory(channel_property__channel_property_id="1001")

    body = json.dumps({"roomId": room_id, "propId": "1001", "action": "SYNC_ROOM"}).encode()

    assert post(body).status_code == 200
    event = ChannelEvent.objects.get()
    process(event.id)
    event.refresh_from_db()
    assert event.status == EventStatus.FAILED
    assert "Field 'roomId'" in (event.last_error or "")


@pytest.mark.parametrize("written", STORABLE_ONCE_CLEANED.values(), ids=STORABLE_ONCE_CLEANED)
def test_availability_is_pushed_and_the_booking_applied(
    connected: ConnectedHotel, beds24: RunningSimulator, written: str
) -> None:
    book(beds24, written)

    assert change_and_push(connected).status == EventStatus.DONE

    assert Reservation.objects.count() == 1
    assert beds24.controls.availability("2002", NIGHT, NIGHT + timedelta(days=1)) == {str(NIGHT): 3}


@pytest.mark.parametrize(("field", "written"), REFUSED)
def test_availability_is_pushed_and_the_booking_fails_alone(
    connected: ConnectedHotel, beds24: RunningSimulator, field: str, written: str
) -> None:
    """Posted as another field: the simulator would refuse a booking of endless rooms itself."""
    name = field.partition(".")[2]
    broken = book(beds24, written if name != "roomQty" else '"numAdult": 1')
    if name == "roomQty":
        beds24.simulator.state.bookings[broken]["roomQty"] = float("-inf")
    neighbour = book(beds24, '"lastName": "Hopper"')

    assert change_and_push(connected).status == EventStatus.DONE

    failed = ChannelEvent.objects.get(entity_external_id=str(broken))
    assert failed.status == EventStatus.FAILED
    assert f"'{field}'" in (failed.last_error or "")
    assert ChannelEvent.objects.get(entity_external_id=str(neighbour)).status == EventStatus.DONE
    assert beds24.posts("/inventory/rooms/calendar") != []


def test_a_booking_with_an_endless_id_is_left_out_of_a_list_alone(
    connected: ConnectedHotel, beds24: RunningSimulator, caplog: pytest.LogCaptureFixture
) -> None:
    broken = book(beds24, '"lastName": "Lovelace"')
    book(beds24, '"lastName": "Hopper"')
    beds24.simulator.state.bookings[broken]["id"] = 10**299
    plenty_of_credits(beds24.simulator.state, connected)

    run = reconcile_bookings(connected.channel_property, NOW)

    assert (run.status, run.fixed) == (RunStatus.DONE, 1)
    assert change_and_push(connected).status == EventStatus.DONE
    assert "is left out: Field 'booking.id'" in caplog.text
    assert "Lovelace" not in caplog.text


def test_comparisons_and_the_first_synchronisation_go_on(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    for written in STORABLE_ONCE_CLEANED.values():
        book(beds24, written)
    for _, written in REFUSED[:4]:
        book(beds24, written)

    run = reconcile_bookings(connected.channel_property, NOW)
    assert (run.status, run.fixed) == (RunStatus.DONE, len(STORABLE_ONCE_CLEANED))
    assert reconcile_availability(connected.channel_property, NOW).status == RunStatus.DONE
    Reservation.objects.all().delete()
    run, recorded = first_sync(connected.channel_property, NOW)

    assert run.status == RunStatus.DONE
    assert recorded > 0
    assert Guest.objects.filter(first_name="A\N{REPLACEMENT CHARACTER}B").exists()


def test_a_refusal_that_cannot_be_stored_ends_as_a_refusal(
    connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was tried again as an error of the database, and its reservation went on waiting."""
    reservation = ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    monkeypatch.setattr(simulated_bookings, "problem_of", lambda booking, rooms: ("roomId", "closed\x00 \ud800now"))
    event = ChannelEvent.objects.get(event_type="booking.create")

    process(event.id)

    event.refresh_from_db()
    reservation.refresh_from_db()
    assert (event.status, reservation.status) == (EventStatus.FAILED, ReservationStatus.FAILED)
    for text in (event.last_error, reservation.failure_reason):
        assert "roomId: closed\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}now" in (text or "")


def test_an_error_of_our_own_that_cannot_be_stored_is_kept_cleaned(connected: ConnectedHotel) -> None:
    event = ChannelEvent.objects.create(
        channel_property=connected.channel_property,
        direction=Direction.INBOUND,
        source="beds24",
        event_type="booking.created",
        entity_type="booking",
        idempotency_key="one",
        payload={},
    )

    def fail(event: ChannelEvent) -> None:
        raise RuntimeError("half\x00 way")

    process(event.id, fail)

    event.refresh_from_db()
    assert event.status == EventStatus.RETRYING
    assert event.last_error == "RuntimeError: half\N{REPLACEMENT CHARACTER} way"


def test_a_room_with_an_odd_name_can_be_connected(beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms[2001].name = "Double\x00 \udc00Room"

    found = connect_property(HotelFactory().id, channel_name="beds24", invite_code="DEMO-INVITE-CODE")

    assert "Double\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}Room" in [
        room.name for room in found.suggestions.unmatched
    ]


def test_credits_beyond_all_bounds_are_not_believed() -> None:
    credits = read_credits(
        {"X-FiveMinCreditLimit-ResetsIn": "1e999999", "X-RequestCost": "1e6", "x-five-min-limit": "100"}
    )

    assert (credits.resets_in_seconds, credits.cost, credits.limit) == (None, None, Decimal(100))


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("1e308", 1e308),
        ("1e309", "Infinity"),
        ("-1E+0309", "-Infinity"),
        (f"1{'0' * 199}e99", 1e298),
        (f"1{'0' * 250}e60", "Infinity"),
        (f"1{'0' * 299}", 10**299),
        (f"1{'0' * 309}", "Infinity"),
        ("1e-400", 0.0),
        ("NaN", "NaN"),
        (r'"\\u0000"', r"\u0000"),
        ('"NaN"', "NaN"),
        ('"🚀"', "🚀"),
    ],
)
def test_only_what_cannot_be_stored_is_replaced(written: str, read: object) -> None:
    assert read_json(f'{{"value": {written}}}'.encode()) == {"value": read}
