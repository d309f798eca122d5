"""Which events a person means: by id, status, type, direction, booking, property and time of receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from channel_sync.models import OPEN_STATUSES, ChannelEvent, ChannelProperty, EventStatus

# Of what is being processed, only what no live worker holds is meant: see `events/store.py`.
RETRYABLE_STATUSES = IGNORABLE_STATUSES = (EventStatus.FAILED, *OPEN_STATUSES)
REPLAYABLE_STATUSES = (*RETRYABLE_STATUSES, EventStatus.DONE, EventStatus.IGNORED)


@dataclass(frozen=True)
class EventSelection:
    """Which events are meant; what is left empty selects nothing away.

    `within` are the properties that may be acted on, whatever else is named.
    """

    ids: Sequence[UUID] = ()
    statuses: Sequence[EventStatus] = ()
    event_type: str = ""
    direction: str = ""
    external_id: str = ""
    channel_property_ids: Sequence[UUID] = ()
    received_from: datetime | None = None
    received_to: datetime | None = None
    within: QuerySet[ChannelProperty] | None = None

    def events(self) -> QuerySet[ChannelEvent]:
        """The events that are selected now, the oldest first."""
        found = ChannelEvent.objects.order_by("received_at", "id")
        wanted = {
            "id__in": self.ids,
            "status__in": self.statuses,
            "event_type": self.event_type,
            "direction": self.direction,
            "entity_external_id": self.external_id,
            "channel_property__in": self.channel_property_ids,
            "received_at__gte": self.received_from,
            "received_at__lt": self.received_to,
        }
        found = found.filter(**{name: value for name, value in wanted.items() if value})
        return found if self.within is None else found.filter(channel_property__in=self.within.values("pk"))

    def as_dict(self) -> dict[str, Any]:
        """What is selected by, for the audit."""
        return {
            name: [str(one) for one in value] if isinstance(value, list | tuple) else str(value)
            for name, value in asdict(replace(self, within=None)).items()
            if value
        }
