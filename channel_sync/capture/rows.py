"""Take captured rows out of `channel_changes`: in the transaction that records their events, or not at all.

A row that another process has taken is skipped, never waited for.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection

# The ids are found first, and once: a subquery of IN may run again, and take more than its LIMIT.
TAKE = """
DELETE FROM channel_changes WHERE id = ANY(ARRAY(
    SELECT id FROM channel_changes WHERE {chosen} ORDER BY id {limit}FOR UPDATE SKIP LOCKED
))
RETURNING id, model, operation, row_pk, old_row::text, new_row::text, links, origin, transaction_id
"""
DUE = "attempts = 0 OR next_attempt_at <= clock_timestamp()"
NEVER_TRIED_OF_ROWS = "row_pk = ANY(%(keys)s) AND model = %(model)s AND attempts = 0"
OF_THIS_TRANSACTION = "transaction_id = pg_current_xact_id_if_assigned()::text::bigint"
TAKE_DUE = TAKE.format(chosen=DUE, limit="LIMIT %(limit)s ")
TAKE_IDS = TAKE.format(chosen="id = ANY(%(ids)s)", limit="")
TAKE_OF_ROWS = TAKE.format(chosen=NEVER_TRIED_OF_ROWS, limit="")
TAKE_OWN_OF_ROWS = TAKE.format(chosen=f"{NEVER_TRIED_OF_ROWS} AND {OF_THIS_TRANSACTION}", limit="")
TAKE_OWN_OF_MODELS = TAKE.format(chosen=f"model = ANY(%(models)s) AND attempts = 0 AND {OF_THIS_TRANSACTION}", limit="")
POSTPONE = """
UPDATE channel_changes
SET attempts = attempts + 1,
    last_error = %(error)s,
    next_attempt_at = CASE WHEN attempts + 1 < %(most)s
        THEN clock_timestamp() + least(%(longest)s, %(first)s * 2 ^ attempts) * interval '1 second' END
WHERE id = ANY(%(ids)s)
RETURNING next_attempt_at IS NULL
"""
KEEP_LINKS = "UPDATE channel_changes SET links = %(links)s WHERE id = %(id)s"
RETRY_LEFT = """
UPDATE channel_changes SET attempts = 0, next_attempt_at = NULL WHERE attempts > 0 AND next_attempt_at IS NULL
"""

# A row is tried for about six hours: a fixed release of the host may be on its way.
ATTEMPTS = 12
FIRST_PAUSE_SECONDS = 10
LONGEST_PAUSE_SECONDS = 3600


@dataclass(frozen=True)
class CapturedRow:
    """One write of one row; `old` is None for an insert, `new` for a delete; both by column."""

    id: int
    model: str
    operation: str
    row_pk: str
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    links: tuple[UUID, ...]
    origin: UUID | None
    transaction_id: int


def take_due(limit: int) -> list[CapturedRow]:
    """The oldest rows that are due, up to `limit`, in the order of their writes."""
    return _take(TAKE_DUE, limit=limit)


def take_ids(ids: Sequence[int]) -> list[CapturedRow]:
    """Rows by id, as far as they are still there."""
    return _take(TAKE_IDS, ids=list(ids))


def take_of_row(model: str, row_pk: str) -> list[CapturedRow]:
    """All writes of one row that this transaction sees and nobody has tried before."""
    return _take(TAKE_OF_ROWS, model=model, keys=[row_pk])


def take_own_of_rows(model: str, row_pks: Collection[str]) -> list[CapturedRow]:
    """Writes that this transaction has made to rows of a model; in autocommit, all writes of the rows."""
    statement = TAKE_OWN_OF_ROWS if connection.in_atomic_block else TAKE_OF_ROWS
    return _take(statement, model=model, keys=list(row_pks))


def take_own_of_models(models: Collection[str]) -> list[CapturedRow]:
    """Writes that this transaction has made to any row of some models; in autocommit none."""
    return _take(TAKE_OWN_OF_MODELS, models=list(models)) if connection.in_atomic_block else []


def postpone(ids: Sequence[int], error: str) -> int:
    """Keep rows with the name of their error for a later attempt; how many had their last one, and are left."""
    with connection.cursor() as cursor:
        cursor.execute(
            POSTPONE,
            {
                "ids": list(ids),
                "error": error[:255],
                "most": ATTEMPTS,
                "first": FIRST_PAUSE_SECONDS,
                "longest": LONGEST_PAUSE_SECONDS,
            },
        )
        return sum(is_left for (is_left,) in cursor.fetchall())


def keep_links(id: int, links: Sequence[UUID]) -> None:
    """Keep the links that a deleted reservation had with the row of its deletion: Django took it out of them before."""
    with connection.cursor() as cursor:
        cursor.execute(KEEP_LINKS, {"id": id, "links": list(links)})


def retry_left() -> int:
    """Make rows due again that were left after their last attempt; how many."""
    with connection.cursor() as cursor:
        cursor.execute(RETRY_LEFT)
        return int(cursor.rowcount)


def _take(statement: str, **parameters: Any) -> list[CapturedRow]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        taken = [_row(columns) for columns in cursor.fetchall()]
    return sorted(taken, key=lambda row: row.id)


def _row(columns: Sequence[Any]) -> CapturedRow:
    id, model, operation, row_pk, old, new, links, origin, transaction_id = columns
    return CapturedRow(
        id, model, operation, row_pk, _columns(old), _columns(new), tuple(links or ()), origin, transaction_id
    )


def _columns(row: str | None) -> dict[str, Any] | None:
    """Fractions stay decimal: prices are compared."""
    found: dict[str, Any] | None = None if row is None else json.loads(row, parse_float=Decimal)
    return found
