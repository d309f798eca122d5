"""Rate plans of one room share its restrictions: a second plan opened the room that the first one had closed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.models import ChannelEvent, ChannelMapping, Direction, EventStatus, MappingType
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import change_mapping, remove_mapping
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import RatePlan
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import work_only
from tests.dangers.working import NIGHT, go_live, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import MaintenanceBlockFactory, RateMappingFactory, RatePlanFactory, RoomFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
CALENDAR = "/inventory/rooms/calendar"
OPEN: dict[str, Any] = {}
STOP: dict[str, Any] = {"stop_sell": True}
NO_ARRIVAL: dict[str, Any] = {"closed_to_arrival": True}
NO_DEPARTURE: dict[str, Any] = {"closed_to_departure": True}


@pytest.fixture
def plans(connected: ConnectedHotel, beds24: RunningSimulator) -> tuple[RatePlan, RatePlan]:
    """Two plans without a price yet, for ten double rooms of which eight are out of order."""
    plenty_of_credits(beds24.simulator.state, connected)
    for _ in range(8):
        room = RoomFactory(room_type=connected.double)
        MaintenanceBlockFactory(room=room, start=NIGHT, end=NIGHT + timedelta(days=3))
    first, second = RatePlanFactory(room_type=connected.double), RatePlanFactory(room_type=connected.double)
    for slot, plan in enumerate((first, second), start=1):
        RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id=f"2001:{slot}")
    work_everything()
    beds24.controls.forget_calls()
    return first, second


def set_terms(plan: RatePlan, price: str = "100.00", **terms: Any) -> None:
    set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=2), Decimal(price), **terms)])


def at_beds24(beds24: RunningSimulator, name: str) -> Any:
    return beds24.simulator.state.rooms[2001].days[NIGHT].get(name)


def require_no_room_opened_unseen(beds24: RunningSimulator) -> None:
    """No closure travels without the units, the units are right, and nothing has failed."""
    days = [day for call in beds24.posts(CALENDAR) for room in call["body"] for day in room["calendar"]]
    assert [day for day in days if "override" in day and day.get("numAvail") != 2] == []
    assert units_at_beds24(beds24) == 2
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()


def test_a_plan_that_joins_later_opens_with_the_units_alone(
    plans: tuple[RatePlan, RatePlan], beds24: RunningSimulator
) -> None:
    first, second = plans
    set_terms(first, stop_sell=True)
    work_everything()
    assert at_beds24(beds24, "override") == "blackout"

    set_terms(second, "120.00")
    work_everything()

    # One plan sells: the room is open, for what is free.
    assert (at_beds24(beds24, "override"), at_beds24(beds24, "price2")) == ("none", 120)
    require_no_room_opened_unseen(beds24)


def test_a_room_whose_open_plan_is_not_sold_any_more_is_closed_again(
    plans: tuple[RatePlan, RatePlan], connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    first, second = plans
    set_terms(first, stop_sell=True)
    set_terms(second, "120.00")
    work_everything()
    assert at_beds24(beds24, "override") != "blackout"

    remove_mapping(ChannelMapping.objects.get(internal_id=second.id), by="ada")
    request_full_sync(connected.channel_property)
    work_everything()
    reconcile_rates(connected.channel_property, NOW)
    work_everything()

    assert at_beds24(beds24, "override") == "blackout"


@pytest.mark.parametrize("after", [OPEN, STOP, NO_DEPARTURE], ids=["open", "stop", "no departure"])
@pytest.mark.parametrize("before", [STOP, NO_ARRIVAL], ids=["stop", "no arrival"])
def test_the_units_stand_however_the_two_are_closed_and_opened(
    plans: tuple[RatePlan, RatePlan], beds24: RunningSimulator, before: dict[str, Any], after: dict[str, Any]
) -> None:
    first, second = plans
    for terms in ((before, OPEN), (before, after), (after, before), (STOP, STOP), (OPEN, OPEN)):
        for plan, wanted in zip((first, second), terms, strict=True):
            set_terms(plan, **wanted)
        work_everything()

        is_closed = terms == (STOP, STOP)
        assert (at_beds24(beds24, "override") == "blackout") is (is_closed or all("stop_sell" in one for one in terms))
        require_no_room_opened_unseen(beds24)


def test_a_plan_that_moves_to_another_slot_opens_nothing(
    plans: tuple[RatePlan, RatePlan], connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    for plan in plans:
        set_terms(plan, stop_sell=True)
    work_everything()

    mapping = ChannelMapping.objects.get(internal_id=plans[1].id)
    wanted = WantedMapping(connected.channel_property, MappingType.RATE, plans[1].id, "2001:5")
    change_mapping(mapping, wanted, by="ada")
    go_live(connected.channel_property)
    work_everything()
    assert at_beds24(beds24, "override") == "blackout"

    for plan in plans:
        set_terms(plan)
    work_everything()
    assert (at_beds24(beds24, "override"), at_beds24(beds24, "price5")) == ("none", 100)
    require_no_room_opened_unseen(beds24)


def test_rates_of_another_room_go_out_beside_a_plan_that_joins(
    plans: tuple[RatePlan, RatePlan], connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    of_single = RatePlanFactory(room_type=connected.single)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=of_single.id, external_id="2002:1")
    set_terms(plans[0], stop_sell=True)
    work_everything()

    set_terms(of_single, "77.00")
    set_terms(plans[1], "120.00")
    work_only(Direction.OUTBOUND)

    assert ChannelEvent.objects.get(entity_internal_id=of_single.id).status == EventStatus.DONE
    assert beds24.simulator.state.rooms[2002].days[NIGHT]["price1"] == 77
