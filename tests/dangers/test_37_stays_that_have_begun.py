"""A channel cancelled a guest in house, and one who had not come ten days ago; it moved another by 20 days, unasked."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.beds24.webhook import parse_webhook
from channel_sync.conflicts import CHANGED
from channel_sync.inbound.receipt import receive_notification
from channel_sync.inventory.availability import check_availability
from channel_sync.models import (
    Alert,
    AlertKind,
    ChannelEvent,
    Conflict,
    ConflictKind,
    ConflictStatus,
    Direction,
    EventStatus,
    EventType,
)
from channel_sync.monitoring.alerts import follow
from channel_sync.monitoring.begun_stay_rules import begun_stay_findings
from channel_sync.pms import host_pms
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.resolution import Resolution, resolve_conflict
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import Reservation, ReservationStatus, StayPhase
from pms_project.pms.services import stays
from pms_project.pms.services.reservations import cancel_reservation, change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, hours_pass, webhook_of
from tests.dangers.working import work_everything
from tests.drift import do_not_wait, plenty_of_credits

pytestmark = pytest.mark.django_db

Json = dict[str, Any]

FIRST, SECOND, THIRD = (timedelta(seconds=10 * number) for number in (1, 2, 3))
OF_AN_OTA = {
    "channel": "booking", "apiReference": "BDC-77", "price": 240.5, "lastName": "Lovelace",
    "email": "ada@example.org", "numAdult": 2,
}  # fmt: skip


class House:
    """A hotel with one booking of an OTA: what each side has of it, and what happens to it."""

    def __init__(self, connected: ConnectedHotel, beds24: RunningSimulator, first: int, nights: int) -> None:
        self.connected, self.beds24 = connected, beds24
        self.today: date = host_pms().property_facts(connected.hotel.id).today()
        self.arrival = self.today + timedelta(days=first)
        self.departure = self.arrival + timedelta(days=nights)
        made = beds24.controls.book(roomId=2001, arrival=str(self.arrival), departure=str(self.departure), **OF_AN_OTA)
        self.number = made["id"]
        webhook_of(connected, made)
        work_everything()

    @property
    def stay(self) -> Reservation:
        return Reservation.objects.get()

    @property
    def booking(self) -> Json:
        (found,) = self.beds24.bookings
        return found

    @property
    def conflict(self) -> Conflict:
        return Conflict.objects.get(status=ConflictStatus.OPEN)

    def here(self) -> tuple[Any, ...]:
        stay = self.stay
        room = 2001 if stay.room_type_id == self.connected.double.id else 2002
        return stay.status, str(stay.check_in), str(stay.check_out), room, stay.units

    def there(self) -> tuple[Any, ...]:
        booking = self.booking
        status = ReservationStatus.CANCELLED if booking["status"] == "cancelled" else ReservationStatus.CONFIRMED
        return status, booking["arrival"], booking["departure"], booking["roomId"], booking["roomQty"]

    def as_sold(self) -> tuple[Any, ...]:
        return ReservationStatus.CONFIRMED, str(self.arrival), str(self.departure), 2001, 1

    def ota(self, after: timedelta = FIRST, **changes: Any) -> None:
        """The OTA changes the booking; its webhook comes."""
        self.deliver(at_beds24(self.beds24, self.number, after=after, **changes))

    def deliver(self, booking: Json, *left_out: str) -> None:
        shown = {name: value for name, value in booking.items() if name not in (*left_out, "infoItems")}
        body = {"timeStamp": "2026-11-01T12:00:05Z", "booking": shown, "infoItems": [], "retries": 0}
        receive_notification(self.connected.channel_property, parse_webhook(body))
        work_everything()

    def delete_there(self) -> None:
        webhook_of(self.connected, at_beds24(self.beds24, self.number, after=FIRST), EventType.BOOKING_DELETED)
        del self.beds24.simulator.state.bookings[self.number]
        work_everything()

    def echo(self, after: timedelta) -> None:
        """Hours later a webhook shows what we have sent."""
        hours_pass(self.connected)
        self.deliver(at_beds24(self.beds24, self.number, after=after))

    def compare(self) -> tuple[int, int]:
        run = reconcile_bookings(self.connected.channel_property, RunOptions(wait=do_not_wait))
        work_everything()
        return run.fixed, run.flagged

    def resolve(self, resolution: Resolution) -> None:
        resolve_conflict(self.conflict.id, resolution, by="clerk")
        work_everything()

    def written(self) -> list[Json]:
        return [item for call in self.beds24.posts("/bookings") for item in call["body"]]


@pytest.fixture
def in_house(connected: ConnectedHotel, beds24: RunningSimulator) -> House:
    """The guest came yesterday and stays for two more nights."""
    plenty_of_credits(beds24.simulator.state, connected)
    return House(connected, beds24, -1, 3)


def moved(house: House) -> Json:
    return {
        "arrival": str(house.arrival + timedelta(days=20)),
        "departure": str(house.departure + timedelta(days=20)),
    }


CHANGES = {
    "cancelled": lambda house: {"status": "cancelled"},
    "an inquiry": lambda house: {"status": "inquiry"},
    "moved by 20 days": moved,
    "another room type": lambda house: {"roomId": 2002},
    "two rooms": lambda house: {"roomQty": 2},
}
every_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)


@every_change
def test_a_guest_in_house_stays_where_the_desk_has_them(in_house: House, change: Any) -> None:
    in_house.ota(**change(in_house))

    assert in_house.here() == in_house.as_sold()
    conflict = in_house.conflict
    assert (conflict.kind, conflict.severity) == (ConflictKind.STAY_BEGUN, "high")
    assert conflict.channel_side["booking_id"] == str(in_house.number)
    assert set(conflict.channel_side[CHANGED]) == set(conflict.pms_side["stands"])
    assert in_house.written() == []


def test_a_guest_who_did_not_come_ten_days_ago_is_not_cancelled(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    house = House(connected, beds24, -12, 2)
    stays.mark_no_show(house.stay.id)

    house.ota(status="cancelled")

    assert house.here() == house.as_sold()
    assert house.conflict.pms_side["phase"] == "no_show"


def test_a_guest_who_has_left_is_not_moved(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    house = House(connected, beds24, -3, 3)

    house.ota(**moved(house))

    assert house.here() == house.as_sold()
    assert house.conflict.pms_side["phase"] == "departed"


@pytest.mark.parametrize("first", [0, 5], ids=["on the day of arrival", "before it"])
def test_a_guest_who_is_expected_is_changed_and_cancelled_as_before(
    connected: ConnectedHotel, beds24: RunningSimulator, first: int
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    house = House(connected, beds24, first, 2)

    house.ota(departure=str(house.departure + timedelta(days=1)))
    assert house.here() == house.there()
    house.ota(after=SECOND, status="cancelled")

    assert house.stay.status == ReservationStatus.CANCELLED
    assert not Conflict.objects.exists()


def test_the_desk_may_say_that_a_guest_has_come_early(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    house = House(connected, beds24, 1, 2)
    stays.check_in(house.stay.id)

    house.ota(status="cancelled")

    assert house.here() == house.as_sold()
    assert house.conflict.kind == ConflictKind.STAY_BEGUN


def test_a_booking_that_is_moved_into_the_past_is_judged_by_the_stay_of_the_pms(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    house = House(connected, beds24, 5, 2)

    house.ota(arrival=str(house.today - timedelta(days=2)), departure=str(house.today + timedelta(days=1)))

    assert house.here() == house.there()
    assert not Conflict.objects.exists()


def test_price_contact_and_party_are_taken_over_with_the_rest_withheld(in_house: House) -> None:
    in_house.ota(price=300, phone="34611111111", numAdult=1, **moved(in_house))

    stay = in_house.stay
    assert stay.guest is not None
    assert (stay.price, stay.guest.phone, stay.adults) == (Decimal("300.00"), "34611111111", 1)
    assert in_house.here() == in_house.as_sold()
    assert list(in_house.conflict.channel_side[CHANGED]) == ["dates"]


def test_a_booking_that_can_only_be_read_as_cancelled(in_house: House) -> None:
    cancelled = at_beds24(in_house.beds24, in_house.number, after=FIRST, status="cancelled")
    in_house.deliver({**cancelled, "arrival": "soon"})

    assert in_house.here() == in_house.as_sold()
    assert in_house.conflict.channel_side[CHANGED] == {"status": "cancelled"}


def test_a_booking_that_is_deleted_at_the_channel(in_house: House) -> None:
    in_house.delete_there()

    assert in_house.here() == in_house.as_sold()
    assert in_house.conflict.channel_side["deleted"] is True
    assert in_house.compare() == (0, 1)
    assert in_house.conflict.kind == ConflictKind.STAY_BEGUN


def test_what_the_desk_does_not_give_back_is_not_sold_again(in_house: House) -> None:
    in_house.ota(status="cancelled")

    room = in_house.beds24.simulator.state.rooms[2001]
    assert room.available(in_house.today) == 9


def test_a_booking_that_is_new_to_the_pms_is_made_although_it_has_begun(in_house: House) -> None:
    assert in_house.here() == in_house.as_sold()


@pytest.mark.parametrize("left", [timedelta(days=-1), timedelta(days=2)], ids=["early departure", "extension"])
def test_early_departure_and_extension_from_the_desk_go_out(in_house: House, left: timedelta) -> None:
    stays.check_in(in_house.stay.id)

    change_reservation(in_house.stay.id, {"check_out": in_house.departure + left})
    work_everything()

    assert in_house.written() == [
        {"id": in_house.number, "arrival": str(in_house.arrival), "departure": str(in_house.departure + left)}
    ]
    in_house.echo(SECOND)
    assert in_house.here() == in_house.there()
    assert not Conflict.objects.exists()


def test_a_move_to_another_room_type_at_the_desk_goes_out(in_house: House) -> None:
    change_reservation(in_house.stay.id, {"room_type_id": in_house.connected.single.id})
    work_everything()

    assert in_house.here() == in_house.there()
    assert in_house.booking["roomId"] == 2002


def test_an_extension_while_the_conflict_is_open_settles_it(in_house: House) -> None:
    in_house.ota(departure=str(in_house.departure + timedelta(days=9)))

    change_reservation(in_house.stay.id, {"check_out": in_house.departure + timedelta(days=1)})
    work_everything()
    in_house.echo(SECOND)

    assert in_house.here() == in_house.there()
    assert Conflict.objects.get().resolution == "gone"


def test_a_note_of_the_desk_does_not_take_along_what_is_withheld(in_house: House) -> None:
    in_house.ota(status="cancelled", **moved(in_house))
    theirs = in_house.there()

    change_reservation(in_house.stay.id, {"notes": "a cot"})
    work_everything()

    assert in_house.written() == [{"id": in_house.number, "notes": "a cot"}]
    assert (in_house.here(), in_house.there()) == (in_house.as_sold(), theirs)


def test_what_both_changed_is_as_the_desk_has_it_and_is_one_conflict(in_house: House) -> None:
    at_beds24(in_house.beds24, in_house.number, after=FIRST, departure=str(in_house.departure + timedelta(days=4)))
    change_reservation(in_house.stay.id, {"check_out": in_house.departure + timedelta(days=1)})
    work_everything()
    in_house.echo(SECOND)

    assert in_house.here() == in_house.there()
    assert in_house.stay.check_out == in_house.departure + timedelta(days=1)
    assert in_house.conflict.kind == ConflictKind.STAY_BEGUN
    assert Conflict.objects.count() == 1
    in_house.compare()

    in_house.resolve(Resolution.TAKE_CHANNEL)

    assert in_house.here() == in_house.there()
    assert in_house.stay.check_out == in_house.departure + timedelta(days=4)


def test_the_conflict_keeps_the_latest_wish_and_closes_when_it_is_taken_back(in_house: House) -> None:
    for number, days in enumerate((1, 2), start=1):
        in_house.ota(after=number * FIRST, departure=str(in_house.departure + timedelta(days=days)))
    latest = [str(in_house.arrival), str(in_house.departure + timedelta(days=2))]
    assert in_house.conflict.channel_side[CHANGED] == {"dates": latest}
    in_house.ota(after=THIRD, price=300)
    assert in_house.conflict.channel_side[CHANGED] == {"dates": latest}

    in_house.ota(after=4 * FIRST, departure=str(in_house.departure))

    assert Conflict.objects.get().resolution == "gone"
    assert in_house.here() == in_house.as_sold()


def test_a_booking_that_is_reinstated_closes_the_conflict(in_house: House) -> None:
    in_house.ota(status="cancelled")
    in_house.ota(after=SECOND, status="confirmed")

    assert Conflict.objects.get().resolution == "gone"
    in_house.ota(after=THIRD, status="cancelled")
    assert in_house.conflict.kind == ConflictKind.STAY_BEGUN


def test_a_request_that_the_channel_confirms_is_confirmed(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    house = House(connected, beds24, -1, 3)
    house.ota(status="request")
    house.ota(after=SECOND, status="confirmed")

    assert house.stay.status == ReservationStatus.CONFIRMED
    assert not Conflict.objects.exists()


@every_change
def test_taking_the_channels_side_changes_the_stay(in_house: House, change: Any) -> None:
    in_house.ota(**change(in_house))

    in_house.resolve(Resolution.TAKE_CHANNEL)

    if in_house.booking["status"] == "inquiry":
        assert in_house.stay.status == ReservationStatus.INQUIRY
    else:
        assert in_house.here() == in_house.there()
    assert in_house.written() == []
    in_house.echo(SECOND)
    assert in_house.compare() == (0, 0)
    assert not Conflict.objects.filter(status=ConflictStatus.OPEN).exists()


@every_change
def test_keeping_the_pms_brings_the_stay_back_at_the_channel(in_house: House, change: Any) -> None:
    in_house.ota(**change(in_house))

    in_house.resolve(Resolution.KEEP_PMS)

    assert in_house.booking["status"] in ("confirmed", "new")
    assert in_house.here() == in_house.there() == in_house.as_sold()
    in_house.echo(SECOND)
    assert in_house.compare() == (0, 0)
    assert in_house.here() == in_house.there() == in_house.as_sold()
    assert not Conflict.objects.filter(status=ConflictStatus.OPEN).exists()
    assert in_house.beds24.simulator.state.rooms[2001].available(in_house.today) == 9


@every_change
def test_a_dismissed_conflict_leaves_both_sides_and_is_not_opened_again(in_house: House, change: Any) -> None:
    in_house.ota(**change(in_house))
    theirs = in_house.there()

    in_house.resolve(Resolution.DISMISS)
    in_house.echo(SECOND)
    in_house.ota(after=THIRD, price=300)
    assert in_house.compare() == (0, 0)

    assert (in_house.here(), in_house.there()) == (in_house.as_sold(), theirs)
    assert not Conflict.objects.filter(status=ConflictStatus.OPEN).exists()


def test_keeping_a_stay_whose_booking_was_deleted_books_it_again(in_house: House) -> None:
    in_house.delete_there()

    in_house.resolve(Resolution.KEEP_PMS)

    assert in_house.there() == in_house.here() == in_house.as_sold()


@every_change
def test_a_comparison_flags_once_and_puts_nothing_right(in_house: House, change: Any) -> None:
    at_beds24(in_house.beds24, in_house.number, after=FIRST, **change(in_house))
    hours_pass(in_house.connected)

    for _ in range(2):
        assert in_house.compare() == (0, 1)

    assert in_house.here() == in_house.as_sold()
    assert in_house.conflict.kind == ConflictKind.STAY_BEGUN
    assert not ChannelEvent.objects.filter(direction=Direction.INBOUND, event_type=EventType.BOOKING_CANCELLED).exists()
    # Its webhook comes late: no news.
    in_house.resolve(Resolution.DISMISS)
    in_house.echo(FIRST)
    assert in_house.compare() == (0, 0)
    assert not Conflict.objects.filter(status=ConflictStatus.OPEN).exists()


def test_a_comparison_finds_all_that_differs_in_one_conflict_and_its_end(in_house: House) -> None:
    at_beds24(in_house.beds24, in_house.number, after=FIRST, roomId=2002, roomQty=2, **moved(in_house))
    in_house.compare()
    assert set(in_house.conflict.channel_side[CHANGED]) == {"dates", "room", "units"}

    at_beds24(
        in_house.beds24, in_house.number, after=SECOND, roomId=2001, roomQty=1,
        arrival=str(in_house.arrival), departure=str(in_house.departure),
    )  # fmt: skip
    assert in_house.compare() == (0, 0)

    assert Conflict.objects.get().resolution == "gone"


def test_a_comparison_after_the_webhook_leaves_its_conflict_open(in_house: House) -> None:
    in_house.ota(status="cancelled")
    opened = in_house.conflict.id

    assert in_house.compare() == (0, 1)

    assert in_house.conflict.id == opened
    assert Conflict.objects.count() == 1


def test_a_stay_that_the_desk_cancels_has_no_conflict_left(in_house: House) -> None:
    in_house.ota(status="cancelled")
    cancel_reservation(in_house.stay.id)
    work_everything()

    assert in_house.compare() == (0, 0)

    assert Conflict.objects.get().resolution == "gone"
    assert in_house.here() == in_house.there()


def test_somebody_hears_of_it_at_once_until_it_is_settled(in_house: House) -> None:
    in_house.ota(status="cancelled")

    follow(begun_stay_findings(), now=timezone.now())

    alert = Alert.objects.get(kind=AlertKind.STAY_BEGUN)
    for part in (
        f"booking:{in_house.number}", str(in_house.connected.channel_property), "BDC-77", str(in_house.arrival),
        str(in_house.departure), "in house", "cancelled", "settle",
    ):  # fmt: skip
        assert part in alert.message
    assert "Lovelace" not in alert.message
    assert alert.fired_to

    in_house.resolve(Resolution.DISMISS)
    follow(begun_stay_findings(), now=timezone.now())

    assert Alert.objects.get().resolved_at is not None


def test_marks_of_the_desk_send_nothing(in_house: House) -> None:
    stays.check_in(in_house.stay.id)
    stays.check_out(in_house.stay.id)
    work_everything()

    assert in_house.stay.phase == StayPhase.DEPARTED
    assert not ChannelEvent.objects.filter(direction=Direction.OUTBOUND).exists()
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()


def test_what_the_ota_has_sold_anew_is_kept_for_it_until_somebody_decides(in_house: House) -> None:
    in_house.ota(**moved(in_house))
    night = in_house.arrival + timedelta(days=20)
    assert in_house.conflict.kind == ConflictKind.STAY_BEGUN
    assert check_availability(in_house.connected.double.id, night, night + timedelta(days=1)) == 9

    in_house.resolve(Resolution.KEEP_PMS)

    assert check_availability(in_house.connected.double.id, night, night + timedelta(days=1)) == 10
    assert in_house.beds24.simulator.state.rooms[2001].available(night) == 10


def test_a_change_that_our_own_write_went_over_moves_no_guest_in_house(
    in_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, seen = Beds24Channel.write_bookings, []

    def just_before(channel: Beds24Channel, writes: Any, **options: Any) -> Any:
        if not seen:
            departure = str(in_house.departure + timedelta(days=4))
            seen.append(dict(at_beds24(in_house.beds24, in_house.number, after=FIRST, departure=departure)))
        return write(channel, writes, **options)

    monkeypatch.setattr(Beds24Channel, "write_bookings", just_before)
    change_reservation(in_house.stay.id, {"check_out": in_house.departure + timedelta(days=1)})
    work_everything()
    at_beds24(in_house.beds24, in_house.number, after=SECOND)
    in_house.deliver(seen[0])

    assert in_house.here() == in_house.there()
    assert in_house.stay.check_out == in_house.departure + timedelta(days=1)
    assert (in_house.conflict.kind, in_house.conflict.pms_side["sent"]) == (ConflictKind.STAY_BEGUN, ["dates"])


def test_a_decision_about_a_guest_who_has_come_since_is_not_asked_again(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    house = House(connected, beds24, 1, 2)
    Reservation.objects.update(check_out=house.departure + timedelta(days=3))
    ChannelEvent.objects.filter(direction=Direction.OUTBOUND).delete()
    reconcile_bookings(connected.channel_property, RunOptions(wait=do_not_wait))
    assert house.conflict.kind == ConflictKind.DATES
    stays.check_in(house.stay.id)

    house.resolve(Resolution.TAKE_CHANNEL)

    assert house.here() == house.there() == house.as_sold()
    assert not Conflict.objects.filter(status=ConflictStatus.OPEN).exists()
