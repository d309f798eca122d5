"""A booking that comes alone, with the triggers that note its event, against the same without them.

Both record the event and work it, in this process and without the broker: about seventeen statements. The triggers are
disabled for the reference; the two take turns, some bookings each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from uuid import UUID

from django.db import connection

from benchmarks.inbound import map_rooms, recorded
from benchmarks.reconciliation import demo_hotel
from benchmarks.webhooks import connect_without_channel
from channel_sync.events.processing import process
from channel_sync.models import ChannelEvent, ChannelProperty, EventStatus, Notification

ROUNDS, EVENTS = 21, 40
TARGET = 1.05
TRIGGERS = ("channel_sync_note_insert", "channel_sync_note_update")


def run() -> bool:
    """Print the milliseconds of a booking on both sides and their ratio; true when it is at most 1.05."""
    hotel_id = demo_hotel()["property"]
    channel_property = connect_without_channel(hotel_id)
    map_rooms(channel_property, UUID(hotel_id))
    pairs = []
    for number in range(ROUNDS + 1):
        # Whoever goes first finds the caches as the other left them: they change places.
        if number % 2:
            noted = _milliseconds(channel_property)
            with _without_triggers():
                bare = _milliseconds(channel_property)
        else:
            with _without_triggers():
                bare = _milliseconds(channel_property)
            noted = _milliseconds(channel_property)
        # The first round does not count: caches are filled by it.
        if number:
            pairs.append((noted, bare))
    ratio = median(noted / bare for noted, bare in pairs)
    noted, bare = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    print(f"a booking: noted {noted:.2f} ms, not noted {bare:.2f} ms: {ratio:.2f} times")
    print(f"{Notification.objects.count():,} notifications of {ChannelEvent.objects.count():,} events")
    return ratio <= TARGET


@contextmanager
def _without_triggers() -> Iterator[None]:
    _switch("DISABLE")
    try:
        yield
    finally:
        _switch("ENABLE")


def _switch(how: str) -> None:
    with connection.cursor() as cursor:
        for trigger in TRIGGERS:
            cursor.execute(f"ALTER TABLE channel_events {how} TRIGGER {trigger}")


def _milliseconds(channel_property: ChannelProperty) -> float:
    """The median booking, from its row in the log until it is done."""
    taken = []
    for _ in range(EVENTS):
        begun = time.perf_counter()
        status = process(recorded(channel_property).event_id)
        taken.append(time.perf_counter() - begun)
        if status is not EventStatus.DONE:
            raise AssertionError(f"the booking is {status}")
    return median(taken) * 1000
