"""What the simulator delivers to a webhook conforms to the description, and follows the settings of the property."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.conformance.callers import ARRIVAL, NEW, Caller
from tests.conformance.faults import webhook_faults
from tests.conformance.samples import PERSONAL
from tests.conftest import RunningSimulator
from tests.http_receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def delivered(receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + 10
    while len(receiver.bodies) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(receiver.bodies) == count


def choose(api: Caller, **settings: str) -> None:
    (result,) = api.post("/properties", {"id": 1001, "webhooks": settings})
    assert result["success"] is True


@pytest.mark.parametrize("status", ["new", "black", "request"])
def test_bookings_that_are_made_changed_and_cancelled(
    beds24: RunningSimulator, receiver: Receiver, status: str
) -> None:
    beds24.controls.set_webhook("1001", receiver.url, {})
    booking = beds24.controls.book(status=status, lastName="Lovelace", **NEW)
    beds24.controls.change(booking["id"], numAdult=2)
    beds24.controls.change(booking["id"], status="cancelled")
    delivered(receiver, 3)

    assert [fault for told in receiver.told for fault in webhook_faults("twoWithPersonalData", told)] == []
    assert all(told["booking"]["bookingGroup"] is None for told in receiver.told)


def test_the_inventory(beds24: RunningSimulator, receiver: Receiver) -> None:
    beds24.controls.set_webhook("1001", receiver.url, {})
    beds24.controls.set_availability("2001", ARRIVAL, 1)
    delivered(receiver, 1)

    assert webhook_faults("inventory", receiver.told[0]) == []


def test_version_one_is_a_get_that_says_what_happened(
    api: Caller, beds24: RunningSimulator, receiver: Receiver
) -> None:
    choose(api, url=f"{receiver.url}?hotel=1")
    number = beds24.controls.book(lastName="Lovelace", **NEW)["id"]
    beds24.controls.change(number, numAdult=2)
    beds24.controls.change(number, status="cancelled")
    delivered(receiver, 3)

    told = [f"GET /alerts?hotel=1&bookid={number}&status={status}" for status in ("new", "modify", "cancel")]
    assert sorted(receiver.requests) == sorted(told)
    assert set(receiver.bodies) == {b""}


def test_version_one_with_card_data_is_a_form(api: Caller, beds24: RunningSimulator, receiver: Receiver) -> None:
    choose(api, url=receiver.url, additionalData="CVCAndToken")
    number = beds24.controls.book(**NEW)["id"]
    delivered(receiver, 1)

    fields = parse_qs(receiver.bodies[0].decode())
    assert receiver.requests == ["POST /alerts"]
    assert receiver.headers[0]["Content-Type"] == "application/x-www-form-urlencoded"
    assert fields == {"bookid": [str(number)], "status": ["new"], "cvc": ["123"], "token": [f"tok_{number}"]}


def test_without_personal_data_there_is_no_guest_no_note_and_no_price(
    api: Caller, beds24: RunningSimulator, receiver: Receiver
) -> None:
    choose(api, url=receiver.url, version="twoNoPersonalData", additionalData="token")
    beds24.controls.book(lastName="Lovelace", notes="late", price=100, **NEW)
    delivered(receiver, 1)

    assert webhook_faults("twoNoPersonalData", receiver.told[0]) == []
    assert not set(receiver.told[0]["booking"]) & set(PERSONAL)
    assert "token" not in receiver.told[0]


@pytest.mark.parametrize(
    ("additional", "added"),
    [("none", set()), ("CVC", {"cvc"}), ("token", {"token"}), ("CVCAndToken", {"cvc", "token"})],
)
def test_card_data_is_added_as_chosen(
    api: Caller, beds24: RunningSimulator, receiver: Receiver, additional: str, added: set[str]
) -> None:
    choose(api, url=receiver.url, version="twoWithPersonalData", additionalData=additional)
    beds24.controls.book(**NEW)
    delivered(receiver, 1)

    assert {"cvc", "token"} & set(receiver.told[0]) == added


def test_each_address_and_each_header_stands_on_a_line_of_its_own(
    api: Caller, beds24: RunningSimulator, receiver: Receiver
) -> None:
    with receiving() as other:
        choose(
            api,
            url=f"{receiver.url}\n{other.url}",
            version="twoWithPersonalData",
            customHeader="X-Secret: a:b\nX-Hotel: 1",
        )
        beds24.controls.book(**NEW)
        delivered(receiver, 1)
        delivered(other, 1)

        for found in (receiver, other):
            assert (found.headers[0]["X-Secret"], found.headers[0]["X-Hotel"]) == ("a:b", "1")


def test_an_address_that_fails_is_tried_again_alone(api: Caller, beds24: RunningSimulator, receiver: Receiver) -> None:
    with receiving() as other:
        other.status = 500
        choose(api, url=f"{receiver.url}\n{other.url}", version="twoWithPersonalData")
        beds24.controls.book(**NEW)
        delivered(receiver, 1)
        other.status = 200
        delivered(other, 1)

        assert len(receiver.bodies) == 1
        assert other.told[0]["retries"] in (0, 1)


@pytest.mark.parametrize("form", ["object", "array", "fields"])
def test_the_forms_in_which_beds24_is_said_to_send(beds24: RunningSimulator, receiver: Receiver, form: str) -> None:
    beds24.controls.set_webhook("1001", receiver.url, {}, form=form)
    booking = beds24.controls.book(**NEW)
    delivered(receiver, 1)

    read: dict[str, Any]
    if form == "fields":
        fields = parse_qs(receiver.bodies[0].decode(), keep_blank_values=True)
        read = {name: value if name == "timeStamp" else json.loads(value) for name, (value,) in fields.items()}
    else:
        found: Any = receiver.told[0]
        read = found[0] if form == "array" else found
    assert webhook_faults("twoWithPersonalData", read) == []
    assert read["booking"]["id"] == booking["id"]
    kind = "application/x-www-form-urlencoded" if form == "fields" else "application/json"
    assert receiver.headers[0]["Content-Type"] == kind


@pytest.mark.parametrize("version", ["one", "twoWithPersonalData"])
def test_a_message_of_a_guest_sends_the_webhook(
    api: Caller, beds24: RunningSimulator, receiver: Receiver, version: str
) -> None:
    number = beds24.controls.book(**NEW)["id"]
    choose(api, url=receiver.url, version=version)
    beds24.controls.write_as_guest(number, "May we come late?")
    delivered(receiver, 1)

    if version == "one":
        assert receiver.requests == [f"GET /alerts?bookid={number}&status=message"]
    else:
        assert [message["message"] for message in receiver.told[0]["messages"]] == ["May we come late?"]
        assert webhook_faults(version, receiver.told[0]) == []
