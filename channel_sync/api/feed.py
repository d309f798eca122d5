"""`/admin/feed`: what has happened since, for pages that keep themselves up to date by polling."""

from __future__ import annotations

import json
from typing import Any

from django.utils.http import parse_etags
from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.known_keys import StrictSerializer
from channel_sync.api.notifications import any_notification, as_json
from channel_sync.api.schema import RefusalSerializer
from channel_sync.api.views import OperationsViewSet
from channel_sync.feed.cursor import opened, sealed
from channel_sync.feed.page import present_end, read_page
from channel_sync.feed.visibility import visible_notifications
from channel_sync.models import Notification, NotificationKind
from channel_sync.operations.roles import Role

MOST = 200
STREAM_PARAMETERS = ("after",)
# Kept by nobody else, and asked for every time.
UNCACHED = {"Cache-Control": "private, no-cache"}
GONE = OpenApiResponse(RefusalSerializer, "The cursor is of another database.")

NOTIFICATION = {
    "cursor": "1042",
    "kind": NotificationKind.CONFLICT_OPENED.value,
    "channel_property_id": "6f9619ff-8b86-4d01-b42d-00c04fc964ff",
    "created_at": "2027-03-01T12:00:00Z",
    "data": {
        "conflict_id": "0b4ff1f6-0f0e-4b8e-9b62-0d2f4f0a8d55",
        "kind": "dates",
        "severity": "high",
        "subject": "booking:123",
        "status": "open",
        "resolution": "",
    },
}
EXAMPLE = {
    "notifications": [NOTIFICATION],
    "next": "1042",
    "has_more": False,
}


class NotStreamed(APIException):
    """The server cannot keep an answer open without a thread for it."""

    status_code = status.HTTP_501_NOT_IMPLEMENTED
    default_detail = (
        "This server runs WSGI, where a stream would hold a thread for each reader. Run the host by ASGI, such as "
        "'uvicorn pms_project.asgi:application', or poll /api/admin/feed/."
    )
    default_code = "not_implemented"


class FeedQuerySerializer(StrictSerializer):
    """From where on, and how many."""

    after = serializers.CharField(required=False, help_text="'next' of the answer before; 0 for all that is kept.")
    limit = serializers.IntegerField(default=100, min_value=1, max_value=MOST)


@extend_schema_field(any_notification(many=True))
class NotificationsField(serializers.ListField):
    """Notifications, each in the shape of its kind."""


class FeedSerializer(serializers.Serializer[Any]):
    """A page of the feed."""

    notifications = NotificationsField(help_text="The oldest first.")
    next = serializers.CharField(help_text="Send it as 'after' the next time.")
    has_more = serializers.BooleanField(help_text="More is there already: ask again at once.")


class FeedViewSet(OperationsViewSet):
    """What happens to events, conflicts, properties and alerts, limited to what the caller may see."""

    queryset = Notification.objects.none()
    pagination_class = None
    roles = {"list": Role.VIEWER, "stream": Role.VIEWER}
    query_parameters = {"list": ("after", "limit"), "stream": STREAM_PARAMETERS}

    @extend_schema(
        parameters=[
            FeedQuerySerializer,
            OpenApiParameter("If-None-Match", location=OpenApiParameter.HEADER, description="The ETag of before."),
        ],
        responses={
            200: forced_singular_serializer(FeedSerializer),  # type: ignore[no-untyped-call]
            304: None,
            410: GONE,
        },
        examples=[OpenApiExample("a conflict", EXAMPLE, response_only=True, status_codes=["200"])],
    )
    def list(self, request: Request) -> Response:
        """What follows a cursor, the oldest first. Without one: nothing, and the cursor of this moment.

        With `If-None-Match` and the ETag of the last answer to the same request: 304 while nothing was added. No
        request waits for news; poll every few seconds, or use the stream.
        """
        query = FeedQuerySerializer(data=request.query_params)
        query.is_valid(raise_exception=True)
        wanted = query.validated_data
        rows = visible_notifications(self.access)
        if "after" not in wanted:
            now = sealed(present_end(rows))
            return Response({"notifications": [], "next": now, "has_more": False}, headers=UNCACHED)
        page = read_page(rows, opened(wanted["after"]), limit=wanted["limit"])
        headers = {**UNCACHED, "ETag": page.tag}
        if page.tag in parse_etags(request.headers.get("If-None-Match", "")):
            return Response(status=status.HTTP_304_NOT_MODIFIED, headers=headers)
        answer = {"notifications": [*map(as_json, page.rows)], "next": sealed(page.next), "has_more": page.has_more}
        return Response(answer, headers=headers)

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:
        """A browser that asks for a stream alone is refused in JSON all the same."""
        return super().perform_content_negotiation(request, force=force or self.action == "stream")

    @extend_schema(
        parameters=[
            OpenApiParameter("after", description="'next' of the feed, or the id of an event; from now on without it."),
            OpenApiParameter(
                "Last-Event-ID",
                location=OpenApiParameter.HEADER,
                description="The same; browsers send it by themselves.",
            ),
        ],
        responses={
            (200, "text/event-stream"): OpenApiResponse(
                OpenApiTypes.STR, "Server-sent events: id, the cursor; event, the kind; data, a Notification as JSON."
            ),
            410: GONE,
            501: OpenApiResponse(RefusalSerializer, "The server runs WSGI."),
        },
        examples=[
            OpenApiExample(
                "a conflict",
                f"id: {EXAMPLE['next']}\nevent: conflict.opened\ndata: {json.dumps(NOTIFICATION)}\n\n",
                response_only=True,
                media_type="text/event-stream",
                status_codes=["200"],
            )
        ],
    )
    @action(detail=False, methods=["get"])
    def stream(self, request: Request) -> Response:
        """The feed as server-sent events, as they come, where the host runs ASGI. Ends after ten minutes: come back."""
        raise NotStreamed
