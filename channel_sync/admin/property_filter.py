"""The filter of lists by property: it offers those that the user sees."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from channel_sync.admin.rights import access


class SeenPropertyFilter(admin.RelatedFieldListFilter):
    """Django's own would name every property there is."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Key and name."""
        return [(str(found.pk), str(found)) for found in access(request).properties().order_by("created_at", "id")]


BY_PROPERTY = ("channel_property", SeenPropertyFilter)
