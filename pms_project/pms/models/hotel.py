"""Hotels, their room types and rooms."""

from django.contrib.postgres.functions import RandomUUID
from django.db import models


class HotelSettings(models.Model):
    """A property."""

    id = models.UUIDField(primary_key=True, db_default=RandomUUID(), editable=False)
    name = models.CharField(max_length=200)
    time_zone = models.CharField(max_length=64, default="UTC")
    currency = models.CharField(max_length=3, default="EUR")

    class Meta:
        db_table = "hotel_settings"
        verbose_name = "hotel"
        permissions = [("all_hotels", "Works in all hotels")]

    def __str__(self) -> str:
        return self.name


class RoomType(models.Model):
    """A kind of room that is sold; `units` of it exist."""

    id = models.UUIDField(primary_key=True, db_default=RandomUUID(), editable=False)
    hotel = models.ForeignKey(HotelSettings, on_delete=models.CASCADE, related_name="room_types")
    name = models.CharField(max_length=200)
    units = models.PositiveIntegerField()

    class Meta:
        db_table = "room_types"
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["hotel", "name"], name="room_types_hotel_id_name_key")]

    def __str__(self) -> str:
        return self.name


class Room(models.Model):
    """One physical room."""

    id = models.UUIDField(primary_key=True, db_default=RandomUUID(), editable=False)
    room_type = models.ForeignKey(RoomType, on_delete=models.CASCADE, related_name="rooms")
    number = models.CharField(max_length=20)
    beds24_room_id = models.CharField(
        max_length=255, null=True, blank=True, help_text="Before channel mappings; carried into them by a migration."
    )

    class Meta:
        db_table = "rooms"
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["room_type", "number"], name="rooms_room_type_id_number_key")]

    def __str__(self) -> str:
        return self.number


class Beds24Config(models.Model):
    """The hotel's Beds24 id before channel properties; carried into them by a migration."""

    hotel = models.OneToOneField(HotelSettings, on_delete=models.CASCADE, related_name="beds24_config")
    beds24_property_id = models.CharField(max_length=255)

    class Meta:
        db_table = "beds24_config"
        verbose_name = "Beds24 configuration"

    def __str__(self) -> str:
        return self.beds24_property_id
