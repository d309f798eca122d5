"""What events carry, by their type, for the document: the shapes in which inbound and outbound code keeps it.

No key is promised: what names a guest is left out once it is redacted, and older rows may lack what newer ones have.
"""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers

from channel_sync.api.json_values import JsonObjectField, JsonValueField, json_shown_as
from channel_sync.api.serializers import EventDetailSerializer
from channel_sync.channels.canonical import NAMED_FIELDS, BookingStatus
from channel_sync.models import EventType

# With the names of the members, as overrides of the document's names have them.
BOOKING_STATUSES = [(one.value, one.name) for one in BookingStatus]


class BookedGuestSerializer(serializers.Serializer[Any]):
    """Who stays."""

    first_name = serializers.CharField(required=False)
    last_name = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    phone = serializers.CharField(required=False)
    country = serializers.CharField(required=False)


class StayShapeSerializer(serializers.Serializer[Any]):
    """What both sides have to agree on; `check_out` is not slept."""

    external_room_id = serializers.CharField(required=False, help_text="The channel's room.")
    status = serializers.ChoiceField(choices=BOOKING_STATUSES, required=False)
    check_in = serializers.DateField(required=False)
    check_out = serializers.DateField(required=False)
    units = serializers.IntegerField(required=False)
    adults = serializers.IntegerField(required=False)
    children = serializers.IntegerField(required=False)
    guest = BookedGuestSerializer(required=False)
    price = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True, required=False)
    notes = serializers.CharField(required=False)


class ReadBookingSerializer(StayShapeSerializer):
    """A booking as it was read from the channel; of one that is only known as cancelled, its number and the time."""

    external_id = serializers.CharField(required=False, help_text="Booking number at the channel.")
    external_property_id = serializers.CharField(required=False)
    external_unit_id = serializers.CharField(required=False)
    guest_comments = serializers.CharField(required=False, allow_null=True)
    left_out = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="What the channel did not say; its value says nothing."
    )
    group_id = serializers.CharField(required=False, allow_null=True)
    ota = serializers.CharField(required=False)
    ota_reference = serializers.CharField(required=False)
    currency = serializers.CharField(required=False)
    booked_at = serializers.DateTimeField(required=False, allow_null=True)
    modified_at = serializers.DateTimeField(required=False, allow_null=True)
    cancelled_at = serializers.DateTimeField(required=False, allow_null=True)
    client_key = serializers.CharField(required=False, help_text="The idempotency key under which the PMS created it.")


class GoneOverSerializer(serializers.Serializer[Any]):
    """What was at the channel, as it was seen last, before the push went over it."""

    seen = serializers.DateTimeField(required=False, allow_null=True)
    marks = serializers.DictField(
        child=JsonValueField(), required=False, help_text="Field -> its value, or a digest of what may name the guest."
    )


class SentBookingSerializer(StayShapeSerializer):
    """What the channel is sent of a reservation; of a cancellation, the number and the status."""

    external_id = serializers.CharField(required=False, allow_null=True)
    only = serializers.ListField(
        child=serializers.ChoiceField(choices=[*NAMED_FIELDS]),
        required=False,
        help_text="Nothing but these fields is sent; all of them where it is not there.",
    )
    over = GoneOverSerializer(required=False)


class ReservationOutlineSerializer(serializers.Serializer[Any]):
    """The reservation as it was when the event was recorded; what is sent is read when it is worked."""

    reservation_id = serializers.UUIDField(required=False)
    room_type_id = serializers.UUIDField(required=False)
    status = serializers.ChoiceField(choices=BOOKING_STATUSES, required=False)
    check_in = serializers.DateField(required=False)
    check_out = serializers.DateField(required=False)
    units = serializers.IntegerField(required=False)


class RoomTypeNightsSerializer(serializers.Serializer[Any]):
    """Nights of a room type on which something has changed."""

    room_type_id = serializers.UUIDField(required=False)
    start = serializers.DateField(required=False, help_text="First night.")
    end = serializers.DateField(required=False, help_text="The day after the last night.")


class RatePlanNightsSerializer(RoomTypeNightsSerializer):
    """Nights of a rate plan on which something has changed."""

    rate_plan_id = serializers.UUIDField(required=False)


class ClosedRoomSerializer(serializers.Serializer[Any]):
    """The channel's room that is to be closed."""

    external_room_id = serializers.CharField(required=False)


class PauseWishSerializer(serializers.Serializer[Any]):
    """Who wants all rooms closed and the property paused."""

    by = serializers.CharField(required=False)
    again = serializers.BooleanField(required=False, help_text="The pause has begun: rooms are closed once more.")


