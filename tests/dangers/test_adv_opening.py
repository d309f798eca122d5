"""What went live unlooked at although a parity check was to stand before it."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.errors import ReportNotAccepted
from channel_sync.events.processing import process
from channel_sync.models import ChannelEvent, ChannelMapping, MappingType, OldBookings, ParityCheck, ReservationLink
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import create_mapping, remove_mapping
from channel_sync.operations.parity import accept_report, parity_of
from channel_sync.operations.properties import pause, resume
from channel_sync.parity import check, settlement
from channel_sync.parity.tasks import check_parity
from pms_project.pms.models import RatePlan, Reservation, ReservationStatus
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.test_45_not_in_the_pms_yet import told
from tests.dangers.working import LONG_AGO, NIGHT, go_live, stay, units_at_beds24, work_everything
from tests.drift import plenty_of_credits
from tests.factories import GuestFactory, RateMappingFactory, RatePlanFactory, ReservationFactory

pytestmark = pytest.mark.django_db

UNTIL = NIGHT + timedelta(days=2)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    """Live: both sides say the same."""
    for room, units in ((2001, 10), (2002, 5)):
        beds24.simulator.state.rooms[room].qty = units
        beds24.simulator.state.rooms[room].fixed_price = 100.0
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


def look(hotel: ConnectedHotel) -> Any:
    check_parity(str(hotel.channel_property.id))
    report = parity_of(hotel.channel_property).report
    assert report is not None
    return report


def hold(hotel: ConnectedHotel) -> None:
    pause(hotel.channel_property, by="ada")
    resume(hotel.channel_property, by="ada")


def wanted(hotel: ConnectedHotel, room_type: Any, room: str) -> WantedMapping:
    return WantedMapping(hotel.channel_property, MappingType.ROOM_TYPE, room_type.id, room)


def close_by_hand(beds24: RunningSimulator, room: int, night: date = NIGHT) -> None:
    beds24.simulator.state.rooms[room].num_avail[night] = 0


def work_beside() -> None:
    """What waits is tried; what is held stays."""
    ChannelEvent.objects.filter(status__in=("received", "retrying")).update(published_at=LONG_AGO)
    for event in ChannelEvent.objects.filter(status__in=("received", "retrying")).order_by("received_at"):
        process(event.id)


def test_a_mapping_made_after_the_report_is_not_accepted_with_it(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """The report waits and names one room; another one is mapped before somebody accepts it."""
    ChannelMapping.objects.filter(internal_id=hotel.single.id).delete()
    close_by_hand(beds24, 2001)
    close_by_hand(beds24, 2002)
    hold(hotel)
    assert {one.room for one in look(hotel).raised} == {"Double Room"}

    create_mapping(wanted(hotel, hotel.single, "2002"), by="ada")
    with suppress(ReportNotAccepted):
        accept_report(hotel.channel_property, OldBookings.LINK_AND_SEND, by="ada")
    check_parity(str(hotel.channel_property.id))
    work_beside()

    assert units_at_beds24(beds24, 2002) == 0


def test_a_mapping_made_while_another_opens_is_not_opened_with_it(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bookings are being imported; somebody maps a second room meanwhile."""
    close_by_hand(beds24, 2001)
    close_by_hand(beds24, 2002)
    ChannelMapping.objects.filter(internal_id__in=[hotel.double.id, hotel.single.id]).delete()
    create_mapping(wanted(hotel, hotel.double, "2001"), by="ada")
    look(hotel)
    accept_report(hotel.channel_property, OldBookings.LINK_AND_SEND, by="ada")
    whole = settlement.import_bookings

    def meanwhile(*args: Any) -> Any:
        found = whole(*args)
        create_mapping(wanted(hotel, hotel.single, "2002"), by="bob")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(settlement, "import_bookings", meanwhile)
        check_parity(str(hotel.channel_property.id))
    work_beside()
    check_parity(str(hotel.channel_property.id))
    work_beside()

    assert units_at_beds24(beds24, 2002) == 0


