"""The watch: a process of its own that alerts whatever is down, the broker and the database too.

Any number of watches may run: one holds a lock of the database and alerts, the others stand by. When the database is
away, the one that held the lock last alerts, out of its memory. Where it died too, or none has led yet, nobody would:
the others alert as well once the outage lasts twice as long. Without a database they cannot ask each other: in so
long an outage an alert from each is better than none.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import uuid4

from django.db import DatabaseError, InterfaceError, ProgrammingError, connection
from django.utils import timezone
from psycopg import Error
from psycopg.errors import InsufficientPrivilege

from channel_sync.conf import channel_sync_settings
from channel_sync.database_clock import database_now
from channel_sync.database_lock import session_lock
from channel_sync.errors import NotYet
from channel_sync.heartbeats import forget_dead, note_alive
from channel_sync.models import AlertKind, ProcessKind
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.alerts import follow
from channel_sync.monitoring.finding import Finding
from channel_sync.monitoring.health import Health, look
from channel_sync.monitoring.notices import Notice, tell

logger = logging.getLogger(__name__)

NO_WAIT = timedelta(milliseconds=1)
# How much longer than the leader a watch that did not lead waits: the leader may live and alert.
STANDBY_PATIENCE = 2

AWAY = (
    "The database does not answer, or takes no writes: webhooks are refused, and sent again by the channel for about "
    "half an hour. Start PostgreSQL, or point DATABASE_URL at the primary; then run a reconciliation of bookings."
)
OTHER_RELEASE = (
    "The database answers, and the code does not fit its tables ({what}): webhooks are refused, and sent again by the "
    "channel for about half an hour. Run 'manage.py migrate' with the release that is running, restart all processes, "
    "then run a reconciliation of bookings."
)


@dataclass
class _Outage:
    """The database is away; told, once it has been for long enough, to the receivers in `fired_to`."""

    alert_id: str
    began_at: datetime
    message: str = AWAY
    fired_to: list[str] = field(default_factory=list)


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
            try:
                with session_lock("channel_sync watch", wait=NO_WAIT):
                    return self._lead()
            except NotYet:
                self._stand_by()
        except (DatabaseError, InterfaceError) as error:
            connection.close()
            self._database_is_away(timezone.now(), error)
        return True

    def _lead(self) -> bool:
        while True:
            self.look_once(database_now())
            # Only now: a database that gives locks and takes no writes is not back, and makes nobody the leader.
            self._led = True
            self._database_is_back(timezone.now())
            if not self._wait():
                return False

    def _stand_by(self) -> None:
        """Another watch has the lock. It may only be trying, as we do: an outage ends when our own look succeeds."""
        if self._outage is not None:
            self._found(database_now())
        self._led = False
        self._database_is_back(timezone.now())

    def look_once(self, now: datetime) -> None:
        """One look, and what follows from it. Raises the database's errors."""
        follow(self._found(now), now=now)

    def _found(self, now: datetime) -> list[Finding]:
        note_alive(self._name, ProcessKind.WATCH)
        forget_dead(now=now)
        return list(findings(self._ask(), now=now))

    def _wait(self) -> bool:
        return self._pause(channel_sync_settings().alert_interval)

    def _database_is_away(self, now: datetime, error: Exception) -> None:
        # The first line alone: the next ones quote the statement.
        logger.warning("the database does not answer, or refuses: %s", str(error).partition("\n")[0])
        settings = channel_sync_settings()
        self._outage = outage = self._outage or _Outage(str(uuid4()), now)
        outage.message = _message(error)
        patience = settings.alert_outage_after * (1 if self._led else STANDBY_PATIENCE)
        if now - outage.began_at >= patience:
            missing = [way for way in settings.alert_channels if way not in outage.fired_to]
            outage.fired_to += tell(self._notice(outage), missing) if missing else []

    def _database_is_back(self, now: datetime) -> None:
        outage, self._outage = self._outage, None
        if outage is not None and outage.fired_to:
            tell(self._notice(outage, now), outage.fired_to)

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


def _message(error: Exception) -> str:
    """What is wrong and what to do; without the statement, whose values may be a guest's."""
    cause = error.__cause__
    if not isinstance(error, ProgrammingError) or isinstance(cause, InsufficientPrivilege):
        return AWAY
    return OTHER_RELEASE.format(what=cause.diag.message_primary if isinstance(cause, Error) else type(error).__name__)
