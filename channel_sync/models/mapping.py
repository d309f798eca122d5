"""Table `channel_mappings`: which PMS entity is which entity at the channel."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column, updated_at_column, uuid_primary_key
from channel_sync.models.property import ChannelProperty


class MappingType(models.TextChoices):
    """What a mapping ties together; the external id's format is Beds24's."""

    PROPERTY = "property", "Property <-> propertyId"
    ROOM_TYPE = "room_type", "Room type <-> roomId"
    ROOM = "room", "Room <-> roomId:unitId"
    RATE = "rate", "Rate plan <-> roomId:price slot"


class ChannelMapping(models.Model):
    """One PMS entity and its counterpart; switched off by `is_active`, never deleted by the API."""

    id = uuid_primary_key()
    channel_property = models.ForeignKey(
        ChannelProperty, on_delete=models.CASCADE, related_name="mappings", db_index=False, db_constraint=False
    )
    mapping_type = models.CharField(max_length=50, choices=MappingType)
    internal_id = models.UUIDField()
    external_id = models.CharField(max_length=255)
    metadata = models.JSONField(null=True, blank=True, db_default={})
    is_active = models.BooleanField(null=True, default=True, db_default=True)
    held_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when nothing is sent of it, as nobody has accepted its report yet."
    )
    created_at = created_at_column()
    updated_at = updated_at_column()

    class Meta:
        db_table = "channel_mappings"
        verbose_name = "channel mapping"
        constraints = [
            models.UniqueConstraint(
                fields=["channel_property", "mapping_type", "internal_id"],
                name="channel_mappings_property_type_internal_id_key",
            ),
            models.UniqueConstraint(
                fields=["channel_property", "mapping_type", "external_id"],
                name="channel_mappings_property_type_external_id_key",
            ),
            models.CheckConstraint(
                condition=models.Q(mapping_type__in=MappingType.values), name="channel_mappings_mapping_type_check"
            ),
        ]
        indexes = [
            NamedIndex(
                fields=["channel_property", "mapping_type", "is_active"],
                name="idx_channel_mappings_channel_property",
            ),
            NamedIndex(fields=["mapping_type", "internal_id"], name="idx_channel_mappings_internal"),
            NamedIndex(fields=["mapping_type", "external_id"], name="idx_channel_mappings_external"),
        ]

    def __str__(self) -> str:
        return f"{self.mapping_type} {self.internal_id} <-> {self.external_id}"
