"""The port: what a host PMS implements so that channel_sync can work with it.

Name the class in `settings.CHANNEL_SYNC["pms"]`. It is made once per process without arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Generic, Protocol, TypeVar, cast, runtime_checkable
from uuid import UUID
from zoneinfo import ZoneInfo

from django.core.signals import setting_changed
from django.db.models import Model, QuerySet
from django.utils import timezone
from django.utils.module_loading import import_string

from channel_sync.channels.canonical import Booking, BookingPush, RateTerms, Stay
from channel_sync.conf import channel_sync_settings


@dataclass(frozen=True)
class PropertyFacts:
    """A property of the PMS."""

    id: UUID
    name: str
    time_zone: str
    currency: str

    def today(self) -> date:
        """The date at the property: the first night that can still be sold."""
        return timezone.localdate(timezone=ZoneInfo(self.time_zone))


@dataclass(frozen=True)
class RoomTypeFacts:
    """A room type and how many units it has."""

    id: UUID
    name: str
    units: int


@dataclass(frozen=True)
class RoomFacts:
    """One physical room of a room type."""

    id: UUID
    name: str
    room_type_id: UUID


@dataclass(frozen=True)
class RatePlanFacts:
    """A rate plan of one room type."""

    id: UUID
    name: str
    room_type_id: UUID


@dataclass(frozen=True)
class NightSpan:
    """Nights of one room type of a property: from `start` up to but without `end`."""

    property_id: UUID
    room_type_id: UUID
    start: date
    end: date


@dataclass(frozen=True)
class RateSpan(NightSpan):
    """Nights of one rate plan."""

    rate_plan_id: UUID


@dataclass(frozen=True)
class NightlyRate:
    """The terms of a rate plan on one night."""

    rate_plan_id: UUID
    night: date
    terms: RateTerms


class StayPhase(StrEnum):
    """Where a guest is in their stay; from `IN_HOUSE` on, the stay belongs to the PMS."""

    EXPECTED = "expected"
    IN_HOUSE = "in_house"
    DEPARTED = "departed"
    NO_SHOW = "no_show"


class Reservation(Stay):
    """A reservation of the PMS as channels may see it; pending ones count as confirmed, failed as cancelled.

    `phase` is None where the host does not keep it: then the dates say it. `group` is the PMS's own key of the group
    that it belongs to: reservations of one group that are new at a channel go out as one group. `currency` is the one
    that the price is in; blank where the host does not say, and then the price is taken for the channel's.
    """

    id: UUID
    property_id: UUID
    room_type_id: UUID
    phase: StayPhase | None = None
    group: str = ""
    currency: str = ""

    def phase_on(self, today: date) -> StayPhase:
        """The phase of the stay on a day at the property.

        By its dates, a guest is expected to the end of the arrival day: until then channels may change and cancel.
        """
        if self.phase is not None:
            return self.phase
        if self.check_out <= today:
            return StayPhase.DEPARTED
        return StayPhase.IN_HOUSE if self.check_in < today else StayPhase.EXPECTED

    def shows_as(self, other: Reservation | None) -> bool:
        """Whether a channel sees no difference: phase and currency are nothing that it hears of."""
        unseen = {"phase": self.phase, "currency": self.currency}
        return other is not None and self == other.model_copy(update=unseen)

    def push(self, external_room_id: str) -> BookingPush:
        """What a channel is sent."""
        return BookingPush(external_room_id=external_room_id, **self.model_dump(include=set(Stay.model_fields)))

    def nights(self) -> NightSpan:
        """The nights that it takes."""
        return NightSpan(self.property_id, self.room_type_id, self.check_in, self.check_out)

    def outline(self) -> dict[str, Any]:
        """The stay without personal data, as it is kept in events and conflicts."""
        return {
            "room_type_id": str(self.room_type_id),
            "status": self.status.value,
            "check_in": str(self.check_in),
            "check_out": str(self.check_out),
            "units": self.units,
        }


Span = TypeVar("Span", bound=NightSpan, covariant=True)


@dataclass(frozen=True)
class Watched(Generic[Span]):
    """Which nights an instance is about, and the names of the fields that channels see the effect of.

    A save that changes none of `fields` makes no event. A span may end at `date.max`: it is cut to the calendar.
    """

    span_of: Callable[[Any], Span]
    fields: Sequence[str]


@dataclass(frozen=True)
class WatchedModels:
    """Host models, besides the reservation, whose saves change what channels see."""

    availability: Mapping[type[Model], Watched[NightSpan]]
    rates: Mapping[type[Model], Watched[RateSpan]]


class PropertyManagementSystem(Protocol):
    """A PMS, seen from channel_sync. Writing methods run inside the caller's transaction."""

    def property_facts(self, property_id: UUID) -> PropertyFacts:
        """Name, time zone and currency of a property."""

    def room_types(self, property_id: UUID) -> Sequence[RoomTypeFacts]:
        """The room types of a property."""

    def rooms(self, property_id: UUID) -> Sequence[RoomFacts]:
        """The physical rooms of a property."""

    def rate_plans(self, property_id: UUID) -> Sequence[RatePlanFacts]:
        """The rate plans of a property."""

    def watched_models(self) -> WatchedModels:
        """Models whose saves and deletes have to be followed."""

    def units(self, room_type_ids: Sequence[UUID]) -> QuerySet[Any, Any]:
        """Values `room_type_id`, `units`, in this order, of the room types."""

    def reserved(self, room_type_ids: Sequence[UUID], start: date, end: date) -> QuerySet[Any, Any]:
        """Values `reservation_id`, `room_type_id`, `check_in`, `check_out`, `units`, in this order.

        Of every reservation that takes units on a night from `start` up to but without `end`. One that waits for its
        channel under a hold is left out: its hold counts, for as long as it keeps its units.
        """

    def maintenance(self, room_type_ids: Sequence[UUID], start: date, end: date) -> QuerySet[Any, Any]:
        """Values `room_id`, `room_type_id`, `start`, `end`, in this order, of rooms out of order in that time."""

    def nightly_rates(self, rate_plan_ids: Sequence[UUID], start: date, end: date) -> Iterable[NightlyRate]:
        """The rates that are set from `start` up to but without `end`."""

    def lock_room_types(self, room_type_ids: Sequence[UUID]) -> None:
        """`SELECT … FOR UPDATE` on the room types, in the order of their ids."""

    def lock_reservation(self, reservation_id: UUID) -> Reservation | None:
        """`SELECT … FOR UPDATE` on a reservation, as it is now. Locks of room types are taken before it."""

    def reservation(self, reservation_id: UUID) -> Reservation | None:
        """A reservation as it is now."""

    def reservations(self, reservation_ids: Collection[UUID]) -> Mapping[UUID, Reservation]:
        """Reservations as they are now, by id; in a number of statements that does not grow with them."""

    def reservations_in_groups(self, property_id: UUID, groups: Collection[str]) -> Mapping[str, Collection[UUID]]:
        """The reservations of a property in each of these groups, as `Reservation.group` names them.

        Asked when a reservation that names a group is new at a channel: a host whose reservations name none is not.
        """

    def arriving_reservations(self, property_id: UUID, first: date, last: date) -> Iterator[Reservation]:
        """Reservations of every status that arrive from the first to the last day, in the order of their ids.

        Streamed: there may be more of them than fit in memory.
        """

    def describe(self, instance: Any) -> Reservation:
        """The reservation that a model instance holds, saved or not; asks the database for nothing it has."""

    def create_reservations(self, property_id: UUID, sold: Sequence[tuple[UUID, Booking]]) -> Sequence[UUID]:
        """Create the reservations of bookings that a channel has sold, free room or not; their ids, in this order.

        Each comes with the room type that it takes. Several come while many bookings wait: few statements help then.
        `booking.currency` is blank where the channel names none: the price is in the property's then.
        """

    def modify_reservation(self, reservation_id: UUID, room_type_id: UUID, booking: Booking) -> None:
        """Set a reservation to the state of the booking, which is whole: what the channel did not say is as it was.

        `booking.guest_comments` are the guest's own words: to be shown, and None where the channel does not say.
        What else only the channel can change is there when it has changed: `group_id`, blank when the booking left its
        group, and None otherwise; `ota`, `ota_reference` and `currency`, blank otherwise. A currency comes with the
        price in it: save both together.
        """

    def cancel_reservation(self, reservation_id: UUID) -> None:
        """Cancel a reservation for the channel; nothing happens when it is cancelled already."""

    def keep_reservation(self, reservation_id: UUID, until: datetime) -> None:
        """A hold keeps units for the reservation until then, or longer by the setting `hold_policy`.

        For display: nothing that a channel sees changes.
        """

    def confirm_reservations(self, reservation_ids: Collection[UUID]) -> None:
        """The channel has them: those that are pending, or failed as their hold expired, become confirmed.

        Several come after a call about many bookings, most of them confirmed long ago: few statements help then.
        """

    def fail_reservation(self, reservation_id: UUID, reason: str) -> None:
        """The channel refused the reservation, or did not answer in time: a pending one becomes failed."""

    def reopen_reservation(self, reservation_id: UUID) -> None:
        """Somebody books a failed reservation again: it waits for its channel again, under a new hold.

        Nothing happens to one that has not failed; one that was cancelled stays cancelled.
        """


