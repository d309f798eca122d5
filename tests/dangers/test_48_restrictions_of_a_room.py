"""Plans of a room that differ in what Beds24 keeps once per room were pushed, and "fixed", with every comparison."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.errors import ResolutionImpossible
from channel_sync.models import ChannelMapping, Conflict, ConflictKind, ConflictStatus
from channel_sync.operations.conflicts import resolve
from channel_sync.operations.mappings import remove_mapping
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.resolution import Resolution
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import RatePlan
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import RateMappingFactory, RatePlanFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
CALENDAR = "/inventory/rooms/calendar"
Plans = tuple[RatePlan, RatePlan]


@pytest.fixture
def plans(connected: ConnectedHotel, beds24: RunningSimulator) -> Plans:
    """Two plans of the double room, sold on two nights: the first for any stay, the second for three nights or more."""
    plenty_of_credits(beds24.simulator.state, connected)
    made = (
        RatePlanFactory(room_type=connected.double, name="Flexible"),
        RatePlanFactory(room_type=connected.double, name="Saver"),
    )
    for slot, plan in enumerate(made, start=1):
        RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id=f"2001:{slot}")
    sell(made[0])
    sell(made[1], min_stay=3)
    work_everything()
    beds24.controls.forget_calls()
    return made


def sell(plan: RatePlan, **terms: Any) -> None:
    set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=2), Decimal(100), **terms)])


def at_beds24(beds24: RunningSimulator, name: str) -> Any:
    return beds24.simulator.state.rooms[2001].days[NIGHT].get(name)


def test_it_is_said_once_and_never_pushed_again(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    runs = [reconcile_rates(connected.channel_property, NOW) for _ in range(2)]
    work_everything()

    assert at_beds24(beds24, "minStay") == 3
    assert [(run.fixed, run.flagged) for run in runs] == [(0, 1), (0, 1)]
    assert beds24.posts(CALENDAR) == []
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.severity) == (ConflictKind.RATE, "medium")
    nights = f"{NIGHT} to {NIGHT + timedelta(days=1)}"
    plan = "Double Room \N{EN DASH} Flexible"
    assert conflict.pms_side["restrictions"] == {plan: {nights: "min stay 1"}}
    assert conflict.channel_side["restrictions"] == {plan: {nights: "min stay 3"}}
    assert conflict.next_step()
    with pytest.raises(ResolutionImpossible):
        resolve(conflict, Resolution.KEEP_PMS, by="ada")


@pytest.mark.parametrize("end", ["same restrictions", "not sold", "not mapped"])
def test_it_is_over_when_the_room_can_hold_what_its_plans_say(
    plans: Plans, connected: ConnectedHotel, end: str
) -> None:
    reconcile_rates(connected.channel_property, NOW)
    if end == "same restrictions":
        sell(plans[0], min_stay=3)
    elif end == "not sold":
        sell(plans[1], min_stay=3, stop_sell=True)
    else:
        remove_mapping(ChannelMapping.objects.get(internal_id=plans[1].id), by="ada")
    work_everything()

    run = reconcile_rates(connected.channel_property, NOW)

    assert run.flagged == 0
    assert Conflict.objects.get().status == ConflictStatus.RESOLVED


def test_what_a_person_has_dismissed_does_not_come_back_with_other_nights(
    plans: Plans, connected: ConnectedHotel
) -> None:
    reconcile_rates(connected.channel_property, NOW)
    resolve(Conflict.objects.get(), Resolution.DISMISS, by="ada")
    later = NIGHT + timedelta(days=20)
    for plan, nights in zip(plans, (1, 3), strict=True):
        set_rates([RateChange(plan.id, later, later + timedelta(days=1), Decimal(100), min_stay=nights)])
    work_everything()

    assert reconcile_rates(connected.channel_property, NOW).flagged == 0

    sell(plans[1], min_stay=5)
    work_everything()
    assert reconcile_rates(connected.channel_property, NOW).flagged == 1


def test_no_guest_arrives_where_a_plan_on_sale_forbids_it(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    sell(plans[1], min_stay=3, closed_to_arrival=True)
    work_everything()
    assert at_beds24(beds24, "override") == "noCheckIn"

    sell(plans[1], min_stay=3, closed_to_arrival=True, stop_sell=True)
    work_everything()
    assert (at_beds24(beds24, "override"), at_beds24(beds24, "price2")) == ("none", None)
    assert units_at_beds24(beds24) == 10


def test_a_room_closed_with_other_closures_beside_is_no_difference(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    for plan in plans:
        sell(plan, stop_sell=True, closed_to_arrival=True)
    work_everything()
    assert at_beds24(beds24, "override") == "blackout"

    run = reconcile_rates(connected.channel_property, NOW)

    assert (run.fixed, run.flagged) == (0, 0)


def test_a_dry_run_only_counts(plans: Plans, connected: ConnectedHotel) -> None:
    run = reconcile_rates(connected.channel_property, RunOptions(wait=do_not_wait, dry_run=True))

    assert (run.flagged, Conflict.objects.count()) == (1, 0)
