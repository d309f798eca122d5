"""A newly connected property: its bookings come in, then availability and rates go out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from channel_sync.conf import channel_sync_settings
from channel_sync.models import ChannelProperty, ReconciliationRun
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.pms import host_pms
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.runs import RunOptions
from channel_sync.reconciliation.unfinished import first_sync_is_settled


def first_sync(channel_property: ChannelProperty, options: RunOptions | None = None) -> tuple[ReconciliationRun, int]:
    """Import every booking that departs after today, whoever is in house included, then send the whole calendar.

    Returns the run and the number of events recorded. Stopped and called again within half an hour it goes on where it
    was; later it starts over, and finds what is there already. Once made, it is wanted no
    more. Raises as `reconcile_bookings` does.
    """
    run = import_bookings(channel_property, options)
    if run.dry_run:
        return run, 0
    recorded = request_full_sync(channel_property)
    first_sync_is_settled(channel_property)
    return run, recorded


def import_bookings(channel_property: ChannelProperty, options: RunOptions | None = None) -> ReconciliationRun:
    """Import every booking that departs after today, whoever is in house included. Raises as `reconcile_bookings`."""
    today = host_pms().property_facts(channel_property.property_id).today()
    window = today, today + timedelta(days=channel_sync_settings().calendar_nights)
    everybody = replace(options or RunOptions(), window=window, everybody_to_come=True)
    return reconcile_bookings(channel_property, everybody)
