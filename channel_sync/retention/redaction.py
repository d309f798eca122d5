"""Take personal data out of settled events and closed conflicts; that they happened, and when, stays.

What tells duplicates apart is a column of its own: a webhook that comes again is still known. A redacted event is not
replayed, it would write over a guest's name.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from channel_sync.conflicts import CHANGED, GUEST_DATA, without_guest
from channel_sync.connections.registry import channel_class
from channel_sync.errors import ConfigurationError
from channel_sync.models import PMS_SOURCE, ChannelEvent, Conflict, ConflictStatus, EventStatus

BATCH = 500
REDACTABLE = (EventStatus.DONE, EventStatus.IGNORED)
# Of a normalised booking, whichever way it went.
PERSONAL_FIELDS = frozenset({"guest", "guest_comments", "notes", *GUEST_DATA})

Progress = Callable[[int], None]


def count_redactable(after: timedelta, *, now: datetime) -> int:
    """How many events the next run redacts."""
    return _redactable(after, now).count()


def redact_events(after: timedelta, *, now: datetime, progress: Progress = lambda done: None) -> int:
    """Redact what was received longer ago than `after`, in batches; how many there were. Safe to run twice at once."""
    done = 0
    while redacted := _redact_batch(after, now):
        done += redacted
        progress(redacted)
    return done


def redact_conflicts(after: timedelta, *, now: datetime) -> int:
    """Leave out the guests of conflicts that were closed longer ago than `after`; how many there were.

    A dismissed difference of names is brought up again by the next comparison: who they were is not known any more.
    """
    closed = Conflict.objects.exclude(status=ConflictStatus.OPEN).filter(resolved_at__lt=now - after)
    keys = [*GUEST_DATA, CHANGED]
    named = closed.filter(Q(pms_side__has_any_keys=keys) | Q(channel_side__has_any_keys=keys))
    redacted = 0
    for conflict in named.iterator():
        sides = without_guest(conflict.pms_side), without_guest(conflict.channel_side)
        if sides != (conflict.pms_side, conflict.channel_side):
            Conflict.objects.filter(id=conflict.id).update(pms_side=sides[0], channel_side=sides[1])
            redacted += 1
    return redacted


@transaction.atomic
def _redact_batch(after: timedelta, now: datetime) -> int:
    batch = list(_redactable(after, now).order_by("received_at").select_for_update(skip_locked=True)[:BATCH])
    for event in batch:
        event.payload = _payload(event)
        event.normalized_payload = without_personal_fields(event.normalized_payload)
        event.redacted_at = now
    ChannelEvent.objects.bulk_update(batch, ["payload", "normalized_payload", "redacted_at"])
    return len(batch)


def _redactable(after: timedelta, now: datetime) -> QuerySet[ChannelEvent]:
    return ChannelEvent.objects.filter(redacted_at=None, status__in=REDACTABLE, received_at__lt=now - after)


def _payload(event: ChannelEvent) -> dict[str, Any]:
    """A channel knows its own fields; of a channel that is not listed any more nothing is kept."""
    if event.source == PMS_SOURCE:
        return without_personal_fields(event.payload) or {}
    try:
        return channel_class(event.source).without_personal_data(event.payload)
    except ConfigurationError:
        return {}


def without_personal_fields(normalized: dict[str, Any] | None) -> dict[str, Any] | None:
    """A normalised booking without the guest and the notes."""
    if normalized is None:
        return None
    return {name: value for name, value in normalized.items() if name not in PERSONAL_FIELDS}
