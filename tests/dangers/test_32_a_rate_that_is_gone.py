"""A rate that was deleted in the PMS stayed on sale at the channel, at its old price."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.models import (
    ChannelEvent,
    Conflict,
    ConflictKind,
    EventStatus,
    EventType,
    PushedRate,
)
from channel_sync.operations.conflicts import resolve
from channel_sync.outbound.enqueue import rates_changed
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.pms import RateSpan
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.resolution import Resolution
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import DailyRate, RatePlan
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import MaintenanceBlockFactory, RateMappingFactory, RatePlanFactory, RoomFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
CALENDAR = "/inventory/rooms/calendar"
NEXT = NIGHT + timedelta(days=1)

Plans = tuple[RatePlan, RatePlan]


@pytest.fixture
def plans(connected: ConnectedHotel, beds24: RunningSimulator) -> Plans:
    """Two plans that sell a double room on two nights; nine of ten rooms are free."""
    plenty_of_credits(beds24.simulator.state, connected)
    MaintenanceBlockFactory(room=RoomFactory(room_type=connected.double), start=NIGHT, end=NEXT + timedelta(days=9))
    made = RatePlanFactory(room_type=connected.double), RatePlanFactory(room_type=connected.double)
    for slot, plan in enumerate(made, start=1):
        RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id=f"2001:{slot}")
        sell(plan, f"{slot}00.00")
    work_everything()
    assert (at_beds24(beds24, "price1"), at_beds24(beds24, "price2")) == (100, 200)
    beds24.controls.forget_calls()
    return made


def sell(plan: RatePlan, price: str = "100.00", **terms: Any) -> None:
    set_rates([RateChange(plan.id, NIGHT, NEXT + timedelta(days=1), Decimal(price), **terms)])


def delete(plan: RatePlan, night: date | None = None) -> None:
    found = DailyRate.objects.filter(rate_plan=plan)
    for rate in found.filter(night=night) if night else found:
        rate.delete()


def at_beds24(beds24: RunningSimulator, name: str, night: date = NIGHT) -> Any:
    return beds24.simulator.state.rooms[2001].days[night].get(name)


def sent_days(beds24: RunningSimulator) -> list[dict[str, Any]]:
    return [day for call in beds24.posts(CALENDAR) for room in call["body"] for day in room["calendar"]]


def test_the_price_of_a_deleted_night_goes_and_its_neighbours_stay(plans: Plans, beds24: RunningSimulator) -> None:
    sell(plans[0], min_stay=3)
    sell(plans[1], "200.00", min_stay=2)
    work_everything()
    delete(plans[0], NIGHT)
    work_everything()

    assert [at_beds24(beds24, name) for name in ("price1", "price2", "minStay")] == [None, 200, 2]
    assert [at_beds24(beds24, name, NEXT) for name in ("price1", "price2", "minStay")] == [100, 200, 3]
    assert at_beds24(beds24, "override") in (None, "none")
    assert units_at_beds24(beds24) == 9


def test_a_deleted_plan_takes_all_its_prices_along(plans: Plans, beds24: RunningSimulator) -> None:
    plans[0].delete()
    work_everything()

    assert [at_beds24(beds24, "price1", night) for night in (NIGHT, NEXT)] == [None, None]
    assert [at_beds24(beds24, "price2", night) for night in (NIGHT, NEXT)] == [200, 200]


def test_it_is_deleted_once(plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    delete(plans[0])
    work_everything()
    beds24.controls.forget_calls()

    rates_changed([RateSpan(connected.hotel.id, connected.double.id, NIGHT, NEXT, plans[0].id)])
    work_everything()

    assert beds24.posts(CALENDAR) == []


def test_a_price_that_the_pms_never_had_is_left_to_who_set_it(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    later = NEXT + timedelta(days=3)
    beds24.simulator.state.rooms[2001].days[later] = {"price1": 77.0}

    request_full_sync(connected.channel_property)
    work_everything()
    run = reconcile_rates(connected.channel_property, NOW)
    work_everything()

    assert (run.fixed, run.flagged) == (0, 0)
    assert at_beds24(beds24, "price1", later) == 77.0


def test_a_room_of_which_only_the_closed_plan_is_left_is_closed(plans: Plans, beds24: RunningSimulator) -> None:
    sell(plans[1], "200.00", stop_sell=True)
    work_everything()
    assert at_beds24(beds24, "override") in (None, "none")

    delete(plans[0], NIGHT)
    work_everything()

    assert at_beds24(beds24, "override") == "blackout"
    assert at_beds24(beds24, "override", NEXT) in (None, "none")
    assert [day for day in sent_days(beds24) if "override" in day and day.get("numAvail") != 9] == []


@pytest.mark.parametrize("after", [{}, {"stop_sell": True}], ids=["open", "closed"])
@pytest.mark.parametrize("before", [{}, {"stop_sell": True}], ids=["was open", "was closed"])
@pytest.mark.parametrize("both", [False, True], ids=["one plan", "both plans"])
def test_a_rate_that_comes_back_is_sold_as_it_says(
    plans: Plans, beds24: RunningSimulator, before: dict[str, Any], after: dict[str, Any], both: bool
) -> None:
    gone = plans if both else plans[:1]
    for plan in gone:
        sell(plan, **before)
    work_everything()
    for plan in gone:
        delete(plan)
        work_everything()
    assert at_beds24(beds24, "price1") is None

    for plan in gone:
        sell(plan, **after)
        work_everything()

    # Closed beside an open plan, it is no price at all.
    assert at_beds24(beds24, "price1") == (100 if both or not after else None)
    is_closed = both and bool(after)
    assert (at_beds24(beds24, "override") == "blackout") is is_closed
    assert units_at_beds24(beds24) == 9
    assert [day for day in sent_days(beds24) if "override" in day and day.get("numAvail") != 9] == []


def test_a_room_without_any_rate_is_not_closed_for_those_that_a_hotelier_sells(
    plans: Plans, beds24: RunningSimulator
) -> None:
    for plan in plans:
        delete(plan)
    work_everything()

    assert [at_beds24(beds24, name) for name in ("price1", "price2")] == [None, None]
    assert not [day for day in sent_days(beds24) if "override" in day]


def test_a_comparison_finds_what_no_event_told(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    delete(plans[0])
    ChannelEvent.objects.filter(event_type=EventType.RATE_UPDATE).update(status=EventStatus.DONE)

    run = reconcile_rates(connected.channel_property, NOW)
    work_everything()

    assert (run.fixed, run.flagged) == (2, 0)
    assert at_beds24(beds24, "price1") is None
    assert reconcile_rates(connected.channel_property, NOW).fixed == 0


def test_a_comparison_finds_the_prices_of_a_deleted_plan(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plans[0].delete()
    ChannelEvent.objects.filter(event_type=EventType.RATE_UPDATE).update(status=EventStatus.DONE)

    assert reconcile_rates(connected.channel_property, NOW).fixed == 2
    work_everything()

    assert at_beds24(beds24, "price1") is None


def test_a_price_that_somebody_has_set_since_is_for_a_person_to_look_at(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    delete(plans[0], NIGHT)
    ChannelEvent.objects.filter(event_type=EventType.RATE_UPDATE).update(status=EventStatus.DONE)
    beds24.simulator.state.rooms[2001].days[NIGHT]["price1"] = 150.0

    run = reconcile_rates(connected.channel_property, NOW)
    work_everything()

    assert (run.fixed, run.flagged) == (0, 1)
    assert at_beds24(beds24, "price1") == 150
    conflict = Conflict.objects.get(kind=ConflictKind.RATE)
    assert (conflict.pms_side["prices"], conflict.channel_side["prices"]) == (
        {str(NIGHT): None},
        {str(NIGHT): "150.00"},
    )


def test_a_person_can_decide_that_a_deleted_plan_is_not_sold(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plans[0].delete()
    ChannelEvent.objects.filter(event_type=EventType.RATE_UPDATE).update(status=EventStatus.DONE)
    beds24.simulator.state.rooms[2001].days[NIGHT]["price1"] = 150.0
    reconcile_rates(connected.channel_property, NOW)

    resolve(Conflict.objects.get(kind=ConflictKind.RATE), Resolution.KEEP_PMS, by="ada")
    work_everything()

    assert at_beds24(beds24, "price1") is None


def test_a_comparison_learns_the_prices_that_were_sent_before_they_were_kept(
    plans: Plans, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    PushedRate.objects.update(price=None)
    reconcile_rates(connected.channel_property, NOW)

    delete(plans[0], NIGHT)
    work_everything()

    assert at_beds24(beds24, "price1") is None
