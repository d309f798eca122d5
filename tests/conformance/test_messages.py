"""Messages between guest and host: read, sent and marked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.callers import NEW, Caller
from tests.conftest import RunningSimulator

MESSAGES = "/bookings/messages"
MAP = {"attachment": "aGVsbG8=", "attachmentName": "map.png", "attachmentMimeType": "image/png"}
WRONG = pytest.mark.nonconforming("requests", reason="the request is wrong, to see it refused")


@pytest.fixture
def booking(beds24: RunningSimulator) -> int:
    return int(beds24.controls.book(**NEW)["id"])


def texts(api: Caller, *params: tuple[str, Any]) -> list[str]:
    return [message["message"] for message in api.listed(*params, path=MESSAGES)]


def test_without_messages_the_list_is_empty(api: Caller) -> None:
    answer = api.call("GET", MESSAGES).json()

    assert (answer["type"], answer["count"], answer["data"]) == ("message", 0, [])


def test_what_the_host_writes_is_listed(api: Caller, booking: int) -> None:
    plain, note, attached = api.post(
        MESSAGES,
        {"bookingId": booking, "message": "Welcome"},
        {"bookingId": booking, "message": "VIP", "source": "internalNote"},
        {"bookingId": booking, "message": "The way", **MAP},
    )

    first, second, third = api.listed(("bookingId", booking), path=MESSAGES)
    assert [found["id"] for found in (first, second, third)] == [
        result["new"]["id"] for result in (plain, note, attached)
    ]
    assert (first["source"], second["source"], first["authorOwnerId"]) == ("host", "internalNote", 901)
    assert (first["propertyId"], first["roomId"], third["attachmentName"]) == (1001, 2001, "map.png")


@WRONG
@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("bookingId", {"bookingId": 1}),
        ("message", {"message": ""}),
        ("message", {"message": None}),
        ("source", {"source": "guest"}),
        ("attachment", MAP | {"attachment": "no base64"}),
        ("attachmentName", {"attachment": "aGVsbG8="}),
        ("attachmentMimeType", MAP | {"attachmentMimeType": "text/plain"}),
    ],
)
def test_a_wrong_message_is_refused(api: Caller, booking: int, field: str, changes: dict[str, Any]) -> None:
    (result,) = api.post(MESSAGES, {"bookingId": booking, "message": "Welcome"} | changes)

    assert (result["success"], result["errors"][0]["field"]) == (False, field)
    assert texts(api) == []


def test_a_message_is_marked_as_read(api: Caller, beds24: RunningSimulator, booking: int) -> None:
    number = beds24.controls.write_as_guest(booking, "Late?")["id"]
    assert texts(api, ("filter", "unread"), ("source", "guest")) == ["Late?"]

    (result, unknown) = api.post(MESSAGES, {"id": number, "read": True}, {"id": 1, "read": True})

    assert (result["modified"], unknown["success"]) == ({"id": number, "read": True}, False)
    assert (texts(api, ("filter", "unread")), texts(api, ("filter", "read"))) == ([], ["Late?"])


def test_a_selection_is_marked_as_read(api: Caller, beds24: RunningSimulator, booking: int) -> None:
    other = beds24.controls.book(**NEW)["id"]
    for number in (booking, other):
        beds24.controls.write_as_guest(number, f"about {number}")

    answer = api.call("PATCH", MESSAGES, params={"bookingId": booking}, json={"read": True})

    assert answer.status_code == 200
    assert texts(api, ("filter", "unread")) == [f"about {other}"]


@WRONG
@pytest.mark.parametrize(("params", "body"), [({}, {"read": True}), ({"bookingId": 1}, {}), ({"bookingId": 1}, [])])
def test_a_selection_that_says_too_little_is_refused(api: Caller, params: dict[str, int], body: Any) -> None:
    assert api.call("PATCH", MESSAGES, params=params, json=body).status_code == 400


@WRONG
@pytest.mark.parametrize(
    "parameter", [("maxAge", "0"), ("maxAge", "1000"), ("filter", "new"), ("source", "ota"), ("bookingId", "1,2")]
)
def test_wrong_parameters_are_refused(api: Caller, parameter: tuple[str, str]) -> None:
    assert api.call("GET", MESSAGES, params=[parameter]).status_code == 400


def test_old_messages_are_left_out(api: Caller, beds24: RunningSimulator, booking: int) -> None:
    number = beds24.controls.write_as_guest(booking, "Late?")["id"]
    beds24.simulator.state.messages[number]["time"] = "2020-01-01T00:00:00Z"

    assert texts(api, ("maxAge", 3)) == []
    assert texts(api) == ["Late?"]


def test_the_messages_of_a_booking_go_with_it(api: Caller, beds24: RunningSimulator, booking: int) -> None:
    beds24.controls.write_as_guest(booking, "Late?")

    api.call("DELETE", "/bookings", params={"id": booking})

    assert texts(api) == []
