"""Rate plans and what they cost on each night."""

from django.contrib.postgres.functions import RandomUUID
from django.db import models

from pms_project.pms.models.hotel import RoomType


class RatePlan(models.Model):
    """A way to sell a room type."""

    id = models.UUIDField(primary_key=True, db_default=RandomUUID(), editable=False)
    room_type = models.ForeignKey(RoomType, on_delete=models.CASCADE, related_name="rate_plans")
    name = models.CharField(max_length=200)

    class Meta:
        db_table = "rate_plans"
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["room_type", "name"], name="rate_plans_room_type_id_name_key")]

    def __str__(self) -> str:
        return f"{self.room_type} {self.name}"


class DailyRate(models.Model):
    """Price and restrictions of a rate plan on one night."""

    rate_plan = models.ForeignKey(RatePlan, on_delete=models.CASCADE, related_name="daily_rates", db_index=False)
    night = models.DateField()
    price = models.DecimalField(max_digits=10, decimal_places=2)
    min_stay = models.PositiveSmallIntegerField(default=1)
    max_stay = models.PositiveSmallIntegerField(default=364)
    stop_sell = models.BooleanField(default=False)
    closed_to_arrival = models.BooleanField(default=False)
    closed_to_departure = models.BooleanField(default=False)

    class Meta:
        db_table = "daily_rates"
        ordering = ["rate_plan", "night"]
        constraints = [
            models.UniqueConstraint(fields=["rate_plan", "night"], name="daily_rates_rate_plan_id_night_key")
        ]

    def __str__(self) -> str:
        return f"{self.rate_plan} {self.night}"
