"""Table `channel_properties`: a PMS property at a channel."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column, updated_at_column, uuid_primary_key


class ChannelPropertyStatus(models.TextChoices):
    """Whether events of a property are taken and sent."""

    ACTIVE = "active"
    INACTIVE = "inactive", "Paused"
    ERROR = "error"


class ChannelProperty(models.Model):
    """A property of the PMS under the id that a channel knows it by."""

    id = uuid_primary_key()
    property = models.ForeignKey(
        settings.CHANNEL_SYNC_PROPERTY_MODEL,
        on_delete=models.CASCADE,
        related_name="channel_properties",
        db_index=False,
        db_constraint=False,
    )
    channel_name = models.CharField(max_length=50)
    channel_property_id = models.CharField(max_length=255)
    currency = models.CharField(
        max_length=3,
        blank=True,
        default="",
        db_default="",
        editable=False,
        help_text="The currency of its prices at the channel, as it was last seen; blank when it is not known.",
    )
    config = models.JSONField(null=True, blank=True, db_default={})
    status = models.CharField(
        max_length=20,
        null=True,
        choices=ChannelPropertyStatus,
        default=ChannelPropertyStatus.ACTIVE,
        db_default=ChannelPropertyStatus.ACTIVE,
    )
    last_sync_at = models.DateTimeField(null=True, blank=True)
    last_webhook_at = models.DateTimeField(null=True, blank=True)
    last_outbound_success_at = models.DateTimeField(null=True, blank=True)
    held_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when nothing is sent, as both sides are compared and nobody has accepted the report yet.",
    )
    paused_at = models.DateTimeField(null=True, blank=True, help_text="When somebody paused it; null while it sends.")
    paused_by = models.CharField(max_length=150, null=True, blank=True, help_text="Who did.")
    rooms_closed = models.BooleanField(
        default=False, db_default=False, help_text="Pausing has closed its rooms at the channel."
    )
    failed_events_24h = models.IntegerField(null=True, default=0, db_default=0)
    created_at = created_at_column()
    updated_at = updated_at_column()

    class Meta:
        db_table = "channel_properties"
        verbose_name = "channel property"
        verbose_name_plural = "channel properties"
        permissions = [
            ("act_as_viewer", "May see events, mappings, conflicts and status"),
            ("act_as_operator", "May retry, ignore and replay events, resolve conflicts, start reconciliations"),
            ("act_as_administrator", "May change mappings, connect and pause properties"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["property", "channel_name"], name="channel_properties_property_id_channel_name_key"
            ),
            models.UniqueConstraint(
                fields=["channel_name", "channel_property_id"],
                name="channel_properties_channel_name_channel_property_id_key",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=ChannelPropertyStatus.values), name="channel_properties_status_check"
            ),
        ]
        indexes = [
            NamedIndex(fields=["property", "channel_name"], name="idx_channel_properties_property_channel"),
            NamedIndex(fields=["status"], name="idx_channel_properties_status"),
        ]

    def __str__(self) -> str:
        return f"{self.channel_name} {self.channel_property_id}"
