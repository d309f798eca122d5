"""A booking of an OTA was cancelled at the desk: the room was sold again, and the OTA's guest came all the same."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import User
from rest_framework.test import APIClient

from channel_sync.inventory.availability import check_availability, free_units
from channel_sync.models import ChannelClaim, Conflict, ConflictKind, ConflictStatus
from channel_sync.outbound.cancelled_here import cancellation_warning
from channel_sync.outbound.changes import consume_captured
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.resolution import Resolution, resolve_conflict
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import (
    NewReservation,
    cancel_reservation,
    change_reservation,
    create_reservation,
)
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, hours_pass, webhook_of
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db

UNTIL = NIGHT + timedelta(days=2)
LATER = timedelta(minutes=10)


@pytest.fixture
def sold(connected: ConnectedHotel, beds24: RunningSimulator) -> dict[str, Any]:
    """A booking of Booking.com that both sides have."""
    plenty_of_credits(beds24.simulator.state, connected)
    return booked(connected, beds24, channel="booking", apiReference="4711")


@pytest.fixture
def keeps_closed(settings: LazySettings) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "desk_cancellation": "keep_closed"}


def booked(connected: ConnectedHotel, beds24: RunningSimulator, **fields: Any) -> dict[str, Any]:
    made = beds24.controls.book(roomId=2001, price=240, **fields, **stay())
    webhook_of(connected, made)
    work_everything()
    return made


def cancelled_at_the_desk() -> None:
    cancel_reservation(Reservation.objects.get().id)
    work_everything()


def cancelled_by_the_ota(connected: ConnectedHotel, beds24: RunningSimulator, number: int) -> None:
    webhook_of(connected, at_beds24(beds24, number, after=LATER, status="cancelled"))
    work_everything()


def free(connected: ConnectedHotel) -> int:
    return check_availability(connected.double.id, NIGHT, UNTIL)


def conflict() -> Conflict:
    return Conflict.objects.get(kind=ConflictKind.CANCELLED_HERE)


def test_somebody_hears_what_to_do_at_which_ota(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator
) -> None:
    before = free(connected)
    cancelled_at_the_desk()

    found = conflict()
    assert beds24.bookings[0]["status"] == "cancelled"
    assert free(connected) == before + 1 == units_at_beds24(beds24)
    assert found.channel_side["ota_reference"] == "4711"
    assert "Booking.com" in found.channel_side["advice"]
    assert "advice" in found.next_step()


@pytest.mark.usefixtures("keeps_closed")
def test_the_room_stays_closed_until_the_ota_has_cancelled(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator
) -> None:
    before = free(connected)
    cancelled_at_the_desk()
    reconcile_availability(connected.channel_property)
    work_everything()
    assert free(connected) == before == units_at_beds24(beds24)
    assert conflict().status == ConflictStatus.OPEN

    cancelled_by_the_ota(connected, beds24, sold["id"])

    assert free(connected) == before + 1 == units_at_beds24(beds24)
    assert conflict().status == ConflictStatus.RESOLVED


@pytest.mark.usefixtures("keeps_closed")
@pytest.mark.parametrize("resolution", [Resolution.KEEP_PMS, Resolution.DISMISS])
def test_a_person_opens_the_room(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator, resolution: Resolution
) -> None:
    before = free(connected)
    cancelled_at_the_desk()

    resolve_conflict(conflict().id, resolution, by="ada")
    work_everything()

    assert free(connected) == before + 1 == units_at_beds24(beds24)
    assert not ChannelClaim.objects.exists()


@pytest.mark.usefixtures("keeps_closed")
def test_a_deleted_reservation_keeps_its_room_closed_too(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator
) -> None:
    before = free(connected)
    Reservation.objects.get().delete()
    work_everything()

    assert free(connected) == before == units_at_beds24(beds24)
    assert ChannelClaim.objects.get().reservation_id is None


@pytest.mark.usefixtures("keeps_closed")
def test_an_update_past_every_save_keeps_it_closed_too(connected: ConnectedHotel, sold: dict[str, Any]) -> None:
    before = free(connected)
    Reservation.objects.update(status=ReservationStatus.CANCELLED)
    consume_captured()
    work_everything()

    assert free(connected) == before
    assert conflict().status == ConflictStatus.OPEN


@pytest.mark.usefixtures("keeps_closed")
def test_a_reinstated_reservation_has_nothing_left_to_cancel(connected: ConnectedHotel, sold: dict[str, Any]) -> None:
    before = free(connected)
    cancelled_at_the_desk()
    reservation = Reservation.objects.get()
    reservation.status = ReservationStatus.CONFIRMED
    reservation.save()
    work_everything()

    assert conflict().status == ConflictStatus.RESOLVED
    assert free(connected) == before


def test_it_is_said_again_when_it_happens_again(connected: ConnectedHotel, sold: dict[str, Any]) -> None:
    cancelled_at_the_desk()
    resolve_conflict(conflict().id, Resolution.DISMISS, by="ada")
    reservation = Reservation.objects.get()
    for status in (ReservationStatus.CONFIRMED, ReservationStatus.CANCELLED):
        reservation.status = status
        reservation.save()
        work_everything()

    assert Conflict.objects.filter(kind=ConflictKind.CANCELLED_HERE, status=ConflictStatus.OPEN).count() == 1


def test_a_booking_without_an_ota_says_nothing(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    booked(connected, beds24, channel="direct")
    cancelled_at_the_desk()
    assert not Conflict.objects.exists()


def test_a_booking_of_the_desk_says_nothing(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    made = create_reservation(NewReservation(connected.double.id, NIGHT, UNTIL))
    work_everything()
    assert cancellation_warning(made.id) == ""
    cancelled_at_the_desk()
    assert not Conflict.objects.exists()


def test_a_cancellation_of_the_ota_says_nothing(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator
) -> None:
    cancelled_by_the_ota(connected, beds24, sold["id"])
    assert not Conflict.objects.exists()
    assert cancellation_warning(Reservation.objects.get().id) == ""


def test_an_ota_that_has_cancelled_meanwhile_leaves_nothing_to_do(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator
) -> None:
    at_beds24(beds24, sold["id"], after=LATER, status="cancelled")
    cancelled_at_the_desk()
    assert conflict().status == ConflictStatus.RESOLVED


def test_the_frontend_asks_first(connected: ConnectedHotel, sold: dict[str, Any], admin_user: User) -> None:
    client = APIClient()
    client.force_authenticate(admin_user)
    address = f"/api/reservations/{Reservation.objects.get().id}/cancel/"

    asked = client.post(address)
    assert asked.status_code == 409
    assert asked.json()["errors"][0]["code"] == "confirmation_needed"
    assert "Booking.com still has this booking" in asked.json()["errors"][0]["detail"]
    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED

    assert client.post(address, {"confirm": True}, format="json").status_code == 200
    assert client.post(address).status_code == 200
    assert Reservation.objects.get().status == ReservationStatus.CANCELLED


@pytest.mark.usefixtures("keeps_closed")
def test_all_that_the_ota_has_sold_stays_closed(
    connected: ConnectedHotel, settings: LazySettings, beds24: RunningSimulator
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pms": "tests.lossy_pms.LossyPms"}
    plenty_of_credits(beds24.simulator.state, connected)
    booked(connected, beds24, channel="booking", roomQty=2)
    assert free(connected) == 8
    cancelled_at_the_desk()
    assert free(connected) == 8 == units_at_beds24(beds24)


@pytest.mark.usefixtures("keeps_closed")
def test_a_reinstated_and_shortened_stay_keeps_nothing_closed(connected: ConnectedHotel, sold: dict[str, Any]) -> None:
    cancelled_at_the_desk()
    reservation = Reservation.objects.get()
    reservation.status = ReservationStatus.CONFIRMED
    reservation.save()
    work_everything()
    change_reservation(reservation.id, {"check_out": NIGHT + timedelta(days=1)})
    work_everything()

    assert [night.free for night in free_units([connected.double.id], NIGHT, UNTIL)] == [9, 10]


@pytest.mark.usefixtures("keeps_closed")
def test_a_booking_that_the_ota_brings_back_has_nothing_left_to_cancel(
    connected: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator
) -> None:
    cancelled_at_the_desk()
    hours_pass(connected)
    webhook_of(connected, at_beds24(beds24, sold["id"], after=LATER, status="confirmed", **stay(nights=3)))
    work_everything()

    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED
    assert conflict().status == ConflictStatus.RESOLVED
