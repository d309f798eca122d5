"""The durable log: record once, claim, settle, relay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channel_sync.correlation import correlated
from channel_sync.errors import Fatal, IllegalTransition, NotYet, PublishFailed, RateLimited, Retryable
from channel_sync.events import handlers
from channel_sync.events.handlers import Handler
from channel_sync.events.idempotency import inbound_key, is_processed, outbound_key
from channel_sync.events.message import EventMessage
from channel_sync.events.new_event import NewEvent
from channel_sync.events.processing import process
from channel_sync.events.relay import relay_due
from channel_sync.events.selection import RETRYABLE_STATUSES
from channel_sync.events.store import (
    claim,
    claim_beside,
    coalesce,
    complete,
    dismiss,
    fail,
    hand_over,
    ignore,
    record,
    record_all,
    renew,
    rescue_vanished,
    restart,
    retry,
)
from channel_sync.metrics import EVENTS
from channel_sync.models import ChannelEvent, ChannelProperty, Direction, EntityType, EventStatus, EventType
from tests.factories import ChannelPropertyFactory, EventFactory

pytestmark = pytest.mark.django_db

SETTLED = (EventStatus.DONE, EventStatus.FAILED, EventStatus.IGNORED)


def new_event(channel_property: ChannelProperty, **changes: Any) -> NewEvent:
    values: dict[str, Any] = {
        "channel_property_id": channel_property.id,
        "direction": Direction.INBOUND,
        "source": "beds24",
        "event_type": EventType.BOOKING_CREATED,
        "entity_type": EntityType.BOOKING,
        "idempotency_key": "key",
        "payload": {"booking": {"id": 1}},
    }
    return NewEvent(**{**values, **changes})


def claimed(**columns: Any) -> ChannelEvent:
    event = claim(EventFactory(**columns).id)
    assert event is not None
    return event


def end_leases() -> None:
    """The processes that held them have died some time ago."""
    ChannelEvent.objects.filter(lease_holder__isnull=False).update(
        lease_expires_at=timezone.now() - timedelta(seconds=1)
    )


def failing(error: Exception) -> Callable[[ChannelEvent], None]:
    def work(event: ChannelEvent) -> None:
        raise error

    return work


def assert_due_after(event: ChannelEvent, seconds: int, begun: datetime) -> None:
    """Due after these seconds and up to a fifth more, counted from some moment since `begun`."""
    assert event.next_attempt_at is not None
    assert begun + timedelta(seconds=seconds) <= event.next_attempt_at
    assert event.next_attempt_at <= timezone.now() + timedelta(seconds=seconds * 1.2)


def test_an_event_is_recorded_once_per_key() -> None:
    channel_property = ChannelPropertyFactory()

    messages = record_all([new_event(channel_property), new_event(channel_property), new_event(channel_property)])

    assert len(messages) == 1
    event = ChannelEvent.objects.get()
    assert messages[0].event_id == event.id
    assert (event.status, event.attempts, event.max_attempts) == (EventStatus.RECEIVED, 0, 3)
    assert event.payload == {"booking": {"id": 1}}


def test_the_attempt_limit_may_differ_by_type(settings: LazySettings) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "max_attempts_by_type": {"beds24.booking.created": 7}}
    channel_property = ChannelPropertyFactory()

    record(new_event(channel_property))
    record(new_event(channel_property, event_type=EventType.BOOKING_MODIFIED, idempotency_key="other"))

    assert dict(ChannelEvent.objects.values_list("event_type", "max_attempts")) == {
        "booking.created": 7,
        "booking.modified": 3,
    }


def test_an_event_keeps_the_correlation_id_of_its_work() -> None:
    with correlated(uuid4()) as correlation:
        message = record(new_event(ChannelPropertyFactory()))

    assert message is not None
    assert message.correlation_id == correlation == ChannelEvent.objects.get().correlation_id


def test_outbound_keys_have_the_form_of_the_plan_and_are_never_the_same_twice() -> None:
    property_id, entity_id = uuid4(), uuid4()

    keys = [outbound_key(property_id, EntityType.BOOKING, entity_id) for _ in range(1000)]

    assert len(set(keys)) == 1000
    assert all(key.startswith(f"{property_id}-booking-{entity_id}-") for key in keys)
    assert all(key.rsplit("-", 1)[1].isdecimal() for key in keys)


def test_inbound_keys_fit_their_column_and_stay_apart_by_property() -> None:
    long = "x" * 1000

    assert len(inbound_key(uuid4(), long)) <= 255
    assert inbound_key(uuid4(), "event-1") != inbound_key(uuid4(), "event-1")


def test_is_processed_once_done() -> None:
    event = claimed(idempotency_key="k")
    assert not is_processed("k")

    complete(event)

    assert is_processed("k")


def test_a_claim_counts_the_attempt_and_is_taken_once() -> None:
    event = EventFactory()

    first, second = claim(event.id), claim(event.id)

    assert first is not None
    assert (first.status, first.attempts) == (EventStatus.PROCESSING, 1)
    assert second is None


@pytest.mark.parametrize("status", SETTLED)
def test_a_settled_event_is_not_claimed(status: EventStatus) -> None:
    assert claim(EventFactory(status=status).id) is None


def test_a_retry_is_claimed_only_when_the_relay_has_published_it() -> None:
    waiting = EventFactory(status=EventStatus.RETRYING, published_at=None)
    published = EventFactory(status=EventStatus.RETRYING, published_at=timezone.now())

    assert claim(waiting.id) is None
    assert claim(published.id) is not None


@pytest.mark.parametrize(
    ("settle", "status"),
    [
        (complete, EventStatus.DONE),
        (lambda event: ignore(event, "stale"), EventStatus.IGNORED),
        (lambda event: fail(event, Fatal("no")), EventStatus.FAILED),
    ],
)
def test_settling_ends_the_event(settle: Callable[[ChannelEvent], None], status: EventStatus) -> None:
    settle(event := claimed())

    stored = ChannelEvent.objects.get(id=event.id)
    assert (stored.status, stored.next_attempt_at) == (status, None)
    assert stored.processed_at is not None


def test_a_settled_event_takes_no_other_transition() -> None:
    event = claimed()
    complete(event)

    for forbidden in (complete, lambda e: fail(e, Fatal("no"))):
        with pytest.raises(IllegalTransition):
            forbidden(event)
    assert ChannelEvent.objects.get().status == EventStatus.DONE


def test_a_worker_whose_lease_went_to_another_settles_nothing() -> None:
    slow = claimed()
    end_leases()
    rescue_vanished()
    hand_over()
    fast = claim(slow.id)
    assert fast is not None

    with pytest.raises(IllegalTransition):
        complete(slow)
    complete(fast)


def test_an_error_is_retried_by_the_schedule_and_gives_up_at_the_limit() -> None:
    event = EventFactory(max_attempts=2)
    begun = timezone.now()

    assert process(event.id, failing(Retryable("down"))) is EventStatus.RETRYING
    stored = ChannelEvent.objects.get()
    assert_due_after(stored, 5, begun)
    assert stored.last_error == "Retryable: down"

    ChannelEvent.objects.update(next_attempt_at=timezone.now())
    hand_over()
    assert process(event.id, failing(Retryable("still down"))) is EventStatus.FAILED
    assert ChannelEvent.objects.get().attempts == 2


def test_a_programming_error_keeps_the_event_too() -> None:
    event = EventFactory()

    assert process(event.id, failing(KeyError("oops"))) is EventStatus.RETRYING


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What followed from failures of the events of these tests."""
    said: list[str] = []

    def follow(event: ChannelEvent, error: Exception) -> None:
        said.append(str(error))

    monkeypatch.setitem(handlers._handlers, EventType.BOOKING_CREATED, Handler(failing(Fatal("bad data")), follow))
    return said


