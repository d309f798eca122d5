"""A clock that can be moved: that of this process, of the simulator in it, and of PostgreSQL, all by the same step.

`time_machine` moves Python's. PostgreSQL's cannot be moved, but hidden: functions of the same names stand before its
own in the search path of the test database, and add what the game is ahead. What columns have as their default is bound
to the real functions, so the defaults are set to ours for as long as the game lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import time_machine
from django.db import connection
from django.utils import timezone

FUNCTIONS = {
    "clock_timestamp": "VOLATILE",
    "statement_timestamp": "STABLE",
    "transaction_timestamp": "STABLE",
    "now": "STABLE",
}
DEFAULTS = """
SELECT table_name, column_name, column_default FROM information_schema.columns
WHERE table_schema = 'public' AND column_default IN ('CURRENT_TIMESTAMP', 'now()', 'clock_timestamp()')
"""


class GameClock:
    """What time it is in the game; it goes on by itself as real time does, and never back."""

    def __init__(self, traveller: time_machine.Coordinates) -> None:
        self._traveller = traveller

    def now(self) -> datetime:
        """The moment, with its zone."""
        return timezone.now()

    def move_to(self, moment: datetime) -> None:
        """Let it be this moment at once, on every clock; a moment that is over changes nothing."""
        if moment > self.now():
            self._set(moment)

    def _set(self, moment: datetime) -> None:
        self._traveller.move_to(moment)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE game_clock.ahead SET by = %s - pg_catalog.clock_timestamp()", [moment])

    def advance(self, span: timedelta, reason: str = "") -> None:
        """Let this much time go by; also what a comparison does when it has to wait."""
        self.move_to(self.now() + max(span, timedelta(milliseconds=1)))


@contextmanager
def game_clock(start: datetime) -> Iterator[GameClock]:
    """Move all clocks to `start`, which is in the future, and back in the end. Outside of a transaction."""
    database = connection.ops.quote_name(str(connection.settings_dict["NAME"]))
    with connection.cursor() as cursor:
        cursor.execute(DEFAULTS)
        defaults = cursor.fetchall()
        cursor.execute("CREATE SCHEMA game_clock")
        cursor.execute("CREATE TABLE game_clock.ahead AS SELECT interval '0' AS by")
        for name, kind in FUNCTIONS.items():
            cursor.execute(
                f"CREATE FUNCTION game_clock.{name}() RETURNS timestamptz LANGUAGE sql {kind} AS "
                f"$$ SELECT pg_catalog.{name}() + by FROM game_clock.ahead $$"
            )
        for table, column, _ in defaults:
            cursor.execute(f'ALTER TABLE "{table}" ALTER "{column}" SET DEFAULT game_clock.clock_timestamp()')
        cursor.execute(f"ALTER DATABASE {database} SET search_path = public, game_clock, pg_catalog")
        # Nothing here is about a server that dies: a commit need not wait for the disk.
        cursor.execute(f"ALTER DATABASE {database} SET synchronous_commit = off")
    connection.close()
    try:
        with time_machine.travel(start, tick=True) as traveller:
            clock = GameClock(traveller)
            clock._set(start)
            yield clock
    finally:
        connection.close()
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {database} RESET ALL")
        # A new session: in the old one the names in the defaults are still those of ours, which are dropped.
        connection.close()
        with connection.cursor() as cursor:
            for table, column, default in defaults:
                cursor.execute(f'ALTER TABLE "{table}" ALTER "{column}" SET DEFAULT {default}')
            cursor.execute("DROP SCHEMA game_clock CASCADE")
        connection.close()
