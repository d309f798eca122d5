"""What arrived long ago or arrives beyond a year was compared by nobody: rooms of guests in house were put on sale."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from channel_sync.models import (
    Conflict,
    ConflictKind,
    ReconciliationKind,
    ReconciliationRun,
    RunStatus,
)
from channel_sync.monitoring.alert_rules import _failed_runs
from channel_sync.origin import on_behalf_of
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.pms import host_pms
from channel_sync.reconciliation.runs import EVERYBODY, WHOLE, RunOptions
from channel_sync.reconciliation.tasks import RECONCILERS, reconcile, resume_runs
from channel_sync.reconciliation.whole_calendar import of_whole_calendar
from pms_project.pms.models import Reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import hours_pass
from tests.dangers.working import units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db

LONG_AGO = "2026-01-01T10:00:00Z"
CALENDAR_NIGHTS = 500


@pytest.fixture
def today(connected: ConnectedHotel, beds24: RunningSimulator) -> date:
    plenty_of_credits(beds24.simulator.state, connected)
    request_full_sync(connected.channel_property)
    work_everything()
    hours_pass(connected)
    return host_pms().property_facts(connected.hotel.id).today()


def compare(hotel: ConnectedHotel, kind: ReconciliationKind, *, is_whole: bool = True) -> ReconciliationRun:
    options = RunOptions(wait=do_not_wait)
    if is_whole:
        options = of_whole_calendar(hotel.channel_property, kind, options)
    return RECONCILERS[kind](hotel.channel_property, options)


def book(beds24: RunningSimulator, arrival: date, departure: date) -> None:
    made = beds24.controls.book(roomId=2001, arrival=str(arrival), departure=str(departure))
    beds24.simulator.state.bookings[made["id"]] |= {"bookingTime": LONG_AGO, "modifiedTime": LONG_AGO}


@pytest.mark.parametrize("days", [(-45, 10), (480, 483)])
def test_a_booking_outside_of_the_usual_window_is_found(
    connected: ConnectedHotel, beds24: RunningSimulator, today: date, days: tuple[int, int]
) -> None:
    first, last = (today + timedelta(days=one) for one in days)
    book(beds24, first, last)
    compare(connected, ReconciliationKind.BOOKINGS, is_whole=False)
    assert not Reservation.objects.exists()

    compare(connected, ReconciliationKind.BOOKINGS)
    work_everything()

    assert Reservation.objects.get().check_in == first
    assert units_at_beds24(beds24, night=max(first, today)) == 9


@pytest.mark.parametrize(("days", "is_missing"), [((-45, 10), True), ((480, 483), True), ((-45, 0), False)])
def test_a_reservation_that_the_channel_lacks_is_flagged(
    connected: ConnectedHotel, today: date, days: tuple[int, int], is_missing: bool
) -> None:
    first, last = (today + timedelta(days=one) for one in days)
    with on_behalf_of(connected.channel_property.id):
        ReservationFactory(room_type=connected.double, check_in=first, check_out=last)
    work_everything()

    compare(connected, ReconciliationKind.BOOKINGS)

    assert Conflict.objects.filter(kind=ConflictKind.MISSING_AT_CHANNEL).exists() is is_missing


def test_a_guest_in_house_on_both_sides_costs_no_closer_look(
    connected: ConnectedHotel, beds24: RunningSimulator, today: date
) -> None:
    book(beds24, today - timedelta(days=45), today + timedelta(days=10))
    compare(connected, ReconciliationKind.BOOKINGS)
    work_everything()
    beds24.controls.forget_calls()

    run = compare(connected, ReconciliationKind.BOOKINGS)

    assert (run.fixed, run.flagged) == (0, 0)
    assert len(beds24.simulator.state.calls) == 1


def test_availability_is_compared_to_the_end_of_the_calendar(
    connected: ConnectedHotel, beds24: RunningSimulator, today: date
) -> None:
    last = today + timedelta(days=CALENDAR_NIGHTS - 1)
    beds24.simulator.state.rooms[2001].qty = 20
    beds24.simulator.state.rooms[2001].num_avail[last] = 14
    assert compare(connected, ReconciliationKind.AVAILABILITY, is_whole=False).fixed == 0

    run = compare(connected, ReconciliationKind.AVAILABILITY)
    work_everything()

    assert (run.window_end, run.fixed, run.flagged) == (last, 1, 1)
    assert units_at_beds24(beds24, night=last) == 10


def test_the_task_of_the_schedule_compares_it(connected: ConnectedHotel, today: date) -> None:
    reconcile(str(connected.channel_property.id), "bookings", whole_calendar=True)

    run = ReconciliationRun.objects.get()
    assert run.cursor[WHOLE]
    assert run.cursor[EVERYBODY]
    assert run.window_start == today


@pytest.mark.parametrize("is_whole", [True, False])
def test_one_whose_process_died_is_started_again_as_what_it_was(
    connected: ConnectedHotel, today: date, monkeypatch: pytest.MonkeyPatch, is_whole: bool
) -> None:
    sent: list[tuple[str, Any]] = []
    monkeypatch.setattr(
        "channel_sync.reconciliation.tasks.current_app.send_task",
        lambda task, **options: sent.append((task, options["kwargs"])),
    )
    cursor = {EVERYBODY: True, **({WHOLE: True} if is_whole else {})}
    run = ReconciliationRun.objects.create(
        channel_property=connected.channel_property,
        kind="bookings",
        window_start=today,
        window_end=today,
        cursor=cursor,
    )
    ReconciliationRun.objects.filter(id=run.id).update(updated_at=LONG_AGO)

    resume_runs()

    wanted = ("channel_sync.reconcile", {"whole_calendar": True}) if is_whole else ("channel_sync.first_sync", {})
    assert sent == [wanted]


def test_one_that_failed_is_alerted_until_one_of_the_whole_calendar_succeeds(
    connected: ConnectedHotel, today: date
) -> None:
    def ended(status: RunStatus, hours_ago: int, **cursor: bool) -> None:
        run = ReconciliationRun.objects.create(
            channel_property=connected.channel_property,
            kind=ReconciliationKind.BOOKINGS,
            status=status,
            window_start=today,
            window_end=today,
            cursor=cursor,
        )
        ReconciliationRun.objects.filter(id=run.id).update(created_at=timezone.now() - timedelta(hours=hours_ago))

    ended(RunStatus.FAILED, 3, whole_calendar=True, everybody_to_come=True)
    ended(RunStatus.DONE, 2)
    (finding,) = _failed_runs()
    assert "--whole-calendar" in finding.message

    ended(RunStatus.DONE, 1, whole_calendar=True, everybody_to_come=True)
    assert not list(_failed_runs())
