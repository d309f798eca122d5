"""What was sold twice, or at another room's price, around pauses, moves and changed mappings."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from channel_sync.models import ChannelEvent, ChannelMapping, ChannelProperty, MappingType, ReservationLink
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import change_mapping, create_mapping, remove_mapping
from channel_sync.operations.moving import AfterMove
from channel_sync.operations.parity import parity_of
from channel_sync.operations.pausing import pause_with_rooms_closed
from channel_sync.operations.properties import NewConnection, connect, resume
from channel_sync.parity.tasks import check_parity
from pms_project.pms.models import RatePlan
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.test_45_not_in_the_pms_yet import told
from tests.dangers.test_adv_opening import UNTIL, hold, hotel, look, work_beside
from tests.dangers.working import NIGHT, go_live, stay, units_at_beds24, work_everything
from tests.factories import GuestFactory, RateMappingFactory, RatePlanFactory, ReservationFactory

pytestmark = pytest.mark.django_db

__all__ = ["hotel"]


def room_mapping(room_type: object, hotel: ConnectedHotel, room: str) -> WantedMapping:
    return WantedMapping(hotel.channel_property, MappingType.ROOM_TYPE, room_type.id, room)  # type: ignore[attr-defined]


def test_a_plan_does_not_set_the_price_of_a_room_that_its_room_type_has_left(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """The room type is mapped to another room, its plan keeps the slot of the old one, which another type has now."""
    plan: RatePlan = RatePlanFactory(room_type=hotel.double)
    RateMappingFactory(channel_property=hotel.channel_property, internal_id=plan.id, external_id="2001:1")
    set_rates([RateChange(plan.id, NIGHT, UNTIL, Decimal(200))])
    work_everything()
    double = ChannelMapping.objects.get(internal_id=hotel.double.id)
    single = ChannelMapping.objects.get(internal_id=hotel.single.id)
    remove_mapping(single, by="ada")
    change_mapping(double, room_mapping(hotel.double, hotel, "2002"), by="ada")
    create_mapping(room_mapping(hotel.single, hotel, "2001"), by="ada")
    go_live(hotel.channel_property)
    work_everything()

    set_rates([RateChange(plan.id, NIGHT, UNTIL, Decimal(222))])
    work_beside()

    assert beds24.simulator.state.rooms[2001].days[NIGHT].get("price1") != 222


def test_a_property_that_moves_takes_no_old_links_for_new_ones(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    """The booking has another number there; the reservation is linked to the number of before."""
    beds24.controls.book(roomId=2001, lastName="Hopper", price=100, numAdult=2, **stay())
    kept = ReservationFactory(
        room_type=hotel.double, check_in=NIGHT, check_out=UNTIL, price=Decimal(100),
        guest=GuestFactory(first_name="", last_name="Hopper", email=""),
    )  # fmt: skip
    ReservationLink.objects.create(
        channel_property=hotel.channel_property, external_id="55", reservation_id=kept.id, applied_hash="x"
    )
    ChannelEvent.objects.all().delete()
    ChannelProperty.objects.update(channel_property_id="9999")
    beds24.simulator.state.accounts[901].invite_codes.add("ANOTHER")
    new = NewConnection(hotel.hotel.id, "beds24", "ANOTHER", channel_property_id="1001", after_move=AfterMove.KEEP)
    connect(new, by="ada")

    report = look(hotel)

    assert len(report.bookings.to_link) + len(report.bookings.different) == 1


def test_a_booking_that_the_channel_has_lost_is_named(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.controls.book(roomId=2001, **stay())
    hold(hotel)
    go_live(hotel.channel_property)
    work_everything()
    number = ReservationLink.objects.get().external_id
    del beds24.simulator.state.bookings[int(number)]

    hold(hotel)
    report = look(hotel)

    assert report.reasons()


def test_rooms_that_a_pause_has_closed_stay_closed_until_the_report_is_accepted(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """A cancellation at the channel gives a unit back there, and the desk has sold it."""
    booking = beds24.controls.book(roomId=2001, **stay())
    told(hotel, booking)
    work_everything()
    pause_with_rooms_closed(hotel.channel_property, by="ada")
    ReservationFactory(room_type=hotel.double, check_in=NIGHT, check_out=UNTIL, units=9)
    resume(hotel.channel_property, by="ada")
    look(hotel)
    assert not parity_of(hotel.channel_property).is_open
    assert units_at_beds24(beds24) == 0

    beds24.controls.change(booking["id"], status="cancelled")
    told(hotel, beds24.simulator.state.bookings[booking["id"]])
    work_beside()
    ReservationFactory(room_type=hotel.double, check_in=NIGHT, check_out=UNTIL)
    work_beside()

    assert units_at_beds24(beds24) == 0


def test_a_mapping_removed_while_the_property_is_held_closes_its_room(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    hold(hotel)
    beds24.simulator.state.rooms[2002].num_avail[NIGHT] = 0
    look(hotel)
    assert units_at_beds24(beds24) == 10

    remove_mapping(ChannelMapping.objects.get(internal_id=hotel.double.id), by="ada")
    work_beside()
    assert units_at_beds24(beds24) == 0
    go_live(hotel.channel_property)
    work_everything()

    assert units_at_beds24(beds24) == 0


def test_a_login_that_is_lost_while_opening_goes_on_afterwards(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(hotel)
    beds24.simulator.state.rooms[2001].num_avail[NIGHT + timedelta(days=4)] = 0
    with monkeypatch.context() as patched:
        patched.setattr("channel_sync.parity.tasks.carry_out", lambda *_: False)
        go_live(hotel.channel_property)
    ChannelProperty.objects.update(status="error")
    check_parity(str(hotel.channel_property.id))
    assert not parity_of(hotel.channel_property).is_open
    resume(hotel.channel_property, by="ada")
    work_beside()
    assert not beds24.posts("/inventory/rooms/calendar")
    check_parity(str(hotel.channel_property.id))
    assert parity_of(hotel.channel_property).is_open
