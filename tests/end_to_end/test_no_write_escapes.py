"""Writes that send no signal, or whose process dies before its signal, reach the channel within seconds."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import ChannelEvent, ChannelMapping, EventType, InventoryHold, MappingType, RateLimitBucket
from channel_sync.origin import on_behalf_of
from pms_project.local_services.errors import ServiceUnavailable
from pms_project.local_services.stack import start_beat
from pms_project.pms.models import DailyRate, RatePlan, Reservation, ReservationStatus, Room, RoomType
from tests.end_to_end.installation import UNITS, Installation, installation, models_of

pytestmark = [pytest.mark.processes, pytest.mark.alone, pytest.mark.timeout(300)]

WITHIN_SECONDS = 10
SILENT_SECONDS = 60
# Silence is noticed soon. Both sides are on one machine, whose clock is one: bookings are not asked for far back.
OPTIONS: dict[str, Any] = {"heartbeat_missed_after": 15, "reaper_interval": 10, "pull_overlap": 1}
MANY = 1000
PLENTY = 1_000_000
START = date.today() + timedelta(days=40)

SAVE_AND_DIE = """
import os, signal
from datetime import date
from django.db.models.signals import post_save
from pms_project.pms.models import Guest, Reservation, RoomType

post_save.send = lambda sender, **_: os.kill(os.getpid(), signal.SIGKILL) if sender is Reservation else []
room_type = RoomType.objects.get(id="{room_type}")
Reservation(
    hotel_id=room_type.hotel_id, room_type=room_type, guest=Guest.objects.create(last_name="Killed"),
    status="CONFIRMED", check_in=date.fromisoformat("{check_in}"), check_out=date.fromisoformat("{check_out}"),
).save()
"""

INSERT_RESERVATION = """
INSERT INTO reservations (hotel_id, room_type_id, status, source, group_reference, channel_reference, check_in,
    check_out, units, adults, children, currency, notes, failure_reason, created_at, updated_at)
