"""Retry, replay or ignore any number of events: those of some ids, or all that a selection names.

They are read and changed some thousands at a time, each time in a transaction of its own: what is done stays done when
the process dies, and asked once more it goes on with the rest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.database_clock import database_now
from channel_sync.events.selection import (
    IGNORABLE_STATUSES,
    REPLAYABLE_STATUSES,
    RETRYABLE_STATUSES,
    EventSelection,
)
from channel_sync.events.store import dismiss, dismissable, restart, restart_due, restartable
from channel_sync.models import AuditAction, ChannelEvent, EventStatus
from channel_sync.operations.audit import note
from channel_sync.operations.event_actions import book_failed_again, property_of_events

AT_ONCE = 2_000
# How many are named of those that nothing was done to, and of those that were refused; the counts are of all.
NAMED = 20
EXPLAINED = 1_000


class BatchVerb(StrEnum):
    """What is done to many events."""

    RETRY = "retry"
    REPLAY = "replay"
    IGNORE = "ignore"


STATUSES: dict[BatchVerb, Sequence[EventStatus]] = {
    BatchVerb.RETRY: RETRYABLE_STATUSES,
    BatchVerb.REPLAY: REPLAYABLE_STATUSES,
    BatchVerb.IGNORE: IGNORABLE_STATUSES,
}
NOTED: dict[BatchVerb, AuditAction] = {
    BatchVerb.RETRY: AuditAction.EVENT_RETRIED,
    BatchVerb.REPLAY: AuditAction.EVENT_REPLAYED,
    BatchVerb.IGNORE: AuditAction.EVENT_IGNORED,
}


class SkipReason(StrEnum):
    """Why nothing was done to an event."""

    NOT_FOUND = "not_found"
    OTHER_STATUS = "other_status"
    HELD_BY_WORKER = "held_by_worker"
    REDACTED = "redacted"
    NOT_BOOKABLE = "not_bookable"


@dataclass(frozen=True)
class EventBatch:
    """What to do to which events; `reason` is kept with those that are ignored."""

    verb: BatchVerb
    selection: EventSelection
    reason: str = ""


@dataclass
class BatchResult:
    """How many events were named and changed; of the others how many there are for each reason, and some of their ids.

    `refused` says of up to `EXPLAINED` events that failed with their reservation why it cannot be booked again now.
    """

    selected: int = 0
    changed: int = 0
    skipped: Counter[SkipReason] = field(default_factory=Counter)
    first_skipped: dict[SkipReason, list[UUID]] = field(default_factory=dict)
    refused: dict[UUID, str] = field(default_factory=dict)

    def skip(self, reason: SkipReason, event_ids: Collection[UUID]) -> None:
        """Nothing was done to these."""
        if event_ids:
            self.skipped[reason] += len(event_ids)
            named = self.first_skipped.setdefault(reason, [])
            named.extend([*event_ids][: NAMED - len(named)])


def count_batch(batch: EventBatch) -> BatchResult:
    """What the batch would come to now, without what only trying shows; nothing is changed."""
    result = BatchResult()
    for named in _some_at_a_time(batch, result):
        may_change = _may_change(batch, named)
        result.changed += len(may_change)
        _sort_out(result, batch, [one for one in named if one not in may_change])
    return result


def work_batch(batch: EventBatch, *, by: str) -> BatchResult:
    """Do it. What starts again is published at once where ids are named, else by the relay within seconds.

    Each some thousand events leave an entry in the audit.
    """
    result = BatchResult()
    for named in _some_at_a_time(batch, result):
        _work(batch, named, result, by=by)
    return result


def _work(batch: EventBatch, named: Sequence[UUID], result: BatchResult, *, by: str) -> None:
    booked: set[UUID] = set()
    if batch.verb is not BatchVerb.IGNORE:
        booked, refused = book_failed_again(ChannelEvent.objects.filter(id__in=named), NOTED[batch.verb], by)
        result.skip(SkipReason.NOT_BOOKABLE, refused)
        for event_id, error in refused.items():
            if len(result.refused) < EXPLAINED:
                result.refused[event_id] = str(error)
        named = [one for one in named if one not in refused and one not in booked]
    with transaction.atomic():
        # Locked, so that what is counted is what is changed.
        locked = ChannelEvent.objects.filter(id__in=named).select_for_update().order_by("id")
        list(locked.values_list("id", flat=True))
        may_change = _may_change(batch, named)
        changed = _change(batch, may_change, by)
        _sort_out(result, batch, [one for one in named if one not in may_change])
        if changed:
            _note(batch, [*may_change], changed, by)
    result.changed += changed + len(booked)


def _note(batch: EventBatch, event_ids: Sequence[UUID], changed: int, by: str) -> None:
    details: dict[str, Any] = {"changed": changed}
    if batch.selection.ids:
        details["ids"] = [str(one) for one in event_ids]
    else:
        details["selection"] = batch.selection.as_dict()
    if batch.verb is BatchVerb.IGNORE:
        details["reason"] = batch.reason
    subject = f"event:{event_ids[0]}" if len(event_ids) == 1 else "events"
    note(by, NOTED[batch.verb], subject, channel_property_id=property_of_events(event_ids), **details)


def _change(batch: EventBatch, event_ids: Collection[UUID], by: str) -> int:
    if batch.verb is BatchVerb.IGNORE:
        return dismiss(list(event_ids), f"by {by}: {batch.reason}")
    events = ChannelEvent.objects.filter(id__in=event_ids)
    if not batch.selection.ids:
        return restart_due(events, STATUSES[batch.verb])
    # Those that a person has named are few, and somebody waits for them.
    messages = restart(events, STATUSES[batch.verb])
    publish_after_commit(messages)
    return len(messages)


def _some_at_a_time(batch: EventBatch, result: BatchResult) -> Iterator[Sequence[UUID]]:
    """The ids that are there, by the time of receipt, up to now: what comes meanwhile is not meant.

    Read by position, as what was changed may not be selected any more. Named ids that are not there are counted.
    """
    if batch.selection.ids:
        known = list(batch.selection.events().values_list("id", flat=True))
        missing = dict.fromkeys(batch.selection.ids)
        result.selected = len(missing)
        for event_id in known:
            del missing[event_id]
        result.skip(SkipReason.NOT_FOUND, missing)
        for start in range(0, len(known), AT_ONCE):
            yield known[start : start + AT_ONCE]
        return
    upto = batch.selection.received_to
    now = database_now()
    events = replace(batch.selection, received_to=min(upto, now) if upto else now).events()
    last = None
    while True:
        rest = events if last is None else events.filter(_after(*last))
        found = list(rest.values_list("received_at", "id")[:AT_ONCE])
        if not found:
            return
        last = found[-1]
        result.selected += len(found)
        yield [event_id for _, event_id in found]


def _after(received_at: object, event_id: UUID) -> Q:
    """Said twice: the first part is what an index is read by."""
    return Q(received_at__gte=received_at) & (Q(received_at__gt=received_at) | Q(id__gt=event_id))


def _may_change(batch: EventBatch, named: Collection[UUID]) -> set[UUID]:
    """Those that are still as they were meant: another may have settled some since they were read."""
    events = ChannelEvent.objects.filter(id__in=named)
    if batch.selection.statuses:
        events = events.filter(status__in=batch.selection.statuses)
    found = dismissable(events) if batch.verb is BatchVerb.IGNORE else restartable(events, STATUSES[batch.verb])
    return set(found.values_list("id", flat=True))


def _sort_out(result: BatchResult, batch: EventBatch, left: Sequence[UUID]) -> None:
    """Why each of these is not changed."""
    meant = batch.selection.statuses or STATUSES[batch.verb]
    if not left:
        return
    by_reason: dict[SkipReason, list[UUID]] = {}
    rows = ChannelEvent.objects.filter(id__in=left).order_by("received_at", "id")
    for event_id, status in rows.values_list("id", "status"):
        reason = SkipReason.REDACTED if status in meant else SkipReason.OTHER_STATUS
        if status == EventStatus.PROCESSING:
            reason = SkipReason.HELD_BY_WORKER
        by_reason.setdefault(reason, []).append(event_id)
    for reason, event_ids in by_reason.items():
        result.skip(reason, event_ids)