def test_a_fatal_error_fails_at_once_and_something_follows(followed: list[str]) -> None:
    event = EventFactory()

    status = process(event.id)

    assert (status, followed) == (EventStatus.FAILED, ["bad data"])


def test_a_worker_that_dies_at_the_last_attempt_has_the_same_to_follow(followed: list[str]) -> None:
    before = ended(EventStatus.FAILED)
    claimed(max_attempts=1)
    end_leases()

    assert rescue_vanished() == 1

    assert ChannelEvent.objects.get().status == EventStatus.FAILED
    assert followed == ["The worker that held the event vanished during attempt 1."]
    assert ended(EventStatus.FAILED) == before + 1


def test_a_failure_that_cannot_be_followed_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    events = [claimed(max_attempts=1) for _ in range(3)]
    end_leases()

    def follow(event: ChannelEvent, error: Exception) -> None:
        if event.id == events[1].id:
            raise ValueError("a fault of the host")

    monkeypatch.setitem(handlers._handlers, EventType.BOOKING_CREATED, Handler(failing(Fatal("bad data")), follow))

    assert rescue_vanished() == 2

    assert ChannelEvent.objects.get(id=events[1].id).status == EventStatus.PROCESSING


def ended(status: EventStatus) -> float:
    """How many events of these tests have ended so, for Prometheus."""
    return float(EVENTS.labels("inbound", "booking.created", status.value)._value.get())


