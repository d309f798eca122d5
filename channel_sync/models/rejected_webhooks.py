"""Table `channel_rejected_webhooks`: how many webhooks were refused, counted by the hour."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import NamedIndex
from channel_sync.models.property import ChannelProperty


class RejectedWebhooks(models.Model):
    """One count per property, reason and hour: whatever strangers send, there are no more rows than that.

    Nothing of what was sent is kept. What names no connected property is counted together, with `subject` blank.
    """

    id = models.BigAutoField(primary_key=True)
    channel_name = models.CharField(max_length=50)
    channel_property = models.ForeignKey(
        ChannelProperty,
        on_delete=models.CASCADE,
        null=True,
        related_name="rejected_webhooks",
        db_constraint=False,
    )
    subject = models.CharField(max_length=36, blank=True, default="", db_default="", help_text="The property's id.")
    reason = models.CharField(max_length=30)
    hour = models.DateTimeField(help_text="When the hour began.")
    count = models.PositiveIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        db_table = "channel_rejected_webhooks"
        verbose_name = "rejected webhooks"
        verbose_name_plural = "rejected webhooks"
        constraints = [
            models.UniqueConstraint(
                fields=["channel_name", "subject", "reason", "hour"], name="channel_rejected_webhooks_key"
            )
        ]
        indexes = [NamedIndex(fields=["last_at"], name="idx_channel_rejected_webhooks_last_at")]

    def __str__(self) -> str:
        return f"{self.count} webhooks of {self.subject or 'nobody known'} refused: {self.reason}"
