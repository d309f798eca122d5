"""Thousands of availability updates of a room type, each put off every second by itself, kept a queue full for minutes.

One of them looks whether it is their turn: its push is theirs too.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from channel_sync.connections.account import PAUSED_RETRY, calling
from channel_sync.errors import NotYet, WaitsFor
from channel_sync.events.processing import process
from channel_sync.events.store import claim, snooze
from channel_sync.models import ChannelEvent, ChannelProperty, EntityType, EventStatus, EventType
from channel_sync.operations.properties import pause
from channel_sync.outbound.coalescing import leading
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import resume_and_go_live, work_everything
from tests.factories import MaintenanceBlockFactory, ReservationFactory, RoomFactory

pytestmark = pytest.mark.django_db

START = date.today() + timedelta(days=30)
NUMBER = 12


def blocked(room_type: Any, number: int = NUMBER) -> list[ChannelEvent]:
    """As many availability updates, whose messages are in the queue."""
    known = set(ChannelEvent.objects.values_list("id", flat=True))
    for day in range(number):
        night = START + timedelta(days=day)
        MaintenanceBlockFactory(room=RoomFactory(room_type=room_type), start=night, end=night + timedelta(days=1))
    made = ChannelEvent.objects.filter(event_type=EventType.AVAILABILITY_UPDATE).exclude(id__in=known)
    made.update(published_at=Now(), next_attempt_at=Now() + timedelta(hours=24))
    return list(made.order_by("received_at"))


def refreshed(events: list[ChannelEvent]) -> list[ChannelEvent]:
    return list(ChannelEvent.objects.filter(id__in=[event.id for event in events]).order_by("received_at"))


def due_in(event: ChannelEvent) -> float:
    """Seconds, by the database's clock."""
    found = ChannelEvent.objects.filter(id=event.id).values_list(F("next_attempt_at") - Now(), flat=True).get()
    return found.total_seconds()


@pytest.fixture
def unsent(connected: ConnectedHotel) -> Reservation:
    """A booking of a double room that the channel is still to be told of."""
    reservation: Reservation = ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    ChannelEvent.objects.exclude(entity_type=EntityType.BOOKING).delete()
    return reservation


def test_one_of_them_waits_for_the_booking_and_the_others_for_that_one(
    unsent: Reservation, connected: ConnectedHotel
) -> None:
    lead, *others = blocked(connected.double)
    elsewhere = blocked(connected.single, 2)

    process(lead.id)

    lead, *others = refreshed([lead, *others])
    assert (lead.status, lead.attempts, lead.waits_for) == (EventStatus.RETRYING, 0, WaitsFor.BOOKING)
    assert due_in(lead) < 2
    assert {(event.status, event.attempts, event.waits_for) for event in others} == {
        (EventStatus.RETRYING, 0, WaitsFor.BOOKING)
    }
    assert all(25 < due_in(event) < 35 for event in others)
    assert {event.status for event in refreshed(elsewhere)} == {EventStatus.RECEIVED}


def test_their_messages_in_the_queue_are_let_go(unsent: Reservation, connected: ConnectedHotel) -> None:
    lead, *others = blocked(connected.double)
    process(lead.id)

    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert [claim(event.id) for event in others] == [None] * len(others)

    assert len(queries) == len(others)


def test_a_later_one_looks_for_all_of_them(unsent: Reservation, connected: ConnectedHotel) -> None:
    first, *_ = blocked(connected.double)
    process(first.id)
    (late,) = blocked(connected.double, 1)

    process(late.id)

    assert due_in(late) < 2
    assert due_in(first) > 25


def test_what_was_put_off_a_moment_ago_is_not_written_again(unsent: Reservation, connected: ConnectedHotel) -> None:
    lead, *others = blocked(connected.double)
    process(lead.id)
    before = [event.next_attempt_at for event in refreshed(others)]
    ChannelEvent.objects.filter(id=lead.id).update(published_at=Now())

    process(lead.id)

    assert [event.next_attempt_at for event in refreshed(others)] == before


def test_once_the_booking_is_sent_one_push_closes_them_all(
    unsent: Reservation, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    lead, *others = blocked(connected.double)
    process(lead.id)
    ChannelEvent.objects.filter(entity_type=EntityType.BOOKING).update(published_at=Now())
    process(ChannelEvent.objects.get(entity_type=EntityType.BOOKING).id)
    ChannelEvent.objects.filter(id=lead.id).update(published_at=Now())

    process(lead.id)

    assert {event.status for event in refreshed([lead, *others])} == {EventStatus.DONE}
    (push,) = beds24.posts("/inventory/rooms/calendar")
    named = {date.fromisoformat(nights["from"]) for room in push["body"] for nights in room["calendar"]}
    assert START in named


def test_a_lead_that_comes_to_nothing_leaves_the_others_their_turn(
    unsent: Reservation, connected: ConnectedHotel
) -> None:
    lead, *others = blocked(connected.double)
    process(lead.id)
    ChannelEvent.objects.filter(id=lead.id).delete()

    work_everything()

    assert {event.status for event in refreshed(others)} == {EventStatus.DONE}


def test_in_a_pause_one_looks_for_all_and_resuming_wakes_them_all(connected: ConnectedHotel) -> None:
    lead, *others = blocked(connected.double)
    pause(connected.channel_property, by="root")

    process(lead.id)
    assert all(due_in(event) > 60 for event in [lead, *others])

    resume_and_go_live(connected.channel_property)
    assert all(due_in(event) <= 0 for event in [lead, *others])


def test_one_that_saw_the_pause_before_it_ended_puts_off_nobody(connected: ConnectedHotel) -> None:
    """The worker reads "paused", somebody resumes, the worker goes on: it must not put off what resuming woke."""
    lead, *others = blocked(connected.double)
    pause(connected.channel_property, by="root")
    held = claim(lead.id)
    assert held is not None
    seen = ChannelProperty.objects.get(id=connected.channel_property.id)
    resume_and_go_live(connected.channel_property)
    held.channel_property = seen

    with pytest.raises(NotYet) as raised, leading(held), calling(seen):
        pass
    snooze(held, PAUSED_RETRY, raised.value)

    assert all(due_in(event) <= 0 for event in [lead, *others])


def test_those_that_another_worker_settles_are_left_to_it(unsent: Reservation, connected: ConnectedHotel) -> None:
    lead, held, *_ = blocked(connected.double)
    claim(held.id)

    process(lead.id)

    (held,) = refreshed([held])
    assert held.status == EventStatus.PROCESSING
