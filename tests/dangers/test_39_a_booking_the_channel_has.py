"""A reservation that failed is booked again, and the channel has its booking, or had it, all the time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.canonical import BookingWrite, WriteResult
from channel_sync.inventory.reaper import expire_holds
from channel_sync.inventory.reopening import Reopened
from channel_sync.models import (
    ChannelEvent,
    EventStatus,
    HoldStatus,
    InventoryHold,
)
from channel_sync.operations import book_again as book_again_module
from channel_sync.operations.book_again import book_again
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import (
    change_reservation,
)
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.desk_sales import (
    ALL_ROOMS,
    REFUSED,
    assert_booked_once,
    fix,
    free,
    passes,
    refuse_an_address,
    refused,
    reserve,
    state,
    try_once,
)
from tests.dangers.working import units_at_beds24, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> ConnectedHotel:
    """A hotel at a channel that refuses one address."""
    plenty_of_credits(beds24.simulator.state, connected)
    refuse_an_address(monkeypatch)
    return connected


@pytest.fixture
def failed(hotel: ConnectedHotel) -> Reservation:
    """Refused for the address of its guest."""
    return refused(hotel)


@pytest.fixture
def unseen(settings: LazySettings) -> None:
    """No pull shows what the channel has before it is pushed."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pull_before_push": False}


def test_a_lost_answer_is_found_when_it_is_booked_again(
    hotel: ConnectedHotel, beds24: RunningSimulator, strict_holds: None
) -> None:
    """Sent, its answer lost, failed at expiry: the channel has the booking all the time."""
    reservation = reserve(hotel)
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    try_once()
    assert len(beds24.bookings) == 1
    passes(timedelta(minutes=16))
    assert expire_holds() == 1
    assert state(reservation) == (ReservationStatus.FAILED, HoldStatus.EXPIRED)

    book_again(reservation.id, by="ada")
    work_everything()

    assert_booked_once(reservation, beds24)
    assert free(hotel) == ALL_ROOMS - 1


@pytest.mark.usefixtures("unseen")
@pytest.mark.parametrize("fixed", [False, True])
def test_a_create_whose_answer_was_lost_and_that_was_then_refused_is_not_doubled(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, fixed: bool
) -> None:
    reservation = reserve(hotel)
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    try_once()
    change_reservation(reservation.id, {"guest": {"email": REFUSED}})
    try_once()
    assert state(reservation)[0] == ReservationStatus.FAILED
    assert len(beds24.bookings) == 1
    if fixed:
        fix(reservation)

    book_again(reservation.id, by="ada")
    work_everything()

    if fixed:
        assert_booked_once(reservation, beds24)
    else:
        assert state(reservation)[0] == ReservationStatus.FAILED
        assert [booking["status"] for booking in beds24.bookings] == ["cancelled"], "nobody comes"


@pytest.mark.usefixtures("unseen")
def test_it_is_booked_again_after_the_channel_was_made_to_cancel_it(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    reservation = reserve(hotel)
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    try_once()
    change_reservation(reservation.id, {"guest": {"email": REFUSED}})
    work_everything()
    assert state(reservation)[0] == ReservationStatus.FAILED
    assert [booking["status"] for booking in beds24.bookings] == ["cancelled"]
    fix(reservation)

    book_again(reservation.id, by="ada")
    work_everything()

    assert_booked_once(reservation, beds24)
    assert units_at_beds24(beds24) == ALL_ROOMS - 1


def test_a_crash_between_the_click_and_the_commit_leaves_it_failed(
    failed: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix(failed)
    with monkeypatch.context() as dying:
        dying.setattr(book_again_module, "note", _die)
        with pytest.raises(SystemExit):
            book_again(failed.id, by="ada")
    assert state(failed) == (ReservationStatus.FAILED, HoldStatus.RELEASED)
    assert free(hotel) == ALL_ROOMS
    work_everything()
    assert beds24.bookings == []

    book_again(failed.id, by="ada")
    work_everything()
    assert_booked_once(failed, beds24)


def test_a_crash_after_the_channel_has_taken_it_does_not_double_it(
    failed: Reservation, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    fix(failed)
    book_again(failed.id, by="ada")
    write = Beds24Channel.write_bookings

    def dies(channel: Beds24Channel, writes: Sequence[BookingWrite], **options: Any) -> Sequence[WriteResult]:
        write(channel, writes, **options)
        raise SystemExit

    with monkeypatch.context() as dying:
        dying.setattr(Beds24Channel, "write_bookings", dies)
        with pytest.raises(SystemExit):
            try_once()
    assert len(beds24.bookings) == 1
    held = ChannelEvent.objects.filter(status=EventStatus.PROCESSING)
    held.update(status=EventStatus.RETRYING, lease_holder=None, lease_expires_at=None)

    work_everything()
    assert_booked_once(failed, beds24)


def test_a_booking_that_the_channel_has_is_only_confirmed(
    hotel: ConnectedHotel, beds24: RunningSimulator, strict_holds: None
) -> None:
    """It was confirmed too late and its room sold; before it is taken back there, the room is free again."""
    reservation = reserve(hotel)
    work_everything()
    InventoryHold.objects.update(status=HoldStatus.RELEASED)
    Reservation.objects.filter(id=reservation.id).update(status=ReservationStatus.FAILED, failure_reason="late")
    beds24.controls.forget_calls()

    assert book_again(reservation.id, by="ada") is Reopened.CONFIRMED
    assert state(reservation) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)

    work_everything()
    assert_booked_once(reservation, beds24)
    assert beds24.posts("/bookings") == []


def _die(*_: object, **__: object) -> None:
    raise SystemExit
