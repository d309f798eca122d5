"""A reservation changes while a call about it is under way: afterwards the channel has its last state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.canonical import BookingWrite, WriteResult
from channel_sync.events.processing import process
from channel_sync.models import OPEN_STATUSES, ChannelEvent, EntityType, EventStatus
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import ReservationFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db(transaction=True)

Meanwhile = Callable[[Callable[[], None]], None]


def work_all() -> None:
    """Every event until none is open, those that are tried again as if their time had come."""
    for _ in range(40):
        ChannelEvent.objects.filter(status=EventStatus.RETRYING).update(published_at=timezone.now())
        waiting = list(ChannelEvent.objects.filter(status__in=OPEN_STATUSES).order_by("status", "received_at"))
        if not waiting:
            return
        for event in waiting:
            process(event.id)


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Meanwhile:
    """Have the desk do something, once, after Beds24 has taken the next write and before its answer is settled."""
    waiting: list[Callable[[], None]] = []
    write_bookings = Beds24Channel.write_bookings

    def write(channel: Beds24Channel, writes: Sequence[BookingWrite], *, idempotency_key: str) -> Sequence[WriteResult]:
        results = write_bookings(channel, writes, idempotency_key=idempotency_key)
        while waiting:
            waiting.pop()()
        return results

    monkeypatch.setattr(Beds24Channel, "write_bookings", write)
    return waiting.append


def reserve(connected: ConnectedHotel) -> Reservation:
    arrival = timezone.localdate() + timedelta(days=30)
    made: Reservation = ReservationFactory(
        room_type=connected.double,
        status=ReservationStatus.CONFIRMED,
        check_in=arrival,
        check_out=arrival + timedelta(days=2),
        price=Decimal(100),
    )
    return made


def change(reservation: Reservation, **fields: Any) -> None:
    found = Reservation.objects.get(id=reservation.id)
    for name, value in fields.items():
        setattr(found, name, value)
    found.save()


def test_a_price_that_goes_back(connected: ConnectedHotel, beds24: RunningSimulator, meanwhile: Meanwhile) -> None:
    reservation = reserve(connected)
    work_all()
    change(reservation, price=Decimal(250))
    meanwhile(lambda: change(reservation, price=Decimal(100)))

    work_all()

    assert [booking["price"] for booking in beds24.bookings] == [100.0]


def test_a_cancellation_that_is_taken_back(
    connected: ConnectedHotel, beds24: RunningSimulator, meanwhile: Meanwhile
) -> None:
    reservation = reserve(connected)
    work_all()
    change(reservation, status=ReservationStatus.CANCELLED)
    meanwhile(lambda: change(reservation, status=ReservationStatus.CONFIRMED))

    work_all()

    assert [booking["status"] for booking in beds24.bookings] == ["confirmed"]


@pytest.mark.parametrize("how", ["cancelled", "deleted"])
def test_a_reinstatement_that_is_taken_back(
    connected: ConnectedHotel, beds24: RunningSimulator, meanwhile: Meanwhile, how: str
) -> None:
    reservation = reserve(connected)
    work_all()
    change(reservation, status=ReservationStatus.CANCELLED)
    work_all()
    change(reservation, status=ReservationStatus.CONFIRMED)
    if how == "deleted":
        meanwhile(lambda: Reservation.objects.get(id=reservation.id).delete() and None)
    else:
        meanwhile(lambda: change(reservation, status=ReservationStatus.CANCELLED))

    work_all()

    assert [booking["status"] for booking in beds24.bookings] == ["cancelled"]


def test_a_new_booking_that_becomes_an_inquiry(
    connected: ConnectedHotel, beds24: RunningSimulator, meanwhile: Meanwhile
) -> None:
    reservation = reserve(connected)
    meanwhile(lambda: change(reservation, status=ReservationStatus.INQUIRY))

    work_all()

    assert [booking["status"] for booking in beds24.bookings] == ["inquiry"]


def test_a_new_booking_that_moves_to_an_unmapped_room_type_is_an_open_case(
    connected: ConnectedHotel, beds24: RunningSimulator, meanwhile: Meanwhile
) -> None:
    attic = RoomTypeFactory(hotel=connected.hotel, name="Attic", units=3)
    reservation = reserve(connected)
    meanwhile(lambda: change(reservation, room_type=attic))

    work_all()

    (failed,) = ChannelEvent.objects.filter(entity_type=EntityType.BOOKING, status=EventStatus.FAILED)
    assert "Attic" in (failed.last_error or "") or str(attic.id) in (failed.last_error or "")
    assert len(beds24.bookings) == 1
