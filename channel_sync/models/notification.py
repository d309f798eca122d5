"""Table `channel_notifications`: what has happened, for pages and programs that follow along.

Triggers write it, in the transaction of what happened (`migrations/0043_notification_triggers.py`): whoever changes the status
of an event, a conflict, a property or an alert, by whatever statement, is noted, and no statement is added to any.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column
from channel_sync.models.property import ChannelProperty


class NotificationKind(models.TextChoices):
    """What happened."""

    RESERVATION_SYNCED = "reservation.synced", "a booking is the same on both sides"
    RESERVATION_REFUSED = "reservation.refused", "the channel refused a booking of the PMS"
    EVENT_FAILED = "event.failed", "an event has no attempts left"
    EVENT_RETRIED = "event.retried", "an event starts again"
    EVENT_IGNORED = "event.ignored", "somebody put an event aside"
    CONFLICT_OPENED = "conflict.opened", "the two sides differ, and a person has to look"
    CONFLICT_RESOLVED = "conflict.resolved", "a conflict was resolved or dismissed, or is gone"
    PROPERTY_CONNECTED = "property.connected", "a property is connected, or connected again"
    PROPERTY_PAUSED = "property.paused", "nothing is sent of a property"
    PROPERTY_RESUMED = "property.resumed", "a pause is over"
    PROPERTY_LOGIN_REFUSED = "property.login_refused", "the channel refuses the login of a property"
    PROPERTY_HELD = "property.held", "a property waits for its parity check"
    PROPERTY_LIVE = "property.live", "a property sends: its parity check is accepted"
    ALERT_RAISED = "alert.raised", "an alert was sent"
    ALERT_ENDED = "alert.ended", "what was alerted is over"


EVENT_KINDS = (
    NotificationKind.RESERVATION_SYNCED,
    NotificationKind.RESERVATION_REFUSED,
    NotificationKind.EVENT_FAILED,
    NotificationKind.EVENT_RETRIED,
    NotificationKind.EVENT_IGNORED,
)
CONFLICT_KINDS = (NotificationKind.CONFLICT_OPENED, NotificationKind.CONFLICT_RESOLVED)
PROPERTY_KINDS = (
    NotificationKind.PROPERTY_CONNECTED,
    NotificationKind.PROPERTY_PAUSED,
    NotificationKind.PROPERTY_RESUMED,
    NotificationKind.PROPERTY_LOGIN_REFUSED,
    NotificationKind.PROPERTY_HELD,
    NotificationKind.PROPERTY_LIVE,
)
ALERT_KINDS = (NotificationKind.ALERT_RAISED, NotificationKind.ALERT_ENDED)


class CurrentTransaction(models.Func):
    """The 64-bit id of the transaction that is running, which begins anew in no cluster's life."""

    template = "(pg_current_xact_id()::text::bigint)"
    output_field: ClassVar[models.BigIntegerField[Any, Any]] = models.BigIntegerField()


class Notification(models.Model):
    """One thing that happened; rows are only added, and deleted by age.

    An id is handed out before its row can be seen, so a reader that remembers the highest id would pass over what
    commits late. Rows are read in the order of (`transaction`, `id`) instead, and only those of transactions older than
    every one that still runs: nothing can come in before what was read (`feed/page.py`).
    """

    id = models.BigAutoField(primary_key=True)
    transaction = models.BigIntegerField(db_default=CurrentTransaction(), editable=False)
    kind = models.CharField(max_length=50, choices=NotificationKind)
    channel_property = models.ForeignKey(
        ChannelProperty,
        on_delete=models.DO_NOTHING,
        null=True,
        related_name="notifications",
        db_index=False,
        db_constraint=False,
        help_text="Empty: it is about the whole installation.",
    )
    subject_id = models.UUIDField(help_text="Of the event, conflict, property or alert.")
    payload = models.JSONField(db_default={}, help_text="Ids, kinds and states; no personal data.")
    created_at = created_at_column()

    class Meta:
        db_table = "channel_notifications"
        verbose_name = "notification"
        indexes = [
            NamedIndex(fields=["transaction", "id"], name="idx_channel_notifications_order"),
            NamedIndex(fields=["channel_property", "transaction", "id"], name="idx_channel_notifications_property"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"
