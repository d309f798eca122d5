"""Calls and credits for 1,000 changes in the PMS, against one call per change.

A simulated Beds24 with its real limit of 100 credits, an outbound worker and beat run while the changes are saved: half
of them rates, half of them rooms taken out of order, in ten room types; first all of them in one transaction, as a bulk
edit, then one by one as fast as they can be saved. All calls count, those that look for changed bookings before and
after a push too. In the end both calendars have to be equal.
"""

from __future__ import annotations

import copy
import json
import time
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.test import override_settings

from benchmarks.processes import benchmark_processes
from benchmarks.reconciliation import demo_hotel
from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED
from channel_sync.connections.connect import connect_property
from channel_sync.inventory.availability import free_units
from channel_sync.models import OPEN_STATUSES, ChannelEvent, ChannelMapping, MappingType
from pms_project.demo.parties import SimulatedBeds24
from pms_project.local_services.ports import accepts, free_port, wait_until
from pms_project.local_services.stack import WORKERS, start_beat, start_simulator, start_worker
from pms_project.pms.models import DailyRate, MaintenanceBlock, RatePlan, Room, RoomType

CHANGES = 1_000
ROOM_TYPES = 10
NIGHTS = 50
UNITS = 100
TARGET = 80
PATIENCE_SECONDS = 300


def run() -> bool:
    """Print calls and credits of both; true when the bulk edit took at least 80 times fewer calls than changes."""
    hotel_id = UUID(demo_hotel()["property"])
    room_types = [_room_type(hotel_id, number) for number in range(ROOM_TYPES)]
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    with TemporaryDirectory(prefix="channel_sync_bench_") as directory:
        state = Path(directory)
        with benchmark_processes(BEDS24_BASE_URL=f"{address}/v2") as processes:
            start_simulator(processes, port, _seed(state))
            wait_until(lambda: accepts("127.0.0.1", port), "The start of the simulator", 60)
            _connect(hotel_id, address, room_types)
            start_worker(processes, "outbound worker", WORKERS["outbound worker"], project="benchmarks.bare_host")
            start_beat(processes, state, "benchmarks.bare_host")
            beds24 = SimulatedBeds24(address)
            with transaction.atomic():
                _change(room_types, beds24, first_night=10)
            at_once = _calls_until_sent("in one transaction", room_types, beds24)
            _change(room_types, beds24, first_night=110)
            _calls_until_sent("one by one", room_types, beds24)
    return CHANGES / at_once >= TARGET


def _calls_until_sent(how: str, room_types: list[RoomType], beds24: SimulatedBeds24) -> int:
    _wait_until_sent()
    _require_equal(room_types, beds24)
    calls, credits = beds24.calls(), sum(beds24.state()["credits_used"].values())
    posts = sum(call["method"] == "POST" for call in calls)
    print(
        f"{CHANGES:,} changes {how}: {len(calls)} calls ({posts} of them write), {credits:g} credits used so far; "
        f"{CHANGES / len(calls):.0f} times fewer calls than one per change"
    )
    return len(calls)


def _room_type(hotel_id: UUID, number: int) -> RoomType:
    room_type = RoomType.objects.create(hotel_id=hotel_id, name=f"Type {number}", units=UNITS)
    Room.objects.bulk_create(Room(room_type=room_type, number=f"{number}-{room}") for room in range(UNITS))
    RatePlan.objects.create(room_type=room_type, name="Standard")
    return room_type


def _seed(directory: Path) -> Path:
    account = copy.deepcopy(DEFAULT_SEED["accounts"][0])
    account["properties"][0]["rooms"] += [
        {"id": 2101 + number, "name": f"Type {number}", "qty": UNITS} for number in range(ROOM_TYPES)
    ]
    path = directory / "seed.json"
    path.write_text(json.dumps({"accounts": [account]}))
    return path


def _connect(hotel_id: UUID, address: str, room_types: list[RoomType]) -> None:
    options = {"beds24": {"base_url": f"{address}/v2"}}
    with override_settings(CHANNEL_SYNC={**settings.CHANNEL_SYNC, "channel_options": options}):
        connected = connect_property(hotel_id, channel_name="beds24", invite_code="DEMO-INVITE-CODE")
    for number, room_type in enumerate(room_types):
        plan, room = RatePlan.objects.get(room_type=room_type), str(2101 + number)
        for kind, internal_id, external_id in (
            (MappingType.ROOM_TYPE, room_type.id, room), (MappingType.RATE, plan.id, f"{room}:1"),
        ):  # fmt: skip
            ChannelMapping.objects.create(
                channel_property=connected.channel_property,
                mapping_type=kind,
                internal_id=internal_id,
                external_id=external_id,
            )


def _change(room_types: list[RoomType], beds24: SimulatedBeds24, *, first_night: int) -> None:
    """Plain saves, which the signals follow."""
    beds24.forget_calls()
    first = date.today() + timedelta(days=first_night)
    plans = {plan.room_type_id: plan for plan in RatePlan.objects.filter(room_type__in=room_types)}
    rooms = {room_type.id: list(Room.objects.filter(room_type=room_type)) for room_type in room_types}
    for number in range(CHANGES // 2):
        room_type = room_types[number % ROOM_TYPES]
        night = first + timedelta(days=number // ROOM_TYPES % NIGHTS)
        DailyRate.objects.create(rate_plan=plans[room_type.id], night=night, price=Decimal(100 + number))
        MaintenanceBlock.objects.create(
            room=rooms[room_type.id][number // ROOM_TYPES], start=night, end=night + timedelta(days=2)
        )


def _wait_until_sent() -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while ChannelEvent.objects.filter(status__in=OPEN_STATUSES).exists():
        if time.monotonic() > deadline:
            raise AssertionError("the worker does not get done")
        time.sleep(0.5)
    if ChannelEvent.objects.exclude(status="done").exists():
        raise AssertionError("an event has failed")


def _require_equal(room_types: list[RoomType], beds24: SimulatedBeds24) -> None:
    start = date.today() + timedelta(days=5)
    end = start + timedelta(days=200)
    for number, room_type in enumerate(room_types):
        ours = {str(night.night): night.free for night in free_units([room_type.id], start, end)}
        if ours != beds24.availability(str(2101 + number), start, end):
            raise AssertionError(f"the calendars of room {2101 + number} differ")