def test_every_end_is_counted_whoever_ended_it() -> None:
    before = {status: ended(status) for status in SETTLED}
    lead = claimed()
    coalesce([EventFactory(channel_property=lead.channel_property).id], into=lead)
    complete(lead)
    dismiss([EventFactory().id, EventFactory(status=EventStatus.FAILED).id], "a test")
    ignore(claimed(), "stale")
    fail(claimed(), Fatal("no"))

    assert {status: ended(status) - before[status] for status in SETTLED} == {
        EventStatus.DONE: 2,
        EventStatus.IGNORED: 3,
        EventStatus.FAILED: 1,
    }


def test_a_lease_that_is_renewed_is_not_over() -> None:
    event = claimed()
    end_leases()

    assert renew([event.lease_holder or ""]) == 1

    assert rescue_vanished() == 0
    complete(event)


def test_people_may_act_on_what_a_dead_worker_held_and_not_on_what_a_live_one_holds() -> None:
    event = claimed()
    one = ChannelEvent.objects.filter(id=event.id)
    assert restart(one, RETRYABLE_STATUSES) == []
    assert dismiss([event.id], "no") == 0

    end_leases()

    (message,) = restart(one, RETRYABLE_STATUSES)
    assert message.event_id == event.id
    assert claim(event.id) is not None


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (RateLimited("no credits", retry_after=timedelta(seconds=77)), 77),
        (RateLimited("no credits"), 60),
        (NotYet("in use", retry_after=timedelta(seconds=2)), 2),
    ],
)
def test_what_is_put_off_counts_no_attempt(error: Exception, seconds: int) -> None:
    event = EventFactory()
    begun = timezone.now()

    assert process(event.id, failing(error)) is EventStatus.RETRYING
    stored = ChannelEvent.objects.get()
    assert stored.attempts == 0
    assert_due_after(stored, seconds, begun)


def confirm_all(messages: Sequence[EventMessage]) -> Sequence[EventMessage]:
    return messages


def test_the_relay_publishes_what_is_due_and_not_what_is_not() -> None:
    past, future = timezone.now() - timedelta(seconds=1), timezone.now() + timedelta(minutes=1)
    due = EventFactory(next_attempt_at=past)
    retry = EventFactory(status=EventStatus.RETRYING, next_attempt_at=past)
    EventFactory(next_attempt_at=future)
    EventFactory(status=EventStatus.DONE, next_attempt_at=None)
    published: list[EventMessage] = []

    assert relay_due(lambda messages: published.extend(messages) or messages) == 2
    assert {message.event_id for message in published} == {due.id, retry.id}
    assert relay_due(confirm_all) == 0


