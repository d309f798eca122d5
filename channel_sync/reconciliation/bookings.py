"""Compare bookings with reservations."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from channel_sync.channels.canonical import BookingNotification
from channel_sync.database_errors import DATABASE_FAULTS
from channel_sync.errors import NotYet
from channel_sync.models import (
    ChannelProperty,
    Conflict,
    ConflictStatus,
    ReconciliationKind,
    ReconciliationRun,
    ReservationLink,
)
from channel_sync.pms import host_pms
from channel_sync.reconciliation.closer_look import BOOKING_KINDS, Outcome, flag_unreadable, look_closer
from channel_sync.reconciliation.comparison import Suspect, suspects
from channel_sync.reconciliation.failure_reason import place_of
from channel_sync.reconciliation.fixes import record_failure
from channel_sync.reconciliation.link_state import LinkState, link_states
from channel_sync.reconciliation.reservations import ReservationReader
from channel_sync.reconciliation.runs import RunOptions, advance, look_again, running
from channel_sync.reconciliation.snapshot import read_bookings
from channel_sync.reconciliation.spare_calls import call_with_spare_credits

logger = logging.getLogger(__name__)

DAYS_BEFORE, DAYS_AFTER = 30, 90
# Ids in one GET, whose answer is one page.
BATCH = 100


def reconcile_bookings(channel_property: ChannelProperty, options: RunOptions | None = None) -> ReconciliationRun:
    """Compare what arrives in the last 30 and the next 90 days; fix what is safe, flag the rest.

    Fixed: a booking that the PMS lacks is created, one that the channel cancelled is cancelled, a price that differs by
    at most 5 % of the channel's is taken over. Flagged: dates, room, status, greater price differences, guest, and
    reservations that the channel lacks. What cannot be read or compared costs no other its comparison: a booking gets
    an event that failed, a reservation that the channel lacks is flagged. What an event is still to settle is left to
    it. Raises `NotYet` when the same runs elsewhere, or credits are short for longer than `options.wait` waits, and
    `ReservationsUnreadable` when the host's port fails and no single reservation is to blame.
    """
    options = options or RunOptions()
    today = host_pms().property_facts(channel_property.property_id).today()
    window = options.window or (today - timedelta(days=DAYS_BEFORE), today + timedelta(days=DAYS_AFTER))
    with running(channel_property, ReconciliationKind.BOOKINGS, window, options) as run:
        read_bookings(run, options)
        reservations = ReservationReader(run)
        differing = list(suspects(run, reservations))
        found = _with_open_conflicts(channel_property, _numbered(channel_property, differing))
        look_again(run)
        done = 0
        for start in range(0, len(found), BATCH):
            batch = found[start : start + BATCH]
            before = link_states(channel_property, _external_ids(batch))
            listed = _present(channel_property, batch, options)
            for suspect in batch:
                number = suspect.external_id
                outcome = _look_at_one(
                    channel_property,
                    suspect,
                    listed.get(number) if number is not None else None,
                    before.get(number) if number is not None else None,
                    dry_run=options.dry_run,
                )
                done += 1
                advance(run, fixed=len(outcome.fixed), flagged=len(outcome.flagged))
                options.progress(f"of {len(found)} differences looked at", done)
        # Only now: whatever can be compared has been.
        reservations.require_sound()
    return run


def _look_at_one(
    channel_property: ChannelProperty,
    suspect: Suspect,
    listed: BookingNotification | None,
    before: LinkState | None,
    *,
    dry_run: bool,
) -> Outcome:
    """A closer look that costs no other booking anything: what it raises is kept, and the run goes on."""
    try:
        return look_closer(channel_property, suspect, listed, before, dry_run=dry_run)
    except (NotYet, *DATABASE_FAULTS):
        raise
    except Exception as error:  # noqa: BLE001 - it is this one's own
        # Not the text of the error, which may name a guest.
        logger.error(
            "booking %s, reservation %s: not compared, %s:\n%s",
            suspect.external_id, suspect.reservation_id, type(error).__name__, place_of(error),
        )  # fmt: skip
        if listed is None:
            return flag_unreadable(channel_property, suspect, error, dry_run=dry_run)
        if not dry_run:
            record_failure(channel_property, listed, error)
        return Outcome()


def _numbered(channel_property: ChannelProperty, found: list[Suspect]) -> list[Suspect]:
    """With the channel's number of the reservations that it knew once."""
    alone = [one.reservation_id for one in found if one.external_id is None and one.reservation_id is not None]
    links = ReservationLink.objects.filter(channel_property=channel_property, reservation_id__in=alone)
    numbers: dict[UUID | None, str] = dict(links.values_list("reservation_id", "external_id"))
    return [
        replace(suspect, external_id=suspect.external_id or numbers.get(suspect.reservation_id)) for suspect in found
    ]


def _with_open_conflicts(channel_property: ChannelProperty, found: list[Suspect]) -> list[Suspect]:
    """Those that were flagged before are looked at too: a difference that is gone closes its conflict."""
    named = {suspect.external_id for suspect in found if suspect.external_id is not None}
    reserved = {suspect.reservation_id for suspect in found if suspect.external_id is None}
    subjects = Conflict.objects.filter(
        channel_property=channel_property, status=ConflictStatus.OPEN, kind__in=BOOKING_KINDS
    ).values_list("subject", flat=True)
    for subject in subjects.distinct():
        kind, _, number = subject.partition(":")
        if kind == "booking" and number not in named:
            found.append(Suspect(number, None))
        elif kind == "reservation" and UUID(number) not in reserved:
            found.append(Suspect(None, UUID(number)))
    return found


def _present(
    channel_property: ChannelProperty, batch: Sequence[Suspect], options: RunOptions
) -> Mapping[str, BookingNotification]:
    """The bookings of the suspects, as they are at the channel now."""
    numbers = _external_ids(batch)
    if not numbers:
        return {}
    return call_with_spare_credits(channel_property, lambda channel: channel.bookings(numbers), wait=options.wait)


def _external_ids(batch: Sequence[Suspect]) -> list[str]:
    return [suspect.external_id for suspect in batch if suspect.external_id is not None]
