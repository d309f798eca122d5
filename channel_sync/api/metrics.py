"""`/admin/metrics`: the figures of the dashboard as JSON."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.helpers import forced_singular_serializer
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.requests import DepthsSerializer
from channel_sync.api.views import OperationsViewSet
from channel_sync.models import ChannelEvent
from channel_sync.monitoring.figures import figures
from channel_sync.operations.roles import Role

MOST_HOURS = 168


class HourSerializer(serializers.Serializer[Any]):
    """Events that were received within one hour, by what became of them."""

    begin = serializers.DateTimeField()
    settled = serializers.IntegerField()
    failed = serializers.IntegerField()
    waiting = serializers.IntegerField()


class PercentilesSerializer(serializers.Serializer[Any]):
    """Seconds that half, 95 % and 99 % stay below."""

    p50 = serializers.FloatField()
    p95 = serializers.FloatField()
    p99 = serializers.FloatField()


class LatencySerializer(PercentilesSerializer):
    """Seconds from the receipt of an event to its effect."""

    direction = serializers.CharField()
    event_type = serializers.CharField()
    events = serializers.IntegerField()


class ApiCallsSerializer(PercentilesSerializer):
    """Calls to a channel: failed ones had no good answer, times are seconds."""

    channel = serializers.CharField()
    method = serializers.CharField()
    path = serializers.CharField()
    calls = serializers.IntegerField()
    failed = serializers.IntegerField()
    rate_limited = serializers.IntegerField()


class LagSerializer(serializers.Serializer[Any]):
    """Events of a property that are not settled, and the age of the oldest in seconds."""

    channel_property_id = serializers.UUIDField()
    direction = serializers.CharField()
    events = serializers.IntegerField()
    seconds = serializers.FloatField()


class CreditsSerializer(serializers.Serializer[Any]):
    """Credits that an account has left in its window; null when nothing is known of the present one."""

    account = serializers.CharField()
    remaining = serializers.FloatField(allow_null=True)
    unavailable_seconds = serializers.FloatField()


class MetricsSerializer(serializers.Serializer[Any]):
    """The last hours, and what is open now."""

    queue_depths = DepthsSerializer(source="queues")
    success_rate = serializers.FloatField(allow_null=True, help_text="Percent of what ended; null when nothing did.")
    failed_events = serializers.IntegerField()
    open_conflicts = serializers.DictField(child=serializers.IntegerField(), source="conflicts")
    overbookings = serializers.IntegerField()
    hours = HourSerializer(many=True)
    latencies = LatencySerializer(many=True)
    api_calls = ApiCallsSerializer(many=True)
    lags = LagSerializer(many=True)
    credits = CreditsSerializer(many=True)


class PeriodSerializer(serializers.Serializer[Any]):
    """How far back."""

    hours = serializers.IntegerField(default=24, min_value=1, max_value=MOST_HOURS)


class MetricsViewSet(OperationsViewSet):
    """What the dashboard shows."""

    queryset = ChannelEvent.objects.none()
    serializer_class = MetricsSerializer
    pagination_class = None
    filter_backends = ()
    query_parameters = {"list": ("hours",)}
    roles = {"list": Role.VIEWER}

    @extend_schema(
        parameters=[OpenApiParameter("hours", int, description=f"1 to {MOST_HOURS}; 24 when left out.")],
        responses=forced_singular_serializer(MetricsSerializer),  # type: ignore[no-untyped-call]
    )
    def list(self, request: Request) -> Response:
        """Queues, success, times, credits and lags, from the tables: the same whichever process answers.

        Of the properties that you see. Queues, calls and credits are shared by all properties: they are null or empty
        for who does not see every one.
        """
        asked = PeriodSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        within = None if self.access.is_for_all(Role.VIEWER) else self.access.properties()
        found = figures(timedelta(hours=asked.validated_data["hours"]), within=within)
        return Response(self.get_serializer(found).data)
