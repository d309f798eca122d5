"""`/admin/events`: list, look, retry, ignore, replay."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework import mixins
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.event_batches import EventBatchViewSet
from channel_sync.api.event_shapes import any_event
from channel_sync.api.filters import EventFilter
from channel_sync.api.requests import IgnoreSerializer
from channel_sync.api.serializers import EventDetailSerializer, EventSerializer
from channel_sync.models import ChannelEvent
from channel_sync.operations import event_actions
from channel_sync.operations.roles import Role
from channel_sync.operations.timeline import timeline_of

# Each has an index: another order would read the whole table.
SORT_FIELDS = {"received_at": "received_at", "status": "status", "type": "event_type", "event_type": "event_type"}
ORDERS = {"asc": "", "desc": "-"}
SORTING = [
    OpenApiParameter("sort", enum=sorted(SORT_FIELDS), default="received_at"),
    OpenApiParameter("order", enum=sorted(ORDERS), default="desc"),
]


class EventViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, EventBatchViewSet):
    """The log of everything that came in and went out; failed events are the dead letters."""

    queryset = ChannelEvent.objects.select_related("channel_property")
    serializer_class = EventSerializer
    filterset_class = EventFilter
    rows_key = "events"
    query_parameters = {"list": ("sort", "order")}
    plain_bodies = {"retry": (), "replay": ()}
    roles = {
        "list": Role.VIEWER,
        "retrieve": Role.VIEWER,
        "timeline": Role.VIEWER,
        "retry": Role.OPERATOR,
        "ignore": Role.OPERATOR,
        "replay": Role.OPERATOR,
        **EventBatchViewSet.roles,
    }

    def get_serializer_class(self) -> type[EventSerializer]:
        """One event is shown whole; a list leaves out what is long."""
        return EventSerializer if self.action in ("list", "timeline") else EventDetailSerializer

    def get_queryset(self) -> QuerySet[ChannelEvent]:
        """Lists do not read payloads."""
        found = super().get_queryset()
        return found.defer("payload", "normalized_payload") if self.action == "list" else found

    def filter_queryset(self, queryset: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        """Filter, then sort by an index."""
        found = super().filter_queryset(queryset)
        if self.action != "list":
            return found
        sort = self._chosen("sort", SORT_FIELDS, "received_at")
        order = self._chosen("order", ORDERS, "desc")
        columns = [f"{order}{sort}"] if sort == "received_at" else [f"{order}{sort}", f"{order}received_at"]
        return found.order_by(*columns, f"{order}id")

    def _chosen(self, name: str, choices: dict[str, str], default: str) -> str:
        chosen = self.request.query_params.get(name, default)
        if chosen not in choices:
            raise ValidationError({name: f"One of {', '.join(sorted(choices))} is needed."})
        return choices[chosen]

    @extend_schema(parameters=SORTING)
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Events, the latest first; `status=failed` are the dead letters."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses=any_event())
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One event with what it carries, which goes by its type; payloads are null for viewers."""
        return super().retrieve(request, *args, **kwargs)

    @extend_schema(responses=EventSerializer(many=True), filters=False)
    @action(detail=True, pagination_class=None, filterset_class=None)
    def timeline(self, request: Request, pk: str) -> Response:
        """The events of the same booking, reservation or calendar, the oldest first; at most 100 around it."""
        return Response(self.get_serializer(timeline_of(self.get_object()), many=True).data)

    @extend_schema(request=None, responses=any_event())
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, pk: str) -> Response:
        """Start a failed or waiting event again from its first attempt."""
        event = self.get_object()
        event_actions.retry_event(event, by=self.actor)
        return self._as_it_is(event)

    @extend_schema(request=None, responses=any_event())
    @action(detail=True, methods=["post"])
    def replay(self, request: Request, pk: str) -> Response:
        """Work a settled or waiting event once more; what is older than what was applied since ends ignored."""
        event = self.get_object()
        event_actions.replay_event(event, by=self.actor)
        return self._as_it_is(event)

    @extend_schema(
        request=IgnoreSerializer,
        responses=any_event(),
        examples=[OpenApiExample("reason", {"reason": "A test booking."}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def ignore(self, request: Request, pk: str) -> Response:
        """Settle a failed or waiting event without its effect."""
        event = self.get_object()
        serializer = IgnoreSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        event_actions.ignore_event(event, by=self.actor, reason=serializer.validated_data["reason"])
        return self._as_it_is(event)

    def _as_it_is(self, event: ChannelEvent) -> Response:
        return Response(self.get_serializer(self.get_queryset().get(id=event.id)).data)
