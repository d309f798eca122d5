"""Table `channel_claims`: units that a channel has sold and the PMS does not keep for their guest."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column, updated_at_column, uuid_primary_key
from channel_sync.models.property import ChannelProperty


class ChannelClaim(models.Model):
    """`units` units of a room type, on every night from `check_in` up to but without `check_out`, for one booking.

    Beside the units that its own reservation has on a night, a claim takes only what is missing.
    """

    id = uuid_primary_key()
    channel_property = models.ForeignKey(
        ChannelProperty, on_delete=models.CASCADE, related_name="claims", db_index=False, db_constraint=False
    )
    external_id = models.CharField(max_length=255, help_text="The booking at the channel.")
    reservation = models.ForeignKey(
        settings.CHANNEL_SYNC_RESERVATION_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="channel_claims",
        db_index=False,
        db_constraint=False,
    )
    room_type = models.ForeignKey(
        settings.CHANNEL_SYNC_ROOM_TYPE_MODEL,
        on_delete=models.CASCADE,
        related_name="channel_claims",
        db_index=False,
        db_constraint=False,
    )
    check_in = models.DateField()
    check_out = models.DateField()
    units = models.IntegerField(default=1, db_default=1)
    created_at = created_at_column()
    updated_at = updated_at_column()

    class Meta:
        db_table = "channel_claims"
        verbose_name = "claim of a channel"
        verbose_name_plural = "claims of channels"
        constraints = [
            models.UniqueConstraint(fields=["channel_property", "external_id"], name="channel_claims_external_id_key"),
            models.CheckConstraint(
                condition=models.Q(units__gt=0, check_out__gt=models.F("check_in")), name="channel_claims_stay_check"
            ),
        ]
        indexes = [
            NamedIndex(fields=["room_type", "check_in", "check_out"], name="idx_channel_claims_room_type_dates"),
        ]

    def __str__(self) -> str:
        return f"{self.units} units of room type {self.room_type_id}, {self.check_in} to {self.check_out}"
