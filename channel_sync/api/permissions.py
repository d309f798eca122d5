"""Each view says which role each of its actions needs; an action that says nothing is denied."""

from __future__ import annotations

from typing import Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from channel_sync.operations.roles import has_role


class HasRole(BasePermission):
    """`view.roles` is action -> role. OPTIONS, which describes a view, needs what reading it needs."""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Deny by default."""
        action = "list" if view.action == "metadata" else view.action
        role = view.roles.get(action)
        return role is not None and has_role(request.user, role)
