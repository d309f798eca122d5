"""The life of an event: each change is one conditional UPDATE, each claim has a lease.

A claim is named by the end of its lease (`next_attempt_at`): a worker whose lease was given to another can
settle nothing any more, its transaction fails with `IllegalTransition`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone
from psycopg.types.json import Jsonb

from channel_sync.channels.storable import storable_text
from channel_sync.conf import channel_sync_settings
from channel_sync.errors import IllegalTransition
from channel_sync.metrics import EVENTS
from channel_sync.models import OPEN_STATUSES, WAITING_STATUSES, ChannelEvent, EventStatus, EventType

CLAIM_EVENT = """
UPDATE channel_events
SET status = 'processing', attempts = attempts + 1, next_attempt_at = %(lease)s, updated_at = %(now)s
WHERE id = %(id)s AND (status = 'received' OR (status = 'retrying' AND published_at IS NOT NULL))
"""

CLAIM_WAITING = """
UPDATE channel_events
SET status = 'processing', attempts = attempts + 1, next_attempt_at = %(lease)s, updated_at = %(now)s
WHERE id IN (
    SELECT id FROM channel_events
    WHERE channel_property_id = %(property)s AND status IN ('received', 'retrying')
      AND direction = %(direction)s AND entity_type = %(entity_type)s AND attempts = 0
      AND event_type = coalesce(%(event_type)s, event_type)
    ORDER BY received_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING *
"""

MARK_DONE = """
UPDATE channel_events AS event
SET status = 'done', normalized_payload = worked.normalized_payload, entity_internal_id = worked.entity_internal_id,
    last_error = NULL, next_attempt_at = NULL, processed_at = %(now)s, updated_at = %(now)s
FROM unnest(%(ids)s::uuid[], %(leases)s::timestamptz[], %(normalized)s::jsonb[], %(entities)s::uuid[])
    AS worked (id, lease, normalized_payload, entity_internal_id)
WHERE event.id = worked.id AND event.status = 'processing' AND event.next_attempt_at = worked.lease
RETURNING event.id
"""

MAX_ERROR_LENGTH = 2000


@dataclass(frozen=True)
class Worked:
    """A claimed event whose effect is made, what it said in canonical form, and what it made or changed."""

    event: ChannelEvent
    normalized_payload: dict[str, Any]
    entity_internal_id: UUID


def claim(event_id: UUID) -> ChannelEvent | None:
    """Take an event for processing and count the attempt, in a transaction of its own.

    None when there is nothing to do: the event is settled, in another worker's hands, or waits for its retry.
    """
    now = timezone.now()
    parameters: dict[str, Any] = {"id": event_id, "now": now, "lease": now + channel_sync_settings().processing_lease}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM_EVENT, parameters)
        if not cursor.rowcount:
            return None
    return ChannelEvent.objects.select_related("channel_property").get(id=event_id)


def claim_waiting(lead: ChannelEvent, *, limit: int, event_type: EventType | None = None) -> list[ChannelEvent]:
    """Take events like the lead that wait beside it and were never tried, whatever put them off; oldest first.

    A lead that was tried before goes alone: if it is what kills the worker, it takes no other with it.
    """
    if (lead.attempts or 0) > 1:
        return []
    now = timezone.now()
    parameters = {
        "property": lead.channel_property_id,
        "direction": lead.direction,
        "entity_type": lead.entity_type,
        "event_type": event_type,
        "limit": limit,
        "now": now,
        "lease": now + channel_sync_settings().processing_lease,
    }
    claimed = list(ChannelEvent.objects.raw(CLAIM_WAITING, parameters))
    for event in claimed:
        event.channel_property = lead.channel_property
    return sorted(claimed, key=lambda event: event.received_at or now)


def mark_done(event: ChannelEvent, **columns: Any) -> None:
    """The effect is in the same transaction: the event is done. `columns` are set on the row too."""
    _settle(event, EventStatus.DONE, last_error=None, **columns)


def mark_all_done(worked: Sequence[Worked]) -> None:
    """`mark_done` for several events, in one statement: all of them or none. `note_done` follows the commit."""
    parameters: dict[str, Any] = {
        "ids": [one.event.id for one in worked],
        "leases": [one.event.next_attempt_at for one in worked],
        "normalized": [Jsonb(one.normalized_payload) for one in worked],
        "entities": [one.entity_internal_id for one in worked],
        "now": timezone.now(),
    }
    with connection.cursor() as cursor:
        cursor.execute(MARK_DONE, parameters)
        marked = {row[0] for row in cursor.fetchall()}
    for one in worked:
        if one.event.id not in marked:
            raise IllegalTransition(one.event.id, EventStatus.DONE.value)


def note_done(event: ChannelEvent) -> None:
    """Let the event in memory and the metrics know what `mark_all_done` has written."""
    event.status = EventStatus.DONE
    _count(event, EventStatus.DONE)


def mark_ignored(event: ChannelEvent, reason: str, **columns: Any) -> None:
    """The event needs no effect; the reason is kept. `columns` are set on the row too."""
    _settle(event, EventStatus.IGNORED, last_error=reason, **columns)


def note_sent(event: ChannelEvent, normalized: dict[str, Any]) -> None:
    """Keep what is about to be sent: from now on the call may have reached the channel."""
    _transition(event, EventStatus.PROCESSING, normalized_payload=normalized)


def close_claimed(events: Sequence[ChannelEvent], into: ChannelEvent) -> None:
    """Settle claimed events whose effect another event's call had."""
    for event in events:
        _settle(event, EventStatus.DONE, coalesced_into=into, last_error=None)


def require_claim(event: ChannelEvent) -> None:
    """Raise `IllegalTransition` when the event was settled while its worker waited for the account."""
    if not ChannelEvent.objects.filter(
        id=event.id, status=EventStatus.PROCESSING, next_attempt_at=event.next_attempt_at
    ).exists():
        raise IllegalTransition(event.id, EventStatus.DONE.value)


def close_coalesced(events: Sequence[UUID], into: ChannelEvent) -> int:
    """Settle events whose effect another event's call had, whoever has claimed them: see `require_claim`."""
    now = timezone.now()
    closed = ChannelEvent.objects.filter(id__in=events, status__in=OPEN_STATUSES).update(
        status=EventStatus.DONE,
        coalesced_into=into,
        next_attempt_at=None,
        last_error=None,
        processed_at=now,
        updated_at=now,
    )
    _count(into, EventStatus.DONE, closed)
    return closed


def mark_failed(event: ChannelEvent, error: Exception) -> None:
    """No more attempts: the event goes to the dead letters."""
    _settle(event, EventStatus.FAILED, last_error=_told(error))


def retry_at(event: ChannelEvent, due: datetime, error: Exception) -> None:
    """Another attempt at `due`; this one stays counted."""
    _transition(event, EventStatus.RETRYING, next_attempt_at=due, published_at=None, last_error=_told(error))


def put_off(event: ChannelEvent, due: datetime, error: Exception) -> None:
    """Another attempt at `due`, as if this one had not been: nothing was tried."""
    _transition(
        event,
        EventStatus.RETRYING,
        next_attempt_at=due,
        published_at=None,
        last_error=_told(error),
        attempts=max((event.attempts or 0) - 1, 0),
    )


def wake(channel_property_id: UUID) -> int:
    """Whatever waits of a property is due now; returns how many events that are."""
    now = timezone.now()
    return ChannelEvent.objects.filter(
        channel_property_id=channel_property_id, status__in=WAITING_STATUSES, next_attempt_at__gt=now
    ).update(next_attempt_at=now, updated_at=now)


def _settle(event: ChannelEvent, target: EventStatus, **values: Any) -> None:
    _transition(event, target, next_attempt_at=None, processed_at=timezone.now(), **values)


def _transition(event: ChannelEvent, target: EventStatus, **values: Any) -> None:
    changed = ChannelEvent.objects.filter(
        id=event.id, status=EventStatus.PROCESSING, next_attempt_at=event.next_attempt_at
    ).update(status=target, updated_at=timezone.now(), **values)
    if not changed:
        raise IllegalTransition(event.id, target.value)
    event.status = target
    if target is not EventStatus.PROCESSING:
        _count(event, target)


def _count(event: ChannelEvent, status: EventStatus, number: int = 1) -> None:
    EVENTS.labels(event.direction, event.event_type, status.value).inc(number)


def _told(error: Exception) -> str:
    return storable_text(f"{type(error).__name__}: {error}")[:MAX_ERROR_LENGTH]
