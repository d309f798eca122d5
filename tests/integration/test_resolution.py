"""What a person decides about a conflict is done."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from channel_sync.errors import ConflictClosed, ResolutionImpossible
from channel_sync.events.processing import process
from channel_sync.models import ChannelEvent, Conflict, ConflictKind, ConflictStatus, EventStatus
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.resolution import Resolution, resolve_conflict
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import Reservation
from pms_project.pms.services.reservations import NewReservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import Drift, do_not_wait, plenty_of_credits

pytestmark = pytest.mark.django_db


@pytest.fixture
def drift(connected: ConnectedHotel, beds24: RunningSimulator) -> Drift:
    plenty_of_credits(beds24.simulator.state, connected)
    return Drift(connected, beds24.simulator.state)


def flagged(drift: Drift) -> Conflict:
    reconcile_bookings(drift.hotel.channel_property, RunOptions(wait=do_not_wait))
    return Conflict.objects.get(status=ConflictStatus.OPEN)


def work() -> None:
    for event in ChannelEvent.objects.filter(status=EventStatus.RECEIVED).order_by("received_at"):
        process(event.id)


def test_taking_the_channels_side_changes_the_reservation(drift: Drift) -> None:
    pair = drift.pair()
    pair.at_beds24(departure=str(pair.reservation.check_out + timedelta(days=1)), price=250)

    reconcile_bookings(drift.hotel.channel_property, RunOptions(wait=do_not_wait))
    dates = Conflict.objects.get(kind=ConflictKind.DATES)

    resolved = resolve_conflict(dates.id, Resolution.TAKE_CHANNEL, by="clerk")

    stay = Reservation.objects.get()
    assert (stay.check_out, stay.price) == (pair.reservation.check_out + timedelta(days=1), Decimal(250))
    assert (resolved.status, resolved.resolution, resolved.resolved_by) == ("resolved", "take_channel", "clerk")


def test_taking_the_channels_side_undoes_a_silent_change_of_the_pms(drift: Drift) -> None:
    """The channel has what the PMS once sent; applied again it must not be taken for an echo."""
    check_in = drift.today + timedelta(days=10)
    made = create_reservation(NewReservation(drift.hotel.double.id, check_in, check_in + timedelta(days=2)))
    work()
    Reservation.objects.filter(id=made.id).update(check_out=check_in + timedelta(days=5))

    resolve_conflict(flagged(drift).id, Resolution.TAKE_CHANNEL, by="clerk")

    assert Reservation.objects.get().check_out == check_in + timedelta(days=2)


def test_keeping_the_pms_changes_the_booking(drift: Drift) -> None:
    pair = drift.pair()
    pair.at_beds24(departure=str(pair.reservation.check_out + timedelta(days=1)))

    resolve_conflict(flagged(drift).id, Resolution.KEEP_PMS, by="clerk")
    work()

    assert drift.state.bookings[pair.booking["id"]]["departure"] == str(pair.reservation.check_out)
    reconcile_bookings(drift.hotel.channel_property, RunOptions(wait=do_not_wait))
    assert not Conflict.objects.filter(status=ConflictStatus.OPEN).exists()


def test_keeping_a_reservation_that_the_channel_lost_books_it_again(drift: Drift) -> None:
    drift.gone_at_beds24()

    resolve_conflict(flagged(drift).id, Resolution.KEEP_PMS, by="clerk")
    work()

    (booking,) = drift.state.bookings.values()
    assert booking["lastName"] == "Hopper"


def test_keeping_a_cancellation_cancels_the_booking(drift: Drift) -> None:
    drift.cancelled_in_pms()

    resolve_conflict(flagged(drift).id, Resolution.KEEP_PMS, by="clerk")
    work()

    assert [booking["status"] for booking in drift.state.bookings.values()] == ["cancelled"]


def test_a_dismissed_conflict_leaves_both_sides(drift: Drift) -> None:
    drift.other_guest()

    conflict = resolve_conflict(flagged(drift).id, Resolution.DISMISS, by="clerk")

    assert conflict.status == ConflictStatus.DISMISSED
    assert not ChannelEvent.objects.exists()
    with pytest.raises(ConflictClosed, match="is dismissed already"):
        resolve_conflict(conflict.id, Resolution.KEEP_PMS, by="clerk")


@pytest.mark.parametrize("kind", [ConflictKind.OVERBOOKING, ConflictKind.AVAILABILITY])
def test_a_side_that_has_nothing_to_take_over_is_refused(drift: Drift, kind: ConflictKind) -> None:
    conflict = Conflict.objects.create(
        channel_property=drift.hotel.channel_property, kind=kind, severity="high", subject=f"x:{uuid4()}"
    )

    with pytest.raises(ResolutionImpossible, match=kind):
        resolve_conflict(conflict.id, Resolution.TAKE_CHANNEL, by="clerk")

    conflict.refresh_from_db()
    assert conflict.status == ConflictStatus.OPEN
