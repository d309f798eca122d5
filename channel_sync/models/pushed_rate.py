"""Table `channel_pushed_rates`: what the channel was last told a night costs, so that equal nights are not sent."""

from __future__ import annotations

from django.db import models

from channel_sync.models.mapping import ChannelMapping


class PushedRate(models.Model):
    """The hash of the terms of one night of a mapped rate plan, and the closures and the price among them.

    Closures are sent only where they change: sent with each price they would undo what a hotelier closed by hand. A
    price that was sent is deleted once the PMS has none; one that the PMS never had is left to who set it.
    """

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(
        ChannelMapping, on_delete=models.CASCADE, related_name="pushed_rates", db_index=False, db_constraint=False
    )
    night = models.DateField()
    content_hash = models.CharField(max_length=64, blank=True, help_text="Empty: to be sent again, equal or not.")
    closures = models.CharField(
        max_length=60, null=True, help_text="Which closures the channel was last sent; null when that is not known."
    )
    price = models.DecimalField(
        max_digits=12, decimal_places=2, null=True, help_text="The price that the channel has from us; null for none."
    )

    class Meta:
        db_table = "channel_pushed_rates"
        verbose_name = "pushed rate"
        constraints = [
            models.UniqueConstraint(fields=["mapping", "night"], name="channel_pushed_rates_mapping_id_night_key")
        ]

    def __str__(self) -> str:
        return f"{self.mapping_id} {self.night}"
