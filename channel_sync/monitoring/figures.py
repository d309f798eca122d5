"""The figures of the dashboard, each from an index and over a bounded number of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from channel_sync.broker.depths import QueueDepths, queue_depths
from channel_sync.models import ChannelEvent, Conflict, ConflictStatus, EventStatus, Severity

PERIOD = timedelta(hours=24)
# The latest events are enough to tell how long things take.
SAMPLED = 20_000

HOURLY = """
SELECT date_trunc('hour', received_at) AS hour,
       count(*) FILTER (WHERE status IN ('done', 'ignored')),
       count(*) FILTER (WHERE status = 'failed'),
       count(*) FILTER (WHERE status IN ('received', 'processing', 'retrying'))
FROM channel_events
WHERE received_at >= %(since)s
GROUP BY hour
ORDER BY hour
"""

LATENCY = """
SELECT direction, event_type, count(*),
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY seconds)
FROM (
    SELECT direction, event_type, extract(epoch FROM processed_at - received_at)::double precision AS seconds
    FROM channel_events
    WHERE received_at >= %(since)s AND status = 'done'
    ORDER BY received_at DESC
    LIMIT %(sampled)s
) AS latest
GROUP BY direction, event_type
ORDER BY direction, event_type
"""


@dataclass(frozen=True)
class Hour:
    """Events that were received within one hour, by what became of them."""

    begin: datetime
    settled: int
    failed: int
    waiting: int


@dataclass(frozen=True)
class Latency:
    """Seconds from the receipt of an event to its effect."""

    direction: str
    event_type: str
    events: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Figures:
    """The last 24 hours, and what is open now."""

    queues: QueueDepths
    hours: Sequence[Hour]
    latencies: Sequence[Latency]
    failed_events: int
    conflicts: dict[str, int]

    @property
    def success_rate(self) -> float | None:
        """Settled of all that ended, in percent; None when nothing has ended."""
        settled = sum(hour.settled for hour in self.hours)
        ended = settled + sum(hour.failed for hour in self.hours)
        return round(100 * settled / ended, 1) if ended else None

    @property
    def open_conflicts(self) -> int:
        """Of every severity."""
        return sum(self.conflicts.values())


def figures() -> Figures:
    """Read them now."""
    since = timezone.now() - PERIOD
    with connection.cursor() as cursor:
        cursor.execute(HOURLY, {"since": since})
        hours = [Hour(*row) for row in cursor.fetchall()]
        cursor.execute(LATENCY, {"since": since, "sampled": SAMPLED})
        latencies = [Latency(*row[:3], *row[3]) for row in cursor.fetchall()]
    open_now = Conflict.objects.filter(status=ConflictStatus.OPEN).order_by()
    counted = dict(open_now.values_list("severity").annotate(Count("id")))
    return Figures(
        queues=queue_depths(),
        hours=hours,
        latencies=latencies,
        failed_events=ChannelEvent.objects.filter(status=EventStatus.FAILED).count(),
        conflicts={severity: counted.get(severity, 0) for severity in Severity.values},
    )
