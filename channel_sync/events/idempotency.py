"""Idempotency keys: one fact has one key, however often it is delivered or sent."""

from __future__ import annotations

import hashlib
import threading
import time
from uuid import UUID

from channel_sync.models import ChannelEvent, EntityType, EventStatus

MAX_KEY_LENGTH = 255

_clock_lock = threading.Lock()
_last_stamp = 0


def _unique_stamp() -> int:
    """Nanoseconds since the epoch, never the same twice in one process."""
    global _last_stamp
    with _clock_lock:
        _last_stamp = max(time.time_ns(), _last_stamp + 1)
        return _last_stamp


def outbound_key(channel_property_id: UUID, entity_type: EntityType, entity_id: UUID) -> str:
    """`{property_id}-{entity_type}-{entity_id}-{timestamp}`, made once when the event is made.

    The property is the property at the channel, so that two channels of one PMS property never share a key.
    """
    return f"{channel_property_id}-{entity_type.value}-{entity_id}-{_unique_stamp()}"


def inbound_key(channel_property_id: UUID, dedupe_key: str) -> str:
    """The channel's own event id, kept apart by property so that no sender can use up another one's keys."""
    key = f"{channel_property_id}-{dedupe_key}"
    if len(key) <= MAX_KEY_LENGTH:
        return key
    return f"{channel_property_id}-sha256-{hashlib.sha256(dedupe_key.encode()).hexdigest()}"


def is_processed(key: str) -> bool:
    """Whether the event of a key has taken effect."""
    return ChannelEvent.objects.filter(idempotency_key=key, status=EventStatus.DONE).exists()