def test_a_mapping_made_while_both_sides_are_compared_is_not_taken_for_clean(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    ChannelMapping.objects.filter(internal_id__in=[hotel.double.id, hotel.single.id]).delete()
    close_by_hand(beds24, 2002)
    create_mapping(wanted(hotel, hotel.double, "2001"), by="ada")
    whole = check.compare_sides

    def meanwhile(*args: Any, **options: Any) -> Any:
        found = whole(*args, **options)
        create_mapping(wanted(hotel, hotel.single, "2002"), by="bob")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(check, "compare_sides", meanwhile)
        check_parity(str(hotel.channel_property.id))
    work_beside()

    assert units_at_beds24(beds24, 2002) == 0


def test_a_pause_and_resume_while_it_opens_is_compared_again(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(hotel)
    close_by_hand(beds24, 2001, NIGHT + timedelta(days=5))
    look(hotel)
    accept_report(hotel.channel_property, OldBookings.LINK_AND_SEND, by="ada")
    whole = settlement.import_bookings

    def meanwhile(*args: Any) -> Any:
        found = whole(*args)
        hold(hotel)
        close_by_hand(beds24, 2001)
        return found

    with monkeypatch.context() as patched:
        patched.setattr(settlement, "import_bookings", meanwhile)
        check_parity(str(hotel.channel_property.id))
    work_beside()

    assert units_at_beds24(beds24) == 0
    assert not parity_of(hotel.channel_property).is_open


def test_accepting_one_mapping_beforehand_accepts_no_other(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    """The report of the first waits for a person; the second is mapped with `accept`."""
    close_by_hand(beds24, 2001)
    ChannelMapping.objects.filter(internal_id__in=[hotel.double.id, hotel.single.id]).delete()
    create_mapping(wanted(hotel, hotel.double, "2001"), by="ada")
    assert look(hotel).raised

    create_mapping(wanted(hotel, hotel.single, "2002"), by="bob", accept=True)
    check_parity(str(hotel.channel_property.id))
    work_beside()

    assert units_at_beds24(beds24) == 0


def test_a_rate_push_opens_no_room_that_is_held(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    """Its plan is live; closing and opening a night sends the units of the room with it."""
    plan: RatePlan = RatePlanFactory(room_type=hotel.double)
    RateMappingFactory(channel_property=hotel.channel_property, internal_id=plan.id, external_id="2001:1")
    set_rates([RateChange(plan.id, NIGHT, UNTIL, Decimal(100), stop_sell=True)])
    work_everything()
    remove_mapping(ChannelMapping.objects.get(internal_id=hotel.double.id), by="ada")
    work_everything()
    assert units_at_beds24(beds24) == 0
    create_mapping(wanted(hotel, hotel.double, "2001"), by="ada")
    assert look(hotel).raised

    set_rates([RateChange(plan.id, NIGHT, UNTIL, Decimal(100))])
    work_beside()

    assert not parity_of(hotel.channel_property).is_open
    assert units_at_beds24(beds24) == 0


def test_a_reservation_that_is_saved_while_held_is_still_the_same_as_its_booking(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """The desk has typed the OTA's booking in; it changes a detail while the property is held."""
    beds24.controls.book(roomId=2001, lastName="Hopper", price=100, numAdult=2, **stay())
    typed = ReservationFactory(
        room_type=hotel.double, check_in=NIGHT, check_out=UNTIL, price=Decimal(100),
        guest=GuestFactory(first_name="", last_name="Hopper", email=""),
    )  # fmt: skip
    ChannelEvent.objects.all().delete()
    hold(hotel)
    typed.notes = "late arrival"
    typed.price = Decimal(101)
    typed.save()

    go_live(hotel.channel_property)
    work_everything()

    assert (Reservation.objects.count(), len(beds24.bookings)) == (1, 1)


@pytest.mark.parametrize("when", ["before the report", "after the report"])
def test_a_webhook_of_an_old_booking_while_held_makes_no_second_reservation(
    hotel: ConnectedHotel, beds24: RunningSimulator, when: str
) -> None:
    """The guest changes a detail of a booking that the PMS has, not linked yet."""
    booking = beds24.controls.book(roomId=2001, lastName="Hopper", price=100, numAdult=2, **stay())
    ReservationFactory(
        room_type=hotel.double, check_in=NIGHT, check_out=UNTIL, price=Decimal(100),
        guest=GuestFactory(first_name="", last_name="Hopper", email=""),
    )  # fmt: skip
    ChannelEvent.objects.all().delete()
    hold(hotel)
    if when == "after the report":
        assert len(look(hotel).bookings.to_link) == 1
    told(hotel, beds24.simulator.state.bookings[booking["id"]])
    work_beside()
    go_live(hotel.channel_property)
    work_everything()

    assert (Reservation.objects.count(), len(beds24.bookings)) == (1, 1)


def test_a_booking_that_waits_is_counted_once(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    """It takes its nights as one that waits, and as one that comes in: somebody's closure seemed to be ours."""
    booking = beds24.controls.book(roomId=2001, **stay())
    hold(hotel)
    told(hotel, beds24.simulator.state.bookings[booking["id"]])
    beds24.simulator.state.rooms[2001].num_avail[NIGHT] = 8

    report = look(hotel)

    assert [(one.first, one.channel, one.pms) for one in report.raised] == [(NIGHT, 8, 9)]
    assert not report.lowered


def test_a_reservation_that_the_desk_has_cancelled_is_not_the_same_as_its_booking(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.controls.book(roomId=2001, **stay())
    hold(hotel)
    look(hotel)
    check_parity(str(hotel.channel_property.id))
    work_everything()
    assert ReservationLink.objects.count() == 1
    # Past the application: nothing of it is in the log.
    Reservation.objects.update(status=ReservationStatus.CANCELLED)
    ChannelEvent.objects.all().delete()

    hold(hotel)
    report = look(hotel)

    assert report.bookings.same == 0
    assert len(report.bookings.different) == 1


def test_a_report_that_was_accepted_days_ago_opens_nothing(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    """The worker was away from then on, the channel was changed by hand."""
    hold(hotel)
    close_by_hand(beds24, 2001, NIGHT + timedelta(days=5))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("channel_sync.parity.tasks.carry_out", lambda *_: False)
        look(hotel)
        accept_report(hotel.channel_property, OldBookings.LINK_AND_SEND, by="ada")
    ParityCheck.objects.update(made_at="2026-01-01T00:00Z", accepted_at="2026-01-01T00:00Z")
    close_by_hand(beds24, 2001)

    check_parity(str(hotel.channel_property.id))
    work_beside()

    assert units_at_beds24(beds24) == 0


@pytest.mark.parametrize("choice", [OldBookings.LINK, OldBookings.LINK_AND_SEND])
def test_what_both_have_is_in_the_pms_once_whatever_is_chosen(
    hotel: ConnectedHotel, beds24: RunningSimulator, choice: OldBookings
) -> None:
    beds24.controls.book(roomId=2001, lastName="Hopper", price=100, numAdult=2, **stay())
    ReservationFactory(
        room_type=hotel.double, check_in=NIGHT, check_out=UNTIL, price=Decimal(100),
        guest=GuestFactory(first_name="", last_name="Hopper", email=""),
    )  # fmt: skip
    ChannelEvent.objects.all().delete()
    hold(hotel)
    look(hotel)
    accept_report(hotel.channel_property, choice, by="ada")
    check_parity(str(hotel.channel_property.id))
    work_everything()
    assert Reservation.objects.count() == 1
