"""Conflicts: both sides beside each other, and buttons that settle them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.safestring import SafeString

from channel_sync.admin.property_filter import BY_PROPERTY
from channel_sync.admin.rights import require_role
from channel_sync.admin.role_admin import RoleAdmin, actor, badge, refusals_told
from channel_sync.conflicts import without_guest
from channel_sync.models import Conflict, ConflictStatus, Role
from channel_sync.operations.conflicts import resolve
from channel_sync.operations.not_in_pms import OF_NIGHTS, missing_in_conflict
from channel_sync.reconciliation.resolution import Resolution

LABELS = {
    Resolution.TAKE_CHANNEL: "Take the channel's side",
    Resolution.KEEP_PMS: "Keep the PMS's side",
    Resolution.DISMISS: "Dismiss",
}


@admin.register(Conflict)
class ConflictAdmin(RoleAdmin):
    """What does not agree."""

    list_display = ("subject", "kind", "severity_badge", "status_badge", "channel_property", "created_at")
    list_filter = ("status", "severity", "kind", BY_PROPERTY)
    list_select_related = ("channel_property",)
    search_fields = ("subject",)
    search_help_text = "Subject, such as booking:5000001."
    ordering = ("-created_at",)
    change_form_template = "admin/channel_sync/conflict.html"

    @admin.display(description="severity", ordering="severity")
    def severity_badge(self, conflict: Conflict) -> SafeString:
        """How much is at stake."""
        return badge(conflict.severity)

    @admin.display(description="status", ordering="status")
    def status_badge(self, conflict: Conflict) -> SafeString:
        """Open or settled."""
        return badge(conflict.status)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Both sides; a button posts the resolution."""
        conflict = self.get_object(request, object_id)
        if conflict is None or not self.has_view_permission(request, conflict):
            return super().change_view(request, object_id, form_url, extra_context)
        if request.method == "POST":
            return self._resolve(request, conflict)
        sides = conflict.pms_side, conflict.channel_side
        is_operator = self.holds(request, Role.OPERATOR, conflict)
        if not is_operator:
            sides = without_guest(sides[0]), without_guest(sides[1])
        context = {
            "conflict": conflict,
            "rows": side_by_side(*sides),
            "badges": [badge(conflict.severity), badge(conflict.status)],
            "missing": missing_in_conflict(conflict) if conflict.status == ConflictStatus.OPEN else (),
            "shows_nights": conflict.kind in OF_NIGHTS and conflict.status == ConflictStatus.OPEN,
            "resolutions": _resolutions(conflict) if is_operator and conflict.status == ConflictStatus.OPEN else [],
            **(extra_context or {}),
        }
        return super().change_view(request, object_id, form_url, context)

    @staticmethod
    def _resolve(request: HttpRequest, conflict: Conflict) -> HttpResponse:
        require_role(request, Role.OPERATOR, conflict.channel_property_id)
        chosen = request.POST.get("resolution", "")
        if chosen in {one.value for one in Resolution}:
            with refusals_told(request):
                resolve(conflict, Resolution(chosen), by=actor(request))
                messages.success(request, f"Settled: {LABELS[Resolution(chosen)].lower()}.")
        return HttpResponseRedirect(request.path)


def _resolutions(conflict: Conflict) -> list[tuple[Resolution, str]]:
    """Where there is something else to do, neither side can be sent to the other."""
    return [one for one in LABELS.items() if one[0] is Resolution.DISMISS or not conflict.next_step()]


def side_by_side(pms: dict[str, Any], channel: dict[str, Any]) -> list[tuple[str, Any, Any, bool]]:
    """Name, the PMS's value, the channel's, and whether they differ; values by night become rows of their own."""
    rows: list[tuple[str, Any, Any, bool]] = []
    for name in dict.fromkeys([*pms, *channel]):
        left, right = pms.get(name), channel.get(name)
        if isinstance(left, dict) or isinstance(right, dict):
            rows += side_by_side(left or {}, right or {})
        else:
            both_told = name in pms and name in channel
            rows.append((name.replace("_", " "), _shown(left), _shown(right), both_told and left != right))
    return rows


def _shown(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
