"""The shapes that the admin API reads out."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from rest_framework import serializers

from channel_sync.api.audit_shapes import AuditDetailsField
from channel_sync.api.conflict_shapes import ChannelSideField, KeptLowerField, PmsSideField
from channel_sync.conflicts import without_guest
from channel_sync.models import (
    AuditEntry,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ReconciliationRun,
    Role,
)


def sees_guests(serializer: serializers.BaseSerializer[Any], channel_property_id: UUID) -> bool:
    """Guests' data are for operators of their property; without a user in the context, for nobody."""
    access = serializer.context.get("access")
    return access is not None and access.may(Role.OPERATOR, channel_property_id)


class EventSerializer(serializers.ModelSerializer[ChannelEvent]):
    """An event without its payload."""

    property_id = serializers.UUIDField(source="channel_property.property_id", read_only=True)
    warnings = serializers.ListField(child=serializers.CharField(), read_only=True)

    class Meta:
        model = ChannelEvent
        fields: tuple[str, ...] = (
            "id", "property_id", "channel_property_id", "direction", "source", "event_type", "entity_type",
            "entity_external_id", "entity_internal_id", "status", "attempts", "max_attempts", "last_error", "warnings",
            "received_at", "occurred_at", "processed_at", "next_attempt_at", "correlation_id", "coalesced_into_id",
        )  # fmt: skip
        read_only_fields = fields


class EventDetailSerializer(EventSerializer):
    """An event with what it carries; payloads hold guests' data and are left out for viewers."""

    payload = serializers.JSONField(read_only=True, allow_null=True)
    normalized_payload = serializers.JSONField(read_only=True, allow_null=True)

    class Meta(EventSerializer.Meta):
        fields = (*EventSerializer.Meta.fields, "idempotency_key", "payload", "normalized_payload")

    def to_representation(self, instance: ChannelEvent) -> dict[str, Any]:
        """Without payloads for who is no operator of the property."""
        shown = super().to_representation(instance)
        if not sees_guests(self, instance.channel_property_id):
            shown["payload"] = shown["normalized_payload"] = None
        return shown


class MappingSerializer(serializers.ModelSerializer[ChannelMapping]):
    """A mapping."""

    property_id = serializers.UUIDField(source="channel_property.property_id", read_only=True)

    class Meta:
        model = ChannelMapping
        fields = (
            "id", "property_id", "channel_property_id", "mapping_type", "internal_id", "external_id", "is_active",
            "held_since", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class ConflictSerializer(serializers.ModelSerializer[Conflict]):
    """A difference with both of its sides."""

    property_id = serializers.UUIDField(source="channel_property.property_id", read_only=True)
    pms_side = PmsSideField(read_only=True)
    channel_side = ChannelSideField(read_only=True)
    next_step = serializers.CharField(read_only=True, help_text="What to do where neither side can be sent; or empty.")

    class Meta:
        model = Conflict
        fields: tuple[str, ...] = (
            "id", "property_id", "channel_property_id", "kind", "severity", "status", "subject", "pms_side",
            "channel_side", "next_step", "resolution", "resolved_by", "resolved_at", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields

    def to_representation(self, instance: Conflict) -> dict[str, Any]:
        """Without guests' data for who is no operator of the property."""
        shown = super().to_representation(instance)
        if not sees_guests(self, instance.channel_property_id):
            shown |= {side: without_guest(shown[side]) for side in ("pms_side", "channel_side")}
        return shown


class RunSerializer(serializers.ModelSerializer[ReconciliationRun]):
    """A reconciliation run with its counts."""

    kept_lower = KeptLowerField(
        read_only=True, help_text="Why -> room type -> first and last nights that the channel keeps lower by its rules."
    )
    property_id = serializers.UUIDField(source="channel_property.property_id", read_only=True)

    class Meta:
        model = ReconciliationRun
        fields = (
            "id", "property_id", "channel_property_id", "kind", "status", "dry_run", "window_start", "window_end",
            "compared", "fixed", "flagged", "kept_lower", "note", "last_error", "created_at", "finished_at",
        )  # fmt: skip
        read_only_fields = fields


class PropertySerializer(serializers.ModelSerializer[ChannelProperty]):
    """A property at a channel; its secrets are never read out."""

    status_label = serializers.CharField(
        source="get_status_display", read_only=True, help_text="The status in words: Active, Paused or Error."
    )

    class Meta:
        model = ChannelProperty
        fields: tuple[str, ...] = (
            "id", "property_id", "channel_name", "channel_property_id", "status", "status_label", "last_sync_at",
            "last_webhook_at", "last_outbound_success_at", "paused_at", "paused_by", "rooms_closed", "created_at",
        )  # fmt: skip
        read_only_fields = fields


class AuditSerializer(serializers.ModelSerializer[AuditEntry]):
    """Who did what, when."""

    details = AuditDetailsField(read_only=True)

    class Meta:
        model = AuditEntry
        fields = ("id", "actor", "action", "subject", "channel_property_id", "details", "created_at")
        read_only_fields = fields
