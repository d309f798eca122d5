"""Take personal data out of events and closed conflicts by their age; that they happened, and when, stays.

What tells duplicates apart is a column of its own: a webhook that comes again is still known. A redacted event of a
channel is neither retried nor replayed: its guest is not known any more.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from channel_sync.conflicts import CHANGED, GUEST_DATA, without_guest
from channel_sync.models import ChannelEvent, Conflict, ConflictStatus, EventStatus
from channel_sync.personal_data import redact

BATCH = 500
REDACTABLE = (EventStatus.DONE, EventStatus.IGNORED)

Progress = Callable[[int], None]


def count_redactable(after: timedelta, failed_after: timedelta, *, now: datetime) -> int:
    """How many events the next run redacts."""
    return settled_for(after, now).count() + failed_for(failed_after, now).count()


def redact_events(
    after: timedelta, failed_after: timedelta, *, now: datetime, progress: Progress = lambda done: None
) -> int:
    """Redact settled events that were received longer ago than `after`, and failed ones; how many there were.

    In batches; safe to run twice at once.
    """
    done = 0
    for found in (settled_for(after, now), failed_for(failed_after, now)):
        while redacted := _redact_batch(found, now):
            done += redacted
            progress(redacted)
    return done


def settled_for(after: timedelta, now: datetime) -> QuerySet[ChannelEvent]:
    """Settled events that were received longer ago and still name their guest."""
    return _unredacted(now - after).filter(status__in=REDACTABLE)


def failed_for(after: timedelta, now: datetime) -> QuerySet[ChannelEvent]:
    """Failed ones, as far as the nights that they were to take are over: nobody waits for that guest any more."""
    over = Q(claimed_until=None) | Q(claimed_until__lt=now.date())
    return _unredacted(now - after).filter(over, status=EventStatus.FAILED)


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
def _redact_batch(found: QuerySet[ChannelEvent], now: datetime) -> int:
    """Those that are locked are being worked with at this moment: the next run takes them."""
    locked = found.select_related("channel_property").select_for_update(skip_locked=True, of=("self",))
    batch = list(locked.order_by("received_at")[:BATCH])
    redact(batch, now)
    return len(batch)


def _unredacted(before: datetime) -> QuerySet[ChannelEvent]:
    return ChannelEvent.objects.filter(redacted_at=None, received_at__lt=before)
