"""Silence is alarmed: events that nobody works, runs that stand still, wrong clocks, a database without writes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection, connections
from django.test import Client
from django.utils import timezone
from kombu import Connection

from channel_sync.broker.dead_letters import mend_dead_letters
from channel_sync.broker.depths import queue_depths
from channel_sync.broker.topology import declare, topology
from channel_sync.errors import NotYet, WaitsFor
from channel_sync.events.store import claim, restart
from channel_sync.heartbeats import note_alive, wrong_clocks
from channel_sync.models import (
    Alert,
    AlertKind,
    ChannelEvent,
    ChannelProperty,
    Direction,
    EventStatus,
    Heartbeat,
    ProcessKind,
    ReconciliationKind,
    ReconciliationRun,
    RunStatus,
)
from channel_sync.monitoring import watch as watching
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.finding import Finding
from channel_sync.monitoring.health import Health, HealthStatus, Life, look
from channel_sync.monitoring.notices import Notice
from channel_sync.monitoring.watch import Watch
from channel_sync.reconciliation.runs import EVERYBODY
from tests.conftest import RunningSimulator
from tests.factories import ChannelPropertyFactory, EventFactory, OutboundEventFactory
from tests.integration.test_alerts import health

pytestmark = pytest.mark.django_db


def found(now_health: Health | None = None) -> list[Finding]:
    kinds = (AlertKind.EVENT_WAITING, AlertKind.RUN_STUCK, AlertKind.CLOCK_WRONG)
    return [one for one in findings(now_health or health(), now=timezone.now()) if one.kind in kinds]


def ago(minutes: float) -> datetime:
    return timezone.now() - timedelta(minutes=minutes)


@pytest.mark.parametrize(("minutes", "expected"), [(4, 0), (6, 1)])
def test_an_event_that_nobody_works_is_told_after_five_minutes(
    channel_property: ChannelProperty, minutes: float, expected: int
) -> None:
    EventFactory(channel_property=channel_property, received_at=ago(minutes))

    assert len(found()) == expected


@pytest.mark.parametrize("waits_for", [WaitsFor.CHANNEL, WaitsFor.CREDITS, WaitsFor.PAUSE, WaitsFor.EVENT])
@pytest.mark.parametrize(("minutes", "expected"), [(29, 0), (31, 1)])
def test_an_event_that_something_holds_up_is_told_after_half_an_hour(
    channel_property: ChannelProperty, waits_for: WaitsFor, minutes: float, expected: int
) -> None:
    EventFactory(channel_property=channel_property, received_at=ago(minutes), waits_for=waits_for)

    assert len(found()) == expected


def test_an_event_that_is_tried_still_waits_for_what_held_it_up(channel_property: ChannelProperty) -> None:
    event = EventFactory(channel_property=channel_property, received_at=ago(10), waits_for=WaitsFor.CHANNEL)

    assert claim(event.id) is not None

    assert found() == []


def test_an_old_event_waits_since_it_was_retried(channel_property: ChannelProperty) -> None:
    event = EventFactory(channel_property=channel_property, received_at=ago(5000), status=EventStatus.FAILED)

    restart(ChannelEvent.objects.filter(id=event.id), [EventStatus.FAILED])
    assert found() == []
    ChannelEvent.objects.update(reopened_at=ago(6))
    assert len(found()) == 1


def test_each_property_and_direction_has_an_alert_and_settled_events_have_none(
    channel_property: ChannelProperty,
) -> None:
    other = ChannelPropertyFactory(channel_property_id="other")
    EventFactory.create_batch(3, channel_property=channel_property, received_at=ago(10))
    OutboundEventFactory(channel_property=channel_property, received_at=ago(10))
    EventFactory(channel_property=other, received_at=ago(10), status=EventStatus.RETRYING)
    for status in (EventStatus.DONE, EventStatus.IGNORED, EventStatus.FAILED):
        EventFactory(channel_property=other, received_at=ago(10), status=status, processed_at=ago(9))

    waiting = {(one.channel_property, one.subject.split(":")[1]) for one in found()}

    assert waiting == {(channel_property, "inbound"), (channel_property, "outbound"), (other, "inbound")}
    assert any("3 inbound events" in one.message for one in found())


def test_a_run_that_stands_still_is_told(channel_property: ChannelProperty) -> None:
    run = ReconciliationRun.objects.create(
        channel_property=channel_property, kind="bookings", window_start=date.today(), window_end=date.today()
    )
    assert found() == []

    ReconciliationRun.objects.update(updated_at=ago(16))

    assert [(one.kind, one.subject) for one in found()] == [(AlertKind.RUN_STUCK, str(run.id))]
    ChannelProperty.objects.update(status="inactive")
    assert found() == [], "nothing runs while the property is paused"


@pytest.mark.parametrize(("ahead", "expected"), [(3600.0, True), (-6.0, True), (4.0, False), (-4.0, False)])
def test_a_process_whose_clock_is_off_is_named(ahead: float, expected: bool) -> None:
    name = f"worker{ahead}@here"
    note_alive(name, ProcessKind.WORKER, ["q"], ahead=ahead)
    Heartbeat.objects.create(name="silent", kind=ProcessKind.WORKER, seen_at=ago(60), clock_ahead=999)
    life = Life({queue.name: 1 for queue in topology().worked_queues()}, True, wrong_clocks())

    assert [(one.kind, one.subject) for one in found(health(life=life))] == (
        [(AlertKind.CLOCK_WRONG, name)] if expected else []
    )


@pytest.mark.django_db(transaction=True)
def test_a_wrong_clock_degrades_and_a_silent_process_does_not_count(
    client: Client, beds24: RunningSimulator, topology_at_broker: None
) -> None:
    queues = [queue.name for queue in topology().worked_queues()]
    Heartbeat.objects.create(name="worker@here", kind=ProcessKind.WORKER, queues=queues, clock_ahead=0.2)
    Heartbeat.objects.create(name="beat", kind=ProcessKind.BEAT, clock_ahead=-300)
    Heartbeat.objects.create(name="gone", kind=ProcessKind.WORKER, seen_at=ago(60), clock_ahead=999)

    told = client.get("/health/channel-sync").json()

    assert told["status"] == "degraded"
    assert told["clocks"] == {"ahead_seconds": {"beat": -300.0}}


@contextmanager
def without_writes() -> Iterator[None]:
    """As a standby, or a server that an operator made read-only: new connections may read."""
    name = connections["default"].settings_dict["NAME"]
    with connection.cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    connection.close()
    try:
        yield
    finally:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
            cursor.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_a_database_without_writes_is_not_ready(client: Client, beds24: RunningSimulator) -> None:
    with without_writes():
        ready = client.get("/health/ready")
        status = look().status

    assert ready.status_code == 503
    assert status is HealthStatus.UNHEALTHY
    assert client.get("/health/ready").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_the_watch_tells_of_a_database_that_gives_locks_and_takes_no_writes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[Notice] = []
    monkeypatch.setattr(watching, "tell", lambda notice, ways: [told.append(notice), *ways][1:])
    clock = _Clock()
    monkeypatch.setattr(watching.timezone, "now", clock.now)
    takes_writes = [True, *([False] * 8), True, True]

    watch = Watch("watch@here", lambda _: clock.goes_on(len(takes_writes)), ask=health)

    def look_once(now: datetime) -> None:
        if not takes_writes[clock.looks - 1]:
            raise OperationalError("cannot execute INSERT in a read-only transaction")

    monkeypatch.setattr(watch, "look_once", look_once)
    watch.run()

    assert [(notice.kind, notice.resolved_at is None) for notice in told] == [
        ("database_unreachable", True),
        ("database_unreachable", False),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("ahead", [3, -3])
def test_a_watch_with_a_wrong_clock_sees_what_failed_in_the_last_hour(
    channel_property: ChannelProperty, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    for hours in (0, 2):
        failed = {"status": EventStatus.FAILED, "processed_at": ago(60 * hours), "received_at": ago(60 * hours)}
        EventFactory.create_batch(6 + hours, channel_property=channel_property, **failed)
    now = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(hours=ahead))

    Watch("watch@here", lambda _: False, ask=health).run()
    assert not Alert.objects.filter(kind=AlertKind.FAILED_EVENTS).exists()

    EventFactory.create_batch(5, channel_property=channel_property, **{**failed, "processed_at": now()})
    Watch("watch@here", lambda _: False, ask=health).run()
    (alert,) = Alert.objects.filter(kind=AlertKind.FAILED_EVENTS)
    assert abs((alert.notify_at or now()) - now()) < timedelta(minutes=1)


def of_kind(kind: AlertKind) -> list[Finding]:
    return [one for one in findings(health(), now=timezone.now()) if one.kind is kind]


def ended(
    channel_property: ChannelProperty, kind: ReconciliationKind, status: RunStatus, minutes: float, **columns: object
) -> ReconciliationRun:
    """A run that began so many minutes ago."""
    night = date(2027, 3, 1)
    made: ReconciliationRun = ReconciliationRun.objects.create(
        channel_property=channel_property,
        kind=kind,
        status=status,
        window_start=night,
        window_end=night,
        **columns,
    )
    ReconciliationRun.objects.filter(id=made.id).update(created_at=ago(minutes))
    return made


def test_a_comparison_that_failed_is_alerted_until_one_of_its_kind_succeeds(channel_property: ChannelProperty) -> None:
    ended(channel_property, ReconciliationKind.BOOKINGS, RunStatus.FAILED, 30, last_error="KeyError")
    ended(channel_property, ReconciliationKind.BOOKINGS, RunStatus.DONE, 20, dry_run=True)
    ended(channel_property, ReconciliationKind.AVAILABILITY, RunStatus.FAILED, 30)
    ended(channel_property, ReconciliationKind.AVAILABILITY, RunStatus.DONE, 20)
    ended(channel_property, ReconciliationKind.RATES, RunStatus.FAILED, 30, dry_run=True)

    (finding,) = of_kind(AlertKind.RUN_FAILED)
    assert finding.subject == f"{channel_property.id}:bookings"
    assert finding.channel_property == channel_property
    assert "KeyError" in finding.message

    run = ended(channel_property, ReconciliationKind.BOOKINGS, RunStatus.RUNNING, 1)
    assert len(of_kind(AlertKind.RUN_FAILED)) == 1, "one that only runs has shown nothing yet"
    ReconciliationRun.objects.filter(id=run.id).update(status=RunStatus.FAILED, last_error="ValueError")
    (finding,) = of_kind(AlertKind.RUN_FAILED)
    assert "ValueError" in finding.message, "the last of them says why"
    ended(channel_property, ReconciliationKind.BOOKINGS, RunStatus.DONE, 0)
    assert of_kind(AlertKind.RUN_FAILED) == []


def test_each_property_and_kind_has_an_alert_of_its_failed_runs(channel_property: ChannelProperty) -> None:
    other = ChannelPropertyFactory(channel_property_id="other")
    for failed in (channel_property, other):
        for kind in ReconciliationKind:
            for minutes in (20, 10):
                ended(failed, kind, RunStatus.FAILED, minutes)

    subjects = [one.subject for one in of_kind(AlertKind.RUN_FAILED)]

    assert sorted(subjects) == sorted(
        f"{failed.id}:{kind}" for failed in (channel_property, other) for kind in ReconciliationKind
    )
    ChannelProperty.objects.filter(id=other.id).update(status="inactive")
    assert len(of_kind(AlertKind.RUN_FAILED)) == len(ReconciliationKind)


def test_a_first_synchronisation_that_failed_has_its_own_alert_alone(channel_property: ChannelProperty) -> None:
    ended(channel_property, ReconciliationKind.BOOKINGS, RunStatus.FAILED, 5, cursor={EVERYBODY: True})

    assert of_kind(AlertKind.RUN_FAILED) == []


def test_a_queue_that_is_missing_is_named(
    broker_url: str, topology_at_broker: None, caplog: pytest.LogCaptureFixture
) -> None:
    gone = topology().outbound_dead_letters.name
    with Connection(broker_url) as broker:
        broker.default_channel.queue_delete(gone)
        try:
            depths = queue_depths()
            for _ in range(3):
                mend_dead_letters(Direction.OUTBOUND)
        finally:
            declare(broker)

    assert depths.missing == (gone,)
    seen = replace(health(), depths=depths)
    assert seen.status is HealthStatus.DEGRADED
    (finding,) = [one for one in findings(seen, now=timezone.now()) if one.kind is AlertKind.QUEUE_MISSING]
    assert (finding.subject, "channel_sync_topology" in finding.message) == (gone, True)
    assert caplog.text.count("run 'manage.py channel_sync_topology'") == 1


@contextmanager
def away(*_: object, **__: object) -> Iterator[None]:
    """The lock cannot even be asked for."""
    raise OperationalError("connection refused")
    yield


@contextmanager
def held_elsewhere(*_: object, **__: object) -> Iterator[None]:
    """Another watch leads."""
    raise NotYet("channel_sync watch is in use by another worker.", retry_after=timedelta(seconds=2))
    yield


@contextmanager
def free(*_: object, **__: object) -> Iterator[None]:
    """Nobody else leads."""
    yield


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Notice]:
    """What the watch itself sends."""
    sent: list[Notice] = []
    monkeypatch.setattr(watching, "tell", lambda notice, ways: [sent.append(notice), *ways][1:])
    return sent


def watched(monkeypatch: pytest.MonkeyPatch, locks: list[Any], fails: dict[int, Exception] | None = None) -> None:
    """Run a watch that meets one of these locks at each look, half a minute apart; some looks of a leader fail."""
    clock = _Clock()
    monkeypatch.setattr(watching.timezone, "now", clock.now)
    monkeypatch.setattr(watching, "session_lock", lambda *name, **wait: locks[clock.looks - 1](*name, **wait))

    def ask() -> Health:
        if error := (fails or {}).get(clock.looks):
            raise error
        return health()

    Watch("watch@here", lambda _: clock.goes_on(len(locks)), ask=ask).run()


# Half a minute passes between two looks, `alert_outage_after` is one minute.
@pytest.mark.parametrize(("looks", "expected"), [(4, []), (5, ["fired"])])
@pytest.mark.parametrize("first", [[], [held_elsewhere]])
def test_a_watch_that_did_not_lead_tells_of_the_database_too_and_later(
    monkeypatch: pytest.MonkeyPatch, told: list[Notice], first: list[Any], looks: int, expected: list[str]
) -> None:
    """The database is away from the start, or the leader died with it."""
    watched(monkeypatch, [*first, *[away] * looks])

    assert [notice.state for notice in told] == expected


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("back", [free, held_elsewhere])
def test_a_watch_that_did_not_lead_tells_the_end_too(
    monkeypatch: pytest.MonkeyPatch, told: list[Notice], back: Any
) -> None:
    watched(monkeypatch, [*[away] * 6, back])

    assert [notice.state for notice in told] == ["fired", "resolved"]
    assert len({notice.alert_id for notice in told}) == 1


@pytest.mark.django_db(transaction=True)
def test_an_outage_that_is_over_soon_is_told_by_no_watch_that_did_not_lead(
    monkeypatch: pytest.MonkeyPatch, told: list[Notice]
) -> None:
    watched(monkeypatch, [*[away] * 4, held_elsewhere, *[away] * 4])

    assert told == []


@pytest.mark.django_db(transaction=True)
def test_a_lock_without_a_look_that_succeeds_makes_no_leader(
    monkeypatch: pytest.MonkeyPatch, told: list[Notice]
) -> None:
    """A database without writes gives the lock to every watch in turn: one of them tells at once, not all."""
    fails: dict[int, Exception] = {look: OperationalError("read-only") for look in range(1, 5)}

    watched(monkeypatch, [free] * 4, fails)

    assert told == []


@pytest.mark.django_db(transaction=True)
def test_a_lock_that_another_watch_tries_with_does_not_end_an_outage(
    monkeypatch: pytest.MonkeyPatch, told: list[Notice]
) -> None:
    fails: dict[int, Exception] = {look: OperationalError("read-only") for look in range(2, 8)}

    watched(monkeypatch, [free, free, held_elsewhere, free, free, held_elsewhere, free], fails)

    assert [notice.state for notice in told] == ["fired"]


@pytest.mark.django_db(transaction=True)
def test_an_outage_is_told_to_who_has_not_heard_and_its_end_to_who_has(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {
        **settings.CHANNEL_SYNC,
        "alert_channels": ["log", "email"],
        "alert_email_to": ["a@b.example"],
    }
    told: list[tuple[str, str]] = []

    def tell(notice: Notice, ways: list[str]) -> list[str]:
        heard = [way for way in ways if way == "log" or len(told) > 2]
        told.extend((notice.state, way) for way in ways)
        return heard

    monkeypatch.setattr(watching, "tell", tell)
    watched(monkeypatch, [*[away] * 8, free])

    assert told == [
        ("fired", "log"),
        ("fired", "email"),
        ("fired", "email"),
        ("fired", "email"),
        ("resolved", "log"),
        ("resolved", "email"),
    ]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("statement", "is_other_release"),
    [
        ("SELECT no_such_column FROM channel_events", True),
        ("SELECT 'Ada Guest' FROM no_such_table", True),
        ("SET SESSION AUTHORIZATION DEFAULT; SELECT pg_sleep('x')", False),
    ],
)
def test_tables_of_another_release_are_not_taken_for_a_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch, told: list[Notice], statement: str, is_other_release: bool
) -> None:
    @contextmanager
    def refuses(*_: object, **__: object) -> Iterator[None]:
        with connection.cursor() as cursor:
            cursor.execute(statement)
        yield

    watched(monkeypatch, [refuses] * 5)

    (notice,) = told
    assert ("manage.py migrate" in notice.message) is is_other_release
    assert ("restart" in notice.message.lower()) is is_other_release
    assert ("Start PostgreSQL" in notice.message) is not is_other_release
    assert "Ada Guest" not in notice.message


class _Clock:
    """Half a minute goes by with each look."""

    def __init__(self) -> None:
        self.looks = 1

    def now(self) -> datetime:
        return datetime(2027, 3, 1, tzinfo=UTC) + timedelta(seconds=30 * self.looks)

    def goes_on(self, looks: int) -> bool:
        self.looks += 1
        return self.looks <= looks
