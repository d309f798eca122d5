"""The channel was silent for a quarter of an hour: the desk's sale failed, and its room was sold again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channel_sync.connections.account import calling
from channel_sync.connections.mapped_rooms import channel_rooms
from channel_sync.database_clock import database_now
from channel_sync.inventory.holds import get_active_holds
from channel_sync.inventory.reaper import expire_holds
from channel_sync.models import (
    CapturedChange,
    ChannelAccount,
    ChannelEvent,
    HoldStatus,
    InventoryHold,
)
from channel_sync.operations.event_actions import ignore_event
from channel_sync.operations.properties import pause
from channel_sync.outbound import booking_batch
from channel_sync.outbound.units import offer
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.errors import NotEnoughRooms, ReservationClosed
from pms_project.pms.services.reservations import (
    cancel_reservation,
    change_reservation,
)
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.desk_sales import (
    ALL_ROOMS,
    HOUR,
    QUARTER,
    alerts,
    create_event,
    free,
    passes,
    reserve,
    state,
    try_once,
)
from tests.dangers.working import LONG_AGO, NIGHT, one_round, resume_and_go_live, units_at_beds24, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


@pytest.fixture
def silent(hotel: ConnectedHotel, beds24: RunningSimulator) -> Reservation:
    """All double rooms sold at the desk to one group, and a channel that does not answer."""
    beds24.controls.fail_next(kind="status", status=503, times=100)
    reservation = reserve(hotel, units=ALL_ROOMS)
    try_once()
    return reservation


def answers_again(beds24: RunningSimulator) -> None:
    beds24.controls.clear_faults()


def test_a_sale_stands_while_the_channel_is_silent_and_goes_out_when_it_is_back(
    silent: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    passes(QUARTER)
    assert free(hotel) == 0, "there is no moment before the reaper in which the room could be sold"
    assert expire_holds() == 0

    assert state(silent) == (ReservationStatus.PENDING_SYNC, HoldStatus.ACTIVE)
    hold = InventoryHold.objects.get()
    left = hold.hold_expires_at - database_now()
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)
    assert silent.hold_expires_at == hold.hold_expires_at
    with pytest.raises(NotEnoughRooms):
        reserve(hotel)

    answers_again(beds24)
    work_everything()

    assert state(silent) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)
    assert [(one["status"], one["roomQty"]) for one in beds24.bookings] == [("confirmed", ALL_ROOMS)]
    assert (free(hotel), units_at_beds24(beds24)) == (0, 0)


def test_a_sale_stands_for_as_long_as_the_channel_is_silent(silent: Reservation, hotel: ConnectedHotel) -> None:
    for _ in range(5):
        passes(QUARTER)
        assert free(hotel) == 0
        try_once()
        assert expire_holds() == 0

    assert state(silent) == (ReservationStatus.PENDING_SYNC, HoldStatus.ACTIVE)


@pytest.mark.usefixtures("strict_holds")
def test_by_the_strict_policy_it_fails_and_the_room_is_free_at_once(
    silent: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    passes(QUARTER)
    assert free(hotel) == ALL_ROOMS
    assert alerts() == []
    assert expire_holds() == 1

    assert state(silent) == (ReservationStatus.FAILED, HoldStatus.EXPIRED)
    answers_again(beds24)
    work_everything()
    assert beds24.bookings == []
    assert silent.failure_reason.startswith("The channel did not confirm in time")


def test_without_beat_for_an_hour_nobody_can_sell_the_room(
    silent: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    passes(HOUR)

    assert free(hotel) == 0
    with pytest.raises(NotEnoughRooms):
        reserve(hotel)
    assert [one.reservation_id for one in get_active_holds(silent.id)] == [silent.id]

    answers_again(beds24)
    work_everything()
    assert state(silent) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)
    assert len(beds24.bookings) == 1


def test_the_channel_is_sent_no_room_that_waits(
    silent: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    passes(HOUR)
    answers_again(beds24)
    ChannelAccount.objects.update(probe_at=LONG_AGO)
    room_type_id = hotel.double.id

    with calling(hotel.channel_property) as channel:
        rooms = channel_rooms(hotel.channel_property, [room_type_id])
        pushed = offer(hotel.channel_property, channel, rooms, {room_type_id: [NIGHT]}).units
    assert pushed == {room_type_id: {NIGHT: 0}}

    work_everything()
    assert units_at_beds24(beds24) == 0


def test_a_sale_in_a_pause_stands_until_the_property_is_resumed(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    reservation = reserve(hotel, units=ALL_ROOMS)
    pause(hotel.channel_property, by="ada")
    try_once()
    passes(HOUR)
    assert expire_holds() == 0
    assert (state(reservation)[0], free(hotel)) == (ReservationStatus.PENDING_SYNC, 0)
    passes(QUARTER)
    (found,) = alerts()
    assert "the property to be resumed" in found.message

    resume_and_go_live(hotel.channel_property)
    work_everything()

    assert state(reservation) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)
    assert len(beds24.bookings) == 1


def test_a_sale_whose_stay_ended_in_a_pause_took_place(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    reservation = reserve(hotel)
    pause(hotel.channel_property, by="ada")
    events = [create_event(reservation).id]
    monkeypatch.setattr(booking_batch, "_ended_while_it_waited", lambda event, *_: event.id in events)

    resume_and_go_live(hotel.channel_property)
    work_everything()

    assert state(reservation) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)
    assert beds24.bookings == []


def test_a_refusal_fails_and_releases_after_the_silence_too(
    silent: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    passes(QUARTER)
    expire_holds()
    answers_again(beds24)
    beds24.controls.fail_next(kind="status", status=400, method="POST", path="/bookings")

    work_everything()

    assert state(silent) == (ReservationStatus.FAILED, HoldStatus.RELEASED)
    assert free(hotel) == ALL_ROOMS


def test_a_stay_is_changed_and_cancelled_while_it_waits(silent: Reservation, hotel: ConnectedHotel) -> None:
    passes(HOUR)

    change_reservation(silent.id, {"units": 4})
    assert free(hotel) == ALL_ROOMS - 4

    cancel_reservation(silent.id)
    assert (state(silent), free(hotel)) == ((ReservationStatus.CANCELLED, HoldStatus.RELEASED), ALL_ROOMS)


@pytest.mark.usefixtures("strict_holds")
def test_by_the_strict_policy_a_stay_that_is_held_no_more_is_not_changed(silent: Reservation) -> None:
    passes(HOUR)

    with pytest.raises(ReservationClosed):
        change_reservation(silent.id, {"units": 4})


def test_a_hold_without_an_event_expires(hotel: ConnectedHotel) -> None:
    """Nobody is to confirm it: it keeps its room until the reaper comes, and no longer."""
    reservation = reserve(hotel, units=ALL_ROOMS)
    ChannelEvent.objects.all().delete()
    passes(QUARTER)
    assert free(hotel) == 0

    assert expire_holds() == 1

    assert (state(reservation), free(hotel)) == ((ReservationStatus.FAILED, HoldStatus.EXPIRED), ALL_ROOMS)


def test_a_sale_that_is_only_captured_yet_is_on_its_way(hotel: ConnectedHotel) -> None:
    reservation = reserve(hotel)
    ChannelEvent.objects.all().delete()
    passes(QUARTER)
    CapturedChange.objects.create(
        model="pms.Reservation", operation="INSERT", row_pk=str(reservation.id), transaction_id=1
    )

    assert expire_holds() == 0


def test_a_hold_whose_event_was_ignored_expires(silent: Reservation, hotel: ConnectedHotel) -> None:
    ignore_event(create_event(silent), by="ada", reason="entered twice")
    passes(QUARTER)

    assert expire_holds() == 1

    assert (state(silent), free(hotel)) == ((ReservationStatus.FAILED, HoldStatus.EXPIRED), ALL_ROOMS)


def test_an_extended_hold_is_the_same_for_two_reapers(silent: Reservation) -> None:
    passes(QUARTER)

    assert (expire_holds(), expire_holds()) == (0, 0)

    assert InventoryHold.objects.count() == 1
    assert one_round()
    assert state(silent)[0] == ReservationStatus.PENDING_SYNC
