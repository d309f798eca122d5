"""A worker is killed with many new bookings in one transaction: each of them becomes one reservation all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from django.db.models import Max
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import ChannelEvent, EventStatus, ReservationLink
from pms_project.local_services.stack import WORKERS, start_worker
from pms_project.pms.models import Reservation
from tests.beds24_webhooks import webhook
from tests.end_to_end.installation import Installation, installation, models_of

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]

BOOKINGS = 30
FIRST = 9_000_001


@pytest.fixture
def site(
    broker_url: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Installation]:
    monkeypatch.setenv("CRASH_FILE", str(tmp_path / "crash"))
    running = installation(os.environ["DATABASE_URL"], broker_url, tmp_path, processing_lease=5, lease_ttl=3)
    with running as site, django_db_blocker.unblock(), models_of(site):
        yield site


def test_nothing_is_lost_or_doubled(site: Installation, tmp_path: Path) -> None:
    name = "inbound worker"
    site.processes.stop(name)
    for number in range(BOOKINGS):
        send_new_booking(site, FIRST + number)
    crash_file = tmp_path / "crash"
    crash_file.write_text("before_commit_together")

    start_worker(site.processes, name, WORKERS[name], module="tests.chaos.crashing_worker")

    site.eventually(lambda: Reservation.objects.count() >= BOOKINGS, "all bookings arrive", seconds=60)
    site.settle()
    assert not crash_file.exists()
    assert Reservation.objects.count() == BOOKINGS
    assert ReservationLink.objects.count() == BOOKINGS
    assert set(ChannelEvent.objects.values_list("status", flat=True)) == {EventStatus.DONE}
    assert ChannelEvent.objects.aggregate(attempts=Max("attempts")) == {"attempts": 2}


def send_new_booking(site: Installation, number: int) -> None:
    arrival = date.today() + timedelta(days=30 + number % 10)
    body = webhook(
        id=number,
        roomId=int(site.rooms["Double Room"]),
        arrival=str(arrival),
        departure=str(arrival + timedelta(days=2)),
    )
    assert site.send_webhook(body) == 200
