from typing import Any

import pytest

from channel_sync.channels.beds24.webhook import listed_booking, parse_webhook
from channel_sync.channels.canonical import AvailabilityNotification, BookingChange, BookingNotification
from channel_sync.errors import MalformedWebhook
from tests.beds24_webhooks import LATER, TIME, booking, envelope, webhook

# A new booking of Booking.com is modified a second after it was booked.
A_SECOND_LATER = "2026-11-01T10:00:01Z"


def parsed(payload: dict[str, Any]) -> BookingNotification:
    notification = parse_webhook(payload)
    assert isinstance(notification, BookingNotification)
    return notification


@pytest.mark.parametrize(
    ("changes", "change"),
    [
        ({}, BookingChange.CREATED),
        ({"modifiedTime": None}, BookingChange.CREATED),
        ({"modifiedTime": A_SECOND_LATER}, BookingChange.CREATED),
        ({"modifiedTime": LATER}, BookingChange.MODIFIED),
        ({"status": "cancelled", "modifiedTime": LATER}, BookingChange.CANCELLED),
    ],
)
def test_what_happened_is_told_from_the_booking(changes: dict[str, Any], change: BookingChange) -> None:
    assert parsed(webhook(**changes)).change is change


def test_a_redelivery_has_the_key_of_the_first_delivery() -> None:
    again = webhook(retries=3) | {"timeStamp": "2026-11-01T12:30:00Z"}

    assert parsed(again).dedupe_key == parsed(webhook()).dedupe_key


@pytest.mark.parametrize(
    "as_webhook",
    [
        {"bookingGroup": {"master": 5000001, "ids": [5000001]}},
        {"price": "240.00", "numAdult": "2"},
        {"modifiedTime": "2026-11-01 10:00:00"},
    ],
)
def test_a_webhook_and_a_list_give_one_state_one_key(as_webhook: dict[str, Any]) -> None:
    assert parsed(webhook(**as_webhook)).dedupe_key == listed_booking(booking()).dedupe_key


def test_a_webhook_that_leaves_fields_out_is_another_state() -> None:
    partial = {name: value for name, value in booking().items() if name != "email"}

    assert listed_booking(partial).dedupe_key != listed_booking(booking()).dedupe_key


@pytest.mark.parametrize("changes", [{"modifiedTime": LATER}, {"price": 241}, {"id": 5000002}])
def test_another_state_of_a_booking_has_another_key(changes: dict[str, Any]) -> None:
    assert parsed(webhook(**changes)).dedupe_key != parsed(webhook()).dedupe_key


def test_the_envelope_brings_its_own_key() -> None:
    notification = parsed(envelope("booking.modified", event_id="abc", modifiedTime=TIME))

    assert notification.change is BookingChange.MODIFIED
    assert notification.dedupe_key == "event-abc"
    assert notification.external_property_id == "1001"


def test_a_deletion_needs_the_ids_alone() -> None:
    payload = {"event_id": "1", "event": "booking.deleted", "data": {"id": 5, "propertyId": 1001}}

    assert parsed(payload).change is BookingChange.DELETED


def test_the_inventory_webhook_names_a_room() -> None:
    said = {"roomId": "2001", "propId": "1001", "ownerId": "901", "action": "SYNC_ROOM"}
    notification = parse_webhook({**said, "lastName": "Lovelace", "booking_of": {"email": "ada@example.org"}})

    assert isinstance(notification, AvailabilityNotification)
    assert (notification.external_property_id, notification.external_room_id) == ("1001", "2001")
    # It says nothing about a guest, and is kept without whatever else came with it.
    assert notification.payload == said


def test_an_unknown_status_is_taken_so_that_the_booking_is_not_lost() -> None:
    assert parsed(webhook(status="a status of next year")).change is BookingChange.CREATED


@pytest.mark.parametrize(
    ("payload", "change"),
    [
        ({"event": "booking.cancelled", "data": {"id": 5000001, "propertyId": 1001}}, BookingChange.CANCELLED),
        ({"event_id": "1", "event": "Booking.Created", "data": booking(modifiedTime=LATER)}, BookingChange.CREATED),
        ({"event_id": "1", "event": "booking.reinstated", "data": booking()}, BookingChange.CREATED),
        ({"event_id": "1", "event": ["booking.created"], "data": booking(modifiedTime=LATER)}, BookingChange.MODIFIED),
        (
            {"event_id": "1", "event": "booking.modified", "data": {**booking(), "booking": None}},
            BookingChange.MODIFIED,
        ),
        ({**webhook(), "event": None}, BookingChange.CREATED),
        (webhook(id=None), BookingChange.CREATED),
    ],
)
def test_an_envelope_or_a_booking_that_lacks_something_is_no_reason_to_lose_it(
    payload: dict[str, Any], change: BookingChange
) -> None:
    found = parsed(payload)

    assert (found.change, found.external_property_id) == (change, "1001")
    assert found.external_id in ("5000001", "")
    assert found.dedupe_key


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"booking": None},
        {"booking": []},
        {"booking": {"id": 1}},
        {"booking": booking(propertyId={})},
        {"event_id": "1", "event": "booking.created", "data": "booking"},
        {"event_id": "1", "event": "booking.deleted", "data": {}},
        {"action": "SYNC_ROOM"},
        {"action": "SYNC_ROOM", "propId": {}, "roomId": "1"},
    ],
)
def test_what_is_no_webhook_is_malformed(payload: dict[str, Any]) -> None:
    with pytest.raises(MalformedWebhook):
        parse_webhook(payload)
