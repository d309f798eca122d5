"""Table `channel_heartbeats`: which processes are alive."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import CurrentTimestamp


class ProcessKind(models.TextChoices):
    """The processes that are missed when they stop."""

    WORKER = "worker"
    BEAT = "beat"
    WATCH = "watch"


class Heartbeat(models.Model):
    """The last sign of life of one process; `queues` are those that a worker consumes."""

    name = models.CharField(max_length=255, primary_key=True)
    kind = models.CharField(max_length=20, choices=ProcessKind)
    queues = models.JSONField(db_default=[], default=list)
    seen_at = models.DateTimeField(db_default=CurrentTimestamp())
    clock_ahead = models.FloatField(
        null=True, help_text="Seconds by which its clock was ahead of the database's; below zero it was behind."
    )
    keys_are_wrong = models.BooleanField(
        default=False, db_default=False, help_text="Its SECRET_KEY and SALT_KEY decrypt no stored token or secret."
    )

    class Meta:
        db_table = "channel_heartbeats"
        verbose_name = "heartbeat"

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"
