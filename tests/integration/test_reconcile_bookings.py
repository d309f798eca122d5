"""Every kind of drift between bookings and reservations is found, once, and fixed or flagged."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channel_sync.errors import NotYet
from channel_sync.models import (
    ChannelEvent,
    Conflict,
    ConflictKind,
    ConflictStatus,
    RateLimitBucket,
    ReconciliationRun,
    RunStatus,
    Severity,
    StagedBooking,
)
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.comparison import suspects
from channel_sync.reconciliation.first_sync import first_sync
from channel_sync.reconciliation.reservations import ReservationReader
from channel_sync.reconciliation.rules import Fix
from channel_sync.reconciliation.runs import RunOptions
from channel_sync.reconciliation.snapshot import read_bookings
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import PRICE, Drift, do_not_wait, plenty_of_credits
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db


NOW = RunOptions(wait=do_not_wait)
DRY = RunOptions(wait=do_not_wait, dry_run=True)


@pytest.fixture
def drift(connected: ConnectedHotel, beds24: RunningSimulator) -> Drift:
    plenty_of_credits(beds24.simulator.state, connected)
    return Drift(connected, beds24.simulator.state)


def open_conflicts() -> Counter[str]:
    return Counter(Conflict.objects.filter(status=ConflictStatus.OPEN).values_list("kind", flat=True))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_every_kind_of_drift_is_found_and_nothing_else(drift: Drift, seed: int) -> None:
    drift.seed = seed
    drift.__post_init__()
    drift.plant()
    cp = drift.hotel.channel_property

    dry = reconcile_bookings(cp, DRY)
    assert (dry.fixed, dry.flagged) == (drift.fixes.total(), drift.flags.total())
    assert not Conflict.objects.exists()
    first = reconcile_bookings(cp, NOW)

    assert (first.fixed, first.flagged) == (drift.fixes.total(), drift.flags.total())
    assert open_conflicts() == drift.flags
    applied = Counter(ChannelEvent.objects.filter(direction="inbound").values_list("event_type", flat=True))
    assert applied == {
        "booking.created": drift.fixes[Fix.CREATE],
        "booking.cancelled": drift.fixes[Fix.CANCEL],
        "booking.modified": drift.fixes[Fix.PRICE],
    }

    reservations = list(Reservation.objects.order_by("id").values())
    events = ChannelEvent.objects.count()
    second = reconcile_bookings(cp, NOW)
    assert (second.status, second.fixed) == (RunStatus.DONE, 0)
    assert open_conflicts() == drift.flags
    assert list(Reservation.objects.order_by("id").values()) == reservations
    assert ChannelEvent.objects.count() == events
    assert not StagedBooking.objects.exists()


def test_a_missing_booking_is_created_like_a_webhook_would(drift: Drift) -> None:
    booking = drift.booking(drift.today)

    run = reconcile_bookings(drift.hotel.channel_property, NOW)

    made = Reservation.objects.get()
    assert (made.price, str(made.check_in), made.status) == (PRICE, booking["arrival"], ReservationStatus.CONFIRMED)
    assert (run.compared, run.fixed) == (1, 1)


def test_a_small_price_difference_is_fixed_and_nothing_else_of_it(drift: Drift) -> None:
    pair = drift.pair()
    pair.in_pms(price=Decimal("195.00"))
    pair.guest_in_pms(first_name="Ada")

    reconcile_bookings(drift.hotel.channel_property, NOW)

    stay = Reservation.objects.get()
    assert stay.guest is not None
    assert (stay.price, stay.guest.first_name, stay.version) == (PRICE, "Ada", 2)
    assert ChannelEvent.objects.get().payload == {"price": {"was": "195.00", "is": "200.00"}}


@pytest.mark.parametrize(
    ("kind", "severity"),
    [(ConflictKind.DATES, Severity.HIGH), (ConflictKind.PRICE, Severity.HIGH), (ConflictKind.GUEST, Severity.MEDIUM)],
)
def test_flags_have_the_severity_of_the_plan(drift: Drift, kind: ConflictKind, severity: Severity) -> None:
    {
        ConflictKind.DATES: drift.other_dates,
        ConflictKind.PRICE: drift.price_of_nothing,
        ConflictKind.GUEST: drift.other_guest,
    }[kind]()

    reconcile_bookings(drift.hotel.channel_property, NOW)

    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.severity) == (kind, severity)
    assert conflict.subject == f"booking:{conflict.channel_side['booking_id']}"
    assert conflict.pms_side["reservation_id"] == str(Reservation.objects.get().id)


def test_a_conflict_that_is_gone_is_closed_by_the_next_run(drift: Drift) -> None:
    pair = drift.pair()
    pair.guest_in_pms(last_name="Lovelace")
    reconcile_bookings(drift.hotel.channel_property, NOW)

    pair.guest_in_pms(last_name="Hopper")
    reconcile_bookings(drift.hotel.channel_property, NOW)

    conflict = Conflict.objects.get()
    assert (conflict.status, conflict.resolution) == (ConflictStatus.RESOLVED, "gone")


def test_a_conflict_is_not_gone_while_its_booking_is_left_to_an_event(drift: Drift) -> None:
    pair = drift.pair()
    pair.guest_in_pms(last_name="Lovelace")
    reconcile_bookings(drift.hotel.channel_property, NOW)
    conflict = Conflict.objects.get()
    EventFactory(channel_property=drift.hotel.channel_property, entity_external_id=conflict.channel_side["booking_id"])

    reconcile_bookings(drift.hotel.channel_property, NOW)

    conflict.refresh_from_db()
    assert conflict.status == ConflictStatus.OPEN


def test_a_dismissed_difference_is_not_brought_up_again_until_it_changes(drift: Drift) -> None:
    pair = drift.pair()
    pair.guest_in_pms(last_name="Lovelace")
    reconcile_bookings(drift.hotel.channel_property, NOW)
    Conflict.objects.update(status=ConflictStatus.DISMISSED)

    assert reconcile_bookings(drift.hotel.channel_property, NOW).flagged == 0
    pair.guest_in_pms(last_name="Turing")
    assert reconcile_bookings(drift.hotel.channel_property, NOW).flagged == 1


def test_an_unmapped_room_is_one_dead_letter_however_often_it_is_found(drift: Drift) -> None:
    drift.booking(drift.today)["roomId"] = 2003

    first, second = (reconcile_bookings(drift.hotel.channel_property, NOW) for _ in range(2))

    assert (first.fixed, second.fixed) == (0, 0)
    assert "UnmappedRoom" in (ChannelEvent.objects.get().last_error or "")


def test_a_run_that_died_goes_on_with_the_next_page(drift: Drift, beds24: RunningSimulator) -> None:
    for _ in range(250):
        drift.booking(drift.today)
    pages: list[int] = []

    def stop_after_two(phase: str, done: int) -> None:
        pages.append(done)
        if len(pages) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        reconcile_bookings(drift.hotel.channel_property, RunOptions(wait=do_not_wait, progress=stop_after_two))
    before = len(beds24.simulator.state.calls)
    run = reconcile_bookings(drift.hotel.channel_property, RunOptions(wait=do_not_wait, dry_run=False))

    assert ReconciliationRun.objects.get() == run
    assert (run.compared, run.fixed) == (250, 250)
    read = [call for call in beds24.simulator.state.calls[before:] if "arrivalFrom" in call["query"]]
    assert [call["query"]["page"] for call in read] == [["3"]]


def test_without_spare_credits_it_waits_and_loses_nothing(drift: Drift) -> None:
    drift.missing_in_pms()
    RateLimitBucket.objects.update(tokens=40, capacity=100, refill_rate=100)
    waits: list[timedelta] = []

    def refilled(delay: timedelta, reason: str) -> None:
        waits.append(delay)
        RateLimitBucket.objects.update(tokens=100)

    run = reconcile_bookings(drift.hotel.channel_property, RunOptions(wait=refilled))

    assert run.fixed == 1
    assert timedelta(seconds=20) < waits[0] < timedelta(seconds=40)  # Ten tokens of a hundred in 300 s.


def test_a_run_that_gives_up_waiting_is_resumed_later(drift: Drift) -> None:
    drift.missing_in_pms()
    RateLimitBucket.objects.update(tokens=40, capacity=100, refill_rate=100)

    with pytest.raises(NotYet):
        reconcile_bookings(drift.hotel.channel_property, NOW)
    assert ReconciliationRun.objects.get().status == RunStatus.RUNNING

    plenty_of_credits(drift.state, drift.hotel)
    assert reconcile_bookings(drift.hotel.channel_property, NOW).fixed == 1
    assert ReconciliationRun.objects.count() == 1


def test_an_error_ends_the_run_and_is_kept(drift: Drift, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object) -> None:
        raise RateLimitedByAccident

    class RateLimitedByAccident(RuntimeError):
        pass

    monkeypatch.setattr("channel_sync.reconciliation.bookings.read_bookings", broken)
    with pytest.raises(RateLimitedByAccident):
        reconcile_bookings(drift.hotel.channel_property, NOW)

    run = ReconciliationRun.objects.get()
    assert (run.status, run.last_error) == (RunStatus.FAILED, "RateLimitedByAccident")


@pytest.mark.parametrize("bookings", [50, 500])
def test_the_number_of_statements_does_not_grow_with_the_bookings(drift: Drift, bookings: int) -> None:
    for _ in range(bookings):
        drift.booking(drift.today)["status"] = "cancelled"
    drift.pair()
    run = ReconciliationRun.objects.create(
        channel_property=drift.hotel.channel_property,
        kind="bookings",
        window_start=drift.today - timedelta(days=30),
        window_end=drift.today + timedelta(days=90),
        cursor={},
    )
    read_bookings(run, NOW)

    with CaptureQueriesContext(connection) as statements:
        found = list(suspects(run, ReservationReader(run)))

    assert found == []
    # Mappings, those that are open, what is left alone, the property's date, bookings, reservations.
    assert len(statements) == 6


def test_the_first_synchronisation_imports_all_and_sends_the_calendar(drift: Drift) -> None:
    far = drift.booking(drift.today + timedelta(days=400))

    run, recorded = first_sync(drift.hotel.channel_property, NOW)

    assert (run.fixed, recorded) == (1, 2)
    assert str(Reservation.objects.get().check_in) == far["arrival"]
    assert ChannelEvent.objects.filter(event_type="availability.update").count() == 2
