"""Read all bookings of a window, page by page, into the run's own table: memory does not grow with them."""

from __future__ import annotations

from functools import partial

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import BookingPage
from channel_sync.channels.ranges import ONE_NIGHT
from channel_sync.models import ReconciliationRun, StagedBooking
from channel_sync.reconciliation.runs import EVERYBODY, RunOptions, advance
from channel_sync.reconciliation.spare_calls import call_with_spare_credits


def read_bookings(run: ReconciliationRun, options: RunOptions) -> None:
    """Stage the pages that are not staged yet; a run that is resumed goes on with the next page."""
    page = run.cursor.get("next_page", 1)
    while page:
        found = call_with_spare_credits(run.channel_property, partial(_page, run=run, number=page), wait=options.wait)
        # A booking made meanwhile moves others to the next page: they come twice.
        StagedBooking.objects.bulk_create(
            [
                StagedBooking(run=run, external_id=booking.external_id, payload=booking.payload)
                for booking in found.bookings
            ],
            ignore_conflicts=True,
        )
        page = page + 1 if found.has_next else 0
        advance(run, compared=len(found.bookings), next_page=page)
        options.progress("bookings read", run.compared)


def _page(channel: Channel, *, run: ReconciliationRun, number: int) -> BookingPage:
    external_property_id = run.channel_property.channel_property_id
    if EVERYBODY in run.cursor:
        return channel.bookings_departing_from(external_property_id, run.window_start + ONE_NIGHT, page=number)
    return channel.arriving_bookings(external_property_id, run.window_start, run.window_end, page=number)
