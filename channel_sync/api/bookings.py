"""`/admin/bookings`: bookings of channels and their reservations, and reports of them to their OTAs."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import mixins, serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.filters import PropertyFilter
from channel_sync.api.known_keys import StrictSerializer
from channel_sync.api.views import OperationsViewSet
from channel_sync.channels.reports import Report
from channel_sync.models import ReservationLink
from channel_sync.operations.reports import reports_of, send_report
from channel_sync.operations.roles import Role

EXAMPLE = {
    "offers": [
        {
            "report": "no_show",
            "effect": "Tells Booking.com that the guest did not arrive.",
            "first_day": "2027-03-01",
            "last_day": "2027-03-03",
            "is_open": True,
            "reported_at": None,
            "reported_by": "",
        }
    ],
    "instead": "",
}


class BookingSerializer(serializers.ModelSerializer[ReservationLink]):
    """A booking at a channel and its reservation; names no guest."""

    property_id = serializers.UUIDField(source="channel_property.property_id", read_only=True)
    reservation_id = serializers.UUIDField(read_only=True, allow_null=True)
    is_cancelled = serializers.BooleanField(source="applied_cancelled", read_only=True)

    class Meta:
        model = ReservationLink
        fields = (
            "id", "property_id", "channel_property_id", "external_id", "reservation_id", "ota", "ota_reference",
            "group_id", "is_cancelled", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields


class BookingFilter(filters.FilterSet):
    """Bookings by any of the numbers that they are known by."""

    property_id = PropertyFilter()
    reservation_id = filters.UUIDFilter(help_text="Reservation of the PMS.")
    external_id = filters.CharFilter(help_text="Booking number at the channel.")
    ota_reference = filters.CharFilter(help_text="The number that the guest knows it by.")

    class Meta:
        model = ReservationLink
        fields = ("property_id", "reservation_id", "external_id", "ota_reference")


class ReportSerializer(StrictSerializer):
    """What to report."""

    report = serializers.ChoiceField(choices=[one.value for one in Report])
    again = serializers.BooleanField(default=False, help_text="Send it although the same was reported before.")


class OfferSerializer(serializers.Serializer[Any]):
    """A report that the OTA takes; days are those of the property, and null where there is no limit."""

    report = serializers.ChoiceField(source="offer.report", choices=[one.value for one in Report])
    effect = serializers.CharField(source="offer.effect", help_text="What it does at the OTA, for people.")
    first_day = serializers.DateField(source="offer.first_day", allow_null=True)
    last_day = serializers.DateField(source="offer.last_day", allow_null=True, help_text="The deadline.")
    is_open = serializers.BooleanField(help_text="Whether it can be sent now.")
    reported_at = serializers.DateTimeField(allow_null=True, help_text="When it was sent last.")
    reported_by = serializers.CharField(help_text="By whom; or empty.")


class ReportsSerializer(serializers.Serializer[Any]):
    """What can be reported of a booking."""

    offers = OfferSerializer(many=True)
    instead = serializers.CharField(help_text="Where nothing can be reported: why, and what to do, for people.")


class BookingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OperationsViewSet):
    """Bookings at channels."""

    queryset = ReservationLink.objects.select_related("channel_property").order_by(
        "-channel_property_id", "-external_id"
    )
    serializer_class = BookingSerializer
    filterset_class = BookingFilter
    rows_key = "bookings"
    roles = {"list": Role.VIEWER, "retrieve": Role.VIEWER, "reports": Role.VIEWER, "report": Role.OPERATOR}

    @extend_schema(
        responses=ReportsSerializer,
        filters=False,
        examples=[OpenApiExample("a guest has not come", EXAMPLE, response_only=True)],
    )
    @action(detail=True, methods=["get"], pagination_class=None)
    def reports(self, request: Request, pk: str) -> Response:
        """What the OTA takes of the booking, now or later, and until when. Asks the channel nothing."""
        return Response(ReportsSerializer(reports_of(self.get_object())).data)

    @extend_schema(
        request=ReportSerializer,
        responses=ReportsSerializer,
        examples=[OpenApiExample("a guest has not come", {"report": "no_show"}, request_only=True)],
    )
    @reports.mapping.post
    def report(self, request: Request, pk: str) -> Response:
        """Report the booking to its OTA. It cannot be taken back: ask before you call this.

        What the OTA makes of it, such as a cancellation, comes as any change of the booking. 409 when it is not taken
        today (`report_not_offered`) or was reported before (`reported_before`), 422 with the channel's reasons.
        """
        serializer = ReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data
        reported = send_report(self.get_object(), Report(wanted["report"]), by=self.actor, again=wanted["again"])
        return Response(ReportsSerializer(reported).data)
