"""Runs whose process died, and first synchronisations whose message or worker was lost, are started again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from celery import current_app
from django.db import (
    DataError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from channel_sync.broker.topology import topology
from channel_sync.errors import ChannelUnavailable, LoginRefused, NotYet, RefusedByChannel
from channel_sync.models import (
    AlertKind,
    ChannelConnection,
    ChannelProperty,
    ReconciliationKind,
    ReconciliationRun,
    RunStatus,
)
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.finding import Finding
from channel_sync.operations import properties
from channel_sync.reconciliation import tasks
from channel_sync.reconciliation.runs import EVERYBODY, RunOptions, advance, running
from channel_sync.reconciliation.unfinished import start_unfinished, want_first_sync
from pms_project.pms.models import Reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.integration.test_alerts import health

pytestmark = pytest.mark.django_db

BOOKINGS, RATES = ReconciliationKind.BOOKINGS, ReconciliationKind.RATES
WINDOW = date(2027, 3, 1), date(2027, 6, 1)
TEN_MINUTES = timedelta(minutes=10)
HOUR = timedelta(hours=1)


def started() -> tuple[list[ChannelProperty], list[ReconciliationRun]]:
    """What one look starts."""
    first_syncs: list[ChannelProperty] = []
    runs: list[ReconciliationRun] = []
    start_unfinished(first_syncs.append, runs.append)
    return first_syncs, runs


def left_running(channel_property: ChannelProperty, **columns: object) -> ReconciliationRun:
    """A run that says that it runs, ten minutes after its process died."""
    values = {"kind": BOOKINGS, "window_start": WINDOW[0], "window_end": WINDOW[1], **columns}
    run = ReconciliationRun.objects.create(channel_property=channel_property, **values)
    ReconciliationRun.objects.filter(id=run.id).update(updated_at=Now() - TEN_MINUTES)
    return run


def due_at(channel_property: ChannelProperty) -> timedelta | None:
    """In how long the first synchronisation is started, by the database's clock."""
    due = ChannelConnection.objects.get(channel_property=channel_property).first_sync_due_at
    return None if due is None else due - timezone.now()


def test_a_run_that_nobody_holds_is_started_again(channel_property: ChannelProperty) -> None:
    run = left_running(channel_property)

    assert started() == ([], [run])


def test_a_run_that_moves_or_is_over_or_only_looked_is_left_alone(channel_property: ChannelProperty) -> None:
    moving = left_running(channel_property)
    ReconciliationRun.objects.filter(id=moving.id).update(updated_at=Now())
    left_running(channel_property, kind=RATES, status=RunStatus.DONE)
    left_running(channel_property, kind=RATES, dry_run=True)

    assert started() == ([], [])


@pytest.mark.django_db(transaction=True)
def test_a_slow_run_is_in_the_hands_of_its_process(channel_property: ChannelProperty) -> None:
    lost = left_running(channel_property, kind=RATES)
    with running(channel_property, BOOKINGS, WINDOW, RunOptions()) as run:
        ReconciliationRun.objects.filter(id=run.id).update(updated_at=Now() - TEN_MINUTES)

        assert started() == ([], [lost])


def test_nothing_is_started_for_a_property_that_is_paused(channel_property: ChannelProperty) -> None:
    left_running(channel_property)
    ChannelProperty.objects.update(status="inactive")

    assert started() == ([], [])


@pytest.mark.parametrize(
    "lost",
    [
        OperationalError("the connection is closed"),
        InterfaceError("closed"),
        InternalError("cannot execute UPDATE in a read-only transaction"),
        ProgrammingError("column does not exist"),
        NotYet("no credits", retry_after=TEN_MINUTES),
    ],
)
def test_a_run_that_loses_its_database_or_its_credits_is_not_over(
    channel_property: ChannelProperty, lost: Exception
) -> None:
    with pytest.raises(type(lost)), running(channel_property, BOOKINGS, WINDOW, RunOptions()):
        raise lost

    assert ReconciliationRun.objects.get().status == RunStatus.RUNNING


class Killed(BaseException):
    """The process is gone."""


