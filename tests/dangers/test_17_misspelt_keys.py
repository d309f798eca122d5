"""Danger: a misspelt key in a request is left out of it, and more is done than was meant."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from rest_framework.test import APIClient

from channel_sync.models import AuditEntry, ChannelEvent, ChannelMapping, ChannelProperty, EventStatus
from channel_sync.operations.roles import Role
from tests.conftest import ConnectedHotel
from tests.factories import EventFactory
from tests.staff import with_login

pytestmark = pytest.mark.django_db

ADMIN = "/api/admin"
Api = Callable[[Role | None], APIClient]


@pytest.fixture
def administrator(api_of: Api) -> APIClient:
    return api_of(Role.ADMINISTRATOR)


def refused(answer: Any) -> dict[str, str]:
    """What is wrong, by field."""
    assert answer.status_code == 400, answer.content
    return {error["attr"]: error["detail"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"filter": {"status": "failed", "typ": "x"}}, {"filter.typ"}),
        ({"filter": {"propertyId": "x", "from": "2027-01-01"}}, {"filter.propertyId", "filter.from"}),
        ({"filter": {}, "dryRun": True}, {"dryRun"}),
        ({"filter": {}, "limit": 10}, {"limit"}),
    ],
)
def test_a_batch_with_an_unknown_key_retries_nothing_and_names_the_key(
    administrator: APIClient, body: dict[str, Any], named: set[str]
) -> None:
    EventFactory.create_batch(3, status=EventStatus.FAILED)

    wrong = refused(administrator.post(f"{ADMIN}/events/batch-retry", body, format="json"))

    assert set(wrong) == named
    assert all(name.split(".")[-1] in wrong[name] for name in named)
    assert ChannelEvent.objects.filter(status=EventStatus.FAILED).count() == 3
    assert not AuditEntry.objects.exists()


def test_the_refusal_names_the_keys_that_are_known(administrator: APIClient) -> None:
    body = {"filter": {"typ": "booking.created"}}

    wrong = refused(administrator.post(f"{ADMIN}/events/batch-retry", body, format="json"))

    assert "received_from" in wrong["filter.typ"]


def test_a_key_that_is_no_text_is_refused_like_any_other(administrator: APIClient) -> None:
    for body in (b'{"filter": {"\\ud800": 1}}', b'{"filter": {}, "": 1}', b'{"filter": {}, "\\u0000": 1}'):
        refused(administrator.post(f"{ADMIN}/events/batch-retry", body, content_type="application/json"))


def test_a_filter_may_say_that_it_means_failed_events_and_no_others(administrator: APIClient) -> None:
    EventFactory(status=EventStatus.FAILED)
    batch = f"{ADMIN}/events/batch-retry"

    assert "filter.status" in refused(administrator.post(batch, {"filter": {"status": "done"}}, format="json"))
    answer = administrator.post(batch, {"filter": {"status": "failed"}}, format="json")

    assert answer.json() == {"selected": 1, "retried": 1, "skipped": [], "refused": {}, "dry_run": False}


def test_a_run_whose_dry_run_is_misspelt_is_not_started(administrator: APIClient, connected: ConnectedHotel) -> None:
    wanted = {"channel_property_id": str(connected.channel_property.id), "kind": "rates"}

    for name, value in {"dryRun": True, "window": ["2027-01-01", "2027-01-02"], "from": "2027-01-01"}.items():
        assert name in refused(
            administrator.post(f"{ADMIN}/reconciliation-runs", {**wanted, name: value}, format="json")
        )

    assert not AuditEntry.objects.exists()


def test_a_property_whose_verification_is_misspelt_is_not_connected(administrator: APIClient, beds24: Any) -> None:
    wanted = {"property_id": "6f9619ff-8b86-4d01-b42d-00c04fc964ff", "invite_code": "DEMO-INVITE-CODE"}

    wrong = refused(
        administrator.post(f"{ADMIN}/properties/connect", {**wanted, "verifcation": "signature"}, format="json")
    )

    assert set(wrong) == {"verifcation"}
    assert not ChannelProperty.objects.exists()


def test_a_mapping_whose_switch_is_misspelt_is_left_as_it_is(
    administrator: APIClient, connected: ConnectedHotel
) -> None:
    mapping = ChannelMapping.objects.get(internal_id=connected.double.id)
    address = f"{ADMIN}/channel-mappings/{mapping.id}"
    read = administrator.get(address).json()

    assert set(refused(administrator.put(address, {**read, "isActive": False}, format="json"))) == {"isActive"}
    assert administrator.put(address, {**read, "is_active": False, "confirm": True}, format="json").status_code == 200

    mapping.refresh_from_db()
    assert mapping.is_active is False


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("events/{event}/ignore", {"reasn": "A test booking."}),
        ("channel-mappings/test", {"payload": {"id": 1}, "mappingType": "room_type", "channel": "beds24"}),
        ("properties/{property}/suggestions", {"external_room_ids": ["2003"], "rooms": ["2003"]}),
    ],
)
def test_every_other_body_refuses_unknown_keys_too(
    administrator: APIClient, connected: ConnectedHotel, path: str, body: dict[str, Any]
) -> None:
    event = EventFactory(channel_property=connected.channel_property, status=EventStatus.FAILED)
    address = path.format(event=event.id, property=connected.channel_property.id)

    assert set(refused(administrator.post(f"{ADMIN}/{address}", body, format="json"))) == {list(body)[-1]}


def test_the_document_says_that_no_other_keys_are_taken() -> None:
    schemas = json.loads(with_login().get("/api/schema/", {"format": "json"}).content)["components"]["schemas"]

    for name in ("BatchRetry", "EventSelection", "RunStart", "Connect", "Resolve"):
        assert schemas[name]["additionalProperties"] is False, name
