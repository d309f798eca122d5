"""The tasks that compare a property with its channel; schedules and people start them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date, timedelta
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from channel_sync.errors import NotYet
from channel_sync.fleeting import FleetingTask
from channel_sync.models import ChannelProperty, ChannelPropertyStatus, ReconciliationKind, ReconciliationRun
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.first_sync import first_sync
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from channel_sync.reconciliation.schedules import FIRST_SYNC_TASK, RECONCILE_TASK, schedule_first_sync

# Beat looks at its rows every few seconds; no use in asking it for less.
SOONEST = timedelta(seconds=10)

logger = logging.getLogger(__name__)

RECONCILERS: dict[ReconciliationKind, Callable[[ChannelProperty, RunOptions], ReconciliationRun]] = {
    ReconciliationKind.BOOKINGS: reconcile_bookings,
    ReconciliationKind.AVAILABILITY: reconcile_availability,
    ReconciliationKind.RATES: reconcile_rates,
}


@shared_task(name=RECONCILE_TASK, base=FleetingTask, ignore_result=True)
def reconcile(
    channel_property_id: str, kind: str, *, dry_run: bool = False, window: tuple[str, str] | None = None
) -> None:
    """Compare, fix, flag; a run that another process works on, or that credits stop, is left to the next one."""
    channel_property = _active(channel_property_id)
    if channel_property is None:
        return
    options = RunOptions(dry_run=dry_run, window=_days(window) if window else None)
    try:
        RECONCILERS[ReconciliationKind(kind)](channel_property, options)
    except NotYet as error:
        logger.info("%s of %s goes on later: %s", kind, channel_property, error)


@shared_task(name=FIRST_SYNC_TASK, ignore_result=True)
def first_synchronisation(channel_property_id: str) -> None:
    """Import every booking of a new property, then send its calendar; stopped by credits it goes on by itself."""
    channel_property = _active(channel_property_id)
    if channel_property is None:
        return
    try:
        first_sync(channel_property)
    except NotYet as error:
        due = timezone.now() + max(error.retry_after, SOONEST)
        schedule_first_sync(channel_property, due)
        logger.warning("the first synchronisation of %s goes on at %s: %s", channel_property, due, error)


def _active(channel_property_id: str) -> ChannelProperty | None:
    found = ChannelProperty.objects.filter(id=UUID(channel_property_id), status=ChannelPropertyStatus.ACTIVE).first()
    if found is None:
        logger.info("channel property %s is not active, nothing is compared", channel_property_id)
    return found


def _days(window: tuple[str, str]) -> tuple[date, date]:
    first, last = window
    return date.fromisoformat(first), date.fromisoformat(last)
