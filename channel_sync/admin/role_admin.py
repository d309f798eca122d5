"""What all our admin pages have in common: roles by property instead of model permissions, and refusals as messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from channel_sync.admin.lookups import OfferedLookups
from channel_sync.admin.rights import access
from channel_sync.errors import ChannelSyncError
from channel_sync.models import ChannelProperty, Role
from channel_sync.operations.access import path_to_property
from channel_sync.operations.pages import BoundedCountPaginator

SHOWN = 20
# Done within seconds; as many ids are below the size of a body that Django, and usual proxies, take.
AT_ONCE = 20_000
IDS_AT_ONCE = 1_000


class RoleAdmin(OfferedLookups):
    """Read only for viewers, unless a subclass says more; no page counts a whole table.

    Only rows of properties that the user sees are there: a model without a property cannot be registered.
    """

    show_full_result_count = False
    paginator = BoundedCountPaginator
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    empty_value_display = "-"
    too_many_advice = "Narrow the filter."

    class Media:
        css = {"all": ("channel_sync/admin.css",)}

    def __init__(self, model: Any, admin_site: Any) -> None:
        super().__init__(model, admin_site)
        # At start-up: rows that cannot be limited would be shown to everybody.
        path_to_property(model)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Rows of properties that the user sees."""
        return access(request).limit(super().get_queryset(request))

    def holds(self, request: HttpRequest, role: Role, obj: Any = None) -> bool:
        """Whether the user has the role on the property of a row; of no row, on one property at least."""
        return access(request).has(role) if obj is None else access(request).may(role, property_of(obj))

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Viewers see the app."""
        return access(request).has(Role.VIEWER)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Viewers see everything but payloads."""
        return self.holds(request, Role.VIEWER, obj)

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
        self, request: HttpRequest, queryset: QuerySet[Any], *, what: str, action: str, verb: str, **context: Any
    ) -> HttpResponse | None:
        """The page that names what was selected; its button posts the action for exactly that, confirmed.

        None, with a message, when more is selected than can be acted on at once.
        """
        ids: list[UUID] = list(queryset.values_list("id", flat=True)[: AT_ONCE + 1])
        if len(ids) > AT_ONCE:
            messages.error(request, f"More than {AT_ONCE} are selected, and nothing was done. {self.too_many_advice}")
            return None
        fields = {
            "action": action,
            # All of the ids are in one field: a form may have no more than DATA_UPLOAD_MAX_NUMBER_FIELDS.
            "ids": " ".join(one.hex for one in ids),
            ACTION_CHECKBOX_NAME: ids[0] if ids else "",
            "select_across": "1",
        }
        return self.confirm_page(
            request,
            title=f"{verb.capitalize()} {len(ids)} {what}?",
            verb=verb,
            fields=fields,
            back=reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
            shown=queryset.filter(pk__in=ids[:SHOWN]),
            left_out=max(len(ids) - SHOWN, 0),
            **context,
        )

    def confirm_page(
        self, request: HttpRequest, *, title: str, verb: str, fields: dict[str, Any], back: str, **context: Any
    ) -> HttpResponse:
        """Ask before something is done: the button posts the fields to the same address, and `confirmed`."""
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "verb": verb,
            "fields": {**fields, "confirmed": "yes"},
            "back": back,
            **context,
        }
        return TemplateResponse(request, "admin/channel_sync/confirm.html", context)


def confirmed_ids(request: HttpRequest, queryset: QuerySet[Any]) -> list[UUID] | None:
    """What a confirmed action is for: the ids that the page named when it asked. None before it was confirmed.

    The ids come from the browser: see `within`.
    """
    if "confirmed" not in request.POST:
        return None
    if "ids" not in request.POST:
        return list(queryset.values_list("id", flat=True))
    try:
        return [UUID(one) for one in request.POST["ids"].split()]
    except ValueError:
        raise BadRequest("The ids of the confirmed action are broken; select the rows again.") from None


def within(request: HttpRequest, model: Any, ids: Sequence[UUID], role: Role) -> list[UUID]:
    """Those ids that are of rows on which the user has the role, in the same order."""
    found: list[UUID] = []
    for start in range(0, len(ids), IDS_AT_ONCE):
        some = ids[start : start + IDS_AT_ONCE]
        own = set(access(request).limit(model._default_manager.filter(pk__in=some), role).values_list("pk", flat=True))
        found += [one for one in some if one in own]
    return found


def property_of(row: Any) -> UUID | None:
    """The channel property of a row."""
    found: UUID | None = row.pk if isinstance(row, ChannelProperty) else row.channel_property_id
    return found


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
