"""Roles for single properties: made by administrators of all properties, and by who may change users."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from channel_sync.admin.lookups import OfferedLookups
from channel_sync.admin.role_admin import actor
from channel_sync.models import PropertyRole
from channel_sync.operations.property_roles import grant, may_grant, revoke


@admin.register(PropertyRole)
class PropertyRoleAdmin(OfferedLookups):
    """Who has which role where. A role for all properties is a group; see the users."""

    list_display = ("user", "property", "role", "created_at")
    list_filter = ("role",)
    list_select_related = ("user", "property")
    search_fields = ("=user__username",)
    search_help_text = "User name."
    ordering = ("user", "property")
    fields = ("user", "property", "role")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """For others there is no such row: its page says neither that it is there nor that it is not."""
        found = super().get_queryset(request)
        return found if may_grant(request) else found.none()

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Who may grant."""
        return may_grant(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may grant."""
        return may_grant(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Who may grant."""
        return may_grant(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may grant."""
        return may_grant(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may grant."""
        return may_grant(request)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The role changes; for another user or property it is another row."""
        return () if obj is None else ("user", "property")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Kept in the audit."""
        obj.pk = grant(obj.user, obj.property_id, obj.role, by=actor(request)).pk

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        """Kept in the audit."""
        revoke(obj, by=actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        """Each is kept in the audit."""
        for held in queryset.select_related("user"):
            revoke(held, by=actor(request))
