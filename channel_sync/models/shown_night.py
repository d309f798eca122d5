"""Table `channel_shown_nights`: how many units of a room a channel was last known to sell on a night."""

from __future__ import annotations

from django.db import models

from channel_sync.models.mapping import ChannelMapping


class ShownHow(models.TextChoices):
    """How it is known what a channel sells."""

    SENT = "sent", "sent by us"
    SEEN = "seen", "read at the channel"


class ShownNight(models.Model):
    """What a channel sells on a night of a mapped room type, as it was last sent or seen, and what the PMS had then.

    From there on each booking moves both sides alike; the difference between the two stays what it was.
    """

    id = models.BigAutoField(primary_key=True)
    mapping = models.ForeignKey(
        ChannelMapping, on_delete=models.CASCADE, related_name="shown_nights", db_index=False, db_constraint=False
    )
    night = models.DateField()
    units = models.IntegerField(help_text="At the channel.")
    in_pms = models.IntegerField(
        null=True, help_text="What the PMS had for sale at that moment; null where all was closed, whatever it had."
    )
    how = models.CharField(max_length=10, choices=ShownHow)
    known_at = models.DateTimeField(help_text="By the database's clock.")

    class Meta:
        db_table = "channel_shown_nights"
        verbose_name = "night at a channel"
        verbose_name_plural = "nights at channels"
        constraints = [
            models.UniqueConstraint(fields=["mapping", "night"], name="channel_shown_nights_mapping_id_night_key"),
            models.CheckConstraint(condition=models.Q(how__in=ShownHow.values), name="channel_shown_nights_how_check"),
        ]

    def __str__(self) -> str:
        return f"{self.units} units on {self.night}"
