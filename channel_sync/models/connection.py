"""Table `channel_connections`: the account and the webhook secrets of a channel property."""

from __future__ import annotations

from django.db import models

from channel_sync.models.account import ChannelAccount
from channel_sync.models.columns import created_at_column, updated_at_column
from channel_sync.models.property import ChannelProperty
from channel_sync.models.secret import SecretsOnDemand, SecretTextField


class WebhookVerification(models.TextChoices):
    """How a webhook of the property proves where it comes from (docs/beds24.md)."""

    HEADER = "header", "Secret in a header"
    HMAC = "hmac", "HMAC-SHA256 over time stamp and body"


class ChannelConnection(models.Model):
    """What it takes to talk to the channel for one property; kept out of `channel_properties` as it is secret."""

    channel_property = models.OneToOneField(
        ChannelProperty, on_delete=models.CASCADE, primary_key=True, related_name="connection", db_constraint=False
    )
    account = models.ForeignKey(ChannelAccount, on_delete=models.PROTECT, related_name="connections")
    webhook_verification = models.CharField(
        max_length=10, choices=WebhookVerification, default=WebhookVerification.HEADER
    )
    webhook_secret = SecretTextField()
    webhook_secret_previous = SecretTextField(
        null=True, blank=True, help_text="Still accepted while the new secret is rolled out."
    )
    webhook_secret_rotated_at = models.DateTimeField(
        null=True, blank=True, help_text="Since when the old secret is taken beside the new one."
    )
    bookings_pulled_at = models.DateTimeField(
        null=True, help_text="When the channel was last asked for changed bookings, by our clock."
    )
    first_sync_due_at = models.DateTimeField(
        null=True, blank=True, help_text="When a first synchronisation that is wanted is started, or started again."
    )
    first_sync_failures = models.PositiveIntegerField(
        default=0, db_default=0, help_text="How often in a row the first synchronisation that is wanted has failed."
    )
    first_sync_error = models.TextField(blank=True, default="", db_default="", help_text="Why it failed last.")
    created_at = created_at_column()
    updated_at = updated_at_column()

    objects = SecretsOnDemand()

    class Meta:
        db_table = "channel_connections"
        verbose_name = "channel connection"

    def __str__(self) -> str:
        return f"Connection of {self.channel_property}"
