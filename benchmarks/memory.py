"""Memory of an inbound worker process over 50,000 events.

One process works bookings that change again and again, most of them to a state that is known. Its resident memory after
the first tenth, when everything is imported and every connection is open, is the reference for what it has at the end.
"""

from __future__ import annotations

import os
from pathlib import Path
from uuid import UUID

from benchmarks.inbound import FIRST_ROOM, ROOM_TYPES, all_settled, map_rooms, timed
from benchmarks.processes import benchmark_processes
from benchmarks.reconciliation import demo_hotel
from benchmarks.webhooks import booking_body, connect_without_channel
from channel_sync.broker.confirms import ConfirmingProducer
from channel_sync.broker.publisher import TASKS
from channel_sync.channels.beds24.webhook import parse_webhook
from channel_sync.events.message import EventMessage
from channel_sync.events.store import record
from channel_sync.inbound.notification import event_of
from channel_sync.models import ChannelProperty
from pms_project.local_services.stack import WORKERS, start_worker

EVENTS = 50_000
ROUNDS = 10
BOOKINGS = 500
TARGET = 1.2
KIBIBYTE = 1024


def run() -> bool:
    """Print megabytes over the rounds; true when the last one is within 1.2 times the first."""
    hotel = demo_hotel()
    channel_property = connect_without_channel(hotel["property"])
    map_rooms(channel_property, UUID(hotel["property"]))
    megabytes = []
    with benchmark_processes() as processes:
        parent = start_worker(
            processes, "inbound worker", WORKERS["inbound worker"], concurrency=1, project="benchmarks.bare_host"
        )
        producer = ConfirmingProducer(TASKS)
        for number in range(ROUNDS):
            events = [_changed(channel_property, number, one) for one in range(EVENTS // ROUNDS)]
            timed(producer, events, all_settled, patience=1200)
            megabytes.append(_resident_megabytes(_only_child(parent)))
            print(f"{(number + 1) * EVENTS // ROUNDS:>7,} events: {megabytes[-1]:.1f} MB", flush=True)
    growth = megabytes[-1] / megabytes[0]
    print(f"{growth:.2f} times the memory after the first {EVENTS // ROUNDS:,}")
    return growth <= TARGET


def _changed(channel_property: ChannelProperty, minute: int, number: int) -> EventMessage:
    """A webhook of one of some bookings: in each round one change, and deliveries of the same state after it."""
    booking = number % BOOKINGS
    body = booking_body(
        booking,
        roomId=FIRST_ROOM + booking % ROOM_TYPES,
        price=100 + minute,
        modifiedTime=f"2026-11-01T11:{minute:02}:00Z",
        # Not read by us, and so no other state; but another delivery than the ones before.
        custom1=str(number),
    )
    message = record(event_of(channel_property, parse_webhook(body)))
    if message is None:
        raise AssertionError("the delivery is known")
    return message


def _only_child(parent: int) -> int:
    (child,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return int(child)


def _resident_megabytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / KIBIBYTE**2
