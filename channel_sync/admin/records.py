"""What is only read: runs, alerts and the audit."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from channel_sync.admin.property_filter import BY_PROPERTY
from channel_sync.admin.role_admin import RoleAdmin, badge
from channel_sync.models import Alert, AuditEntry, KeptLower, ReconciliationRun, RunStatus
from channel_sync.pms import host_pms


@admin.register(ReconciliationRun)
class RunAdmin(RoleAdmin):
    """Comparisons of the PMS and the channel; they are started from their property."""

    list_display = (
        "created_at", "kind", "status_badge", "channel_property", "compared", "fixed", "flagged", "note",
        "dry_run", "finished_at",
    )  # fmt: skip
    list_filter = ("status", "kind", "dry_run", BY_PROPERTY)
    list_select_related = ("channel_property",)
    ordering = ("-created_at",)
    exclude = ("kept_lower",)
    readonly_fields = ("nights_kept_lower",)

    @admin.display(description="kept lower by the channel")
    def nights_kept_lower(self, run: ReconciliationRun) -> SafeString | str:
        """Nights on which the channel offers less by its own rules, by room type and reason."""
        if not run.kept_lower:
            return "-"
        names = {str(found.id): found.name for found in host_pms().room_types(run.channel_property.property_id)}
        return format_html_join(
            mark_safe("<br>"),
            "{}: {}, {}",
            (
                (names.get(room_type_id, room_type_id), KeptLower(reason).label, ", ".join(map(_nights, found)))
                for reason, of_reason in run.kept_lower.items()
                for room_type_id, found in of_reason.items()
            ),
        )

    @admin.display(description="status", ordering="status")
    def status_badge(self, run: ReconciliationRun) -> SafeString:
        """Where it stands; what was done and has a note is not green."""
        return badge("retrying", "done, see note") if run.status == RunStatus.DONE and run.note else badge(run.status)


@admin.register(Alert)
class AlertAdmin(RoleAdmin):
    """What somebody was told about."""

    list_display = ("created_at", "kind", "subject", "message", "notify_at", "resolved_at")
    list_filter = ("kind",)
    ordering = ("-created_at",)


@admin.register(AuditEntry)
class AuditAdmin(RoleAdmin):
    """Who did what, when."""

    list_display = ("created_at", "actor", "action", "subject", "details")
    list_filter = ("action",)
    search_fields = ("=actor", "=subject")
    search_help_text = "User name, or subject such as event:<id>."
    ordering = ("-created_at", "-id")


def _nights(span: Sequence[str]) -> str:
    first, last = span
    return first if first == last else f"{first} to {last}"
