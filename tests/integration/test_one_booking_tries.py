"""A call for the calendar had failed, and bookings went one by one for a quarter of an hour: until it was forgotten.

The calendar waits for the bookings, and its call is what closes the breaker.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from channel_sync.events.processing import process
from channel_sync.models import ChannelAccount, ChannelEvent, EntityType, EventStatus, EventType
from channel_sync.outbound.changes import consume_captured
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import one_round
from tests.factories import ReservationFactory

START = date.today() + timedelta(days=30)
PUSHED = "/bookings"


@pytest.fixture
def calendar_fails(connected: ConnectedHotel) -> None:
    """The breaker is open for a call of the calendar, and it is time for a probe."""
    now = timezone.now()
    failing = {f"POST /inventory/rooms/calendar of {connected.channel_property.channel_property_id}": now.isoformat()}
    ChannelAccount.objects.update(
        unavailable_since=now, probe_at=now - timedelta(seconds=1), failing_calls=failing, credits_remaining=None
    )


def reserved(hotel: ConnectedHotel, number: int) -> list[Reservation]:
    made: list[Reservation] = ReservationFactory.create_batch(
        number, room_type=hotel.double, status=ReservationStatus.PENDING_SYNC, check_in=START
    )
    return made


def events_of(reservation: Reservation) -> list[ChannelEvent]:
    return list(
        ChannelEvent.objects.filter(entity_type=EntityType.BOOKING, entity_internal_id=reservation.id).order_by(
            "received_at"
        )
    )


@pytest.mark.django_db
def test_once_a_booking_has_gone_through_the_others_follow(
    connected: ConnectedHotel, beds24: RunningSimulator, calendar_fails: None
) -> None:
    first, *others = reserved(connected, 5)

    process(events_of(first)[0].id)

    assert [len(call["body"]) for call in beds24.posts(PUSHED)] == [1, 4]
    assert {event.status for one in (first, *others) for event in events_of(one)} == {EventStatus.DONE}


@pytest.mark.django_db
def test_what_has_nothing_to_send_says_nothing_of_the_channel(
    connected: ConnectedHotel, beds24: RunningSimulator, calendar_fails: None
) -> None:
    """Cancellations go first: those that the channel never heard of were worked one a turn, and the bookings waited."""
    gone, *others = reserved(connected, 4)
    Reservation.objects.filter(id=gone.id).update(status=ReservationStatus.FAILED)

    process(events_of(gone)[0].id)

    assert [len(call["body"]) for call in beds24.posts(PUSHED)] == [1, 2]
    assert {event.status for one in others for event in events_of(one)} == {EventStatus.DONE}


@pytest.mark.django_db
def test_while_the_bookings_fail_one_of_them_tries(
    connected: ConnectedHotel, beds24: RunningSimulator, calendar_fails: None
) -> None:
    first, *others = reserved(connected, 3)
    beds24.controls.fail_next(kind="status", status=500, times=1, method="POST")

    process(events_of(first)[0].id)

    assert [len(call["body"]) for call in beds24.posts(PUSHED)] in ([], [1])
    assert {event.status for one in others for event in events_of(one)} == {EventStatus.RECEIVED}
    one_round()
    assert {event.status for one in (first, *others) for event in events_of(one)} == {EventStatus.DONE}


@pytest.mark.django_db(transaction=True)
def test_the_price_of_a_reservation_that_has_ended_is_no_cancellation(connected: ConnectedHotel) -> None:
    """Each change of prices made an event of the highest priority for each of them, as long as one was open."""
    (failed,) = reserved(connected, 1)
    failed.status = ReservationStatus.FAILED
    failed.save()
    before = len(events_of(failed))
    assert any(event.status == EventStatus.RECEIVED for event in events_of(failed))

    for price in (150, 151):
        Reservation.objects.filter(id=failed.id).update(price=Decimal(price))
        consume_captured()

    assert len(events_of(failed)) == before


@pytest.mark.django_db(transaction=True)
def test_one_that_was_taken_back_and_has_ended_again_is_still_told(connected: ConnectedHotel) -> None:
    (failed,) = reserved(connected, 1)
    failed.status = ReservationStatus.FAILED
    failed.save()
    before = len(events_of(failed))

    for status in (ReservationStatus.CONFIRMED, ReservationStatus.CANCELLED):
        Reservation.objects.filter(id=failed.id).update(status=status)
    consume_captured()

    assert [event.event_type for event in events_of(failed)[before:]] == [EventType.BOOKING_CANCEL]
