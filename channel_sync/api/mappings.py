"""`/admin/channel-mappings`: list, look, make, change, remove, try."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.filters import MappingFilter
from channel_sync.api.idempotency import idempotent
from channel_sync.api.requests import (
    ConfirmSerializer,
    MappingTestSerializer,
    MappingTriedSerializer,
    MappingWriteSerializer,
)
from channel_sync.api.serializers import MappingSerializer
from channel_sync.api.views import OperationsViewSet
from channel_sync.models import ChannelMapping, MappingType
from channel_sync.operations.confirmation import require_confirmed
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mapping_test import try_mapping
from channel_sync.operations.mappings import change_mapping, create_mapping, remove_mapping
from channel_sync.operations.roles import Role
from channel_sync.operations.room_removal import changing_means, removing_means

BOOKING = {"id": 5000001, "propertyId": 1001, "roomId": 2001, "status": "new", "arrival": "2027-03-01",
           "departure": "2027-03-04", "numAdult": 2, "price": 360}  # fmt: skip


class MappingViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OperationsViewSet):
    """Which PMS entity is which entity at the channel."""

    queryset = ChannelMapping.objects.select_related("channel_property").order_by("created_at", "id")
    serializer_class = MappingSerializer
    filterset_class = MappingFilter
    rows_key = "mappings"
    query_parameters = {"destroy": ("confirm",)}
    plain_bodies = {"destroy": ()}
    roles = {
        "list": Role.VIEWER,
        "retrieve": Role.VIEWER,
        "test": Role.OPERATOR,
        "create": Role.ADMINISTRATOR,
        "update": Role.ADMINISTRATOR,
        "destroy": Role.ADMINISTRATOR,
    }

    @extend_schema(request=MappingWriteSerializer, responses={201: MappingSerializer})
    @idempotent(in_transaction=False)
    def create(self, request: Request) -> Response:
        """Make a mapping; the events that failed without it are retried by themselves.

        Nothing is sent of it before both sides were compared and the report is clean or accepted (`/parity/`).
        """
        serializer = MappingWriteSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        self.require(Role.ADMINISTRATOR, data["channel_property"])
        mapping = create_mapping(_wanted(data), by=self.actor, accept=data["go_live"])
        return Response(self.get_serializer(mapping).data, status=status.HTTP_201_CREATED)

    @extend_schema(request=MappingWriteSerializer, responses=MappingSerializer)
    def update(self, request: Request, pk: str) -> Response:
        """Tie it to something else, or switch it on and off; it stays in its property.

        A channel room that loses its room type by it is closed at the channel: 409 with what that means until
        `confirm` is true.
        """
        mapping = self.get_object()
        serializer = MappingWriteSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        wanted = _wanted({**data, "channel_property": mapping.channel_property})
        is_active, is_confirmed = data["is_active"], data["confirm"]
        require_confirmed(changing_means(mapping, wanted, is_active=is_active), is_confirmed=is_confirmed)
        mapping = change_mapping(mapping, wanted, by=self.actor, is_active=is_active, accept=data["go_live"])
        return Response(self.get_serializer(mapping).data)

    @extend_schema(parameters=[ConfirmSerializer], responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Switch it off; it is kept. Of a room type, its channel room is closed at the channel.

        409 with what that means, until `confirm=true`.
        """
        mapping, asked = self.get_object(), ConfirmSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        require_confirmed(removing_means(mapping), is_confirmed=asked.validated_data["confirm"])
        remove_mapping(mapping, by=self.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        request=MappingTestSerializer,
        responses=MappingTriedSerializer,
        filters=False,
        examples=[
            OpenApiExample("a booking", {"payload": BOOKING, "mappingType": "room_type"}, request_only=True),
            OpenApiExample(
                "found",
                {
                    "success": True,
                    "mappedInternalId": "6f9619ff-8b86-4d01-b42d-00c04fc964ff",
                    "mappingFound": True,
                    "warnings": [],
                },
                response_only=True,
            ),
        ],
    )
    @action(detail=False, methods=["post"], pagination_class=None)
    def test(self, request: Request) -> Response:
        """Try a booking, or a whole booking webhook, against the mappings; nothing is stored.

        Only properties that you operate are looked at: any other is answered like one that is not connected.
        """
        serializer = MappingTestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        within = self.access.properties(Role.OPERATOR)
        tried = try_mapping(data["channel_name"], data["payload"], MappingType(data["mappingType"]), within)
        return Response(MappingTriedSerializer(tried).data)


def _wanted(data: dict[str, Any]) -> WantedMapping:
    return WantedMapping(
        channel_property=data["channel_property"],
        mapping_type=MappingType(data["mapping_type"]),
        internal_id=data["internal_id"],
        external_id=data["external_id"],
        at_channel=data["check_channel"],
    )
