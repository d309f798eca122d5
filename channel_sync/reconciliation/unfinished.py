"""What a process left unfinished: first synchronisations that are wanted, and runs whose process died.

The wish for a first synchronisation is a time in the property's connection, so that neither a lost message nor a worker
that dies forgets it. A run is held by a session's lock; one that says that it runs, and that nobody holds, is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from channel_sync.database_lock import is_held
from channel_sync.models import (
    ChannelConnection,
    ChannelProperty,
    ChannelPropertyStatus,
    ReconciliationKind,
    ReconciliationRun,
    RunStatus,
)
from channel_sync.reconciliation.failure_reason import reason_of
from channel_sync.reconciliation.runs import EVERYBODY, WHOLE, run_lock

# A message that was not worked by then is lost, or waits in a queue where a second one does no harm.
UNDER_WAY = timedelta(minutes=2)
LOST_AFTER = timedelta(minutes=1)
AT_ONCE = 100
# Between the attempts of a first synchronisation that goes on failing: 2, 4, 8 minutes and so on.
LONGEST_PAUSE = timedelta(hours=1)
DOUBLED_AT_MOST = 5

StartFirstSync = Callable[[ChannelProperty], None]
StartRun = Callable[[ReconciliationRun], None]


def want_first_sync(channel_property: ChannelProperty, *, after: timedelta = UNDER_WAY) -> None:
    """Have the first synchronisation started, or started again, at that time, until `first_sync_is_settled`."""
    _connection_of(channel_property).update(first_sync_due_at=Now() + after)


def first_sync_is_settled(channel_property: ChannelProperty) -> None:
    """It is made, or nobody could be asked to make it: it is wanted no more."""
    _connection_of(channel_property).update(first_sync_due_at=None, first_sync_failures=0, first_sync_error="")


def first_sync_has_failed(channel_property: ChannelProperty, error: Exception) -> None:
    """Keep why, for the alert, and have it started again after a pause that grows with each failure."""
    connection = _connection_of(channel_property)
    failures = connection.values_list("first_sync_failures", flat=True).first() or 0
    pause = min(UNDER_WAY * 2 ** min(failures, DOUBLED_AT_MOST), LONGEST_PAUSE)
    connection.update(
        first_sync_due_at=Now() + pause, first_sync_failures=failures + 1, first_sync_error=reason_of(error)
    )


def start_unfinished(start_first_sync: StartFirstSync, start_run: StartRun) -> int:
    """Start what is due and lost, and in nobody's hands; how many were started."""
    started = 0
    due = ChannelConnection.objects.filter(
        first_sync_due_at__lte=Now(), channel_property__status=ChannelPropertyStatus.ACTIVE
    )
    for connection in due.select_related("channel_property").order_by("first_sync_due_at")[:AT_ONCE]:
        channel_property = connection.channel_property
        want_first_sync(channel_property)
        if not is_held(*run_lock(channel_property, ReconciliationKind.BOOKINGS)):
            start_first_sync(channel_property)
            started += 1
    for run in _lost_runs():
        if not is_held(*run_lock(run.channel_property, ReconciliationKind(run.kind))):
            start_run(run)
            started += 1
    return started


def _lost_runs() -> list[ReconciliationRun]:
    """A run by hand that only looked is nobody's to go on with, nor one of a wanted first synchronisation.

    A queued one is taken whatever it is: somebody waits for its id, and its message was lost.
    """
    queued = ReconciliationRun.objects.filter(status=RunStatus.QUEUED, updated_at__lt=Now() - LOST_AFTER)
    still = ReconciliationRun.objects.filter(
        status=RunStatus.RUNNING,
        dry_run=False,
        updated_at__lt=Now() - LOST_AFTER,
        channel_property__status=ChannelPropertyStatus.ACTIVE,
    )
    of_first_sync = Q(cursor__has_key=EVERYBODY) & ~Q(cursor__has_key=WHOLE)
    still = still.exclude(of_first_sync, channel_property__connection__first_sync_due_at__isnull=False)
    found = [rows.select_related("channel_property").order_by("updated_at")[:AT_ONCE] for rows in (queued, still)]
    return [run for rows in found for run in rows]


def _connection_of(channel_property: ChannelProperty) -> QuerySet[ChannelConnection]:
    return ChannelConnection.objects.filter(channel_property=channel_property)
