"""Table `channel_alerts`: conditions that somebody was, or has to be, told about."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column, updated_at_column, uuid_primary_key
from channel_sync.models.property import ChannelProperty


class AlertKind(models.TextChoices):
    """The conditions that raise an alert: whatever keeps both sides from being in sync."""

    DEAD_LETTERS = "dead_letters", "dead letters"
    SUCCESS_RATE = "success_rate", "success rate"
    CHANNEL_UNAVAILABLE = "channel_unavailable", "channel unavailable"
    FAILED_EVENTS = "failed_events", "failed events"
    QUEUE_DEPTH = "queue_depth", "queue depth"
    OVERBOOKING = "overbooking", "overbooking"
    CREDITS_NEARLY_USED = "credits_nearly_used", "credits nearly used"
    LOGIN_REFUSED = "login_refused", "login refused"
    SECRET_UNREADABLE = "secret_unreadable", "secret unreadable"
    BOOKING_NOT_APPLIED = "booking_not_applied", "booking not applied"
    BROKER_UNREACHABLE = "broker_unreachable", "broker unreachable"
    DATABASE_UNREACHABLE = "database_unreachable", "database unreachable"
    EVENT_WAITING = "event_waiting", "event waiting"
    BOOKING_WAITS = "booking_waits", "booking waits"
    CAPTURED_WRITES = "captured_writes", "captured writes"
    RUN_STUCK = "run_stuck", "run stuck"
    FIRST_SYNC_FAILED = "first_sync_failed", "first synchronisation failed"
    CLOCK_WRONG = "clock_wrong", "clock wrong"
    WORKER_MISSING = "worker_missing", "worker missing"
    BEAT_MISSING = "beat_missing", "beat missing"
    QUEUE_MISSING = "queue_missing", "queue missing"
    RUN_FAILED = "run_failed", "run failed"
    STAY_BEGUN = "stay_begun", "stay begun"
    PAUSED = "paused"
    NOT_LIVE = "not_live", "not live"
    TOO_MANY_FOR_SALE = "too_many_for_sale", "too many for sale"
    SUBSCRIPTION_OFF = "subscription_off", "webhook subscription switched off"
    WEBHOOKS_REJECTED = "webhooks_rejected", "webhooks rejected"
    ROTATION_UNFINISHED = "rotation_unfinished", "rotation unfinished"


class Alert(models.Model):
    """One condition from the time it began until it was over; at most one is open per kind and subject.

    `notify_at` is when it is told: a condition that is over before was never worth a message. `fired_to` and
    `resolved_to` name the ways that have told it; it is `settled` when nothing is left to be told.
    """

    id = uuid_primary_key()
    channel_property = models.ForeignKey(
        ChannelProperty, on_delete=models.CASCADE, null=True, related_name="alerts", db_constraint=False
    )
    kind = models.CharField(max_length=50, choices=AlertKind)
    subject = models.CharField(max_length=255, blank=True, default="", db_default="")
    message = models.TextField()
    notify_at = models.DateTimeField(null=True, blank=True)
    fired_to = models.JSONField(db_default=[], default=list)
    resolved_to = models.JSONField(db_default=[], default=list)
    resolved_at = models.DateTimeField(null=True, blank=True)
    settled = models.BooleanField(default=False, db_default=False)
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
        indexes = [
            NamedIndex(fields=["kind", "subject", "resolved_at"], name="idx_channel_alerts_kind_subject"),
            NamedIndex(fields=["created_at"], name="idx_channel_alerts_unsettled", condition=models.Q(settled=False)),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
