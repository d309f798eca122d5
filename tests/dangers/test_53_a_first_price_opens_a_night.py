"""A night that was new in the calendar got its price before its units, and the channel sold rooms that were taken."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from channel_sync.models import ChannelEvent, ChannelMapping, EventStatus, EventType
from pms_project.pms.models import RatePlan
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, work_everything
from tests.drift import plenty_of_credits
from tests.factories import MaintenanceBlockFactory, RateMappingFactory, RatePlanFactory, RoomFactory

pytestmark = pytest.mark.django_db

TAKEN = 3


@pytest.fixture
def plan(connected: ConnectedHotel, beds24: RunningSimulator) -> RatePlan:
    """Three rooms are out of order, and the channel has never heard of it: the night was beyond its calendar."""
    plenty_of_credits(beds24.simulator.state, connected)
    room_at_beds24 = beds24.simulator.state.rooms[2001]
    room_at_beds24.qty, room_at_beds24.fixed_price = 10, None
    for _ in range(TAKEN):
        room = RoomFactory(room_type=connected.double)
        MaintenanceBlockFactory(room=room, start=NIGHT, end=NIGHT + timedelta(days=1))
    plan: RatePlan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id="2001:1")
    ChannelEvent.objects.filter(event_type=EventType.AVAILABILITY_UPDATE).update(status=EventStatus.IGNORED)
    return plan


def on_sale(beds24: RunningSimulator) -> int:
    return beds24.simulator.state.rooms[2001].on_sale(NIGHT)


def sell(plan: RatePlan, price: int) -> None:
    set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=1), Decimal(price))])


def test_its_units_go_along(plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    assert on_sale(beds24) == 0

    sell(plan, 100)
    work_everything()

    assert on_sale(beds24) == connected.double.units - TAKEN


def test_a_price_that_only_changes_goes_alone(plan: RatePlan, beds24: RunningSimulator) -> None:
    sell(plan, 100)
    work_everything()
    beds24.simulator.state.rooms[2001].num_avail[NIGHT] = 1

    sell(plan, 120)
    work_everything()

    assert beds24.simulator.state.rooms[2001].days[NIGHT]["price1"] == 120
    assert on_sale(beds24) == 1


def test_a_room_that_nobody_mapped_gets_its_price_all_the_same(plan: RatePlan, beds24: RunningSimulator) -> None:
    ChannelMapping.objects.filter(mapping_type="room_type", external_id="2001").update(is_active=False)

    sell(plan, 100)
    work_everything()

    assert beds24.simulator.state.rooms[2001].days[NIGHT]["price1"] == 100
