"""Retry, replay and ignore events: one, some, or all that a selection names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.errors import EventInOtherState
from channel_sync.events.selection import REPLAYABLE_STATUSES, RETRYABLE_STATUSES, EventSelection
from channel_sync.events.store import dismiss, restart, restart_due
from channel_sync.models import AuditAction, ChannelEvent, EventStatus
from channel_sync.operations.audit import note

BATCH = 500


@dataclass(frozen=True)
class BatchOutcome:
    """How many events a batch named, and how many were in a state that could be acted on."""

    selected: int
    changed: int


def batches(event_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """Many events, `BATCH` at a time: none of the transactions holds them all."""
    for start in range(0, len(event_ids), BATCH):
        yield event_ids[start : start + BATCH]


def in_batches(act: Callable[..., BatchOutcome], event_ids: Sequence[UUID], *, by: str) -> BatchOutcome:
    """Act on many events; each batch is a transaction of its own, and stays done when a later one goes wrong."""
    return BatchOutcome(len(event_ids), sum(act(batch, by=by).changed for batch in batches(event_ids)))


def retry_event(event: ChannelEvent, *, by: str) -> None:
    """Start a failed or waiting event again, and publish it. Raises `EventInOtherState` for any other."""
    _restart_one(event, AuditAction.EVENT_RETRIED, RETRYABLE_STATUSES, by)


def replay_event(event: ChannelEvent, *, by: str) -> None:
    """Start a settled or waiting event again. Raises `EventInOtherState` for one that a worker holds."""
    _restart_one(event, AuditAction.EVENT_REPLAYED, REPLAYABLE_STATUSES, by)


def ignore_event(event: ChannelEvent, *, by: str, reason: str = "") -> None:
    """Settle a failed or waiting event without its effect. Raises `EventInOtherState` for any other."""
    if ignore_events([event.id], by=by, reason=reason).changed == 0:
        raise EventInOtherState(event.id, _status_now(event), "ignored")


def retry_events(event_ids: Sequence[UUID], *, by: str) -> BatchOutcome:
    """Start the failed and waiting ones among some events again."""
    return _restart_some(event_ids, AuditAction.EVENT_RETRIED, RETRYABLE_STATUSES, by)


def replay_events(event_ids: Sequence[UUID], *, by: str) -> BatchOutcome:
    """Start those among some events again that no worker holds."""
    return _restart_some(event_ids, AuditAction.EVENT_REPLAYED, REPLAYABLE_STATUSES, by)


@transaction.atomic
def ignore_events(event_ids: Sequence[UUID], *, by: str, reason: str = "") -> BatchOutcome:
    """Settle the failed and waiting ones among some events without their effect; who and why is kept in each."""
    reason = reason.strip()
    changed = dismiss(event_ids, f"by {by}" + (f": {reason}" if reason else ""))
    if changed:
        note(by, AuditAction.EVENT_IGNORED, _subject(event_ids), ids=_told(event_ids), changed=changed, reason=reason)
    return BatchOutcome(len(event_ids), changed)


@transaction.atomic
def retry_selection(selection: EventSelection, *, by: str) -> BatchOutcome:
    """Start all failed events of a selection again, in one statement; the relay publishes them within seconds."""
    changed = restart_due(selection.events(), (EventStatus.FAILED,))
    if changed:
        note(by, AuditAction.EVENT_RETRIED, "events", changed=changed, selection=selection.as_dict())
    return BatchOutcome(changed, changed)


@transaction.atomic
def _restart_some(
    event_ids: Sequence[UUID], action: AuditAction, statuses: Sequence[EventStatus], by: str
) -> BatchOutcome:
    messages = restart(ChannelEvent.objects.filter(id__in=event_ids), statuses)
    if messages:
        note(by, action, _subject(event_ids), ids=_told(event_ids), changed=len(messages))
    publish_after_commit(messages)
    return BatchOutcome(len(event_ids), len(messages))


def _restart_one(event: ChannelEvent, action: AuditAction, statuses: Sequence[EventStatus], by: str) -> None:
    if _restart_some([event.id], action, statuses, by).changed == 0:
        verb = "retried" if action is AuditAction.EVENT_RETRIED else "replayed"
        raise EventInOtherState(event.id, _status_now(event), verb)


def _status_now(event: ChannelEvent) -> str:
    status, redacted_at = ChannelEvent.objects.values_list("status", "redacted_at").get(id=event.id)
    return f"{status} and without its guest, who was redacted" if redacted_at else str(status)


def _subject(event_ids: Sequence[UUID]) -> str:
    return f"event:{event_ids[0]}" if len(event_ids) == 1 else "events"


def _told(event_ids: Sequence[UUID]) -> list[str]:
    return [str(event_id) for event_id in event_ids]
