"""Put settled events back to the start (plan 8.4, 8.6)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.utils import timezone

from channel_sync.conf import channel_sync_settings
from channel_sync.events.message import EventMessage, message_of
from channel_sync.models import ChannelEvent, EventStatus


def retry_failed(event_ids: Sequence[UUID]) -> list[EventMessage]:
    """Failed events as if they had just been received; the messages to publish. Others are left alone."""
    now = timezone.now()
    found = ChannelEvent.objects.filter(id__in=event_ids, status=EventStatus.FAILED)
    retried = list(found.select_for_update().order_by("id"))
    handed_over = now + channel_sync_settings().relay_grace
    ChannelEvent.objects.filter(id__in=[event.id for event in retried]).update(
        status=EventStatus.RECEIVED,
        attempts=0,
        published_at=None,
        processed_at=None,
        next_attempt_at=handed_over,
        updated_at=now,
    )
    for event in retried:
        event.next_attempt_at = handed_over
    return [message_of(event) for event in retried]
