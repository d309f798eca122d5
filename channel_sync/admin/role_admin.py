"""What all our admin pages have in common: roles instead of model permissions, and refusals as messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from channel_sync.errors import ChannelSyncError
from channel_sync.operations.pages import BoundedCountPaginator
from channel_sync.operations.roles import Role, has_role

SHOWN = 20


class RoleAdmin(admin.ModelAdmin):
    """Read only for viewers, unless a subclass says more; no page counts a whole table."""

    show_full_result_count = False
    paginator = BoundedCountPaginator
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    empty_value_display = "-"

    class Media:
        css = {"all": ("channel_sync/admin.css",)}

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Viewers see the app."""
        return has_role(request.user, Role.VIEWER)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Viewers see everything but payloads."""
        return has_role(request.user, Role.VIEWER)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is made by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is written over."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted."""
        return False

    def ask_first(
        self, request: HttpRequest, queryset: QuerySet[Any], *, title: str, action: str, verb: str
    ) -> HttpResponse:
        """The page that names what was selected; its button posts the action again, confirmed."""
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "action": action,
            "verb": verb,
            "ids": list(queryset.values_list("id", flat=True)),
            "shown": queryset[:SHOWN],
        }
        return TemplateResponse(request, "admin/channel_sync/confirm.html", context)


def require_role(request: HttpRequest, role: Role) -> None:
    """Raise `PermissionDenied` for who does not have it."""
    if not has_role(request.user, role):
        raise PermissionDenied


def actor(request: HttpRequest) -> str:
    """Who asks, for the audit."""
    return str(request.user.get_username())


@contextmanager
def refusals_told(request: HttpRequest) -> Iterator[None]:
    """What a service refuses becomes a message on the next page."""
    try:
        yield
    except ChannelSyncError as error:
        messages.error(request, str(error))


def badge(value: str, label: str | None = None) -> SafeString:
    """A state as a coloured label."""
    return format_html('<span class="cs-badge cs-{}">{}</span>', value, label or value)


def pretty(value: Any) -> SafeString:
    """JSON for people."""
    if value is None:
        return format_html("<em>{}</em>", "nothing")
    return format_html('<pre class="cs-json">{}</pre>', json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True))
