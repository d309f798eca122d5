"""What a hotelier closed at Beds24 by hand was opened by a comparison, and later left alone without a word."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

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
from tests.factories import MaintenanceBlockFactory, RateMappingFactory, RatePlanFactory, RoomFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
CALENDAR = "/inventory/rooms/calendar"
NEXT = NIGHT + timedelta(days=1)


@pytest.fixture
def plan(connected: ConnectedHotel, beds24: RunningSimulator) -> RatePlan:
    """A plan of the double room on four nights; nine of ten rooms are free."""
    plenty_of_credits(beds24.simulator.state, connected)
    MaintenanceBlockFactory(room=RoomFactory(room_type=connected.double), start=NIGHT, end=NIGHT + timedelta(days=9))
    made: RatePlan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=made.id, external_id="2001:1")
    sell(made)
    work_everything()
    beds24.controls.forget_calls()
    return made


def sell(plan: RatePlan, price: str = "100.00", **terms: Any) -> None:
    set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=4), Decimal(price), **terms)])


def close(beds24: RunningSimulator, override: str = "blackout", *nights: date) -> None:
    for night in nights or (NIGHT, NEXT):
        beds24.simulator.state.rooms[2001].days[night]["override"] = override


def override(beds24: RunningSimulator, night: date = NIGHT) -> Any:
    return beds24.simulator.state.rooms[2001].days[night].get("override", "none")


def test_a_room_closed_by_hand_is_flagged_and_left_closed(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    close(beds24)

    runs = [reconcile_rates(connected.channel_property, NOW) for _ in range(2)]
    work_everything()

    assert [(run.fixed, run.flagged) for run in runs] == [(0, 1), (0, 1)]
    assert (override(beds24), beds24.posts(CALENDAR)) == ("blackout", [])
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.severity) == (ConflictKind.CLOSED_AT_CHANNEL, "medium")
    assert conflict.pms_side["closures"] == {str(NIGHT): "open", str(NEXT): "open"}
    assert conflict.channel_side["closures"] == {str(NIGHT): "closed", str(NEXT): "closed"}


@pytest.mark.parametrize("by_hand", ["blackout", "noCheckIn", "noCheckOut", "noCheckInOrCheckOut"])
@pytest.mark.parametrize(
    "terms", [{}, {"closed_to_arrival": True}, {"stop_sell": True}], ids=["open", "arrival", "stop"]
)
def test_no_comparison_lifts_what_was_closed_by_hand(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator, terms: dict[str, Any], by_hand: str
) -> None:
    sell(plan, **terms)
    work_everything()
    close(beds24, by_hand)

    reconcile_rates(connected.channel_property, NOW)
    work_everything()

    # What the PMS has closed holds; what only the channel has stays where it does not contradict that.
    assert override(beds24) in (by_hand, "blackout" if terms.get("stop_sell") else "noCheckIn")
    if by_hand in ("blackout", "noCheckInOrCheckOut") and "stop_sell" not in terms:
        assert override(beds24) == by_hand


def test_it_is_over_when_the_hotelier_opens_the_nights(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    close(beds24)
    reconcile_rates(connected.channel_property, NOW)

    close(beds24, "none", NIGHT)
    reconcile_rates(connected.channel_property, NOW)
    conflict = Conflict.objects.get()
    assert (conflict.status, list(conflict.channel_side["closures"])) == (ConflictStatus.OPEN, [str(NEXT)])

    close(beds24, "none", NEXT)
    reconcile_rates(connected.channel_property, NOW)
    assert Conflict.objects.get().status == ConflictStatus.RESOLVED


def test_it_is_over_when_the_room_is_not_sold_here_any_more(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    close(beds24)
    reconcile_rates(connected.channel_property, NOW)
    remove_mapping(ChannelMapping.objects.get(internal_id=plan.id), by="ada")
    work_everything()

    reconcile_rates(connected.channel_property, NOW)

    assert Conflict.objects.get().status == ConflictStatus.RESOLVED


def test_the_pms_opens_it_for_what_is_free(plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    close(beds24)
    reconcile_rates(connected.channel_property, NOW)

    resolve(Conflict.objects.get(), Resolution.KEEP_PMS, by="ada")
    work_everything()

    assert [override(beds24, night) for night in (NIGHT, NEXT)] == ["none", "none"]
    assert units_at_beds24(beds24) == 9
    days = [day for call in beds24.posts(CALENDAR) for room in call["body"] for day in room["calendar"]]
    assert [(day["from"], day["to"], day["override"], day["numAvail"]) for day in days] == [
        (str(NIGHT), str(NEXT), "none", 9)
    ]
    assert reconcile_rates(connected.channel_property, NOW).flagged == 0


@pytest.mark.parametrize("resolution", [Resolution.TAKE_CHANNEL, Resolution.DISMISS])
def test_it_is_left_closed_and_not_brought_up_again(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator, resolution: Resolution
) -> None:
    close(beds24)
    reconcile_rates(connected.channel_property, NOW)
    resolve(Conflict.objects.get(), resolution, by="ada")
    work_everything()

    assert reconcile_rates(connected.channel_property, NOW).flagged == 0
    assert override(beds24) == "blackout"

    third = NEXT + timedelta(days=1)
    close(beds24, "blackout", third)
    assert reconcile_rates(connected.channel_property, NOW).flagged == 1
    news = Conflict.objects.get(status=ConflictStatus.OPEN)
    assert list(news.channel_side["closures"]) == [str(third)]


def test_a_price_that_changes_opens_nothing(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    close(beds24)

    sell(plan, "110.00")
    work_everything()

    assert beds24.simulator.state.rooms[2001].days[NIGHT]["price1"] == 110
    assert override(beds24) == "blackout"


def test_a_night_that_the_pms_has_closed_is_closed_whatever_its_price(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    sell(plan, stop_sell=True)
    work_everything()
    close(beds24, "none")
    beds24.simulator.state.rooms[2001].days[NIGHT]["price1"] = 150.0

    reconcile_rates(connected.channel_property, NOW)
    work_everything()

    assert override(beds24) == "blackout"


def test_what_was_closed_before_it_was_connected_is_flagged_too(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    beds24.simulator.state.rooms[2001].days[NIGHT] = {"price1": 100.0, "override": "blackout"}
    made = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=made.id, external_id="2001:1")
    sell(made)
    work_everything()

    assert reconcile_rates(connected.channel_property, NOW).flagged == 1
    assert override(beds24) == "blackout"
