"""Which bookings are a guest's: by their numbers, by email, or by name and day of arrival."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q
from psycopg.types.json import Jsonb

from channel_sync.errors import GuestNotNamed
from channel_sync.models import ChannelEvent, ChannelProperty, EntityType, ReservationLink
from channel_sync.pms import KnowsGuests, host_pms

# A value of JSON as PostgreSQL writes it, found whole and whatever its case; after "***=" nothing is a pattern. No
# index helps, and this is twice as fast as `lower` and `strpos`.
SAYS = "({text}) ~* ('***=' || ({needle})::jsonb::text)"
EVENTS_SAYING = """
SELECT channel_property_id, entity_external_id, entity_internal_id FROM channel_events
WHERE channel_property_id = ANY(%(properties)s) AND entity_type = 'booking' AND redacted_at IS NULL AND {says}
"""
STAGED_SAYING = """
SELECT run.channel_property_id, staged.external_id, NULL::uuid
FROM channel_reconciliation_bookings AS staged
JOIN channel_reconciliation_runs AS run ON run.id = staged.run_id
WHERE run.channel_property_id = ANY(%(properties)s) AND {says}
"""
CONFLICTS_SAYING = """
SELECT channel_property_id, channel_side ->> 'booking_id', (pms_side ->> 'reservation_id')::uuid
FROM channel_conflicts WHERE channel_property_id = ANY(%(properties)s) AND {says}
"""
SAYING = (
    (EVENTS_SAYING, "payload::text || coalesce(normalized_payload::text, '')"),
    (STAGED_SAYING, "payload::text"),
    (CONFLICTS_SAYING, "pms_side::text || channel_side::text"),
)


@dataclass(frozen=True)
class GuestSearch:
    """How a guest is named; what is left empty names nobody. Raises `GuestNotNamed` when nothing does.

    `bookings` are numbers at the channel, or those that the guest knows them by. `email` goes whatever its case.
    `names` find nothing: they are what else the guest is called, in words that an erasure has to take out.
    """

    bookings: Sequence[str] = ()
    reservation_ids: Sequence[UUID] = ()
    email: str = ""
    last_name: str = ""
    arrival: date | None = None
    names: Sequence[str] = ()

    def __post_init__(self) -> None:
        if bool(self.last_name.strip()) != (self.arrival is not None):
            raise GuestNotNamed("A last name goes together with the day of arrival: one name is many guests.")
        if not (self.bookings or self.reservation_ids or self.said):
            raise GuestNotNamed("Name a booking, a reservation, an email, or a last name with the day of arrival.")

    @property
    def said(self) -> list[list[str]]:
        """Values that a payload of the guest has, all of one list together."""
        by_name = [self.last_name.strip(), str(self.arrival)] if self.arrival is not None else []
        return [one for one in ([self.email.strip()] if self.email.strip() else [], by_name) if one]


@dataclass(frozen=True)
class GuestBooking:
    """A booking of a property at a channel; without a number, a reservation that the channel never got.

    `said` is what its guest was looked for by.
    """

    channel_property: ChannelProperty
    external_id: str
    reservation_id: UUID | None
    said: tuple[str, ...] = field(default=(), compare=False, repr=False)

    @property
    def subject(self) -> str:
        """How conflicts and the audit name it."""
        return f"booking:{self.external_id}" if self.external_id else f"reservation:{self.reservation_id}"

    def __str__(self) -> str:
        return f"{self.subject.replace(':', ' ')} of {self.channel_property}"


Pair = tuple[UUID, str, UUID | None]


def find_bookings(search: GuestSearch, among: Iterable[ChannelProperty]) -> list[GuestBooking]:
    """The bookings of some properties that are the guest's, of which anything is kept; ordered by property and number.

    Asks the host too, where it knows guests (`KnowsGuests`).
    """
    properties = {one.id: one for one in among}
    pairs = _by_numbers(properties, search.bookings, _reservations(properties.values(), search))
    for said in search.said:
        pairs |= _saying(properties, said)
    # An OTA's number of a booking that no link has: it is in the payload.
    known = {number for _, number, _ in pairs}
    for number in search.bookings:
        if number not in known and not _is_ota_reference(properties, number):
            pairs |= _saying(properties, [number])
    said_of_guest = (search.email.strip(), search.last_name.strip(), *search.names)
    found = [replace(one, said=tuple(filter(None, said_of_guest))) for one in _whole(properties, pairs)]
    return sorted(found, key=lambda one: (str(one.channel_property), one.external_id, str(one.reservation_id)))


def _reservations(properties: Iterable[ChannelProperty], search: GuestSearch) -> set[UUID]:
    """Those that are named, and those that the host finds."""
    found = set(search.reservation_ids)
    pms = host_pms()
    if search.said and isinstance(pms, KnowsGuests):
        for property_id in {one.property_id for one in properties}:
            found |= set(
                pms.reservations_of_guest(
                    property_id,
                    email=search.email.strip(),
                    last_name=search.last_name.strip(),
                    arrival=search.arrival,
                )
            )
    return found


def _by_numbers(properties: Collection[UUID], numbers: Collection[str], reservation_ids: Collection[UUID]) -> set[Pair]:
    """Through indexes."""
    links = ReservationLink.objects.filter(channel_property__in=properties).filter(
        Q(external_id__in=numbers)
        | Q(ota_reference__in=numbers, ota_reference__gt="")
        | Q(reservation__in=reservation_ids)
    )
    events = ChannelEvent.objects.filter(
        Q(entity_external_id__in=numbers) | Q(entity_internal_id__in=reservation_ids),
        channel_property__in=properties,
        entity_type=EntityType.BOOKING,
    )
    return {
        *((one, number, reservation) for one, number, reservation in links.values_list(
            "channel_property_id", "external_id", "reservation_id"
        )),
        *((one, number or "", reservation) for one, number, reservation in events.values_list(
            "channel_property_id", "entity_external_id", "entity_internal_id"
        )),
    }  # fmt: skip


def _is_ota_reference(properties: Collection[UUID], number: str) -> bool:
    return ReservationLink.objects.filter(channel_property__in=properties, ota_reference=number).exists()


def _saying(properties: Collection[UUID], values: Sequence[str]) -> set[Pair]:
    """Whatever says all of the values."""
    parameters: dict[str, Any] = {"properties": list(properties)}
    parameters |= {f"value_{number}": Jsonb(value) for number, value in enumerate(values)}
    pairs: set[Pair] = set()
    with connection.cursor() as cursor:
        for statement, text in SAYING:
            says = " AND ".join(SAYS.format(text=text, needle=f"%(value_{n})s") for n in range(len(values)))
            cursor.execute(statement.format(says=says), parameters)
            pairs |= {(one, number or "", reservation) for one, number, reservation in cursor.fetchall()}
    return pairs


def _whole(properties: dict[UUID, ChannelProperty], pairs: set[Pair]) -> list[GuestBooking]:
    """Each booking once, with its number and its reservation where either is known by any row."""
    reservation_ids = {reservation for _, _, reservation in pairs if reservation is not None}
    numbered = {(one, number) for one, number, _ in pairs if number}
    # The same number in another property is another guest's.
    more = _by_numbers(properties, {number for _, number in numbered}, reservation_ids)
    pairs = pairs | {pair for pair in more if pair[:2] in numbered or pair[2] in reservation_ids}
    found: set[GuestBooking] = set()
    for one in {one for one, _, _ in pairs}:
        of_property = [(number, reservation) for property_id, number, reservation in pairs if property_id == one]
        reservation_of: dict[str, UUID | None] = {}
        for number, reservation in of_property:
            if number:
                reservation_of[number] = reservation_of.get(number) or reservation
        found |= {GuestBooking(properties[one], number, of) for number, of in reservation_of.items()}
        unsent = {of for number, of in of_property if not number and of is not None} - {*reservation_of.values()}
        found |= {GuestBooking(properties[one], "", of) for of in unsent}
    return list(found)
