"""Rates and desk sales that were tried against what a channel has sold."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from channel_sync.errors import SoldOut
from channel_sync.inventory.moves import TakenStay
from channel_sync.models import ChannelMapping, MappingType
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import change_mapping, create_mapping
from channel_sync.operations.selling import sell
from pms_project.pms.models import RatePlan
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.test_45_not_in_the_pms_yet import told
from tests.dangers.test_adv_opening import UNTIL, hotel, look, work_beside
from tests.dangers.working import NIGHT, go_live, stay, units_at_beds24, work_everything
from tests.factories import RateMappingFactory, RatePlanFactory, ReservationFactory

pytestmark = pytest.mark.django_db

__all__ = ["hotel"]


def test_a_stay_over_a_waiting_booking_is_not_sold(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    told(hotel, beds24.controls.book(roomId=2001, roomQty=10, **stay(nights=1)))
    with pytest.raises(SoldOut), sell(TakenStay(hotel.double.id, NIGHT - timedelta(days=1), UNTIL, 1)):
        pass


def test_the_same_stay_twice_adds_up(hotel: ConnectedHotel) -> None:
    ReservationFactory(room_type=hotel.double, check_in=NIGHT, check_out=UNTIL, units=9)
    one = TakenStay(hotel.double.id, NIGHT, UNTIL, 1)
    with pytest.raises(SoldOut), sell(one, one):
        pass


def test_a_room_that_changes_its_room_type_is_lowered_though_its_report_waits(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """The room stays for sale with the numbers of the type before; the new one is sold out on a night."""
    ReservationFactory(room_type=hotel.single, check_in=NIGHT, check_out=UNTIL, units=5)
    ChannelMapping.objects.filter(internal_id=hotel.single.id).delete()
    work_everything()
    beds24.simulator.state.rooms[2001].num_avail[NIGHT + timedelta(days=9)] = 0
    mapping = ChannelMapping.objects.get(internal_id=hotel.double.id)
    wanted = WantedMapping(hotel.channel_property, MappingType.ROOM_TYPE, hotel.single.id, "2001")
    change_mapping(mapping, wanted, by="ada")
    report = look(hotel)
    assert report.raised
    assert report.lowered
    work_beside()

    assert units_at_beds24(beds24) == 0


def test_a_second_plan_that_is_held_does_not_open_a_stop_sell(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    first: RatePlan = RatePlanFactory(room_type=hotel.double)
    RateMappingFactory(channel_property=hotel.channel_property, internal_id=first.id, external_id="2001:1")
    set_rates([RateChange(first.id, NIGHT, UNTIL, Decimal(100), stop_sell=True)])
    work_everything()
    second: RatePlan = RatePlanFactory(room_type=hotel.double, name="Second")
    set_rates([RateChange(second.id, NIGHT, UNTIL, Decimal(90))])
    beds24.simulator.state.rooms[2001].days.setdefault(NIGHT, {})["price2"] = 50.0
    create_mapping(WantedMapping(hotel.channel_property, MappingType.RATE, second.id, "2001:2"), by="ada")
    assert look(hotel).prices
    set_rates([RateChange(first.id, NIGHT, UNTIL, Decimal(110), stop_sell=True)])
    work_beside()
    day = beds24.simulator.state.rooms[2001].days[NIGHT]
    assert (day.get("override"), day.get("price2")) == ("blackout", 50.0)
    go_live(hotel.channel_property)
    work_everything()
    day = beds24.simulator.state.rooms[2001].days[NIGHT]
    assert day.get("price2") == 90.0
    # Its own stop sell is a missing price by then: the other plan sells.
    assert day.get("price1") is None
