"""Resolve a conflict, and keep who did it."""

from __future__ import annotations

from channel_sync.models import AuditAction, Conflict
from channel_sync.operations.audit import note
from channel_sync.reconciliation.resolution import Resolution, resolve_conflict


def resolve(conflict: Conflict, resolution: Resolution, *, by: str) -> Conflict:
    """Bring one side to the other, or leave both. Raises as `resolve_conflict` does."""
    resolved = resolve_conflict(conflict.id, resolution, by=by)
    note(
        by, AuditAction.CONFLICT_RESOLVED, f"conflict:{conflict.id}",
        channel_property_id=conflict.channel_property_id, resolution=resolution.value,
    )  # fmt: skip
    return resolved
