"""Whose rows a user may see: those of the hotels that they work in."""

from __future__ import annotations

from typing import TypeVar
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Model, QuerySet

from pms_project.pms.models import (
    DailyRate,
    Guest,
    HotelMembership,
    HotelSettings,
    MaintenanceBlock,
    RatePlan,
    Reservation,
    Room,
    RoomType,
)

ALL_HOTELS = "pms.all_hotels"
PATHS: dict[type[Model], str] = {
    HotelSettings: "pk",
    HotelMembership: "hotel",
    RoomType: "hotel",
    Room: "room_type__hotel",
    RatePlan: "room_type__hotel",
    DailyRate: "rate_plan__room_type__hotel",
    MaintenanceBlock: "room__room_type__hotel",
    Reservation: "hotel",
    Guest: "reservations__hotel",
}

Rows = TypeVar("Rows", bound=Model)


def hotels_of(user: AbstractBaseUser | AnonymousUser) -> QuerySet[HotelMembership, UUID] | None:
    """The ids of the hotels that a user works in; None, all, for who has the permission for all hotels."""
    if user.has_perm(ALL_HOTELS):  # type: ignore[union-attr]
        return None
    return HotelMembership.objects.filter(user=user.pk).values_list("hotel", flat=True)


def seen_by(user: AbstractBaseUser | AnonymousUser, rows: QuerySet[Rows]) -> QuerySet[Rows]:
    """Only the rows of the user's hotels; a guest is of every hotel that they have a reservation in.

    Raises `KeyError` for a model that does not say whose its rows are.
    """
    hotels, path = hotels_of(user), PATHS[rows.model]
    if hotels is None:
        return rows
    if rows.model is Guest:
        return rows.filter(pk__in=Reservation.objects.filter(hotel__in=hotels, guest__isnull=False).values("guest"))
    return rows.filter(**{f"{path}__in": hotels})