class FreeRangeSerializer(serializers.Serializer[Any]):
    """Free units of a channel room on each night from the first to the last."""

    external_room_id = serializers.CharField()
    first_night = serializers.DateField()
    last_night = serializers.DateField()
    units = serializers.IntegerField()


class CalendarSerializer(serializers.Serializer[Any]):
    """Free units at the channel: as they were sent, or as they were read there."""

    ranges = FreeRangeSerializer(many=True, required=False)


class RateTermsSerializer(serializers.Serializer[Any]):
    """What a night costs and under which restrictions it is sold; null leaves the channel's value."""

    price = serializers.DecimalField(max_digits=12, decimal_places=2, allow_null=True)
    min_stay = serializers.IntegerField(allow_null=True)
    max_stay = serializers.IntegerField(allow_null=True)
    stop_sell = serializers.BooleanField()
    closed_to_arrival = serializers.BooleanField()
    closed_to_departure = serializers.BooleanField()


class RateRangeSerializer(serializers.Serializer[Any]):
    """The same terms of a channel rate on each night from the first to the last."""

    external_rate_id = serializers.CharField()
    first_night = serializers.DateField()
    last_night = serializers.DateField()
    terms = RateTermsSerializer()
    sent = RateTermsSerializer(allow_null=True, help_text="What was sent the time before.")
    resend = serializers.BooleanField()
    units = serializers.IntegerField(allow_null=True)


class RatesSerializer(serializers.Serializer[Any]):
    """Rates as they were sent."""

    ranges = RateRangeSerializer(many=True, required=False)


def _of_types(name: str, words: str, types: tuple[EventType, ...], payload: Any, normalized: Any) -> Any:
    """The serializer of events of some types, which carry the same."""
    fields = {
        "__doc__": f"{words}: {', '.join(one.value for one in types)}.",
        "__module__": __name__,
        "event_type": serializers.ChoiceField(choices=[one.value for one in types], read_only=True),
        "payload": payload(read_only=True, allow_null=True, help_text="As it was recorded; null for viewers."),
        "normalized_payload": normalized(
            read_only=True, allow_null=True, help_text="As it was read, or sent; null before, and for viewers."
        ),
        "Meta": type("Meta", (EventDetailSerializer.Meta,), {}),
    }
    return type(name, (EventDetailSerializer,), fields)


_INBOUND = (
    EventType.BOOKING_CREATED, EventType.BOOKING_MODIFIED, EventType.BOOKING_CANCELLED, EventType.BOOKING_DELETED,
)  # fmt: skip
_OUTBOUND = (EventType.BOOKING_CREATE, EventType.BOOKING_UPDATE, EventType.BOOKING_CANCEL)
_CALENDAR = json_shown_as(CalendarSerializer(allow_null=True))
_SHAPES: tuple[tuple[str, str, tuple[EventType, ...], Any, Any], ...] = (
    ("InboundBookingEventSerializer", "A booking of the channel, in the channel's words", _INBOUND, JsonObjectField,
     json_shown_as(ReadBookingSerializer(allow_null=True))),
    ("InboundCalendarEventSerializer", "A calendar of the channel to be read, in the channel's words",
     (EventType.AVAILABILITY_UPDATED,), JsonObjectField, _CALENDAR),
    ("OutboundBookingEventSerializer", "A reservation for the channel", _OUTBOUND,
     json_shown_as(ReservationOutlineSerializer(allow_null=True)),
     json_shown_as(SentBookingSerializer(allow_null=True))),
    ("AvailabilityEventSerializer", "Free units for the channel", (EventType.AVAILABILITY_UPDATE,),
     json_shown_as(RoomTypeNightsSerializer(allow_null=True)), _CALENDAR),
    ("RateEventSerializer", "Rates for the channel", (EventType.RATE_UPDATE,),
     json_shown_as(RatePlanNightsSerializer(allow_null=True)), json_shown_as(RatesSerializer(allow_null=True))),
    ("RoomCloseEventSerializer", "A channel room to be closed", (EventType.ROOM_CLOSE,),
     json_shown_as(ClosedRoomSerializer(allow_null=True)), _CALENDAR),
    ("PauseEventSerializer", "A pause with all rooms closed", (EventType.PROPERTY_PAUSE,),
     json_shown_as(PauseWishSerializer(allow_null=True)), _CALENDAR),
)  # fmt: skip
_BY_TYPE = {
    event_type.value: made
    for name, words, types, payload, normalized in _SHAPES
    for made in [_of_types(name, words, types, payload, normalized)]
    for event_type in types
}


def any_event() -> PolymorphicProxySerializer:
    """An event with what it carries, told apart by `event_type`; for the document."""
    return PolymorphicProxySerializer(
        component_name="EventDetail", serializers=_BY_TYPE, resource_type_field_name="event_type", many=False
    )
