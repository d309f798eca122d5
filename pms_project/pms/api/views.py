"""The PMS API: thin over the services."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework import mixins, status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from channel_sync.api.days import BEYOND, FIRST_DAY, LAST_DAY
from channel_sync.api.idempotency import idempotent
from channel_sync.api.not_in_pms import MissingSerializer
from channel_sync.inventory.availability import free_units
from channel_sync.models import ChannelProperty
from channel_sync.operations.not_in_pms import not_in_pms_yet
from channel_sync.outbound.cancelled_here import cancellation_warning
from pms_project.pms.api.filters import MaintenanceBlockFilter, ReservationFilter, RoomFilter, RoomTypeFilter
from pms_project.pms.api.own_hotels import HotelViewSet
from pms_project.pms.api.preconditions import based_on, etag, required_version
from pms_project.pms.api.serializers import (
    CancellationSerializer,
    MaintenanceBlockSerializer,
    ReservationSerializer,
    RoomSerializer,
    RoomTypeSerializer,
)
from pms_project.pms.api.sorting import SORTING, sorted_as_asked
from pms_project.pms.models import MaintenanceBlock, Reservation, Room, RoomType, StaleReservation
from pms_project.pms.services import reservations, stays
from pms_project.pms.services.errors import ConfirmationNeeded
from pms_project.pms.services.limits import MAX_NIGHTS

IF_MATCH = OpenApiParameter("If-Match", str, OpenApiParameter.HEADER, description="The ETag of the version read.")
NIGHTS = (
    OpenApiParameter("start", date, required=True, description="The first night."),
    OpenApiParameter(
        "end", date, required=True, description=f"The day after the last night; 1 to {MAX_NIGHTS} nights."
    ),
)
FREE_ROOMS = {"type": "object", "additionalProperties": {"type": "integer"}, "example": {"2027-03-01": 4}}


@extend_schema_view(update=extend_schema(parameters=[IF_MATCH]), partial_update=extend_schema(parameters=[IF_MATCH]))
class ReservationViewSet(
    mixins.CreateModelMixin,
    mixins.RetrieveModelMixin,
    mixins.UpdateModelMixin,
    mixins.ListModelMixin,
    HotelViewSet,
):
    """Reservations. A new one is `PENDING_SYNC` until the channel has it.

    One that the channel refused is `FAILED`: it can be changed, takes no room, and is sent by `book-again`.

    Every answer carries the version as its `ETag`; a change names the version it is based on. Based on an older one, it
    is answered 409 with the reservation as it is now.
    """

    queryset = Reservation.objects.select_related("guest")
    serializer_class = ReservationSerializer
    filterset_class = ReservationFilter
    plain_bodies = dict.fromkeys(("book_again", "check_in", "check_out", "no_show"), ("version",))
    query_parameters = {"list": ("sort", "order")}

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Filter, and sort lists by an index."""
        found = super().filter_queryset(queryset)
        return sorted_as_asked(found, self.request) if self.action == "list" else found

    @extend_schema(parameters=SORTING)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Reservations, by arrival unless `sort` and `order` say otherwise.

        `start` and `end` find the stays of a range of nights, one night included: those who are in a room type then.
        """
        return super().list(request, *args, **kwargs)

    @idempotent(in_transaction=True)
    def create(self, request: Request) -> Response:
        """Make a reservation."""
        return super().create(request)

    def perform_create(self, serializer: BaseSerializer[Reservation]) -> None:
        """Create it if there is a room on every night."""
        serializer.instance = reservations.create_reservation(_wanted(serializer.validated_data))

    def perform_update(self, serializer: BaseSerializer[Reservation]) -> None:
        """Change it if there is a room on every night."""
        version = required_version(self.request)
        changes = _columns(dict(serializer.validated_data))
        serializer.instance = reservations.change_reservation(self.get_object().id, changes, version=version)

    @extend_schema(parameters=[IF_MATCH], request=CancellationSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Cancel a reservation; a version is looked at where one is sent.

        An OTA does not hear that its booking is cancelled here: it is answered 409 with what to do there, until
        `confirm` says to cancel it all the same.
        """
        serializer = CancellationSerializer(data=request.data or {})
        serializer.is_valid(raise_exception=True)
        reservation = self.get_object()
        warning = cancellation_warning(reservation.id)
        if warning and not serializer.validated_data["confirm"]:
            raise ConfirmationNeeded(warning)
        cancelled = reservations.cancel_reservation(reservation.id, version=based_on(request))
        return Response(self.get_serializer(cancelled).data)

    @extend_schema(parameters=[IF_MATCH], request=None)
    @action(detail=True, methods=["post"], url_path="book-again")
    def book_again(self, request: Request, pk: str | None = None) -> Response:
        """Send a failed reservation to its channel again, as it is now; a version is looked at where one is sent."""
        by = request.user.get_username()
        booked = reservations.book_again(self.get_object().id, by=by, version=based_on(request))
        return Response(self.get_serializer(booked).data)

    @extend_schema(parameters=[IF_MATCH], request=None)
    @action(detail=True, methods=["post"], url_path="check-in")
    def check_in(self, request: Request, pk: str | None = None) -> Response:
        """The guest has arrived: from now on channels change neither dates nor room. Dates stay as they are."""
        marked = stays.check_in(self.get_object().id, version=based_on(request))
        return Response(self.get_serializer(marked).data)

    @extend_schema(parameters=[IF_MATCH], request=None)
    @action(detail=True, methods=["post"], url_path="check-out")
    def check_out(self, request: Request, pk: str | None = None) -> Response:
        """The guest has left. Dates stay as they are: change them to give nights back."""
        marked = stays.check_out(self.get_object().id, version=based_on(request))
        return Response(self.get_serializer(marked).data)

    @extend_schema(parameters=[IF_MATCH], request=None)
    @action(detail=True, methods=["post"], url_path="no-show")
    def no_show(self, request: Request, pk: str | None = None) -> Response:
        """The guest did not come. The reservation keeps its room until it is changed or cancelled."""
        marked = stays.mark_no_show(self.get_object().id, version=based_on(request))
        return Response(self.get_serializer(marked).data)

    @extend_schema(
        request=ReservationSerializer(many=True), responses={201: ReservationSerializer(many=True)}, filters=False
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    @idempotent(in_transaction=True)
    def group(self, request: Request) -> Response:
        """Create several reservations that belong together, all or none."""
        serializer = self.get_serializer(data=request.data, many=True, allow_empty=False)
        serializer.is_valid(raise_exception=True)
        made = reservations.create_group([_wanted(wanted) for wanted in serializer.validated_data])
        return Response(self.get_serializer(made, many=True).data, status=status.HTTP_201_CREATED)

    def handle_exception(self, exc: Exception) -> Response:
        """A change of an older version is answered with the present one beside the refusal."""
        answer = super().handle_exception(exc)
        if isinstance(exc, StaleReservation):
            current = self.get_queryset().get(pk=exc.reservation_id)
            answer.data["current"] = self.get_serializer(current).data
        return answer

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Name the version of the reservation that the answer holds."""
        body = response.data
        shown = body.get("current", body) if isinstance(body, dict) else {}
        if "version" in shown and "id" in shown:
            response["ETag"] = etag(shown["version"])
        return super().finalize_response(request, response, *args, **kwargs)


class MaintenanceBlockViewSet(HotelViewSet, viewsets.ModelViewSet):
    """Rooms out of order."""

    queryset = MaintenanceBlock.objects.select_related("room__room_type")
    serializer_class = MaintenanceBlockSerializer
    filterset_class = MaintenanceBlockFilter
    plain_bodies = {"destroy": ()}

    @idempotent(in_transaction=True)
    def create(self, request: Request) -> Response:
        """Take a room out of order."""
        return super().create(request)


class RoomTypeViewSet(HotelViewSet, viewsets.ReadOnlyModelViewSet):
    """Room types, and how many rooms are free."""

    queryset = RoomType.objects.all()
    serializer_class = RoomTypeSerializer
    filterset_class = RoomTypeFilter
    query_parameters = {"availability": ("start", "end"), "not_in_pms": ("start", "end")}

    @extend_schema(parameters=[*NIGHTS], responses={(200, "application/json"): FREE_ROOMS})
    @action(detail=True)
    def availability(self, request: Request, pk: str | None = None) -> Response:
        """Free rooms by night, from `start` up to but without `end`."""
        start, end = _nights(request)
        nights = free_units([self.get_object().id], start, end)
        return Response({str(night.night): night.free for night in nights})

    @extend_schema(parameters=[*NIGHTS], responses=MissingSerializer(many=True), filters=False)
    @action(detail=True, url_path="not-in-pms", pagination_class=None)
    def not_in_pms(self, request: Request, pk: str | None = None) -> Response:
        """Bookings that channels have sold and no reservation has yet: free rooms are counted without their nights."""
        start, end = _nights(request)
        room_type = self.get_object()
        missing = [
            one
            for channel_property in ChannelProperty.objects.filter(property_id=room_type.hotel_id).order_by("id")
            for one in not_in_pms_yet(channel_property, start=start, end=end, room_type_id=room_type.id).missing
        ]
        return Response(MissingSerializer(missing, many=True).data)


class RoomViewSet(HotelViewSet, viewsets.ReadOnlyModelViewSet):
    """Rooms."""

    queryset = Room.objects.all()
    serializer_class = RoomSerializer
    filterset_class = RoomFilter


def _nights(request: Request) -> tuple[date, date]:
    """The first night and the day after the last."""
    start, end = _date(request, "start"), _date(request, "end")
    if not 1 <= (end - start).days <= MAX_NIGHTS:
        raise ValidationError({"end": f"The range has to have 1 to {MAX_NIGHTS} nights."})
    return start, end


def _wanted(data: dict[str, Any]) -> reservations.NewReservation:
    return reservations.NewReservation(**_columns(dict(data)))


def _columns(data: dict[str, Any]) -> dict[str, Any]:
    """Model instances of the request as ids."""
    if "room_type" in data:
        data["room_type_id"] = data.pop("room_type").id
    return data


def _date(request: Request, name: str) -> date:
    try:
        day = date.fromisoformat(request.query_params[name])
    except (KeyError, ValueError):
        raise ValidationError({name: "A date such as 2027-01-31 is needed."}) from None
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValidationError({name: BEYOND})
    return day
