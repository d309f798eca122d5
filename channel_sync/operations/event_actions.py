"""Retry, replay and ignore events, one or some; `event_batches.py` does it to any number that a selection names.

A failed booking whose reservation failed with it is booked again: without a new hold there would be nothing to send,
and the retry would end `ignored` (`inventory/reopening.py`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.errors import (
    CannotBookAgain,
    ChannelSyncError,
    EventInOtherState,
    EventRedacted,
    NotEnoughUnits,
    NotYet,
)
from channel_sync.events.selection import REPLAYABLE_STATUSES, RETRYABLE_STATUSES
from channel_sync.events.store import dismiss, restart
from channel_sync.inventory.reopening import Reopened, failed_with_reservation, reopen
from channel_sync.models import PMS_SOURCE, AuditAction, ChannelEvent, EventStatus
from channel_sync.operations.audit import note

logger = logging.getLogger(__name__)

BATCH = 500


@dataclass(frozen=True)
class BatchOutcome:
    """How many events a batch named, and how many were in a state that could be acted on.

    `refused` are those whose reservation cannot be booked again now, with the reason; they stay failed.
    """

    selected: int
    changed: int
    refused: Mapping[UUID, ChannelSyncError] = field(default_factory=dict)


def batches(event_ids: Sequence[UUID]) -> Iterator[Sequence[UUID]]:
    """Many events, `BATCH` at a time: none of the transactions holds them all."""
    for start in range(0, len(event_ids), BATCH):
        yield event_ids[start : start + BATCH]


def in_batches(act: Callable[..., BatchOutcome], event_ids: Sequence[UUID], *, by: str) -> BatchOutcome:
    """Act on many events; each batch is a transaction of its own, and stays done when a later one goes wrong."""
    outcomes = [act(batch, by=by) for batch in batches(event_ids)]
    refused = {event_id: error for outcome in outcomes for event_id, error in outcome.refused.items()}
    return BatchOutcome(len(event_ids), sum(outcome.changed for outcome in outcomes), refused)


def retry_event(event: ChannelEvent, *, by: str) -> None:
    """Start a failed or waiting event again, and publish it. Raises `EventInOtherState` for any other.

    Raises `EventRedacted` for one of a channel whose guest was taken out, and `NotEnoughUnits`, `CannotBookAgain` and
    `NotYet` as booking its reservation again does; it stays failed then.
    """
    _restart_one(event, AuditAction.EVENT_RETRIED, RETRYABLE_STATUSES, by)


def replay_event(event: ChannelEvent, *, by: str) -> None:
    """Start a settled or waiting event again. Raises `EventInOtherState` for one that a worker holds.

    Raises for a failed one as `retry_event` does.
    """
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
        note(
            by, AuditAction.EVENT_IGNORED, _subject(event_ids), channel_property_id=property_of_events(event_ids),
            ids=_told(event_ids), changed=changed, reason=reason,
        )  # fmt: skip
    return BatchOutcome(len(event_ids), changed)


def _restart_some(
    event_ids: Sequence[UUID], action: AuditAction, statuses: Sequence[EventStatus], by: str
) -> BatchOutcome:
    named = ChannelEvent.objects.filter(id__in=event_ids)
    booked, refused = book_failed_again(named, action, by)
    others = [event_id for event_id in event_ids if event_id not in booked and event_id not in refused]
    with transaction.atomic():
        messages = restart(ChannelEvent.objects.filter(id__in=others), statuses)
        if messages:
            note(
                by, action, _subject(others), channel_property_id=property_of_events(others),
                ids=_told(others), changed=len(messages),
            )  # fmt: skip
        publish_after_commit(messages)
    return BatchOutcome(len(event_ids), len(booked) + len(messages), refused)


def book_failed_again(
    events: QuerySet[ChannelEvent], action: AuditAction, by: str
) -> tuple[set[UUID], dict[UUID, ChannelSyncError]]:
    """Book those of the events again whose reservation failed with them; which were, and why others were not.

    A transaction for each: one that finds no room keeps no other from its own. What another has reopened meanwhile is
    in neither, and is restarted like any event.
    """
    booked: set[UUID] = set()
    refused: dict[UUID, ChannelSyncError] = {}
    for event_id, reservation_id in failed_with_reservation(events).items():
        try:
            with transaction.atomic():
                reopening = reopen(reservation_id)
                if reopening.outcome is not Reopened.NOT_FAILED:
                    note(
                        by, action, f"event:{event_id}", channel_property_id=property_of_events([event_id]),
                        ids=[str(event_id)], changed=1,
                    )  # fmt: skip
                    publish_after_commit(reopening.messages)
                    booked.add(event_id)
        except (NotEnoughUnits, CannotBookAgain, NotYet) as error:
            logger.warning("event %s is not retried: %s", event_id, error)
            refused[event_id] = error
    return booked, refused


def _restart_one(event: ChannelEvent, action: AuditAction, statuses: Sequence[EventStatus], by: str) -> None:
    outcome = _restart_some([event.id], action, statuses, by)
    for error in outcome.refused.values():
        raise error
    if outcome.changed == 0:
        verb = "retried" if action is AuditAction.EVENT_RETRIED else "replayed"
        present = ChannelEvent.objects.only("status", "redacted_at", "source").get(id=event.id)
        if present.redacted_at is not None and present.source != PMS_SOURCE:
            raise EventRedacted(event.id, present.redacted_at, verb)
        raise EventInOtherState(event.id, present.status, verb)


def _status_now(event: ChannelEvent) -> str:
    return str(ChannelEvent.objects.values_list("status", flat=True).get(id=event.id))


def _subject(event_ids: Sequence[UUID]) -> str:
    return f"event:{event_ids[0]}" if len(event_ids) == 1 else "events"


def property_of_events(event_ids: Sequence[UUID]) -> UUID | None:
    """The property of all of them, whose people then see what was done; None where they are of several."""
    found = ChannelEvent.objects.filter(id__in=event_ids).order_by().values_list("channel_property_id", flat=True)
    properties = list(found.distinct()[:2])
    return properties[0] if len(properties) == 1 else None


def _told(event_ids: Sequence[UUID]) -> list[str]:
    return [str(event_id) for event_id in event_ids]
