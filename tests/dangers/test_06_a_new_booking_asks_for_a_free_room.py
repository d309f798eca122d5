"""An OTA sold the last room, its webhook was seconds late, and the desk sold it too: both bookings stood."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import LazySettings

from channel_sync.connections.account import calling
from channel_sync.events.processing import process
from channel_sync.inbound.pull import pull_bookings
from channel_sync.models import (
    ChannelEvent,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EventStatus,
    EventType,
    HoldStatus,
    InventoryHold,
)
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import NewReservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything

pytestmark = pytest.mark.django_db


def sell_out(beds24: RunningSimulator) -> None:
    """An OTA sells every single room, and its webhooks do not come."""
    for _ in range(5):
        beds24.controls.book(roomId=2002, **stay())


def reserve_at_the_desk(connected: ConnectedHotel) -> Reservation:
    return create_reservation(NewReservation(connected.single.id, NIGHT, NIGHT + timedelta(days=2)))


def test_the_desk_is_refused_in_words_it_can_use(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    sell_out(beds24)
    reservation = reserve_at_the_desk(connected)

    work_everything()

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.FAILED
    assert "sold" in reservation.failure_reason
    assert "other dates or another room type" in reservation.failure_reason
    assert "retry" not in reservation.failure_reason.lower()
    assert InventoryHold.objects.get().status == HoldStatus.RELEASED


def test_no_overbooking_is_left(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    sell_out(beds24)
    reserve_at_the_desk(connected)

    work_everything()

    assert not Conflict.objects.filter(kind=ConflictKind.OVERBOOKING, status=ConflictStatus.OPEN).exists()
    assert len([booking for booking in beds24.bookings if booking["status"] != "cancelled"]) == 5
    assert units_at_beds24(beds24, 2002) == 0


def test_a_sale_that_waits_for_its_channel_overbooks_nothing(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """The conflict was opened, logged as an error and perhaps alerted, and closed as the channel refused the sale."""
    reservation = reserve_at_the_desk(connected)
    sell_out(beds24)
    # The OTA's bookings come in while the desk's reservation still waits under its hold.
    ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE).update(status=EventStatus.PROCESSING)
    with calling(connected.channel_property, is_urgent=True) as channel:
        pull_bookings(connected.channel_property, channel)
    ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE).update(status=EventStatus.RECEIVED)
    work_everything()

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.FAILED
    assert not Conflict.objects.filter(kind=ConflictKind.OVERBOOKING).exists()


def test_a_sale_that_the_channel_takes_without_a_room_is_an_overbooking_at_once(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "check_availability_at_channel": False}
    reserve_at_the_desk(connected)
    sell_out(beds24)
    ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE).update(status=EventStatus.PROCESSING)

    with calling(connected.channel_property, is_urgent=True) as channel:
        pull_bookings(connected.channel_property, channel)

    assert Conflict.objects.filter(kind=ConflictKind.OVERBOOKING, status=ConflictStatus.OPEN).exists()


def test_a_room_that_is_free_is_sold(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    reservation = reserve_at_the_desk(connected)

    work_everything()

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.CONFIRMED
    (call,) = beds24.posts("/bookings")
    assert call["body"][0]["actions"] == {"checkAvailability": True}


def test_the_desk_is_told_at_once_and_the_ota_s_bookings_are_taken_in(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    sell_out(beds24)
    reservation = reserve_at_the_desk(connected)

    process(ChannelEvent.objects.get(event_type=EventType.BOOKING_CREATE).id)

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.FAILED
    assert Reservation.objects.filter(status=ReservationStatus.CONFIRMED).count() == 5
    assert not Conflict.objects.filter(status=ConflictStatus.OPEN).exists()


def test_a_setting_asks_for_no_room(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "check_availability_at_channel": False}
    sell_out(beds24)
    reservation = reserve_at_the_desk(connected)

    work_everything()

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.CONFIRMED
    (call,) = beds24.posts("/bookings")
    assert "actions" not in call["body"][0]
    assert Conflict.objects.filter(kind=ConflictKind.OVERBOOKING, status=ConflictStatus.OPEN).exists()
