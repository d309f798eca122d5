"""A person took the channel's side of a stay that has begun; what the desk put back later was never sent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from channel_sync.inventory.availability import free_units
from channel_sync.models import ChannelClaim, Conflict, ConflictKind
from channel_sync.reconciliation.resolution import Resolution
from pms_project.pms.services.reservations import change_reservation
from tests.dangers.test_37_stays_that_have_begun import House, in_house
from tests.dangers.working import work_everything

__all__ = ["in_house"]

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.mark.parametrize("more", [0, 1])
def test_an_early_departure_goes_out(in_house: House, more: int) -> None:
    in_house.ota(departure=str(in_house.departure + 4 * DAY))
    in_house.resolve(Resolution.TAKE_CHANNEL)
    assert in_house.here() == in_house.there()

    change_reservation(in_house.stay.id, {"check_out": in_house.departure + more * DAY})
    work_everything()

    assert in_house.here() == in_house.there()
    assert not ChannelClaim.objects.exists()
    nights = free_units([in_house.connected.double.id], in_house.departure + more * DAY, in_house.departure + 4 * DAY)
    assert {night.free for night in nights} == {10}


def test_a_move_back_goes_out(in_house: House) -> None:
    in_house.ota(roomId=2002)
    in_house.resolve(Resolution.TAKE_CHANNEL)
    assert in_house.here() == in_house.there()

    change_reservation(in_house.stay.id, {"room_type_id": in_house.connected.double.id})
    work_everything()

    assert in_house.here() == in_house.there()


def test_a_guest_who_stays_on_in_a_full_house_is_an_overbooking(in_house: House) -> None:
    in_house.ota(departure=str(in_house.departure + 2 * DAY))
    in_house.connected.double.units = 0
    in_house.connected.double.save()
    in_house.resolve(Resolution.TAKE_CHANNEL)

    assert Conflict.objects.filter(kind=ConflictKind.OVERBOOKING).exists()
