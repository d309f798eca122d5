"""Thousands of events wait, two workers send them, and Beds24 allows 100 credits in a window: nothing is lost or fails.

CREDIT_GROUPS makes it longer: 12 groups are 5,000 events.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import ChannelEvent, EventStatus, RateLimitBucket
from channel_sync.outbound.enqueue import availability_changed
from channel_sync.pms import NightSpan
from pms_project.local_services.stack import WORKERS, start_worker
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import NewReservation, create_group
from tests.end_to_end.installation import UNITS, Installation, installation, models_of
from tests.factories import RoomTypeFactory, RoomTypeMappingFactory

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

# A group makes an event for each reservation and one for the nights of each room type; the others are nights that
# changed one by one: those that touch and change together are one event.
ROOM_TYPES, GROUPS, GROUP = 10, int(os.environ.get("CREDIT_GROUPS", "6")), 50
RESERVATIONS = GROUPS * GROUP
CHANGED_DAYS = 37
LIMIT = 100
# Beds24's window of five minutes, shortened; and calls of few bookings, so that the events need several windows.
WINDOW_SECONDS = 15
BOOKINGS_PER_CALL = 3
START = date.today() + timedelta(days=20)
END = START + timedelta(days=60)


@pytest.fixture
def site(broker_url: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Installation]:
    running = installation(
        os.environ["DATABASE_URL"],
        broker_url,
        tmp_path,
        credit_limit=LIMIT,
        window_seconds=WINDOW_SECONDS,
        more_rooms=ROOM_TYPES,
        bookings_per_call=BOOKINGS_PER_CALL,
        pace_interval=1,
    )
    with running as site, django_db_blocker.unblock(), models_of(site):
        for number in range(ROOM_TYPES):
            room_type = RoomTypeFactory(hotel=site.channel_property.property, name=f"Type {number}", units=UNITS)
            RoomTypeMappingFactory(
                channel_property=site.channel_property, internal_id=room_type.id, external_id=str(2101 + number)
            )
        RateLimitBucket.objects.update_or_create(
            channel_property=site.channel_property,
            defaults={"tokens": LIMIT, "capacity": LIMIT, "refill_rate": LIMIT * 300 // WINDOW_SECONDS},
        )
        yield site


def test_the_limit_puts_events_off_and_loses_none(site: Installation) -> None:
    site.processes.stop("outbound worker")
    kinds = [mapping.internal_id for mapping in site.channel_property.mappings.filter(external_id__startswith="21")]
    hotel = site.channel_property.property_id
    for number in range(GROUPS):
        check_in = START + timedelta(days=number)
        stays = [NewReservation(kinds[one % 10], check_in, check_in + timedelta(days=2)) for one in range(GROUP)]
        create_group(stays)
        for day in range(CHANGED_DAYS):
            night = check_in + timedelta(days=day)
            availability_changed([NightSpan(hotel, kind, night, night + timedelta(days=1)) for kind in kinds])
    waiting = ChannelEvent.objects.filter(status=EventStatus.RECEIVED, direction="outbound")
    assert waiting.count() >= RESERVATIONS + GROUPS * CHANGED_DAYS * ROOM_TYPES
    site.beds24.forget_calls()

    for name in ("outbound worker", "second outbound worker"):
        start_worker(site.processes, name, WORKERS["outbound worker"])
    site.settle(420)

    state = site.beds24.state()
    sys.stderr.write(
        f"credits in the fullest window {state['most_credits_used']:.0f}, calls {len(site.beds24.calls())}, calls over "
        f"the limit {state['calls_over_the_limit']}, most calls at once {state['most_calls_at_once']}\n"
    )
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()
    assert state["most_calls_at_once"] == 1
    assert state["most_credits_used"] <= LIMIT
    assert state["calls_over_the_limit"] == 0
    # More calls than one window pays for: the limit was met.
    assert len(site.beds24.calls()) > LIMIT
    assert len(site.beds24.bookings()) == RESERVATIONS
    assert set(Reservation.objects.values_list("status", flat=True)) == {ReservationStatus.CONFIRMED}
    for mapping in site.channel_property.mappings.filter(external_id__startswith="21"):
        ours = site.pms.availability(str(mapping.internal_id), START, END)
        assert ours == site.beds24.availability(mapping.external_id, START, END)
