"""Reservations of the PMS at Beds24: created once, kept up to date, cancelled; against the simulator."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from channel_sync.events.processing import process
from channel_sync.events.store import hand_over
from channel_sync.models import (
    ChannelAccount,
    ChannelEvent,
    ChannelPropertyStatus,
    EventStatus,
    EventType,
    ReservationLink,
)
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import ReservationFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db


def work(event_type: EventType | None = None) -> list[ChannelEvent]:
    """Work the waiting events of a type, oldest first, and return them as they ended."""
    waiting = ChannelEvent.objects.filter(status=EventStatus.RECEIVED).order_by("received_at")
    events = list(waiting.filter(event_type=event_type) if event_type else waiting)
    for event in events:
        process(event.id)
        event.refresh_from_db()
    return events


def retry(event: ChannelEvent) -> None:
    """The time of the retry has come."""
    ChannelEvent.objects.filter(id=event.id).update(next_attempt_at="2020-01-01T00:00Z")
    ChannelAccount.objects.update(probe_at="2020-01-01T00:00Z")
    hand_over()
    process(event.id)
    event.refresh_from_db()


@pytest.fixture
def reservation(connected: ConnectedHotel) -> Reservation:
    made: Reservation = ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    return made


def test_a_create_reaches_beds24_with_its_key(reservation: Reservation, beds24: RunningSimulator) -> None:
    (event,) = work(EventType.BOOKING_CREATE)

    (booking,) = beds24.bookings
    (call,) = beds24.posts("/bookings")
    assert event.status == EventStatus.DONE
    assert event.entity_external_id == str(booking["id"])
    assert call["idempotencyKey"] == event.idempotency_key
    (note,) = booking["infoItems"]
    assert (note["code"], note["text"]) == ("CHANNELSYNC", event.idempotency_key)
    assert (booking["roomId"], booking["lastName"], booking["price"]) == (2001, "Hopper", 240.0)
    assert (booking["arrival"], booking["departure"]) == (str(reservation.check_in), str(reservation.check_out))


def test_a_create_links_and_confirms(reservation: Reservation, beds24: RunningSimulator) -> None:
    work(EventType.BOOKING_CREATE)

    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.CONFIRMED
    assert ReservationLink.objects.get().external_id == str(beds24.bookings[0]["id"])
    assert not ChannelEvent.objects.filter(status=EventStatus.RECEIVED, entity_type="booking").exists()


@pytest.mark.usefixtures("connected")
def test_a_change_is_sent(reservation: Reservation, beds24: RunningSimulator) -> None:
    work()
    reservation.refresh_from_db()
    reservation.price = Decimal(999)
    reservation.save()

    (event,) = work()

    assert (event.event_type, event.status) == (EventType.BOOKING_UPDATE, EventStatus.DONE)
    assert [booking["price"] for booking in beds24.bookings] == [999.0]


def test_a_cancellation_is_sent(reservation: Reservation, beds24: RunningSimulator) -> None:
    work()
    reservation.refresh_from_db()
    reservation.status = ReservationStatus.CANCELLED
    reservation.save()

    work()

    assert [booking["status"] for booking in beds24.bookings] == ["cancelled"]


def test_a_deleted_reservation_is_cancelled_at_beds24(reservation: Reservation, beds24: RunningSimulator) -> None:
    work()
    Reservation.objects.get().delete()

    work()

    assert [booking["status"] for booking in beds24.bookings] == ["cancelled"]


def test_a_reservation_cancelled_before_it_was_sent_is_never_sent(
    reservation: Reservation, beds24: RunningSimulator
) -> None:
    reservation.status = ReservationStatus.CANCELLED
    reservation.save()

    events = work()

    assert beds24.posts("/bookings") == []
    create, cancel = [event for event in events if event.entity_type == "booking"]
    assert (create.status, cancel.status, cancel.coalesced_into) == (EventStatus.IGNORED, EventStatus.DONE, create)


def test_a_later_event_finds_nothing_left_to_send(reservation: Reservation, beds24: RunningSimulator) -> None:
    reservation.price = Decimal(300)
    reservation.save()

    create, update = [event for event in work() if event.entity_type == "booking"]

    assert (create.status, update.status, update.coalesced_into) == (EventStatus.DONE, EventStatus.DONE, create)
    assert len(beds24.posts("/bookings")) == 1
    assert beds24.bookings[0]["price"] == 300.0


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "status"])
def test_a_create_whose_answer_is_lost_is_not_made_twice(
    reservation: Reservation, beds24: RunningSimulator, kind: str
) -> None:
    beds24.controls.fail_next(kind=kind, method="POST", path="/bookings")
    (event,) = work(EventType.BOOKING_CREATE)
    assert event.status == EventStatus.RETRYING

    retry(event)

    assert event.status == EventStatus.DONE
    assert len(beds24.bookings) == 1
    reservation.refresh_from_db()
    assert reservation.status == ReservationStatus.CONFIRMED


def test_a_refusal_fails_the_event_and_the_reservation(reservation: Reservation, beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms.pop(2001)

    (event,) = work(EventType.BOOKING_CREATE)

    reservation.refresh_from_db()
    assert (event.status, event.attempts) == (EventStatus.FAILED, 1)
    assert "roomId: room not found" in event.last_error
    assert reservation.status == ReservationStatus.FAILED
    assert "room not found" in reservation.failure_reason
    assert "Hopper" not in event.last_error


def test_no_credits_put_the_create_off_until_the_window_resets(
    reservation: Reservation, beds24: RunningSimulator
) -> None:
    beds24.controls.fail_next(kind="status", status=429, seconds=120, path="/bookings")

    (event,) = work(EventType.BOOKING_CREATE)

    assert (event.status, event.attempts) == (EventStatus.RETRYING, 0)
    assert 100 < (event.next_attempt_at - event.updated_at).total_seconds() < 140


def test_a_move_to_an_unmapped_room_type_fails_and_names_it(
    connected: ConnectedHotel, reservation: Reservation
) -> None:
    work()
    reservation.refresh_from_db()
    suite = RoomTypeFactory(hotel=connected.hotel, name="Garden House")
    reservation.room_type = suite
    reservation.save()

    (update, *_) = work(EventType.BOOKING_UPDATE)

    assert update.status == EventStatus.FAILED
    assert str(suite.id) in update.last_error


def test_a_token_that_is_refused_is_replaced_and_the_call_made_again(
    reservation: Reservation, beds24: RunningSimulator
) -> None:
    for account in beds24.simulator.state.accounts.values():
        account.tokens.clear()

    (event,) = work(EventType.BOOKING_CREATE)

    assert event.status == EventStatus.DONE


def test_one_reservation_at_two_channels_has_a_key_for_each(connected: ConnectedHotel, reservation: Any) -> None:
    keys = ChannelEvent.objects.values_list("idempotency_key", flat=True)

    assert len(keys) == len(set(keys))


def test_waiting_bookings_of_a_property_go_in_one_call(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    made = [ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC) for _ in range(7)]

    events = work(EventType.BOOKING_CREATE)

    assert len(beds24.posts("/bookings")) == 1
    assert {event.status for event in events} == {EventStatus.DONE}
    assert ReservationLink.objects.filter(reservation__in=made).count() == 7
    keys = {item["text"] for booking in beds24.bookings for item in booking["infoItems"]}
    assert keys == {event.idempotency_key for event in events}
    assert set(Reservation.objects.values_list("status", flat=True)) == {ReservationStatus.CONFIRMED}


def test_one_refused_booking_does_not_keep_the_others(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    good = ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    bad = ReservationFactory(room_type=connected.single, status=ReservationStatus.PENDING_SYNC)
    beds24.simulator.state.rooms.pop(2002)

    work(EventType.BOOKING_CREATE)

    good.refresh_from_db()
    bad.refresh_from_db()
    assert (good.status, bad.status) == (ReservationStatus.CONFIRMED, ReservationStatus.FAILED)


def test_an_event_that_was_tried_before_goes_alone(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    (event,) = work(EventType.BOOKING_CREATE)
    ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)

    retry(event)

    assert {len(call["body"]) for call in beds24.posts("/bookings")} == {1}
    assert event.status == EventStatus.DONE


def test_a_call_that_is_refused_as_a_whole_is_made_again_for_each(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    ReservationFactory.create_batch(3, room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    beds24.controls.fail_next(kind="status", status=400, method="POST", path="/bookings")

    events = work(EventType.BOOKING_CREATE)
    assert {event.status for event in events} == {EventStatus.RETRYING}
    for event in events:
        retry(event)

    assert len(beds24.bookings) == 3
    assert [len(call["body"]) for call in beds24.posts("/bookings")] == [1, 1, 1]


def test_while_beds24_is_down_one_event_tries_and_the_others_wait(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    for _ in range(3):
        ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    events = list(ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE).order_by("received_at"))
    beds24.controls.fail_next(kind="status", status=503, times=-1)
    ChannelAccount.objects.update(unavailable_since=timezone.now(), probe_at=timezone.now() - timedelta(seconds=1))

    for event in events:
        process(event.id)

    assert set(ChannelEvent.objects.filter(id__in=[e.id for e in events]).values_list("status", "attempts")) == {
        (EventStatus.RETRYING, 0)
    }
    assert ChannelAccount.objects.get().failed_probes == 1
    beds24.controls.clear_faults()
    for event in events:
        retry(event)
    assert len(beds24.bookings) == 3
    assert ChannelAccount.objects.get().unavailable_since is None


def test_a_login_that_is_gone_holds_the_property_and_loses_nothing(
    connected: ConnectedHotel, reservation: Reservation, beds24: RunningSimulator
) -> None:
    for account in beds24.simulator.state.accounts.values():
        account.tokens.clear()
        account.refresh_tokens.clear()

    (event,) = work(EventType.BOOKING_CREATE)

    connected.channel_property.refresh_from_db()
    assert connected.channel_property.status == ChannelPropertyStatus.ERROR
    assert (event.status, event.attempts) == (EventStatus.RETRYING, 0)


def test_a_lost_create_whose_reservation_was_cancelled_is_cancelled_and_linked(
    reservation: Reservation, beds24: RunningSimulator
) -> None:
    beds24.controls.fail_next(kind="drop_after", method="POST", path="/bookings")
    (create,) = work(EventType.BOOKING_CREATE)
    reservation.status = ReservationStatus.CANCELLED
    reservation.save()

    retry(create)

    (booking,) = beds24.bookings
    link = ReservationLink.objects.get()
    assert booking["status"] == "cancelled"
    assert (link.external_id, link.reservation_id) == (str(booking["id"]), reservation.id)
