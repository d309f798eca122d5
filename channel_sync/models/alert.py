"""Table `channel_alerts`: conditions that somebody was, or has to be, told about."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import created_at_column, updated_at_column, uuid_primary_key
from channel_sync.models.property import ChannelProperty


class AlertKind(models.TextChoices):
    """The conditions that raise an alert."""

    OVERBOOKING = "overbooking"


class Alert(models.Model):
    """One condition from the time it began until it was over; at most one is open per kind and subject."""

    id = uuid_primary_key()
    channel_property = models.ForeignKey(
        ChannelProperty, on_delete=models.CASCADE, null=True, related_name="alerts", db_constraint=False
    )
    kind = models.CharField(max_length=50, choices=AlertKind)
    subject = models.CharField(max_length=255, blank=True, default="", db_default="")
    message = models.TextField()
    count = models.IntegerField(default=1, db_default=1)
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = created_at_column()
    updated_at = updated_at_column()

    class Meta:
        db_table = "channel_alerts"
        verbose_name = "alert"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"],
                condition=models.Q(resolved_at__isnull=True),
                name="channel_alerts_open_key",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
