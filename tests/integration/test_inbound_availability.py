"""`SYNC_ROOM`: the calendar at Beds24 is read, and nights that differ are pushed."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from channel_sync.events.processing import process
from channel_sync.models import ChannelEvent, EntityType, EventStatus, EventType
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db


def sync_room(connected: ConnectedHotel, room_id: str) -> ChannelEvent:
    event = EventFactory(
        channel_property=connected.channel_property,
        event_type=EventType.AVAILABILITY_UPDATED,
        entity_type=EntityType.AVAILABILITY,
        entity_external_id=room_id,
    )
    process(event.id)
    event.refresh_from_db()
    return event


def test_an_equal_calendar_needs_nothing(connected: ConnectedHotel) -> None:
    event = sync_room(connected, connected.room_id(connected.double))

    assert (event.status, event.last_error[:9]) == (EventStatus.IGNORED, "unchanged")
    assert not ChannelEvent.objects.filter(event_type=EventType.AVAILABILITY_UPDATE).exists()


def test_nights_that_differ_are_pushed(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    room_id, night = connected.room_id(connected.double), date.today() + timedelta(days=10)
    beds24.controls.set_availability(room_id, night, 3)

    event = sync_room(connected, room_id)

    assert event.status == EventStatus.DONE
    push = ChannelEvent.objects.get(event_type=EventType.AVAILABILITY_UPDATE)
    assert push.payload == {
        "room_type_id": str(connected.double.id),
        "start": str(night),
        "end": str(night + timedelta(days=1)),
    }


def test_an_unmapped_room_fails_and_names_it(connected: ConnectedHotel) -> None:
    event = sync_room(connected, "2003")

    assert event.status == EventStatus.FAILED
    assert "Room '2003'" in event.last_error
