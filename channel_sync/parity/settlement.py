"""What follows from an accepted report: old bookings are settled, others come in, then everything goes out.

Each step is in the database before the next begins: a process that dies is followed by another that goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now

from channel_sync.broker.hand_over import publish_after_commit
from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import BookingNotification
from channel_sync.connections.opening import open_up
from channel_sync.errors import ReportNotAccepted
from channel_sync.events.outbound_events import booking_event
from channel_sync.events.store import record_all
from channel_sync.models import (
    ChannelMapping,
    ChannelProperty,
    EventType,
    LeftAlone,
    OldBookings,
    ParityCheck,
    ParityStatus,
    ReservationLink,
)
from channel_sync.outbound.full_sync import request_full_sync, request_mapping_sync
from channel_sync.parity.report import ParityReport, Stay
from channel_sync.pms import Reservation, host_pms
from channel_sync.reconciliation.first_sync import import_bookings
from channel_sync.reconciliation.fixes import apply_as_listed
from channel_sync.reconciliation.runs import RunOptions
from channel_sync.reconciliation.spare_calls import call_with_spare_credits

# Older than that, a report is made again before it can be accepted: both sides have moved on.
WORTH_FOR = timedelta(hours=1)
# An opening that is not done by then, as its process or the channel was away, is compared once more.
ACCEPTED_FOR = timedelta(hours=6)
UNDER_WAY = timedelta(minutes=2)
# Ids in one GET, whose answer is one page.
AT_ONCE = 100


@transaction.atomic
def accept(
    channel_property: ChannelProperty, old_bookings: OldBookings, *, by: str, made_at: datetime | None = None
) -> ParityCheck:
    """Accept the report that waits, and settle all old bookings at once; what follows is for a worker: `carry_out`.

    `made_at` says which report somebody has looked at. Raises `ReportNotAccepted` when none waits, or another one.
    """
    check = (
        ParityCheck.objects.select_for_update()
        .filter(channel_property=channel_property, status=ParityStatus.WAITING, made_at__gt=Now() - WORTH_FOR)
        .first()
    )
    if check is None or made_at not in (None, check.made_at):
        raise ReportNotAccepted(channel_property)
    begin_opening(check, old_bookings, by=by)
    check.refresh_from_db()
    return check


def begin_opening(check: ParityCheck, old_bookings: OldBookings, *, by: str) -> None:
    """Link what both have, send or leave alone what only the PMS has, and want the rest done.

    In the transaction of the caller.
    """
    report = ParityReport.model_validate(check.report)
    # Whatever becomes of the others: taken in beside its reservation, the guest would be in the PMS twice.
    _link(check.channel_property, report.bookings.to_link)
    if old_bookings is OldBookings.LINK_AND_SEND:
        _send(check.channel_property, report.bookings.only_pms)
    else:
        _leave_alone(check.channel_property, report.bookings.only_pms)
    ParityCheck.objects.filter(id=check.id).update(
        status=ParityStatus.OPENING, due_at=Now(), accept_as=old_bookings, accepted_by=by[:150], accepted_at=Now(),
        updated_at=Now(),
    )  # fmt: skip


def carry_out(channel_property: ChannelProperty, options: RunOptions | None = None) -> bool:
    """Import what the channel has, then let everything be sent; false where nothing is accepted, or not any more.

    Nor is anything opened when something was held, or a new comparison wanted, meanwhile: the report does not know of
    it. Raises as `reconcile_bookings` does: the next call goes on.
    """
    found = ParityCheck.objects.filter(channel_property=channel_property, status=ParityStatus.OPENING)
    found.filter(accepted_at__lt=Now() - ACCEPTED_FOR).update(
        status=ParityStatus.WANTED, accept_as="", due_at=Now(), updated_at=Now()
    )
    if not found.update(due_at=Now() + UNDER_WAY, updated_at=Now()):
        return False
    channel_property.refresh_from_db(fields=["held_since"])
    _take_over(channel_property, options or RunOptions())
    import_bookings(channel_property, options)
    with transaction.atomic():
        if found.select_for_update().first() is None:
            return False
        if channel_property.held_since is not None:
            request_full_sync(channel_property)
        else:
            for mapping in ChannelMapping.objects.filter(
                channel_property=channel_property, held_since__isnull=False, is_active=True
            ):
                request_mapping_sync(mapping)
        open_up(channel_property)
    return True


def _take_over(channel_property: ChannelProperty, options: RunOptions) -> None:
    """Let reservations that were linked by hand have what the channel says of them, as if its webhooks had come."""
    never_seen = ReservationLink.objects.filter(
        channel_property=channel_property, reservation__isnull=False, bases={}, pushed_hash="", applied_hash="",
        applied_modified_at=None, applied_cancelled=False,
    )  # fmt: skip
    numbers = list(never_seen.order_by("external_id").values_list("external_id", flat=True))
    for start in range(0, len(numbers), AT_ONCE):
        some = numbers[start : start + AT_ONCE]
        listed = call_with_spare_credits(channel_property, partial(_bookings, some), wait=options.wait)
        for number in some:
            if number in listed:
                apply_as_listed(channel_property, listed[number])
        options.progress(f"of {len(numbers)} linked bookings taken over", start + len(some))


def _bookings(numbers: Sequence[str], channel: Channel) -> Mapping[str, BookingNotification]:
    return channel.bookings(numbers)


def _link(channel_property: ChannelProperty, same: Iterable[Stay]) -> None:
    """Without an agreement on what both looked like: the channel's state is taken over afterwards."""
    free = _unlinked(channel_property, [one.reservation_id for one in same])
    taken = set(
        ReservationLink.objects.filter(
            channel_property=channel_property, external_id__in=[one.booking_id for one in same]
        ).values_list("external_id", flat=True)
    )
    ReservationLink.objects.bulk_create(
        [
            ReservationLink(
                channel_property=channel_property,
                external_id=one.booking_id or "",
                reservation_id=one.reservation_id,
                ota=one.ota[:50],
            )
            for one in same
            if one.reservation_id in free and one.booking_id not in taken
        ]
    )


def _send(channel_property: ChannelProperty, alone: Iterable[Stay]) -> None:
    """As new bookings; they wait in the log until the property is opened, and go before its calendar."""
    events = [
        booking_event(channel_property.id, EventType.BOOKING_CREATE, reservation, None)
        for reservation in _unlinked(channel_property, [one.reservation_id for one in alone]).values()
    ]
    publish_after_commit(record_all(events))


def _leave_alone(channel_property: ChannelProperty, alone: Iterable[Stay]) -> None:
    free = _unlinked(channel_property, [one.reservation_id for one in alone])
    LeftAlone.objects.bulk_create(
        [LeftAlone(channel_property=channel_property, reservation_id=reservation_id) for reservation_id in free],
        ignore_conflicts=True,
    )


def _unlinked(channel_property: ChannelProperty, reservation_ids: Iterable[UUID | None]) -> dict[UUID, Reservation]:
    """Those that still take a room, and that nobody has linked since."""
    wanted = {one for one in reservation_ids if one is not None}
    linked = ReservationLink.objects.filter(channel_property=channel_property, reservation_id__in=wanted)
    wanted -= {one for one in linked.values_list("reservation_id", flat=True) if one is not None}
    return {one: found for one, found in host_pms().reservations(wanted).items() if found.takes_room}
