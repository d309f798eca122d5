"""What is only read: runs, alerts and the audit."""

from __future__ import annotations

from django.contrib import admin
from django.utils.safestring import SafeString

from channel_sync.admin.role_admin import RoleAdmin, badge
from channel_sync.models import Alert, AuditEntry, ReconciliationRun, RunStatus


@admin.register(ReconciliationRun)
class RunAdmin(RoleAdmin):
    """Comparisons of the PMS and the channel; they are started from their property."""

    list_display = (
        "created_at", "kind", "status_badge", "channel_property", "compared", "fixed", "flagged", "note",
        "dry_run", "finished_at",
    )  # fmt: skip
    list_filter = ("status", "kind", "dry_run", "channel_property")
    list_select_related = ("channel_property",)
    ordering = ("-created_at",)

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
