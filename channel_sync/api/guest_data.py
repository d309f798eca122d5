"""`/admin/guest-data`: what is kept of one guest, found, exported and erased; for administrators."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.days import DayField
from channel_sync.api.json_values import JsonObjectField
from channel_sync.api.known_keys import StrictSerializer
from channel_sync.api.requests import MAX_IDS
from channel_sync.api.views import OperationsViewSet
from channel_sync.errors import GuestNotNamed
from channel_sync.models import ChannelProperty, Role
from channel_sync.operations.confirmation import require_confirmed
from channel_sync.operations.guest_data_erasure import erase_guest, erasing_means
from channel_sync.operations.guest_data_export import export_guest
from channel_sync.operations.guest_data_names import described
from channel_sync.operations.guest_data_obstacles import obstacles
from channel_sync.operations.guest_data_places import rows_about
from channel_sync.operations.guest_data_search import GuestBooking, GuestSearch, find_bookings
from channel_sync.operations.status import channel_properties_of

EXAMPLE = {"bookings": ["5000001"], "confirm": True}


class NamedBookingsSerializer(StrictSerializer):
    """Bookings by their numbers."""

    bookings = serializers.ListField(
        child=serializers.CharField(max_length=255), default=list, max_length=MAX_IDS,
        help_text="Numbers at the channel, or those that the guest knows them by.",
    )  # fmt: skip
    reservation_ids = serializers.ListField(child=serializers.UUIDField(), default=list, max_length=MAX_IDS)
    property_id = serializers.UUIDField(required=False, help_text="Of the PMS, or at a channel; all if left out.")


class GuestSearchSerializer(NamedBookingsSerializer):
    """Who the guest is: by bookings, by email, or by last name and arrival."""

    email = serializers.CharField(max_length=320, default="", allow_blank=True, help_text="Whatever its case.")
    last_name = serializers.CharField(max_length=200, default="", allow_blank=True, help_text="With `arrival`.")
    arrival = DayField(default=None, allow_null=True)


class EraseGuestSerializer(NamedBookingsSerializer):
    """Whose bookings; an email has to be looked for first."""

    names = serializers.ListField(
        child=serializers.CharField(max_length=320), default=list, max_length=MAX_IDS,
        help_text="What else the guest is called, such as the words that they were looked for by: taken out too.",
    )  # fmt: skip
    confirm = serializers.BooleanField(default=False, help_text="A person has been asked, and has said yes.")


class FoundBookingSerializer(serializers.Serializer[Any]):
    """A booking of the guest, and how many rows are kept of it."""

    channel_property_id = serializers.UUIDField(source="booking.channel_property.id")
    property_id = serializers.UUIDField(source="booking.channel_property.property_id")
    booking = serializers.CharField(source="booking.external_id", help_text="Blank where the channel never got it.")
    reservation_id = serializers.UUIDField(source="booking.reservation_id", allow_null=True)
    guests = serializers.ListField(child=serializers.CharField(), source="who.guests")
    emails = serializers.ListField(child=serializers.CharField(), source="who.emails")
    arrival = serializers.DateField(source="who.arrival", allow_null=True)
    departure = serializers.DateField(source="who.departure", allow_null=True)
    rows = serializers.DictField(child=serializers.IntegerField(), help_text="Table -> rows.")
    in_the_way = serializers.ListField(
        child=serializers.CharField(), help_text="Why it cannot be erased yet, and what to do; empty when it can."
    )


class FoundGuestSerializer(serializers.Serializer[Any]):
    """All bookings of the guest."""

    bookings = FoundBookingSerializer(many=True)


class ExportedBookingSerializer(serializers.Serializer[Any]):
    """A booking, with every row that is kept of it."""

    channel = serializers.CharField()
    channel_property_id = serializers.UUIDField()
    property_id = serializers.UUIDField()
    booking = serializers.CharField(allow_null=True)
    reservation_id = serializers.UUIDField(allow_null=True)
    kept = serializers.DictField(
        child=serializers.ListField(child=JsonObjectField()), help_text="Table -> rows, by column."
    )


class GuestExportSerializer(serializers.Serializer[Any]):
    """The document for the guest."""

    format = serializers.CharField()
    made_at = serializers.DateTimeField()
    bookings = ExportedBookingSerializer(many=True)
    not_in_here = serializers.CharField()


class ErasedBookingSerializer(serializers.Serializer[Any]):
    """What came of a booking."""

    channel_property_id = serializers.UUIDField(source="booking.channel_property.id")
    booking = serializers.CharField(source="booking.external_id")
    reservation_id = serializers.UUIDField(source="booking.reservation_id", allow_null=True)
    rows = serializers.DictField(child=serializers.IntegerField(), help_text="Table -> rows that were changed.")
    refused = serializers.ListField(child=serializers.CharField(), help_text="Why it is left; empty when it is erased.")


class GuestErasedSerializer(serializers.Serializer[Any]):
    """What came of each booking."""

    bookings = ErasedBookingSerializer(many=True)


class GuestDataViewSet(OperationsViewSet):
    """Personal data of one guest. An answer that names a guest is kept by nobody: `Cache-Control: no-store`."""

    queryset = ChannelProperty.objects.order_by("created_at", "id")
    serializer_class = GuestSearchSerializer
    roles = {"search": Role.ADMINISTRATOR, "export": Role.ADMINISTRATOR, "erase": Role.ADMINISTRATOR}

    @extend_schema(request=GuestSearchSerializer, responses=FoundGuestSerializer)
    @action(detail=False, methods=["post"])
    def search(self, request: Request) -> Response:
        """The bookings of a guest, and what is kept of each. Looks through every payload for an email or a name."""
        found = [
            {
                "booking": one,
                "who": described(one),
                "rows": {table: count for table, rows in rows_about(one).items() if (count := rows.count())},
                "in_the_way": obstacles(one),
            }
            for one in self._found(GuestSearchSerializer(data=request.data))
        ]
        return _not_stored(FoundGuestSerializer({"bookings": found}).data)

    @extend_schema(request=GuestSearchSerializer, responses=GuestExportSerializer)
    @action(detail=False, methods=["post"])
    def export(self, request: Request) -> Response:
        """All that is kept of a guest. The audit keeps who exported which booking. 404 when nothing is kept."""
        bookings = self._found(GuestSearchSerializer(data=request.data))
        return _not_stored(export_guest(_some(bookings), by=self.actor))

    @extend_schema(
        request=EraseGuestSerializer,
        responses=GuestErasedSerializer,
        examples=[OpenApiExample("one booking", EXAMPLE, request_only=True)],
    )
    @action(detail=False, methods=["post"])
    def erase(self, request: Request) -> Response:
        """Erase a guest from everything that is kept of these bookings; it cannot be undone.

        Without `confirm` it is 409, with what would be erased and what is in the way. A booking that is still needed is
        `refused`, the others are erased.
        """
        serializer = EraseGuestSerializer(data=request.data)
        bookings = _some(self._found(serializer))
        require_confirmed(erasing_means(bookings), is_confirmed=serializer.validated_data["confirm"])
        return Response(GuestErasedSerializer({"bookings": erase_guest(bookings, by=self.actor)}).data)

    def _found(self, serializer: StrictSerializer) -> list[GuestBooking]:
        serializer.is_valid(raise_exception=True)
        named = {name: value for name, value in serializer.validated_data.items() if name != "confirm"}
        property_id = named.pop("property_id", None)
        among = self.access.properties(Role.ADMINISTRATOR)
        if property_id is not None:
            among = among.filter(id__in=channel_properties_of(property_id).values("id"))
        try:
            return find_bookings(GuestSearch(**named), among)
        except GuestNotNamed as error:
            raise ValidationError(str(error)) from error


def _some(bookings: list[GuestBooking]) -> list[GuestBooking]:
    if not bookings:
        raise NotFound("Nothing is kept of this guest.")
    return bookings


def _not_stored(content: Any) -> Response:
    return Response(content, headers={"Cache-Control": "no-store"})
