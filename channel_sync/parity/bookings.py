"""Bookings of the channel and reservations of the PMS side by side: who is in house, and who is to come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from channel_sync.channels.base import Channel
from channel_sync.channels.canonical import Booking, BookingNotification
from channel_sync.connections.registry import channel_class
from channel_sync.errors import InvalidPayload
from channel_sync.inbound.twins import likeness
from channel_sync.models import (
    OPEN_STATUSES,
    PMS_SOURCE,
    ChannelEvent,
    ChannelProperty,
    EntityType,
    EventStatus,
    LeftAlone,
    ReservationLink,
)
from channel_sync.parity.report import BookingsReport, Stay
from channel_sync.parity.scope import Scope
from channel_sync.pms import Reservation, host_pms
from channel_sync.reconciliation.rules import Fix, compare_booking
from channel_sync.reconciliation.runs import Progress
from channel_sync.reconciliation.spare_calls import Wait, call_with_spare_credits

AT_ONCE = 500
NOT_LISTED = ("The channel does not list the booking that it is linked to.",)
# As far as a reservation may begin.
FOREVER = timedelta(days=365 * 10)


@dataclass
class Compared:
    """The report, and the bookings that will come into the PMS: their nights are taken by then."""

    report: BookingsReport
    coming: list[tuple[UUID, Booking]] = field(default_factory=list)


def compare_bookings(scope: Scope, *, wait: Wait, progress: Progress) -> Compared:
    """Read all that departs after today on both sides, page by page. Raises what calls raise."""
    listed = list(_listed(scope, wait=wait, progress=progress))
    here = _reservations(scope)
    links = _links(scope.channel_property, listed, here)
    linked_here = set(links.values())
    there: list[Booking] = []
    unreadable: list[str] = []
    different: list[Stay] = []
    same = 0
    under_way = _waiting(scope.channel_property, list(linked_here))
    parse = channel_class(scope.channel_property.channel_name).parse_booking
    # Cancelled ones too, and those in rooms that nobody has mapped.
    linked = here | _read(linked_here - here.keys())
    for notification in listed:
        try:
            booking = parse(notification.payload)
        except InvalidPayload:
            unreadable.append(notification.external_id)
            continue
        reservation_id = links.get(booking.external_id)
        if reservation_id is not None:
            is_compared = reservation_id in here or booking.external_room_id in scope.rooms.values()
            is_compared = is_compared and reservation_id not in under_way
            differences = _differences(scope, booking, linked.get(reservation_id)) if is_compared else ()
            if differences:
                different.append(_stay(scope, booking, reservation_id, differences))
            else:
                same += 1
        elif booking.takes_room:
            there.append(booking)
    # Deleted at the channel, or of the property that was connected before.
    gone = linked_here & here.keys() - {links[one.external_id] for one in listed if one.external_id in links}
    gone -= under_way
    different += [_own(scope, here[one], NOT_LISTED) for one in sorted(gone)]
    alone = [one for one in here.values() if one.id not in linked_here]
    waiting = _waiting(scope.channel_property, [one.id for one in alone])
    # What waits may be the same as a booking that somebody typed in; bookings that we made find their own.
    pairs = dict(_pairs(scope, [one for one in there if not one.client_key], alone))
    paired = set(pairs.values())
    waiting -= paired
    alone = [one for one in alone if one.id not in waiting]
    coming = [booking for booking in there if booking.external_id not in pairs]
    types = scope.room_types
    currency = host_pms().property_facts(scope.channel_property.property_id).currency.upper()
    foreign = [one for one in there if one.currency and one.currency.upper() != currency]
    no_room = [one for one in coming if scope.is_whole and one.external_room_id not in types]
    report = BookingsReport(
        same=same,
        to_link=tuple(_stay(scope, one, pairs[one.external_id]) for one in there if one.external_id in pairs),
        only_channel=tuple(_stay(scope, one) for one in coming if one.external_room_id in types),
        only_pms=tuple(_own(scope, one) for one in alone if one.id not in paired),
        waiting=len(waiting),
        different=tuple(different),
        unreadable=tuple(unreadable),
        no_room=tuple(_stay(scope, one) for one in no_room),
        other_currency=tuple(_stay(scope, one, pairs.get(one.external_id)) for one in foreign),
    )
    # Those that wait or have failed take their nights already.
    counted = _unapplied(scope.channel_property, [one.external_id for one in coming])
    coming = [one for one in coming if one.external_room_id in types and one.external_id not in counted]
    return Compared(report, [(types[one.external_room_id], one) for one in coming])


def _listed(scope: Scope, *, wait: Wait, progress: Progress) -> Iterator[BookingNotification]:
    """The account is free for pushes of others between two pages."""
    number, page, done = scope.channel_property.channel_property_id, 1, 0
    while True:

        def read(channel: Channel, page: int = page) -> tuple[Sequence[BookingNotification], bool]:
            found = channel.bookings_departing_from(number, scope.today + timedelta(days=1), page=page)
            return found.bookings, found.has_next

        found, has_next = call_with_spare_credits(scope.channel_property, read, wait=wait)
        yield from found
        done += len(found)
        progress("bookings read", done)
        if not has_next:
            return
        page += 1


def _reservations(scope: Scope) -> dict[UUID, Reservation]:
    """Whatever takes a room of the mapped types from today on, but for what is left alone."""
    pms = host_pms()
    rows = pms.reserved(list(scope.rooms), scope.today, scope.today + FOREVER)
    # By position: a host names its columns as it likes.
    ids = list(dict.fromkeys(next(iter(row.values())) if isinstance(row, Mapping) else row[0] for row in rows))
    left_alone = set(
        LeftAlone.objects.filter(channel_property=scope.channel_property).values_list("reservation_id", flat=True)
    )
    found = _read(ids)
    return {one: found[one] for one in ids if one in found and found[one].takes_room and one not in left_alone}


def _read(reservation_ids: Iterable[UUID]) -> dict[UUID, Reservation]:
    ids = list(reservation_ids)
    found: dict[UUID, Reservation] = {}
    for start in range(0, len(ids), AT_ONCE):
        found |= host_pms().reservations(ids[start : start + AT_ONCE])
    return found


def _unapplied(channel_property: ChannelProperty, external_ids: Collection[str]) -> set[str | None]:
    """Bookings that free units count by their events, as the PMS has not taken them in."""
    found = ChannelEvent.objects.filter(
        channel_property=channel_property,
        entity_external_id__in=external_ids,
        claimed_room__isnull=False,
        status__in=(*OPEN_STATUSES, EventStatus.FAILED),
    )
    return set(found.values_list("entity_external_id", flat=True))


def _links(
    channel_property: ChannelProperty, listed: Iterable[BookingNotification], here: Mapping[UUID, Reservation]
) -> dict[str, UUID]:
    """Booking -> reservation, of whatever is linked on either side."""
    found = ReservationLink.objects.filter(channel_property=channel_property, reservation__isnull=False)
    numbers = [one.external_id for one in listed]
    rows = [
        *found.filter(external_id__in=numbers).values_list("external_id", "reservation_id"),
        *found.filter(reservation_id__in=list(here)).values_list("external_id", "reservation_id"),
    ]
    return {external_id: reservation_id for external_id, reservation_id in rows if reservation_id is not None}


def _waiting(channel_property: ChannelProperty, reservation_ids: Sequence[UUID]) -> set[UUID]:
    """Those that an event in the log will send."""
    found = ChannelEvent.objects.filter(
        channel_property=channel_property,
        entity_type=EntityType.BOOKING,
        source=PMS_SOURCE,
        entity_internal_id__in=reservation_ids,
        status__in=OPEN_STATUSES,
    )
    return {one for one in found.values_list("entity_internal_id", flat=True) if one is not None}


def _differences(scope: Scope, booking: Booking, reservation: Reservation | None) -> tuple[str, ...]:
    """In words; what the channel has cancelled, and prices within the tolerance, are settled by the import."""
    if reservation is None:
        return ()
    room = scope.every_room.get(reservation.room_type_id)
    found = compare_booking(booking, reservation, room, scope.today)
    return tuple(finding.kind.label for finding in found if not isinstance(finding, Fix))


def _pairs(scope: Scope, there: Sequence[Booking], alone: Sequence[Reservation]) -> Iterator[tuple[str, UUID]]:
    """Bookings and reservations that are the same: dates, room type, units and the guest's last name."""
    waiting: dict[tuple[object, ...], list[UUID]] = defaultdict(list)
    for reservation in sorted(alone, key=lambda one: one.id):
        waiting[likeness(reservation.room_type_id, reservation)].append(reservation.id)
    for booking in there:
        room_type_id = scope.room_types.get(booking.external_room_id)
        if room_type_id is not None and (found := waiting.get(likeness(room_type_id, booking))):
            yield booking.external_id, found.pop(0)


def _stay(
    scope: Scope, booking: Booking, reservation_id: UUID | None = None, differences: tuple[str, ...] = ()
) -> Stay:
    return Stay(
        check_in=booking.check_in,
        check_out=booking.check_out,
        room=scope.name_of_room(booking.external_room_id),
        booking_id=booking.external_id,
        reservation_id=reservation_id,
        ota=booking.ota,
        differences=differences,
    )


def _own(scope: Scope, reservation: Reservation, differences: tuple[str, ...] = ()) -> Stay:
    return Stay(
        check_in=reservation.check_in,
        check_out=reservation.check_out,
        room=scope.name_of(reservation.room_type_id),
        reservation_id=reservation.id,
        differences=differences,
    )