VALUES (%s, %s, 'CONFIRMED', 'import', '', '', %s, %s, 1, 2, 0, 'EUR', 'by SQL', '', now(), now())
RETURNING id
"""
INSERT_BLOCK = 'INSERT INTO maintenance_blocks (room_id, start, "end", reason) VALUES (%s, %s, %s, %s)'


@pytest.fixture(scope="module")
def running(
    broker_url: str, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Installation]:
    directory: Path = tmp_path_factory.mktemp("no_write_escapes")
    url = os.environ["DATABASE_URL"]
    started = installation(url, broker_url, directory, credit_limit=100_000, more_rooms=1, **OPTIONS)
    with started as site:
        yield site


@pytest.fixture
def site(running: Installation, django_db_blocker: DjangoDbBlocker) -> Iterator[Installation]:
    with django_db_blocker.unblock(), models_of(running):
        # Calls that keep a distance, as credits run low, would be later than what is tested here.
        RateLimitBucket.objects.update_or_create(
            channel_property=running.channel_property,
            defaults={"tokens": PLENTY, "capacity": PLENTY, "refill_rate": PLENTY},
        )
        running.settle(60)
        yield running


@pytest.fixture
def suite(site: Installation) -> RoomType:
    return RoomType.objects.get(id=site.room_types["Suite"])


def reservations(room_type: RoomType, arrivals: Sequence[date]) -> list[Reservation]:
    return [
        Reservation(
            id=uuid4(),
            hotel_id=room_type.hotel_id,
            room_type=room_type,
            status=ReservationStatus.CONFIRMED,
            check_in=arrival,
            check_out=arrival + timedelta(days=2),
            price=Decimal(100),
        )
        for arrival in arrivals
    ]


@pytest.fixture
def many(site: Installation) -> RoomType:
    """A room type with room for many."""
    found, _ = RoomType.objects.get_or_create(
        hotel=site.channel_property.property, name="Type 0", defaults={"units": UNITS}
    )
    ChannelMapping.objects.get_or_create(
        channel_property=site.channel_property,
        mapping_type=MappingType.ROOM_TYPE,
        internal_id=found.id,
        defaults={"external_id": "2101"},
    )
    site.rooms["Type 0"] = "2101"
    return found


def booked(site: Installation, room_type: str, **fields: Any) -> list[dict[str, Any]]:
    return [
        booking
        for booking in site.beds24.bookings()
        if str(booking["roomId"]) == site.rooms[room_type]
        and all(str(booking[name]) == str(value) for name, value in fields.items())
    ]


def free(site: Installation, night: date) -> int | None:
    return site.beds24.availability(site.rooms["Suite"], night, night + timedelta(days=1)).get(str(night))


def test_a_process_that_dies_between_the_row_and_its_signal(site: Installation, suite: RoomType) -> None:
    script = SAVE_AND_DIE.format(room_type=suite.id, check_in=START, check_out=START + timedelta(days=2))

    with pytest.raises(ServiceUnavailable):
        site.processes.run("shell", "-c", script)

    assert Reservation.objects.filter(check_in=START).count() == 1
    site.eventually(lambda: len(booked(site, "Suite", arrival=START)) == 1, "the booking is at Beds24", WITHIN_SECONDS)
    assert booked(site, "Suite", arrival=START)[0]["lastName"] == "Killed"
    site.eventually(lambda: free(site, START) == 1, "one suite less is free", WITHIN_SECONDS)


def test_bulk_create(site: Installation, many: RoomType) -> None:
    Reservation.objects.bulk_create(reservations(many, [START + timedelta(days=number) for number in range(20)]))

    site.eventually(lambda: len(booked(site, "Type 0")) == 20, "all bookings are at Beds24", WITHIN_SECONDS)


def test_an_update_of_a_thousand(site: Installation, many: RoomType) -> None:
    nights = [START + timedelta(days=number % 100) for number in range(MANY)]
    Reservation.objects.bulk_create(reservations(many, nights))
    expected = Reservation.objects.filter(room_type=many).count()
    site.eventually(lambda: len(booked(site, "Type 0")) == expected, "all bookings are at Beds24", 120, pause=0.5)
    site.settle(120)

    begun = time.monotonic()
    assert Reservation.objects.filter(room_type=many).update(price=Decimal(250)) == expected
    updates = ChannelEvent.objects.filter(event_type=EventType.BOOKING_UPDATE)
    site.eventually(lambda: updates.count() == expected, "every change is an event", WITHIN_SECONDS)
    sys.stderr.write(f"{expected} events after {time.monotonic() - begun:.1f} s\n")
    site.eventually(
        lambda: len(booked(site, "Type 0", price=250.0)) == expected,
        "all prices are at Beds24",
        WITHIN_SECONDS - (time.monotonic() - begun),
        pause=0.5,
    )
    sys.stderr.write(f"{expected} changes at Beds24 after {time.monotonic() - begun:.1f} s\n")


def test_plain_sql(site: Installation, suite: RoomType) -> None:
    arrival = START + timedelta(days=10)
    with connection.cursor() as cursor:
        cursor.execute(INSERT_RESERVATION, [suite.hotel_id, suite.id, arrival, arrival + timedelta(days=2)])
        (made,) = cursor.fetchone()
    site.eventually(
        lambda: len(booked(site, "Suite", arrival=arrival)) == 1, "the booking is at Beds24", WITHIN_SECONDS
    )
    site.settle()

    with connection.cursor() as cursor:
        cursor.execute("UPDATE reservations SET check_out = check_out + 1 WHERE id = %s", [made])
    departure = arrival + timedelta(days=3)
    site.eventually(
        lambda: booked(site, "Suite", arrival=arrival)[0]["departure"] == str(departure),
        "its change too",
        WITHIN_SECONDS,
    )
    site.settle()

    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM reservations WHERE id = %s", [made])
    site.eventually(
        lambda: booked(site, "Suite", arrival=arrival)[0]["status"] == "cancelled",
        "its cancellation too",
        WITHIN_SECONDS,
    )
    site.eventually(lambda: free(site, arrival) == 2, "the suite is free again", WITHIN_SECONDS)


def test_maintenance_and_rates_by_plain_sql(site: Installation, suite: RoomType) -> None:
    night = START + timedelta(days=20)
    room = Room.objects.filter(room_type=suite).first()
    plan = RatePlan.objects.get(room_type=suite)
    assert room is not None
    ChannelMapping.objects.get_or_create(
        channel_property=site.channel_property,
        mapping_type=MappingType.RATE,
        internal_id=plan.id,
        defaults={"external_id": f"{site.rooms['Suite']}:1"},
    )

    with connection.cursor() as cursor:
        cursor.execute(INSERT_BLOCK, [room.id, night, night + timedelta(days=1), "painting"])
        cursor.execute("UPDATE daily_rates SET price = 333 WHERE rate_plan_id = %s AND night = %s", [plan.id, night])

    assert DailyRate.objects.get(rate_plan=plan, night=night).price == 333
    site.eventually(lambda: free(site, night) == 1, "the room is off sale at Beds24", WITHIN_SECONDS)
    site.eventually(lambda: price(site, night) == 333, "the rate is at Beds24", WITHIN_SECONDS)


def test_nothing_stands_still_without_beat(site: Installation, suite: RoomType) -> None:
    """Workers notice that beat is silent, and start what keeps the flows going: captured changes, and expired holds."""
    arrival = START + timedelta(days=50)
    (written,) = reservations(suite, [arrival])
    (waiting,) = reservations(suite, [arrival])
    waiting.status = ReservationStatus.PENDING_SYNC
    site.processes.stop("beat")
    try:
        Reservation.objects.bulk_create([written])
        with transaction.atomic(), on_behalf_of(site.channel_property.id):
            waiting.save()
        InventoryHold.objects.create(
            reservation=waiting,
            room_type=suite,
            check_in=waiting.check_in,
            check_out=waiting.check_out,
            hold_expires_at=timezone.now() - timedelta(minutes=1),
        )

        site.eventually(lambda: len(booked(site, "Suite", arrival=arrival)) == 1, "it is at Beds24", SILENT_SECONDS)
        site.eventually(lambda: is_failed(waiting), "the hold that is over is expired", SILENT_SECONDS)
    finally:
        start_beat(site.processes, site.processes.log("beat").parent)


def is_failed(reservation: Reservation) -> bool:
    return Reservation.objects.filter(id=reservation.id, status=ReservationStatus.FAILED).exists()


def test_what_is_rolled_back_goes_nowhere(site: Installation, suite: RoomType) -> None:
    before = ChannelEvent.objects.count()
    arrival = START + timedelta(days=30)
    with transaction.atomic():
        Reservation.objects.bulk_create(reservations(suite, [arrival]))
        transaction.set_rollback(True)
    with transaction.atomic():
        made = reservations(suite, [arrival + timedelta(days=5)])
        Reservation.objects.bulk_create(made)

    site.eventually(
        lambda: len(booked(site, "Suite", arrival=arrival + timedelta(days=5))) == 1,
        "the later one arrives",
        WITHIN_SECONDS,
    )
    assert booked(site, "Suite", arrival=arrival) == []
    assert _events_of(made[0].id)
    assert ChannelEvent.objects.count() > before


def _events_of(reservation_id: UUID) -> int:
    return ChannelEvent.objects.filter(entity_internal_id=reservation_id).count()


def price(site: Installation, night: date) -> float | None:
    """What Beds24 sells a suite for on a night."""
    window = {"startDate": str(night), "endDate": str(night), "includePrices": "true"}
    ranges = site.beds24._call("GET", f"/rooms/{site.rooms['Suite']}/calendar", params=window)["calendar"]
    return ranges[0].get("price1") if ranges else None
