"""Ask the channel for bookings changed since the last look, and apply them before anything is pushed.

A webhook comes a minute after the booking; availability computed without it would reopen a room that is sold.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import Enum, auto
from uuid import UUID

from django.db import DatabaseError, InterfaceError

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import Booking, BookingChange, BookingNotification
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.pushable import shown_of
from channel_sync.database_clock import database_now
from channel_sync.database_errors import DATABASE_FAULTS
from channel_sync.errors import NotYet
from channel_sync.events.idempotency import inbound_key
from channel_sync.events.new_event import NewEvent
from channel_sync.events.processing import process
from channel_sync.events.store import record
from channel_sync.inbound.cancellation import read_state
from channel_sync.inbound.notification import event_of
from channel_sync.inbound.order import Order, new_details, order_of
from channel_sync.inbound.presence import listed_now
from channel_sync.inbound.receipt import receive_notification
from channel_sync.merge.agreement import is_as_agreed
from channel_sync.models import (
    OPEN_STATUSES,
    ChannelConnection,
    ChannelEvent,
    ChannelProperty,
    EventStatus,
    ReservationLink,
)
from channel_sync.pms import NightSpan, host_pms

logger = logging.getLogger(__name__)

UNSETTLED_RETRY = timedelta(seconds=2)
# How late a change may come to show at the channel, once others of its time do.
SHOWS_WITHIN = timedelta(seconds=5)


@dataclass
class Seen:
    """How far a worker that looks several times in one turn has read: the newest change, by the channel's own clock."""

    until: datetime | None = None


def pull_bookings(channel_property: ChannelProperty, channel: Channel, seen: Seen | None = None) -> list[NightSpan]:
    """Apply what has changed at the channel; the nights that the changed bookings took before or take now.

    A second look of one turn, which hands in what the first has `seen`, goes on from there, and lists nothing twice
    that it has just read; a first look goes back by the setting `pull_overlap`, as the two clocks may differ.

    Each booking is applied by itself: one that goes wrong keeps its event, with the reason, and its nights are not
    raised until it is applied. Runs outside a transaction, under the account's lock. Raises `NotYet`, once all others
    are applied, while another worker has a changed booking in hand: what is free is not known until it is done. Raises
    the database's errors while a booking is stored: the next pull reads the same bookings again.
    """
    connection = ChannelConnection.objects.get(channel_property=channel_property)
    looked_at = database_now()
    since = (connection.bookings_pulled_at or connection.created_at or looked_at) - channel_sync_settings().pull_overlap
    if seen is not None and seen.until is not None:
        since = max(since, seen.until - SHOWS_WITHIN)
    changed = list(channel.changed_bookings(channel_property.channel_property_id, modified_from=since))
    fresh = _not_applied(channel_property, changed)
    before = _nights_of(channel_property, fresh)
    outcomes = {found.external_id: _apply(channel_property, found) for found in fresh}
    in_other_hands = [external_id for external_id, outcome in outcomes.items() if outcome is Pulled.IN_OTHER_HANDS]
    if in_other_hands:
        raise NotYet(
            f"{len(in_other_hands)} bookings have changed at the channel and are not applied yet, the first of them "
            f"{in_other_hands[0]}.",
            retry_after=UNSETTLED_RETRY,
        )
    ChannelConnection.objects.filter(channel_property=channel_property).update(bookings_pulled_at=looked_at)
    if seen is not None:
        times = [found.occurred_at for found in changed if found.occurred_at is not None]
        seen.until = min(max(times), looked_at) if times else seen.until
    applied = [external_id for external_id, outcome in outcomes.items() if outcome is Pulled.APPLIED]
    after = _nights_of(channel_property, fresh)
    spans = [span for external_id in applied for span in (before.get(external_id), after.get(external_id))]
    return list(dict.fromkeys(span for span in spans if span is not None))


