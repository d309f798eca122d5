"""The OpenAPI document says what the APIs answer: requests made from it get no other answer, and no error."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import date
from types import MappingProxyType
from typing import Any

import pytest
import schemathesis
from django.contrib.auth import get_user_model
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.db.models import Model
from django.test import Client
from hypothesis import given, strategies
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from channel_sync.models import (
    Alert,
    AlertKind,
    ChannelMapping,
    Conflict,
    ConflictKind,
    ReconciliationKind,
    ReconciliationRun,
    Severity,
    WebhookSubscription,
)
from channel_sync.operations.roles import Role
from channel_sync.subscriptions.message import new_secret
from pms_project.wsgi import application
from tests.conftest import ConnectedHotel
from tests.factories import (
    DailyRateFactory,
    EventFactory,
    MaintenanceBlockFactory,
    RatePlanFactory,
    ReservationFactory,
    ReservationLinkFactory,
    RoomFactory,
)
from tests.fuzzing import examples
from tests.staff import with_login, works_everywhere

pytestmark = pytest.mark.django_db

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def document() -> dict[str, Any]:
    answer = with_login().get("/api/schema/", {"format": "json"})
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_the_document_and_its_page_are_there() -> None:
    found = document()

    assert "/api/admin/events/{id}/retry/" in found["paths"]
    body = found["paths"]["/api/admin/channel-mappings/test/"]["post"]
    assert body["requestBody"]["content"]["application/json"]["examples"]
    page = with_login().get("/api/docs/").content.decode()
    assert "swagger-ui" in page
    assert "https://" not in page


def test_every_page_says_whether_its_total_is_an_estimate() -> None:
    """Only an undocumented header did: a page showed "1001" as the number of events."""
    found = document()
    pages = {
        path: operation["get"]["responses"]["200"]
        for path, operation in found["paths"].items()
        if any(parameter["name"] == "page" for parameter in operation.get("get", {}).get("parameters", ()))
    }

    assert len(pages) > 10
    for path, answer in pages.items():
        name = answer["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
        pagination = found["components"]["schemas"][name]["properties"].get("pagination", {})
        assert "total_is_estimate" in pagination.get("required", ()), path
        assert pagination["properties"]["total_is_estimate"]["type"] == "boolean", path
        assert "X-Total-Is-Estimate" in answer.get("headers", {}), path


@pytest.mark.parametrize("address", ["/api/schema/", "/api/docs/"])
def test_strangers_are_not_shown_what_there_is(address: str) -> None:
    assert Client().get(address).status_code == 401


def operations() -> list[tuple[str, str]]:
    """Every operation of the admin API, by method and path."""
    return [
        ("get", "/alerts/"), ("get", "/alerts/{id}/"), ("get", "/me/"),
        ("get", "/audit/"), ("get", "/bookings/"), ("get", "/bookings/{id}/"), ("get", "/bookings/{id}/reports/"),
        ("post", "/bookings/{id}/reports/"), ("get", "/channel-mappings/"), ("post", "/channel-mappings/"),
        ("get", "/channel-mappings/{id}/"), ("put", "/channel-mappings/{id}/"), ("delete", "/channel-mappings/{id}/"),
        ("post", "/channel-mappings/test/"), ("get", "/channel-status/{property_id}/"), ("get", "/conflicts/"),
        ("get", "/conflicts/{id}/"), ("post", "/conflicts/{id}/resolve/"), ("get", "/events/"),
        ("get", "/events/{id}/"), ("post", "/events/{id}/ignore/"), ("post", "/events/{id}/replay/"),
        ("post", "/events/{id}/retry/"), ("get", "/events/{id}/timeline/"), ("post", "/events/batch-retry/"),
        ("post", "/events/batch-replay/"), ("post", "/events/batch-ignore/"),
        ("get", "/metrics/"), ("post", "/guest-data/search/"), ("post", "/guest-data/export/"),
        ("post", "/guest-data/erase/"),
        ("get", "/properties/"), ("get", "/properties/{id}/"), ("post", "/properties/{id}/pause/"),
        ("get", "/properties/{id}/availability/"),
        ("get", "/properties/{id}/not-in-pms/"), ("get", "/properties/{id}/parity/"),
        ("post", "/properties/{id}/parity/"), ("post", "/properties/{id}/parity/accept/"),
        ("post", "/properties/{id}/resume/"), ("post", "/properties/{id}/first-synchronisation/"),
        ("get", "/properties/{id}/suggestions/"), ("post", "/properties/{id}/suggestions/"),
        ("post", "/properties/{id}/test-connection/"), ("post", "/properties/{id}/webhook/"),
        ("post", "/properties/connect/"), ("get", "/reconciliation-runs/"), ("post", "/reconciliation-runs/"),
        ("get", "/reconciliation-runs/{id}/"),
        ("get", "/feed/"), ("get", "/webhook-subscriptions/"), ("post", "/webhook-subscriptions/"),
        ("get", "/webhook-subscriptions/{id}/"), ("patch", "/webhook-subscriptions/{id}/"),
        ("delete", "/webhook-subscriptions/{id}/"), ("post", "/webhook-subscriptions/{id}/rotate-secret/"),
        ("post", "/webhook-subscriptions/{id}/test/"), ("get", "/webhook-subscriptions/{id}/deliveries/"),
        ("post", "/webhook-subscriptions/{id}/deliveries/{delivery_id}/redeliver/"),
    ]  # fmt: skip


def pms_operations() -> list[tuple[str, str]]:
    """Every operation of the host's own API."""
    return [
        ("post", "/api/auth/login/"), ("post", "/api/auth/logout/"), ("post", "/api/auth/logout-all/"),
        ("get", "/api/maintenance-blocks/"), ("post", "/api/maintenance-blocks/"),
        ("get", "/api/maintenance-blocks/{id}/"), ("put", "/api/maintenance-blocks/{id}/"),
        ("patch", "/api/maintenance-blocks/{id}/"), ("delete", "/api/maintenance-blocks/{id}/"),
        ("get", "/api/hotels/"), ("get", "/api/hotels/{id}/"), ("get", "/api/rate-plans/"),
        ("get", "/api/rate-plans/{id}/"), ("get", "/api/rates/"), ("get", "/api/rates/{id}/"),
        ("post", "/api/rates/"), ("get", "/api/reservations/"), ("post", "/api/reservations/"),
        ("get", "/api/reservations/{id}/"), ("put", "/api/reservations/{id}/"), ("patch", "/api/reservations/{id}/"),
        ("post", "/api/reservations/{id}/book-again/"), ("post", "/api/reservations/{id}/cancel/"),
        ("post", "/api/reservations/{id}/check-in/"), ("post", "/api/reservations/{id}/check-out/"),
        ("post", "/api/reservations/{id}/no-show/"), ("post", "/api/reservations/group/"),
        ("get", "/api/room-types/"), ("get", "/api/room-types/{id}/"),
        ("get", "/api/room-types/{id}/not-in-pms/"),
        ("get", "/api/room-types/{id}/availability/"), ("get", "/api/rooms/"), ("get", "/api/rooms/{id}/"),
    ]  # fmt: skip


