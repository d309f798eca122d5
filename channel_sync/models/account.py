"""Table `channel_accounts`: the login at a channel that properties share, with its tokens."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import created_at_column, updated_at_column, uuid_primary_key
from channel_sync.models.secret import SecretsOnDemand, SecretTextField


class ChannelAccount(models.Model):
    """One account at a channel: tokens, credits and "one call at a time" belong to it, not to a property."""

    id = uuid_primary_key()
    channel_name = models.CharField(max_length=50)
    external_id = models.CharField(max_length=255, help_text="The channel's own id of the account (Beds24: ownerId).")
    refresh_token = SecretTextField()
    access_token = SecretTextField(null=True)
    access_token_expires_at = models.DateTimeField(null=True)
    credits_remaining = models.DecimalField(
        max_digits=10, decimal_places=2, null=True, help_text="What the channel said after the last call."
    )
    credits_reset_at = models.DateTimeField(null=True, help_text="When the channel's window of credits starts anew.")
    unavailable_since = models.DateTimeField(null=True, help_text="Set while the channel does not answer.")
    probe_at = models.DateTimeField(null=True, help_text="When to ask again whether it answers.")
    failed_probes = models.IntegerField(default=0, db_default=0)
    failing_calls = models.JSONField(
        default=dict,
        db_default={},
        help_text="What fails while the channel does not answer: method and path, and when.",
    )
    created_at = created_at_column()
    updated_at = updated_at_column()

    objects = SecretsOnDemand()

    class Meta:
        db_table = "channel_accounts"
        verbose_name = "channel account"
        constraints = [
            models.UniqueConstraint(
                fields=["channel_name", "external_id"], name="channel_accounts_channel_name_external_id_key"
            )
        ]

    def __str__(self) -> str:
        return f"{self.channel_name} account {self.external_id}"
