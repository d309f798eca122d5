"""A failed booking lost its nights while it was tried again: waiting or under way, it counted nowhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import pytest

from channel_sync.channels.canonical import Booking
from channel_sync.events.processing import process
from channel_sync.events.store import try_once_more
from channel_sync.inbound.unapplied import UnappliedNights, unapplied_nights
from channel_sync.models import (
    ChannelEvent,
    ChannelProperty,
    Conflict,
    Direction,
    EventStatus,
    EventType,
)
from channel_sync.operations.event_actions import retry_event
from channel_sync.outbound import units
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation
from pms_project.pms.services.reservations import change_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, hours_pass, refuse, webhook_of, work_only
from tests.dangers.working import NIGHT, stay, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
DAYS_AGO = timedelta(days=-3)


@pytest.fixture
def failed(connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> ChannelEvent:
    """An OTA sold one of ten double rooms days ago, and the host could not take it in."""
    plenty_of_credits(beds24.simulator.state, connected)
    booking = beds24.controls.book(roomId=2001, **stay())
    event = webhook_of(connected, at_beds24(beds24, booking["id"], after=DAYS_AGO))
    with monkeypatch.context() as faulty:
        faulty.setattr(Pms, "create_reservations", refuse)
        work_only(Direction.INBOUND, rounds=4)
    event.refresh_from_db()
    assert (event.status, units_at_beds24(beds24)) == (EventStatus.FAILED, 9)
    hours_pass(connected)
    return event


def push_everything(hotel: ConnectedHotel) -> None:
    request_full_sync(hotel.channel_property)
    work_only(Direction.OUTBOUND, rounds=2)


def test_a_push_that_overtakes_the_retry_does_not_raise_its_nights(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    retry_event(failed, by="ada")

    push_everything(connected)
    assert units_at_beds24(beds24) == 9
    assert units_at_beds24(beds24, night=NIGHT + timedelta(days=2)) == 10

    work_everything()
    failed.refresh_from_db()
    assert (failed.status, units_at_beds24(beds24)) == (EventStatus.DONE, 9)


def test_a_push_between_two_attempts_does_not_raise_its_nights(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pms, "create_reservations", refuse)
    retry_event(failed, by="ada")
    work_only(Direction.INBOUND)
    failed.refresh_from_db()
    assert failed.status == EventStatus.RETRYING

    push_everything(connected)

    assert units_at_beds24(beds24) == 9


def test_a_push_while_a_worker_has_it_in_hand_does_not_raise_its_nights(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = Pms.create_reservations

    shown_meanwhile: list[int] = []

    def pushed_meanwhile(pms: Pms, property_id: UUID, sold: Sequence[tuple[UUID, Booking]]) -> Sequence[UUID]:
        push_everything(connected)
        shown_meanwhile.append(units_at_beds24(beds24))
        return create(pms, property_id, sold)

    monkeypatch.setattr(Pms, "create_reservations", pushed_meanwhile)
    retry_event(failed, by="ada")
    work_only(Direction.INBOUND)

    failed.refresh_from_db()
    assert (failed.status, shown_meanwhile) == (EventStatus.DONE, [9])
    assert beds24.posts("/inventory/rooms/calendar") != []


def test_a_comparison_does_not_raise_its_nights(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    retry_event(failed, by="ada")

    reconcile_availability(connected.channel_property, NOW)
    work_only(Direction.OUTBOUND, rounds=2)

    assert units_at_beds24(beds24) == 9


def test_one_that_a_comparison_tries_in_vain_keeps_its_nights(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Pms, "create_reservations", refuse)
    reconcile_bookings(connected.channel_property, NOW)

    push_everything(connected)

    failed.refresh_from_db()
    assert (failed.status, units_at_beds24(beds24)) == (EventStatus.FAILED, 9)


@pytest.mark.parametrize("moment", ["before", "after"])
def test_one_that_is_applied_while_a_push_counts_is_counted(
    failed: ChannelEvent,
    connected: ConnectedHotel,
    beds24: RunningSimulator,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    """A push reads what is not applied and what is free; between the two nothing may be lost."""

    def read_and_apply(channel_property: ChannelProperty) -> UnappliedNights:
        found = unapplied_nights(channel_property) if moment == "after" else None
        if try_once_more(failed.id):
            process(failed.id)
        return found or unapplied_nights(channel_property)

    monkeypatch.setattr(units, "unapplied_nights", read_and_apply)
    request_full_sync(connected.channel_property)
    work_only(Direction.OUTBOUND)

    failed.refresh_from_db()
    assert (failed.status, units_at_beds24(beds24)) == (EventStatus.DONE, 9)


def test_a_note_of_the_desk_does_not_undo_a_change_that_is_tried_again(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    booking = beds24.controls.book(roomId=2001, **stay())
    webhook_of(connected, at_beds24(beds24, booking["id"], after=DAYS_AGO))
    work_everything()
    extended = at_beds24(beds24, booking["id"], after=DAYS_AGO + timedelta(hours=1), **stay(nights=5))
    event = webhook_of(connected, extended, EventType.BOOKING_MODIFIED)
    with monkeypatch.context() as faulty:
        faulty.setattr(Pms, "modify_reservation", refuse)
        work_only(Direction.INBOUND, rounds=4)
    hours_pass(connected)
    event.refresh_from_db()
    retry_event(event, by="ada")

    change_reservation(Reservation.objects.get().id, {"notes": "late arrival"})
    work_only(Direction.OUTBOUND, rounds=3)
    assert beds24.bookings[0]["departure"] == str(NIGHT + timedelta(days=5))

    work_everything()
    assert Reservation.objects.get().check_out == NIGHT + timedelta(days=5)
    assert beds24.bookings[0]["departure"] == str(NIGHT + timedelta(days=5))
    assert (Reservation.objects.get().notes, beds24.bookings[0]["notes"]) == ("late arrival", "late arrival")
    assert not Conflict.objects.exists()
