"""One event that failed hid others: a price put right made a failed change look applied."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from channel_sync.models import ChannelEvent, Direction, EventStatus, EventType
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation
from pms_project.pms.services.rates import RateChange, set_rates
from pms_project.pms.services.reservations import change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, hours_pass, refuse, webhook_of, work_only
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import RateMappingFactory, RatePlanFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
DAYS_AGO = timedelta(days=-3)
ADDED_NIGHT = NIGHT + timedelta(days=3)


def extended_in_vain(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, *, later: timedelta
) -> ChannelEvent:
    """An OTA adds three nights to a booking of two, and four to its price; the host cannot take that in."""
    plenty_of_credits(beds24.simulator.state, hotel)
    booking = beds24.controls.book(roomId=2001, price=200, **stay())
    webhook_of(hotel, at_beds24(beds24, booking["id"], after=DAYS_AGO))
    work_everything()
    extended = at_beds24(beds24, booking["id"], after=DAYS_AGO + later, price=204, **stay(nights=5))
    event = webhook_of(hotel, extended, EventType.BOOKING_MODIFIED)
    with monkeypatch.context() as faulty:
        faulty.setattr(Pms, "modify_reservation", refuse)
        work_only(Direction.INBOUND, rounds=4)
    event.refresh_from_db()
    assert (event.status, units_at_beds24(beds24, night=ADDED_NIGHT)) == (EventStatus.FAILED, 9)
    hours_pass(hotel)
    return event


@pytest.fixture
def failed(connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> ChannelEvent:
    return extended_in_vain(connected, beds24, monkeypatch, later=timedelta(hours=1))


def test_a_price_is_put_right_beside_a_change_that_failed(failed: ChannelEvent, connected: ConnectedHotel) -> None:
    run = reconcile_bookings(connected.channel_property, NOW)

    failed.refresh_from_db()
    assert (run.fixed, failed.status) == (1, EventStatus.FAILED)
    assert Reservation.objects.get().price == Decimal(204)


def test_the_nights_of_the_change_are_not_raised_once_its_price_is_put_right(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    reconcile_bookings(connected.channel_property, NOW)

    request_full_sync(connected.channel_property)
    work_only(Direction.OUTBOUND, rounds=2)

    assert units_at_beds24(beds24, night=ADDED_NIGHT) == 9


def test_a_note_of_the_desk_does_not_undo_the_change_once_its_price_is_put_right(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    reconcile_bookings(connected.channel_property, NOW)

    change_reservation(Reservation.objects.get().id, {"notes": "late arrival"})
    work_only(Direction.OUTBOUND, rounds=3)

    assert beds24.bookings[0]["departure"] == str(NIGHT + timedelta(days=5))


def test_a_change_in_the_second_of_the_booking_is_not_taken_for_applied(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    extended_in_vain(connected, beds24, monkeypatch, later=timedelta(0))

    request_full_sync(connected.channel_property)
    work_only(Direction.OUTBOUND, rounds=2)

    assert units_at_beds24(beds24, night=ADDED_NIGHT) == 9


def test_a_rate_that_was_refused_is_found_missing_by_the_next_comparison(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    plan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id="2001:1")
    beds24.controls.fail_next(kind="status", status=400, method="POST", path="/inventory/rooms/calendar", times=1)
    set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=2), Decimal(120))])
    work_everything()
    failed = ChannelEvent.objects.get(event_type=EventType.RATE_UPDATE)
    assert failed.status == EventStatus.FAILED

    run = reconcile_rates(connected.channel_property, NOW)
    work_everything()

    failed.refresh_from_db()
    assert (run.fixed, failed.status) == (2, EventStatus.FAILED)
    assert beds24.simulator.state.rooms[2001].days[NIGHT]["price1"] == 120
