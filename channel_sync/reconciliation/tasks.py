"""The tasks that compare a property with its channel; schedules and people start them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

from celery import current_app, shared_task
from django.db import InterfaceError, OperationalError
from django.db.models.functions import Now

from channel_sync.broker.celery_options import RESUME_RUNS_TASK
from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.opening import PARITY_TASK
from channel_sync.errors import LoginRefused, NotYet, Retryable
from channel_sync.fleeting import FleetingTask
from channel_sync.models import (
    ChannelProperty,
    ChannelPropertyStatus,
    ParityCheck,
    ReconciliationKind,
    ReconciliationRun,
    RunStatus,
)
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.first_sync import first_sync
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import ASKED, EVERYBODY, WHOLE, RunOptions, end_queued
from channel_sync.reconciliation.schedules import FIRST_SYNC_TASK, RECONCILE_TASK, schedule_reconciliation
from channel_sync.reconciliation.unfinished import (
    AT_ONCE,
    UNDER_WAY,
    first_sync_has_failed,
    start_unfinished,
    want_first_sync,
)
from channel_sync.reconciliation.whole_calendar import of_whole_calendar

SOONEST = timedelta(seconds=10)
# A look that no worker took in time is dropped: the next one does its work.
RESUME_EXPIRES_SECONDS = 30
NOT_ACTIVE = "Nothing was compared: the property is not active. Resume it, or connect it again."
NOT_OPEN = "Nothing was compared: both sides were not compared yet, or their report is not accepted (parity)."

logger = logging.getLogger(__name__)

RECONCILERS: dict[ReconciliationKind, Callable[[ChannelProperty, RunOptions], ReconciliationRun]] = {
    ReconciliationKind.BOOKINGS: reconcile_bookings,
    ReconciliationKind.AVAILABILITY: reconcile_availability,
    ReconciliationKind.RATES: reconcile_rates,
}


@shared_task(name=RECONCILE_TASK, base=FleetingTask, ignore_result=True)
def reconcile(
    channel_property_id: str,
    kind: str,
    *,
    dry_run: bool = False,
    window: tuple[str, str] | None = None,
    whole_calendar: bool = False,
    run_id: str | None = None,
) -> None:
    """Compare, fix, flag; a run that another process works on, or that credits stop, is left to the next one.

    With `run_id` it is a queued run, whose row says what to compare; one that was taken before is left alone.

    With `whole_calendar` the usual window is replaced by everything from whoever is in house to the calendar's end.
    """
    channel_property = _active(channel_property_id)
    if channel_property is None:
        if run_id is not None:
            end_queued(UUID(run_id), NOT_ACTIVE)
        return
    if channel_property.held_since is not None:
        if run_id is not None:
            end_queued(UUID(run_id), NOT_OPEN)
        logger.info("%s is not open yet, nothing is compared before its parity check is accepted", channel_property)
        return
    options = RunOptions(dry_run=dry_run, window=_days(window) if window else None)
    if run_id is not None:
        queued = ReconciliationRun.objects.filter(id=UUID(run_id), status=RunStatus.QUEUED).first()
        if queued is None:
            return
        asked = (queued.window_start, queued.window_end) if ASKED in queued.cursor else None
        options = RunOptions(dry_run=queued.dry_run, window=asked, run_id=queued.id)
    if kind == ReconciliationKind.RATES:
        # Once a day: a property that was connected by an older release has the schedules of this one then.
        schedule_reconciliation(channel_property)
    if whole_calendar:
        options = of_whole_calendar(channel_property, ReconciliationKind(kind), options)
    try:
        RECONCILERS[ReconciliationKind(kind)](channel_property, options)
    except NotYet as error:
        logger.info("%s of %s goes on later: %s", kind, channel_property, error)


@shared_task(name=FIRST_SYNC_TASK, ignore_result=True)
def first_synchronisation(channel_property_id: str) -> None:
    """Import every booking of a new property, then send its calendar; stopped by credits it goes on by itself.

    One that fails is alerted, and tried again after a pause that grows, until it is made.
    """
    channel_property = _active(channel_property_id)
    if channel_property is None or channel_property.held_since is not None:
        # What is held imports its bookings once its parity check is accepted.
        return
    try:
        first_sync(channel_property)
    except Retryable as error:
        pause = max(getattr(error, "retry_after", None) or SOONEST, SOONEST)
        want_first_sync(channel_property, after=pause)
        logger.warning("the first synchronisation of %s goes on in %s: %s", channel_property, pause, error)
    except (OperationalError, InterfaceError, LoginRefused):
        # It is wanted as before: once the database answers, or the property is connected again, it is started again.
        raise
    except Exception as error:
        first_sync_has_failed(channel_property, error)
        raise


@shared_task(name=RESUME_RUNS_TASK, base=FleetingTask, ignore_result=True, fleeting_seconds=RESUME_EXPIRES_SECONDS)
def resume_runs() -> None:
    """Start again what a process left unfinished; beat starts it twice a minute."""
    _start_parity_checks()
    started = start_unfinished(_start_first_sync, _start_run)
    if started:
        logger.warning("%d runs were left unfinished and are started again", started)


def _start_parity_checks() -> None:
    """Those that are due: their message was lost, their process died, or they failed a while ago."""
    due = ParityCheck.objects.filter(due_at__lte=Now(), channel_property__status=ChannelPropertyStatus.ACTIVE)
    for check in due.select_related("channel_property").order_by("due_at")[:AT_ONCE]:
        _send(PARITY_TASK, check.channel_property, [], {}, worth_for=channel_sync_settings().resume_interval)


def _start_first_sync(channel_property: ChannelProperty) -> None:
    _send(FIRST_SYNC_TASK, channel_property, [], {}, worth_for=UNDER_WAY)


def _start_run(run: ReconciliationRun) -> None:
    until_the_next = channel_sync_settings().resume_interval
    if run.status == RunStatus.QUEUED:
        _send(RECONCILE_TASK, run.channel_property, [run.kind], {"run_id": str(run.id)}, worth_for=until_the_next)
        return
    if WHOLE in run.cursor:
        _send(RECONCILE_TASK, run.channel_property, [run.kind], {"whole_calendar": True}, worth_for=until_the_next)
        return
    if EVERYBODY in run.cursor:
        _send(FIRST_SYNC_TASK, run.channel_property, [], {}, worth_for=until_the_next)
        return
    window = [str(run.window_start), str(run.window_end)]
    _send(RECONCILE_TASK, run.channel_property, [run.kind], {"window": window}, worth_for=until_the_next)


def _send(
    task: str,
    channel_property: ChannelProperty,
    arguments: list[str],
    options: dict[str, object],
    *,
    worth_for: timedelta,
) -> None:
    """Until the next message of the same is sent: one waits in the queue, not many."""
    current_app.send_task(
        task,
        args=[str(channel_property.id), *arguments],
        kwargs=options,
        queue=topology().reconciliation.name,
        expiration=worth_for.total_seconds(),
        ignore_result=True,
    )


def _active(channel_property_id: str) -> ChannelProperty | None:
    found = ChannelProperty.objects.filter(id=UUID(channel_property_id), status=ChannelPropertyStatus.ACTIVE).first()
    if found is None:
        logger.info("channel property %s is not active, nothing is compared", channel_property_id)
    return found


def _days(window: tuple[str, str]) -> tuple[date, date]:
    first, last = window
    return date.fromisoformat(first), date.fromisoformat(last)
