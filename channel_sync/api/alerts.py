"""`/admin/alerts`: what keeps both sides from being in sync, now and before."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import mixins, serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.filters import ChoiceInFilter, MomentFilter, PropertyFilter
from channel_sync.api.views import OperationsViewSet
from channel_sync.models import Alert, AlertKind
from channel_sync.operations.roles import Role

EXAMPLE = {
    "id": "0b4ff1f6-0f0e-4b8e-9b62-0d2f4f0a8d55",
    "property_id": "6f9619ff-8b86-4d01-b42d-00c04fc964ff",
    "channel_property_id": "5f0c3a52-6f52-4b8e-9a51-1f2f4f0a8d55",
    "kind": "failed_events",
    "subject": "beds24:1001",
    "message": "12 events have failed in the last hour.",
    "is_open": True,
    "notify_at": "2027-03-01T12:05:00Z",
    "created_at": "2027-03-01T12:00:00Z",
    "resolved_at": None,
}


class AlertSerializer(serializers.ModelSerializer[Alert]):
    """A condition, from the time it began until it was over."""

    property_id = serializers.UUIDField(
        source="channel_property.property_id",
        read_only=True,
        allow_null=True,
        help_text="Null: of the whole installation.",
    )
    channel_property_id = serializers.UUIDField(
        read_only=True, allow_null=True, help_text="Null: of the whole installation."
    )
    subject = serializers.CharField(read_only=True, help_text="What it is about, among those of its kind; or empty.")
    message = serializers.CharField(read_only=True, help_text="What is wrong, and what to do, for people.")
    is_open = serializers.SerializerMethodField(help_text="Whether it still holds.")
    notify_at = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="When people are sent it, if it still holds then."
    )
    created_at = serializers.DateTimeField(read_only=True, help_text="When it began.")
    resolved_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="When it was over.")

    class Meta:
        model = Alert
        fields = (
            "id", "property_id", "channel_property_id", "kind", "subject", "message", "is_open", "notify_at",
            "created_at", "resolved_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_is_open(self, alert: Alert) -> bool:
        """Until it is over."""
        return alert.resolved_at is None


class AlertFilter(filters.FilterSet):
    """Alerts by kind, property, whether they still hold, and when they began."""

    property_id = PropertyFilter()
    kind = ChoiceInFilter(choices=AlertKind.choices, lookup_expr="in")
    is_open = filters.BooleanFilter(
        field_name="resolved_at", lookup_expr="isnull", help_text="True: those that hold now. False: those that ended."
    )
    created_from = MomentFilter(field_name="created_at", lookup_expr="gte", help_text="Began then or later.")
    created_to = MomentFilter(field_name="created_at", lookup_expr="lt", help_text="Began before then.")

    class Meta:
        model = Alert
        fields = ("property_id", "kind")


class AlertViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OperationsViewSet):
    """Alerts of properties that the caller sees; those of the whole installation for who has the role for all."""

    queryset: QuerySet[Alert] = Alert.objects.select_related("channel_property").order_by("-created_at", "-id")
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    rows_key = "alerts"
    roles = {"list": Role.VIEWER, "retrieve": Role.VIEWER}

    @extend_schema(examples=[OpenApiExample("an alert", EXAMPLE, response_only=True)])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Alerts, the latest first; `is_open=true` are those that hold now."""
        return super().list(request, *args, **kwargs)