@contextmanager
def clock_off(monkeypatch: pytest.MonkeyPatch, ahead: timedelta) -> Iterator[None]:
    """This process has another clock than the database."""
    now = timezone.now
    with monkeypatch.context() as patched:
        patched.setattr(timezone, "now", lambda: now() + ahead)
        yield


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_run_is_resumed_whatever_the_clock_of_the_process_that_died(
    channel_property: ChannelProperty, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    with clock_off(monkeypatch, ahead), pytest.raises(Killed):
        die_after_a_step(channel_property)
    run = ReconciliationRun.objects.get()
    assert started() == ([], []), "it has just moved"
    ReconciliationRun.objects.update(updated_at=F("updated_at") - TEN_MINUTES)

    assert started() == ([], [run])


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_lost_run_is_gone_on_with_whatever_the_clock_of_the_next_process(
    channel_property: ChannelProperty, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    with pytest.raises(Killed), running(*of(channel_property)) as first:
        raise Killed

    with clock_off(monkeypatch, ahead), running(*of(channel_property)) as second:
        assert second.id == first.id


@pytest.mark.parametrize("ahead", [HOUR, -HOUR])
def test_a_run_that_moves_and_ends_says_so_by_the_clock_of_the_database(
    channel_property: ChannelProperty, monkeypatch: pytest.MonkeyPatch, ahead: timedelta
) -> None:
    with clock_off(monkeypatch, ahead), running(*of(channel_property)) as run:
        advance(run, compared=1)
        assert [one for one in alerted(AlertKind.RUN_STUCK) if one.subject == str(run.id)] == []

    run.refresh_from_db()
    for moment in (run.created_at, run.updated_at, run.finished_at):
        assert moment is not None
        assert abs(moment - timezone.now()) < timedelta(minutes=1)
    assert (run.status, run.compared) == (RunStatus.DONE, 1)


def die_after_a_step(channel_property: ChannelProperty) -> None:
    with running(*of(channel_property)) as run:
        advance(run, compared=1)
        raise Killed


def of(channel_property: ChannelProperty) -> tuple[ChannelProperty, ReconciliationKind, tuple[date, date], RunOptions]:
    return channel_property, RATES, WINDOW, RunOptions()


def test_a_wanted_first_synchronisation_is_started_until_it_is_made(connected: ConnectedHotel) -> None:
    channel_property = connected.channel_property
    want_first_sync(channel_property, after=timedelta(minutes=-1))
    left_running(channel_property, cursor={EVERYBODY: True})

    first, second = started(), started()

    assert first == ([channel_property], [])
    assert second == ([], []), "its message is under way"


def test_a_first_synchronisation_by_hand_that_died_is_made_as_one(
    connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel_property = connected.channel_property
    left_running(channel_property, cursor={EVERYBODY: True})
    left_running(channel_property, kind=RATES)
    sent = sent_messages(monkeypatch)

    tasks.resume_runs()

    assert sorted(sent, key=str) == sorted(
        [
            ("channel_sync.first_sync", [str(channel_property.id)], {}),
            ("channel_sync.reconcile", [str(channel_property.id), "rates"], {"window": ["2027-03-01", "2027-06-01"]}),
        ],
        key=str,
    )


def test_it_is_wanted_from_its_order_to_its_end(connected: ConnectedHotel, topology_at_broker: None) -> None:
    properties.start_first_sync(connected.channel_property, by="ada")
    before = due_at(connected.channel_property)

    tasks.first_synchronisation(str(connected.channel_property.id))

    assert before is not None
    assert before > timedelta(minutes=1)
    assert due_at(connected.channel_property) is None


@pytest.mark.parametrize(
    ("fault", "at_least"),
    [
        (NotYet("no credits", retry_after=timedelta(minutes=20)), timedelta(minutes=19)),
        (ChannelUnavailable("503"), timedelta(seconds=5)),
        (OperationalError("the connection is closed"), timedelta(seconds=5)),
        (LoginRefused("the token is used up", status=401), timedelta(seconds=5)),
    ],
)
def test_a_passing_fault_does_not_end_it(
    connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch, fault: Exception, at_least: timedelta
) -> None:
    want_first_sync(connected.channel_property)
    monkeypatch.setattr(tasks, "first_sync", raising(fault))

    if isinstance(fault, OperationalError | LoginRefused):
        with pytest.raises(type(fault)):
            tasks.first_synchronisation(str(connected.channel_property.id))
    else:
        tasks.first_synchronisation(str(connected.channel_property.id))

    due = due_at(connected.channel_property)
    assert due is not None
    assert due >= at_least


def test_a_fault_that_stays_is_alerted_and_tried_again_after_longer_and_longer(
    connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel_property = connected.channel_property
    want_first_sync(channel_property)
    pauses = []
    with monkeypatch.context() as faulty:
        faulty.setattr(tasks, "first_sync", raising(RefusedByChannel("no such property", status=400)))
        for _ in range(8):
            with pytest.raises(RefusedByChannel):
                tasks.first_synchronisation(str(channel_property.id))
            pauses.append(due_at(channel_property) or timedelta(0))

    assert [round(pause.total_seconds() / 60) for pause in pauses] == [2, 4, 8, 16, 32, 60, 60, 60]
    (alert,) = failed_first_syncs()
    assert alert.subject == str(channel_property.id)
    assert "RefusedByChannel: no such property" in alert.message


def test_a_first_synchronisation_that_was_refused_once_is_made_the_next_time(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    channel_property = connected.channel_property
    want_first_sync(channel_property)
    beds24.controls.fail_next(kind="status", status=400, method="GET", path="/bookings")
    with pytest.raises(RefusedByChannel):
        tasks.first_synchronisation(str(channel_property.id))
    assert len(failed_first_syncs()) == 1

    ChannelConnection.objects.update(first_sync_due_at=Now())
    assert started() == ([channel_property], [])
    tasks.first_synchronisation(str(channel_property.id))

    assert due_at(channel_property) is None
    assert failed_first_syncs() == []
    assert Reservation.objects.count() == 0


@pytest.mark.parametrize("error", [ValueError("Ada Lovelace"), DataError("too long: Ada Lovelace")])
def test_an_alert_names_no_guest(connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(tasks, "first_sync", raising(error))
    with pytest.raises(type(error)):
        tasks.first_synchronisation(str(connected.channel_property.id))

    (alert,) = failed_first_syncs()

    assert type(error).__name__ in alert.message
    assert "Lovelace" not in alert.message


def test_a_first_synchronisation_of_a_paused_property_is_not_alerted(
    connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "first_sync", raising(RefusedByChannel("no such property", status=400)))
    with pytest.raises(RefusedByChannel):
        tasks.first_synchronisation(str(connected.channel_property.id))

    ChannelProperty.objects.update(status="inactive")

    assert failed_first_syncs() == []


@pytest.mark.django_db(transaction=True)
def test_a_first_synchronisation_outlives_the_tables_of_another_release(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    arrival = date.today() + timedelta(days=30)
    beds24.controls.book(roomId=2002, arrival=str(arrival), departure=str(arrival + timedelta(days=1)))
    channel_property = connected.channel_property
    want_first_sync(channel_property)
    rename_column("pushed_hash", "pushed_hash_of_later")
    with pytest.raises(ProgrammingError):
        tasks.first_synchronisation(str(channel_property.id))
    rename_column("pushed_hash_of_later", "pushed_hash")
    (alert,) = failed_first_syncs()
    assert "pushed_hash does not exist" in alert.message
    assert "LINE" not in alert.message, "the statement names guests"

    ChannelConnection.objects.update(first_sync_due_at=Now())
    assert started() == ([channel_property], [])
    tasks.first_synchronisation(str(channel_property.id))

    assert [run.status for run in ReconciliationRun.objects.all()] == [RunStatus.DONE], "the same run went on"
    assert Reservation.objects.count() == 1
    assert failed_first_syncs() == []


def rename_column(old: str, new: str) -> None:
    """A column of the links has another name, as in the tables of another release."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE channel_reservation_links RENAME COLUMN {old} TO {new}")


def failed_first_syncs() -> list[Finding]:
    """What is alerted about first synchronisations now."""
    return alerted(AlertKind.FIRST_SYNC_FAILED)


def alerted(kind: AlertKind) -> list[Finding]:
    return [finding for finding in findings(health(), now=timezone.now()) if finding.kind is kind]


def raising(fault: Exception) -> object:
    def first_sync(_: ChannelProperty) -> None:
        raise fault

    return first_sync


def sent_messages(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str], dict[str, object]]]:
    """The tasks that are handed to the reconciliation queue from now on, instead of handing them over."""
    sent: list[tuple[str, list[str], dict[str, object]]] = []

    def send_task(
        name: str, args: list[str], kwargs: dict[str, object], queue: str, expiration: float, ignore_result: bool
    ) -> None:
        assert queue == topology().reconciliation.name
        assert expiration > 0, "a second message of the same follows"
        sent.append((name, args, kwargs))

    monkeypatch.setattr(current_app, "send_task", send_task)
    return sent
