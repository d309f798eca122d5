"""Runs as processes: killed at any point they end where an undisturbed one does, and two never overlap."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone
from django_celery_beat.models import PeriodicTask

from channel_sync.database_lock import session_lock
from channel_sync.events.processing import process
from channel_sync.events.store import rescue_vanished
from channel_sync.models import (
    ChannelEvent,
    Conflict,
    ConflictStatus,
    Direction,
    EventStatus,
    ReconciliationRun,
    ReservationLink,
    RunStatus,
)
from channel_sync.reconciliation.schedules import offset_of, schedule_reconciliation
from channel_sync.reconciliation.tasks import reconcile
from pms_project.local_services import postgres
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import Drift, plenty_of_credits
from tests.factories import ChannelPropertyFactory

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


@pytest.fixture
def drift(topology_at_broker: None, connected: ConnectedHotel, beds24: RunningSimulator) -> Drift:
    plenty_of_credits(beds24.simulator.state, connected)
    return Drift(connected, beds24.simulator.state)


def start(beds24: RunningSimulator, *arguments: str) -> subprocess.Popen[str]:
    """The command, on the tests' database and simulator."""
    environment = {
        **os.environ,
        "DATABASE_URL": postgres.with_database(os.environ["DATABASE_URL"], connection.settings_dict["NAME"]),
        "BEDS24_BASE_URL": f"{beds24.address}/v2",
        "DEBUG": "1",
        "DJANGO_SETTINGS_MODULE": "pms_project.settings",
    }
    command = [sys.executable, "manage.py", "channel_sync_reconcile", *arguments]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def the_state(drift: Drift) -> object:
    """Everything that a reconciliation decides, without the numbers that differ from run to run."""
    reservations = Reservation.objects.values_list("status", "check_in", "check_out", "price", "guest__last_name")
    conflicts = Conflict.objects.filter(status=ConflictStatus.OPEN).values_list("kind", flat=True)
    return Counter(reservations), Counter(conflicts), ReservationLink.objects.filter(reservation__isnull=False).count()


def test_a_run_that_is_killed_anywhere_ends_like_one_that_is_not(drift: Drift, beds24: RunningSimulator) -> None:
    drift.plant(equal=120)
    property_id = str(drift.hotel.channel_property.id)
    chance = random.Random(5)
    reservations = Reservation.objects.count()

    kills = 0
    for _ in range(12):
        running = start(beds24, property_id)
        try:
            running.wait(timeout=0.8 + chance.random() * 2.5)
        except subprocess.TimeoutExpired:
            running.kill()
            kills += 1
        running.communicate()
    assert kills
    # As the relay does, once the leases of killed processes are over.
    ChannelEvent.objects.filter(status=EventStatus.PROCESSING).update(lease_expires_at=timezone.now())
    rescue_vanished()
    ChannelEvent.objects.filter(status=EventStatus.RETRYING).update(next_attempt_at=timezone.now())
    # As workers do, with what a process had recorded and not claimed yet when it was killed.
    for event in ChannelEvent.objects.filter(status=EventStatus.RECEIVED, direction=Direction.INBOUND):
        process(event.id)
    last = start(beds24, property_id, "--json")
    output, errors = last.communicate(timeout=120)
    assert last.returncode == 0, errors

    assert json.loads(output)["flagged"] == drift.flags.total()
    kinds = Counter(Conflict.objects.filter(status=ConflictStatus.OPEN).values_list("kind", flat=True))
    assert kinds == drift.flags
    assert Reservation.objects.count() == reservations + sum(
        count for fix, count in drift.fixes.items() if fix.name == "CREATE"
    )
    before = the_state(drift)
    assert start(beds24, property_id).wait(timeout=120) == 0
    assert the_state(drift) == before
    assert not ReconciliationRun.objects.filter(status=RunStatus.RUNNING).exists()
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()


def test_two_runs_of_one_kind_never_overlap(drift: Drift, beds24: RunningSimulator) -> None:
    channel_property = drift.hotel.channel_property
    with session_lock("reconciliation", channel_property.id, "bookings", wait=timedelta(seconds=1)):
        second = start(beds24, str(channel_property.id))
        _, errors = second.communicate(timeout=60)

    assert second.returncode == 1
    assert "in use by another worker" in errors
    assert not ReconciliationRun.objects.exists()


def test_the_command_tells_what_it_did_in_words_or_as_json(drift: Drift, beds24: RunningSimulator) -> None:
    drift.missing_in_pms()
    property_id = str(drift.hotel.channel_property.id)

    dry, errors = start(beds24, property_id, "--dry-run").communicate(timeout=60)
    done, _ = start(beds24, property_id, "--json").communicate(timeout=60)

    assert dry.strip() == "1 compared, 1 would be fixed, 0 would be flagged."
    assert "1 bookings read" in errors
    counts = json.loads(done)
    assert (counts["compared"], counts["fixed"], counts["flagged"], counts["dry_run"]) == (1, 1, 0, False)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["00000000-0000-0000-0000-000000000000"], "There is no channel property"),
        (["PROPERTY", "bookings", "--start", "2027-01-01"], "--start and --end go together"),
        (["PROPERTY", "bookings", "--start", "2027-01-01", "--end", "2027-01-02", "--whole-calendar"], "of its own"),
        (["PROPERTY", "bookings", "--start", "2027-01-02", "--end", "2027-01-01"], "--end is before --start"),
    ],
)
def test_the_command_says_what_is_wrong(
    drift: Drift, beds24: RunningSimulator, arguments: list[str], complaint: str
) -> None:
    named = [one.replace("PROPERTY", str(drift.hotel.channel_property.id)) for one in arguments]
    command = start(beds24, *named)
    _, errors = command.communicate(timeout=60)

    assert (command.returncode, complaint in errors) == (1, True)


def test_each_property_has_its_schedules_spread_over_the_interval(drift: Drift) -> None:
    properties = [ChannelPropertyFactory(channel_property_id=f"spread-{number}") for number in range(40)]
    for channel_property in properties:
        schedule_reconciliation(channel_property)
    PeriodicTask.objects.filter(name__contains="bookings").update(enabled=False)
    schedule_reconciliation(properties[0])

    schedules = PeriodicTask.objects.filter(name__startswith="channel_sync reconcile")
    assert schedules.count() == (3 + 3) * 40
    whole = schedules.filter(kwargs__contains="whole_calendar")
    assert set(whole.values_list("interval__every", flat=True)) == {86400}
    assert whole.count() == 3 * 40
    assert not schedules.filter(name__contains="bookings", enabled=True).exists()
    assert set(schedules.values_list("interval__every", flat=True)) == {1200, 3600, 86400}
    offsets = [offset_of(found, timedelta(minutes=20)) for found in properties]
    assert max(offsets) - min(offsets) > timedelta(minutes=10)


def test_the_task_leaves_a_paused_property_alone_and_runs_an_active_one(drift: Drift) -> None:
    drift.missing_in_pms()
    channel_property = drift.hotel.channel_property
    type(channel_property).objects.update(status="inactive")
    reconcile(str(channel_property.id), "bookings")
    assert not ReconciliationRun.objects.exists()

    type(channel_property).objects.update(status="active")
    reconcile(str(channel_property.id), "bookings")

    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED
    assert ReconciliationRun.objects.get().status == RunStatus.DONE
