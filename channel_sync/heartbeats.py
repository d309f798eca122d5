"""Signs of life of workers, beat and the watch, in a table that the health check and the alerts read."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from celery.signals import heartbeat_sent, worker_shutdown
from django.db import DatabaseError, InterfaceError, connection
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone
from psycopg.types.json import Jsonb

from channel_sync.conf import channel_sync_settings
from channel_sync.models import Heartbeat, ProcessKind
from channel_sync.models.sealed_values import keys_are_wrong

logger = logging.getLogger(__name__)

BEAT = "beat"
FORGOTTEN_AFTER = timedelta(days=1)
# Clocks that differ by less decide nothing differently.
CLOCK_TOLERANCE = timedelta(seconds=5)

NOTE = """
INSERT INTO channel_heartbeats (name, kind, queues, seen_at, clock_ahead, keys_are_wrong)
VALUES (
    %(name)s, %(kind)s, %(queues)s, coalesce(%(now)s, statement_timestamp()),
    coalesce(%(ahead)s, extract(epoch FROM %(own_time)s::timestamptz - statement_timestamp())), %(keys_are_wrong)s
)
ON CONFLICT (name) DO UPDATE
SET kind = excluded.kind, queues = excluded.queues, seen_at = excluded.seen_at, clock_ahead = excluded.clock_ahead,
    keys_are_wrong = excluded.keys_are_wrong
"""

_last: dict[str, float] = {}


def note_alive(
    name: str,
    kind: ProcessKind,
    queues: Sequence[str] = (),
    *,
    ahead: float | None = None,
    now: datetime | None = None,
) -> None:
    """Keep that a process is alive, how far its clock is ahead of the database's, and whether its keys are wrong.

    `ahead`, in seconds, is given for a process that does not write this itself. Within `heartbeat_interval` of the last
    time it costs nothing.
    """
    if time.monotonic() - _last.get(name, float("-inf")) < channel_sync_settings().heartbeat_interval.total_seconds():
        return
    parameters: dict[str, Any] = {
        "name": name,
        "kind": kind.value,
        "queues": Jsonb(list(queues)),
        "ahead": ahead,
        "own_time": timezone.now(),
        "now": now,
        # Beat decrypts nothing; who writes for it is a worker, and says so for itself.
        "keys_are_wrong": kind is not ProcessKind.BEAT and keys_are_wrong(),
    }
    with connection.cursor() as cursor:
        cursor.execute(NOTE, parameters)
    _last[name] = time.monotonic()


def wrong_clocks() -> dict[str, float]:
    """Process -> seconds by which its clock is ahead of the database's, of living processes whose clock is off."""
    off = Q(clock_ahead__gt=CLOCK_TOLERANCE.total_seconds()) | Q(clock_ahead__lt=-CLOCK_TOLERANCE.total_seconds())
    found = Heartbeat.objects.filter(off, seen_at__gte=_oldest(None)).order_by("name")
    return {name: round(ahead or 0.0, 1) for name, ahead in found.values_list("name", "clock_ahead")}


def wrong_keys() -> list[str]:
    """Living processes whose SECRET_KEY and SALT_KEY decrypt nothing of what is stored."""
    found = Heartbeat.objects.filter(keys_are_wrong=True, seen_at__gte=_oldest(None)).order_by("name")
    return list(found.values_list("name", flat=True))


def alive_by_queue(*, now: datetime | None = None) -> dict[str, int]:
    """How many workers that are alive consume each queue."""
    found: dict[str, int] = {}
    alive = Heartbeat.objects.filter(kind=ProcessKind.WORKER, seen_at__gte=_oldest(now))
    for queues in alive.values_list("queues", flat=True):
        for queue in queues:
            found[queue] = found.get(queue, 0) + 1
    return found


def is_beat_alive(*, now: datetime | None = None) -> bool:
    """Whether a task that beat starts has run recently."""
    return Heartbeat.objects.filter(name=BEAT, seen_at__gte=_oldest(now)).exists()


def forget_dead(*, now: datetime | None = None) -> int:
    """Remove what was silent for a day; how many there were."""
    before = (now or Now()) - FORGOTTEN_AFTER
    return Heartbeat.objects.filter(seen_at__lt=before).delete()[0]


def follow_workers() -> None:
    """Connect the receivers; called once, when the apps are ready and before a worker starts."""
    heartbeat_sent.connect(_worker_is_alive, dispatch_uid="channel_sync.heartbeats", weak=False)
    worker_shutdown.connect(_worker_stops, dispatch_uid="channel_sync.heartbeats", weak=False)


def _worker_is_alive(sender: Any, **_: object) -> None:
    """Runs in the worker's main process, which forks: it keeps no connection open that a child could inherit."""
    try:
        note_alive(str(sender.eventer.hostname), ProcessKind.WORKER, list(sender.eventer.app.amqp.queues.consume_from))
    except (DatabaseError, InterfaceError) as error:
        logger.warning("this worker's heartbeat could not be written: %s", error)
    finally:
        connection.close()


def _worker_stops(sender: Any, **_: object) -> None:
    """A worker that ends in good order is not missed."""
    try:
        Heartbeat.objects.filter(name=str(sender.hostname)).delete()
    except (DatabaseError, InterfaceError) as error:
        logger.warning("this worker's heartbeat could not be removed: %s", error)
    finally:
        connection.close()


def _oldest(now: datetime | None) -> Any:
    """The oldest sign of life that counts, by the database's clock."""
    return (now or Now()) - channel_sync_settings().heartbeat_missed_after
