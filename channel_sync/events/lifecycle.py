"""The life of an event: each change is one conditional UPDATE, each claim has a lease.

A claim is named by the end of its lease (`next_attempt_at`): a worker whose lease was given to another can
settle nothing any more, its transaction fails with `IllegalTransition`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils import timezone

from channel_sync.conf import channel_sync_settings
from channel_sync.errors import IllegalTransition
from channel_sync.metrics import EVENTS
from channel_sync.models import OPEN_STATUSES, ChannelEvent, EventStatus

CLAIM_EVENT = """
UPDATE channel_events
SET status = 'processing', attempts = attempts + 1, next_attempt_at = %(lease)s, updated_at = %(now)s
WHERE id = %(id)s AND (status = 'received' OR (status = 'retrying' AND published_at IS NOT NULL))
RETURNING *
"""

CLAIM_WAITING = """
UPDATE channel_events
SET status = 'processing', attempts = attempts + 1, next_attempt_at = %(lease)s, updated_at = %(now)s
WHERE id IN (
    SELECT id FROM channel_events
    WHERE channel_property_id = %(property)s AND status IN ('received', 'retrying')
      AND direction = %(direction)s AND entity_type = %(entity_type)s AND attempts = 0
    ORDER BY received_at
    LIMIT %(limit)s
    FOR UPDATE SKIP LOCKED
)
RETURNING *
"""

MAX_ERROR_LENGTH = 2000


def claim(event_id: UUID) -> ChannelEvent | None:
    """Take an event for processing and count the attempt, in a transaction of its own.

    None when there is nothing to do: the event is settled, in another worker's hands, or waits for its retry.
    """
    now = timezone.now()
    parameters = {"id": event_id, "now": now, "lease": now + channel_sync_settings().processing_lease}
    claimed = list(ChannelEvent.objects.raw(CLAIM_EVENT, parameters))
    return claimed[0] if claimed else None


def claim_waiting(lead: ChannelEvent, *, limit: int) -> list[ChannelEvent]:
    """Take events like the lead that wait beside it and were never tried, whatever put them off."""
    now = timezone.now()
    parameters = {
        "property": lead.channel_property_id,
        "direction": lead.direction,
        "entity_type": lead.entity_type,
        "limit": limit,
        "now": now,
        "lease": now + channel_sync_settings().processing_lease,
    }
    claimed = list(ChannelEvent.objects.raw(CLAIM_WAITING, parameters))
    for event in claimed:
        event.channel_property = lead.channel_property
    return claimed


def mark_done(event: ChannelEvent, **columns: Any) -> None:
    """The effect is in the same transaction: the event is done. `columns` are set on the row too."""
    _settle(event, EventStatus.DONE, last_error=None, **columns)


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
    return f"{type(error).__name__}: {error}"[:MAX_ERROR_LENGTH]
