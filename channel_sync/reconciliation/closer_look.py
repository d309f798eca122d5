"""Read a suspect again on both sides, as it is now, and fix or flag what still differs.

The snapshots are minutes old: what was under way then has arrived since. Each booking is settled in one transaction,
under the lock that the inbound handlers take.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from uuid import UUID

from django.db import transaction

from channel_sync.channels.canonical import Booking, BookingChange, BookingNotification
from channel_sync.conflicts import SENT, channel_side, close_gone, flag_conflict, pms_side
from channel_sync.connections.currency import are_different
from channel_sync.connections.mapped_rooms import channel_rooms
from channel_sync.connections.registry import channel_class
from channel_sync.database_lock import lock_in_transaction
from channel_sync.errors import InvalidPayload
from channel_sync.merge.phases import has_begun
from channel_sync.models import (
    OPEN_STATUSES,
    ChannelEvent,
    ChannelProperty,
    Conflict,
    ConflictKind,
    EntityType,
    ReservationLink,
    Severity,
)
from channel_sync.origin import on_behalf_of
from channel_sync.pms import Reservation, host_pms
from channel_sync.reconciliation.begun_stays import flag_begun_stay
from channel_sync.reconciliation.comparison import Suspect
from channel_sync.reconciliation.fixes import auto_fix_booking, record_unreadable
from channel_sync.reconciliation.link_state import LinkState, link_state
from channel_sync.reconciliation.rules import Finding, Fix, Flag, compare_booking, of_cancellation

logger = logging.getLogger(__name__)

BOOKING_KINDS = (
    ConflictKind.DATES,
    ConflictKind.ROOM,
    ConflictKind.STATUS,
    ConflictKind.PRICE,
    ConflictKind.GUEST,
    ConflictKind.MISSING_AT_CHANNEL,
    ConflictKind.UNREADABLE,
    ConflictKind.STAY_BEGUN,
)


@dataclass
class Outcome:
    """What was done about one suspect."""

    fixed: list[Fix] = field(default_factory=list)
    flagged: list[ConflictKind] = field(default_factory=list)


def look_closer(
    channel_property: ChannelProperty,
    suspect: Suspect,
    listed: BookingNotification | None,
    before: LinkState | None,
    *,
    dry_run: bool,
) -> Outcome:
    """Compare the present states of a booking and its reservation, and act on what differs.

    `listed` is the booking as the channel has it now, None when the channel does not have it; `before` is its link from
    before the channel was asked. What waits in the log is left to its event, and what was applied or sent since
    the channel was asked is left to the next run: the read is older. An event that failed hides nothing. A booking
    that cannot be read gets an event that says why; one that is cancelled need not be readable.
    """
    outcome = Outcome()
    external_id, reservation_id = suspect.external_id, suspect.reservation_id
    booking = _readable(channel_property, listed)
    is_unreadable = listed is not None and booking is None
    if listed is not None and booking is None and listed.change is not BookingChange.CANCELLED:
        if not dry_run:
            record_unreadable(channel_property, listed)
        return outcome
    with transaction.atomic(), on_behalf_of(channel_property.id):
        if external_id is not None:
            lock_in_transaction("booking", channel_property.id, external_id)
            if link_state(channel_property, external_id) != before:
                return outcome
            reservation_id = before.reservation_id if before is not None else None
        elif reservation_id is not None and _was_linked(channel_property, reservation_id):
            return outcome
        reservation = host_pms().reservation(reservation_id) if reservation_id is not None else None
        if _is_under_way(channel_property, external_id, reservation_id):
            return outcome
        room = _room(channel_property, reservation)
        today = host_pms().property_facts(channel_property.property_id).today()
        is_gone = listed is None and before is not None and before.applied_cancelled
        if is_unreadable or (is_gone and reservation is not None and has_begun(reservation, today)):
            findings = of_cancellation(reservation, today)
        else:
            currency = channel_property.currency
            findings = compare_booking(booking, reservation, room, today, currency=currency)
        outcome.flagged += _flag(channel_property, external_id, booking, reservation, findings, dry_run=dry_run)
    # Outside the transaction: a handler may have to ask the channel.
    if listed is not None:
        fixes = [finding for finding in findings if isinstance(finding, Fix)]
        outcome.fixed += [
            fix for fix in fixes if dry_run or auto_fix_booking(channel_property, fix, listed, booking, before)
        ]
    return outcome


def flag_unreadable(channel_property: ChannelProperty, suspect: Suspect, error: Exception, *, dry_run: bool) -> Outcome:
    """Flag a reservation that cannot be read or compared and has no booking whose event could say so.

    A look that succeeds closes it. Only the kind of error is kept.
    """
    if dry_run or flag_conflict(
        channel_property,
        ConflictKind.UNREADABLE,
        Severity.HIGH,
        _subject_of(suspect.external_id, suspect.reservation_id),
        pms_side={"reservation_id": str(suspect.reservation_id), "error": type(error).__name__},
        channel_side={"booking_id": suspect.external_id} if suspect.external_id is not None else {},
    ):
        return Outcome(flagged=[ConflictKind.UNREADABLE])
    return Outcome()


def _subject_of(external_id: str | None, reservation_id: UUID | None) -> str:
    """How conflicts name a booking: by the channel's number, where there is one."""
    return f"booking:{external_id}" if external_id is not None else f"reservation:{reservation_id}"


