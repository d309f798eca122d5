"""What the simulator delivers to a webhook conforms to the description."""

from __future__ import annotations

import time

import pytest

from tests.conformance.faults import webhook_faults
from tests.conformance.test_simulator_answers import ARRIVAL, NEW
from tests.conftest import RunningSimulator
from tests.http_receiver import Receiver, receiving


def delivered(beds24: RunningSimulator, receiver: Receiver, count: int) -> None:
    deadline = time.monotonic() + 10
    while len(receiver.told) < count and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(receiver.told) == count


@pytest.mark.parametrize("status", ["new", "black", "request"])
def test_bookings_that_are_made_changed_and_cancelled(beds24: RunningSimulator, status: str) -> None:
    with receiving() as receiver:
        beds24.controls.set_webhook("1001", receiver.url, {})
        booking = beds24.controls.book(status=status, lastName="Lovelace", **NEW)
        beds24.controls.change(booking["id"], numAdult=2)
        beds24.controls.change(booking["id"], status="cancelled")
        delivered(beds24, receiver, 3)

        assert [fault for told in receiver.told for fault in webhook_faults("twoWithPersonalData", told)] == []
        assert all(told["booking"]["bookingGroup"] is None for told in receiver.told)


def test_the_inventory(beds24: RunningSimulator) -> None:
    with receiving() as receiver:
        beds24.controls.set_webhook("1001", receiver.url, {})
        beds24.controls.set_availability("2001", ARRIVAL, 1)
        delivered(beds24, receiver, 1)

        assert webhook_faults("inventory", receiver.told[0]) == []
