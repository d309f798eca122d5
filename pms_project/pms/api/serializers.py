"""The shapes of the PMS API."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from channel_sync.api.days import DayField
from channel_sync.api.known_keys import KnownKeys, StrictSerializer
from pms_project.pms.models import (
    DailyRate,
    Guest,
    HotelSettings,
    MaintenanceBlock,
    RatePlan,
    Reservation,
    Room,
    RoomType,
    StayPhase,
)
from pms_project.pms.services.errors import NotWithinLimits
from pms_project.pms.services.limits import MAX_NIGHTS, MAX_NOTES, MAX_PEOPLE, MAX_UNITS, require_nights, today_at
from pms_project.pms.services.visibility import seen_by

NOT_WRITTEN = (
    "id", "hotel", "status", "phase", "source", "channel_reference", "group_reference", "currency", "guest_comments",
    "failure_reason", "hold_expires_at", "version",
)  # fmt: skip


class SeenRelatedField(serializers.PrimaryKeyRelatedField):
    """A thing of a hotel that the user works in; any other is refused like one that is not there."""

    def get_queryset(self) -> QuerySet[Any]:
        """Without a request in the context nothing can be named."""
        found: Any = super().get_queryset()
        request = self.context.get("request")
        return found.none() if request is None else seen_by(request.user, found)


class GuestSerializer(KnownKeys, serializers.ModelSerializer):
    """Who stays."""

    class Meta:
        model = Guest
        fields = ("first_name", "last_name", "email", "phone", "country")


class ReservationSerializer(KnownKeys, serializers.ModelSerializer):
    """A reservation, as it is read and written; what is only read may be sent back, and is left unread."""

    read_back = NOT_WRITTEN
    guest = GuestSerializer(required=False)
    room_type = SeenRelatedField(queryset=RoomType.objects.all())
    units = serializers.IntegerField(min_value=1, max_value=MAX_UNITS, default=1)
    adults = serializers.IntegerField(max_value=MAX_PEOPLE, required=False, help_text="At least 1.")
    children = serializers.IntegerField(min_value=0, max_value=MAX_PEOPLE, required=False)
    price = serializers.DecimalField(
        max_digits=12, decimal_places=2, required=False, allow_null=True, help_text="Not below 0."
    )
    notes = serializers.CharField(max_length=MAX_NOTES, required=False, allow_blank=True)
    phase = serializers.ChoiceField(
        StayPhase.choices, allow_blank=True, read_only=True, help_text="What the desk has marked; blank: by the dates."
    )

    class Meta:
        model = Reservation
        fields = (
            "id", "hotel", "room_type", "guest", "status", "phase", "source", "channel_reference", "group_reference",
            "check_in", "check_out", "units", "adults", "children", "price", "currency", "notes", "guest_comments",
            "failure_reason", "hold_expires_at", "version",
        )  # fmt: skip
        read_only_fields = NOT_WRITTEN


class CancellationSerializer(StrictSerializer):
    """Whether to cancel a reservation although something is left to be done elsewhere."""

    read_back = ("version",)

    confirm = serializers.BooleanField(default=False)


class MaintenanceBlockSerializer(KnownKeys, serializers.ModelSerializer):
    """A room out of order."""

    read_back = ("id",)
    room = SeenRelatedField(queryset=Room.objects.all())

    class Meta:
        model = MaintenanceBlock
        fields = ("id", "room", "start", "end", "reason")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Nights within reason; of a block that is there, as far as they change."""
        start = attrs.get("start", getattr(self.instance, "start", None))
        end = attrs.get("end", getattr(self.instance, "end", None))
        room = attrs.get("room", getattr(self.instance, "room", None))
        is_moved = (start, end) != (getattr(self.instance, "start", None), getattr(self.instance, "end", None))
        if start is None or end is None or room is None or not is_moved:
            return attrs
        try:
            require_nights(start, end, today_at(room.room_type.hotel))
        except NotWithinLimits as error:
            raise serializers.ValidationError({error.field: str(error)}) from error
        return attrs


class RateChangeSerializer(StrictSerializer):
    """The same terms for a range of nights."""

    rate_plan = SeenRelatedField(queryset=RatePlan.objects.all())
    start = DayField()
    end = DayField(help_text="The day after the last night.")
    price = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=0)
    min_stay = serializers.IntegerField(min_value=1, max_value=MAX_NIGHTS, default=1)
    max_stay = serializers.IntegerField(min_value=1, max_value=MAX_NIGHTS, default=364)
    stop_sell = serializers.BooleanField(default=False)
    closed_to_arrival = serializers.BooleanField(default=False)
    closed_to_departure = serializers.BooleanField(default=False)


class HotelSerializer(serializers.ModelSerializer):
    """A hotel."""

    class Meta:
        model = HotelSettings
        fields = ("id", "name", "time_zone", "currency")


class RatePlanSerializer(serializers.ModelSerializer):
    """A way to sell a room type."""

    hotel = serializers.UUIDField(source="room_type.hotel_id", read_only=True)

    class Meta:
        model = RatePlan
        fields = ("id", "hotel", "room_type", "name")


class DailyRateSerializer(serializers.ModelSerializer):
    """Price and restrictions of a rate plan on one night; the currency is the hotel's."""

    class Meta:
        model = DailyRate
        fields = (
            "id", "rate_plan", "night", "price", "min_stay", "max_stay", "stop_sell", "closed_to_arrival",
            "closed_to_departure",
        )  # fmt: skip


class RoomTypeSerializer(serializers.ModelSerializer):
    """A room type."""

    class Meta:
        model = RoomType
        fields = ("id", "hotel", "name", "units")


class RoomSerializer(serializers.ModelSerializer):
    """One physical room."""

    class Meta:
        model = Room
        fields = ("id", "room_type", "number")
