"""Table `channel_api_calls`: every call to a channel, for metrics and for the credits left."""

from __future__ import annotations

from django.db import models

from channel_sync.models.account import ChannelAccount
from channel_sync.models.columns import NamedIndex, created_at_column


class ApiCall(models.Model):
    """One HTTP call: neither its body nor its query is kept, they may hold personal data."""

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(
        ChannelAccount, on_delete=models.CASCADE, related_name="api_calls", db_index=False, db_constraint=False
    )
    method = models.CharField(max_length=10)
    path = models.CharField(max_length=255)
    status = models.IntegerField(null=True, help_text="HTTP status; null when no answer came.")
    milliseconds = models.IntegerField()
    credits_used = models.DecimalField(max_digits=8, decimal_places=2, null=True)
    credits_remaining = models.DecimalField(max_digits=10, decimal_places=2, null=True)
    correlation_id = models.UUIDField(null=True)
    created_at = created_at_column()

    class Meta:
        db_table = "channel_api_calls"
        verbose_name = "API call"
        indexes = [
            NamedIndex(fields=["account", "created_at"], name="idx_channel_api_calls_account_created"),
            NamedIndex(fields=["created_at"], name="idx_channel_api_calls_created"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.status}"
