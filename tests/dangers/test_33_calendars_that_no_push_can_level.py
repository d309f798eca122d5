"""Beds24 offers nothing where no price is set, and no more than its rooms less its bookings: no push changes that."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.test import APIClient

from channel_sync.models import (
    ChannelEvent,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EventStatus,
    ReconciliationRun,
)
from channel_sync.operations.conflicts import resolve
from channel_sync.operations.roles import Role
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.resolution import Resolution
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import ReservationStatus
from pms_project.pms.services.reservations import change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import (
    DailyRateFactory,
    MaintenanceBlockFactory,
    RateMappingFactory,
    RatePlanFactory,
    ReservationFactory,
    RoomFactory,
    RoomTypeFactory,
)

pytestmark = pytest.mark.django_db

NEXT = NIGHT + timedelta(days=1)
LATER = NIGHT + timedelta(days=2)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    """In step; the double room has a price on two nights, and none elsewhere."""
    beds24.simulator.state.rooms[2001].fixed_price = None
    plenty_of_credits(beds24.simulator.state, connected)
    plan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id="2001:1")
    for night in (NIGHT, NEXT):
        DailyRateFactory(rate_plan=plan, night=night, price=Decimal("100.00"))
    request_full_sync(connected.channel_property)
    work_everything()
    assert [on_sale(beds24, night) for night in (NIGHT, LATER)] == [10, 0]
    return connected


def on_sale(beds24: RunningSimulator, night: date) -> int:
    return beds24.simulator.state.rooms[2001].on_sale(night)


def compare(hotel: ConnectedHotel) -> ReconciliationRun:
    return reconcile_availability(hotel.channel_property, RunOptions(wait=do_not_wait))


def set_units(beds24: RunningSimulator, units: int, *nights: date) -> None:
    for night in nights:
        beds24.simulator.state.rooms[2001].num_avail[night] = units


def limit(beds24: RunningSimulator, quantity: int) -> None:
    """The room has fewer units at Beds24, which cuts `numAvail` down."""
    beds24.simulator.state.rooms[2001].qty = quantity


def out_of_order_unheard(hotel: ConnectedHotel, rooms: int, night: date) -> None:
    """Rooms are closed in the PMS, and the channel is not told."""
    for _ in range(rooms):
        room = RoomFactory(room_type=hotel.double)
        MaintenanceBlockFactory(room=room, start=night, end=night + timedelta(days=1))
    ChannelEvent.objects.filter(status=EventStatus.RECEIVED).update(status=EventStatus.DONE)


def open_conflicts() -> list[str]:
    return list(Conflict.objects.filter(status=ConflictStatus.OPEN).values_list("kind", flat=True))


def test_a_night_without_a_price_is_no_difference(hotel: ConnectedHotel) -> None:
    run = compare(hotel)

    assert (run.fixed, run.flagged) == (0, 0)
    assert open_conflicts() == []
    assert not ChannelEvent.objects.filter(status=EventStatus.RECEIVED).exists()


def test_a_night_of_a_booking_that_could_not_be_moved_is_no_difference(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """The desk has moved it to a room type that is not mapped: Beds24 goes on counting it, whatever it is sent."""
    stay = {"check_in": NIGHT, "check_out": NEXT}
    reservation = ReservationFactory(room_type=hotel.double, status=ReservationStatus.PENDING_SYNC, **stay)
    work_everything()
    change_reservation(reservation.id, {"room_type": RoomTypeFactory(hotel=hotel.hotel, name="Attic", units=1)})
    work_everything()
    assert ChannelEvent.objects.filter(status=EventStatus.FAILED).count() == 1
    assert on_sale(beds24, NIGHT) == 9

    run = compare(hotel)

    assert (run.fixed, run.flagged) == (0, 0)
    assert run.kept_lower["booked_there"] == {str(hotel.double.id): [[str(NIGHT), str(NIGHT)]]}


def test_a_night_with_a_price_that_is_not_offered_is_one(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    set_units(beds24, 0, NIGHT, LATER)

    compare(hotel)

    conflict = Conflict.objects.get(kind=ConflictKind.AVAILABILITY)
    assert conflict.channel_side["free_units"] == {str(NIGHT): 0}


def test_a_room_with_prices_elsewhere_than_in_the_calendar_is_compared(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.simulator.state.rooms[2001].fixed_price = 80
    set_units(beds24, 0, LATER)

    compare(hotel)

    conflict = Conflict.objects.get(kind=ConflictKind.AVAILABILITY)
    assert conflict.channel_side["free_units"] == {str(LATER): 0}


def test_a_night_without_a_price_in_the_calendar_that_is_offered_too_often_is_lowered(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.simulator.state.rooms[2001].fixed_price = 80
    out_of_order_unheard(hotel, 1, LATER)

    run = compare(hotel)
    work_everything()

    assert (run.fixed, units_at_beds24(beds24, night=LATER)) == (1, 9)


def test_fewer_rooms_at_the_channel_are_said_once_and_not_night_by_night(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    ReservationFactory(room_type=hotel.double, check_in=NIGHT, check_out=NEXT)
    work_everything()
    limit(beds24, 7)

    first, second = compare(hotel), compare(hotel)

    assert (first.fixed, second.fixed) == (0, 0)
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.status, conflict.severity) == (ConflictKind.ROOM_QUANTITY, "open", "medium")
    assert (conflict.pms_side["units"], conflict.channel_side["units"]) == (10, 7)
    assert "quantity" in conflict.next_step()
    assert not ChannelEvent.objects.filter(status=EventStatus.RECEIVED).exists()


def test_a_difference_of_one_room_is_not_pushed_for_ever(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    limit(beds24, 9)

    assert compare(hotel).fixed == 0
    assert open_conflicts() == [ConflictKind.ROOM_QUANTITY]


def test_what_somebody_has_dismissed_does_not_come_back(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    limit(beds24, 7)
    compare(hotel)
    resolve(Conflict.objects.get(), Resolution.DISMISS, by="ada")

    assert compare(hotel).flagged == 0
    assert open_conflicts() == []


def test_it_is_over_when_the_quantities_agree(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    limit(beds24, 7)
    compare(hotel)
    limit(beds24, 10)
    assert compare(hotel).flagged == 0

    assert open_conflicts() == []


def test_less_than_the_rooms_allow_is_a_difference_all_the_same(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    limit(beds24, 7)
    set_units(beds24, 3, NIGHT)

    compare(hotel)

    assert sorted(open_conflicts()) == [ConflictKind.AVAILABILITY, ConflictKind.ROOM_QUANTITY]
    assert Conflict.objects.get(kind=ConflictKind.AVAILABILITY).channel_side["free_units"] == {str(NIGHT): 3}


def test_more_than_is_free_is_lowered_whatever_the_quantities(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    ReservationFactory(room_type=hotel.double, check_in=NIGHT, check_out=NEXT)
    work_everything()
    limit(beds24, 9)
    out_of_order_unheard(hotel, 5, NIGHT)

    run = compare(hotel)
    work_everything()

    assert run.fixed == 1
    assert units_at_beds24(beds24) == 4


def test_calendars_that_agree_cost_no_further_call(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms[2001].fixed_price = 80
    beds24.controls.forget_calls()

    compare(hotel)

    asked = [call["path"] for call in beds24.simulator.state.calls if call["method"] == "GET"]
    assert "/properties" not in asked
    assert len([path for path in asked if path.endswith("/calendar")]) == 1


def close_by_hand(beds24: RunningSimulator, *nights: date) -> None:
    """The hotelier sets a blackout in the control panel of Beds24, which shows no room then."""
    for night in nights:
        beds24.simulator.state.rooms[2001].days[night]["override"] = "blackout"
    set_units(beds24, 0, *nights)


@pytest.mark.parametrize("units", [10, 1])
def test_a_night_that_somebody_closed_at_the_channel_is_no_difference(
    hotel: ConnectedHotel, beds24: RunningSimulator, units: int
) -> None:
    out_of_order_unheard(hotel, 10 - units, NIGHT)
    close_by_hand(beds24, NIGHT)

    for _ in range(2):
        run = compare(hotel)
        work_everything()

    assert (run.fixed, run.flagged) == (0, 0)
    assert open_conflicts() == []
    assert units_at_beds24(beds24) == 0
    assert run.kept_lower["closed"] == {str(hotel.double.id): [[str(NIGHT), str(NIGHT)]]}


def test_a_closed_night_whose_rooms_would_be_too_many_is_lowered(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    out_of_order_unheard(hotel, 3, NIGHT)
    beds24.simulator.state.rooms[2001].days[NIGHT]["override"] = "blackout"

    compare(hotel)
    work_everything()

    assert units_at_beds24(beds24) == 7


def test_a_run_says_which_nights_the_channel_keeps_lower_and_why(
    hotel: ConnectedHotel, beds24: RunningSimulator, client: Client, api_of: Callable[[Role], APIClient]
) -> None:
    limit(beds24, 7)
    close_by_hand(beds24, NEXT)
    run = compare(hotel)

    room_type = str(hotel.double.id)
    assert run.kept_lower["closed"] == {room_type: [[str(NEXT), str(NEXT)]]}
    assert run.kept_lower["fewer_rooms"] == {room_type: [[str(NIGHT), str(NIGHT)]]}
    assert [str(LATER)] not in run.kept_lower["no_price"][room_type]
    assert any(first <= str(LATER) <= last for first, last in run.kept_lower["no_price"][room_type])
    told = api_of(Role.VIEWER).get(f"/api/admin/reconciliation-runs/{run.id}").json()
    assert told["kept_lower"] == run.kept_lower
    client.force_login(get_user_model().objects.create_superuser("root"))
    page = client.get(f"/admin/channel_sync/reconciliationrun/{run.id}/change/").content.decode()
    assert f"Double Room: closed at the channel, {NEXT}" in page
