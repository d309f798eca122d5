"""The traffic of a recorded simulator is what the fixture of all tests checks."""

from __future__ import annotations

from typing import Any

import pytest
from werkzeug.test import Client

from channel_sync.channels.beds24.simulator import bookings
from channel_sync.channels.beds24.simulator.deliveries import Delivery
from tests.conformance.recording import RecordedSimulator

ANSWERS = ["answers"]
REQUESTS = ["requests"]


@pytest.fixture
def simulator() -> RecordedSimulator:
    return RecordedSimulator()


@pytest.fixture
def caller(simulator: RecordedSimulator) -> tuple[Client, dict[str, str]]:
    client = Client(simulator.wsgi)
    tokens: Any = client.get("/v2/authentication/setup", headers={"code": "DEMO-INVITE-CODE"}).json
    return client, {"token": tokens["token"]}


def test_a_wrong_request_is_found(simulator: RecordedSimulator, caller: tuple[Client, dict[str, str]]) -> None:
    client, headers = caller
    assert simulator.nonconforming(REQUESTS) == []

    client.post("/v2/bookings", json=[{"id": 1, "guestName": "Ada"}], headers=headers)

    (fault,) = simulator.nonconforming(REQUESTS)
    assert (fault.endpoint, fault.field, fault.rule) == ("POST /bookings", "guestName", "additionalProperties")
    assert simulator.nonconforming(ANSWERS) == []


def test_a_wrong_answer_is_found(
    simulator: RecordedSimulator, caller: tuple[Client, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, headers = caller
    monkeypatch.setattr(bookings, "find", lambda *args: [{"id": 1}])

    client.get("/v2/bookings", headers=headers)

    assert {fault.rule for fault in simulator.nonconforming(ANSWERS)} == {"required"}
    assert simulator.nonconforming(REQUESTS) == []


def test_a_wrong_webhook_is_found(simulator: RecordedSimulator) -> None:
    payload = {"roomId": 2001, "propId": "1001", "ownerId": "901", "action": "SYNC_ROOM"}
    simulator.webhooks.append(Delivery("inventory", "http://receiver.test", payload))

    (fault,) = simulator.nonconforming(["webhooks"])

    assert (fault.field, fault.rule) == ("roomId", "type")


def test_the_controls_are_no_traffic(simulator: RecordedSimulator) -> None:
    Client(simulator.wsgi).get("/simulator/state")

    assert simulator.exchanges == []
