"""Misspelt parameters and filter keys were dropped in silence: lists answered with every row, `{}` meant all events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth import get_user_model
from rest_framework.test import APIClient

from channel_sync.models import ChannelEvent, EventStatus
from channel_sync.operations.roles import Role
from pms_project.pms.models import Reservation
from tests.factories import EventFactory, RoomTypeFactory
from tests.integration.test_openapi import document
from tests.who_sees_what import API

pytestmark = pytest.mark.django_db

BATCH = "/api/admin/events/batch-retry/"


@pytest.fixture
def api() -> APIClient:
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("manager"))
    return client


def asked(api: APIClient, method: str, path: str, query: str) -> Any:
    address = path.replace("{id}", str(uuid4())).replace("{property_id}", str(uuid4()))
    return getattr(api, method)(f"{address}?{query}", **({} if method == "get" else {"data": {}, "format": "json"}))


def unknown_names(answer: Any) -> set[str]:
    return {error["attr"] for error in answer.json().get("errors", ()) if error["code"] == "unknown"}


def test_no_operation_takes_a_parameter_that_it_does_not_document(api: APIClient) -> None:
    answers = {
        (method, path): asked(api, method, path, "colour=red")
        for method, path in API
        if not path.startswith("/api/auth/")
    }

    wrong = [key for key, answer in answers.items() if answer.status_code != 400 or "colour" not in str(answer.json())]
    assert not wrong
    listed = answers["get", "/api/reservations/"].json()
    assert "check_in" in str(listed)
    assert "page" in str(listed)


def test_every_parameter_that_is_documented_is_known(api: APIClient) -> None:
    found = [
        (method, path, parameter["name"])
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        for parameter in operation.get("parameters", ())
        if parameter["in"] == "query" and path != "/api/schema/"
    ]

    assert len(found) > 50
    refused = [one for one in found if "is no parameter" in asked(api, one[0], one[1], f"{one[2]}=1").content.decode()]
    assert not refused


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"filter": {"booking": "7", "typ": "booking.created"}}, "filter.typ"),
        ({"filter": {"typ": "booking.created"}}, "filter.typ"),
        ({"filter": {}}, "filter.non_field_errors"),
        ({"filter": {"all": False}}, "filter.non_field_errors"),
        ({"filter": {"all": True, "direction": "inbound"}}, "filter.non_field_errors"),
        ({"booking": "7"}, "booking"),
    ],
)
def test_a_batch_that_says_nothing_that_is_known_acts_on_nothing(
    api_of: Callable[[Role | None], APIClient], body: dict[str, Any], attr: str
) -> None:
    EventFactory(status=EventStatus.FAILED)

    answer = api_of(Role.OPERATOR).post(BATCH, body, format="json")

    assert answer.status_code == 400
    assert attr in {error["attr"] for error in answer.json()["errors"]}
    assert ChannelEvent.objects.get().status == EventStatus.FAILED


def test_all_failed_events_are_meant_by_saying_so_and_some_by_their_booking(
    api_of: Callable[[Role | None], APIClient],
) -> None:
    EventFactory(status=EventStatus.FAILED, entity_external_id="7")
    EventFactory(status=EventStatus.FAILED, entity_external_id="8")
    operator = api_of(Role.OPERATOR)

    said = [
        operator.post(BATCH, {"filter": wanted, "dry_run": True}, format="json").json()["selected"]
        for wanted in ({"all": True}, {"booking": "7"})
    ]

    assert said == [2, 1]


def test_the_desk_is_told_of_a_key_that_is_not_known(api: APIClient) -> None:
    stay = {"room_type": str(RoomTypeFactory(units=2).id), "check_in": "2027-06-01", "check_out": "2027-06-03"}

    misspelt = api.post("/api/reservations/", {**stay, "adult": 2}, format="json")
    inside = api.post("/api/reservations/", {**stay, "guest": {"firstname": "Ada"}}, format="json")

    assert (misspelt.status_code, inside.status_code) == (400, 400)
    assert "adults" in str(misspelt.json())
    assert "first_name" in str(inside.json())
    assert not Reservation.objects.exists()
