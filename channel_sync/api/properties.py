"""`/admin/properties`, `/admin/channel-status`, `/admin/audit`."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.both_sides import BothSidesQuerySerializer, BothSidesSerializer, both_sides_answer
from channel_sync.api.connect_requests import (
    ConnectedSerializer,
    ConnectSerializer,
    WebhookActionSerializer,
    WebhookSerializer,
)
from channel_sync.api.filters import AuditFilter, ChannelPropertyFilter
from channel_sync.api.idempotency import idempotent
from channel_sync.api.not_in_pms import NotInPmsQuerySerializer, NotInPmsSerializer
from channel_sync.api.parity import AcceptReportSerializer, ParitySerializer, parity_answer
from channel_sync.api.pauses import PausedSerializer
from channel_sync.api.requests import (
    AcceptSuggestionsSerializer,
    ChannelChoiceSerializer,
    ConnectionTriedSerializer,
    FirstSyncQueuedSerializer,
    MappingsSavedSerializer,
    PauseSerializer,
    StatusSerializer,
    SuggestionsSerializer,
)
from channel_sync.api.serializers import AuditSerializer, PropertySerializer
from channel_sync.api.views import OperationsViewSet
from channel_sync.broker.depths import QueueDepths, queue_depths
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.connect import host_properties, no_property
from channel_sync.models import AuditEntry, ChannelProperty, MappingType, OldBookings, WebhookVerification
from channel_sync.operations import properties
from channel_sync.operations.access import access_now
from channel_sync.operations.both_sides import both_sides
from channel_sync.operations.confirmation import require_confirmed
from channel_sync.operations.moving import AfterMove
from channel_sync.operations.not_in_pms import not_in_pms_yet
from channel_sync.operations.parity import accept_report, compare_again, parity_of
from channel_sync.operations.pausing import pause_of, pause_with_rooms_closed
from channel_sync.operations.pausing_means import pausing_means
from channel_sync.operations.roles import Role
from channel_sync.operations.status import channel_properties_of, property_status
from channel_sync.operations.suggestions import accept_suggestions, look_for_suggestions
from channel_sync.operations.webhook_address import webhook_url
from channel_sync.operations.webhooks import check_webhook, rotate_secret, set_webhook
from channel_sync.pms import host_pms

STATUS_EXAMPLE = {
    "property_id": "6f9619ff-8b86-4d01-b42d-00c04fc964ff",
    "channel_name": "beds24",
    "beds24_connected": True,
    "last_webhook_at": "2025-01-01T12:00:00Z",
    "last_outbound_success_at": "2025-01-01T11:55:00Z",
    "failed_events_24h": 5,
    "mapping_completeness": {
        "rooms": {"mapped": 25, "total": 30, "percentage": 83.3},
        "rates": {"mapped": 10, "total": 10, "percentage": 100},
    },
    "queue_depths": {"inbound": 0, "outbound": 3, "dlq": 2},
    "pause": None,
    "not_in_pms": {"bookings": 0, "failed": 0},
}


class PropertyViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OperationsViewSet):
    """Properties that are connected to a channel."""

    queryset = ChannelProperty.objects.order_by("created_at", "id")
    serializer_class = PropertySerializer
    filterset_class = ChannelPropertyFilter
    rows_key = "properties"
    query_parameters = {
        "not_in_pms": ("start", "end", "room_type_id"),
        "availability": ("start", "end", "room_type_id", "rates", "live"),
    }
    plain_bodies = dict.fromkeys(("test_connection", "first_synchronisation", "resume", "compare_again"), ())
    roles = {
        "list": Role.VIEWER,
        "retrieve": Role.VIEWER,
        "not_in_pms": Role.VIEWER,
        "availability": Role.VIEWER,
        "test_connection": Role.OPERATOR,
        "first_synchronisation": Role.OPERATOR,
        "suggestions": Role.OPERATOR,
        "accept": Role.ADMINISTRATOR,
        "connect": Role.ADMINISTRATOR,
        "webhook": Role.ADMINISTRATOR,
        "pause": Role.ADMINISTRATOR,
        "resume": Role.ADMINISTRATOR,
        "parity": Role.VIEWER,
        "compare_again": Role.OPERATOR,
        "accept_report": Role.ADMINISTRATOR,
    }

    @extend_schema(request=ConnectSerializer, responses={201: ConnectedSerializer}, filters=False)
    @action(detail=False, methods=["post"], pagination_class=None)
    @idempotent(in_transaction=False, holds_secret=True)
    def connect(self, request: Request) -> Response:
        """Exchange an invite code for tokens, look at the property, and set its webhook where asked.

        Only the answer holds the webhook secret; it says what is left to do by hand. 409 where it is connected to
        another property of the channel, or another one of the PMS to that: `detail` says what it means and what to
        decide, and the code is not spent.
        """
        serializer = ConnectSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = dict(serializer.validated_data)
        self._require_connectable(data["property_id"])
        if "verification" in data:
            data["verification"] = WebhookVerification(data["verification"])
        if "after_move" in data:
            data["after_move"] = AfterMove(data["after_move"])
        data.setdefault("webhook_url", webhook_url(request, data["channel_name"]))
        outcome = properties.connect(
            properties.NewConnection(**data),
            by=self.actor,
            may_displace=lambda other: access_now(request.user).may(Role.ADMINISTRATOR, other.id),
        )
        connected = outcome.connected
        answer = {
            "channel_property_id": connected.channel_property.id,
            "external_property_id": connected.channel_property.channel_property_id,
            "webhook_path": f"/webhooks/{connected.channel_property.channel_name}/",
            "webhook_verification": connected.verification,
            "webhook_header": channel_sync_settings().webhook_secret_header,
            "webhook_secret": connected.webhook_secret,
            "webhook_url": data["webhook_url"],
            "setup": outcome.setup,
            "mappings_saved": outcome.mappings_saved,
            "first_sync_queued": outcome.first_sync_queued,
            "suggestions": connected.suggestions.matches,
            "unmatched_rooms": connected.suggestions.unmatched,
            "rate_suggestions": connected.suggestions.rates,
        }
        return Response(ConnectedSerializer(answer).data, status=status.HTTP_201_CREATED)

    def _require_connectable(self, property_id: UUID) -> None:
        """A property of the PMS that the user does not see is refused like one that is not there."""
        known = host_properties().filter(pk=property_id)
        if self.access.limit_host(known, Role.ADMINISTRATOR).exists():
            return
        if self.access.limit_host(known, Role.VIEWER).exists():
            raise PermissionDenied
        raise no_property(property_id)

    @extend_schema(request=WebhookActionSerializer, responses=WebhookSerializer)
    @action(detail=True, methods=["post"])
    def webhook(self, request: Request, pk: str) -> Response:
        """Look how the webhook is set at the channel; set it there, or make a new secret, where asked. Costs credits.

        The old secret is taken until a webhook has brought the new one, which only this answer holds.
        """
        serializer = WebhookActionSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted, channel_property = serializer.validated_data, self.get_object()
        url = wanted.get("webhook_url") or webhook_url(request, channel_property.channel_name)
        secret, setup = None, None
        if wanted["rotate"]:
            rotated = rotate_secret(channel_property, url, by=self.actor, at_channel=wanted["set_webhook"])
            secret, setup = rotated.secret, rotated.setup
        elif wanted["set_webhook"]:
            setup = set_webhook(channel_property, url, by=self.actor)
        else:
            setup = check_webhook(channel_property, url)
        header = channel_sync_settings().webhook_secret_header
        answer = {"webhook_url": url, "webhook_header": header, "webhook_secret": secret, "setup": setup}
        return Response(WebhookSerializer(answer).data)

    @extend_schema(request=None, responses=ConnectionTriedSerializer)
    @action(detail=True, methods=["post"], url_path="test-connection")
    def test_connection(self, request: Request, pk: str) -> Response:
        """Ask the channel for the rooms of the property; costs credits."""
        tried = properties.try_connection(self.get_object(), by=self.actor)
        answer = {
            "reachable": True,
            "milliseconds": tried.milliseconds,
            "credits_remaining": tried.credits_remaining,
            "rooms": tried.rooms,
        }
        return Response(ConnectionTriedSerializer(answer).data)

    @extend_schema(request=None, responses={202: FirstSyncQueuedSerializer})
    @action(detail=True, methods=["post"], url_path="first-synchronisation")
    def first_synchronisation(self, request: Request, pk: str) -> Response:
        """Queue the import of every booking, after which the whole calendar is sent."""
        channel_property = self.get_object()
        properties.start_first_sync(channel_property, by=self.actor)
        queued = {"queued": True, "channel_property_id": channel_property.id}
        return Response(FirstSyncQueuedSerializer(queued).data, status=status.HTTP_202_ACCEPTED)

    @extend_schema(responses=SuggestionsSerializer, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def suggestions(self, request: Request, pk: str) -> Response:
        """Ask the channel for its rooms and rates, and match them with what is not mapped; costs credits."""
        return Response(SuggestionsSerializer(look_for_suggestions(self.get_object())).data)

    @extend_schema(parameters=[NotInPmsQuerySerializer], responses=NotInPmsSerializer, filters=False)
    @action(detail=True, methods=["get"], url_path="not-in-pms", pagination_class=None)
    def not_in_pms(self, request: Request, pk: str) -> Response:
        """Nights that the channel has sold and the PMS does not keep yet: they count as taken wherever free units are.

        Bookings whose events wait or have failed, and those that are stored in part; each with what settles it.
        """
        asked = NotInPmsQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(NotInPmsSerializer(not_in_pms_yet(self.get_object(), **asked.validated_data)).data)

    @extend_schema(parameters=[BothSidesQuerySerializer], responses=BothSidesSerializer, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def availability(self, request: Request, pk: str) -> Response:
        """What each side sells on each night: by what the channel was last sent or seen to have, without a call to it.

        Operators may ask the channel itself (`live`); that is 503 where it cannot be asked now.
        """
        channel_property = self.get_object()
        today = host_pms().property_facts(channel_property.property_id).today()
        serializer = BothSidesQuerySerializer(data=request.query_params, context={"today": today})
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        if asked["live"]:
            self.require(Role.OPERATOR, channel_property)
        with_rates = asked.pop("rates")
        return Response(both_sides_answer(both_sides(channel_property, **asked, with_rates=with_rates)))

    @extend_schema(request=AcceptSuggestionsSerializer, responses=MappingsSavedSerializer)
    @suggestions.mapping.post
    def accept(self, request: Request, pk: str) -> Response:
        """Map the named rooms and rates as suggested."""
        serializer = AcceptSuggestionsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        named = {*data["external_room_ids"], *data["external_rate_ids"]}
        made = accept_suggestions(self.get_object(), named, by=self.actor)
        ids = {kind: [one.external_id for one in made if one.mapping_type == kind] for kind in MappingType}
        saved = {
            "mappings_saved": len(made),
            "external_room_ids": ids[MappingType.ROOM_TYPE],
            "external_rate_ids": ids[MappingType.RATE],
        }
        return Response(MappingsSavedSerializer(saved).data)

    @extend_schema(request=PauseSerializer, responses={200: PausedSerializer, 202: PausedSerializer})
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """Send nothing until it is resumed; webhooks are still taken and bookings still come in.

        409 with what that means until `confirm` is true. The channel goes on selling what it last heard of, and a room
        that is sold at the desk meanwhile can be sold twice, unless `close_rooms` closes every mapped room first. 202
        while that waits for the channel: the pause begins when all rooms are closed.
        """
        asked, channel_property = PauseSerializer(data=request.data), self.get_object()
        asked.is_valid(raise_exception=True)
        close_rooms = asked.validated_data["close_rooms"]
        require_confirmed(
            pausing_means(channel_property, close_rooms=close_rooms), is_confirmed=asked.validated_data["confirm"]
        )
        if close_rooms:
            pause_with_rooms_closed(channel_property, by=self.actor)
        else:
            properties.pause(channel_property, by=self.actor)
        made = pause_of(channel_property)
        has_begun = made is None or made.has_begun
        return Response(
            PausedSerializer(channel_property, context={"pause": made}).data,
            status=status.HTTP_200_OK if has_begun else status.HTTP_202_ACCEPTED,
        )

    @extend_schema(request=None, responses=PropertySerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Compare both sides, and send again once that report is clean or accepted (`/parity/`).

        Bookings made, changed and cancelled meanwhile go out first, then the whole calendar.
        """
        channel_property = self.get_object()
        properties.resume(channel_property, by=self.actor)
        return Response(self.get_serializer(channel_property).data)

    @extend_schema(responses=ParitySerializer, filters=False)
    @action(detail=True, methods=["get"], pagination_class=None)
    def parity(self, request: Request, pk: str) -> Response:
        """Whether the property is open, and the report of its last parity check."""
        return Response(parity_answer(parity_of(self.get_object())))

    @extend_schema(request=None, responses={202: ParitySerializer})
    @parity.mapping.post
    def compare_again(self, request: Request, pk: str) -> Response:
        """Have both sides compared once more; the report is there within a minute or so."""
        channel_property = self.get_object()
        compare_again(channel_property, by=self.actor)
        return Response(parity_answer(parity_of(channel_property)), status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=AcceptReportSerializer, responses={202: ParitySerializer})
    @action(detail=True, methods=["post"], url_path="parity/accept")
    def accept_report(self, request: Request, pk: str) -> Response:
        """Go live: settle all old bookings as said, take in the channel's bookings, then send everything."""
        serializer = AcceptReportSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted, channel_property = serializer.validated_data, self.get_object()
        accept_report(channel_property, OldBookings(wanted["old_bookings"]), by=self.actor, made_at=wanted["made_at"])
        return Response(parity_answer(parity_of(channel_property)), status=status.HTTP_202_ACCEPTED)


