"""Each view says which role each of its actions needs, on the property of its row; one that says nothing is denied."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from channel_sync.models import Role


class HasRole(BasePermission):
    """`view.roles` is action -> role. OPTIONS, which describes a view, needs what reading it needs.

    Who has the role nowhere is refused at once. Rows of properties that a user does not see are not found at all, so
    that a row which is refused here is one that the user may see, with too low a role.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        """Deny by default."""
        role = _role(view)
        return role is not None and bool(view.access.has(role))

    def has_object_permission(self, request: Request, view: Any, obj: Any) -> bool:
        """By the property of the row."""
        role = _role(view)
        return role is not None and bool(view.access.may(role, view.property_of(obj)))


def _role(view: Any) -> Role | None:
    role: Role | None = view.roles.get("list" if view.action == "metadata" else view.action)
    return role