def test_the_document_has_no_other_operation() -> None:
    there = {(method, path) for path, methods in document()["paths"].items() for method in methods}

    tried = {(method, f"/api/admin{path}") for method, path in operations()} | set(pms_operations())
    # Its answer has no end; `tests/end_to_end/test_feed_stream.py` reads it.
    assert there == tried | {("get", "/api/admin/feed/stream/")}


@pytest.fixture
def one_connection() -> Iterator[None]:
    """Requests through WSGI stay in the test's transaction: its connection is not closed after each."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def known_ids(connected: ConnectedHotel, topology_at_broker: None) -> dict[str, str]:
    """What is there, by the first part of a path."""
    event = EventFactory(channel_property=connected.channel_property)
    conflict = Conflict.objects.create(
        channel_property=connected.channel_property, kind=ConflictKind.DATES, severity=Severity.HIGH,
        subject="booking:1", pms_side={}, channel_side={},
    )  # fmt: skip
    run = ReconciliationRun.objects.create(
        channel_property=connected.channel_property, kind=ReconciliationKind.RATES, window_start="2027-01-01",
        window_end="2027-01-02", cursor={},
    )  # fmt: skip
    reservation = ReservationFactory(room_type=connected.double, check_in=date.today())
    booking = ReservationLinkFactory(
        channel_property=connected.channel_property, reservation_id=reservation.id, ota="booking"
    )
    subscription = WebhookSubscription.objects.create(url="https://127.0.0.1/", secret=new_secret())
    alert = Alert.objects.create(
        channel_property=connected.channel_property, kind=AlertKind.FAILED_EVENTS, message="1 event has failed."
    )
    return {
        "alerts": str(alert.id),
        "bookings": str(booking.id),
        "events": str(event.id),
        "conflicts": str(conflict.id),
        "reconciliation-runs": str(run.id),
        "channel-mappings": str(ChannelMapping.objects.first().id),  # type: ignore[union-attr]
        "properties": str(connected.channel_property.id),
        "channel-status": str(connected.hotel.id),
        "webhook-subscriptions": str(subscription.id),
    }


@pytest.mark.parametrize(("method", "path"), operations())
def test_requests_made_from_the_document(
    method: str, path: str, known_ids: dict[str, str], one_connection: None
) -> None:
    user = get_user_model().objects.create_user("administrator", password="administrator")
    works_everywhere(user, Role.ADMINISTRATOR)

    answer_as_documented(method, f"/api/admin{path}", known_ids.get(path.split("/")[1], ""), "administrator")


@pytest.mark.parametrize(("method", "path"), pms_operations())
def test_requests_made_from_the_document_of_the_pms(
    method: str, path: str, connected: ConnectedHotel, one_connection: None, topology_at_broker: None
) -> None:
    get_user_model().objects.create_superuser("manager", password="manager")
    known: dict[str, Model] = {
        "reservations": ReservationFactory(room_type=connected.double),
        "maintenance-blocks": MaintenanceBlockFactory(room__room_type=connected.double),
        "room-types": connected.double,
        "rooms": RoomFactory(room_type=connected.double),
        "hotels": connected.hotel,
        "rate-plans": RatePlanFactory(room_type=connected.double),
    }
    known["rates"] = DailyRateFactory(rate_plan=known["rate-plans"])

    references = {
        "room_type": str(connected.double.pk),
        "room": str(known["rooms"].pk),
        "rate_plan": str(known["rate-plans"].pk),
    }

    known_id = str(getattr(known.get(path.split("/")[2]), "pk", ""))
    answer_as_documented(method, path, known_id, "manager", references)


def answer_as_documented(
    method: str, path: str, known_id: str, username: str, references: Mapping[str, str] = MappingProxyType({})
) -> None:
    """Requests for a thing that is there, and for others; the password is the name.

    `references` are fields of a body that name a thing, and one that is there.
    """
    login = {"Authorization": "Basic " + base64.b64encode(f"{username}:{username}".encode()).decode()}
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application, headers=login)
    operation: Any = schema[path][method]

    @examples(8)
    @given(case=operation.as_strategy(), is_known=strategies.booleans())
    def request(case: Any, is_known: bool) -> None:
        if is_known:
            for name in case.path_parameters or {}:
                case.path_parameters[name] = known_id
            for part in case.body if isinstance(case.body, list) else [case.body]:
                if isinstance(part, dict):
                    part.update({name: known for name, known in references.items() if name in part})
        case.call_and_validate(headers=login, checks=CHECKS)

    request()
