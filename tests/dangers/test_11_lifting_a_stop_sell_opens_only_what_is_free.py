"""Each rate push sent `override` without `numAvail`: lifting a stop sell put every room on sale, free or not."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import DailyRate, RatePlan
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import MaintenanceBlockFactory, RateMappingFactory, RatePlanFactory, RoomFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
CALENDAR = "/inventory/rooms/calendar"


@pytest.fixture
def plan(connected: ConnectedHotel, beds24: RunningSimulator) -> RatePlan:
    """Ten double rooms of which eight are out of order, with a price."""
    plenty_of_credits(beds24.simulator.state, connected)
    made: RatePlan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=made.id, external_id="2001:1")
    for _ in range(8):
        room = RoomFactory(room_type=connected.double)
        MaintenanceBlockFactory(room=room, start=NIGHT, end=NIGHT + timedelta(days=3))
    set_terms(made)
    work_everything()
    beds24.controls.forget_calls()
    return made


def set_terms(plan: RatePlan, price: str = "100.00", **terms: Any) -> None:
    set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=2), Decimal(price), **terms)])


def at_beds24(beds24: RunningSimulator, name: str, night: date = NIGHT) -> Any:
    return beds24.simulator.state.rooms[2001].days[night].get(name)


def test_a_stop_sell_set_and_lifted_leaves_what_is_free(plan: RatePlan, beds24: RunningSimulator) -> None:
    set_terms(plan, stop_sell=True)
    work_everything()
    assert at_beds24(beds24, "override") == "blackout"

    set_terms(plan)
    work_everything()

    assert at_beds24(beds24, "override") == "none"
    assert units_at_beds24(beds24) == 2


def test_an_override_never_travels_without_the_units(plan: RatePlan, beds24: RunningSimulator) -> None:
    for terms in ({"stop_sell": True}, {"closed_to_arrival": True}, {}):
        set_terms(plan, **terms)
        work_everything()

    days = [day for call in beds24.posts(CALENDAR) for room in call["body"] for day in room["calendar"]]
    assert [day["override"] for day in days if "override" in day] == ["blackout", "noCheckIn", "none"]
    assert all(day["numAvail"] == 2 for day in days if "override" in day)


def test_a_price_change_leaves_what_the_hotelier_set_at_the_channel(plan: RatePlan, beds24: RunningSimulator) -> None:
    for override in ("blackout", "exception"):
        beds24.simulator.state.rooms[2001].days[NIGHT]["override"] = override
        set_terms(plan, price=f"1{len(override)}0.00")
        work_everything()

        assert at_beds24(beds24, "override") == override
    assert all(
        "override" not in day for call in beds24.posts(CALENDAR) for room in call["body"] for day in room["calendar"]
    )


def test_a_booking_that_nobody_has_heard_of_is_not_sold_again(plan: RatePlan, beds24: RunningSimulator) -> None:
    set_terms(plan, stop_sell=True)
    work_everything()
    beds24.controls.book(roomId=2001, **stay())

    set_terms(plan)
    work_everything()

    assert units_at_beds24(beds24) == 1


def test_a_full_synchronisation_forgets_no_stop_sell(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    set_terms(plan, stop_sell=True)
    work_everything()

    set_terms(plan)
    request_full_sync(connected.channel_property)
    work_everything()

    assert at_beds24(beds24, "override") == "none"
    assert units_at_beds24(beds24) == 2


def test_a_comparison_leaves_a_blackout_of_the_hotelier(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.simulator.state.rooms[2001].days[NIGHT]["override"] = "blackout"

    for _ in range(2):
        run = reconcile_rates(connected.channel_property, NOW)
        work_everything()

    assert at_beds24(beds24, "override") == "blackout"
    assert run.fixed == 0


def test_a_comparison_brings_back_a_stop_sell_that_the_channel_lost(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    set_terms(plan, stop_sell=True)
    work_everything()
    beds24.simulator.state.rooms[2001].days[NIGHT]["override"] = "none"

    reconcile_rates(connected.channel_property, NOW)
    work_everything()

    assert at_beds24(beds24, "override") == "blackout"
    assert units_at_beds24(beds24) == 2


def test_stays_keep_to_what_the_channel_takes(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    set_terms(plan, max_stay=365)
    DailyRate.objects.update(min_stay=0)
    work_everything()

    assert (at_beds24(beds24, "minStay"), at_beds24(beds24, "maxStay")) == (1, 364)
    assert reconcile_rates(connected.channel_property, NOW).fixed == 0


def test_the_host_begins_with_a_maximum_stay_that_the_channel_takes(plan: RatePlan) -> None:
    assert RateChange(plan.id, NIGHT, NIGHT, Decimal(1)).max_stay == 364
