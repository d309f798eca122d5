"""The relay: hand to the broker what is due.

Due is what was recorded but never published, what waits for a retry, what a vanished worker left behind, and what
the broker has lost; all of it is one index scan on `next_attempt_at`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from channel_sync.conf import channel_sync_settings
from channel_sync.events.message import EventMessage
from channel_sync.models import Direction

Publish = Callable[[Sequence[EventMessage]], Sequence[EventMessage]]

TAKE_DUE = """
WITH due AS (
    SELECT id FROM channel_events
    WHERE next_attempt_at <= %(now)s
    ORDER BY next_attempt_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
)
UPDATE channel_events AS event
SET status = CASE
        WHEN event.status <> 'processing' THEN event.status
        WHEN event.attempts >= event.max_attempts THEN 'failed'
        ELSE 'retrying'
    END,
    last_error = CASE
        WHEN event.status <> 'processing' THEN event.last_error
        ELSE 'The worker that held the event vanished during attempt ' || event.attempts || '.'
    END,
    processed_at = CASE
        WHEN event.status = 'processing' AND event.attempts >= event.max_attempts THEN %(now)s ELSE event.processed_at
    END,
    published_at = CASE WHEN event.status = 'received' THEN event.published_at ELSE %(now)s END,
    next_attempt_at = CASE
        WHEN event.status = 'processing' AND event.attempts >= event.max_attempts THEN NULL ELSE %(handed_over)s
    END,
    updated_at = %(now)s
FROM due
WHERE event.id = due.id
RETURNING event.id, event.direction, event.event_type, event.source, event.correlation_id, event.next_attempt_at
"""

CONFIRM_PUBLISHED = """
UPDATE channel_events AS event
SET published_at = %(now)s, next_attempt_at = %(expired)s, updated_at = %(now)s
FROM unnest(%(ids)s::uuid[], %(handed_over)s::timestamptz[]) AS message (id, handed_over_at)
WHERE event.id = message.id AND event.next_attempt_at = message.handed_over_at
  AND event.status IN ('received', 'retrying')
"""

# Through an index of open events, whatever lies in the log; what was published first comes first.
RESCUE_LOST = """
WITH lost AS (
    SELECT id FROM channel_events
    WHERE next_attempt_at > %(now)s AND published_at < %(before)s
      AND status IN ('received', 'retrying') AND direction = %(direction)s
    ORDER BY next_attempt_at
    LIMIT %(batch)s
    FOR UPDATE SKIP LOCKED
)
UPDATE channel_events AS event
SET next_attempt_at = %(now)s, updated_at = %(now)s
FROM lost
WHERE event.id = lost.id
"""

EXPIRY_MARGIN = timedelta(minutes=5)


def take_due() -> list[EventMessage]:
    """Take a batch of due events; if they are not confirmed within `relay_grace` they are due again."""
    settings = channel_sync_settings()
    now = timezone.now()
    parameters: dict[str, Any] = {"now": now, "batch": settings.relay_batch, "handed_over": now + settings.relay_grace}
    with connection.cursor() as cursor:
        cursor.execute(TAKE_DUE, parameters)
        rows = cursor.fetchall()
    return [
        EventMessage(event_id, Direction(direction), event_type, f"{source}.{event_type}", correlation, handed_over_at)
        for event_id, direction, event_type, source, correlation, handed_over_at in rows
        if handed_over_at is not None
    ]


def confirm_published(messages: Sequence[EventMessage]) -> None:
    """The broker has the messages: look at their events again only when the messages have expired.

    An event that a worker has claimed meanwhile is left alone.
    """
    if not messages:
        return
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            CONFIRM_PUBLISHED,
            {
                "now": now,
                "expired": now + channel_sync_settings().message_ttl + EXPIRY_MARGIN,
                "ids": [message.event_id for message in messages],
                "handed_over": [message.handed_over_at for message in messages],
            },
        )


def rescue_lost(direction: Direction) -> int:
    """Make published events due that nobody claims although their queue is empty; returns how many.

    At most `relay_batch`, those published first, and none that was published within `rescue_after`. A worker may hold
    the message of one that is not lost: it is published twice then, no more often than every `rescue_after`, and the
    claim decides.
    """
    settings = channel_sync_settings()
    now = timezone.now()
    parameters: dict[str, Any] = {
        "now": now,
        "before": now - settings.rescue_after,
        "direction": direction.value,
        "batch": settings.relay_batch,
    }
    with connection.cursor() as cursor:
        cursor.execute(RESCUE_LOST, parameters)
        return int(cursor.rowcount)


def relay_due(publish: Publish) -> int:
    """Publish everything that is due, batch by batch; returns how many messages the broker confirmed.

    `publish` returns the messages that were confirmed, and raises `PublishFailed` when the broker is away; the
    events of that batch are due again after `relay_grace`.
    """
    total = 0
    while batch := take_due():
        confirmed = publish(batch)
        confirm_published(confirmed)
        total += len(confirmed)
        if len(confirmed) < len(batch):
            break
    return total
