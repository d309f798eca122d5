"""A worker that could not claim an event acknowledged its message, and the event waited for a day."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import psycopg
import pytest
from celery.exceptions import Reject
from django.db import connection
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.broker import deliveries
from channel_sync.broker.deliveries import GrowingPause, work_delivery
from channel_sync.events.store import complete
from channel_sync.models import ChannelEvent, EventStatus
from pms_project.local_services.stack import WORKERS, start_worker
from pms_project.pms.models import Reservation
from tests.beds24_webhooks import webhook
from tests.end_to_end.installation import Installation, installation, models_of
from tests.factories import EventFactory


@pytest.fixture
def pauses(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch, handle_with: Callable[..., None]
) -> Iterator[list[float]]:
    """The pauses that a worker makes, which take no time."""
    handle_with(complete)
    made: list[float] = []
    monkeypatch.setattr(deliveries, "pause", GrowingPause(sleep=made.append))
    yield made
    connection.close()  # It may be read-only.


def read_only() -> None:
    """As on a server that has become a replica; a new connection finds the primary again."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")


@contextmanager
def renamed_column() -> Iterator[None]:
    """The worker is older than the table."""
    rename = "ALTER TABLE channel_events RENAME COLUMN {} TO {}"
    with connection.cursor() as cursor:
        cursor.execute(rename.format("attempts", "attempts_renamed"))
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute(rename.format("attempts_renamed", "attempts"))


def delivered(event_id: object) -> str:
    """What becomes of a message: acknowledged, requeued or dead-lettered."""
    try:
        work_delivery(str(event_id))
    except Reject as reject:
        return "requeued" if reject.requeue else "dead-lettered"
    return "acknowledged"


def test_a_read_only_database_gives_the_message_back(pauses: list[float], caplog: pytest.LogCaptureFixture) -> None:
    event = EventFactory()
    read_only()

    assert delivered(event.id) == "requeued"
    assert "InternalError" in caplog.text

    event.refresh_from_db()
    assert (event.status, event.attempts) == (EventStatus.RECEIVED, 0)
    assert delivered(event.id) == "acknowledged"
    event.refresh_from_db()
    assert event.status == EventStatus.DONE


def test_a_column_that_is_gone_gives_the_message_back(pauses: list[float], caplog: pytest.LogCaptureFixture) -> None:
    event = EventFactory()

    with renamed_column():
        assert delivered(event.id) == "requeued"
    assert "ProgrammingError" in caplog.text

    assert delivered(event.id) == "acknowledged"
    event.refresh_from_db()
    assert event.status == EventStatus.DONE


def test_the_pause_grows_while_it_goes_on_and_starts_anew_after_a_success(pauses: list[float]) -> None:
    event, other = EventFactory.create_batch(2)
    for _ in range(7):
        read_only()
        assert delivered(event.id) == "requeued"
    assert pauses == [1, 2, 4, 8, 16, 30, 30]

    assert delivered(event.id) == "acknowledged"
    read_only()
    assert delivered(other.id) == "requeued"

    assert pauses[7:] == [1]


def test_a_claimed_event_that_cannot_be_settled_is_left_to_its_lease(
    pauses: list[float], handle_with: Callable[..., None]
) -> None:
    """Its message goes back for nothing: the next worker finds the event in other hands and lets the message go."""
    event = EventFactory()

    def work(event: ChannelEvent) -> None:
        read_only()
        complete(event)

    handle_with(work)
    with pytest.raises(Reject) as rejected:
        work_delivery(str(event.id))
    assert rejected.value.requeue is True

    event.refresh_from_db()
    assert event.status == EventStatus.PROCESSING
    assert event.lease_expires_at is not None
    assert delivered(event.id) == "acknowledged"


@pytest.fixture
def site(broker_url: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[Installation]:
    with (
        installation(os.environ["DATABASE_URL"], broker_url, tmp_path) as running,
        django_db_blocker.unblock(),
        models_of(running),
    ):
        yield running


def let_the_database_write(site: Installation, *, allowed: bool) -> None:
    """For every connection that is opened from now on."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        mode = "off" if allowed else "on"
        server.execute(f'ALTER DATABASE "{site.database_name}" SET default_transaction_read_only = {mode}')


@pytest.mark.processes
@pytest.mark.timeout(240)
def test_workers_on_a_read_only_database_keep_the_message_until_it_can_be_written(site: Installation) -> None:
    site.processes.stop("inbound worker")
    check_in = date.today() + timedelta(days=40)
    body = webhook(
        roomId=int(site.rooms["Double Room"]), arrival=str(check_in), departure=str(check_in + timedelta(days=1))
    )
    assert site.send_webhook(body) == 200
    event = ChannelEvent.objects.get(direction="inbound")
    noted = ChannelEvent.objects.filter(id=event.id, published_at__isnull=False)
    site.eventually(noted.exists, "the event is published, and the relay leaves it alone")

    let_the_database_write(site, allowed=False)
    start_worker(site.processes, "inbound worker", WORKERS["inbound worker"])
    log = site.processes.log("inbound worker")
    site.eventually(lambda: "InternalError" in log.read_text(), "a worker fails to claim the event", 60)
    let_the_database_write(site, allowed=True)

    site.eventually(Reservation.objects.exists, "the booking is applied", 40)
    event.refresh_from_db()
    assert event.status == EventStatus.DONE
