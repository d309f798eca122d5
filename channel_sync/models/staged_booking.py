"""Table `channel_reconciliation_bookings`: what a run has read from the channel, until it is done."""

from __future__ import annotations

from django.db import models

from channel_sync.models.columns import uuid_primary_key
from channel_sync.models.reconciliation_run import ReconciliationRun


class StagedBooking(models.Model):
    """One booking as the channel told it; a run that died goes on with what it has."""

    id = uuid_primary_key()
    run = models.ForeignKey(
        ReconciliationRun, on_delete=models.CASCADE, related_name="staged_bookings", db_index=False, db_constraint=False
    )
    external_id = models.CharField(max_length=255)
    payload = models.JSONField()

    class Meta:
        db_table = "channel_reconciliation_bookings"
        verbose_name = "staged booking"
        constraints = [
            models.UniqueConstraint(fields=["run", "external_id"], name="channel_reconciliation_bookings_key")
        ]

    def __str__(self) -> str:
        return f"Booking {self.external_id} of run {self.run_id}"
