"""Free units and rates that differ from the channel's calendar: small differences are pushed, great ones flagged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.canonical import AvailabilityRange
from channel_sync.events.processing import process
from channel_sync.models import (
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EventStatus,
    EventType,
    ReconciliationRun,
)
from channel_sync.origin import on_behalf_of
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation import availability
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import DailyRate, Reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import (
    DailyRateFactory,
    MaintenanceBlockFactory,
    RateMappingFactory,
    RatePlanFactory,
    ReservationFactory,
    RoomFactory,
)

pytestmark = pytest.mark.django_db

FIRST = date.today() + timedelta(days=30)
NIGHTS = [FIRST + timedelta(days=offset) for offset in range(10)]


NOW = RunOptions(wait=do_not_wait)

Compare = Callable[[ChannelProperty, RunOptions], ReconciliationRun]


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    """Both calendars are equal, though Beds24 has more units than the PMS, and so can have more on sale."""
    plenty_of_credits(beds24.simulator.state, connected)
    plan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id="2001:1")
    for night in NIGHTS:
        DailyRateFactory(rate_plan=plan, night=night, price=Decimal("100.00"))
    request_full_sync(connected.channel_property)
    work()
    beds24.simulator.state.rooms[2001].qty = 20
    return connected


def work() -> None:
    for event in ChannelEvent.objects.filter(status=EventStatus.RECEIVED).order_by("received_at"):
        process(event.id)


def set_units(beds24: RunningSimulator, night: date, units: int) -> None:
    beds24.simulator.state.rooms[2001].num_avail[night] = units


def units(beds24: RunningSimulator, night: date) -> int:
    return beds24.simulator.state.rooms[2001].available(night)


def test_equal_calendars_are_left_alone(hotel: ConnectedHotel) -> None:
    events = ChannelEvent.objects.count()

    run = reconcile_availability(hotel.channel_property, NOW)

    assert (run.compared, run.fixed, run.flagged) == (2 * 366, 0, 0)
    assert ChannelEvent.objects.count() == events


def test_one_unit_is_pushed_more_are_flagged_and_too_many_are_lowered(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    set_units(beds24, NIGHTS[0], 9)
    set_units(beds24, NIGHTS[1], 11)
    set_units(beds24, NIGHTS[4], 8)
    set_units(beds24, NIGHTS[5], 12)

    run = reconcile_availability(hotel.channel_property, NOW)
    work()

    assert (run.fixed, run.flagged) == (3, 1)
    assert [units(beds24, night) for night in NIGHTS[:6]] == [10, 10, 10, 10, 8, 10]
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.severity) == (ConflictKind.AVAILABILITY, "high")
    assert conflict.pms_side["free_units"] == {str(NIGHTS[4]): 10, str(NIGHTS[5]): 10}
    assert conflict.channel_side["free_units"] == {str(NIGHTS[4]): 8, str(NIGHTS[5]): 12}
    again = reconcile_availability(hotel.channel_property, NOW)
    assert (again.fixed, Conflict.objects.count()) == (0, 1)


def test_a_flagged_calendar_that_is_equal_again_closes_its_conflict(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    set_units(beds24, NIGHTS[0], 5)
    reconcile_availability(hotel.channel_property, NOW)

    set_units(beds24, NIGHTS[0], 10)
    reconcile_availability(hotel.channel_property, NOW)

    assert Conflict.objects.get().status == ConflictStatus.RESOLVED


def test_a_booking_that_the_pms_has_not_heard_of_is_no_difference(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.controls.book(roomId=2001, arrival=str(NIGHTS[0]), departure=str(NIGHTS[1]))

    run = reconcile_availability(hotel.channel_property, NOW)

    assert (run.fixed, run.flagged, Reservation.objects.count()) == (0, 0, 1)


def test_a_room_type_with_something_on_its_way_is_left_to_it(hotel: ConnectedHotel) -> None:
    ReservationFactory(room_type=hotel.double, check_in=NIGHTS[0], check_out=NIGHTS[2], units=4)

    run = reconcile_availability(hotel.channel_property, NOW)

    assert (run.fixed, run.flagged) == (0, 0)


def test_a_lost_push_of_several_units_is_flagged_and_a_dry_run_only_counts(hotel: ConnectedHotel) -> None:
    with on_behalf_of(hotel.channel_property.id):
        ReservationFactory(room_type=hotel.double, check_in=NIGHTS[0], check_out=NIGHTS[2], units=4)

    dry = reconcile_availability(hotel.channel_property, RunOptions(wait=do_not_wait, dry_run=True))
    assert (dry.flagged, Conflict.objects.count()) == (1, 0)
    assert reconcile_availability(hotel.channel_property, NOW).flagged == 1


def test_rates_that_differ_a_little_are_pushed_and_much_are_flagged(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    assert reconcile_rates(hotel.channel_property, NOW).fixed == 0
    for night, price, minimum in ((0, "105.00", 1), (1, "105.27", 1), (2, "100.00", 3)):
        DailyRate.objects.filter(night=NIGHTS[night]).update(price=Decimal(price), min_stay=minimum)

    run = reconcile_rates(hotel.channel_property, NOW)
    work()

    assert (run.compared, run.fixed, run.flagged) == (10, 2, 1)
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.severity) == (ConflictKind.RATE, "medium")
    assert conflict.pms_side["prices"] == {str(NIGHTS[1]): "105.27"}
    assert conflict.channel_side["prices"] == {str(NIGHTS[1]): "100.00"}
    again = reconcile_rates(hotel.channel_property, NOW)
    assert (again.fixed, Conflict.objects.filter(status=ConflictStatus.OPEN).count()) == (0, 1)


def test_a_rate_on_its_way_is_left_to_it(hotel: ConnectedHotel) -> None:
    rate = DailyRate.objects.get(night=NIGHTS[0])
    rate.price = Decimal("101.00")
    rate.save()
    assert ChannelEvent.objects.filter(event_type=EventType.RATE_UPDATE, status=EventStatus.RECEIVED).exists()

    run = reconcile_rates(hotel.channel_property, NOW)

    assert (run.compared, run.fixed) == (0, 0)


def out_of_order(hotel: ConnectedHotel, night: date) -> None:
    """A change of the double rooms that is not sent yet."""
    MaintenanceBlockFactory(room=RoomFactory(room_type=hotel.double), start=night, end=night + timedelta(days=1))


def test_a_conflict_is_not_gone_while_its_rooms_are_left_to_what_is_on_its_way(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    set_units(beds24, NIGHTS[0], 5)
    reconcile_availability(hotel.channel_property, NOW)
    out_of_order(hotel, NIGHTS[9])

    reconcile_availability(hotel.channel_property, NOW)
    assert Conflict.objects.get().status == ConflictStatus.OPEN

    work()
    set_units(beds24, NIGHTS[0], 10)
    reconcile_availability(hotel.channel_property, NOW)
    assert Conflict.objects.get().status == ConflictStatus.RESOLVED


def test_a_conflict_is_not_gone_when_something_came_between_the_two_reads(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_units(beds24, NIGHTS[0], 5)
    reconcile_availability(hotel.channel_property, NOW)
    read = Beds24Channel.availability

    def then_a_change(channel: Beds24Channel, *args: Any, **options: Any) -> Sequence[AvailabilityRange]:
        monkeypatch.setattr(Beds24Channel, "availability", read)
        found = read(channel, *args, **options)
        monkeypatch.setattr(availability, "call_with_spare_credits", after_a_change)
        return found

    call = availability.call_with_spare_credits

    def after_a_change(*args: Any, **options: Any) -> Any:
        out_of_order(hotel, NIGHTS[9])
        return call(*args, **options)

    monkeypatch.setattr(Beds24Channel, "availability", then_a_change)
    reconcile_availability(hotel.channel_property, NOW)

    assert Conflict.objects.get().status == ConflictStatus.OPEN


@pytest.mark.parametrize("compare", [reconcile_availability, reconcile_rates])
def test_a_conflict_outside_of_the_window_is_not_gone(
    hotel: ConnectedHotel, beds24: RunningSimulator, compare: Compare
) -> None:
    set_units(beds24, NIGHTS[0], 5)
    DailyRate.objects.filter(night=NIGHTS[0]).update(price=Decimal("150.00"))
    compare(hotel.channel_property, NOW)

    compare(hotel.channel_property, RunOptions(wait=do_not_wait, window=(NIGHTS[1], NIGHTS[5])))

    assert Conflict.objects.get().status == ConflictStatus.OPEN


@pytest.mark.parametrize("compare", [reconcile_availability, reconcile_rates])
def test_a_conflict_of_what_is_not_mapped_any_more_is_gone(
    hotel: ConnectedHotel, beds24: RunningSimulator, compare: Compare
) -> None:
    set_units(beds24, NIGHTS[0], 5)
    DailyRate.objects.filter(night=NIGHTS[0]).update(price=Decimal("150.00"))
    compare(hotel.channel_property, NOW)
    ChannelMapping.objects.filter(external_id__startswith="2001").update(is_active=False)

    compare(hotel.channel_property, NOW)

    assert Conflict.objects.get().status == ConflictStatus.RESOLVED


def test_a_conflict_of_a_rate_is_not_gone_while_its_plan_is_left_to_what_is_on_its_way(hotel: ConnectedHotel) -> None:
    DailyRate.objects.filter(night=NIGHTS[0]).update(price=Decimal("150.00"))
    reconcile_rates(hotel.channel_property, NOW)
    rate = DailyRate.objects.get(night=NIGHTS[9])
    rate.price = Decimal("101.00")
    rate.save()

    reconcile_rates(hotel.channel_property, NOW)
    assert Conflict.objects.get().status == ConflictStatus.OPEN

    work()
    DailyRate.objects.filter(night=NIGHTS[0]).update(price=Decimal("100.00"))
    reconcile_rates(hotel.channel_property, NOW)
    assert Conflict.objects.get().status == ConflictStatus.RESOLVED
