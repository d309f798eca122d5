"""`/api/admin/`: properties, channel status, conflicts, runs, audit."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from celery import current_app
from django.conf import LazySettings
from django_celery_beat.models import PeriodicTask
from rest_framework.test import APIClient

from channel_sync.api.properties import STATUS_EXAMPLE
from channel_sync.conflicts import flag_conflict
from channel_sync.models import (
    AuditEntry,
    ChannelAccount,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ConflictKind,
    EventStatus,
    EventType,
    MappingType,
    ReconciliationKind,
    ReconciliationRun,
    Severity,
)
from channel_sync.operations.roles import Role
from pms_project.local_services.ports import free_port
from pms_project.pms.models import RatePlan
from tests.conftest import ConnectedHotel
from tests.factories import EventFactory, HotelFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db

ADMIN = "/api/admin"
Api = Callable[[Role | None], APIClient]


@pytest.fixture
def administrator(api_of: Api) -> APIClient:
    return api_of(Role.ADMINISTRATOR)


@pytest.fixture
def conflict(connected: ConnectedHotel) -> Conflict:
    flag_conflict(
        connected.channel_property,
        ConflictKind.AVAILABILITY,
        Severity.HIGH,
        f"availability:{connected.double.id}",
        pms_side={"room_type_id": str(connected.double.id), "free_units": {"2027-03-01": 10, "2027-03-02": 9}},
        channel_side={"room_id": "2001", "free_units": {"2027-03-01": 4, "2027-03-02": 3}},
    )
    return Conflict.objects.get()


def keys(shape: Any) -> Any:
    return {name: keys(value) for name, value in shape.items()} if isinstance(shape, dict) else None


def test_the_status_has_the_plans_keys_and_figures(
    administrator: APIClient, connected: ConnectedHotel, topology_at_broker: None
) -> None:
    RoomTypeFactory(hotel=connected.hotel)
    plan = RatePlan.objects.create(room_type=connected.double, name="Flexible")
    ChannelMapping.objects.create(
        channel_property=connected.channel_property,
        mapping_type=MappingType.RATE,
        internal_id=plan.id,
        external_id="2001:1",
    )
    EventFactory(channel_property=connected.channel_property, status=EventStatus.FAILED)
    EventFactory(
        channel_property=connected.channel_property,
        status=EventStatus.FAILED,
        received_at=datetime.now(UTC) - timedelta(hours=25),
    )

    answer = administrator.get(f"{ADMIN}/channel-status/{connected.hotel.id}").json()

    assert keys(answer) == keys(STATUS_EXAMPLE)
    assert (answer["property_id"], answer["channel_name"]) == (str(connected.hotel.id), "beds24")
    assert (answer["beds24_connected"], answer["failed_events_24h"]) == (True, 1)
    assert answer["mapping_completeness"] == {
        "rooms": {"mapped": 2, "total": 3, "percentage": 66.7},
        "rates": {"mapped": 1, "total": 1, "percentage": 100.0},
    }
    assert all(isinstance(depth, int) for depth in answer["queue_depths"].values())


def test_the_status_of_a_property_that_cannot_be_reached(
    administrator: APIClient, connected: ConnectedHotel, settings: LazySettings
) -> None:
    address = f"{ADMIN}/channel-status/{connected.channel_property.id}/"
    ChannelAccount.objects.update(unavailable_since=datetime.now(UTC))
    assert administrator.get(address).json()["beds24_connected"] is False
    ChannelAccount.objects.update(unavailable_since=None)
    ChannelProperty.objects.update(status="error")
    assert administrator.get(address).json()["beds24_connected"] is False
    assert administrator.get(address, {"channel": "other"}).status_code == 404
    assert administrator.get(address, {"channel": "\0"}).status_code == 400
    assert administrator.get(f"{ADMIN}/channel-status/{uuid4()}").status_code == 404
    assert administrator.get(f"{ADMIN}/channel-status/7").status_code == 404


def test_queues_that_are_not_there_have_no_depth(
    administrator: APIClient, connected: ConnectedHotel, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "queue_prefix": f"test-{uuid4().hex[:8]}."}

    answer = administrator.get(f"{ADMIN}/channel-status/{connected.hotel.id}").json()

    assert answer["queue_depths"] == {"inbound": None, "outbound": None, "dlq": None}


def test_connecting_tells_what_to_enter_once(administrator: APIClient, beds24: Any) -> None:
    hotel = HotelFactory()
    RoomTypeFactory(hotel=hotel, name="Double Room")
    wanted = {"property_id": str(hotel.id), "invite_code": "DEMO-INVITE-CODE", "accept_suggestions": True}

    answer = administrator.post(f"{ADMIN}/properties/connect", wanted, format="json")

    told = answer.json()
    assert (answer.status_code, told["mappings_saved"], told["external_property_id"]) == (201, 1, "1001")
    assert told["suggestions"][0]["room_type_name"] == "Double Room"
    assert [room["name"] for room in told["unmatched_rooms"]] == ["Single Room", "Suite"]
    assert told["first_sync_queued"] is False
    assert PeriodicTask.objects.filter(task="channel_sync.reconcile").count() == 6
    listed = administrator.get(f"{ADMIN}/properties/").json()
    assert listed["properties"][0]["id"] == told["channel_property_id"]
    assert told["webhook_secret"] not in str(listed)
    assert told["webhook_secret"] not in str(AuditEntry.objects.get().details)


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"invite_code": "spent"}, 422),
        ({"property_id": str(uuid4())}, 400),
        ({"channel_name": "unheard"}, 400),
        ({"channel_property_id": "7"}, 400),
        ({"invite_code": ""}, 400),
    ],
)
def test_a_connection_that_cannot_be_is_explained(
    administrator: APIClient, beds24: Any, changes: dict[str, str], status: int
) -> None:
    wanted = {"property_id": str(HotelFactory().id), "invite_code": "DEMO-INVITE-CODE", **changes}

    answer = administrator.post(f"{ADMIN}/properties/connect/", wanted, format="json")

    assert answer.status_code == status, answer.json()
    assert answer.json()["errors"][0]["detail"]
    assert not AuditEntry.objects.exists()


def test_a_connection_is_tried(administrator: APIClient, connected: ConnectedHotel, beds24: Any) -> None:
    address = f"{ADMIN}/properties/{connected.channel_property.id}/test-connection"

    answer = administrator.post(address).json()

    assert answer["reachable"] is True
    assert [room["external_id"] for room in answer["rooms"]] == ["2001", "2002", "2003"]
    beds24.controls.fail_next(kind="status", status=500, method="GET", path="/properties", times=5)
    assert administrator.post(address).status_code == 503


def test_pause_and_resume(administrator: APIClient, connected: ConnectedHotel) -> None:
    address = f"{ADMIN}/properties/{connected.channel_property.id}"

    assert administrator.post(f"{address}/pause", {"confirm": True}, format="json").json()["status"] == "inactive"
    refused = administrator.post(f"{address}/test-connection")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "3600")
    assert administrator.post(f"{address}/resume/").json()["status"] == "active"
    assert administrator.get(address).json()["status"] == "active"
    actions = administrator.get(f"{ADMIN}/audit", {"property_id": connected.hotel.id}).json()["entries"]
    assert [entry["action"] for entry in actions] == ["property.resumed", "property.paused"]


def test_conflicts_are_listed_and_resolved(administrator: APIClient, conflict: Conflict) -> None:
    listed = administrator.get(f"{ADMIN}/conflicts", {"status": "open", "kind": "availability,rate"}).json()
    assert [found["id"] for found in listed["conflicts"]] == [str(conflict.id)]
    assert listed["conflicts"][0]["channel_side"]["room_id"] == "2001"
    address = f"{ADMIN}/conflicts/{conflict.id}/resolve"

    impossible = administrator.post(address, {"resolution": "take_channel"}, format="json")
    resolved = administrator.post(address, {"resolution": "keep_pms"}, format="json").json()
    again = administrator.post(address, {"resolution": "dismiss"}, format="json")

    assert impossible.status_code == 409
    assert (resolved["status"], resolved["resolution"], resolved["resolved_by"]) == (
        "resolved",
        "keep_pms",
        "administrator",
    )
    assert ChannelEvent.objects.filter(event_type=EventType.AVAILABILITY_UPDATE).count() == 1
    assert again.status_code == 409
    assert AuditEntry.objects.get().action == "conflict.resolved"
    assert administrator.post(address, {"resolution": "toss_a_coin"}, format="json").status_code == 400


def test_a_run_is_queued_for_its_worker(
    administrator: APIClient, connected: ConnectedHotel, topology_at_broker: None
) -> None:
    wanted = {"channel_property_id": str(connected.channel_property.id), "kind": "rates", "dry_run": True}

    answer = administrator.post(f"{ADMIN}/reconciliation-runs", wanted, format="json")

    assert answer.status_code == 202
    run_id = answer.json()["id"]
    assert answer.json() == {"id": run_id, "status": "queued", "queued": True, **wanted}
    details = {"kind": "rates", "dry_run": True, "window": None, "run_id": run_id}
    assert AuditEntry.objects.get().details == details


@pytest.mark.parametrize(
    "changes",
    [{"kind": "guests"}, {"start": "2027-01-01"}, {"start": "2027-01-02", "end": "2027-01-01"},
     {"channel_property_id": str(uuid4())}],
)  # fmt: skip
def test_a_run_that_cannot_be_is_refused(
    administrator: APIClient, connected: ConnectedHotel, changes: dict[str, Any]
) -> None:
    wanted = {"channel_property_id": str(connected.channel_property.id), "kind": "rates", **changes}

    assert administrator.post(f"{ADMIN}/reconciliation-runs/", wanted, format="json").status_code == 400


def test_runs_are_listed(administrator: APIClient, connected: ConnectedHotel) -> None:
    run = ReconciliationRun.objects.create(
        channel_property=connected.channel_property,
        kind=ReconciliationKind.BOOKINGS,
        window_start="2027-01-01",
        window_end="2027-01-02",
        cursor={},
    )

    listed = administrator.get(f"{ADMIN}/reconciliation-runs", {"status": "running", "kind": "bookings"}).json()

    assert [found["id"] for found in listed["runs"]] == [str(run.id)]
    assert administrator.get(f"{ADMIN}/reconciliation-runs/{run.id}").json()["compared"] == 0


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("get", "/properties", Role.VIEWER),
        ("get", "/properties/{property}", Role.VIEWER),
        ("get", "/properties/{property}/not-in-pms", Role.VIEWER),
        ("post", "/properties/{property}/test-connection", Role.OPERATOR),
        ("post", "/properties/{property}/webhook", Role.ADMINISTRATOR),
        ("post", "/properties/{property}/pause", Role.ADMINISTRATOR),
        ("post", "/properties/{property}/resume", Role.ADMINISTRATOR),
        ("post", "/properties/connect", Role.ADMINISTRATOR),
        ("get", "/channel-status/{property}", Role.VIEWER),
        ("get", "/conflicts", Role.VIEWER),
        ("get", "/conflicts/{conflict}", Role.VIEWER),
        ("post", "/conflicts/{conflict}/resolve", Role.OPERATOR),
        ("get", "/reconciliation-runs", Role.VIEWER),
        ("post", "/reconciliation-runs", Role.OPERATOR),
        ("get", "/audit", Role.VIEWER),
    ],
)
def test_each_action_needs_its_role(api_of: Api, conflict: Conflict, method: str, path: str, needed: Role) -> None:
    address = ADMIN + path.format(property=conflict.channel_property_id, conflict=conflict.id)

    for role in (None, *Role):
        answer = getattr(api_of(role), method)(address)
        assert (answer.status_code == 403) == (role is None or role < needed), (role, answer.content)


def test_groups_are_made_once_and_stay_as_they_are(api_of: Api) -> None:
    assert api_of(Role.VIEWER).get(f"{ADMIN}/events").status_code == 200
    assert api_of(None).get(f"{ADMIN}/events").status_code == 403
    assert APIClient().get(f"{ADMIN}/events").status_code == 401


def test_suggestions_are_asked_for_and_accepted(
    administrator: APIClient, api_of: Callable[[Role | None], APIClient], connected: ConnectedHotel
) -> None:
    address = f"{ADMIN}/properties/{connected.channel_property.id}/suggestions/"
    suite = RoomTypeFactory(hotel=connected.hotel, name="SUITE")
    wanted = {"external_room_ids": ["2003", "2002", "9"]}

    told = administrator.get(address).json()
    refused = api_of(Role.OPERATOR).post(address, wanted, format="json")
    saved = administrator.post(address, wanted, format="json")

    assert told["suggestions"] == [
        {"room_type_id": str(suite.id), "room_type_name": "SUITE", "external_room_id": "2003"}
    ]
    assert told["unmatched_rooms"] == []
    assert refused.status_code == 403
    assert saved.json() == {"mappings_saved": 1, "external_room_ids": ["2003"], "external_rate_ids": []}
    assert ChannelMapping.objects.get(external_id="2003").internal_id == suite.id
    assert AuditEntry.objects.get(action="mapping.created").actor == "administrator"
    assert administrator.get(address).json()["suggestions"] == []
    assert administrator.post(address, {"external_room_ids": []}, format="json").status_code == 400
    assert api_of(Role.VIEWER).get(address).status_code == 403


def test_the_first_synchronisation_is_queued(
    administrator: APIClient,
    api_of: Callable[[Role | None], APIClient],
    connected: ConnectedHotel,
    topology_at_broker: None,
) -> None:
    address = f"{ADMIN}/properties/{connected.channel_property.id}/first-synchronisation"

    queued = api_of(Role.OPERATOR).post(address)

    assert (queued.status_code, queued.json()["queued"]) == (202, True)
    assert AuditEntry.objects.get().details == {"kind": "first synchronisation"}
    assert api_of(Role.VIEWER).post(address).status_code == 403


def test_a_broker_that_is_down_does_not_hide_the_new_secret(
    administrator: APIClient, beds24: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(current_app, "_pool", None)
    monkeypatch.setattr(current_app.amqp, "_producer_pool", None)
    monkeypatch.setitem(current_app.conf, "broker_write_url", f"amqp://127.0.0.1:{free_port()}//")
    wanted = {"property_id": str(HotelFactory().id), "invite_code": "DEMO-INVITE-CODE", "first_sync": True}

    answer = administrator.post(f"{ADMIN}/properties/connect", wanted, format="json")

    assert (answer.status_code, answer.json()["first_sync_queued"]) == (201, False)
    assert len(answer.json()["webhook_secret"]) > 20
    assert [entry.action for entry in AuditEntry.objects.all()] == ["property.connected"]


def test_viewers_learn_that_guests_differ_not_who_they_are(
    api_of: Callable[[Role | None], APIClient], connected: ConnectedHotel
) -> None:
    flag_conflict(
        connected.channel_property,
        ConflictKind.GUEST,
        Severity.MEDIUM,
        "booking:1",
        pms_side={"status": "confirmed", "guest": "Emmy Noether", "email": ""},
        channel_side={"status": "confirmed", "guest": "Amalie Noether", "email": "amalie@example.org"},
    )
    address = f"{ADMIN}/conflicts/{Conflict.objects.get().id}"

    hidden = api_of(Role.VIEWER).get(address)
    shown = api_of(Role.OPERATOR).get(address)

    assert "Noether" not in hidden.content.decode()
    assert "amalie" not in hidden.content.decode()
    assert hidden.json()["channel_side"] == {"status": "confirmed", "guest": "(hidden)", "email": "(hidden)"}
    assert shown.json()["channel_side"]["guest"] == "Amalie Noether"


def test_metrics_as_json(
    api_of: Callable[[Role | None], APIClient], connected: ConnectedHotel, topology_at_broker: None
) -> None:
    EventFactory(channel_property=connected.channel_property, status=EventStatus.FAILED)
    done = EventFactory(channel_property=connected.channel_property, status=EventStatus.DONE)
    ChannelEvent.objects.filter(id=done.id).update(processed_at=done.received_at)
    waiting = EventFactory(channel_property=connected.channel_property)
    ChannelEvent.objects.filter(id=waiting.id).update(received_at=waiting.received_at - timedelta(minutes=1))

    told = api_of(Role.VIEWER).get(f"{ADMIN}/metrics").json()

    assert set(told) == {
        "queue_depths", "success_rate", "failed_events", "open_conflicts", "overbookings", "hours", "latencies",
        "api_calls", "lags", "credits",
    }  # fmt: skip
    assert (told["success_rate"], told["failed_events"]) == (50.0, 1)
    assert told["latencies"][0]["event_type"] == "booking.created"
    assert told["lags"][0]["seconds"] >= 60
    assert {call["path"] for call in told["api_calls"]} >= {"/properties"}
    assert api_of(Role.VIEWER).get(f"{ADMIN}/metrics", {"hours": 0}).status_code == 400
    assert api_of(None).get(f"{ADMIN}/metrics").status_code == 403
