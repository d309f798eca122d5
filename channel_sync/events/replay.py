"""Put events back to the start, or out of the way, when a person says so (plan 8.4, 8.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from channel_sync.conf import channel_sync_settings
from channel_sync.events.message import EventMessage, message_of
from channel_sync.models import WAITING_STATUSES, ChannelEvent, EventStatus

# What a worker holds is left to it: it settles the event, or its lease ends.
RETRYABLE_STATUSES = IGNORABLE_STATUSES = (EventStatus.FAILED, *WAITING_STATUSES)
REPLAYABLE_STATUSES = (*RETRYABLE_STATUSES, EventStatus.DONE, EventStatus.IGNORED)
_FRESH: dict[str, Any] = {
    "status": EventStatus.RECEIVED,
    "attempts": 0,
    "coalesced_into": None,
    "published_at": None,
    "processed_at": None,
}


@dataclass(frozen=True)
class EventSelection:
    """Which events are meant; what is left empty selects nothing away."""

    ids: Sequence[UUID] = ()
    statuses: Sequence[EventStatus] = ()
    event_type: str = ""
    direction: str = ""
    channel_property_ids: Sequence[UUID] = ()
    received_from: datetime | None = None
    received_to: datetime | None = None

    def events(self) -> QuerySet[ChannelEvent]:
        """The events that are selected now, the oldest first."""
        found = ChannelEvent.objects.order_by("received_at", "id")
        wanted = {
            "id__in": self.ids,
            "status__in": self.statuses,
            "event_type": self.event_type,
            "direction": self.direction,
            "channel_property__in": self.channel_property_ids,
            "received_at__gte": self.received_from,
            "received_at__lt": self.received_to,
        }
        return found.filter(**{name: value for name, value in wanted.items() if value})

    def told(self) -> dict[str, Any]:
        """What is selected by, for the audit."""
        return {
            name: [str(one) for one in value] if isinstance(value, list | tuple) else str(value)
            for name, value in asdict(self).items()
            if value
        }


def retry_failed(event_ids: Sequence[UUID]) -> list[EventMessage]:
    """Failed events as if they had just been received; the messages to publish. Others are left alone."""
    return _restart(event_ids, (EventStatus.FAILED,))


def retry(event_ids: Sequence[UUID]) -> list[EventMessage]:
    """Failed and waiting events as if they had just been received; the messages to publish. Others are left alone."""
    return _restart(event_ids, RETRYABLE_STATUSES)


def replay(event_ids: Sequence[UUID]) -> list[EventMessage]:
    """Settled and waiting events once more; the messages to publish. What a worker holds is left alone.

    What is older than what was applied, or has nothing left to send, ends `ignored`: a replay undoes nothing. What is
    redacted is left alone: its guest is gone.
    """
    return _restart(event_ids, REPLAYABLE_STATUSES)


def try_once_more(event_id: UUID) -> bool:
    """Give a failed event one attempt more, which the caller makes at once; False when it is not failed any more.

    It fails again at once if that attempt does: what was alerted stays alerted.
    """
    settings, now = channel_sync_settings(), timezone.now()
    return bool(
        ChannelEvent.objects.filter(id=event_id, status=EventStatus.FAILED, redacted_at=None).update(
            **_FRESH | {"attempts": Coalesce("max_attempts", 1) - 1},
            next_attempt_at=now + settings.relay_grace,
            updated_at=now,
        )
    )


def restart_selected(selection: EventSelection, statuses: Sequence[EventStatus]) -> int:
    """The events of a selection that have one of the statuses as if just received, due at once for the relay."""
    now = timezone.now()
    found = selection.events().order_by().filter(status__in=statuses, redacted_at=None)
    return found.update(**_FRESH, next_attempt_at=now, updated_at=now)


def ignore(event_ids: Sequence[UUID], reason: str) -> int:
    """Settle failed and waiting events without their effect; how many there were. Their dead letters go with them."""
    now = timezone.now()
    return ChannelEvent.objects.filter(id__in=event_ids, status__in=IGNORABLE_STATUSES).update(
        status=EventStatus.IGNORED, last_error=reason, next_attempt_at=None, processed_at=now, updated_at=now
    )


def _restart(event_ids: Sequence[UUID], statuses: Sequence[EventStatus]) -> list[EventMessage]:
    now = timezone.now()
    found = ChannelEvent.objects.filter(id__in=event_ids, status__in=statuses, redacted_at=None)
    restarted = list(found.select_for_update().order_by("id"))
    handed_over = now + channel_sync_settings().relay_grace
    ChannelEvent.objects.filter(id__in=[event.id for event in restarted]).update(
        **_FRESH, next_attempt_at=handed_over, updated_at=now
    )
    for event in restarted:
        event.next_attempt_at = handed_over
    return [message_of(event) for event in restarted]
