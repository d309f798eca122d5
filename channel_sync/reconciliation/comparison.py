"""Walk through both snapshots side by side and name what needs a closer look.

Both are streamed in the order of reservation ids and merged: two statements, whatever the number of bookings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from uuid import UUID

from django.db.models import F, OuterRef, Subquery

from channel_sync.channels.canonical import Booking
from channel_sync.connections.mapped_rooms import every_channel_room, every_open_room
from channel_sync.connections.registry import channel_class
from channel_sync.models import LeftAlone, ReconciliationRun, ReservationLink, StagedBooking
from channel_sync.pms import Reservation, host_pms
from channel_sync.reconciliation.reservations import ReservationReader, Unreadable
from channel_sync.reconciliation.rules import compare_booking

CHUNK = 500


@dataclass(frozen=True)
class Suspect:
    """A pair that differs in the snapshots; a side that the PMS or the channel lacks is None."""

    external_id: str | None
    reservation_id: UUID | None


def suspects(run: ReconciliationRun, reservations: ReservationReader) -> Iterator[Suspect]:
    """Pairs whose snapshots differ, those that only one side has, and those whose reservation cannot be read."""
    rooms, open_rooms = every_channel_room(run.channel_property), every_open_room(run.channel_property)
    left_alone = set(
        LeftAlone.objects.filter(channel_property=run.channel_property).values_list("reservation_id", flat=True)
    )
    today = host_pms().property_facts(run.channel_property.property_id).today()
    for external_id, booking, reservation in _merged(_bookings(run), iter(reservations)):
        if isinstance(reservation, Unreadable):
            yield Suspect(external_id, reservation.id)
        elif external_id is None:
            is_wanted = reservation is not None and reservation.takes_room and reservation.id not in left_alone
            if reservation is not None and is_wanted and reservation.room_type_id in open_rooms:
                yield Suspect(None, reservation.id)
        elif booking is None or compare_booking(
            booking, reservation, _room(reservation, rooms), today, currency=run.channel_property.currency
        ):
            yield Suspect(external_id, reservation.id if reservation else None)


@dataclass(frozen=True)
class _Staged:
    external_id: str
    reservation_id: UUID | None
    booking: Booking | None


def _bookings(run: ReconciliationRun) -> Iterator[_Staged]:
    """Staged bookings, those without a reservation first; one that cannot be read has no canonical form."""
    links = ReservationLink.objects.filter(
        channel_property=run.channel_property, external_id=OuterRef("external_id"), reservation__isnull=False
    )
    staged = (
        StagedBooking.objects.filter(run=run)
        .annotate(linked=Subquery(links.values("reservation_id")[:1]))
        .order_by(F("linked").asc(nulls_first=True), "external_id")
        .values_list("external_id", "linked", "payload")
    )
    parse = channel_class(run.channel_property.channel_name).parse_booking
    for external_id, linked, payload in staged.iterator(chunk_size=CHUNK):
        try:
            booking = parse(payload)
        except Exception:  # noqa: BLE001 - a closer look finds out what is wrong with this one
            booking = None
        yield _Staged(external_id, linked, booking)


def _merged(
    bookings: Iterator[_Staged], reservations: Iterator[Reservation | Unreadable]
) -> Iterator[tuple[str | None, Booking | None, Reservation | Unreadable | None]]:
    """Pairs by reservation; what has no partner comes alone."""
    reservation = next(reservations, None)
    for staged in bookings:
        wanted = staged.reservation_id
        while wanted is not None and reservation is not None and reservation.id < wanted:
            yield None, None, reservation
            reservation = next(reservations, None)
        if wanted is not None and reservation is not None and reservation.id == wanted:
            yield staged.external_id, staged.booking, reservation
            reservation = next(reservations, None)
        else:
            # Linked, and its reservation arrives at another time: only a closer look can compare them.
            yield staged.external_id, staged.booking if wanted is None else None, None
    while reservation is not None:
        yield None, None, reservation
        reservation = next(reservations, None)


def _room(reservation: Reservation | None, rooms: Mapping[UUID, str]) -> str | None:
    return rooms.get(reservation.room_type_id) if reservation is not None else None
