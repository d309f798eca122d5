"""Table `channel_notifications`: what has happened, for pages and programs that follow along.

Triggers write it, in the transaction of what happened (migration `0043_notification_triggers`): whoever changes the
status of an event, a conflict, a property or an alert is noted, by whatever statement, and no statement is added.
"""

from __future__ import annotations

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


class Notification(models.Model):
    """One thing that happened; rows are added, numbered once, and deleted by age.

    An id is handed out before its row can be seen: a reader that remembers the highest id would pass over what commits
    late. Rows get their `position`, the cursor of every reader, only once they are committed (`feed/numbering.py`).
    """

    id = models.BigAutoField(primary_key=True)
    position = models.BigIntegerField(
        null=True, editable=False, help_text="Its place in the feed; empty until it has been seen committed."
    )
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
        # An insert touches the first one only.
        indexes = [
            NamedIndex(fields=["id"], name="idx_channel_notifications_new", condition=models.Q(position__isnull=True)),
            NamedIndex(
                fields=["position"],
                name="idx_channel_notifications_position",
                condition=models.Q(position__isnull=False),
            ),
            NamedIndex(
                fields=["channel_property", "position"],
                name="idx_channel_notifications_property",
                condition=models.Q(position__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.subject_id}"
