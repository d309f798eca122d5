"""Filters of the lists: what a user does not see is refused like what is not there."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import QuerySet

from pms_project.pms.models import HotelSettings, MaintenanceBlock, Reservation, Room, RoomType
from pms_project.pms.services.visibility import seen_by


def _hotels(request: Any) -> QuerySet[HotelSettings]:
    return _seen(request, HotelSettings.objects.all())


def _room_types(request: Any) -> QuerySet[RoomType]:
    return _seen(request, RoomType.objects.all())


def _rooms(request: Any) -> QuerySet[Room]:
    return _seen(request, Room.objects.all())


def _seen(request: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
    """The OpenAPI document is made without a request, and names no row."""
    return rows.none() if request is None else seen_by(request.user, rows)


class ReservationFilter(filters.FilterSet):
    """Reservations."""

    hotel = filters.ModelChoiceFilter(queryset=_hotels)  # type: ignore[arg-type]  # the stubs know no callable
    room_type = filters.ModelChoiceFilter(queryset=_room_types)  # type: ignore[arg-type]  # as above

    class Meta:
        model = Reservation
        fields = (
            "status", "phase", "hotel", "room_type", "check_in", "source", "channel_reference", "group_reference",
        )  # fmt: skip


class MaintenanceBlockFilter(filters.FilterSet):
    """Rooms out of order."""

    room = filters.ModelChoiceFilter(queryset=_rooms)  # type: ignore[arg-type]  # as above
    room_type = filters.ModelChoiceFilter(field_name="room__room_type", queryset=_room_types)  # type: ignore[arg-type]  # as above

    class Meta:
        model = MaintenanceBlock
        fields = ("room", "room_type")


class RoomTypeFilter(filters.FilterSet):
    """Room types."""

    hotel = filters.ModelChoiceFilter(queryset=_hotels)  # type: ignore[arg-type]  # the stubs know no callable

    class Meta:
        model = RoomType
        fields = ("hotel",)


class RoomFilter(filters.FilterSet):
    """Rooms."""

    room_type = filters.ModelChoiceFilter(queryset=_room_types)  # type: ignore[arg-type]  # as above

    class Meta:
        model = Room
        fields = ("room_type",)
