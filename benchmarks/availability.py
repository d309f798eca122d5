"""Free units of 100 room types over 365 nights, with 50,000 reservations in the table.

The reference reads the rows that the answer is made from, and does nothing with them.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from benchmarks.timing import taking_turns
from channel_sync.inventory.availability import free_units, free_units_statement
from channel_sync.models import HoldStatus, InventoryHold
from channel_sync.pms import host_pms
from pms_project.pms.models import HotelSettings, MaintenanceBlock, Reservation, ReservationStatus, Room, RoomType

ROOM_TYPES, NIGHTS, RESERVATIONS, HOLDS, BLOCKS = 100, 365, 50_000, 20_000, 500
ACTIVE_HOLDS = 200
YEARS = 5  # Four of them are history, as in a hotel's table.
START = date(2028, 1, 1)
END = START + timedelta(days=NIGHTS)


def run() -> bool:
    """Print the plan's nodes, the times and their ratio; true when one statement answers and uses indexes."""
    ids = populate()
    with CaptureQueriesContext(connection) as statements:
        nights = free_units(ids, START, END)
    sequential = explain(ids)
    ours, bare = taking_turns(lambda: free_units(ids, START, END), lambda: read_rows(ids))
    print(f"{len(nights)} nights of {ROOM_TYPES} room types in {len(statements)} statement")
    print(f"free units {ours * 1000:.0f} ms, reading the same rows {bare * 1000:.0f} ms: {ours / bare:.1f} times")
    print(f"tables read from end to end: {', '.join(sequential) or 'none'}")
    return len(statements) == 1 and not sequential


@transaction.atomic
def populate() -> list[UUID]:
    """The hotel, with rows made in bulk: no signals, no events. Bulk inserts do not tell ids, so they get them here."""
    chance = random.Random(1)
    hotel = HotelSettings.objects.create(name="Benchmark")
    kinds = RoomType.objects.bulk_create(
        RoomType(id=uuid4(), hotel=hotel, name=f"Type {number}", units=40) for number in range(ROOM_TYPES)
    )
    rooms = Room.objects.bulk_create(
        Room(id=uuid4(), room_type=kind, number=str(number)) for kind in kinds for number in range(5)
    )
    first = END - timedelta(days=365 * YEARS)

    def stay(since: date, days: int) -> tuple[date, date]:
        check_in = since + timedelta(days=chance.randrange(days))
        return check_in, check_in + timedelta(days=chance.randint(1, 7))

    made = []
    for _ in range(RESERVATIONS):
        check_in, check_out = stay(first, 365 * YEARS)
        made.append(
            Reservation(
                id=uuid4(),
                hotel=hotel,
                room_type=chance.choice(kinds),
                status=chance.choices([ReservationStatus.CONFIRMED, ReservationStatus.CANCELLED], [9, 1])[0],
                check_in=check_in,
                check_out=check_out,
                units=chance.choice([1, 1, 1, 2]),
            )
        )
    stored = Reservation.objects.bulk_create(made, batch_size=5000)
    holds = []
    for number in range(HOLDS):
        check_in, check_out = stay(START, NIGHTS)
        holds.append(
            InventoryHold(
                reservation=stored[number],
                room_type=chance.choice(kinds),
                check_in=check_in,
                check_out=check_out,
                hold_expires_at="2100-01-01T00:00Z",
                status=HoldStatus.ACTIVE if number < ACTIVE_HOLDS else HoldStatus.CONFIRMED,
            )
        )
    InventoryHold.objects.bulk_create(holds, batch_size=5000)
    for _ in range(BLOCKS):
        start, end = stay(first, 365 * YEARS)
        MaintenanceBlock.objects.create(room=chance.choice(rooms), start=start, end=end)
    transaction.on_commit(analyze)
    return [kind.id for kind in kinds]


def analyze() -> None:
    """Let the planner know what it has, as autovacuum does in time."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) reservations, inventory_holds, maintenance_blocks, rooms, room_types")


def read_rows(ids: list[UUID]) -> None:
    """The bare cost: the same rows of the same tables, fetched."""
    pms = host_pms()
    for rows in (pms.units(ids), pms.reserved(ids, START, END), pms.maintenance(ids, START, END)):
        list(rows)


def explain(ids: list[UUID]) -> list[str]:
    """Print which nodes read tables; the large tables that are read from end to end."""
    statement, parameters = free_units_statement(ids, START, END)
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {statement}", parameters)
        plan = [line for (line,) in cursor.fetchall()]
    for line in plan:
        if " on " in line or "Time" in line:
            print(f"  {line.strip()}")
    return [table for table in ("reservations", "inventory_holds") if f"Seq Scan on {table}" in "\n".join(plan)]
