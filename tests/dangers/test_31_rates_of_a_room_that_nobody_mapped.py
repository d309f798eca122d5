"""A rate plan whose room nobody had mapped failed the rates of every other room that were sent in the same push."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from channel_sync.models import ChannelEvent, EventStatus
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, one_round
from tests.drift import plenty_of_credits
from tests.factories import RateMappingFactory, RatePlanFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db


def test_rates_of_a_room_that_nobody_mapped_fail_alone(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    suite = RoomTypeFactory(hotel=connected.hotel, name="Suite", units=2)
    of_suite, of_double = RatePlanFactory(room_type=suite), RatePlanFactory(room_type=connected.double)
    for plan, external_id in ((of_suite, "2003:1"), (of_double, "2001:1")):
        RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id=external_id)
    set_rates([RateChange(of_double.id, NIGHT, NIGHT + timedelta(days=2), Decimal(120))])
    set_rates([RateChange(of_suite.id, NIGHT, NIGHT + timedelta(days=2), Decimal(300), stop_sell=True)])

    for _ in range(4):
        one_round()

    assert ChannelEvent.objects.get(entity_internal_id=of_double.id).status == EventStatus.DONE
    assert beds24.simulator.state.rooms[2001].days[NIGHT]["price1"] == 120
    refused = ChannelEvent.objects.get(entity_internal_id=of_suite.id)
    assert refused.status == EventStatus.FAILED
    assert "2003" in (refused.last_error or "")
