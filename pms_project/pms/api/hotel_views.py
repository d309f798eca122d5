"""Hotels, and what their rooms cost."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import mixins, status, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.idempotency import idempotent
from channel_sync.api.pagination import ListPagination
from pms_project.pms.api.filters import HotelFilter, RateFilter, RatePlanFilter
from pms_project.pms.api.own_hotels import HotelViewSet, hotels_of_rows
from pms_project.pms.api.serializers import (
    DailyRateSerializer,
    HotelSerializer,
    RateChangeSerializer,
    RatePlanSerializer,
)
from pms_project.pms.models import DailyRate, HotelSettings, RatePlan
from pms_project.pms.services.rates import RateChange, set_rates

CHANGED_NIGHTS = {"type": "object", "properties": {"nights": {"type": "integer"}}, "required": ["nights"]}


class RatePages(ListPagination):
    """A page holds two years of a rate plan."""

    max_page_size = 1_000


class HotelsViewSet(HotelViewSet, viewsets.ReadOnlyModelViewSet):
    """Hotels, by name."""

    queryset = HotelSettings.objects.order_by("name", "id")
    serializer_class = HotelSerializer
    filterset_class = HotelFilter


class RatePlanViewSet(HotelViewSet, viewsets.ReadOnlyModelViewSet):
    """Rate plans, by name."""

    queryset = RatePlan.objects.select_related("room_type").order_by("name", "id")
    serializer_class = RatePlanSerializer
    filterset_class = RatePlanFilter


class RateViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, HotelViewSet):
    """Prices and restrictions, by rate plan and night; a night of a plan that has none is not there."""

    queryset = DailyRate.objects.order_by("rate_plan", "night")
    serializer_class = DailyRateSerializer
    filterset_class = RateFilter
    pagination_class = RatePages

    @extend_schema(request=RateChangeSerializer(many=True), responses={(201, "application/json"): CHANGED_NIGHTS})
    @idempotent(in_transaction=True)
    def create(self, request: Request) -> Response:
        """Set the terms of one or several ranges of nights, all or none."""
        serializer = RateChangeSerializer(
            data=request.data, many=True, allow_empty=False, context=self.get_serializer_context()
        )
        serializer.is_valid(raise_exception=True)
        changes: list[dict[str, Any]] = serializer.validated_data
        nights = set_rates(
            [RateChange(rate_plan_id=change.pop("rate_plan").id, **change) for change in map(dict, changes)]
        )
        return Response({"nights": nights}, status=status.HTTP_201_CREATED)

    def properties_in(self, answer: Response) -> Collection[UUID]:
        """The hotels of the rate plans that were changed."""
        changes: Any = self.request.data
        return hotels_of_rows(RatePlan, {change["rate_plan"] for change in changes})
