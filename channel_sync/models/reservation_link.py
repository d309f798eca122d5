"""Table `channel_reservation_links`: which booking at the channel is which reservation."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from channel_sync.models.columns import NamedIndex, created_at_column, updated_at_column, uuid_primary_key
from channel_sync.models.property import ChannelProperty


class ReservationLink(models.Model):
    """A booking at a channel and its reservation, with what was last applied and last pushed.

    `reservation` is null for a booking that was deleted at the channel before the PMS ever had it, and after
    the PMS deleted the reservation: late webhooks of that booking are still known to be late.
    """

    id = uuid_primary_key()
    channel_property = models.ForeignKey(
        ChannelProperty, on_delete=models.CASCADE, related_name="reservation_links", db_index=False, db_constraint=False
    )
    external_id = models.CharField(max_length=255)
    reservation = models.ForeignKey(
        settings.CHANNEL_SYNC_RESERVATION_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="channel_links",
        db_constraint=False,
    )
    ota = models.CharField(
        max_length=50,
        blank=True,
        default="",
        db_default="",
        help_text="Where the booking was made.",
    )
    ota_reference = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="The number that the guest knows it by."
    )
    group_id = models.CharField(
        max_length=255, blank=True, default="", db_default="", help_text="The booking that leads its group."
    )
    applied_modified_at = models.DateTimeField(
        null=True, help_text="The channel's modified time of the snapshot that was last applied to the PMS."
    )
    applied_hash = models.CharField(max_length=64, blank=True, default="", db_default="")
    applied_cancelled = models.BooleanField(default=False, db_default=False)
    applied_details = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="Hash of what only the channel can change."
    )
    pushed_hash = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="Only where there are no bases yet."
    )
    bases = models.JSONField(
        default=dict,
        blank=True,
        db_default={},
        help_text="What each side looked like when both last agreed; what names the guest as digests.",
    )
    created_at = created_at_column()
    updated_at = updated_at_column()

    class Meta:
        db_table = "channel_reservation_links"
        verbose_name = "booking"
        indexes = [
            # Who asks for a number does not know of which property it is.
            NamedIndex(fields=["external_id"], name="idx_channel_reservation_links_external_id"),
            NamedIndex(
                fields=["ota_reference"],
                condition=~models.Q(ota_reference=""),
                name="idx_channel_reservation_links_ota_reference",
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["channel_property", "external_id"], name="channel_reservation_links_external_id_key"
            ),
            models.UniqueConstraint(
                fields=["channel_property", "reservation"], name="channel_reservation_links_reservation_id_key"
            ),
        ]

    def __str__(self) -> str:
        return f"Booking {self.external_id} <-> reservation {self.reservation_id}"
