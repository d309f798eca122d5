"""How a property stands (plan 8.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from channel_sync.models import (
    ChannelAccount,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    Conflict,
    ConflictStatus,
    EventStatus,
)
from channel_sync.operations.completeness import MappingCompleteness, mapping_completeness

FAILED_WITHIN = timedelta(hours=24)


@dataclass(frozen=True)
class PropertyStatus:
    """One property at one channel."""

    channel_property: ChannelProperty
    is_connected: bool
    unavailable_since: datetime | None
    failed_events_24h: int
    open_conflicts: int
    completeness: MappingCompleteness


def channel_properties_of(identity: UUID) -> QuerySet[ChannelProperty]:
    """The channel properties of a PMS property, or the one that has this id, the oldest first."""
    return ChannelProperty.objects.filter(Q(id=identity) | Q(property=identity)).order_by("created_at", "id")


def property_status(channel_property: ChannelProperty) -> PropertyStatus:
    """Connected means: it is active, has a login, and the channel answered when it was last asked."""
    account = ChannelAccount.objects.filter(connections__channel_property=channel_property).first()
    unavailable_since = account.unavailable_since if account is not None else None
    return PropertyStatus(
        channel_property=channel_property,
        is_connected=account is not None
        and unavailable_since is None
        and channel_property.status == ChannelPropertyStatus.ACTIVE,
        unavailable_since=unavailable_since,
        failed_events_24h=ChannelEvent.objects.filter(
            channel_property=channel_property,
            status=EventStatus.FAILED,
            received_at__gte=Now() - FAILED_WITHIN,
        ).count(),
        open_conflicts=Conflict.objects.filter(channel_property=channel_property, status=ConflictStatus.OPEN).count(),
        completeness=mapping_completeness(channel_property),
    )
