"""Rooms out of order."""

from django.contrib.postgres.functions import RandomUUID
from django.db import models

from pms_project.pms.models.hotel import Room


class MaintenanceBlock(models.Model):
    """A room that cannot be sold from `start` up to but without `end`."""

    id = models.UUIDField(primary_key=True, db_default=RandomUUID(), editable=False)
    room = models.ForeignKey(Room, on_delete=models.CASCADE, related_name="maintenance_blocks")
    start = models.DateField()
    end = models.DateField()
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        db_table = "maintenance_blocks"
        ordering = ["start"]
        constraints = [
            models.CheckConstraint(condition=models.Q(end__gt=models.F("start")), name="maintenance_blocks_dates_check")
        ]

    def __str__(self) -> str:
        return f"{self.room} {self.start} - {self.end}"
