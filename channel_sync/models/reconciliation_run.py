"""Table `channel_reconciliation_runs`: one comparison of the PMS and a channel."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import CurrentTimestamp, NamedIndex, created_at_column, uuid_primary_key
from channel_sync.models.property import ChannelProperty


class ReconciliationKind(models.TextChoices):
    """What a run compares."""

    BOOKINGS = "bookings"
    AVAILABILITY = "availability"
    RATES = "rates"


class KeptLower(models.TextChoices):
    """Why a channel offers less than is free on a night, by its own rules: no push changes that."""

    NO_PRICE = "no_price", "no price is set at the channel"
    CLOSED = "closed", "closed at the channel"
    FEWER_ROOMS = "fewer_rooms", "the channel has fewer rooms of this type"
    BOOKED_THERE = "booked_there", "the channel counts a booking that the PMS has changed, and could not send"


class RunStatus(models.TextChoices):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class ReconciliationRun(models.Model):
    """Counts of one run; `cursor` is where a run that died goes on."""

    id = uuid_primary_key()
    channel_property = models.ForeignKey(
        ChannelProperty,
        on_delete=models.CASCADE,
        related_name="reconciliation_runs",
        db_index=False,
        db_constraint=False,
    )
    kind = models.CharField(max_length=20, choices=ReconciliationKind)
    status = models.CharField(max_length=20, choices=RunStatus, default=RunStatus.RUNNING, db_default=RunStatus.RUNNING)
    dry_run = models.BooleanField(default=False, db_default=False)
    window_start = models.DateField()
    window_end = models.DateField()
    cursor = models.JSONField(db_default={})
    compared = models.IntegerField(default=0, db_default=0)
    fixed = models.IntegerField(default=0, db_default=0)
    flagged = models.IntegerField(default=0, db_default=0)
    kept_lower = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="Nights that the channel keeps lower by its own rules: reason, room type, first and last nights.",
    )
    note = models.TextField(
        blank=True, default="", db_default="", help_text="Why it compared nothing, and what to do; blank when it did."
    )
    last_error = models.TextField(blank=True, default="", db_default="")
    finished_at = models.DateTimeField(null=True, blank=True)
    created_at = created_at_column()
    updated_at = models.DateTimeField(
        null=True,
        db_default=CurrentTimestamp(),
        editable=False,
        help_text="Its last progress, by the database's clock.",
    )

    class Meta:
        db_table = "channel_reconciliation_runs"
        verbose_name = "reconciliation run"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=ReconciliationKind.values), name="channel_reconciliation_runs_kind_check"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=RunStatus.values), name="channel_reconciliation_runs_status_check"
            ),
        ]
        indexes = [
            NamedIndex(
                fields=["channel_property", "kind", "created_at"], name="idx_channel_reconciliation_runs_property"
            ),
            # The watch looks every half minute for those few that wait, stand still or have failed.
            NamedIndex(
                fields=["status", "updated_at"],
                name="idx_channel_reconciliation_runs_unsound",
                condition=models.Q(status__in=["queued", "running", "failed"]),
            ),
        ]

    def __str__(self) -> str:
        return f"Reconciliation of {self.kind} {self.id}"
