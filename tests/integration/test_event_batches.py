"""Many events could only be retried through the API; replaying and ignoring them took one request for each."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from channel_sync.models import AuditEntry, ChannelEvent, EventStatus
from channel_sync.operations import event_batches
from channel_sync.operations.roles import Role
from tests.factories import ChannelPropertyFactory, EventFactory, OutboundEventFactory
from tests.staff import works_in

pytestmark = pytest.mark.django_db

DAY = datetime(2026, 3, 1, tzinfo=UTC)
VERBS = {"replay": "replayed", "ignore": "ignored", "retry": "retried"}
Api = Callable[[Role | None], APIClient]


def batch(client: APIClient, verb: str, body: dict[str, Any], **headers: str) -> Any:
    said = {"reason": "a test", **body} if verb == "ignore" else body
    return client.post(f"/api/admin/events/batch-{verb}/", said, format="json", headers=headers)


def statuses() -> set[str]:
    return set(ChannelEvent.objects.values_list("status", flat=True))


@pytest.mark.parametrize(("verb", "after"), [("replay", EventStatus.RECEIVED), ("ignore", EventStatus.IGNORED)])
def test_a_batch_acts_on_what_its_filter_selects(api_of: Api, verb: str, after: EventStatus) -> None:
    mine = EventFactory(status=EventStatus.FAILED, entity_external_id="7")
    others = [
        EventFactory(status=EventStatus.FAILED, entity_external_id="8"),
        EventFactory(status=EventStatus.DONE, entity_external_id="7"),
        OutboundEventFactory(status=EventStatus.FAILED, entity_external_id="7"),
    ]
    before = {one.id: str(one.status) for one in others}
    wanted = {"filter": {"booking": "7", "direction": "inbound", "property_id": str(mine.channel_property_id)}}

    answer = batch(api_of(Role.OPERATOR), verb, wanted)

    assert answer.json()["selected"] == answer.json()[VERBS[verb]] == 1
    assert answer.json()["skipped"] == []
    mine.refresh_from_db()
    assert mine.status == after
    assert dict(ChannelEvent.objects.exclude(id=mine.id).values_list("id", "status")) == before


def test_replaying_means_failed_events_unless_another_status_is_said(api_of: Api) -> None:
    done = EventFactory(status=EventStatus.DONE, received_at=DAY)
    late = EventFactory(status=EventStatus.DONE, received_at=DAY + timedelta(hours=1))
    failed = EventFactory(status=EventStatus.FAILED, received_at=DAY)
    operator = api_of(Role.OPERATOR)

    assert batch(operator, "replay", {"filter": {"all": True}, "dry_run": True}).json()["selected"] == 1
    within = {"status": "done", "received_to": (DAY + timedelta(hours=1)).isoformat()}
    assert batch(operator, "replay", {"filter": within}).json()["replayed"] == 1

    found = {one.id: one.status for one in ChannelEvent.objects.all()}
    assert found == {done.id: EventStatus.RECEIVED, late.id: EventStatus.DONE, failed.id: EventStatus.FAILED}
    processing = batch(operator, "replay", {"filter": {"status": "processing"}})
    assert processing.json()["errors"][0]["attr"] == "filter.status"


@pytest.mark.parametrize("verb", VERBS)
def test_a_dry_run_counts_and_does_nothing(api_of: Api, verb: str) -> None:
    EventFactory.create_batch(3, status=EventStatus.FAILED)

    answer = batch(api_of(Role.OPERATOR), verb, {"filter": {"all": True}, "dry_run": True}).json()

    assert (answer["selected"], answer[VERBS[verb]], answer["dry_run"]) == (3, 0, True)
    assert statuses() == {EventStatus.FAILED}
    assert not AuditEntry.objects.exists()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_is_skipped_is_counted_by_its_reason(api_of: Api, verb: str, dry_run: bool) -> None:
    unknown = str(uuid4())
    failed = EventFactory(status=EventStatus.FAILED)
    held = EventFactory(
        status=EventStatus.PROCESSING, lease_holder="a worker", lease_expires_at=datetime.now(UTC) + timedelta(hours=1)
    )
    done = EventFactory(status=EventStatus.DONE)
    redacted = EventFactory(status=EventStatus.FAILED, redacted_at=DAY)
    ids = [str(one.id) for one in (failed, held, done, redacted)]

    answer = batch(api_of(Role.OPERATOR), verb, {"ids": [*ids, unknown], "dry_run": dry_run}).json()

    skipped = {one["reason"]: (one["count"], one["first"]) for one in answer["skipped"]}
    expected = {"not_found": (1, [unknown]), "held_by_worker": (1, [str(held.id)])}
    if verb != "replay":
        expected["other_status"] = (1, [str(done.id)])
    if verb != "ignore":
        expected["redacted"] = (1, [str(redacted.id)])
    assert skipped == expected
    changed = {"retry": 1, "replay": 2, "ignore": 2}[verb]
    assert answer[VERBS[verb]] == (0 if dry_run else changed)
    assert answer["selected"] == (changed if dry_run else 5)


@pytest.mark.parametrize(
    ("body", "attr"),
    [
        ({"filter": {"typ": "booking.created"}}, "filter.typ"),
        ({"filter": {}}, "filter.non_field_errors"),
        ({"filter": {"all": True, "direction": "inbound"}}, "filter.non_field_errors"),
        ({"ids": []}, "ids"),
        ({"booking": "7"}, "booking"),
        ({}, "non_field_errors"),
    ],
)
@pytest.mark.parametrize("verb", ["replay", "ignore"])
def test_what_is_not_known_acts_on_nothing(api_of: Api, verb: str, body: dict[str, Any], attr: str) -> None:
    EventFactory(status=EventStatus.FAILED)

    said = {**body, "reason": "a test"} if verb == "ignore" else body
    answer = api_of(Role.OPERATOR).post(f"/api/admin/events/batch-{verb}/", said, format="json")

    assert answer.status_code == 400
    assert attr in {error["attr"] for error in answer.json()["errors"]}
    assert statuses() == {EventStatus.FAILED}


@pytest.mark.parametrize("reason", [None, "", "   "])
def test_ignoring_many_needs_a_reason(api_of: Api, reason: str | None) -> None:
    event = EventFactory(status=EventStatus.FAILED)
    body = {"ids": [str(event.id)], **({} if reason is None else {"reason": reason})}

    answer = api_of(Role.OPERATOR).post("/api/admin/events/batch-ignore/", body, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["attr"]) == (400, "reason")
    assert statuses() == {EventStatus.FAILED}


def test_who_and_why_is_kept_with_each_and_in_the_audit(api_of: Api) -> None:
    one = EventFactory(status=EventStatus.FAILED)
    EventFactory(status=EventStatus.FAILED, channel_property=one.channel_property)

    batch(api_of(Role.OPERATOR), "ignore", {"filter": {"all": True}})

    assert set(ChannelEvent.objects.values_list("last_error", flat=True)) == {"by operator: a test"}
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.channel_property_id) == (
        "operator", "event.ignored", one.channel_property_id,
    )  # fmt: skip
    assert (entry.details["changed"], entry.details["reason"]) == (2, "a test")
    assert entry.details["selection"] == {"statuses": ["failed"]}


@pytest.mark.parametrize("verb", VERBS)
def test_only_events_of_properties_that_one_operates(verb: str) -> None:
    own, other = (EventFactory(status=EventStatus.FAILED, channel_property=ChannelPropertyFactory()) for _ in "ab")
    user = works_in(own.channel_property.property, Role.OPERATOR)
    works_in(other.channel_property.property, Role.VIEWER)
    client = APIClient()
    client.force_login(user)

    named = batch(client, verb, {"ids": [str(other.id)]}).json()
    of_property = batch(client, verb, {"filter": {"property_id": str(other.channel_property.property_id)}}).json()
    every = batch(client, verb, {"filter": {"all": True}}).json()

    assert [one["reason"] for one in named["skipped"]] == ["not_found"]
    assert (of_property["selected"], of_property[VERBS[verb]]) == (0, 0)
    assert (every["selected"], every[VERBS[verb]]) == (1, 1)
    other.refresh_from_db()
    assert other.status == EventStatus.FAILED


@pytest.mark.parametrize("verb", VERBS)
def test_sent_twice_with_one_key_it_is_done_once(api_of: Api, verb: str) -> None:
    EventFactory(status=EventStatus.FAILED)
    operator = api_of(Role.OPERATOR)

    first = batch(operator, verb, {"filter": {"all": True}}, **{"Idempotency-Key": "one"})
    later = EventFactory(status=EventStatus.FAILED)
    again = batch(operator, verb, {"filter": {"all": True}}, **{"Idempotency-Key": "one"})

    assert first.json() == again.json()
    assert first.json()[VERBS[verb]] == 1
    assert again.headers["Idempotent-Replayed"] == "true"
    later.refresh_from_db()
    assert later.status == EventStatus.FAILED


def test_what_another_has_settled_meanwhile_is_not_meant_any_more(api_of: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    event = EventFactory(status=EventStatus.FAILED)

    def settled_by_another(*_: Any) -> tuple[set[Any], dict[Any, Any]]:
        ChannelEvent.objects.update(status=EventStatus.DONE)
        return set(), {}

    monkeypatch.setattr(event_batches, "book_failed_again", settled_by_another)

    answer = batch(api_of(Role.OPERATOR), "replay", {"filter": {"all": True}}).json()

    assert (answer["selected"], answer["replayed"]) == (1, 0)
    assert answer["skipped"] == [{"reason": "other_status", "count": 1, "first": [str(event.id)]}]
    assert statuses() == {EventStatus.DONE}


@pytest.mark.parametrize("verb", VERBS)
def test_one_event_is_found_in_the_audit_by_its_subject(api_of: Api, verb: str) -> None:
    event = EventFactory(status=EventStatus.FAILED)

    batch(api_of(Role.OPERATOR), verb, {"ids": [str(event.id)]})

    entry = AuditEntry.objects.get()
    assert (entry.subject, entry.details["ids"]) == (f"event:{event.id}", [str(event.id)])


@pytest.mark.parametrize("verb", VERBS)
def test_any_number_is_worked_some_at_a_time(api_of: Api, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    """Events of one moment are not passed over where one part ends."""
    monkeypatch.setattr(event_batches, "AT_ONCE", 3)
    property_of_all = ChannelPropertyFactory()
    for _ in range(7):
        EventFactory(channel_property=property_of_all, status=EventStatus.FAILED, received_at=DAY)
    EventFactory(channel_property=property_of_all, status=EventStatus.FAILED, received_at=DAY, redacted_at=DAY)
    parts: list[int] = []
    original = event_batches._may_change
    monkeypatch.setattr(
        event_batches, "_may_change", lambda batch, named: parts.append(len(named)) or original(batch, named)
    )

    answer = batch(api_of(Role.OPERATOR), verb, {"filter": {"all": True}}).json()

    assert answer["selected"] == 8
    assert answer[VERBS[verb]] == (8 if verb == "ignore" else 7)
    assert max(parts) == 3
    assert AuditEntry.objects.count() == 3
