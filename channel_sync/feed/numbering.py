"""Notifications get their positions: each after it was committed, one numbering at a time.

Whoever sees a position sees every lower one, as the numbering that handed it out waited for the one before to commit.
What commits late gets a later position, so a reader that goes by positions passes over nothing.
"""

from __future__ import annotations

from django.db import connection, transaction

from channel_sync.database_lock import try_lock_in_transaction

LOCK = "channel_sync notifications"
BATCH = 5_000

NUMBER = """
WITH numbered AS MATERIALIZED (
    SELECT id, nextval('channel_notifications_position') AS position
    FROM (SELECT id FROM channel_notifications WHERE position IS NULL ORDER BY id LIMIT %(batch)s) AS new
)
UPDATE channel_notifications AS notification SET position = numbered.position
FROM numbered
WHERE notification.id = numbered.id
"""


def number_new() -> int:
    """Number what was committed since, `BATCH` rows at most; how many. None while another process does it."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not try_lock_in_transaction(LOCK):
            return 0
        # A statement of its own: its snapshot is taken once the lock is held.
        cursor.execute(NUMBER, {"batch": BATCH})
        return int(cursor.rowcount)
