"""The figures of dashboard and metrics, each from an index and over a bounded number of rows.

They come from the tables: right however many workers there are, on whatever machines, and after a restart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import zip_longest
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, QuerySet

from channel_sync.broker.depths import QueueDepths, queue_depths
from channel_sync.database_clock import database_now
from channel_sync.models import (
    ChannelAccount,
    ChannelEvent,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EventStatus,
    Severity,
)

PERIOD = timedelta(hours=24)
# The latest events are enough to tell how long things take.
SAMPLED = 20_000

HOURLY = """
SELECT date_trunc('hour', received_at) AS hour,
       count(*) FILTER (WHERE status IN ('done', 'ignored')),
       count(*) FILTER (WHERE status = 'failed'),
       count(*) FILTER (WHERE status IN ('received', 'processing', 'retrying'))
FROM channel_events
WHERE received_at >= %(since)s AND SCOPE
GROUP BY hour
ORDER BY hour
"""

LATENCY = """
SELECT direction, event_type, count(*),
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY seconds)
FROM (
    SELECT direction, event_type, extract(epoch FROM processed_at - received_at)::double precision AS seconds
    FROM channel_events
    WHERE received_at >= %(since)s AND status = 'done' AND SCOPE
    ORDER BY received_at DESC
    LIMIT %(sampled)s
) AS latest
GROUP BY direction, event_type
ORDER BY direction, event_type
"""


API_CALLS = """
SELECT channel_name, method, path, count(*), count(*) FILTER (WHERE status IS NULL OR status >= 500),
       count(*) FILTER (WHERE status = 429),
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY milliseconds / 1000.0)
FROM (
    SELECT * FROM channel_api_calls WHERE created_at >= %(since)s ORDER BY created_at DESC LIMIT %(sampled)s
) AS latest
JOIN channel_accounts ON channel_accounts.id = latest.account_id
GROUP BY channel_name, method, path
ORDER BY channel_name, method, path
"""

LAG = """
SELECT channel_property_id, direction, count(*),
       greatest(extract(epoch FROM %(now)s - min(received_at))::double precision, 0)
FROM channel_events
WHERE status IN ('received', 'processing', 'retrying') AND SCOPE
GROUP BY channel_property_id, direction
ORDER BY channel_property_id, direction
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
class ApiCalls:
    """Calls of one kind: how many, how many had no good answer or hit the rate limit, and seconds they took."""

    channel: str
    method: str
    path: str
    calls: int
    failed: int
    rate_limited: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True)
class Lag:
    """Events of a property that are not settled, and the age of the oldest in seconds."""

    channel_property_id: UUID
    direction: str
    events: int
    seconds: float


@dataclass(frozen=True)
class AccountCredits:
    """What an account has left of its window of credits, and for how long its channel has not answered.

    None when the window is over, or nothing was said yet; 0 seconds when it answers.
    """

    account: str
    remaining: float | None
    unavailable_seconds: float


@dataclass(frozen=True)
class Figures:
    """A period that ends now, and what is open now."""

    queues: QueueDepths
    hours: Sequence[Hour]
    latencies: Sequence[Latency]
    api_calls: Sequence[ApiCalls]
    lags: Sequence[Lag]
    credits: Sequence[AccountCredits]
    failed_events: int
    conflicts: dict[str, int]
    overbookings: int

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


def figures(period: timedelta = PERIOD, *, within: QuerySet[ChannelProperty] | None = None) -> Figures:
    """Read them now, over a period that ends now.

    `within` are the properties to count, None all of them. What is shared (queues, calls and credits of accounts)
    is left out where only some are counted.
    """
    now = database_now()
    since = now - period
    scope, names = _scope(within)
    with connection.cursor() as cursor:
        cursor.execute(HOURLY.replace("SCOPE", scope), {"since": since, **names})
        hours = [Hour(*row) for row in cursor.fetchall()]
        cursor.execute(LATENCY.replace("SCOPE", scope), {"since": since, "sampled": SAMPLED, **names})
        latencies = [Latency(*row[:3], *row[3]) for row in cursor.fetchall()]
        cursor.execute(LAG.replace("SCOPE", scope), {"now": now, **names})
        lags = [Lag(*row) for row in cursor.fetchall()]
    open_now = Conflict.objects.filter(status=ConflictStatus.OPEN).order_by()
    failed = ChannelEvent.objects.filter(status=EventStatus.FAILED)
    if within is not None:
        mine = within.values("pk")
        open_now, failed = open_now.filter(channel_property__in=mine), failed.filter(channel_property__in=mine)
    counted = dict(open_now.values_list("severity").annotate(Count("id")))
    return Figures(
        queues=queue_depths() if within is None else QueueDepths(),
        hours=hours,
        latencies=latencies,
        api_calls=_api_calls(since) if within is None else (),
        lags=lags,
        credits=_credits(now) if within is None else (),
        failed_events=failed.count(),
        conflicts={severity: counted.get(severity, 0) for severity in Severity.values},
        overbookings=open_now.filter(kind=ConflictKind.OVERBOOKING).count(),
    )


def _scope(within: QuerySet[ChannelProperty] | None) -> tuple[str, dict[str, Any]]:
    """The condition that keeps to some properties, as SQL with its parameters by name."""
    if within is None:
        return "true", {}
    try:
        sql, values = within.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:
        return "false", {}
    names = {f"scope_{number}": value for number, value in enumerate(values)}
    parts = sql.split("%s")
    named = "".join(part + (f"%({name})s" if name else "") for part, name in zip_longest(parts, names, fillvalue=""))
    return f"channel_property_id IN ({named})", names


def _api_calls(since: datetime) -> Sequence[ApiCalls]:
    with connection.cursor() as cursor:
        cursor.execute(API_CALLS, {"since": since, "sampled": SAMPLED})
        return [ApiCalls(*row[:6], *row[6]) for row in cursor.fetchall()]


def _credits(now: datetime) -> Sequence[AccountCredits]:
    return [
        AccountCredits(str(account), _credits_now(account, now), _unavailable_seconds(account, now))
        for account in ChannelAccount.objects.order_by("channel_name", "external_id")
    ]


def _credits_now(account: ChannelAccount, now: datetime) -> float | None:
    """A window that is over says nothing about the next one."""
    if account.credits_remaining is None or account.credits_reset_at is None or account.credits_reset_at <= now:
        return None
    return float(account.credits_remaining)


def _unavailable_seconds(account: ChannelAccount, now: datetime) -> float:
    return (now - account.unavailable_since).total_seconds() if account.unavailable_since else 0.0
