"""Payloads, both sides of conflicts, audit details and kept nights were of no type in the document: a generated client
had `unknown` for what a page shows. Here real rows of all types read as the document says, and have no key beside it.
"""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import schemathesis
from django.contrib.auth import get_user_model
from django.test import Client

from channel_sync.models import (
    AuditEntry,
    ChannelEvent,
    ChannelMapping,
    Conflict,
    ConflictKind,
    EventType,
    ReconciliationKind,
    ReconciliationRun,
    Severity,
)
from channel_sync.operations.mappings import remove_mapping
from channel_sync.operations.pausing import pause_with_rooms_closed
from channel_sync.operations.roles import Role
from channel_sync.personal_data import redact
from pms_project.pms.services.rates import RateChange, set_rates
from pms_project.pms.services.reservations import cancel_reservation, change_reservation
from pms_project.wsgi import application
from tests.beds24_webhooks import LATER, LATEST, envelope, webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.desk_sales import reserve
from tests.dangers.working import NIGHT, work_everything
from tests.documented import undocumented, undocumented_rows
from tests.drift import plenty_of_credits
from tests.factories import EventFactory, OutboundEventFactory, RateMappingFactory, RatePlanFactory
from tests.integration.test_openapi import CHECKS, one_connection  # noqa: F401 - a fixture
from tests.staff import works_everywhere

pytestmark = pytest.mark.django_db


@pytest.fixture
def events_of_all_types(connected: ConnectedHotel, beds24: RunningSimulator) -> list[ChannelEvent]:
    """What happened to one hotel, worked as its workers would."""
    plenty_of_credits(beds24.simulator.state, connected)
    for body in (
        webhook(),
        webhook(modifiedTime=LATER, numAdult=1),
        webhook(modifiedTime=LATEST, status="cancelled", cancelTime=LATEST),
        envelope("booking.deleted", id=5000002),
        {"roomId": "2001", "propId": "1001", "ownerId": "901", "action": "SYNC_ROOM"},
    ):
        _told_by_beds24(connected, body)
    work_everything()
    reservation = reserve(connected, guest={"first_name": "Ada", "email": "ada@example.com"})
    work_everything()
    change_reservation(reservation.id, {"notes": "late", "adults": 1}, version=None)
    work_everything()
    cancel_reservation(reservation.id)
    plan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id="2001:1")
    set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=2), Decimal(100))])
    work_everything()
    set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=1), Decimal(90), stop_sell=True)])
    work_everything()
    remove_mapping(ChannelMapping.objects.get(internal_id=connected.single.id), by="ada")
    work_everything()
    pause_with_rooms_closed(connected.channel_property, by="ada")
    return list(ChannelEvent.objects.all())


def _told_by_beds24(connected: ConnectedHotel, body: Any) -> None:
    answer = Client().post(
        "/webhooks/beds24/", json.dumps(body), content_type="application/json",
        headers={"X-Channel-Sync-Secret": connected.webhook_secret},
    )  # fmt: skip
    assert answer.status_code == 200, answer.content


def test_events_of_all_types_read_as_documented(events_of_all_types: list[ChannelEvent]) -> None:
    assert {one.event_type for one in events_of_all_types} == set(EventType.values)
    said = {one.event_type for one in events_of_all_types if one.normalized_payload is not None}
    assert said == set(EventType.values) - {EventType.BOOKING_DELETED}

    assert undocumented_rows() == []
    assert AuditEntry.objects.count() == 2


def test_so_do_they_without_their_guests(events_of_all_types: list[ChannelEvent]) -> None:
    assert events_of_all_types[0].received_at is not None
    redact(events_of_all_types, events_of_all_types[0].received_at)

    assert undocumented_rows() == []


def test_the_answers_about_them_are_the_documented_ones(
    events_of_all_types: list[ChannelEvent],
    one_connection: None,  # noqa: F811 - after the webhooks: Django's client connects what it disconnects
) -> None:
    user = get_user_model().objects.create_user("administrator", password="administrator")
    works_everywhere(user, Role.ADMINISTRATOR)
    login = {"Authorization": "Basic " + base64.b64encode(b"administrator:administrator").decode()}
    schema = schemathesis.openapi.from_wsgi("/api/schema/?format=json", application, headers=login)
    one: Any = schema["/api/admin/events/{id}/"]["get"]

    for event in events_of_all_types:
        answer = one.Case(path_parameters={"id": str(event.id)}).call_and_validate(headers=login, checks=CHECKS)
        assert (answer.status_code, answer.json()["payload"]) == (200, event.payload)


def test_a_key_that_the_document_does_not_name_is_found() -> None:
    """Of each kind of row: else the tests above would prove nothing."""
    event = OutboundEventFactory(payload={"reservation_id": "7", "colour": "red"}, normalized_payload={"only": ["tea"]})
    free = EventFactory(payload={"anything": [{"goes": None}]}, normalized_payload={"colour": "red"})
    conflict = Conflict.objects.create(
        channel_property=event.channel_property, kind=ConflictKind.DATES, severity=Severity.HIGH, subject="booking:1",
        pms_side={"colour": "red"}, channel_side={"changed": {"colour": "red"}},
    )  # fmt: skip
    run = ReconciliationRun.objects.create(
        channel_property=event.channel_property, kind=ReconciliationKind.RATES, window_start=NIGHT, window_end=NIGHT,
        cursor={}, kept_lower={"colour": {}},
    )  # fmt: skip
    entry = AuditEntry.objects.create(actor="ada", action="event.retried", subject="event:1", details={"colour": "red"})

    found = {
        kind: "\n".join(undocumented(kind, [row]))
        for kind, row in (("EventDetail", event), ("Conflict", conflict), ("Run", run), ("Audit", entry))
    }

    assert all("'colour' was unexpected" in problems for problems in found.values()), found
    assert "tea" in found["EventDetail"]
    assert "pms_side" in found["Conflict"]
    assert "channel_side.changed" in found["Conflict"]
    of_channel = undocumented("EventDetail", [free])
    assert len(of_channel) == 1
    assert "normalized_payload" in of_channel[0]
