"""The watch: a process of its own that alerts whatever is down, the broker and the database too.

Any number of watches may run: one holds a lock of the database and alerts, the others stand by. When the database is
away, the one that held the lock last says so, out of its memory. The others do so later: that one may have died with
the machine of the database, and two alerts are better than none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import DatabaseError, InterfaceError, ProgrammingError, connection
from django.utils import timezone

from channel_sync.conf import channel_sync_settings
from channel_sync.database_clock import database_now
from channel_sync.database_lock import session_lock
from channel_sync.errors import NotYet
from channel_sync.heartbeats import forget_dead, note_alive
from channel_sync.models import AlertKind, ProcessKind
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.alerts import follow
from channel_sync.monitoring.health import Health, look
from channel_sync.monitoring.notices import Notice, tell

logger = logging.getLogger(__name__)

NO_WAIT = timedelta(milliseconds=1)
# Times `alert_outage_after`: who led has that long to say it alone.
WITHOUT_LEAD = 2
NO_ANSWER = (
    "The database does not answer, or takes no writes: webhooks are refused, and sent again by the channel for about "
    "half an hour. Start PostgreSQL, or point DATABASE_URL at the primary; then run a reconciliation of bookings."
)
TABLES_DIFFER = (
    "The database's tables are of another release than the code: webhooks are refused, and sent again by the channel "
    "for about half an hour. Run 'manage.py migrate', or go back to the release of the tables; restart the processes, "
    "and run a reconciliation of bookings."
)


@dataclass
class _Outage:
    """The database is away; sent once it has been for long enough."""

    alert_id: str
    began_at: datetime
    message: str
    is_sent: bool = False


class Watch:
    """Looks again and again; `pause` waits for the next look and says whether there is one."""

    def __init__(self, name: str, pause: Callable[[timedelta], bool], *, ask: Callable[[], Health] = look) -> None:
        self._name = name
        self._pause = pause
        self._ask = ask
        self._led = False
        self._outage: _Outage | None = None

    def run(self) -> None:
        """Until `pause` says that there is no next look."""
        while self._take_lead() and self._wait():
            pass

    def _take_lead(self) -> bool:
        """Lead as long as the lock can be held; false when it is time to end."""
        try:
            with session_lock("channel_sync watch", wait=NO_WAIT):
                self._led = True
                return self._lead()
        except NotYet:
            self._led = False
            self._database_is_back(timezone.now())
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            self._database_is_away(timezone.now(), error)
        return True

    def _lead(self) -> bool:
        while True:
            self.look_once(database_now())
            # Only now: a database that gives locks and takes no writes is not back.
            self._database_is_back(timezone.now())
            if not self._wait():
                return False

    def look_once(self, now: datetime) -> None:
        """One look, and what follows from it. Raises the database's errors."""
        note_alive(self._name, ProcessKind.WATCH)
        forget_dead(now=now)
        follow(findings(self._ask(), now=now), now=now)

    def _wait(self) -> bool:
        return self._pause(channel_sync_settings().alert_interval)

    def _database_is_away(self, now: datetime, error: Exception) -> None:
        logger.warning("the database does not answer: %s", error)
        settings = channel_sync_settings()
        message = TABLES_DIFFER if isinstance(error, ProgrammingError) else NO_ANSWER
        self._outage = self._outage or _Outage(str(uuid4()), now, message)
        lasts = settings.alert_outage_after * (1 if self._led else WITHOUT_LEAD)
        if not self._outage.is_sent and now - self._outage.began_at >= lasts:
            self._outage.is_sent = bool(tell(self._notice(self._outage), settings.alert_channels))

    def _database_is_back(self, now: datetime) -> None:
        outage, self._outage = self._outage, None
        if outage is not None and outage.is_sent:
            tell(self._notice(outage, now), channel_sync_settings().alert_channels)

    @staticmethod
    def _notice(outage: _Outage, resolved_at: datetime | None = None) -> Notice:
        return Notice(
            alert_id=outage.alert_id,
            kind=AlertKind.DATABASE_UNREACHABLE.value,
            subject="",
            message=outage.message,
            began_at=outage.began_at,
            resolved_at=resolved_at,
        )
