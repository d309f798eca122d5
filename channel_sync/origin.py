"""Which channel a change is made for, so that the change is not sent back to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

from django.db import connection
from psycopg.pq import TransactionStatus

_origin: ContextVar[UUID | None] = ContextVar("channel_sync_origin", default=None)

# Local to the transaction: a pooler may give the connection to somebody else after it.
SET_ORIGIN = "SELECT set_config('channel_sync.origin', %s, true)"


def change_origin() -> UUID | None:
    """The channel property whose change is being applied; None for changes of the PMS itself."""
    return _origin.get()


@contextmanager
def attributed_to(channel_property_id: UUID | None) -> Iterator[None]:
    """Record the events in this block as those of a channel's changes, or of the PMS; it writes no row of the host."""
    token = _origin.set(channel_property_id)
    try:
        yield
    finally:
        _origin.reset(token)


@contextmanager
def on_behalf_of(channel_property_id: UUID) -> Iterator[None]:
    """Mark the changes made in this block as those of a channel; enter it inside the transaction of the changes.

    The triggers that capture changes read the mark from a setting of the transaction.
    """
    outside = change_origin()
    with attributed_to(channel_property_id):
        _mark_transaction(channel_property_id)
        try:
            yield
        finally:
            _mark_transaction(outside)


def _mark_transaction(origin: UUID | None) -> None:
    """Nothing outside a transaction; a rollback takes the mark back by itself."""
    if not connection.in_atomic_block or connection.needs_rollback:
        return
    if connection.connection is None or connection.connection.info.transaction_status == TransactionStatus.INERROR:
        return
    with connection.cursor() as cursor:
        cursor.execute(SET_ORIGIN, [str(origin or "")])
