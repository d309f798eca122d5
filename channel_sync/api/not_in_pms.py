"""How bookings that are not in the PMS yet read in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from channel_sync.api.days import DayField
from channel_sync.api.known_keys import StrictSerializer


class NotInPmsQuerySerializer(StrictSerializer):
    """Which nights; from today to the end of the calendar unless said."""

    start = DayField(required=False, help_text="First night.")
    end = DayField(required=False, help_text="The day after the last night.")
    room_type_id = serializers.UUIDField(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """In order."""
        start, end = attrs.get("start"), attrs.get("end")
        if start is not None and end is not None and end <= start:
            raise serializers.ValidationError({"end": "'end' is the day after the last night, so after 'start'."})
        return attrs


class SoldNightsSerializer(serializers.Serializer[Any]):
    """Units on each night from the first to the last."""

    first = serializers.DateField()
    last = serializers.DateField()
    units = serializers.IntegerField()


class MissingSerializer(serializers.Serializer[Any]):
    """A booking of the channel whose nights the PMS does not keep yet; it names no guest."""

    booking = serializers.CharField(source="booking.external_id", allow_null=True)
    room_type_id = serializers.UUIDField(source="booking.room_type_id", allow_null=True)
    external_room_id = serializers.CharField(source="booking.room", allow_null=True)
    room = serializers.CharField(source="room_name")
    nights = SoldNightsSerializer(source="booking.nights", many=True)
    since = serializers.DateTimeField(source="booking.since")
    partly_stored = serializers.BooleanField(source="booking.is_partly_stored")
    event_id = serializers.UUIDField(source="booking.event_id", allow_null=True, help_text="The event to settle.")
    event_status = serializers.CharField(source="booking.event_status", help_text="Blank without an event.")
    conflict_id = serializers.UUIDField(allow_null=True, help_text="The conflict of a booking that is partly stored.")
    next_step = serializers.CharField()


class NotInPmsSerializer(serializers.Serializer[Any]):
    """All of a property."""

    bookings = serializers.IntegerField(help_text="How many bookings.")
    failed = serializers.IntegerField(help_text="How many of them somebody has to see to.")
    complete = serializers.BooleanField(source="is_complete", help_text="False where there are more than are listed.")
    not_in_pms = MissingSerializer(source="missing", many=True)
