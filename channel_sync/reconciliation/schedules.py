"""When properties are compared: rows of django-celery-beat, one per property and kind, to be changed in the admin."""

from __future__ import annotations

import json
from datetime import timedelta

from django.utils import timezone
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from channel_sync.broker.topology import topology
from channel_sync.conf import channel_sync_settings
from channel_sync.models import ChannelProperty, ReconciliationKind

RECONCILE_TASK = "channel_sync.reconcile"
FIRST_SYNC_TASK = "channel_sync.first_sync"


def schedule_reconciliation(channel_property: ChannelProperty) -> None:
    """Make the schedules that a property lacks; those it has, changed or switched off, stay as they are.

    The first run comes at a time within the interval that follows from the property's id: thousands of properties that
    are connected in one night do not all start at once. The whole calendar is compared half an interval later.
    """
    every = channel_sync_settings().reconcile_whole_calendar_interval
    for kind, usual in _intervals().items():
        _schedule(channel_property, kind, usual, offset_of(channel_property, usual))
        offset = (offset_of(channel_property, every) + every / 2) % every
        _schedule(channel_property, kind, every, offset, is_whole=True)


def unschedule_reconciliation(channel_property: ChannelProperty) -> None:
    """Of a property that is connected to nothing any more; connecting it makes its schedules anew."""
    PeriodicTask.objects.filter(
        name__startswith="channel_sync reconcile ", name__endswith=f" of {channel_property.id}"
    ).delete()


def _schedule(
    channel_property: ChannelProperty,
    kind: ReconciliationKind,
    every: timedelta,
    offset: timedelta,
    *,
    is_whole: bool = False,
) -> None:
    interval, _ = IntervalSchedule.objects.get_or_create(
        every=int(every.total_seconds()), period=IntervalSchedule.SECONDS
    )
    what = f"all {kind.value}" if is_whole else kind.value
    PeriodicTask.objects.get_or_create(
        name=f"channel_sync reconcile {what} of {channel_property.id}",
        defaults={
            "task": RECONCILE_TASK,
            "interval": interval,
            "args": json.dumps([str(channel_property.id), kind.value]),
            "kwargs": json.dumps({"whole_calendar": True} if is_whole else {}),
            "queue": topology().reconciliation.name,
            "expire_seconds": int(every.total_seconds()),
            "description": f"{channel_property}: compare {what} with the channel",
            "last_run_at": timezone.now() - every + offset,
        },
    )


def offset_of(channel_property: ChannelProperty, every: timedelta) -> timedelta:
    """Where in the interval a property has its turn."""
    share: float = (channel_property.id.int % 10_000) / 10_000
    return every * share


def _intervals() -> dict[ReconciliationKind, timedelta]:
    settings = channel_sync_settings()
    return {
        ReconciliationKind.BOOKINGS: settings.reconcile_bookings_interval,
        ReconciliationKind.AVAILABILITY: settings.reconcile_availability_interval,
        ReconciliationKind.RATES: settings.reconcile_rates_interval,
    }