def _flag(
    channel_property: ChannelProperty,
    external_id: str | None,
    booking: Booking | None,
    reservation: Reservation | None,
    findings: tuple[Finding, ...],
    *,
    dry_run: bool,
) -> list[ConflictKind]:
    flags = [finding for finding in findings if isinstance(finding, Flag)]
    if dry_run:
        return [flag.kind for flag in flags]
    subject = _subject_of(external_id, reservation.id if reservation is not None else None)
    flagged = []
    for flag in flags:
        if flag.kind is ConflictKind.STAY_BEGUN:
            flagged += _flag_begun_stay(channel_property, external_id, booking, reservation)
            continue
        with_guest = flag.kind is ConflictKind.GUEST
        with_currency = (
            flag.kind is ConflictKind.PRICE
            and booking is not None
            and reservation is not None
            and are_different(booking.currency, reservation.currency)
        )
        if flag_conflict(
            channel_property,
            flag.kind,
            flag.severity,
            subject,
            pms_side=pms_side(reservation, with_guest=with_guest, with_currency=with_currency),
            channel_side=channel_side(booking, with_guest=with_guest, with_currency=with_currency),
        ):
            flagged.append(flag.kind)
    known = Conflict.objects.filter(channel_property=channel_property, subject=subject, kind__in=BOOKING_KINDS)
    gone = known.exclude(kind__in=[flag.kind for flag in flags])
    # What the PMS has sent over a change of the channel differs no more, and a person has not seen it yet.
    close_gone(gone.exclude(kind=ConflictKind.STAY_BEGUN, pms_side__has_key=SENT))
    return flagged


def _flag_begun_stay(
    channel_property: ChannelProperty, external_id: str | None, booking: Booking | None, reservation: Reservation | None
) -> list[ConflictKind]:
    if external_id is None or reservation is None:
        return []
    room = _room(channel_property, reservation)
    is_open = flag_begun_stay(channel_property, external_id, booking, reservation, room)
    return [ConflictKind.STAY_BEGUN] if is_open else []


def _readable(channel_property: ChannelProperty, listed: BookingNotification | None) -> Booking | None:
    if listed is None:
        return None
    try:
        return channel_class(channel_property.channel_name).parse_booking(listed.payload)
    except InvalidPayload as error:
        logger.warning("booking %s cannot be compared: %s", listed.external_id, error)
        return None


def _was_linked(channel_property: ChannelProperty, reservation_id: UUID) -> bool:
    """Whether a reservation that had no booking has one by now."""
    return ReservationLink.objects.filter(channel_property=channel_property, reservation_id=reservation_id).exists()


def _is_under_way(channel_property: ChannelProperty, external_id: str | None, reservation_id: UUID | None) -> bool:
    events = ChannelEvent.objects.filter(channel_property=channel_property, entity_type=EntityType.BOOKING)
    unsettled = events.filter(status__in=OPEN_STATUSES)
    if external_id is not None and unsettled.filter(entity_external_id=external_id).exists():
        return True
    return reservation_id is not None and unsettled.filter(entity_internal_id=reservation_id).exists()


def _room(channel_property: ChannelProperty, reservation: Reservation | None) -> str | None:
    if reservation is None:
        return None
    return channel_rooms(channel_property, [reservation.room_type_id]).get(reservation.room_type_id)
