"""A page of notifications after a cursor, which passes over nothing that commits late.

Ids are handed out before their rows commit: a reader that asks for what is above the highest id it has seen loses a row
with a lower one whose transaction ends later. Here rows are ordered by the transaction that wrote them, and only those
of transactions below the horizon are read: older than any that still runs, in this cluster, at the moment of the
statement. What comes later is of younger transactions, so it comes behind. A writing transaction that runs for long
holds the feed up until it ends, and loses nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, ClassVar, Self
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection, models
from django.db.models import Func, Q, QuerySet

from channel_sync.errors import CursorGone, InvalidCursor
from channel_sync.models import Notification

MAX_DIGITS = 18
COLUMNS = ("transaction", "id", "kind", "channel_property_id", "subject_id", "payload", "created_at")

# One statement also where there is no row: it says how far the horizon is.
READ = """
SELECT pg_snapshot_xmin(now)::text::bigint, pg_snapshot_xmax(now)::text::bigint, page.*
FROM pg_current_snapshot() AS now LEFT JOIN ({}) AS page ON true
ORDER BY page.transaction, page.id
"""
# Rows of a dump that was restored bear ids that this cluster's transactions have not reached.
RESTORED = """
UPDATE channel_notifications SET transaction = 0
WHERE transaction >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint
"""


class Horizon(Func):
    """The oldest transaction that still runs, by the snapshot of the statement."""

    template = "(pg_snapshot_xmin(pg_current_snapshot())::text::bigint)"
    output_field: ClassVar[models.BigIntegerField[Any, Any]] = models.BigIntegerField()


@dataclass(frozen=True, order=True)
class Cursor:
    """A place in the feed; `0` is before everything. Callers outside take it as it is given."""

    transaction: int = 0
    number: int = 0

    def __str__(self) -> str:
        return f"{self.transaction}.{self.number}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises `InvalidCursor`."""
        parts = text.split(".")
        if len(parts) > 2 or not all(part.isascii() and part.isdigit() and len(part) <= MAX_DIGITS for part in parts):
            raise InvalidCursor(text)
        return cls(*map(int, parts))


@dataclass(frozen=True)
class Noted:
    """A notification as it is read out; `cursor` is its place."""

    cursor: Cursor
    kind: str
    channel_property_id: UUID | None
    subject_id: UUID
    payload: dict[str, Any]
    created_at: datetime

    @property
    def id(self) -> int:
        """The id of its row."""
        return self.cursor.number


@dataclass(frozen=True)
class Page:
    """Notifications in order. `next` is where to go on; everything before `horizon` has been looked at."""

    rows: list[Noted]
    next: Cursor
    horizon: Cursor
    has_more: bool

    @property
    def tag(self) -> str:
        """The ETag of the page: another one as soon as the same request would be answered with other rows."""
        read = f"{self.next} {[row.id for row in self.rows]}"
        return f'"{sha256(read.encode()).hexdigest()[:32]}"'


def read_page(rows: QuerySet[Notification], after: Cursor, *, limit: int) -> Page:
    """At most `limit` of the rows that follow the cursor, in one statement. Raises `CursorGone`."""
    later = rows.filter(transaction__gte=after.transaction, transaction__lt=Horizon()).filter(
        Q(transaction__gt=after.transaction) | Q(id__gt=after.number)
    )
    wanted = later.order_by("transaction", "id").values_list(*COLUMNS)[: limit + 1]
    oldest_running, next_to_run, found = _read(wanted)
    if after.transaction > next_to_run:
        raise CursorGone(after)
    noted = [_noted(row) for row in found[:limit]]
    return Page(
        rows=noted,
        next=noted[-1].cursor if noted else after,
        horizon=Cursor(oldest_running),
        has_more=len(found) > limit,
    )


def present_end() -> Cursor:
    """Where the feed is now: whatever commits from this moment on comes after it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        return Cursor(cursor.fetchone()[0])


def adopt_restored() -> int:
    """Put rows of a restored dump before all new ones; how many there were. Changes nothing otherwise."""
    with connection.cursor() as cursor:
        cursor.execute(RESTORED)
        return int(cursor.rowcount)


def _read(wanted: QuerySet[Any, Any]) -> tuple[int, int, list[Any]]:
    try:
        statement, parameters = wanted.query.sql_with_params()
    except EmptyResultSet:
        statement, parameters = f"SELECT {', '.join(COLUMNS)} FROM channel_notifications WHERE false", ()  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(READ.format(statement), parameters)
        answer = cursor.fetchall()
    return answer[0][0], answer[0][1], [row[2:] for row in answer if row[3] is not None]


def _noted(row: tuple[Any, ...]) -> Noted:
    transaction, number, kind, channel_property_id, subject_id, payload, created_at = row
    return Noted(
        cursor=Cursor(transaction, number),
        kind=kind,
        channel_property_id=channel_property_id,
        subject_id=subject_id,
        payload=json.loads(payload) if isinstance(payload, str) else payload,
        created_at=created_at,
    )