class ChannelStatusViewSet(OperationsViewSet):
    """How a property stands at its channel."""

    queryset = ChannelProperty.objects.order_by("created_at", "id")
    serializer_class = StatusSerializer
    pagination_class = None
    lookup_field = "property_id"
    query_parameters = {"retrieve": ("channel",)}
    roles = {"retrieve": Role.VIEWER}

    @extend_schema(
        parameters=[OpenApiParameter("channel", description="Where the property is at several channels.")],
        examples=[OpenApiExample("a property", STATUS_EXAMPLE, response_only=True)],
    )
    def retrieve(self, request: Request, property_id: Any) -> Response:
        """Connection, failed events, mapping completeness and queue depths, by the PMS's property id.

        Queues are shared by all properties: their depths are null for who does not see every one.
        """
        asked = ChannelChoiceSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = self.access.limit(channel_properties_of(property_id)).filter(**asked.validated_data)
        channel_property = found.first()
        if channel_property is None:
            raise Http404
        queues = queue_depths() if self.access.is_for_all(Role.VIEWER) else QueueDepths()
        state = {**vars(property_status(channel_property)), "queues": queues}
        return Response(self.get_serializer(state).data)


class AuditViewSet(mixins.ListModelMixin, OperationsViewSet):
    """Who did what, when."""

    queryset = AuditEntry.objects.order_by("-created_at", "-id")
    serializer_class = AuditSerializer
    filterset_class = AuditFilter
    rows_key = "entries"
    roles = {"list": Role.VIEWER}
