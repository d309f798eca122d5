"""Table `channel_conflicts`: differences that a person has to look at."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column, updated_at_column, uuid_primary_key
from channel_sync.models.property import ChannelProperty


class ConflictKind(models.TextChoices):
    """What does not agree."""

    OVERBOOKING = "overbooking"
    LATE_CONFIRMATION = "late_confirmation"
    CONCURRENT_CHANGE = "concurrent_change"
    STAY_BEGUN = "stay_begun"
    CANCELLED_HERE = "cancelled_here"
    MISSING_AT_CHANNEL = "missing_at_channel"
    DATES = "dates"
    ROOM = "room"
    STATUS = "status"
    PRICE = "price"
    GUEST = "guest"
    AVAILABILITY = "availability"
    ROOM_QUANTITY = "room_quantity"
    RATE = "rate"
    CLOSED_AT_CHANNEL = "closed_at_channel"
    CURRENCY = "currency"
    UNREADABLE = "unreadable"


class Severity(models.TextChoices):
    """How much is at stake."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class ConflictStatus(models.TextChoices):
    """Open until a person or a later look settles it."""

    OPEN = "open"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


NEXT_STEPS: dict[str, str] = {
    ConflictKind.OVERBOOKING: (
        "More is sold on these nights than there is. Move a guest to another room type or house, or take a room back "
        "into order; this closes by itself once no night is below zero. What is 'not in the PMS yet' a channel has "
        "sold, and its event says why the PMS could not take it in: the guest will come all the same."
    ),
    ConflictKind.ROOM_QUANTITY: (
        "The channel has fewer units of the room than the PMS has of the room type, and never offers more than that "
        "quantity less its bookings. Set the quantity of the room at the channel, or the units of the room type in the "
        "PMS; the next comparison closes this. Dismiss it if the rest is kept from this channel on purpose."
    ),
    ConflictKind.CURRENCY: (
        "Prices are neither sent nor compared while the currencies differ; stop sells and other closures are sent. Set "
        "the same currency at the channel and in the PMS, and check the prices at the channel. The next comparison of "
        "rates closes this and sends every price that has changed meanwhile."
    ),
    ConflictKind.CANCELLED_HERE: (
        "See to it at the OTA, as 'advice' says. This closes by itself once the OTA has cancelled. If it was settled "
        "another way, dismiss this; a room that is kept closed is for sale again then."
    ),
}


# How the subjects begin of rooms whose rate plans differ in what the channel has once per room.
RESTRICTIONS_SUBJECT = "restrictions"
NEXT_STEPS_OF_SUBJECTS: dict[str, str] = {
    RESTRICTIONS_SUBJECT: (
        "The channel keeps restrictions once per room, and the rate plans of this room differ in theirs. The strictest "
        "of the plans on sale is sent. Give the plans the same restrictions for these nights, or sell one of them "
        "through a room of its own at the channel; the next comparison closes this. Dismiss it if it is meant so."
    ),
}

MEANINGS: dict[str, str] = {
    ConflictKind.CONCURRENT_CHANGE: (
        "Both sides changed these fields before they heard of each other. Where a field is named under 'stands', both "
        "have that side's value now. The other side's button puts its own value back, here and at the channel; dismiss "
        "this to leave everything as it is."
    ),
    ConflictKind.STAY_BEGUN: (
        "The guest of this booking is in house, has left or did not come, and the channel has cancelled it or changed "
        "its dates, room type or number of rooms. The PMS keeps the stay as it is. 'Take the channel's side' changes "
        "or cancels the reservation as the channel has it. 'Keep the PMS's side' sends the stay to the channel again. "
        "'Dismiss' leaves both as they are. What is named under 'sent' the front desk had changed too: the channel "
        "already has the PMS's value."
    ),
    ConflictKind.CLOSED_AT_CHANNEL: (
        "Somebody has closed these nights at the channel, and the PMS sells them. They are left closed. 'Keep the "
        "PMS's side' opens them, for the units that are free. 'Take the channel's side' leaves them closed, and they "
        "are not brought up again. Opened at the channel, this closes by itself."
    ),
    ConflictKind.CANCELLED_HERE: (
        "The PMS cancelled a booking of an OTA. It is cancelled at the channel too, but the OTA does not hear of that."
    ),
}


class Conflict(models.Model):
    """One difference, with both sides as they were seen; at most one is open per subject and kind."""

    id = uuid_primary_key()
    channel_property = models.ForeignKey(
        ChannelProperty, on_delete=models.CASCADE, related_name="conflicts", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=50, choices=ConflictKind)
    severity = models.CharField(max_length=10, choices=Severity)
    status = models.CharField(
        max_length=20, choices=ConflictStatus, default=ConflictStatus.OPEN, db_default=ConflictStatus.OPEN
    )
    subject = models.CharField(max_length=255, help_text="What it is about, such as 'booking:123'.")
    pms_side = models.JSONField(db_default={})
    channel_side = models.JSONField(db_default={})
    resolution = models.CharField(max_length=50, blank=True, default="", db_default="")
    resolved_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    resolved_at = models.DateTimeField(null=True, blank=True)
    created_at = created_at_column()
    updated_at = updated_at_column()

    class Meta:
        db_table = "channel_conflicts"
        verbose_name = "conflict"
        constraints = [
            models.UniqueConstraint(
                fields=["channel_property", "kind", "subject"],
                condition=models.Q(status=ConflictStatus.OPEN),
                name="channel_conflicts_open_key",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=ConflictStatus.values), name="channel_conflicts_status_check"
            ),
            models.CheckConstraint(
                condition=models.Q(severity__in=Severity.values), name="channel_conflicts_severity_check"
            ),
        ]
        indexes = [NamedIndex(fields=["channel_property", "status"], name="idx_channel_conflicts_property_status")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}"

    def meaning(self) -> str:
        """What happened, and what the buttons do, where both sides do not say it."""
        return MEANINGS.get(self.kind, "")

    def next_step(self) -> str:
        """What a person can do about it, where neither side can be sent to the other."""
        of_subject = NEXT_STEPS_OF_SUBJECTS.get(self.subject.partition(":")[0])
        return of_subject or NEXT_STEPS.get(self.kind, "")
