"""PostgreSQL advisory locks: one worker at a time for a thing that is no row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection
from django.db.utils import OperationalError
from psycopg.errors import LockNotAvailable

from channel_sync.errors import NotYet

BUSY_RETRY = timedelta(seconds=2)


def _lock_number(*parts: object) -> int:
    """A signed 64-bit number for a name; two names that meet only wait for each other."""
    digest = hashlib.sha256("\x00".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


def lock_in_transaction(*name: object) -> None:
    """Wait for the lock of this name; the end of the transaction frees it."""
    lock_all_in_transaction([name])


def lock_all_in_transaction(names: Iterable[tuple[object, ...]]) -> None:
    """Wait for several locks, in one order whoever asks; the end of the transaction frees them."""
    numbers = sorted({_lock_number(*name) for name in names})
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) AS number", [numbers])


def try_lock_in_transaction(*name: object) -> bool:
    """Take the lock of this name until the end of the transaction, if nobody else holds it; whether it was taken."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_lock_number(*name)])
        (taken,) = cursor.fetchone() or (False,)
    return bool(taken)


def give_up_waiting_after(wait: timedelta) -> None:
    """Let every statement of this transaction that waits longer than this for a lock fail with `OperationalError`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{int(wait.total_seconds() * 1000)}ms"])


IS_HELD = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND classid = %s::bigint::oid AND objid = %s::bigint::oid
)
"""


def is_held(*name: object) -> bool:
    """Whether somebody holds the lock of this name at the moment; it takes no lock itself."""
    number = _lock_number(*name) & 0xFFFF_FFFF_FFFF_FFFF
    with connection.cursor() as cursor:
        cursor.execute(IS_HELD, [number >> 32, number & 0xFFFF_FFFF])
        (held,) = cursor.fetchone() or (False,)
    return bool(held)


def close_if_broken() -> None:
    """Close this thread's database connection after an error, unless it works: one that does keeps its locks."""
    if connection.connection is not None and not connection.is_usable():
        connection.close()


@contextmanager
def session_lock(*name: object, wait: timedelta) -> Iterator[Callable[[], None]]:
    """Hold the lock of this name outside any transaction, for work that calls the outside world.

    Raises `NotYet` when another session holds it for longer than `wait`. A worker that dies loses its session and
    with it the lock; so does one whose connection is cut and opened anew: what is yielded raises `NotYet` then, and is
    asked before each call. Needs a direct connection, or a pooler in session mode.
    """
    number = _lock_number(*name)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{int(wait.total_seconds() * 1000)}ms"])
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [number])
        except OperationalError as error:
            if isinstance(error.__cause__, LockNotAvailable):
                raise NotYet(f"{name[0]} is in use by another worker.", retry_after=BUSY_RETRY) from error
            raise
        finally:
            cursor.execute("RESET lock_timeout")
    session = connection.connection

    def require_held() -> None:
        if connection.connection is not session:
            raise NotYet(f"{name[0]} may be in use by another worker: our session was lost.", retry_after=BUSY_RETRY)

    try:
        yield require_held
    finally:
        if connection.connection is session and not session.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