def test_what_the_broker_did_not_confirm_is_due_again_after_the_grace(settings: LazySettings) -> None:
    EventFactory(next_attempt_at=timezone.now() - timedelta(seconds=1))
    begun = timezone.now()

    def refuse(messages: Sequence[EventMessage]) -> Sequence[EventMessage]:
        raise PublishFailed("away")

    with pytest.raises(PublishFailed):
        relay_due(refuse)

    event = ChannelEvent.objects.get()
    assert event.published_at is None
    assert_due_after(event, 10, begun)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_cut_again_and_again_costs_no_attempt() -> None:
    """As by a database that starts anew: an attempt that is lost with its connection says nothing of the event."""
    event = EventFactory()

    def cut(_: ChannelEvent) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    for _ in range(5):
        ChannelEvent.objects.filter(id=event.id).update(published_at=timezone.now())
        assert process(event.id, cut) is EventStatus.RETRYING

    event.refresh_from_db()
    assert event.attempts == 0
    ChannelEvent.objects.filter(id=event.id).update(published_at=timezone.now())
    assert process(event.id, complete) is EventStatus.DONE


def test_a_vanished_worker_costs_an_attempt_and_the_last_one_fails_the_event() -> None:
    event = claimed(max_attempts=2)
    for expected in (EventStatus.RETRYING, EventStatus.FAILED):
        end_leases()
        relay_due(confirm_all)
        stored = ChannelEvent.objects.get()
        assert stored.status == expected
        assert "vanished during attempt" in stored.last_error
        claim(event.id)


def test_the_relay_works_in_batches(settings: LazySettings) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "relay_batch": 2}
    EventFactory.create_batch(5, next_attempt_at=timezone.now() - timedelta(seconds=1))
    sizes: list[int] = []

    relay_due(lambda messages: sizes.append(len(messages)) or messages)

    assert sizes == [2, 2, 1]


@pytest.mark.parametrize(
    "take",
    [
        lambda lead: hand_over(),
        lambda lead: claim_beside(lead, limit=99),
        lambda lead: claim_beside(lead, limit=99, event_type=EventType.BOOKING_CREATED),
    ],
)
def test_what_waits_is_found_behind_all_that_is_done(take: Callable[[ChannelEvent], object]) -> None:
    """A tenth of the table waits, and is younger than the rest: the plan that looks cheapest must not be the walk."""
    lead = claimed()
    long_ago = timezone.now() - timedelta(days=30)
    rows = [(EventStatus.DONE, long_ago, None)] * 1800 + [(EventStatus.RECEIVED, timezone.now(), long_ago)] * 200
    ChannelEvent.objects.bulk_create(
        EventFactory.build(
            channel_property=lead.channel_property, status=status, received_at=received_at, next_attempt_at=due
        )
        for status, received_at, due in rows
    )
    with CaptureQueriesContext(connection) as captured, connection.cursor() as cursor:
        cursor.execute("ANALYZE channel_events")
        before = transaction.savepoint()
        take(lead)
        transaction.savepoint_rollback(before)
        (statement,) = [query["sql"] for query in captured if "SKIP LOCKED" in query["sql"]]
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        ((plan,),) = cursor.fetchall()
    assert rows_looked_at(plan[0]["Plan"]) < 1000, plan


def rows_looked_at(node: dict[str, Any], *, is_searching: bool = False) -> float:
    """Rows of the table that the search for those to lock has looked at, whether or not it kept them."""
    here: float = 0
    if is_searching and "Relation Name" in node:
        here = node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
    is_searching = is_searching or node["Node Type"] == "LockRows"
    return here + sum(rows_looked_at(child, is_searching=is_searching) for child in node.get("Plans", ()))


def test_retrying_by_hand_starts_a_failed_event_over() -> None:
    failed = claimed()
    fail(failed, Fatal("no"))
    other = claimed()
    complete(other)

    messages = restart(ChannelEvent.objects.filter(id__in=[failed.id, other.id]), (EventStatus.FAILED,))

    assert [message.event_id for message in messages] == [failed.id]
    stored = ChannelEvent.objects.get(id=failed.id)
    assert (stored.status, stored.attempts) == (EventStatus.RECEIVED, 0)
    assert claim(failed.id) is not None


def test_a_retry_waits_for_its_time() -> None:
    event = claimed()

    retry(event, timedelta(minutes=1), Retryable("later"))

    assert hand_over() == []
