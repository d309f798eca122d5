"""Keep the time of a property's last webhook, by the database's clock."""

from __future__ import annotations

import time
from datetime import timedelta
from uuid import UUID

from django.db import connection

PRECISION = timedelta(seconds=5)
# How long a process does not ask again; it may be that long since another one has kept a time.
PAUSE = timedelta(seconds=1)
NOTE = """
UPDATE channel_properties SET last_webhook_at = statement_timestamp()
WHERE id = ANY(ARRAY(
    SELECT id FROM channel_properties
    WHERE id = %(id)s
        AND (last_webhook_at IS NULL
            OR last_webhook_at NOT BETWEEN statement_timestamp() - %(recent)s * interval '1 second'
                AND statement_timestamp())
    FOR NO KEY UPDATE SKIP LOCKED
))
"""

_noted: dict[UUID, float] = {}


def note_webhook(property_id: UUID) -> None:
    """Keep the time of the last webhook to within `PRECISION`, not for each one, and wait for nobody's row lock.

    While another transaction holds the row nothing is kept: a webhook a second later keeps it.
    """
    now = time.monotonic()
    if now - _noted.get(property_id, float("-inf")) < PAUSE.total_seconds():
        return
    _noted[property_id] = now
    with connection.cursor() as cursor:
        cursor.execute(NOTE, {"id": property_id, "recent": (PRECISION - PAUSE).total_seconds()})


def forget_noted() -> None:
    """Ask the database with the next webhook of each property."""
    _noted.clear()
