"""What we sent comes back, late or after another change of the PMS: it undoes nothing."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from channel_sync.connections.account import calling
from channel_sync.inbound.pull import pull_bookings
from channel_sync.models import (
    ChannelAccount,
    ChannelEvent,
    Conflict,
    ConflictKind,
    EventStatus,
    EventType,
    ReservationLink,
)
from channel_sync.reconciliation.resolution import Resolution, resolve_conflict
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import NewReservation, change_reservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.integration.test_late_confirmation import work_bookings

pytestmark = pytest.mark.django_db

CHECK_IN = date.today() + timedelta(days=30)
CHECK_OUT = CHECK_IN + timedelta(days=2)


@pytest.fixture
def reservation(connected: ConnectedHotel) -> Reservation:
    return create_reservation(NewReservation(connected.double.id, CHECK_IN, CHECK_OUT, price=Decimal(100)))


def pull(hotel: ConnectedHotel) -> None:
    ChannelAccount.objects.update(probe_at="2020-01-01T00:00Z")
    with calling(hotel.channel_property) as channel:
        pull_bookings(hotel.channel_property, channel)


def last_pulled() -> ChannelEvent:
    found = ChannelEvent.objects.filter(direction="inbound").order_by("-received_at").first()
    assert found is not None
    return found


def test_a_pull_confirms_a_create_whose_answer_was_lost(
    reservation: Reservation, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    work_bookings()

    pull(connected)

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.CONFIRMED
    assert ReservationLink.objects.get().reservation_id == reservation.id
    assert last_pulled().status == EventStatus.IGNORED
    assert "echo" in (last_pulled().last_error or "")


def test_an_echo_does_not_undo_a_change_that_waits_to_be_sent(
    reservation: Reservation, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    work_bookings()
    change_reservation(reservation.id, {"price": Decimal(250)})

    pull(connected)
    work_bookings()

    assert Reservation.objects.get().price == Decimal(250)
    assert [booking["price"] for booking in beds24.bookings] == [250.0]
    assert not Conflict.objects.exists()


def test_a_reservation_without_a_price_is_not_news_either(connected: ConnectedHotel) -> None:
    """Beds24 shows a price that it was not sent as 0."""
    create_reservation(NewReservation(connected.double.id, CHECK_IN, CHECK_OUT))
    work_bookings()

    pull(connected)

    assert Reservation.objects.get().price is None
    assert not ChannelEvent.objects.filter(direction="inbound").exists()


@pytest.mark.parametrize("made_by", ["the desk", "an OTA"])
def test_where_both_have_changed_the_dates_the_owner_s_stand_and_the_others_are_kept(
    connected: ConnectedHotel, beds24: RunningSimulator, made_by: str
) -> None:
    if made_by == "the desk":
        create_reservation(NewReservation(connected.double.id, CHECK_IN, CHECK_OUT, price=Decimal(100)))
    else:
        room = int(connected.room_id(connected.double))
        beds24.controls.book(roomId=room, arrival=str(CHECK_IN), departure=str(CHECK_OUT), channel="booking")
        pull(connected)
    work_bookings()
    of_the_desk, of_the_channel = CHECK_OUT + timedelta(days=3), CHECK_OUT + timedelta(days=1)
    change_reservation(Reservation.objects.get().id, {"check_out": of_the_desk, "notes": "a cot"})
    beds24.controls.change(beds24.bookings[0]["id"], departure=str(of_the_channel), numChild=1)

    pull(connected)
    work_bookings()

    stands = of_the_desk if made_by == "the desk" else of_the_channel
    reservation, (booking,) = Reservation.objects.get(), beds24.bookings
    assert (reservation.check_out, booking["departure"]) == (stands, str(stands))
    assert (reservation.notes, booking["notes"]) == ("a cot", "a cot")
    assert (reservation.children, booking["numChild"]) == (1, 1)
    conflict = Conflict.objects.get()
    assert conflict.kind == ConflictKind.CONCURRENT_CHANGE
    assert conflict.pms_side["changed"]["dates"] == [str(CHECK_IN), str(of_the_desk)]
    assert conflict.channel_side["changed"]["dates"] == [str(CHECK_IN), str(of_the_channel)]
    winner = conflict.pms_side if made_by == "the desk" else conflict.channel_side
    assert winner["stands"] == ["dates"]


@pytest.mark.parametrize("made_by", ["the desk", "an OTA"])
def test_one_click_turns_it_round_on_both_sides(
    connected: ConnectedHotel, beds24: RunningSimulator, made_by: str
) -> None:
    test_where_both_have_changed_the_dates_the_owner_s_stand_and_the_others_are_kept(connected, beds24, made_by)
    conflict = Conflict.objects.get()
    other = Resolution.TAKE_CHANNEL if made_by == "the desk" else Resolution.KEEP_PMS

    resolve_conflict(conflict.id, other, by="root")
    work_bookings()

    wanted = CHECK_OUT + timedelta(days=1 if other is Resolution.TAKE_CHANNEL else 3)
    assert (Reservation.objects.get().check_out, beds24.bookings[0]["departure"]) == (wanted, str(wanted))
    assert Reservation.objects.get().notes == "a cot"
    conflict.refresh_from_db()
    assert (conflict.status, conflict.resolution) == ("resolved", other.value)


def test_a_second_clash_of_a_booking_keeps_what_the_first_one_lost(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    test_where_both_have_changed_the_dates_the_owner_s_stand_and_the_others_are_kept(connected, beds24, "an OTA")
    change_reservation(Reservation.objects.get().id, {"price": Decimal(90)})
    beds24.controls.change(beds24.bookings[0]["id"], price=80)

    pull(connected)
    work_bookings()

    conflict = Conflict.objects.get()
    assert set(conflict.pms_side["changed"]) == {"dates", "price"}
    assert conflict.channel_side["stands"] == ["dates", "price"]
    resolve_conflict(conflict.id, Resolution.KEEP_PMS, by="root")
    work_bookings()
    (booking,) = beds24.bookings
    assert (booking["departure"], booking["price"]) == (str(CHECK_OUT + timedelta(days=3)), 90)


def test_a_decision_for_what_stands_changes_nothing(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    test_where_both_have_changed_the_dates_the_owner_s_stand_and_the_others_are_kept(connected, beds24, "the desk")
    calls = len(beds24.posts("/bookings"))

    resolve_conflict(Conflict.objects.get().id, Resolution.KEEP_PMS, by="root")
    work_bookings()

    assert Reservation.objects.get().check_out == CHECK_OUT + timedelta(days=3)
    assert len(beds24.posts("/bookings")) == calls


def test_a_change_back_at_the_channel_is_applied(
    reservation: Reservation, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    work_bookings()
    change_reservation(reservation.id, {"check_out": CHECK_OUT + timedelta(days=3)})
    work_bookings()
    assert ChannelEvent.objects.get(event_type=EventType.BOOKING_UPDATE).status == EventStatus.DONE

    beds24.controls.change(beds24.bookings[0]["id"], departure=str(CHECK_OUT))
    pull(connected)

    assert Reservation.objects.get().check_out == CHECK_OUT
    assert not Conflict.objects.exists()
