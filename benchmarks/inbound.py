"""Inbound bookings per second, against a bare Celery task that makes one UPDATE and commits, on the same queue.

One worker with two processes works both, in turns: new bookings in twenty room types, each with its guest, its
reservation and its link, or as many bare messages. The clock runs from the first publish until the last is done in the
database.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta
from itertools import count
from statistics import median
from uuid import UUID, uuid4

from django.db import connection
from django.utils import timezone

from benchmarks.bare_host.tasks import BARE_TASK, ROWS
from benchmarks.processes import bench_rows, benchmark_processes
from benchmarks.reconciliation import demo_hotel
from benchmarks.webhooks import booking_body, connect_without_channel
from channel_sync.broker.confirms import ConfirmingProducer
from channel_sync.broker.publisher import TASKS
from channel_sync.broker.topology import topology
from channel_sync.channels.beds24.webhook import parse_webhook
from channel_sync.events.message import EventMessage
from channel_sync.events.store import record
from channel_sync.inbound.notification import event_of
from channel_sync.models import ChannelEvent, ChannelMapping, ChannelProperty, Direction, EventStatus, MappingType
from pms_project.local_services.stack import WORKERS, start_worker
from pms_project.pms.models import Reservation, RoomType

MESSAGES = 500
ROOM_TYPES = 20
FIRST_ROOM = 3001
ROUNDS = 7
TARGET = 0.5
PATIENCE_SECONDS = 120

_numbers = count(1)


def run() -> bool:
    """Print both; true when the target is met."""
    hotel = demo_hotel()
    channel_property = connect_without_channel(hotel["property"])
    map_rooms(channel_property, UUID(hotel["property"]))
    ours: list[float] = []
    bare: list[float] = []
    with bench_rows(ROWS), benchmark_processes() as processes:
        start_worker(processes, "inbound worker", WORKERS["inbound worker"], project="benchmarks.bare_host")
        event_producer, bare_producer = ConfirmingProducer(TASKS), ConfirmingProducer({Direction.INBOUND: BARE_TASK})
        for number in range(ROUNDS + 1):
            events = [recorded(channel_property) for _ in range(MESSAGES)]
            seconds = timed(event_producer, events, all_settled)
            bare_seconds = timed(bare_producer, [bare_message() for _ in range(MESSAGES)], all_touched)
            if number:
                ours.append(MESSAGES / seconds)
                bare.append(MESSAGES / bare_seconds)
    made = Reservation.objects.count()
    if made != (ROUNDS + 1) * MESSAGES or ChannelEvent.objects.exclude(status=EventStatus.DONE).exists():
        raise AssertionError(f"{made} reservations were made")
    ratio = median(one / other for one, other in zip(ours, bare, strict=True))
    print(f"{median(ours):,.0f} bookings/s, {median(bare):,.0f} bare tasks/s: {ratio:.2f} of the reference")
    return ratio >= TARGET


def map_rooms(channel_property: ChannelProperty, hotel_id: UUID) -> None:
    """Room types that never run full."""
    made = [
        RoomType(id=uuid4(), hotel_id=hotel_id, name=f"Type {number}", units=10_000) for number in range(ROOM_TYPES)
    ]
    RoomType.objects.bulk_create(made)
    ChannelMapping.objects.bulk_create(
        ChannelMapping(
            channel_property=channel_property,
            mapping_type=MappingType.ROOM_TYPE,
            internal_id=room_type.id,
            external_id=str(FIRST_ROOM + number),
        )
        for number, room_type in enumerate(made)
    )


def recorded(channel_property: ChannelProperty) -> EventMessage:
    """A new booking in the log, as its webhook leaves it."""
    number = next(_numbers)
    check_in = date(2027, 1, 1) + timedelta(days=number % 300)
    room = FIRST_ROOM + number % ROOM_TYPES
    stay = {"arrival": str(check_in), "departure": str(check_in + timedelta(days=2))}
    body = booking_body(number, roomId=room, **stay)
    message = record(event_of(channel_property, parse_webhook(body)))
    if message is None:
        raise AssertionError("the booking is known")
    return message


def bare_message() -> EventMessage:
    """A message of the same size for the bare task."""
    return EventMessage(
        uuid4(), Direction.INBOUND, "booking.created", "beds24.booking.created", uuid4(), timezone.now()
    )


def timed(
    producer: ConfirmingProducer,
    messages: list[EventMessage],
    is_done: Callable[[], bool],
    patience: float = PATIENCE_SECONDS,
) -> float:
    """Seconds from the first publish until everything is done."""
    begun = time.perf_counter()
    producer.publish(topology().events.name, messages)
    while not is_done():
        if time.perf_counter() - begun > patience:
            raise AssertionError("the worker does not get done")
        time.sleep(0.01)
    return time.perf_counter() - begun


def all_settled() -> bool:
    """Whether no event waits any more."""
    return not ChannelEvent.objects.filter(status__in=(EventStatus.RECEIVED, EventStatus.PROCESSING)).exists()


def all_touched() -> bool:
    """Whether the bare tasks of this round have all written; then the count starts anew."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT sum(touched) FROM bench_rows")
        if cursor.fetchone()[0] < MESSAGES:
            return False
        cursor.execute("UPDATE bench_rows SET touched = 0")
    return True
