"""Who did what, when: written in the transaction of the action."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from channel_sync.models import AuditAction, AuditEntry

COMMAND_LINE = "command line"
MAX_ACTOR_LENGTH = 150


def note(
    by: str, action: AuditAction, subject: str, *, channel_property_id: UUID | None = None, **details: Any
) -> AuditEntry:
    """Keep one action; `details` are JSON without personal data."""
    return AuditEntry.objects.create(
        actor=by[:MAX_ACTOR_LENGTH],
        action=action,
        subject=subject,
        channel_property_id=channel_property_id,
        details=details,
    )
