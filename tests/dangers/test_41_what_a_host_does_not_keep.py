"""A booking of two rooms in a host with one row for each took one: the other was sold again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import LazySettings

from channel_sync.channels.canonical import Booking
from channel_sync.inventory.availability import check_availability
from channel_sync.models import ChannelClaim, Conflict, ConflictKind, ConflictStatus
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.resolution import Resolution, resolve_conflict
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation
from pms_project.pms.services.reservations import NewReservation, cancel_reservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, webhook_of
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db

UNTIL = NIGHT + timedelta(days=2)


@pytest.fixture
def lossy(settings: LazySettings, connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    """A hotel whose PMS has one row for each room."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pms": "tests.lossy_pms.LossyPms"}
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


def free(connected: ConnectedHotel) -> int:
    return check_availability(connected.double.id, NIGHT, UNTIL)


def open_kinds() -> list[str]:
    return sorted(Conflict.objects.filter(status=ConflictStatus.OPEN).values_list("kind", flat=True))


@pytest.fixture
def sold(lossy: ConnectedHotel, beds24: RunningSimulator) -> dict[str, Any]:
    """Two rooms, of which the PMS keeps one."""
    made = beds24.controls.book(roomId=2001, roomQty=2, channel="booking", **stay())
    webhook_of(lossy, made)
    work_everything()
    return made


def test_the_second_room_stays_taken(lossy: ConnectedHotel, beds24: RunningSimulator) -> None:
    before = free(lossy)
    webhook_of(lossy, beds24.controls.book(roomId=2001, roomQty=2, channel="booking", **stay()))
    work_everything()

    assert Reservation.objects.get().units == 1
    assert free(lossy) == before - 2 == units_at_beds24(beds24)
    assert open_kinds() == [ConflictKind.ROOM]


def test_bookings_that_come_together_keep_theirs(lossy: ConnectedHotel, beds24: RunningSimulator) -> None:
    before = free(lossy)
    for _ in range(3):
        webhook_of(lossy, beds24.controls.book(roomId=2001, roomQty=2, channel="booking", **stay()))
    work_everything()

    assert free(lossy) == before - 6
    assert ChannelClaim.objects.count() == 3


def test_a_desk_sale_does_not_get_it(lossy: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator) -> None:
    left = free(lossy)
    create_reservation(NewReservation(lossy.double.id, NIGHT, UNTIL, units=1))
    work_everything()

    assert free(lossy) == left - 1 == units_at_beds24(beds24)


def test_the_comparison_keeps_the_conflict_open_and_the_room_taken(lossy: ConnectedHotel, sold: dict[str, Any]) -> None:
    left = free(lossy)
    reconcile_bookings(lossy.channel_property)
    work_everything()

    assert free(lossy) == left
    assert open_kinds() == [ConflictKind.ROOM]


@pytest.mark.parametrize("pms", ["LossyPms", "RowPerRoom"])
def test_the_comparison_of_availability_puts_no_room_of_it_on_sale(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings, pms: str
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pms": f"tests.lossy_pms.{pms}"}
    plenty_of_credits(beds24.simulator.state, connected)
    request_full_sync(connected.channel_property)
    work_everything()
    webhook_of(connected, beds24.controls.book(roomId=2001, roomQty=2, channel="booking", **stay()))
    work_everything()

    run = reconcile_availability(connected.channel_property)
    work_everything()

    assert (run.fixed, run.flagged) == (0, 0)
    assert units_at_beds24(beds24) == free(connected) == 8
    assert ChannelClaim.objects.exists() is (pms == "LossyPms")


def test_once_the_ota_wants_one_room_nothing_is_missing(
    lossy: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator
) -> None:
    before = free(lossy)
    webhook_of(lossy, at_beds24(beds24, sold["id"], after=timedelta(seconds=10), roomQty=1))
    work_everything()

    assert free(lossy) == before + 1 == units_at_beds24(beds24)
    assert not ChannelClaim.objects.exists()
    assert open_kinds() == []


@pytest.mark.parametrize("by", ["the OTA", "the desk"])
def test_a_cancelled_booking_keeps_nothing(
    lossy: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator, by: str
) -> None:
    before = free(lossy)
    if by == "the OTA":
        webhook_of(lossy, at_beds24(beds24, sold["id"], after=timedelta(seconds=10), status="cancelled"))
    else:
        cancel_reservation(Reservation.objects.get().id)
    work_everything()

    assert free(lossy) == before + 2 == units_at_beds24(beds24)
    assert not ChannelClaim.objects.exists()


class ShortStays(Pms):
    """A host that has no row for the third night of a stay."""

    def create_reservations(self, property_id: Any, sold: Any) -> Any:
        """Without it."""
        return super().create_reservations(property_id, [(room, self._short(one)) for room, one in sold])

    def modify_reservation(self, reservation_id: Any, room_type_id: Any, booking: Booking) -> None:
        """Without it."""
        super().modify_reservation(reservation_id, room_type_id, self._short(booking))

    def _short(self, booking: Booking) -> Booking:
        longest = booking.check_in + timedelta(days=2)
        return booking.model_copy(update={"check_out": min(booking.check_out, longest)})


def test_a_night_that_is_missing_stays_taken(
    settings: LazySettings, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pms": f"{__name__}.ShortStays"}
    plenty_of_credits(beds24.simulator.state, connected)
    before = check_availability(connected.double.id, UNTIL, UNTIL + timedelta(days=1))

    webhook_of(connected, beds24.controls.book(roomId=2001, channel="booking", **stay(nights=3)))
    work_everything()

    assert check_availability(connected.double.id, UNTIL, UNTIL + timedelta(days=1)) == before - 1
    assert open_kinds() == [ConflictKind.DATES]
    assert units_at_beds24(beds24, night=UNTIL) == before - 1


def test_a_booking_that_is_booked_anew_leaves_nothing_behind(
    lossy: ConnectedHotel, sold: dict[str, Any], beds24: RunningSimulator
) -> None:
    del beds24.simulator.state.bookings[sold["id"]]
    reconcile_bookings(lossy.channel_property)
    work_everything()
    missing = Conflict.objects.get(kind=ConflictKind.MISSING_AT_CHANNEL, status=ConflictStatus.OPEN)
    resolve_conflict(missing.id, Resolution.KEEP_PMS, by="ada")
    work_everything()
    assert free(lossy) == 9
