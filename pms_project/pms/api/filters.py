"""Filters of the lists: what a user does not see is refused like what is not there."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django import forms
from django.db.backends.postgresql.psycopg_any import DateRange
from django.db.models import QuerySet

from channel_sync.api.filters import ChoiceInFilter
from channel_sync.models import ReservationLink
from pms_project.pms.models import (
    DailyRate,
    HotelSettings,
    MaintenanceBlock,
    RatePlan,
    Reservation,
    ReservationStatus,
    Room,
    RoomType,
    StayNights,
)
from pms_project.pms.services.guests import guests_called
from pms_project.pms.services.visibility import seen_by


def _hotels(request: Any) -> QuerySet[HotelSettings]:
    return _seen(request, HotelSettings.objects.all())


def _room_types(request: Any) -> QuerySet[RoomType]:
    return _seen(request, RoomType.objects.all())


def _rate_plans(request: Any) -> QuerySet[RatePlan]:
    return _seen(request, RatePlan.objects.all())


def _rooms(request: Any) -> QuerySet[Room]:
    return _seen(request, Room.objects.all())


def _seen(request: Any, rows: QuerySet[Any]) -> QuerySet[Any]:
    """The OpenAPI document is made without a request, and names no row."""
    return rows.none() if request is None else seen_by(request.user, rows)


class NightsForm(forms.Form):
    """What a filter by nights may say."""

    def clean(self) -> dict[str, Any]:
        """`end` is after `start`: a range without a night would find nothing, in silence."""
        said: dict[str, Any] = super().clean() or {}
        start, end = said.get("start"), said.get("end")
        if start is not None and end is not None and end <= start:
            said_wrongly = "'end' is the day after the last night, so after 'start'."
            self.add_error("end", forms.ValidationError(said_wrongly, code="invalid"))
        return said


class ReservationFilter(filters.FilterSet):
    """Reservations."""

    hotel = filters.ModelChoiceFilter(queryset=_hotels)  # type: ignore[arg-type]  # the stubs know no callable
    room_type = filters.ModelChoiceFilter(queryset=_room_types)  # type: ignore[arg-type]  # as above
    status = ChoiceInFilter(choices=ReservationStatus.choices, lookup_expr="in")
    start = filters.DateFilter(help_text="Stays that have this night or a later one,")
    end = filters.DateFilter(help_text="and a night before this day.")
    arrival_from = filters.DateFilter("check_in", "gte", help_text="Those who arrive on this day or later,")
    arrival_to = filters.DateFilter("check_in", "lt", help_text="and before this one.")
    guest = filters.CharFilter(
        method="of_guest",
        max_length=700,
        help_text="How the guest's first name, last name, both in either order, or email begins, whatever the case.",
    )
    booking = filters.CharFilter(method="of_booking", help_text="The whole number of the booking at the channel.")
    channel_reference = filters.CharFilter(help_text="The whole number that the OTA gave it, such as BDC-1234567.")

    class Meta:
        model = Reservation
        form = NightsForm
        fields = (
            "status", "phase", "hotel", "room_type", "check_in", "check_out", "source", "channel_reference",
            "group_reference",
        )  # fmt: skip

    def filter_queryset(self, queryset: QuerySet[Reservation]) -> QuerySet[Reservation]:
        """Both ends of a range of nights at once: its index knows stays by all their nights."""
        said = self.form.cleaned_data
        start, end = said.pop("start"), said.pop("end")
        if start is not None or end is not None:
            nights = queryset.alias(nights=StayNights("check_in", "check_out"))
            queryset = nights.filter(nights__overlap=DateRange(start, end))
        said |= {"start": None, "end": None}
        return super().filter_queryset(queryset)

    def of_guest(self, rows: QuerySet[Reservation], name: str, value: str) -> QuerySet[Reservation]:
        """Reservations of guests who are called so."""
        return rows.filter(guest__in=guests_called(value).values("pk"))

    def of_booking(self, rows: QuerySet[Reservation], name: str, value: str) -> QuerySet[Reservation]:
        """The reservation of a booking; several where channels use the same number."""
        return rows.filter(pk__in=ReservationLink.objects.filter(external_id=value).values("reservation"))


class HotelFilter(filters.FilterSet):
    """Hotels."""

    name = filters.CharFilter(lookup_expr="icontains", help_text="A part of the name, whatever the case.")

    class Meta:
        model = HotelSettings
        fields = ("name",)


class RatePlanFilter(filters.FilterSet):
    """Rate plans."""

    hotel = filters.ModelChoiceFilter(field_name="room_type__hotel", queryset=_hotels)  # type: ignore[arg-type]  # as above
    room_type = filters.ModelChoiceFilter(queryset=_room_types)  # type: ignore[arg-type]  # as above

    class Meta:
        model = RatePlan
        fields = ("hotel", "room_type")


class RateFilter(filters.FilterSet):
    """Rates of nights."""

    hotel = filters.ModelChoiceFilter(field_name="rate_plan__room_type__hotel", queryset=_hotels)  # type: ignore[arg-type]  # as above
    room_type = filters.ModelChoiceFilter(field_name="rate_plan__room_type", queryset=_room_types)  # type: ignore[arg-type]  # as above
    rate_plan = filters.ModelChoiceFilter(queryset=_rate_plans)  # type: ignore[arg-type]  # as above
    start = filters.DateFilter("night", "gte", help_text="The first night.")
    end = filters.DateFilter("night", "lt", help_text="The day after the last night.")

    class Meta:
        model = DailyRate
        form = NightsForm
        fields = ("hotel", "room_type", "rate_plan")


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
