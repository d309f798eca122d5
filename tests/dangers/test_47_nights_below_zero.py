"""A host that sells past the locks came to minus one room: no conflict, no alert; only inbound work looked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import connection

from channel_sync.models import Conflict, ConflictKind, ConflictStatus
from channel_sync.monitoring.room_rules import room_findings
from channel_sync.operations.conflicts import resolve
from channel_sync.operations.event_actions import ignore_event
from channel_sync.outbound.changes import consume_captured
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.resolution import Resolution
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import refuse, webhook_of
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
ONE = timedelta(days=1)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    request_full_sync(connected.channel_property)
    work_everything()
    return connected


def sold_past_the_locks(hotel: ConnectedHotel, units: int = 11, first: date = NIGHT, nights: int = 2) -> Reservation:
    """A row of the host's own, which asks nobody what is free."""
    made: Reservation = ReservationFactory(
        room_type=hotel.double, units=units, check_in=first, check_out=first + nights * ONE
    )
    return made


def push_the_calendar(hotel: ConnectedHotel) -> None:
    request_full_sync(hotel.channel_property)
    work_everything()


def compare(hotel: ConnectedHotel) -> None:
    reconcile_availability(hotel.channel_property, NOW)


def overbookings() -> list[Conflict]:
    return list(
        Conflict.objects.filter(kind=ConflictKind.OVERBOOKING, status=ConflictStatus.OPEN).order_by("created_at")
    )


def free_units(conflict: Conflict) -> dict[str, int]:
    return dict(conflict.pms_side["free_units"])


def by_night(free: int, *nights: date) -> dict[str, int]:
    return {str(night): free for night in nights}


@pytest.mark.parametrize("notice", [push_the_calendar, compare])
def test_whoever_notices_opens_a_conflict(hotel: ConnectedHotel, notice: Callable[[ConnectedHotel], None]) -> None:
    sold_past_the_locks(hotel)
    work_everything()
    Conflict.objects.all().delete()

    notice(hotel)
    notice(hotel)

    (conflict,) = overbookings()
    assert conflict.subject.startswith(f"room_type:{hotel.double.id}")
    assert free_units(conflict) == by_night(-1, NIGHT, NIGHT + ONE)
    (alert,) = room_findings()
    assert alert.kind == "overbooking"
    assert "Double Room" in alert.message
    assert str(NIGHT) in alert.message


def test_plain_sql_is_noticed_by_its_own_push(hotel: ConnectedHotel) -> None:
    reservation = sold_past_the_locks(hotel, units=1)
    work_everything()
    with connection.cursor() as cursor:
        cursor.execute(f"UPDATE {Reservation._meta.db_table} SET units = 12 WHERE id = %s", [reservation.id])
    consume_captured()
    work_everything()

    (conflict,) = overbookings()
    assert set(free_units(conflict).values()) == {-2}


def test_each_run_of_nights_has_one(hotel: ConnectedHotel) -> None:
    sold_past_the_locks(hotel)
    sold_past_the_locks(hotel, first=NIGHT + 5 * ONE, nights=1)
    work_everything()

    push_the_calendar(hotel)

    assert [free_units(one) for one in overbookings()] == [
        by_night(-1, NIGHT, NIGHT + ONE),
        by_night(-1, NIGHT + 5 * ONE),
    ]


def test_a_run_that_grows_stays_one_conflict(hotel: ConnectedHotel) -> None:
    first = sold_past_the_locks(hotel)
    work_everything()
    (before,) = overbookings()
    first.check_out += 2 * ONE
    first.check_in -= ONE
    first.save()
    work_everything()

    (after,) = overbookings()
    assert after.id == before.id
    assert len(free_units(after)) == 5


@pytest.mark.parametrize("notice", [push_the_calendar, compare])
def test_it_closes_once_a_room_is_there(hotel: ConnectedHotel, notice: Callable[[ConnectedHotel], None]) -> None:
    reservation = sold_past_the_locks(hotel)
    work_everything()
    assert overbookings()
    Reservation.objects.filter(id=reservation.id).update(status=ReservationStatus.CANCELLED)

    notice(hotel)

    assert not overbookings()
    assert not list(room_findings())


def test_it_names_no_night_twice_beside_the_conflict_of_a_booking(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    sold_past_the_locks(hotel, units=10)
    webhook_of(hotel, beds24.controls.book(roomId=2001, **stay()))
    work_everything()
    push_the_calendar(hotel)
    compare(hotel)

    (conflict,) = overbookings()
    assert conflict.subject.startswith("booking:")


def test_a_booking_that_is_not_in_the_pms_yet_overbooks_too(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sold_past_the_locks(hotel, units=10)
    work_everything()
    monkeypatch.setattr(Pms, "create_reservations", refuse)
    event = webhook_of(hotel, beds24.controls.book(roomId=2001, **stay()))
    for name, value in {"room": "2001", "from": NIGHT, "until": NIGHT + 2 * ONE, "units": 1}.items():
        setattr(event, f"claimed_{name}", value)
    event.save()
    work_everything()
    compare(hotel)

    (conflict,) = overbookings()
    assert free_units(conflict) == by_night(-1, NIGHT, NIGHT + ONE)
    assert conflict.pms_side["not_in_the_pms_yet"] == by_night(1, NIGHT, NIGHT + ONE)
    (alert,) = room_findings()
    assert "not in the PMS yet" in alert.message

    ignore_event(event, by="ada", reason="the OTA has cancelled it")
    work_everything()
    compare(hotel)
    assert not overbookings()


def test_what_a_person_dismissed_comes_back_only_when_it_is_worse_or_new(hotel: ConnectedHotel) -> None:
    reservation = sold_past_the_locks(hotel)
    work_everything()
    resolve(overbookings()[0], Resolution.DISMISS, by="ada")
    push_the_calendar(hotel)
    assert not overbookings()

    reservation.units = 12
    reservation.save()
    work_everything()
    (conflict,) = overbookings()
    resolve(conflict, Resolution.DISMISS, by="ada")
    for units in (10, 12):
        reservation.units = units
        reservation.save()
        work_everything()
    assert len(overbookings()) == 1


def test_a_dry_run_opens_nothing(hotel: ConnectedHotel) -> None:
    sold_past_the_locks(hotel)
    work_everything()
    Conflict.objects.all().delete()

    reconcile_availability(hotel.channel_property, RunOptions(wait=do_not_wait, dry_run=True))

    assert not overbookings()


@pytest.mark.parametrize(("shown", "is_alerted"), [(14, True), (12, True), (11, False), (6, False)])
def test_two_units_too_many_at_the_channel_are_alerted_until_they_are_gone(
    hotel: ConnectedHotel, beds24: RunningSimulator, shown: int, is_alerted: bool
) -> None:
    beds24.simulator.state.rooms[2001].qty = 20
    beds24.simulator.state.rooms[2001].num_avail[NIGHT] = shown
    compare(hotel)

    found = list(room_findings())
    assert [finding.kind.value for finding in found] == ["too_many_for_sale"] * is_alerted
    if not is_alerted:
        return
    assert f"{shown} instead of 10" in found[0].message
    work_everything()
    assert units_at_beds24(beds24) == 10
    compare(hotel)
    assert not list(room_findings())
