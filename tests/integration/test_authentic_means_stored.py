"""A webhook that its property verifies is stored, whatever its fields hold and however its body is packed."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from channel_sync.events.processing import process
from channel_sync.inbound.body import read_body
from channel_sync.metrics import WEBHOOKS
from channel_sync.models import ChannelEvent, ChannelProperty, EventStatus, ReservationLink
from pms_project.pms.models import Reservation, ReservationStatus
from tests.beds24_webhooks import LATER, LATEST, booking, envelope, webhook
from tests.dangers.test_14_unreadable_secrets import seal_with_other_keys
from tests.factories import WEBHOOK_SECRET, ChannelConnectionFactory, RoomTypeFactory, RoomTypeMappingFactory

pytestmark = pytest.mark.django_db

JSON, FORM = "application/json", "application/x-www-form-urlencoded"


@pytest.fixture(autouse=True)
def hotel() -> ChannelProperty:
    """Property 1001 with one mapped room type."""
    found: ChannelProperty = ChannelConnectionFactory(channel_property__channel_property_id="1001").channel_property
    room_type = RoomTypeFactory(hotel=found.property, units=5)
    RoomTypeMappingFactory(channel_property=found, internal_id=room_type.id, external_id="2001")
    return found


def post(body: Any, content_type: str = JSON, secret: str = WEBHOOK_SECRET) -> HttpResponse:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"X-Channel-Sync-Secret": secret}
    answer: HttpResponse = Client().post("/webhooks/beds24/", content, content_type=content_type, headers=headers)
    return answer


def work() -> list[ChannelEvent]:
    """Work all events; as they end, oldest first."""
    for event in ChannelEvent.objects.filter(status=EventStatus.RECEIVED).order_by("received_at"):
        process(event.id)
    return list(ChannelEvent.objects.filter(direction="inbound").order_by("received_at"))


@pytest.mark.parametrize("zero", ["0000-00-00 00:00:00", "0000-00-00", "0000-00-00T00:00:00Z", "", None])
def test_a_zero_date_is_no_date(zero: str | None) -> None:
    assert post(webhook(cancelTime=zero)).status_code == 200

    assert [event.status for event in work()] == [EventStatus.DONE]


@pytest.mark.parametrize(("price", "kept"), [(2_100_000_000, "2100000000.00"), ("9999999999.99", "9999999999.99")])
def test_an_amount_that_the_column_holds_is_applied(price: object, kept: str) -> None:
    assert post(webhook(price=price, currency="IRR")).status_code == 200

    assert [event.status for event in work()] == [EventStatus.DONE]
    assert Reservation.objects.get().price == Decimal(kept)


@pytest.mark.parametrize("price", [10**10, "9999999999.995", -(10**10), "1e300"])
def test_an_amount_beyond_the_column_fails_by_name(price: object) -> None:
    assert post(webhook(price=price)).status_code == 200

    (event,) = work()
    assert event.status == EventStatus.FAILED
    assert "Field 'booking.price'" in (event.last_error or "")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"arrival": "31/12/2026"}, "booking.arrival"),
        ({"arrival": 1_800_000_000}, "booking.arrival"),
        ({"departure": "0000-00-00"}, "booking.departure"),
        ({"numAdult": [2]}, "booking.numAdult"),
        ({"status": {"is": "new"}}, "booking.status"),
        ({"status": None}, "booking.status"),
        ({"modifiedTime": "yesterday"}, "booking.modifiedTime"),
        ({"id": "9" * 300}, "booking.id"),
        ({"id": "five"}, "booking.id"),
        ({"id": {"number": 5}}, "booking.id"),
        ({"roomId": "2" * 300}, "booking.roomId"),
        ({"lastName": ["Lovelace"]}, "booking.lastName"),
    ],
)
def test_what_cannot_be_applied_is_stored_and_fails_by_the_name_of_the_field(
    changes: dict[str, Any], field: str
) -> None:
    assert post(webhook(**changes)).status_code == 200

    (event,) = work()
    assert event.status == EventStatus.FAILED
    assert f"Field '{field}'" in (event.last_error or "")
    assert "Lovelace" not in (event.last_error or "")


def test_an_odd_note_does_not_cost_the_booking() -> None:
    for number, notes in enumerate(["", "none", [None, "x", {"code": {}}], {"code": "A"}]):
        assert post({"booking": booking(id=5000001 + number), "infoItems": notes}).status_code == 200

    assert {event.status for event in work()} == {EventStatus.DONE}


def test_a_raw_control_character_does_not_cost_the_booking() -> None:
    assert post(json.dumps(webhook(lastName="Love@lace")).replace("@", "\x01\n\t").encode()).status_code == 200

    assert {event.status for event in work()} == {EventStatus.DONE}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_a_byte_order_mark_or_another_encoding_is_read(encoding: str) -> None:
    assert post(json.dumps(webhook(lastName="Łukasz"), ensure_ascii=False).encode(encoding)).status_code == 200

    assert ChannelEvent.objects.get().payload["booking"]["lastName"] == "Łukasz"


@pytest.mark.parametrize(
    "packed",
    [
        lambda text: text,
        lambda text: quote(text),
        lambda text: urlencode({"payload": text}),
        lambda text: urlencode({"anything": text}),
        lambda text: urlencode({text: ""}),
        lambda text: urlencode({name: json.dumps(value) for name, value in json.loads(text).items()}),
    ],
    ids=["bare", "quoted", "payload", "any field", "name", "members"],
)
def test_a_form_may_carry_the_json(packed: Any) -> None:
    text = json.dumps(webhook(lastName="Łukasz & Ada=1"))

    assert post(packed(text).encode(), content_type=FORM).status_code == 200

    (event,) = work()
    assert (event.status, event.payload["booking"]["lastName"]) == (EventStatus.DONE, "Łukasz & Ada=1")


def test_an_inventory_webhook_may_be_a_form() -> None:
    body = urlencode({"roomId": "2001", "propId": "1001", "ownerId": "901", "action": "SYNC_ROOM"})

    assert post(body.encode(), content_type=FORM).status_code == 200

    assert ChannelEvent.objects.get().entity_external_id == "2001"


@pytest.mark.parametrize("body", [b"", b"payload=", b"a=b&c=d", b"%7Bbroken", b"&" * 5000, b"a=1&" * 5000])
def test_a_form_without_json_is_malformed(body: bytes) -> None:
    assert post(body, content_type=FORM).status_code == 400


def test_each_webhook_of_an_array_is_an_event() -> None:
    bodies = [webhook(id=5000001 + number) for number in range(3)]

    assert post(bodies).status_code == 200
    assert json.loads(post(bodies).content)["status"] == "duplicate"

    assert [event.status for event in work()] == [EventStatus.DONE] * 3


def test_an_array_is_stored_whole_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    from channel_sync.inbound import receipt

    stored = receipt.record

    def full(event: Any) -> Any:
        if event.entity_external_id == "5000003":
            raise RuntimeError("the disk is full")
        return stored(event)

    monkeypatch.setattr(receipt, "record", full)
    with pytest.raises(RuntimeError):
        post([webhook(id=5000001 + number) for number in range(3)])

    assert not ChannelEvent.objects.exists()


def test_an_array_is_verified_by_each_property_that_it_names() -> None:
    other = ChannelConnectionFactory(channel_property__channel_property_id="1002", webhook_secret="another")
    assert other.channel_property.channel_property_id == "1002"

    assert post([webhook(propertyId=1002), webhook(id=5000002, propertyId=1002)]).status_code == 401
    assert post([webhook(propertyId=999), webhook(propertyId=1002)]).status_code == 401
    assert not ChannelEvent.objects.exists()


def test_one_of_another_secret_does_not_cost_its_neighbours_in_an_array(caplog: pytest.LogCaptureFixture) -> None:
    ChannelConnectionFactory(channel_property__channel_property_id="1002", webhook_secret="another")

    assert post([webhook(propertyId=1002), webhook(id=5000002)]).status_code == 200

    assert ChannelEvent.objects.get().entity_external_id == "5000002"
    assert "1 of 2 are left out: not_verified" in caplog.text


def test_an_unreadable_secret_does_not_cost_its_neighbours_in_an_array() -> None:
    seal_with_other_keys("channel_connections", "webhook_secret")
    ChannelConnectionFactory(channel_property__channel_property_id="1002")

    assert post([webhook(), webhook(id=5000002, propertyId=1002)]).status_code == 503, "it is to be sent again"

    assert ChannelEvent.objects.get().entity_external_id == "5000002"


def test_an_unknown_property_does_not_cost_its_neighbours_in_an_array(caplog: pytest.LogCaptureFixture) -> None:
    rejected = WEBHOOKS.labels("beds24", "not_verified")._value
    before = rejected.get()
    bodies = [webhook(id=5000001), webhook(id=5000002, propertyId=999), webhook(id=5000003), webhook(propertyId="Ada")]

    answer = post(bodies)

    assert (answer.status_code, json.loads(answer.content)["status"]) == (200, "accepted")
    stored = ChannelEvent.objects.values_list("entity_external_id", flat=True)
    assert sorted(stored) == ["5000001", "5000003"]
    assert rejected.get() == before + 2
    assert "2 of 4 are left out: not_verified" in caplog.text
    assert "Ada" not in caplog.text


def test_an_array_of_unknown_properties_is_a_401_after_one_look_up() -> None:
    with CaptureQueriesContext(connection) as statements:
        answer = post([webhook(id=number, propertyId=9000 + number) for number in range(50)])

    assert (answer.status_code, json.loads(answer.content)["error"]) == (401, "not_verified")
    assert [statement["sql"].split()[0] for statement in statements] == ["SELECT", "INSERT"]
    assert not ChannelEvent.objects.exists()


def test_what_is_no_webhook_does_not_cost_its_neighbour_in_an_array() -> None:
    assert post([None, {}, webhook(), {"booking": {}}]).status_code == 200
    assert post([None, {}, "webhook"]).status_code == 400
    assert post([]).status_code == 400

    assert ChannelEvent.objects.count() == 1


CANCELLATIONS = {
    "blank dates": {"status": "cancelled", "arrival": "", "departure": ""},
    "zero dates": {"status": "cancelled", "arrival": "0000-00-00", "departure": "0000-00-00"},
    "no night": {"status": "cancelled", "arrival": "2027-03-10", "departure": "2027-03-10"},
    "no room": {"status": "cancelled", "roomId": None},
    "garbage": {"status": "cancelled", "numAdult": "many", "price": {}, "firstName": [1], "roomQty": -5},
}


@pytest.mark.parametrize("changes", CANCELLATIONS.values(), ids=CANCELLATIONS)
def test_a_cancellation_needs_the_number_of_the_booking_alone(changes: dict[str, Any]) -> None:
    post(webhook())
    work()

    assert post(webhook(**changes, modifiedTime=LATER)).status_code == 200

    assert [event.status for event in work()] == [EventStatus.DONE] * 2
    assert Reservation.objects.get().status == ReservationStatus.CANCELLED


@pytest.mark.parametrize("event", ["booking.cancelled", "booking.deleted"])
def test_an_envelope_cancels_by_the_number_of_the_booking_alone(event: str) -> None:
    post(webhook())
    work()
    data = {"id": 5000001, "propertyId": 1001, "modifiedTime": LATER}

    assert post({"event_id": "e1", "event": event, "data": data}).status_code == 200

    assert [found.status for found in work()] == [EventStatus.DONE] * 2
    assert Reservation.objects.get().status == ReservationStatus.CANCELLED


def test_a_cancellation_that_cannot_be_read_is_ordered_as_any_other() -> None:
    post(webhook(modifiedTime=LATEST))
    post(webhook(modifiedTime=LATER, **CANCELLATIONS["blank dates"]))

    assert [event.status for event in work()] == [EventStatus.DONE, EventStatus.IGNORED]
    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED


def test_a_booking_comes_back_after_a_cancellation_that_could_not_be_read() -> None:
    post(webhook())
    post(webhook(modifiedTime=LATER, **CANCELLATIONS["blank dates"]))
    post(webhook(modifiedTime=LATEST))

    assert [event.status for event in work()] == [EventStatus.DONE] * 3
    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED


def test_a_cancellation_of_a_booking_that_is_not_known_is_remembered() -> None:
    post(webhook(modifiedTime=LATER, **CANCELLATIONS["blank dates"]))
    work()
    post(webhook())

    assert [event.status for event in work()] == [EventStatus.DONE, EventStatus.IGNORED]
    assert not Reservation.objects.exists()
    assert ReservationLink.objects.get().applied_cancelled


def test_numbers_of_an_envelope_are_taken_once_whatever_it_holds() -> None:
    post(envelope("booking.modified", event_id="e1", modifiedTime=None))
    work()

    assert json.loads(post(envelope("booking.modified", event_id="e1", price=1)).content)["status"] == "duplicate"


def test_a_body_in_chunks_is_read_up_to_the_limit(settings: Any) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "webhook_max_bytes": 10}
    request = RequestFactory().post("/webhooks/beds24/")
    request.META.pop("CONTENT_LENGTH", None)
    request.environ |= {"wsgi.input_terminated": True, "wsgi.input": io.BytesIO(b"0123456789")}

    assert read_body(request) == b"0123456789"


MINIMAL = {
    "naive times, amounts as text, no retries": {
        "timeStamp": "2026-07-30T14:32:00",
        "booking": booking(
            price="450.00",
            bookingTime="2026-07-30T14:30:00",
            modifiedTime="2026-07-30T14:32:00",
            bookingGroup={"master": None, "ids": [5000001]},
        ),
        "messages": [{"id": 1, "message": "Hello"}],
    },
    "no country": webhook(country="19", country2=None, channel="airbnb", email=""),
    "paid in advance": webhook(comments="PRE-PAID\n1 child aged 6", numChild=2, info_items=[{"code": "A", "text": ""}]),
    "an array of one": [webhook(country2=None, bookingGroup=None, allowCancellation={"type": "days"})],
    "no personal data": {
        "booking": {
            name: value
            for name, value in booking().items()
            if name not in ("firstName", "lastName", "email", "phone", "price")
        },
        "retries": 0,
    },
    "a room": {"roomId": "2001", "propId": "1001", "ownerId": "901", "action": "SYNC_ROOM"},
}


@pytest.mark.parametrize("body", MINIMAL.values(), ids=MINIMAL)
def test_each_form_in_the_wild_is_stored(body: Any) -> None:
    assert post(body).status_code == 200

    assert ChannelEvent.objects.count() == 1
    if not isinstance(body, dict) or "booking" in body:
        assert [event.status for event in work()] == [EventStatus.DONE]
