"""`/admin/conflicts` and `/admin/reconciliation-runs`: list, look, resolve, start."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import mixins, status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.filters import ConflictFilter, RunFilter
from channel_sync.api.idempotency import idempotent
from channel_sync.api.requests import ResolveSerializer, RunQueuedSerializer, RunStartSerializer
from channel_sync.api.serializers import ConflictSerializer, RunSerializer
from channel_sync.api.views import OperationsViewSet
from channel_sync.models import Conflict, ReconciliationKind, ReconciliationRun
from channel_sync.operations.conflicts import resolve
from channel_sync.operations.properties import start_reconciliation
from channel_sync.operations.roles import Role
from channel_sync.reconciliation.resolution import Resolution


class ConflictViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OperationsViewSet):
    """Differences that a person has to look at."""

    queryset = Conflict.objects.select_related("channel_property").order_by("-created_at", "-id")
    serializer_class = ConflictSerializer
    filterset_class = ConflictFilter
    rows_key = "conflicts"
    roles = {"list": Role.VIEWER, "retrieve": Role.VIEWER, "resolve": Role.OPERATOR}

    @extend_schema(
        request=ResolveSerializer,
        responses=ConflictSerializer,
        examples=[OpenApiExample("the channel is right", {"resolution": "take_channel"}, request_only=True)],
    )
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, pk: str) -> Response:
        """Take the channel's side, keep the PMS's, or dismiss the difference; the first two act on it."""
        conflict = self.get_object()
        serializer = ResolveSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        resolved = resolve(conflict, Resolution(serializer.validated_data["resolution"]), by=self.actor)
        return Response(self.get_serializer(resolved).data)


class RunViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OperationsViewSet):
    """Comparisons of the PMS and the channel."""

    queryset = ReconciliationRun.objects.select_related("channel_property").order_by("-created_at", "-id")
    serializer_class = RunSerializer
    filterset_class = RunFilter
    rows_key = "runs"
    roles = {"list": Role.VIEWER, "retrieve": Role.VIEWER, "create": Role.OPERATOR}

    @extend_schema(request=RunStartSerializer, responses={202: RunQueuedSerializer})
    @idempotent(in_transaction=False)
    def create(self, request: Request) -> Response:
        """Queue a run for the reconciliation worker. It is at `Location`, and shows there how far it is."""
        serializer = RunStartSerializer(data=request.data, context=self.get_serializer_context())
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        self.require(Role.OPERATOR, data["channel_property"])
        channel_property, kind = data["channel_property"], ReconciliationKind(data["kind"])
        window = (data["start"], data["end"]) if "start" in data else None
        run = start_reconciliation(channel_property, kind, by=self.actor, dry_run=data["dry_run"], window=window)
        queued = {
            "id": run.id,
            "status": run.status,
            "queued": True,
            "channel_property_id": channel_property.id,
            "kind": kind,
            "dry_run": data["dry_run"],
        }
        headers = {"Location": self.reverse_action("detail", args=[run.id])}
        return Response(RunQueuedSerializer(queued).data, status=status.HTTP_202_ACCEPTED, headers=headers)
