"""The task that compares one kind of one property; a schedule in the admin starts it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from uuid import UUID

from celery import shared_task

from channel_sync.errors import NotYet
from channel_sync.models import ChannelProperty, ChannelPropertyStatus, ReconciliationKind, ReconciliationRun
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from channel_sync.reconciliation.schedules import RECONCILE_TASK

logger = logging.getLogger(__name__)

RECONCILERS: dict[ReconciliationKind, Callable[[ChannelProperty, RunOptions], ReconciliationRun]] = {
    ReconciliationKind.BOOKINGS: reconcile_bookings,
    ReconciliationKind.AVAILABILITY: reconcile_availability,
    ReconciliationKind.RATES: reconcile_rates,
}


@shared_task(name=RECONCILE_TASK, ignore_result=True)
def reconcile(
    channel_property_id: str, kind: str, *, dry_run: bool = False, window: tuple[str, str] | None = None
) -> None:
    """Compare, fix, flag; a run that another process works on, or that credits stop, is left to the next one."""
    channel_property = ChannelProperty.objects.filter(id=UUID(channel_property_id)).first()
    if channel_property is None or channel_property.status != ChannelPropertyStatus.ACTIVE:
        logger.info("channel property %s is not active, nothing is compared", channel_property_id)
        return
    options = RunOptions(dry_run=dry_run, window=_days(window) if window else None)
    try:
        RECONCILERS[ReconciliationKind(kind)](channel_property, options)
    except NotYet as error:
        logger.info("%s of %s goes on later: %s", kind, channel_property, error)


def _days(window: tuple[str, str]) -> tuple[date, date]:
    first, last = window
    return date.fromisoformat(first), date.fromisoformat(last)
