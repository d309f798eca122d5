"""`/api/admin/events`: the list and its actions, who may do what, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from channel_sync.api import pagination
from channel_sync.models import AuditEntry, ChannelEvent, EventStatus, EventType
from channel_sync.operations import pages
from channel_sync.operations.roles import Role
from tests.factories import ChannelPropertyFactory, EventFactory, OutboundEventFactory, ReservationLinkFactory

pytestmark = pytest.mark.django_db

LIST = "/api/admin/events"
Api = Callable[[Role | None], APIClient]


@pytest.fixture
def operator(api_of: Api) -> APIClient:
    return api_of(Role.OPERATOR)


def listed(client: APIClient, **parameters: Any) -> list[str]:
    answer = client.get(LIST, parameters)
    assert answer.status_code == 200, answer.json()
    return [event["id"] for event in answer.json()["events"]]


def test_the_list_has_the_plans_shape(operator: APIClient) -> None:
    event = EventFactory(payload={"booking": {"lastName": "Lovelace"}})

    answer = operator.get(LIST).json()

    assert set(answer) == {"events", "pagination"}
    assert answer["pagination"] == {
        "page": 1, "limit": 50, "total": 1, "total_is_estimate": False, "totalPages": 1,
    }  # fmt: skip
    assert answer["events"][0]["id"] == str(event.id)
    assert answer["events"][0]["property_id"] == str(event.channel_property.property_id)
    assert "payload" not in answer["events"][0]


def test_pages_and_limits(operator: APIClient) -> None:
    day = datetime(2027, 1, 31, tzinfo=UTC)
    made = [str(EventFactory(received_at=day + timedelta(hours=hour)).id) for hour in range(5)]

    second = operator.get(LIST, {"page": 2, "limit": 2}).json()

    assert [event["id"] for event in second["events"]] == [made[2], made[1]]
    assert second["pagination"] == {
        "page": 2, "limit": 2, "total": 5, "total_is_estimate": False, "totalPages": 3,
    }  # fmt: skip
    assert listed(operator, order="asc", limit=1) == [made[0]]
    assert operator.get(LIST, {"page": 9}).status_code == 404
    assert operator.get(LIST, {"page": 5000, "limit": 200}).status_code == 404


def test_filters(operator: APIClient) -> None:
    failed = EventFactory(status=EventStatus.FAILED, entity_external_id="5000001")
    retrying = OutboundEventFactory(status=EventStatus.RETRYING, entity_internal_id=uuid4())
    done = EventFactory(status=EventStatus.DONE, event_type=EventType.BOOKING_CANCELLED)

    assert set(listed(operator, status="failed,retrying")) == {str(failed.id), str(retrying.id)}
    assert listed(operator, direction="outbound") == [str(retrying.id)]
    assert listed(operator, type="booking.cancelled") == [str(done.id)]
    assert listed(operator, property_id=failed.channel_property.property_id) == [str(failed.id)]
    assert listed(operator, property_id=failed.channel_property_id) == [str(failed.id)]
    assert listed(operator, property_id=uuid4()) == []
    assert listed(operator, booking="5000001") == [str(failed.id)]
    assert listed(operator, entity_id=retrying.entity_internal_id) == [str(retrying.id)]
    assert listed(operator, received_from="2099-01-01T00:00:00Z") == []
    assert listed(operator, received_to="0052-02-04T09:32:24+19:23") == []


@pytest.mark.parametrize(
    "parameters",
    [{"status": "lost"}, {"property_id": "7"}, {"sort": "payload"}, {"order": "up"}, {"received_to": "noon"}],
)
def test_wrong_parameters_are_told(operator: APIClient, parameters: dict[str, str]) -> None:
    answer = operator.get(LIST, parameters)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["attr"] == next(iter(parameters))


def test_sorting_by_status_and_type(operator: APIClient) -> None:
    failed, done = EventFactory(status=EventStatus.FAILED), EventFactory(status=EventStatus.DONE)

    assert listed(operator, sort="status", order="asc") == [str(done.id), str(failed.id)]
    assert len(listed(operator, sort="type")) == 2


def test_a_large_total_is_estimated(operator: APIClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "COUNTED", 2)
    EventFactory.create_batch(5)

    answer = operator.get(LIST)

    assert answer.headers[pagination.ESTIMATE_HEADER] == "true"
    assert answer.json()["pagination"]["total"] >= 3
    assert answer.json()["pagination"]["total_is_estimate"] is True


def test_no_list_counts_or_reads_the_whole_table(operator: APIClient, django_assert_max_num_queries: Any) -> None:
    EventFactory.create_batch(30)

    with django_assert_max_num_queries(12) as captured:
        operator.get(LIST, {"limit": 10})

    about_events = [query["sql"] for query in captured if '"channel_events"' in query["sql"]]
    assert len(about_events) == 2
    assert all("LIMIT" in sql for sql in about_events)
    assert not any('"payload"' in sql for sql in about_events)


def test_one_event_with_its_payload_for_those_who_act(api_of: Api) -> None:
    event = EventFactory(payload={"booking": {"lastName": "Lovelace"}})

    assert api_of(Role.OPERATOR).get(f"{LIST}/{event.id}/").json()["payload"] == {"booking": {"lastName": "Lovelace"}}
    assert api_of(Role.VIEWER).get(f"{LIST}/{event.id}").json()["payload"] is None
    assert api_of(Role.VIEWER).get(f"{LIST}/{uuid4()}").status_code == 404


def test_the_timeline_of_a_booking_has_both_ways(operator: APIClient) -> None:
    channel_property = ChannelPropertyFactory()
    link = ReservationLinkFactory(channel_property=channel_property, reservation=None)
    day = datetime(2027, 1, 31, tzinfo=UTC)
    first = EventFactory(channel_property=channel_property, entity_external_id=link.external_id, received_at=day)
    internal = uuid4()
    ChannelEvent.objects.filter(id=first.id).update(entity_internal_id=internal)
    second = OutboundEventFactory(
        channel_property=channel_property, entity_internal_id=internal, received_at=day + timedelta(hours=1)
    )
    EventFactory(channel_property=channel_property, entity_external_id="another")

    answer = operator.get(f"{LIST}/{first.id}/timeline").json()

    assert [event["id"] for event in answer] == [str(first.id), str(second.id)]


def test_retry_starts_a_failed_event_again(operator: APIClient) -> None:
    event = EventFactory(status=EventStatus.FAILED, attempts=3)

    answer = operator.post(f"{LIST}/{event.id}/retry")

    assert (answer.status_code, answer.json()["status"], answer.json()["attempts"]) == (200, "received", 0)
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.subject) == ("operator", "event.retried", f"event:{event.id}")


@pytest.mark.parametrize("status", [EventStatus.DONE, EventStatus.PROCESSING, EventStatus.IGNORED])
def test_only_what_failed_or_waits_is_retried(operator: APIClient, status: EventStatus) -> None:
    event = EventFactory(status=status)

    answer = operator.post(f"{LIST}/{event.id}/retry/")

    assert answer.status_code == 409
    assert f"is '{status.value}' and cannot be retried" in answer.json()["errors"][0]["detail"]
    assert not AuditEntry.objects.exists()


def test_replay_takes_what_is_done_and_leaves_what_a_worker_holds(operator: APIClient) -> None:
    event = EventFactory(status=EventStatus.DONE, attempts=1)

    assert operator.post(f"{LIST}/{event.id}/replay").json()["status"] == "received"
    ChannelEvent.objects.update(status=EventStatus.PROCESSING)
    assert operator.post(f"{LIST}/{event.id}/replay").status_code == 409


def test_ignore_keeps_who_and_why(operator: APIClient) -> None:
    event = EventFactory(status=EventStatus.FAILED)

    answer = operator.post(f"{LIST}/{event.id}/ignore", {"reason": "a test booking"}, format="json")

    assert (answer.json()["status"], answer.json()["last_error"]) == ("ignored", "by operator: a test booking")
    assert operator.post(f"{LIST}/{event.id}/ignore").status_code == 409
    assert AuditEntry.objects.get().details["reason"] == "a test booking"


def test_batch_retry_by_ids_leaves_others_alone(operator: APIClient) -> None:
    failed, done = EventFactory(status=EventStatus.FAILED), EventFactory(status=EventStatus.DONE)
    ids = [str(failed.id), str(done.id)]

    dry = operator.post(f"{LIST}/batch-retry", {"ids": ids, "dry_run": True}, format="json").json()
    answer = operator.post(f"{LIST}/batch-retry", {"ids": ids}, format="json").json()

    skipped = [{"reason": "other_status", "count": 1, "first": [str(done.id)]}]
    assert dry == {"selected": 1, "retried": 0, "skipped": skipped, "refused": {}, "dry_run": True}
    assert answer == {"selected": 2, "retried": 1, "skipped": skipped, "refused": {}, "dry_run": False}


def test_batch_retry_by_filter(operator: APIClient) -> None:
    mine = EventFactory(status=EventStatus.FAILED, attempts=3)
    other = OutboundEventFactory(status=EventStatus.FAILED)
    body = {"filter": {"property_id": str(mine.channel_property.property_id), "direction": "inbound"}}

    assert operator.post(f"{LIST}/batch-retry/", {**body, "dry_run": True}, format="json").json()["selected"] == 1
    assert operator.post(f"{LIST}/batch-retry/", body, format="json").json()["retried"] == 1

    mine.refresh_from_db()
    other.refresh_from_db()
    assert (mine.status, mine.attempts, other.status) == (EventStatus.RECEIVED, 0, EventStatus.FAILED)
    assert mine.next_attempt_at <= datetime.now(UTC)
    nobody = {"filter": {"property_id": str(uuid4())}}
    assert operator.post(f"{LIST}/batch-retry", nobody, format="json").json()["retried"] == 0
    assert operator.post(f"{LIST}/batch-retry", {"filter": {"all": True}}, format="json").json()["retried"] == 1


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"ids": ["7"]}, {"ids": [str(uuid4())], "filter": {}}])
def test_a_wrong_batch_is_refused(operator: APIClient, body: dict[str, Any]) -> None:
    assert operator.post(f"{LIST}/batch-retry", body, format="json").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("get", "", Role.VIEWER),
        ("get", "/{id}", Role.VIEWER),
        ("get", "/{id}/timeline", Role.VIEWER),
        ("post", "/{id}/retry", Role.OPERATOR),
        ("post", "/{id}/replay", Role.OPERATOR),
        ("post", "/{id}/ignore", Role.OPERATOR),
        ("post", "/batch-retry", Role.OPERATOR),
    ],
)
def test_each_action_needs_its_role(api_of: Api, method: str, path: str, needed: Role) -> None:
    event = EventFactory(status=EventStatus.FAILED)
    address = LIST + path.format(id=event.id)

    assert getattr(APIClient(), method)(address).status_code == 401
    for role in (None, *Role):
        answer = getattr(api_of(role), method)(address)
        assert (answer.status_code == 403) == (role is None or role < needed), (role, answer.content)
