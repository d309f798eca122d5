"""Saving a reservation with writes captured by triggers, against the same save without.

The reference reads the state before the save instead, as the setting `capture` switched off has it. Both change a
reservation that a channel has, and record the events of it; nothing is published. The two take turns, some saves each.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal
from statistics import median
from unittest import mock
from uuid import UUID

from django.conf import settings
from django.test import override_settings

from benchmarks.inbound import map_rooms
from benchmarks.reconciliation import demo_hotel
from benchmarks.webhooks import connect_without_channel
from channel_sync.capture.installation import install_capture, remove_capture
from channel_sync.models import CapturedChange, ChannelEvent, ChannelMapping, MappingType, ReservationLink
from pms_project.pms.models import Guest, Reservation, ReservationStatus

ROUNDS, SAVES, RESERVATIONS = 15, 60, 60
TARGET = 1.3


def run() -> bool:
    """Print the milliseconds of a save on both sides and their ratio; true when it is at most 1.3."""
    reservations = _reservations()
    pairs = []
    with mock.patch("channel_sync.outbound.enqueue.publish_after_commit"):
        for number in range(ROUNDS + 1):
            install_capture()
            captured = _milliseconds(reservations, number)
            with _without_capture():
                bare = _milliseconds(reservations, number)
            # The first round does not count: caches are filled by it.
            if number:
                pairs.append((captured, bare))
    install_capture()
    ratio = median(captured / bare for captured, bare in pairs)
    captured, bare = median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)
    print(f"a save: captured {captured:.2f} ms, not captured {bare:.2f} ms: {ratio:.2f} times")
    print(f"{ChannelEvent.objects.count():,} events, {CapturedChange.objects.count()} captured rows left")
    return ratio <= TARGET


@contextmanager
def _without_capture() -> Iterator[None]:
    remove_capture()
    with override_settings(CHANNEL_SYNC={**settings.CHANNEL_SYNC, "capture": False}):
        yield


def _milliseconds(reservations: list[Reservation], number: int) -> float:
    """The median save; each moves a stay by a night and changes its price."""
    taken: list[float] = []
    for reservation in reservations[:SAVES]:
        reservation.price = Decimal(100 + number) + Decimal(len(taken)) / 100
        reservation.check_in += timedelta(days=1)
        reservation.check_out += timedelta(days=1)
        begun = time.perf_counter()
        reservation.save()
        taken.append(time.perf_counter() - begun)
    return median(taken) * 1000


def _reservations() -> list[Reservation]:
    """Reservations of a mapped room type, each linked to a booking."""
    hotel_id = UUID(demo_hotel()["property"])
    channel_property = connect_without_channel(str(hotel_id))
    map_rooms(channel_property, hotel_id)
    mapping = ChannelMapping.objects.filter(mapping_type=MappingType.ROOM_TYPE).first()
    assert mapping is not None  # noqa: S101
    made = []
    for number in range(RESERVATIONS):
        check_in = date.today() + timedelta(days=30 + number)
        reservation = Reservation.objects.create(
            hotel_id=hotel_id,
            room_type_id=mapping.internal_id,
            guest=Guest.objects.create(last_name="Hopper"),
            status=ReservationStatus.CONFIRMED,
            check_in=check_in,
            check_out=check_in + timedelta(days=3),
        )
        ReservationLink.objects.create(
            channel_property=channel_property, reservation=reservation, external_id=str(number)
        )
        made.append(reservation)
    return made