def _not_applied(
    channel_property: ChannelProperty, notifications: Sequence[BookingNotification]
) -> list[BookingNotification]:
    """Bookings in a state that the PMS does not have: neither applied from the channel nor sent to it."""
    found_links = ReservationLink.objects.filter(
        channel_property=channel_property, external_id__in=[found.external_id for found in notifications]
    )
    links = {link.external_id: link for link in found_links}
    now = database_now()
    return [
        found for found in notifications if not _is_known(channel_property, links.get(found.external_id), found, now)
    ]


def _is_known(
    channel_property: ChannelProperty, link: ReservationLink | None, found: BookingNotification, now: datetime
) -> bool:
    if link is None:
        return False
    try:
        is_cancelled = found.change is BookingChange.CANCELLED
        state = read_state(channel_property, found.payload, is_cancelled=is_cancelled)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, its event names it
        return False
    if is_cancelled and link.applied_cancelled:
        return True
    if isinstance(state, Booking):
        if new_details(link, state):
            return False
        if is_as_agreed(link, state) or link.pushed_hash == shown_of(channel_property.channel_name, state).state_hash():
            return True
    return order_of(link, state, now) in (Order.STALE, Order.UNCHANGED)


class Pulled(Enum):
    """What became of a changed booking: one that went wrong before, or is tried again, is not applied now."""

    APPLIED = auto()
    NOT_APPLIED = auto()
    IN_OTHER_HANDS = auto()


def _apply(channel_property: ChannelProperty, notification: BookingNotification) -> Pulled:
    """Through the log and the handlers, as if the webhook had come; it may have, and wait for its worker."""
    stored = ChannelEvent.objects.only("id").get(idempotency_key=_store(channel_property, notification))
    try:
        with listed_now(stored.id):
            outcome = process(stored.id)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:
        logger.exception("event %s of a pull is left to its lease", stored.id)
        return Pulled.NOT_APPLIED
    stored.refresh_from_db()
    if outcome is EventStatus.DONE:
        return Pulled.APPLIED
    if stored.status in OPEN_STATUSES and stored.status != EventStatus.RETRYING:
        return Pulled.IN_OTHER_HANDS
    return Pulled.NOT_APPLIED


def _store(channel_property: ChannelProperty, notification: BookingNotification) -> str:
    """The idempotency key of the event that stands for a booking.

    One that cannot be stored has an event without its content: it fails and is alerted, and no night of the property is
    raised while nobody knows which are sold. Raises the database's errors.
    """
    try:
        event, _ = receive_notification(channel_property, notification)
    except DATABASE_FAULTS:
        raise
    except Exception:
        logger.exception("booking %s of a pull cannot be stored", notification.external_id)
        event = _without_content(channel_property, notification)
        record(event)
    return event.idempotency_key


def _without_content(channel_property: ChannelProperty, notification: BookingNotification) -> NewEvent:
    """Just before the booking's state: once that can be stored and is applied, it replaces this."""
    at = notification.occurred_at
    before = notification.model_copy(
        update={"payload": {}, "occurred_at": at - timedelta(microseconds=1) if at is not None else None}
    )
    key = inbound_key(channel_property.id, f"without-content-{notification.dedupe_key}")
    return replace(event_of(channel_property, before), idempotency_key=key)


def _nights_of(channel_property: ChannelProperty, notifications: Iterable[BookingNotification]) -> dict[str, NightSpan]:
    """External id -> the nights of its reservation, as the PMS has it now."""
    links = ReservationLink.objects.filter(
        channel_property=channel_property,
        external_id__in=[found.external_id for found in notifications],
        reservation__isnull=False,
    )
    linked: dict[str, UUID] = dict(links.values_list("external_id", "reservation_id"))
    reservations = host_pms().reservations(linked.values())
    return {
        external_id: reservations[reservation_id].nights()
        for external_id, reservation_id in linked.items()
        if reservation_id in reservations
    }
