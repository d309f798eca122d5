"""Hotels, kinds of rooms and stays: no guests' table, no rate plans, no maintenance, no holds."""

import uuid

from django.db import models


class Hotel(models.Model):
    uid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=100)


class RoomKind(models.Model):
    uid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    house = models.ForeignKey(Hotel, on_delete=models.CASCADE)
    label = models.CharField(max_length=100)
    quantity = models.IntegerField()


class Stay(models.Model):
    uid = models.UUIDField(primary_key=True, default=uuid.uuid4)
    kind = models.ForeignKey(RoomKind, on_delete=models.CASCADE)
    first_night = models.DateField()
    nights = models.IntegerField()
    who = models.CharField(max_length=200, blank=True)
    persons = models.IntegerField(default=1)
    total = models.DecimalField(max_digits=12, decimal_places=2, null=True)
    is_cancelled = models.BooleanField(default=False)
    trouble = models.TextField(blank=True)
