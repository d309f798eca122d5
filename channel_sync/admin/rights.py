"""What the user of a request may see and do on our pages."""

from __future__ import annotations

from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest

from channel_sync.models import ChannelProperty, Role
from channel_sync.operations.access import access_in as access

__all__ = ["access", "require_role", "require_role_somewhere", "seen_property"]


def require_role(request: HttpRequest, role: Role, channel_property_id: UUID) -> None:
    """Raise `PermissionDenied` for who does not have it on this property."""
    if not access(request).may(role, channel_property_id):
        raise PermissionDenied


def require_role_somewhere(request: HttpRequest, role: Role) -> None:
    """Raise `PermissionDenied` for who has it on no property; what the page shows and does is still to be limited."""
    if not access(request).has(role):
        raise PermissionDenied


def seen_property(request: HttpRequest, channel_property_id: UUID) -> ChannelProperty:
    """A property that the user sees; any other is 404, be it there or not."""
    found = access(request).properties().filter(pk=channel_property_id).first()
    if found is None:
        raise Http404("There is no such property.")
    return found
