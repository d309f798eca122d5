"""Which changes of a channel a stay takes, by where its guest is."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest

from channel_sync.channels.canonical import BookingStatus, Guest
from channel_sync.merge.fields import Field
from channel_sync.merge.owners import Side
from channel_sync.merge.phases import differing, has_begun, is_of_begun_stay, withhold
from channel_sync.merge.three_way import Clash, Merged
from channel_sync.pms import Reservation, StayPhase

ARRIVAL = date(2027, 3, 10)
DEPARTURE = date(2027, 3, 12)
LATER = ["2027-03-30", "2027-04-01"]


def stay(**changes: Any) -> Reservation:
    return Reservation(
        id=uuid4(), property_id=uuid4(), room_type_id=uuid4(), check_in=ARRIVAL, check_out=DEPARTURE,
        **{"status": BookingStatus.CONFIRMED, "guest": Guest(), **changes},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("days", "expected"),
    [(-1, StayPhase.EXPECTED), (0, StayPhase.EXPECTED), (1, StayPhase.IN_HOUSE), (2, StayPhase.DEPARTED)],
)
def test_without_a_mark_the_dates_say_where_the_guest_is(days: int, expected: StayPhase) -> None:
    today = ARRIVAL + timedelta(days=days)

    assert stay().phase_on(today) is expected
    assert has_begun(stay(), today) is (expected is not StayPhase.EXPECTED)


@pytest.mark.parametrize("phase", StayPhase)
def test_a_mark_counts_more_than_the_dates(phase: StayPhase) -> None:
    for today in (ARRIVAL - timedelta(days=9), DEPARTURE + timedelta(days=9)):
        assert stay(phase=phase).phase_on(today) is phase


@pytest.mark.parametrize("status", [BookingStatus.CANCELLED, BookingStatus.INQUIRY])
def test_what_takes_no_room_is_nobodys_stay(status: BookingStatus) -> None:
    assert not has_begun(stay(status=status, phase=StayPhase.IN_HOUSE), ARRIVAL)


@pytest.mark.parametrize("field", Field)
def test_where_and_when_the_guest_stays_belongs_to_the_pms(field: Field) -> None:
    value = BookingStatus.CANCELLED.value if field is Field.STATUS else "other"

    assert is_of_begun_stay(field, value) is (field in (Field.STATUS, Field.DATES, Field.ROOM, Field.UNITS))


@pytest.mark.parametrize("status", BookingStatus)
def test_a_status_is_withheld_where_it_frees_the_room(status: BookingStatus) -> None:
    frees = status in (BookingStatus.CANCELLED, BookingStatus.INQUIRY)

    assert is_of_begun_stay(Field.STATUS, status.value) is frees


def test_the_rest_of_a_change_is_carried() -> None:
    withheld = withhold(Merged(to_pms={Field.DATES: LATER, Field.PRICE: "300.00"}, to_channel={Field.NOTES: "a cot"}))

    assert withheld.moved == Merged(to_pms={Field.PRICE: "300.00"}, to_channel={Field.NOTES: "a cot"})
    assert (withheld.channel, withheld.replaced) == ({Field.DATES: LATER}, frozenset())


@pytest.mark.parametrize("winner", Side)
def test_what_both_have_changed_goes_to_the_channel(winner: Side) -> None:
    here = ["2027-03-10", "2027-03-13"]
    clash = Clash(Field.DATES, winner, LATER, here)
    found = Merged(to_pms={Field.DATES: LATER}, clashes=(clash,))
    if winner is Side.PMS:
        found = Merged(to_channel={Field.DATES: here}, clashes=(clash,))

    withheld = withhold(found)

    assert withheld.moved == Merged(to_channel={Field.DATES: here})
    assert (withheld.channel, withheld.replaced) == ({Field.DATES: LATER}, {Field.DATES})


def test_a_cancelled_booking_is_not_reinstated_by_a_change_of_the_desk() -> None:
    clash = Clash(Field.STATUS, Side.PMS, "cancelled", "confirmed")

    withheld = withhold(Merged(to_channel={Field.STATUS: "confirmed"}, clashes=(clash,)))

    assert withheld.moved == Merged()
    assert (withheld.channel, withheld.replaced) == ({Field.STATUS: "cancelled"}, frozenset())


def test_a_clash_of_another_field_stays_one() -> None:
    clash = Clash(Field.PRICE, Side.CHANNEL, "300.00", "280.00")
    found = Merged(to_pms={Field.PRICE: "300.00"}, clashes=(clash,))

    assert withhold(found).moved == found


def test_what_the_channel_leaves_out_does_not_differ() -> None:
    here = {Field.DATES: ["2027-03-10", "2027-03-12"], Field.UNITS: 1, Field.PRICE: "200.00"}

    assert differing({Field.DATES: LATER, Field.PRICE: "300.00"}, here) == {Field.DATES: LATER}
