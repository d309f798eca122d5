"""A reservation that the host's port cannot read costs no other its comparison; a port that reads none ends the run."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import OperationalError
from django.utils import timezone

from channel_sync.errors import ReservationsUnreadable, ResolutionImpossible
from channel_sync.models import (
    AlertKind,
    ChannelEvent,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EventStatus,
    ReconciliationKind,
    ReconciliationRun,
    RunStatus,
)
from channel_sync.monitoring.alert_rules import findings
from channel_sync.origin import on_behalf_of
from channel_sync.pms import Reservation as SharedReservation
from channel_sync.reconciliation import reservations as reading
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.resolution import Resolution, resolve_conflict
from channel_sync.reconciliation.runs import RunOptions
from channel_sync.reconciliation.tasks import RECONCILERS
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import PRICE, Drift, Pair, do_not_wait, plenty_of_credits
from tests.factories import RateMappingFactory, RatePlanFactory, ReservationFactory
from tests.integration.test_alerts import health

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
DRY = RunOptions(wait=do_not_wait, dry_run=True)


@pytest.fixture
def drift(connected: ConnectedHotel, beds24: RunningSimulator) -> Drift:
    plenty_of_credits(beds24.simulator.state, connected)
    return Drift(connected, beds24.simulator.state)


def cannot_describe(monkeypatch: pytest.MonkeyPatch, reservation_ids: Collection[UUID]) -> None:
    """A fault of the host, whose message names a guest."""
    describe = Pms.describe

    def faulty(pms: Pms, instance: Reservation) -> SharedReservation:
        if instance.id in reservation_ids:
            raise ValueError("the stay of Ada Lovelace has a fault")
        return describe(pms, instance)

    monkeypatch.setattr(Pms, "describe", faulty)


def cheaper(drift: Drift) -> Pair:
    """A pair that a comparison puts right."""
    pair = drift.pair()
    pair.in_pms(price=Decimal("195.00"))
    return pair


def prices(pairs: Collection[Pair]) -> list[Decimal | None]:
    found = Reservation.objects.in_bulk([pair.reservation.id for pair in pairs])
    return [found[pair.reservation.id].price for pair in pairs]


def unknown_to_the_channel(drift: Drift) -> Reservation:
    """A reservation without a link, whose event was lost."""
    with on_behalf_of(drift.hotel.channel_property.id):
        made: Reservation = ReservationFactory(
            room_type=drift.hotel.double,
            check_in=drift.today + timedelta(days=5),
            check_out=drift.today + timedelta(days=6),
        )
    return made


@pytest.mark.parametrize("which", [0, 3, 6])
def test_one_that_cannot_be_read_is_a_failed_event_and_the_others_are_compared(
    drift: Drift, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, which: int
) -> None:
    pairs = sorted((cheaper(drift) for _ in range(7)), key=lambda pair: pair.reservation.id)
    drift.booking(drift.today)
    broken = pairs.pop(which)
    cannot_describe(monkeypatch, {broken.reservation.id})

    for _ in range(2):
        run = reconcile_bookings(drift.hotel.channel_property, NOW)

    assert run.status == RunStatus.DONE
    assert prices(pairs) == [PRICE] * 6
    assert Reservation.objects.count() == 8, "what the PMS lacked was created"
    failed = ChannelEvent.objects.get(status=EventStatus.FAILED)
    assert failed.entity_external_id == str(broken.booking["id"])
    assert "ValueError" in (failed.last_error or "")
    assert "Lovelace" not in caplog.text
    assert "in faulty" in caplog.text, "the log says where"


def test_one_that_the_channel_lacks_is_flagged_until_it_can_be_read(
    drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, broken, missing = cheaper(drift), unknown_to_the_channel(drift), unknown_to_the_channel(drift)

    with monkeypatch.context() as faulty:
        cannot_describe(faulty, {broken.id})
        assert reconcile_bookings(drift.hotel.channel_property, DRY).flagged == 2
        assert not Conflict.objects.exists()
        for _ in range(2):
            run = reconcile_bookings(drift.hotel.channel_property, NOW)
        assert (run.status, run.flagged) == (RunStatus.DONE, 2)

    assert prices([pair]) == [PRICE]
    flagged = Conflict.objects.get(kind=ConflictKind.UNREADABLE)
    assert (flagged.subject, flagged.severity) == (f"reservation:{broken.id}", "high")
    assert flagged.pms_side == {"reservation_id": str(broken.id), "error": "ValueError"}
    assert Conflict.objects.get(kind=ConflictKind.MISSING_AT_CHANNEL).subject == f"reservation:{missing.id}"

    reconcile_bookings(drift.hotel.channel_property, NOW)
    flagged.refresh_from_db()
    assert (flagged.status, flagged.resolution) == (ConflictStatus.RESOLVED, "gone")
    assert Conflict.objects.filter(kind=ConflictKind.MISSING_AT_CHANNEL, status=ConflictStatus.OPEN).count() == 2


def test_what_cannot_be_read_has_no_side_to_take(drift: Drift, monkeypatch: pytest.MonkeyPatch) -> None:
    cannot_describe(monkeypatch, {unknown_to_the_channel(drift).id})
    reconcile_bookings(drift.hotel.channel_property, NOW)
    flagged = Conflict.objects.get()

    for resolution in (Resolution.TAKE_CHANNEL, Resolution.KEEP_PMS):
        with pytest.raises(ResolutionImpossible):
            resolve_conflict(flagged.id, resolution, by="nina")
    resolve_conflict(flagged.id, Resolution.DISMISS, by="nina")
    reconcile_bookings(drift.hotel.channel_property, NOW)

    assert not Conflict.objects.filter(status=ConflictStatus.OPEN).exists()


@pytest.mark.parametrize("after", [0, 2])
def test_a_port_that_fails_for_no_single_one_ends_the_run_failed_when_all_are_compared(
    drift: Drift, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, after: int
) -> None:
    pairs = [cheaper(drift) for _ in range(4)]
    arriving = Pms.arriving_reservations

    def faulty(pms: Pms, property_id: UUID, first: date, last: date) -> Iterator[SharedReservation]:
        for number, reservation in enumerate(arriving(pms, property_id, first, last)):
            if number == after:
                raise KeyError("Lovelace")
            yield reservation

    with monkeypatch.context() as fault:
        fault.setattr(Pms, "arriving_reservations", faulty)
        with pytest.raises(ReservationsUnreadable):
            reconcile_bookings(drift.hotel.channel_property, NOW)

    run = ReconciliationRun.objects.get()
    assert run.status == RunStatus.FAILED
    assert "arriving_reservations raised KeyError" in run.last_error
    assert prices(pairs) == [PRICE] * 4
    assert "Lovelace" not in caplog.text + run.last_error
    alerts = [one for one in findings(health(), now=timezone.now()) if one.kind is AlertKind.RUN_FAILED]
    assert ["arriving_reservations raised KeyError" in one.message for one in alerts] == [True]

    # In one transaction, as here, all rows have the same time.
    ReconciliationRun.objects.update(created_at=timezone.now() - timedelta(minutes=20))
    reconcile_bookings(drift.hotel.channel_property, NOW)
    assert list(findings(health(), now=timezone.now())) == []


def test_a_port_that_reads_too_many_not_is_a_fault_of_the_port(drift: Drift, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "UNREADABLE_AT_MOST", 3)
    broken = [unknown_to_the_channel(drift).id for _ in range(4)]
    cannot_describe(monkeypatch, broken)

    with pytest.raises(ReservationsUnreadable):
        reconcile_bookings(drift.hotel.channel_property, NOW)

    run = ReconciliationRun.objects.get()
    assert (run.status, "ValueError" in run.last_error) == (RunStatus.FAILED, True)
    assert not Conflict.objects.exists()


@pytest.mark.parametrize(("kind", "method"), [("availability", "reserved"), ("rates", "nightly_rates")])
def test_a_port_that_fails_in_another_kind_of_run_ends_it_failed_and_is_alerted(
    drift: Drift, monkeypatch: pytest.MonkeyPatch, kind: str, method: str
) -> None:
    plan = RatePlanFactory(room_type=drift.hotel.double)
    RateMappingFactory(channel_property=drift.hotel.channel_property, internal_id=plan.id, external_id="2001:1")

    def faulty(*_: object) -> None:
        raise KeyError("Lovelace")

    monkeypatch.setattr(Pms, method, faulty)
    with pytest.raises(KeyError):
        RECONCILERS[ReconciliationKind(kind)](drift.hotel.channel_property, NOW)

    run = ReconciliationRun.objects.get()
    assert (run.kind, run.status, run.last_error) == (kind, RunStatus.FAILED, "KeyError")
    alerts = [one for one in findings(health(), now=timezone.now()) if one.kind is AlertKind.RUN_FAILED]
    assert [one.subject for one in alerts] == [f"{drift.hotel.channel_property.id}:{kind}"]


def test_a_database_that_goes_away_while_they_are_read_leaves_the_run_to_be_resumed(
    drift: Drift, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> Iterator[SharedReservation]:
        raise OperationalError("the server closed the connection")
        yield

    monkeypatch.setattr(Pms, "arriving_reservations", away)
    with pytest.raises(OperationalError):
        reconcile_bookings(drift.hotel.channel_property, NOW)

    assert ReconciliationRun.objects.get().status == RunStatus.RUNNING
