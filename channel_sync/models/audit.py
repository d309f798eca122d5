"""Table `channel_audit_entries`: what people did, through the API, the admin or a command."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import NamedIndex, noted_at_column, uuid_primary_key
from channel_sync.models.property import ChannelProperty


class AuditAction(models.TextChoices):
    """What was done."""

    EVENT_RETRIED = "event.retried"
    EVENT_REPLAYED = "event.replayed"
    EVENT_IGNORED = "event.ignored"
    MAPPING_CREATED = "mapping.created"
    MAPPING_CHANGED = "mapping.changed"
    MAPPING_REMOVED = "mapping.removed"
    RESERVATION_BOOKED_AGAIN = "reservation.booked_again"
    CONFLICT_RESOLVED = "conflict.resolved"
    RUN_STARTED = "run.started"
    PROPERTY_CONNECTED = "property.connected"
    PROPERTY_MOVED = "property.moved"
    PROPERTY_PAUSED = "property.paused"
    PROPERTY_RESUMED = "property.resumed"
    PARITY_ACCEPTED = "parity.accepted"
    CONNECTION_TESTED = "connection.tested"
    WEBHOOK_SET = "webhook.set"
    WEBHOOK_ROTATED = "webhook.rotated"
    SECRETS_REENCRYPTED = "secrets.reencrypted"
    BOOKING_REPORTED = "booking.reported"
    SUBSCRIPTION_MADE = "subscription.made"
    SUBSCRIPTION_CHANGED = "subscription.changed"
    SUBSCRIPTION_ROTATED = "subscription.rotated"
    SUBSCRIPTION_REMOVED = "subscription.removed"
    SUBSCRIPTION_TESTED = "subscription.tested"
    DELIVERY_REPEATED = "delivery.repeated"
    GUEST_EXPORTED = "guest.exported"
    GUEST_ERASED = "guest.erased"
    ROLE_GRANTED = "role.granted"
    ROLE_REVOKED = "role.revoked"


class AuditEntry(models.Model):
    """One action of one person; kept when its subject or its property is gone."""

    id = uuid_primary_key()
    actor = models.CharField(max_length=150, help_text="User name, or 'command line'.")
    action = models.CharField(max_length=50, choices=AuditAction)
    subject = models.CharField(max_length=255, help_text="What it was done to, such as 'event:<id>'.")
    channel_property = models.ForeignKey(
        ChannelProperty,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="audit_entries",
        db_index=False,
        db_constraint=False,
    )
    details = models.JSONField(db_default={})
    created_at = noted_at_column()

    class Meta:
        db_table = "channel_audit_entries"
        verbose_name = "audit entry"
        verbose_name_plural = "audit entries"
        indexes = [
            NamedIndex(fields=["subject", "created_at"], name="idx_channel_audit_entries_subject"),
            NamedIndex(fields=["created_at"], name="idx_channel_audit_entries_created"),
        ]

    def __str__(self) -> str:
        return f"{self.actor}: {self.action} {self.subject}"
