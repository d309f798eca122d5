"""A comparison that worked on a stale page cancelled a reservation that the channel had confirmed again meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from channel_sync.channels.canonical import BookingNotification
from channel_sync.events.processing import process
from channel_sync.models import (
    ChannelEvent,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EventStatus,
    EventType,
    ReservationLink,
)
from channel_sync.reconciliation import bookings
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import cancel_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, one_round, stay, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import EventFactory, ReservationFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


def apply_webhook(hotel: ConnectedHotel, booking: dict[str, Any]) -> None:
    shown = {name: value for name, value in booking.items() if name != "infoItems"}
    event = EventFactory(
        channel_property=hotel.channel_property,
        event_type=EventType.BOOKING_MODIFIED,
        entity_external_id=str(booking["id"]),
        payload={"booking": shown, "infoItems": []},
    )
    process(event.id)


def between_reading_and_acting(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]) -> None:
    """The comparison has read the bookings, and has not acted yet."""
    read = bookings._present

    def read_then_it_happens(*args: Any) -> Any:
        found: dict[str, BookingNotification] = dict(read(*args))
        happens()
        return found

    monkeypatch.setattr(bookings, "_present", read_then_it_happens)


def test_a_booking_confirmed_again_meanwhile_stays_confirmed(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = beds24.controls.book(roomId=2001, **stay())
    booking["modifiedTime"] = "2026-11-01T10:00:00Z"
    apply_webhook(hotel, booking)
    stored = beds24.simulator.state.bookings[booking["id"]]
    stored |= {"status": "cancelled", "modifiedTime": "2026-11-01T10:05:00Z"}

    def confirmed_again() -> None:
        stored.update({"status": "confirmed", "modifiedTime": "2026-11-01T10:06:00Z"})
        apply_webhook(hotel, stored)

    between_reading_and_acting(monkeypatch, confirmed_again)
    run = reconcile_bookings(hotel.channel_property, NOW)
    work_everything()

    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED
    assert (run.fixed, run.flagged) == (0, 0)
    assert not Conflict.objects.exists()
    assert units_at_beds24(beds24) == 9


def test_a_price_that_is_newer_than_the_read_stands(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = beds24.controls.book(roomId=2001, price=200, **stay())
    booking["modifiedTime"] = "2026-11-01T10:00:00Z"
    apply_webhook(hotel, booking)
    stored = beds24.simulator.state.bookings[booking["id"]]
    stored.update({"price": 202, "modifiedTime": "2026-11-01T10:05:00Z"})

    def changed_again() -> None:
        stored.update({"price": 204, "modifiedTime": "2026-11-01T10:06:00Z"})
        apply_webhook(hotel, stored)

    between_reading_and_acting(monkeypatch, changed_again)
    reconcile_bookings(hotel.channel_property, NOW)

    assert Reservation.objects.get().price == 204


def test_what_we_sent_since_the_read_is_not_flagged(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    reservation = ReservationFactory(room_type=hotel.double, check_in=NIGHT, status="PENDING_SYNC")
    work_everything()
    Reservation.objects.update(check_out=NIGHT.replace(year=NIGHT.year + 1))

    def sent() -> None:
        changed = Reservation.objects.get(id=reservation.id)
        changed.notes = "now everything is sent"
        changed.save()
        work_everything()

    between_reading_and_acting(monkeypatch, sent)
    run = reconcile_bookings(hotel.channel_property, NOW)

    assert (run.fixed, run.flagged) == (0, 0)


def test_a_cancellation_that_gave_up_is_flagged(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    reservation = ReservationFactory(room_type=hotel.double, check_in=NIGHT, status="PENDING_SYNC")
    work_everything()
    cancel_reservation(reservation.id)
    ChannelEvent.objects.filter(event_type=EventType.BOOKING_CANCEL).update(status=EventStatus.FAILED)

    run = reconcile_bookings(hotel.channel_property, NOW)

    assert (run.fixed, run.flagged) == (0, 1)
    assert Conflict.objects.get(status=ConflictStatus.OPEN).kind == ConflictKind.STATUS


def test_a_booking_that_failed_is_tried_again_and_not_failed_again_and_again(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise ValueError("this host has a fault")

    booking = beds24.controls.book(roomId=2001, **stay())
    with monkeypatch.context() as faulty:
        faulty.setattr(Pms, "create_reservations", refuse)
        for _ in range(3):
            reconcile_bookings(hotel.channel_property, NOW)
            for _ in range(4):
                one_round()
        failed = ChannelEvent.objects.get()
        assert (failed.status, failed.entity_external_id) == (EventStatus.FAILED, str(booking["id"]))

    run = reconcile_bookings(hotel.channel_property, NOW)

    failed.refresh_from_db()
    assert (run.fixed, failed.status) == (1, EventStatus.DONE)
    assert ReservationLink.objects.get().external_id == str(booking["id"])
