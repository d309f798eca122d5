"""Rate plans that were deleted, or not mapped any more, stayed on sale; those never mapped were not missed."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from channel_sync.models import ChannelEvent, ChannelMapping, EventStatus, EventType, MappingType
from channel_sync.operations.completeness import mapping_completeness
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import change_mapping, create_mapping, remove_mapping
from channel_sync.outbound.changes import consume_captured
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import DailyRate, RatePlan
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, go_live, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import RateMappingFactory, RatePlanFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
NEXT = NIGHT + timedelta(days=1)
Plans = tuple[RatePlan, RatePlan]


@pytest.fixture
def plans(connected: ConnectedHotel, beds24: RunningSimulator) -> Plans:
    """Two plans of the double room on two nights."""
    plenty_of_credits(beds24.simulator.state, connected)
    made = RatePlanFactory(room_type=connected.double), RatePlanFactory(room_type=connected.double)
    for slot, plan in enumerate(made, start=1):
        RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id=f"2001:{slot}")
        sell(plan, f"{slot}00.00")
    work_everything()
    return made


def sell(plan: RatePlan, price: str, nights: int = 2) -> None:
    set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=nights), Decimal(price))])


def prices(beds24: RunningSimulator, slot: int) -> list[Any]:
    days = beds24.simulator.state.rooms[2001].days
    return [days[night].get(f"price{slot}") for night in (NIGHT, NEXT)]


def forget_events() -> None:
    ChannelEvent.objects.filter(event_type=EventType.RATE_UPDATE).update(status=EventStatus.DONE)


@pytest.mark.parametrize("how", ["sql", "bulk", "raw"])
def test_a_plan_that_is_deleted_in_whatever_way_is_not_sold(plans: Plans, beds24: RunningSimulator, how: str) -> None:
    plan = plans[0].id
    if how == "sql":
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM daily_rates WHERE rate_plan_id = %s", [plan])
            cursor.execute("DELETE FROM rate_plans WHERE id = %s", [plan])
    elif how == "bulk":
        RatePlan.objects.filter(id=plan).delete()
    else:
        DailyRate.objects.filter(rate_plan=plan)._raw_delete("default")
    consume_captured()
    work_everything()

    assert prices(beds24, 1) == [None, None]
    assert prices(beds24, 2) == [200, 200]
    assert units_at_beds24(beds24) == 10
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()


@pytest.mark.parametrize("how", ["removed", "switched off"])
def test_a_plan_whose_mapping_is_removed_is_not_sold(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator, how: str
) -> None:
    take_off(connected, plans[0], how)
    work_everything()

    assert prices(beds24, 1) == [None, None]
    assert prices(beds24, 2) == [200, 200]
    run = reconcile_rates(connected.channel_property, NOW)
    assert (run.fixed, run.flagged) == (0, 0)


def take_off(connected: ConnectedHotel, plan: RatePlan, how: str) -> None:
    mapping = ChannelMapping.objects.get(internal_id=plan.id)
    if how == "removed":
        remove_mapping(mapping, by="ada")
    else:
        wanted = WantedMapping(connected.channel_property, MappingType.RATE, plan.id, mapping.external_id)
        change_mapping(mapping, wanted, by="ada", is_active=False)


def test_the_last_plan_of_a_room_takes_only_its_prices_along(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    for plan in plans:
        take_off(connected, plan, "removed")
    work_everything()

    assert (prices(beds24, 1), prices(beds24, 2)) == ([None, None], [None, None])
    assert beds24.simulator.state.rooms[2001].days[NIGHT].get("override") in (None, "none")


def test_a_comparison_finds_the_prices_of_a_removed_mapping(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    for plan in plans:
        take_off(connected, plan, "removed")
    forget_events()

    assert reconcile_rates(connected.channel_property, NOW).fixed == 4
    work_everything()

    assert (prices(beds24, 1), prices(beds24, 2)) == ([None, None], [None, None])


def test_a_plan_that_is_mapped_again_has_its_prices_back(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    take_off(connected, plans[0], "removed")
    work_everything()

    create_mapping(WantedMapping(connected.channel_property, MappingType.RATE, plans[0].id, "2001:1"), by="ada")
    go_live(connected.channel_property)
    work_everything()

    assert prices(beds24, 1) == [100, 100]
    assert reconcile_rates(connected.channel_property, NOW).flagged == 0


def test_a_plan_that_takes_over_a_slot_does_not_sell_at_the_prices_of_the_other(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    other = RatePlanFactory(room_type=connected.double)
    sell(other, "150.00", nights=1)
    take_off(connected, plans[0], "removed")
    create_mapping(WantedMapping(connected.channel_property, MappingType.RATE, other.id, "2001:1"), by="ada")
    go_live(connected.channel_property)
    work_everything()

    assert prices(beds24, 1) == [150, None]


def test_a_plan_that_is_moved_to_another_slot_is_not_sold_in_the_old_one(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    wanted = WantedMapping(connected.channel_property, MappingType.RATE, plans[0].id, "2001:4")
    change_mapping(ChannelMapping.objects.get(internal_id=plans[0].id), wanted, by="ada")
    go_live(connected.channel_property)
    work_everything()

    assert (prices(beds24, 1), prices(beds24, 4)) == ([None, None], [100, 100])
    run = reconcile_rates(connected.channel_property, NOW)
    assert (run.fixed, run.flagged) == (0, 0)
    back = WantedMapping(connected.channel_property, MappingType.RATE, plans[0].id, "2001:1")
    change_mapping(ChannelMapping.objects.get(internal_id=plans[0].id), back, by="ada")
    go_live(connected.channel_property)
    work_everything()
    assert (prices(beds24, 1), prices(beds24, 4)) == ([100, 100], [None, None])
    assert units_at_beds24(beds24) == 10


def test_a_run_without_a_mapped_plan_says_so(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    RatePlanFactory(room_type=connected.double, name="Standard")

    run = reconcile_rates(connected.channel_property, NOW)

    assert run.compared == 0
    assert run.note.startswith("No rate plan is mapped: no price is sent.")


def test_a_run_names_the_plans_that_are_not_mapped(plans: Plans, connected: ConnectedHotel) -> None:
    RatePlanFactory(room_type=connected.single, name="Standard")

    run = reconcile_rates(connected.channel_property, NOW)

    assert run.compared == 4
    assert "1 of 3" in run.note
    assert "Single Room \N{EN DASH} Standard" in run.note


def test_a_host_that_keeps_its_prices_at_the_channel_misses_nothing(connected: ConnectedHotel) -> None:
    assert reconcile_rates(connected.channel_property, NOW).note == ""


def test_plans_are_missed_by_names_that_tell_them_apart(connected: ConnectedHotel) -> None:
    for room_type in (connected.double, connected.single):
        RatePlanFactory(room_type=room_type, name="Standard")

    found = mapping_completeness(connected.channel_property)

    assert sorted(found.rates.missing.values()) == [
        "Double Room \N{EN DASH} Standard",
        "Single Room \N{EN DASH} Standard",
    ]
    assert (found.rooms.percentage, found.rates.percentage, found.together.percentage) == (100.0, 0.0, 50.0)
    assert "No rate plan is mapped" in found.warning
