"""What audit entries say of an action beside its subject, for the document: which keys are there goes by the action."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from channel_sync.api.json_values import json_shown_as

MAPPING = {
    "type": "object",
    "properties": {
        "mapping_type": {"type": "string"},
        "internal_id": {"type": "string", "format": "uuid"},
        "external_id": {"type": "string"},
        "is_active": {"type": "boolean"},
    },
    "required": ["mapping_type", "internal_id", "external_id", "is_active"],
}


@extend_schema_field({"oneOf": [{"type": "integer"}, {"type": "array", "items": {"type": "string"}}]})
class CountOrNamesField(serializers.JSONField):
    """A number, or names."""


@extend_schema_field({"oneOf": [MAPPING, {"type": "string"}]})
class BeforeField(serializers.JSONField):
    """A mapping, or a word."""


@extend_schema_field(MAPPING)
class MappingField(serializers.JSONField):
    """A mapping."""


class NotedSelectionSerializer(serializers.Serializer[Any]):
    """Which events were meant."""

    ids = serializers.ListField(child=serializers.UUIDField(), required=False)
    statuses = serializers.ListField(child=serializers.CharField(), required=False)
    event_type = serializers.CharField(required=False)
    direction = serializers.CharField(required=False)
    external_id = serializers.CharField(required=False)
    channel_property_ids = serializers.ListField(child=serializers.UUIDField(), required=False)
    received_from = serializers.CharField(required=False)
    received_to = serializers.CharField(required=False)


class AuditDetailsSerializer(serializers.Serializer[Any]):
    """What belongs to the action; no key is promised."""

    # Of events.
    ids = serializers.ListField(child=serializers.UUIDField(), required=False)
    changed = CountOrNamesField(required=False, help_text="How many events, or which columns of a subscription.")
    reason = serializers.CharField(required=False)
    selection = NotedSelectionSerializer(required=False)
    # Of mappings, and of properties that are paused, resumed or moved.
    was = BeforeField(
        required=False,
        allow_null=True,
        help_text="The mapping as it was, null for a new one; of a property its status or number before.",
    )
    now = MappingField(required=False)
    # Of reservations, conflicts and runs.
    outcome = serializers.CharField(required=False)
    events = CountOrNamesField(required=False, help_text="How many events ended, or the ids of those that started.")
    resolution = serializers.CharField(required=False)
    kind = serializers.CharField(required=False)
    dry_run = serializers.BooleanField(required=False)
    window = serializers.ListField(
        child=serializers.DateField(), min_length=2, max_length=2, required=False, allow_null=True,
        help_text="First and last day of a run; null for the usual ones.",
    )  # fmt: skip
    run_id = serializers.UUIDField(required=False)
    # Of properties.
    mappings_saved = serializers.IntegerField(required=False)
    mappings = serializers.IntegerField(required=False, help_text="Mappings that a move has switched off.")
    links = serializers.IntegerField(required=False, help_text="Links that it has ended.")
    conflicts = serializers.IntegerField(required=False, help_text="Conflicts that it has closed.")
    after_move = serializers.CharField(required=False)
    close_rooms = serializers.BooleanField(required=False)
    old_bookings = serializers.CharField(required=False)
    milliseconds = serializers.IntegerField(required=False)
    standing = serializers.CharField(required=False, help_text="Of the webhook at the channel.")
    # Of keys.
    values = serializers.IntegerField(required=False)
    reencrypted = serializers.IntegerField(required=False)
    old = serializers.IntegerField(required=False)
    unreadable = serializers.ListField(child=serializers.CharField(), required=False)
    # Of reports, subscriptions, guests and roles.
    report = serializers.CharField(required=False)
    remarks = serializers.ListField(child=serializers.CharField(), required=False)
    url = serializers.CharField(required=False)
    webhook_id = serializers.CharField(required=False)
    rows = serializers.DictField(child=serializers.IntegerField(), required=False, help_text="Table -> rows.")
    property_id = serializers.UUIDField(required=False)
    role = serializers.CharField(required=False)


AuditDetailsField = json_shown_as(AuditDetailsSerializer)
