"""Pauses that last too long, and rooms that were to be closed at the channel and are not."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models.functions import Coalesce

from channel_sync.conf import channel_sync_settings
from channel_sync.models import (
    AlertKind,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    Direction,
    EventStatus,
    EventType,
)
from channel_sync.monitoring.finding import AT_MOST, Finding


def pause_findings(*, now: datetime) -> Iterator[Finding]:
    """One finding for each pause that is older than `alert_paused`; who began it stays in the admin."""
    paused = ChannelProperty.objects.filter(status=ChannelPropertyStatus.INACTIVE).annotate(
        since=Coalesce("paused_at", "updated_at")
    )
    old = paused.filter(since__lte=now - channel_sync_settings().alert_paused)
    for channel_property in old.order_by("since", "id")[:AT_MOST]:
        on_sale = (
            "Its rooms were closed at the channel."
            if channel_property.rooms_closed
            else "The channel goes on selling the rooms that it last heard of: watch for overbookings."
        )
        yield Finding(
            AlertKind.PAUSED,
            f"{channel_property} is paused since {channel_property.since:%Y-%m-%d %H:%M %Z}, and nothing is sent. "
            f"{on_sale} 'Resume' on its page in the admin, or 'manage.py channel_sync_resume {channel_property.id}', "
            "sends the bookings made meanwhile, then the whole calendar.",
            subject=str(channel_property.id),
            channel_property=channel_property,
        )


def closing_findings() -> Iterator[Finding]:
    """One finding for each event that was to close rooms and has failed: the channel goes on selling them."""
    failed = ChannelEvent.objects.filter(
        direction=Direction.OUTBOUND,
        event_type__in=[EventType.PROPERTY_PAUSE, EventType.ROOM_CLOSE],
        status=EventStatus.FAILED,
    )
    for event in failed.select_related("channel_property").order_by("received_at")[:AT_MOST]:
        room = event.payload.get("external_room_id")
        what = f"Room {room} of {event.channel_property}" if room else f"The rooms of {event.channel_property}"
        yield Finding(
            AlertKind.TOO_MANY_FOR_SALE,
            f"{what} could not be closed at the channel, which goes on selling: {event.last_error} Correct that and "
            "retry the event, or close it at the channel by hand and ignore the event.",
            subject=f"{event.channel_property_id}:closing:{room or 'all'}",
            channel_property=event.channel_property,
        )
