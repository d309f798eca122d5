"""Compare 10,000 bookings of one property, all equal on both sides.

The reference reads the same pages through the same client and parses every booking; it compares nothing. Memory is the
peak of what Python allocates during a run, at a fifth of the bookings and at all of them.
"""

from __future__ import annotations

import copy
import json
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.management import call_command
from django.test import override_settings

from benchmarks.timing import taking_turns
from channel_sync.channels.beds24.simulator.app import Simulator
from channel_sync.channels.beds24.simulator.booking_writes import new_booking
from channel_sync.channels.beds24.simulator.server import simulator_server
from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED, State
from channel_sync.connections.account import calling
from channel_sync.connections.connect import connect_property
from channel_sync.connections.registry import channel_class
from channel_sync.connections.suggestions import save_suggestions
from channel_sync.models import ChannelProperty, RateLimitBucket, ReservationLink
from channel_sync.reconciliation.bookings import DAYS_AFTER, DAYS_BEFORE, reconcile_bookings
from pms_project.pms.models import Guest, Reservation, ReservationStatus

BOOKINGS = 10_000
PLENTY = 1_000_000
ROUNDS = 3


def run() -> bool:
    """Print bookings per second on both sides, and memory; true when memory stays within 1.5 times."""
    hotel = demo_hotel()
    room_type_id = UUID(hotel["room_types"]["Double Room"])
    with simulated_beds24() as state:
        connected = connect_property(UUID(hotel["property"]), channel_name="beds24", invite_code="DEMO-INVITE-CODE")
        save_suggestions(connected.channel_property, connected.suggestions.matches)
        channel_property = connected.channel_property
        RateLimitBucket.objects.create(
            channel_property=channel_property, tokens=PLENTY, capacity=PLENTY, refill_rate=PLENTY
        )
        fill(channel_property, state, room_type_id, BOOKINGS // 5)
        few = peak_memory(channel_property)
        fill(channel_property, state, room_type_id, BOOKINGS - BOOKINGS // 5)
        many = peak_memory(channel_property)
        ours, bare = taking_turns(
            lambda: reconcile_bookings(channel_property), lambda: read_pages(channel_property), ROUNDS
        )
    print(
        f"{BOOKINGS / ours:,.0f} bookings/s compared, {BOOKINGS / bare:,.0f} bookings/s only read: "
        f"{bare / ours:.2f} of the reference"
    )
    print(f"peak memory {few / 1e6:.1f} MB at {BOOKINGS // 5:,} bookings, {many / 1e6:.1f} MB at {BOOKINGS:,}")
    return many < 1.5 * few


def demo_hotel() -> dict[str, Any]:
    """The ids of the demo hotel."""
    output = StringIO()
    call_command("pms_demo_data", stdout=output)
    made: dict[str, Any] = json.loads(output.getvalue())
    return made


@contextmanager
def simulated_beds24() -> Iterator[State]:
    """A simulator in a thread, without a limit of credits."""
    seed = copy.deepcopy(DEFAULT_SEED)
    seed["accounts"][0]["credit_limit"] = PLENTY
    simulator = Simulator(seed)
    server = simulator_server(simulator, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    options = {"beds24": {"base_url": f"http://127.0.0.1:{server.server_port}/v2", "read_timeout": 30.0}}
    try:
        with override_settings(CHANNEL_SYNC={**settings.CHANNEL_SYNC, "channel_options": options}):
            yield simulator.state
    finally:
        server.shutdown()
        server.server_close()


def fill(channel_property: ChannelProperty, state: State, room_type_id: UUID, number: int) -> None:
    """Equal bookings and reservations, made in bulk."""
    reservations, links, guests = [], [], []
    for count in range(number):
        check_in = date.today() + timedelta(days=count % DAYS_AFTER)
        check_out = check_in + timedelta(days=2)
        booking = new_booking(state) | {
            "propertyId": int(channel_property.channel_property_id),
            "roomId": 2001,
            "arrival": str(check_in),
            "departure": str(check_out),
            "lastName": f"Guest {count}",
            "price": 200.0,
        }
        state.bookings[booking["id"]] = booking
        guest = Guest(id=uuid4(), last_name=f"Guest {count}")
        reservation = Reservation(
            id=uuid4(),
            hotel_id=channel_property.property_id,
            room_type_id=room_type_id,
            guest=guest,
            status=ReservationStatus.CONFIRMED,
            check_in=check_in,
            check_out=check_out,
            price=Decimal(200),
        )
        guests.append(guest)
        reservations.append(reservation)
        links.append(
            ReservationLink(channel_property=channel_property, external_id=str(booking["id"]), reservation=reservation)
        )
    Guest.objects.bulk_create(guests, batch_size=2000)
    Reservation.objects.bulk_create(reservations, batch_size=2000)
    ReservationLink.objects.bulk_create(links, batch_size=2000)


def peak_memory(channel_property: ChannelProperty) -> int:
    """The peak of a run, in bytes; a first one warms caches up."""
    reconcile_bookings(channel_property)
    tracemalloc.start()
    result = reconcile_bookings(channel_property)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    if result.fixed or result.flagged:
        raise AssertionError(f"The two sides are not equal: {result.fixed} fixed, {result.flagged} flagged.")
    return peak


def read_pages(channel_property: ChannelProperty) -> int:
    """The bare loop."""
    parse = channel_class(channel_property.channel_name).parse_booking
    first, last = date.today() - timedelta(days=DAYS_BEFORE), date.today() + timedelta(days=DAYS_AFTER)
    read, page = 0, 1
    with calling(channel_property, is_urgent=True) as channel:
        while page:
            found = channel.arriving_bookings(channel_property.channel_property_id, first, last, page=page)
            read += len([parse(booking.payload) for booking in found.bookings])
            page = page + 1 if found.has_next else 0
    return read
