"""A rate plan that was closed beside an open one of its room stayed on sale at the channel."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import RatePlan
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import RateMappingFactory, RatePlanFactory

pytestmark = pytest.mark.django_db

OPEN: dict[str, Any] = {}
STOP: dict[str, Any] = {"stop_sell": True}


@pytest.fixture
def plans(connected: ConnectedHotel, beds24: RunningSimulator) -> tuple[RatePlan, RatePlan]:
    """Two plans that sell a double room."""
    plenty_of_credits(beds24.simulator.state, connected)
    made = RatePlanFactory(room_type=connected.double), RatePlanFactory(room_type=connected.double)
    for slot, plan in enumerate(made, start=1):
        RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id=f"2001:{slot}")
    sell(made, OPEN, OPEN)
    return made


def sell(plans: tuple[RatePlan, RatePlan], first: dict[str, Any], second: dict[str, Any]) -> None:
    for plan, price, terms in zip(plans, ("100.00", "200.00"), (first, second), strict=True):
        set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=1), Decimal(price), **terms)])
        work_everything()


def on_sale(beds24: RunningSimulator) -> list[Any]:
    """The prices that Beds24 sells a room at."""
    day = beds24.simulator.state.rooms[2001].days[NIGHT]
    return [] if day.get("override") == "blackout" else [day[name] for name in ("price1", "price2") if day.get(name)]


@pytest.mark.parametrize("then", [(OPEN, OPEN), (OPEN, STOP), (STOP, OPEN), (STOP, STOP)])
@pytest.mark.parametrize("before", [(OPEN, OPEN), (OPEN, STOP), (STOP, OPEN), (STOP, STOP)])
def test_what_is_on_sale_is_what_the_pms_sells(
    plans: tuple[RatePlan, RatePlan],
    connected: ConnectedHotel,
    beds24: RunningSimulator,
    before: tuple[dict[str, Any], dict[str, Any]],
    then: tuple[dict[str, Any], dict[str, Any]],
) -> None:
    for terms in (before, then):
        sell(plans, *terms)
        assert on_sale(beds24) == [price for price, one in zip((100, 200), terms, strict=True) if one is OPEN]
    assert units_at_beds24(beds24) == 10
    assert reconcile_rates(connected.channel_property, RunOptions(wait=do_not_wait)).fixed == 0
