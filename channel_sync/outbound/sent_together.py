"""Settle many bookings that one call has sent in few statements, where none of them needs a look of its own.

Most have nothing but their link to keep: no hold waits for their confirmation. Those are settled
`bookings_per_transaction` at a time; the others, and a group in which anything goes wrong, one by one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from django.db import InterfaceError, OperationalError, transaction

from channel_sync.conf import channel_sync_settings
from channel_sync.connections.account import note_success
from channel_sync.database_lock import give_up_waiting_after, lock_all_in_transaction
from channel_sync.events.processing import settle_error
from channel_sync.events.store import Worked, complete_together, note_completed
from channel_sync.inventory.confirmation import confirm_all_unheld
from channel_sync.models import ChannelProperty, ReservationLink
from channel_sync.origin import on_behalf_of
from channel_sync.outbound.booking_batch import Planned
from channel_sync.outbound.booking_outcome import settle_sent, updated_link

logger = logging.getLogger(__name__)

# PostgreSQL ends one of two transactions that wait for each other after a second: ours has given up before.
LONGEST_WAIT = timedelta(milliseconds=500)


class Sent(NamedTuple):
    """A booking that the channel has taken, its id there, and what went with it against our wishes."""

    booking: Planned
    external_id: str
    warnings: tuple[str, ...] = ()
    dropped: frozenset[str] = frozenset()


def settle_all_sent(sent: Sequence[Sent]) -> None:
    """Settle the bookings of a call as `settle_sent` does each."""
    for one in sent:
        if one.warnings:
            logger.warning("event %s, booking %s: %s", one.booking.event.id, one.external_id, "; ".join(one.warnings))
    size = channel_sync_settings().bookings_per_transaction
    for start in range(0, len(sent), size):
        group = sent[start : start + size]
        settled = _settle_together(group) if len(group) > 1 else set()
        for one in group:
            if one.external_id not in settled:
                _settle_alone(one)


def _settle_alone(one: Sent) -> None:
    """What goes wrong is the story of its events, and of no other's."""
    try:
        settle_sent(one.booking, one.external_id, one.warnings, one.dropped)
    except (OperationalError, InterfaceError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the others of the call are at the channel too
        for event in (one.booking.event, *one.booking.later):
            settle_error(event, error)


def _settle_together(group: Sequence[Sent]) -> set[str]:
    """Settle those that need no look of their own; the ids of their bookings, none when anything goes wrong."""
    channel_property = group[0].booking.event.channel_property
    try:
        with transaction.atomic(), on_behalf_of(channel_property.id):
            give_up_waiting_after(LONGEST_WAIT)
            lock_all_in_transaction(("booking", channel_property.id, one.external_id) for one in group)
            held = confirm_all_unheld(
                {one.booking.reservation.id for one in group if one.booking.reservation and one.booking.is_taken_up}
            )
            plain = [one for one in group if one.booking.reservation is None or one.booking.reservation.id not in held]
            if plain:
                _link_all(channel_property, plain)
                note_success(channel_property)
                complete_together([worked for one in plain for worked in _worked(one)])
    except Exception as error:  # noqa: BLE001 - one by one, the one that is wrong keeps its own story
        logger.warning("%d bookings that were sent are settled one by one after %s", len(group), type(error).__name__)
        return set()
    for one in plain:
        for event in (one.booking.event, *one.booking.later):
            note_completed(event)
    return {one.external_id for one in plain}


def _link_all(channel_property: ChannelProperty, sent: Sequence[Sent]) -> None:
    found = ReservationLink.objects.filter(
        channel_property=channel_property, external_id__in=[one.external_id for one in sent]
    )
    links = {link.external_id: link for link in found}
    ReservationLink.objects.bulk_create(
        [
            updated_link(
                links.get(one.external_id)
                or ReservationLink(channel_property=channel_property, external_id=one.external_id),
                one.booking,
                one.dropped,
            )
            for one in sent
        ],
        update_conflicts=True,
        unique_fields=["channel_property", "external_id"],
        update_fields=["reservation", "pushed_hash", "bases", "applied_cancelled", "updated_at"],
    )


def _worked(one: Sent) -> Iterator[Worked]:
    event = one.booking.event
    yield Worked(event, entity_external_id=one.external_id, warnings=one.warnings)
    for later in one.booking.later:
        yield Worked(later, coalesced_into=event.id)
