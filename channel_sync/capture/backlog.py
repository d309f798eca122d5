"""Which captured rows have become no events yet: those that wait, and those that are not tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

BACKLOG = """
SELECT model, last_error,
    count(*) FILTER (WHERE NOT is_left),
    min(captured_at) FILTER (WHERE NOT is_left),
    count(*) FILTER (WHERE is_left),
    coalesce(max(attempts) FILTER (WHERE is_left), 0),
    statement_timestamp() - min(captured_at)
FROM (
    SELECT model, last_error, captured_at, attempts, attempts > 0 AND next_attempt_at IS NULL AS is_left
    FROM channel_changes
) AS captured
GROUP BY model, last_error
ORDER BY min(captured_at), model, last_error
"""


@dataclass(frozen=True)
class Backlog:
    """Captured rows of one model whose last attempt met one class of error; `error` is empty where none was made.

    `oldest` is of those that wait, `left` ones wait for a person. `age` is of the oldest of all, by the database's
    clock.
    """

    model: str
    error: str
    waiting: int
    oldest: datetime | None
    left: int
    attempts: int
    age: timedelta


def backlog() -> list[Backlog]:
    """All captured rows by model and error, the oldest first; no content."""
    with connection.cursor() as cursor:
        cursor.execute(BACKLOG)
        return [Backlog(*row) for row in cursor.fetchall()]
