"""`/admin/webhook-subscriptions`: who is sent what happens, and how that goes."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.idempotency import idempotent
from channel_sync.api.known_keys import StrictSerializer
from channel_sync.api.requests import VisiblePropertyField
from channel_sync.api.views import OperationsViewSet
from channel_sync.feed.cursor import sealed
from channel_sync.models import ChannelProperty, NotificationKind, SwitchedOff, WebhookDelivery, WebhookSubscription
from channel_sync.operations.roles import Role
from channel_sync.subscriptions.changes import change, rotate, send_again, send_test, subscribe, unsubscribe


class SubscriptionSerializer(serializers.ModelSerializer[WebhookSubscription]):
    """A subscription; its secret is shown only when it is made."""

    owner = serializers.CharField(source="owner.get_username", default=None, allow_null=True, read_only=True)
    switched_off = serializers.ChoiceField(
        choices=SwitchedOff.choices, allow_blank=True, read_only=True, help_text="Why, where it is not active."
    )
    cursor = serializers.SerializerMethodField(help_text="Of the last notification that it has taken.")
    kinds = serializers.ListField(child=serializers.ChoiceField(choices=NotificationKind.choices))

    class Meta:
        model = WebhookSubscription
        fields: tuple[str, ...] = (
            "id", "url", "kinds", "channel_property_id", "owner", "is_active", "switched_off", "cursor", "failures",
            "failing_since", "next_attempt_at", "last_delivered_at", "created_at", "updated_at",
        )  # fmt: skip
        read_only_fields = fields

    def get_cursor(self, subscription: WebhookSubscription) -> str:
        """As the feed has it."""
        return sealed(subscription.cursor)


class SubscriptionSecretSerializer(SubscriptionSerializer):
    """A subscription with a secret that is not shown again."""

    secret = serializers.CharField(read_only=True, help_text="whsec_…: deliveries are signed with it.")

    class Meta(SubscriptionSerializer.Meta):
        fields = (*SubscriptionSerializer.Meta.fields, "secret")


class SubscriptionWriteSerializer(StrictSerializer):
    """A subscription to make or to change."""

    url = serializers.URLField(max_length=1000, help_text="https, and reachable from the internet.")
    kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=NotificationKind.choices),
        required=False,
        help_text="Nothing but these; all where there are none.",
    )
    channel_property_id = VisiblePropertyField(
        source="channel_property",
        required=False,
        allow_null=True,
        help_text="One property; null for every one that its owner may see.",
    )
    is_active = serializers.BooleanField(required=False, help_text="Switched on again it goes on where it stopped.")


class DeliverySerializer(serializers.ModelSerializer[WebhookDelivery]):
    """One attempt."""

    class Meta:
        model = WebhookDelivery
        fields = (
            "id", "kind", "webhook_id", "succeeded", "status_code", "error", "duration_ms",
            "created_at",
        )  # fmt: skip
        read_only_fields = fields


class SubscriptionViewSet(mixins.ListModelMixin, mixins.RetrieveModelMixin, OperationsViewSet):
    """Addresses that are sent what happens, signed, in order, each notification until it was taken."""

    queryset = WebhookSubscription.objects.none()
    serializer_class = SubscriptionSerializer
    filterset_class = None
    roles = dict.fromkeys(
        ("list", "retrieve", "create", "partial_update", "destroy", "rotate_secret", "test", "deliveries", "redeliver"),
        Role.ADMINISTRATOR,
    )
    plain_bodies = dict.fromkeys(("destroy", "rotate_secret", "test", "redeliver"), ())
    query_parameters = {"deliveries": ("page", "limit")}

    @property
    def rows_key(self) -> str:  # type: ignore[override]
        """The key of the rows in a list."""
        return "deliveries" if self.action == "deliveries" else "subscriptions"

    def get_queryset(self) -> QuerySet[Any]:
        """Of properties that the caller administers; of all of them for administrators of all. The latest first."""
        every = WebhookSubscription.objects.select_related("owner").order_by("-created_at", "-id")
        return self.access.limit(every, Role.ADMINISTRATOR)

    def require_administrator(self, channel_property: ChannelProperty | None) -> None:
        """Raise `PermissionDenied`, or `ValidationError` for who has to name a property."""
        if self.access.may(Role.ADMINISTRATOR, channel_property.pk if channel_property else None):
            return
        if channel_property is None:
            raise serializers.ValidationError(
                {"channel_property_id": "Only administrators of all properties subscribe to all: name one."}
            )
        raise PermissionDenied

    @extend_schema(request=SubscriptionWriteSerializer, responses={201: SubscriptionSecretSerializer})
    @idempotent(in_transaction=False, holds_secret=True)
    def create(self, request: Request) -> Response:
        """Subscribe an address to what happens from now on. The secret is in this answer only."""
        body = SubscriptionWriteSerializer(data=request.data, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        wanted = {**body.validated_data}
        self.require_administrator(wanted.get("channel_property"))
        is_active = wanted.pop("is_active", True)
        made = subscribe(request.user, **wanted)
        found = made.subscription if is_active else change(made.subscription, request.user, is_active=False)
        shown = {**self.get_serializer(self._read(found)).data, "secret": made.secret}
        return Response(shown, status=status.HTTP_201_CREATED)

    @extend_schema(request=SubscriptionWriteSerializer(partial=True), responses=SubscriptionSerializer)
    def partial_update(self, request: Request, pk: str) -> Response:
        """Change some of it."""
        body = SubscriptionWriteSerializer(data=request.data, partial=True, context=self.get_serializer_context())
        body.is_valid(raise_exception=True)
        if "channel_property" in body.validated_data:
            self.require_administrator(body.validated_data["channel_property"])
        changed = change(self.get_object(), request.user, **body.validated_data)
        return Response(self.get_serializer(self._read(changed)).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Unsubscribe; what was delivered is forgotten too."""
        unsubscribe(self.get_object(), request.user)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(request=None, responses=SubscriptionSecretSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, pk: str) -> Response:
        """Make a new secret, shown in this answer only; for a day deliveries bear the signature of the old one too."""
        rotated = rotate(self.get_object(), request.user)
        return Response({**self.get_serializer(self._read(rotated.subscription)).data, "secret": rotated.secret})

    @extend_schema(request=None, responses=DeliverySerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, pk: str) -> Response:
        """Send a notification of the kind `test` now; the answer says how that went."""
        return Response(DeliverySerializer(send_test(self.get_object(), request.user)).data)

    @extend_schema(responses=DeliverySerializer(many=True))
    @action(detail=True)
    def deliveries(self, request: Request, pk: str) -> Response:
        """Attempts, the latest first."""
        page = self.paginate_queryset(self.get_object().deliveries.order_by("-created_at", "-id"))
        return self.get_paginated_response(DeliverySerializer(page, many=True).data)

    @extend_schema(
        request=None,
        responses=DeliverySerializer,
        parameters=[OpenApiParameter("delivery_id", OpenApiTypes.UUID, OpenApiParameter.PATH)],
    )
    @action(detail=True, methods=["post"], url_path="deliveries/(?P<delivery_id>[^/]+)/redeliver")
    def redeliver(self, request: Request, pk: str, delivery_id: str) -> Response:
        """Send what a delivery was about once more, now, under the same webhook-id."""
        deliveries = WebhookDelivery.objects.filter(subscription=self.get_object())
        try:
            found = deliveries.get(id=UUID(delivery_id))
        except (ValueError, WebhookDelivery.DoesNotExist):
            raise Http404 from None
        return Response(DeliverySerializer(send_again(found, request.user)).data)

    def _read(self, subscription: WebhookSubscription) -> WebhookSubscription:
        return WebhookSubscription.objects.select_related("owner").get(id=subscription.id)
