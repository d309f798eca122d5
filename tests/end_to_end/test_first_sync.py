"""A first synchronisation that waits for its time is made by beat and the reconciliation worker."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import ChannelConnection, ReconciliationRun, RunStatus
from channel_sync.reconciliation.unfinished import want_first_sync
from pms_project.pms.models import Reservation
from tests.end_to_end.installation import Installation, installation, models_of

pytestmark = [pytest.mark.processes, pytest.mark.timeout(180)]


@pytest.fixture
def site(broker_url: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Installation]:
    running = installation(os.environ["DATABASE_URL"], broker_url, tmp_path)
    with running as site, django_db_blocker.unblock(), models_of(site):
        yield site


def test_it_is_started_each_time_that_it_is_put_off(site: Installation) -> None:
    site.processes.stop("inbound worker")
    arrival = date.today() + timedelta(days=200)
    stay = {"arrival": str(arrival), "departure": str(arrival + timedelta(days=2))}
    site.beds24.book(roomId=int(site.rooms["Suite"]), **stay)

    done = ReconciliationRun.objects.filter(kind="bookings", status=RunStatus.DONE)
    made = done.count()
    wanted = ChannelConnection.objects.filter(first_sync_due_at__isnull=False)
    for count in (1, 2):
        # A wish that is made while one runs is answered by that one.
        site.eventually(lambda: not wanted.exists(), "none is wanted")
        want_first_sync(site.channel_property, after=timedelta(seconds=1))
        site.eventually(lambda count=count: done.count() == made + count, f"run {count} is made")  # type: ignore[misc]

    assert Reservation.objects.get().check_in == arrival
