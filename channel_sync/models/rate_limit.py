"""Table `rate_limit_buckets`: the token bucket of a channel property."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import CurrentTimestamp, updated_at_column
from channel_sync.models.property import ChannelProperty


class RateLimitBucket(models.Model):
    """`tokens` of at most `capacity`; `refill_rate` tokens come back in every five minutes."""

    channel_property = models.OneToOneField(
        ChannelProperty,
        on_delete=models.CASCADE,
        primary_key=True,
        related_name="rate_limit_bucket",
        db_constraint=False,
    )
    tokens = models.IntegerField(default=100, db_default=100)
    capacity = models.IntegerField(default=100, db_default=100)
    last_refill_at = models.DateTimeField(null=True, db_default=CurrentTimestamp())
    refill_rate = models.IntegerField(default=100, db_default=100)
    updated_at = updated_at_column()

    class Meta:
        db_table = "rate_limit_buckets"
        verbose_name = "rate limit bucket"

    def __str__(self) -> str:
        return f"{self.tokens} of {self.capacity} tokens"
