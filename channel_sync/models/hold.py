"""Table `inventory_holds`: units kept for a reservation until the channel has confirmed it."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column, updated_at_column, uuid_primary_key


class HoldStatus(models.TextChoices):
    """A hold ends confirmed, released or expired."""

    ACTIVE = "active"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"


class InventoryHold(models.Model):
    """`units_held` units of a room type, on every night from `check_in` up to but without `check_out`."""

    id = uuid_primary_key()
    reservation = models.ForeignKey(
        settings.CHANNEL_SYNC_RESERVATION_MODEL,
        on_delete=models.CASCADE,
        related_name="inventory_holds",
        db_index=False,
        db_constraint=False,
    )
    room_type = models.ForeignKey(
        settings.CHANNEL_SYNC_ROOM_TYPE_MODEL,
        on_delete=models.CASCADE,
        null=True,
        related_name="inventory_holds",
        db_index=False,
        db_constraint=False,
    )
    check_in = models.DateField()
    check_out = models.DateField()
    units_held = models.IntegerField(default=1, db_default=1)
    hold_expires_at = models.DateTimeField()
    status = models.CharField(
        max_length=20, null=True, choices=HoldStatus, default=HoldStatus.ACTIVE, db_default=HoldStatus.ACTIVE
    )
    created_at = created_at_column()
    updated_at = updated_at_column()

    class Meta:
        db_table = "inventory_holds"
        verbose_name = "inventory hold"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=HoldStatus.values), name="inventory_holds_status_check"
            ),
        ]
        indexes = [
            NamedIndex(fields=["reservation"], name="idx_inventory_holds_reservation"),
            NamedIndex(
                fields=["hold_expires_at", "status"],
                name="idx_inventory_holds_expires",
                condition=models.Q(status=HoldStatus.ACTIVE),
            ),
            NamedIndex(fields=["room_type", "check_in", "check_out"], name="idx_inventory_holds_room_type_dates"),
        ]

    def __str__(self) -> str:
        return f"Hold of {self.units_held} for reservation {self.reservation_id}"
