"""Bodies of actions that take none were left unread: `{"dry_run": true}` to `retry` retried, with a 200."""

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
from tests.factories import EventFactory, ReservationFactory
from tests.integration.test_openapi import document

pytestmark = pytest.mark.django_db

Api = Callable[[Role | None], APIClient]


def operations_without_a_body() -> list[tuple[str, str]]:
    return [
        (method, path)
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if method != "get" and "requestBody" not in operation
    ]


def test_no_operation_without_a_body_takes_one() -> None:
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("manager"))
    asked = operations_without_a_body()

    answers = {
        (method, path): getattr(client, method)(
            path.replace("{id}", str(uuid4())).replace("{delivery_id}", "1"), {"colour": "red"}, format="json"
        )
        for method, path in asked
    }

    assert ("post", "/api/admin/events/{id}/retry/") in asked
    wrong = [key for key, answer in answers.items() if answer.status_code != 400 or "colour" not in str(answer.json())]
    assert not wrong


@pytest.mark.parametrize("body", [{"dry_run": True}, ["7"], "now", 7])
def test_what_is_said_and_not_known_retries_nothing(api_of: Api, body: Any) -> None:
    event = EventFactory(status=EventStatus.FAILED)

    answer = api_of(Role.OPERATOR).post(f"/api/admin/events/{event.id}/retry/", body, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "unknown")
    assert "takes none" in answer.json()["errors"][0]["detail"]
    assert ChannelEvent.objects.get().status == EventStatus.FAILED


@pytest.mark.parametrize("content", ["", "{}", "null"])
def test_an_empty_body_is_none(api_of: Api, content: str) -> None:
    event = EventFactory(status=EventStatus.FAILED)

    answer = api_of(Role.OPERATOR).post(
        f"/api/admin/events/{event.id}/retry/", content, content_type="application/json"
    )

    assert (answer.status_code, answer.json()["status"]) == (200, "received")


def test_a_form_without_fields_is_none_and_one_with_fields_is_not_read(api_of: Api) -> None:
    event = EventFactory(status=EventStatus.FAILED)
    address = f"/api/admin/events/{event.id}/retry/"
    operator = api_of(Role.OPERATOR)

    assert operator.post(address, {"dry_run": "1"}, format="multipart").status_code == 415
    assert operator.post(address, "dry_run", content_type="text/plain").status_code == 415
    assert ChannelEvent.objects.get().status == EventStatus.FAILED
    assert operator.post(address, {}, format="multipart").status_code == 200


def test_the_desk_is_told_which_keys_there_are() -> None:
    client = APIClient()
    client.force_authenticate(get_user_model().objects.create_superuser("manager"))
    reservation: Reservation = ReservationFactory()
    address = f"/api/reservations/{reservation.pk}/no-show/"

    misspelt = client.post(address, {"verson": 1}, format="json")

    assert (misspelt.status_code, misspelt.json()["errors"][0]["attr"]) == (400, "verson")
    assert "version" in misspelt.json()["errors"][0]["detail"]
