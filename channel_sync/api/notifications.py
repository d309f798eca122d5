"""How a notification reads, by its kind: in the feed, in the stream and in the body of a webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from channel_sync.feed.cursor import sealed
from channel_sync.feed.page import Noted
from channel_sync.models import (
    ALERT_KINDS,
    CONFLICT_KINDS,
    EVENT_KINDS,
    PROPERTY_KINDS,
    AlertKind,
    ChannelPropertyStatus,
    ConflictKind,
    ConflictStatus,
    Direction,
    EntityType,
    EventType,
    NotificationKind,
    Severity,
)


class EventNoteSerializer(serializers.Serializer[Any]):
    """What an event was about; look it up by `event_id`."""

    event_id = serializers.UUIDField()
    direction = serializers.ChoiceField(choices=Direction.choices)
    event_type = serializers.ChoiceField(choices=EventType.choices)
    entity_type = serializers.ChoiceField(choices=EntityType.choices)
    entity_internal_id = serializers.UUIDField(allow_null=True, help_text="Reservation, room type or rate plan.")
    entity_external_id = serializers.CharField(allow_null=True, help_text="Booking number at the channel.")
    attempts = serializers.IntegerField(allow_null=True)
    error = serializers.CharField(allow_null=True, help_text="The kind of error, such as RefusedByChannel.")


class ConflictNoteSerializer(serializers.Serializer[Any]):
    """A conflict; look it up by `conflict_id`."""

    conflict_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=ConflictKind.choices)
    severity = serializers.ChoiceField(choices=Severity.choices)
    subject = serializers.CharField()
    status = serializers.ChoiceField(choices=ConflictStatus.choices)
    resolution = serializers.CharField()


class PropertyNoteSerializer(serializers.Serializer[Any]):
    """A property as it is now."""

    property_id = serializers.UUIDField()
    channel_name = serializers.CharField()
    status = serializers.ChoiceField(choices=ChannelPropertyStatus.choices)
    is_held = serializers.BooleanField(help_text="It waits for its parity check.")
    rooms_closed = serializers.BooleanField()


class AlertNoteSerializer(serializers.Serializer[Any]):
    """An alert."""

    alert_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=AlertKind.choices)
    subject = serializers.CharField()


def _of_kinds(name: str, kinds: tuple[NotificationKind, ...], data: serializers.Serializer[Any]) -> Any:
    """The serializer of notifications of some kinds, whose data have one shape."""
    fields = {
        "__doc__": f"A notification: {', '.join(kind.value for kind in kinds)}.",
        "__module__": __name__,
        "cursor": serializers.CharField(help_text="Its place in the feed."),
        "kind": serializers.ChoiceField(choices=[kind.value for kind in kinds]),
        "channel_property_id": serializers.UUIDField(allow_null=True, help_text="Null: of the whole installation."),
        "created_at": serializers.DateTimeField(),
        "data": data,
    }
    return type(name, (serializers.Serializer,), fields)


EventNotificationSerializer = _of_kinds("EventNotificationSerializer", EVENT_KINDS, EventNoteSerializer())
ConflictNotificationSerializer = _of_kinds("ConflictNotificationSerializer", CONFLICT_KINDS, ConflictNoteSerializer())
PropertyNotificationSerializer = _of_kinds("PropertyNotificationSerializer", PROPERTY_KINDS, PropertyNoteSerializer())
AlertNotificationSerializer = _of_kinds("AlertNotificationSerializer", ALERT_KINDS, AlertNoteSerializer())

SHAPES: Mapping[str, Any] = {
    kind.value: shape
    for kinds, shape in (
        (EVENT_KINDS, EventNotificationSerializer),
        (CONFLICT_KINDS, ConflictNotificationSerializer),
        (PROPERTY_KINDS, PropertyNotificationSerializer),
        (ALERT_KINDS, AlertNotificationSerializer),
    )
    for kind in kinds
}


def any_notification(*, many: bool = False) -> PolymorphicProxySerializer:
    """One of the shapes, told apart by `kind`; for the document."""
    return PolymorphicProxySerializer(
        component_name="Notification", serializers=dict(SHAPES), resource_type_field_name="kind", many=many
    )


def as_json(noted: Noted) -> dict[str, Any]:
    """A notification as the feed and the stream have it."""
    channel_property_id: UUID | None = noted.channel_property_id
    return {
        "cursor": sealed(noted.position),
        "kind": noted.kind,
        "channel_property_id": str(channel_property_id) if channel_property_id else None,
        "created_at": noted.created_at.isoformat(),
        "data": noted.payload,
    }