@runtime_checkable
class KnowsGuests(Protocol):
    """What a host may have besides: it finds the reservations of a guest, for an export or an erasure of their data."""

    def reservations_of_guest(
        self, property_id: UUID, *, email: str, last_name: str, arrival: date | None
    ) -> Collection[UUID]:
        """Reservations of a property whose guest has this email, or this last name and arrives on this day.

        Whatever their case; `email` may be blank, `last_name` is blank and `arrival` None together.
        """


class LimitsVisibility(Protocol):
    """What the port of a host has besides, where not every user may see every property."""

    def visible_properties(self, user: Any) -> QuerySet[Any, Any] | Collection[UUID] | None:
        """The ids of the properties that a user may see, as a queryset of ids where there may be many; None means all.

        It caps every role: of a property that it leaves out, nothing is shown or counted. Superusers are asked for too.
        """


def visible_properties(user: Any) -> QuerySet[Any, Any] | Collection[UUID] | None:
    """What the host's port says of a user; None, all properties, where it says nothing."""
    limits: Callable[[Any], QuerySet[Any, Any] | Collection[UUID] | None] | None
    limits = getattr(host_pms(), LimitsVisibility.visible_properties.__name__, None)
    return None if limits is None else limits(user)


@lru_cache(maxsize=1)
def host_pms() -> PropertyManagementSystem:
    """The host's implementation of the port."""
    return cast(PropertyManagementSystem, import_string(channel_sync_settings().pms)())


def _forget_pms(*, setting: str, **_: object) -> None:
    if setting == "CHANNEL_SYNC":
        host_pms.cache_clear()


setting_changed.connect(_forget_pms, dispatch_uid="channel_sync.pms")
