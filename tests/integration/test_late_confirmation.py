"""A hold expires while its reservation waits for Beds24: who gets the room, and what happens to the booking."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.canonical import BookingWrite, WriteResult
from channel_sync.events.processing import process
from channel_sync.events.store import hand_over
from channel_sync.inventory.availability import check_availability
from channel_sync.inventory.holds import create_hold
from channel_sync.inventory.reaper import expire_holds
from channel_sync.models import (
    ChannelAccount,
    ChannelEvent,
    Conflict,
    ConflictKind,
    EventStatus,
    EventType,
    HoldStatus,
    InventoryHold,
)
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import (
    NewReservation,
    cancel_reservation,
    change_reservation,
    create_reservation,
)
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import ReservationFactory

# Where a sale stands until the channel answers, no room is sold behind its back: tests/dangers/test_38.
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("strict_holds")]

CHECK_IN = date.today() + timedelta(days=30)
CHECK_OUT = CHECK_IN + timedelta(days=2)
LATER = timedelta(minutes=16)


@pytest.fixture
def pending(connected: ConnectedHotel) -> Reservation:
    return create_reservation(NewReservation(connected.double.id, CHECK_IN, CHECK_OUT))


def work_bookings() -> None:
    """Work the booking events that wait, as the worker does."""
    ChannelEvent.objects.filter(status=EventStatus.RETRYING).update(next_attempt_at="2020-01-01T00:00Z")
    ChannelAccount.objects.update(probe_at="2020-01-01T00:00Z")
    hand_over()
    waiting = ChannelEvent.objects.filter(status__in=[EventStatus.RECEIVED, EventStatus.RETRYING])
    for event in waiting.filter(entity_type="booking", direction="outbound").order_by("received_at"):
        process(event.id)


def expire(*, reap: bool = True) -> None:
    InventoryHold.objects.update(hold_expires_at=timezone.now() - timedelta(minutes=1))
    if reap:
        expire_holds()


def sell_out(hotel: ConnectedHotel) -> None:
    ReservationFactory(room_type=hotel.double, check_in=CHECK_IN, check_out=CHECK_OUT, units=hotel.double.units)


def after_the_call(monkeypatch: pytest.MonkeyPatch, happens: Any) -> None:
    """Let something happen when Beds24 has the booking and the worker does not know it yet."""
    write = Beds24Channel.write_bookings

    def slow(channel: Beds24Channel, writes: Sequence[BookingWrite], **options: Any) -> Sequence[WriteResult]:
        results = write(channel, writes, **options)
        monkeypatch.setattr(Beds24Channel, "write_bookings", write)
        happens()
        return results

    monkeypatch.setattr(Beds24Channel, "write_bookings", slow)


def state(reservation: Reservation) -> tuple[str, str]:
    reservation.refresh_from_db()
    return reservation.status, InventoryHold.objects.get().status or ""


def test_a_confirmation_in_time_confirms_both(pending: Reservation, connected: ConnectedHotel) -> None:
    assert state(pending) == (ReservationStatus.PENDING_SYNC, HoldStatus.ACTIVE)

    work_bookings()

    assert state(pending) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)
    assert pending.hold_expires_at is None
    assert check_availability(connected.double.id, CHECK_IN, CHECK_OUT) == 9


def test_a_refusal_releases_the_hold(pending: Reservation, beds24: RunningSimulator) -> None:
    beds24.controls.fail_next(kind="status", status=400, method="POST", path="/bookings")

    work_bookings()

    assert state(pending) == (ReservationStatus.FAILED, HoldStatus.RELEASED)


@pytest.mark.usefixtures("connected")
def test_the_reaper_settles_the_reservation_with_its_hold_and_is_safe_twice(pending: Reservation) -> None:
    assert expire_holds() == 0
    assert expire_holds(now=timezone.now() + LATER) == 1
    assert expire_holds(now=timezone.now() + LATER) == 0

    assert state(pending) == (ReservationStatus.FAILED, HoldStatus.EXPIRED)
    assert "did not confirm in time" in pending.failure_reason


def test_a_reservation_with_another_active_hold_waits_on(pending: Reservation) -> None:
    now = timezone.now() + LATER
    create_hold(pending.id, pending.room_type_id, CHECK_IN, CHECK_OUT, now=now)

    assert expire_holds(now=now) == 1

    pending.refresh_from_db()
    assert pending.status == ReservationStatus.PENDING_SYNC


def test_an_expired_hold_is_free_before_the_reaper_comes(pending: Reservation, connected: ConnectedHotel) -> None:
    expire(reap=False)

    assert check_availability(connected.double.id, CHECK_IN, CHECK_OUT) == 10


def test_what_expired_before_it_was_sent_is_never_sent(pending: Reservation, beds24: RunningSimulator) -> None:
    expire()

    work_bookings()

    assert beds24.bookings == []
    assert state(pending) == (ReservationStatus.FAILED, HoldStatus.EXPIRED)


def test_a_reservation_whose_event_gave_up_does_not_wait_for_ever(
    pending: Reservation, beds24: RunningSimulator
) -> None:
    beds24.controls.fail_next(kind="status", status=500, times=20)
    ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE).update(max_attempts=1)
    work_bookings()
    assert ChannelEvent.objects.get(event_type=EventType.BOOKING_CREATE).status == EventStatus.FAILED
    assert state(pending)[0] == ReservationStatus.PENDING_SYNC

    expire()

    assert state(pending) == (ReservationStatus.FAILED, HoldStatus.EXPIRED)


@pytest.mark.parametrize("reap", [True, False])
def test_a_late_confirmation_of_a_free_room_confirms(
    pending: Reservation, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, reap: bool
) -> None:
    after_the_call(monkeypatch, lambda: expire(reap=reap))

    work_bookings()
    work_bookings()

    assert state(pending) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)
    assert [booking["status"] for booking in beds24.bookings] == ["confirmed"]
    assert not Conflict.objects.exists()


@pytest.mark.parametrize("reap", [True, False])
def test_a_late_confirmation_of_a_room_that_was_sold_is_taken_back(
    pending: Reservation,
    connected: ConnectedHotel,
    beds24: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    reap: bool,
) -> None:
    def happens() -> None:
        expire(reap=reap)
        sell_out(connected)

    after_the_call(monkeypatch, happens)
    work_bookings()
    assert state(pending)[0] == ReservationStatus.FAILED

    work_bookings()

    assert [booking["status"] for booking in beds24.bookings if booking["roomQty"] == 1] == ["cancelled"]
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.severity) == (ConflictKind.LATE_CONFIRMATION, "high")
    assert conflict.pms_side["reservation_id"] == str(pending.id)
    assert check_availability(connected.double.id, CHECK_IN, CHECK_OUT) == 0


@pytest.mark.parametrize("is_sold", [False, True])
def test_a_lost_answer_that_is_found_after_the_expiry_is_a_late_confirmation(
    pending: Reservation, connected: ConnectedHotel, beds24: RunningSimulator, is_sold: bool
) -> None:
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    work_bookings()
    expire()
    if is_sold:
        sell_out(connected)

    work_bookings()
    work_bookings()

    (ours,) = [booking for booking in beds24.bookings if booking["roomQty"] == 1]
    expected = (ReservationStatus.FAILED, "cancelled") if is_sold else (ReservationStatus.CONFIRMED, "confirmed")
    assert (state(pending)[0], ours["status"]) == expected
    assert Conflict.objects.exists() is is_sold


def test_a_change_of_a_pending_reservation_moves_its_hold(pending: Reservation, connected: ConnectedHotel) -> None:
    change_reservation(pending.id, {"check_out": CHECK_OUT + timedelta(days=1), "units": 2})

    hold = InventoryHold.objects.get()
    assert (hold.check_out, hold.units_held) == (CHECK_OUT + timedelta(days=1), 2)
    assert check_availability(connected.double.id, CHECK_OUT, CHECK_OUT + timedelta(days=1)) == 8


def test_a_cancelled_pending_reservation_gives_its_hold_back(pending: Reservation, connected: ConnectedHotel) -> None:
    cancel_reservation(pending.id)

    assert state(pending) == (ReservationStatus.CANCELLED, HoldStatus.RELEASED)
    assert check_availability(connected.double.id, CHECK_IN, CHECK_OUT) == 10
