"""`/admin/me`: who is logged in, and what they may do, so that a page need not offer what would be refused."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers
from rest_framework.permissions import BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from channel_sync.api.views import OperationsViewSet
from channel_sync.models import ChannelProperty, Role
from channel_sync.operations.own_roles import own_roles

ROLES = [role.name.lower() for role in Role]
ACTIONS_HELP = "What the role allows, as '<first part of the address>.<action>', such as 'events.retry'."
EXAMPLE = {
    "username": "ada",
    "full_name": "Ada Lovelace",
    "role": "viewer",
    "sees_installation": False,
    "actions": ["alerts.list", "alerts.retrieve", "events.list", "events.retrieve"],
    "properties": [
        {
            "property_id": "6f9619ff-8b86-4d01-b42d-00c04fc964ff",
            "channel_property_ids": ["5f0c3a52-6f52-4b8e-9a51-1f2f4f0a8d55"],
            "role": "operator",
            "actions": ["alerts.list", "alerts.retrieve", "events.list", "events.retrieve", "events.retry"],
        }
    ],
}


class OwnRoleSerializer(serializers.Serializer[Any]):
    """The role for one property, and what it allows there."""

    property_id = serializers.UUIDField()
    channel_property_ids = serializers.ListField(
        child=serializers.UUIDField(), help_text="Its channel properties; none before it is connected."
    )
    role = serializers.ChoiceField(choices=ROLES)
    actions = serializers.ListField(child=serializers.CharField(), help_text=ACTIONS_HELP)


class MeSerializer(serializers.Serializer[Any]):
    """The user, their role for all properties, and what they may do beyond it for single ones."""

    username = serializers.CharField()
    full_name = serializers.CharField(help_text="Or empty.")
    role = serializers.ChoiceField(
        choices=ROLES, allow_null=True, help_text="For every property in /api/admin/properties/; null without one."
    )
    sees_installation = serializers.BooleanField(
        help_text="Whether the role is for every property there is: alerts, audit entries and queues of the whole "
        "installation are shown then."
    )
    actions = serializers.ListField(
        child=serializers.CharField(), help_text="What 'role' allows for every property. " + ACTIONS_HELP
    )
    properties = OwnRoleSerializer(many=True, help_text="Where the role for one property is above 'role'.")


class MeViewSet(OperationsViewSet):
    """The caller's own rights; `views` are those of the API, as a router keeps them: (address, view, name)."""

    views: ClassVar[Iterable[tuple[str, Any, str]]] = ()

    queryset = ChannelProperty.objects.none()
    serializer_class = MeSerializer
    pagination_class = None
    filter_backends = ()

    def get_permissions(self) -> list[BasePermission]:
        """A login is enough to learn what one may not do."""
        return [IsAuthenticated()]

    @extend_schema(
        responses=MeSerializer,
        examples=[OpenApiExample("an operator of one property", EXAMPLE, response_only=True)],
    )
    def retrieve(self, request: Request) -> Response:
        """Who is logged in, with which role for what, and which actions are not refused for want of a role.

        For a property the role is the one in 'properties', else 'role'. What a present state does not allow is still
        409, whatever is said here.
        """
        user: Any = request.user
        allowed = {role: actions_of(role, self.views) for role in Role}
        everywhere = self.access.everywhere
        answer = {
            "username": user.get_username(),
            "full_name": user.get_full_name() if hasattr(user, "get_full_name") else "",
            "role": everywhere.name.lower() if everywhere is not None else None,
            "sees_installation": self.access.is_for_all(Role.VIEWER),
            "actions": allowed[everywhere] if everywhere is not None else [],
            "properties": [
                {**vars(one), "role": one.role.name.lower(), "actions": allowed[one.role]}
                for one in own_roles(self.access)
            ],
        }
        return Response(self.get_serializer(answer).data)


def actions_of(role: Role, views: Iterable[tuple[str, Any, str]]) -> list[str]:
    """The actions of some views that a role allows, by name, in order."""
    return sorted(
        f"{address.replace('-', '_')}.{action}"
        for address, view, _ in views
        for action, needed in view.roles.items()
        if needed <= role
    )
