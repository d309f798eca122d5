"""A page of notifications after a position, in one statement while nothing has happened."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Max, QuerySet

from channel_sync.errors import CursorGone
from channel_sync.feed.cursor import sealed
from channel_sync.feed.numbering import number_new
from channel_sync.models import Notification

COLUMNS = ("position", "kind", "channel_property_id", "subject_id", "payload", "created_at")
NO_ROW = f"SELECT {', '.join(COLUMNS)} FROM channel_notifications WHERE false"  # noqa: S608 - constants

# One statement, also where there is no row: whether something waits for its position, and where the feed ends.
READ = """
SELECT EXISTS (SELECT FROM channel_notifications WHERE position IS NULL),
    (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM channel_notifications_position),
    page.*
FROM (SELECT) AS always LEFT JOIN ({}) AS page ON true
ORDER BY page.position
"""


@dataclass(frozen=True)
class Noted:
    """A notification as it is read out."""

    position: int
    kind: str
    channel_property_id: UUID | None
    subject_id: UUID
    payload: dict[str, Any]
    created_at: datetime


@dataclass(frozen=True)
class Page:
    """Notifications in order. `next` is the position to go on from."""

    rows: list[Noted]
    next: int
    has_more: bool

    @property
    def tag(self) -> str:
        """The ETag of the page: another one as soon as the same request would be answered with other rows.

        Of cursors: positions could be found by trying, and count what happens at properties that nobody is shown.
        """
        read = " ".join(sealed(position) for position in (self.next, *(row.position for row in self.rows)))
        return f'"{sha256(read.encode()).hexdigest()[:32]}"'


def read_page(rows: QuerySet[Notification], after: int, *, limit: int) -> Page:
    """At most `limit` of the rows that follow a position; what has happened since is numbered first.

    Raises `CursorGone`.
    """
    wanted = rows.filter(position__gt=after).order_by("position").values_list(*COLUMNS)[: limit + 1]
    is_behind, end, found = _read(wanted)
    if is_behind and len(found) <= limit and number_new():
        _, end, found = _read(wanted)
    if after > end:
        raise CursorGone
    noted = [_noted(row) for row in found[:limit]]
    return Page(rows=noted, next=noted[-1].position if noted else after, has_more=len(found) > limit)


def present_end(rows: QuerySet[Notification]) -> int:
    """Where the feed of these rows is now: those that commit from this moment on come after it.

    It is the place of the last of them, and does not move with others.
    """
    number_new()
    found: int | None = rows.filter(position__isnull=False).aggregate(last=Max("position"))["last"]
    return found or 0


def _read(wanted: QuerySet[Any, Any]) -> tuple[bool, int, list[Any]]:
    try:
        statement, parameters = wanted.query.sql_with_params()
    except EmptyResultSet:
        statement, parameters = NO_ROW, ()
    with connection.cursor() as cursor:
        cursor.execute(READ.format(statement), parameters)
        answer = cursor.fetchall()
    return answer[0][0], answer[0][1], [row[2:] for row in answer if row[2] is not None]


def _noted(row: tuple[Any, ...]) -> Noted:
    position, kind, channel_property_id, subject_id, payload, created_at = row
    return Noted(
        position=position,
        kind=kind,
        channel_property_id=channel_property_id,
        subject_id=subject_id,
        payload=json.loads(payload) if isinstance(payload, str) else payload,
        created_at=created_at,
    )
