"""Events that failed for want of a mapping are retried when a mapping is saved."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from channel_sync.errors import UnmappedRoom, UnmappedRoomType
from channel_sync.models import ChannelEvent, EventStatus


def failed_for_want_of_a_mapping(channel_property_id: UUID) -> QuerySet[ChannelEvent]:
    """A property's events whose last error is a missing mapping; those still unmapped will fail again."""
    missing = Q()
    for error in (UnmappedRoom, UnmappedRoomType):
        missing |= Q(last_error__startswith=f"{error.__name__}:")
    return ChannelEvent.objects.filter(missing, channel_property_id=channel_property_id, status=EventStatus.FAILED)
