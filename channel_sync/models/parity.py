"""Tables `channel_parity_checks` and `channel_left_alone`: what is looked at before a property is sent anything."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column, updated_at_column, uuid_primary_key
from channel_sync.models.property import ChannelProperty


class ParityReason(models.TextChoices):
    """Why both sides are compared before anything is sent."""

    CONNECTED = "connected", "Connected"
    MOVED = "moved", "Moved to another property of the channel"
    RESUMED = "resumed", "Resumed after a pause"
    MAPPED = "mapped", "A mapping is new or changed"


class ParityStatus(models.TextChoices):
    """Where a parity check stands."""

    WANTED = "wanted", "Both sides are being compared"
    WAITING = "waiting", "Waits for somebody to accept its report"
    OPENING = "opening", "Accepted: bookings come in, then everything goes out"
    DONE = "done", "Done"


class OldBookings(models.TextChoices):
    """What becomes of reservations that only the PMS has, all of them together."""

    LINK_AND_SEND = "link_and_send", "Link those that the channel has too, send the others to it"
    LINK = "link", "Link those that the channel has too, leave the others alone"


UNSETTLED = (ParityStatus.WANTED, ParityStatus.WAITING, ParityStatus.OPENING)


class ParityCheck(models.Model):
    """One comparison of both sides, its report, and who accepted it; at most one of a property is not done."""

    id = uuid_primary_key()
    channel_property = models.ForeignKey(
        ChannelProperty, on_delete=models.CASCADE, related_name="parity_checks", db_index=False, db_constraint=False
    )
    reason = models.CharField(max_length=20, choices=ParityReason)
    status = models.CharField(
        max_length=20, choices=ParityStatus, default=ParityStatus.WANTED, db_default=ParityStatus.WANTED
    )
    due_at = models.DateTimeField(
        null=True, help_text="When it is made, or made again; null while it waits for a person, or is done."
    )
    report = models.JSONField(null=True, help_text="What each side would change; names no guest.")
    made_at = models.DateTimeField(null=True)
    accept_as = models.CharField(
        max_length=20,
        blank=True,
        default="",
        db_default="",
        choices=OldBookings,
        help_text="What becomes of old bookings. Set before the report is there, it is accepted whatever it says.",
    )
    accepted_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    accepted_at = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0, db_default=0)
    last_error = models.TextField(blank=True, default="", db_default="")
    requested_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    created_at = created_at_column()
    updated_at = updated_at_column()

    class Meta:
        db_table = "channel_parity_checks"
        verbose_name = "parity check"
        constraints = [
            models.UniqueConstraint(
                fields=["channel_property"],
                condition=models.Q(status__in=UNSETTLED),
                name="channel_parity_checks_unsettled_key",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=ParityStatus.values), name="channel_parity_checks_status_check"
            ),
        ]
        indexes = [
            NamedIndex(fields=["channel_property", "created_at"], name="idx_channel_parity_checks_property"),
            NamedIndex(
                fields=["due_at"], condition=models.Q(due_at__isnull=False), name="idx_channel_parity_checks_due"
            ),
        ]

    def __str__(self) -> str:
        return f"Parity check of {self.channel_property_id}, {self.status}"


class LeftAlone(models.Model):
    """A reservation from before the connection that its hotel keeps to itself: the channel only hears of its nights."""

    id = models.BigAutoField(primary_key=True)
    channel_property = models.ForeignKey(
        ChannelProperty, on_delete=models.CASCADE, related_name="left_alone", db_index=False, db_constraint=False
    )
    reservation = models.ForeignKey(
        settings.CHANNEL_SYNC_RESERVATION_MODEL,
        on_delete=models.CASCADE,
        related_name="left_alone_by_channels",
        db_constraint=False,
    )

    class Meta:
        db_table = "channel_left_alone"
        verbose_name = "reservation left alone"
        verbose_name_plural = "reservations left alone"
        constraints = [
            models.UniqueConstraint(fields=["channel_property", "reservation"], name="channel_left_alone_key")
        ]

    def __str__(self) -> str:
        return f"Reservation {self.reservation_id} is not sent to {self.channel_property_id}"
