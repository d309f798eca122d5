"""Table `channel_changes`: rows of the host that were written and are still to become events."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from channel_sync.models.columns import ClockTimestamp, NamedIndex


class CapturedChange(models.Model):
    """One write of one row, inserted by a trigger in the transaction of the write.

    Rows are deleted in the transaction that records their events. One that cannot become an event keeps its error and
    waits for `next_attempt_at`; without a next attempt it is left until somebody has it retried.
    """

    id = models.BigAutoField(primary_key=True)
    model = models.CharField(max_length=255, help_text="Label of the host's model, such as 'pms.Reservation'.")
    operation = models.CharField(max_length=6, help_text="INSERT, UPDATE or DELETE.")
    row_pk = models.TextField()
    old_row = models.JSONField(null=True)
    new_row = models.JSONField(null=True)
    links = ArrayField(
        models.UUIDField(),
        null=True,
        help_text="Links that a deleted reservation had: the database has taken it out of them.",
    )
    origin = models.UUIDField(null=True, help_text="The channel property that the write was made for.")
    transaction_id = models.BigIntegerField()
    captured_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_attempt_at = models.DateTimeField(null=True)
    last_error = models.CharField(max_length=255, blank=True, default="", db_default="")

    class Meta:
        db_table = "channel_changes"
        verbose_name = "captured change"
        # A save takes its own rows, however many others wait.
        indexes = [NamedIndex(fields=["row_pk"], name="idx_channel_changes_row")]

    def __str__(self) -> str:
        return f"{self.operation} of {self.model} {self.row_pk}"
