"""Who works in which hotel."""

from django.conf import settings
from django.contrib.postgres.functions import RandomUUID
from django.db import models

from pms_project.pms.models.hotel import HotelSettings


class HotelMembership(models.Model):
    """A user of a hotel: sees it, and nothing of any other. Without a membership a user sees no hotel."""

    id = models.UUIDField(primary_key=True, db_default=RandomUUID(), editable=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="hotel_memberships", db_index=False
    )
    hotel = models.ForeignKey(HotelSettings, on_delete=models.CASCADE, related_name="memberships")

    class Meta:
        db_table = "hotel_memberships"
        constraints = [models.UniqueConstraint(fields=["user", "hotel"], name="hotel_memberships_user_hotel_key")]

    def __str__(self) -> str:
        return f"{self.user} in {self.hotel}"
