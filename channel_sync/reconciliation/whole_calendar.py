"""Once a day more is compared than the usual windows: who is in house, and everything to the end of the calendar."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from channel_sync.channels.ranges import ONE_NIGHT
from channel_sync.conf import channel_sync_settings
from channel_sync.models import ChannelProperty, ReconciliationKind
from channel_sync.pms import host_pms
from channel_sync.reconciliation.runs import RunOptions


def of_whole_calendar(
    channel_property: ChannelProperty, kind: ReconciliationKind, options: RunOptions | None = None
) -> RunOptions:
    """The options of a run that compares bookings by their departure, or availability or rates of `calendar_nights`.

    Bookings are all that depart after today at the property, whenever they arrive.
    """
    today = host_pms().property_facts(channel_property.property_id).today()
    last = today + timedelta(days=channel_sync_settings().calendar_nights) - ONE_NIGHT
    return replace(
        options or RunOptions(),
        window=(today, last),
        everybody_to_come=kind is ReconciliationKind.BOOKINGS,
        is_whole=True,
    )
