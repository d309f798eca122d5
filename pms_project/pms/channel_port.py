"""This PMS behind the port of channel_sync: see `channel_sync.pms.PropertyManagementSystem`."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from django.db.models import F, QuerySet
from django.utils import timezone

from channel_sync.channels.canonical import Booking, BookingStatus, RateTerms
from channel_sync.channels.canonical import Guest as BookingGuest
from channel_sync.outbound.enqueue import ReservationChange, reservations_changed
from channel_sync.pms import (
    NightlyRate,
    NightSpan,
    PropertyFacts,
    RatePlanFacts,
    RateSpan,
    RoomFacts,
    RoomTypeFacts,
    Watched,
    WatchedModels,
)
from channel_sync.pms import Reservation as SharedReservation
from channel_sync.pms import StayPhase as SharedPhase
from pms_project.pms.models import (
    RESERVED_STATUSES,
    DailyRate,
    Guest,
    HotelSettings,
    MaintenanceBlock,
    RatePlan,
    Reservation,
    ReservationStatus,
    Room,
    RoomType,
    StayPhase,
)
from pms_project.pms.services.guests import change_guest
from pms_project.pms.services.rates import TERMS
from pms_project.pms.services.reservations import cancel_reservation, lock_room_types
from pms_project.pms.services.visibility import hotels_of

TO_CHANNEL = {
    ReservationStatus.PENDING_SYNC: BookingStatus.CONFIRMED,
    ReservationStatus.CONFIRMED: BookingStatus.CONFIRMED,
    ReservationStatus.REQUEST: BookingStatus.REQUEST,
    ReservationStatus.INQUIRY: BookingStatus.INQUIRY,
    ReservationStatus.BLOCKED: BookingStatus.BLOCKED,
    ReservationStatus.CANCELLED: BookingStatus.CANCELLED,
    ReservationStatus.FAILED: BookingStatus.CANCELLED,
}
FROM_CHANNEL = {
    BookingStatus.CONFIRMED: ReservationStatus.CONFIRMED,
    BookingStatus.REQUEST: ReservationStatus.REQUEST,
    BookingStatus.INQUIRY: ReservationStatus.INQUIRY,
    BookingStatus.BLOCKED: ReservationStatus.BLOCKED,
    BookingStatus.CANCELLED: ReservationStatus.CANCELLED,
}
# Without a mark of the front desk the dates say where the guest is.
PHASES = {
    StayPhase.IN_HOUSE.value: SharedPhase.IN_HOUSE,
    StayPhase.DEPARTED.value: SharedPhase.DEPARTED,
    StayPhase.NO_SHOW.value: SharedPhase.NO_SHOW,
}
CONFIRMABLE = (ReservationStatus.PENDING_SYNC, ReservationStatus.FAILED)
GUEST_LENGTHS = {"first_name": 200, "last_name": 200, "email": 320, "phone": 64, "country": 64}


class Pms:
    """Implements the port over the models and services of this app."""

    def property_facts(self, property_id: UUID) -> PropertyFacts:
        """Name, time zone and currency of a hotel."""
        hotel = HotelSettings.objects.get(id=property_id)
        return PropertyFacts(hotel.id, hotel.name, hotel.time_zone, hotel.currency)

    def visible_properties(self, user: Any) -> QuerySet[Any, Any] | None:
        """The hotels that the user works in."""
        return hotels_of(user)

    def room_types(self, property_id: UUID) -> Sequence[RoomTypeFacts]:
        """The room types of a hotel."""
        return [
            RoomTypeFacts(found.id, found.name, found.units) for found in RoomType.objects.filter(hotel=property_id)
        ]

    def rooms(self, property_id: UUID) -> Sequence[RoomFacts]:
        """The rooms of a hotel."""
        rooms = Room.objects.filter(room_type__hotel=property_id)
        return [RoomFacts(room.id, room.number, room.room_type_id) for room in rooms]

    def rate_plans(self, property_id: UUID) -> Sequence[RatePlanFacts]:
        """The rate plans of a hotel."""
        plans = RatePlan.objects.filter(room_type__hotel=property_id)
        return [RatePlanFacts(plan.id, plan.name, plan.room_type_id) for plan in plans]

    def watched_models(self) -> WatchedModels:
        """Maintenance and the size of room types move availability, daily rates move rates."""
        return WatchedModels(
            availability={
                MaintenanceBlock: Watched(_maintenance_span, ("room", "start", "end")),
                RoomType: Watched(_room_type_span, ("units",)),
            },
            rates={DailyRate: Watched(_rate_span, ("rate_plan", "night", *TERMS))},
        )

    def units(self, room_type_ids: Sequence[UUID]) -> QuerySet[Any, Any]:
        """Units of room types."""
        return RoomType.objects.filter(id__in=room_type_ids).values_list("id", "units")

    def reserved(self, room_type_ids: Sequence[UUID], start: date, end: date) -> QuerySet[Any, Any]:
        """Reservations that take rooms; a pending one does so by its hold."""
        return Reservation.objects.filter(
            room_type_id__in=room_type_ids, check_in__lt=end, check_out__gt=start, status__in=RESERVED_STATUSES
        ).values_list("id", "room_type_id", "check_in", "check_out", "units")

    def maintenance(self, room_type_ids: Sequence[UUID], start: date, end: date) -> QuerySet[Any, Any]:
        """Rooms out of order."""
        return MaintenanceBlock.objects.filter(
            room__room_type_id__in=room_type_ids, start__lt=end, end__gt=start
        ).values_list("room_id", F("room__room_type_id"), "start", "end")

    def nightly_rates(self, rate_plan_ids: Sequence[UUID], start: date, end: date) -> Iterator[NightlyRate]:
        """Daily rates."""
        rates = DailyRate.objects.filter(rate_plan_id__in=rate_plan_ids, night__gte=start, night__lt=end)
        return (
            NightlyRate(
                rate.rate_plan_id,
                rate.night,
                RateTerms(
                    price=rate.price,
                    min_stay=rate.min_stay,
                    max_stay=rate.max_stay,
                    stop_sell=rate.stop_sell,
                    closed_to_arrival=rate.closed_to_arrival,
                    closed_to_departure=rate.closed_to_departure,
                ),
            )
            for rate in rates.order_by("rate_plan_id", "night").iterator()
        )

    def lock_room_types(self, room_type_ids: Sequence[UUID]) -> None:
        """The same lock, in the same order, as the services take."""
        lock_room_types(list(room_type_ids))

    def lock_reservation(self, reservation_id: UUID) -> SharedReservation | None:
        """The same lock as the services take."""
        found = Reservation.objects.select_for_update(of=("self",)).select_related("guest").filter(id=reservation_id)
        reservation = found.first()
        return self.describe(reservation) if reservation is not None else None

    def reservation(self, reservation_id: UUID) -> SharedReservation | None:
        """A reservation as it is now."""
        return self.reservations([reservation_id]).get(reservation_id)

    def reservations(self, reservation_ids: Collection[UUID]) -> Mapping[UUID, SharedReservation]:
        """Reservations as they are now."""
        found = Reservation.objects.select_related("guest").filter(id__in=reservation_ids)
        return {reservation.id: self.describe(reservation) for reservation in found}

    def reservations_in_groups(self, property_id: UUID, groups: Collection[str]) -> Mapping[str, Collection[UUID]]:
        """Reservations by their group reference."""
        found: dict[str, list[UUID]] = {}
        grouped = Reservation.objects.filter(hotel_id=property_id, group_reference__in=groups)
        for group, reservation_id in grouped.values_list("group_reference", "id"):
            found.setdefault(group, []).append(reservation_id)
        return found

    def arriving_reservations(self, property_id: UUID, first: date, last: date) -> Iterator[SharedReservation]:
        """Reservations by their check-in, with a cursor of the server."""
        found = Reservation.objects.select_related("guest").filter(
            hotel_id=property_id, check_in__gte=first, check_in__lte=last
        )
        return (self.describe(reservation) for reservation in found.order_by("id").iterator(chunk_size=500))

    def reservations_of_guest(
        self, property_id: UUID, *, email: str, last_name: str, arrival: date | None
    ) -> Collection[UUID]:
        """Reservations by their guest."""
        # One after the other: each has an index, and one condition for both would read every reservation of the hotel.
        of_hotel = Reservation.objects.filter(hotel_id=property_id).values_list("id", flat=True)
        found = set(of_hotel.filter(guest__in=Guest.objects.filter(email__iexact=email).values("pk")) if email else ())
        if arrival is not None:
            found.update(of_hotel.filter(guest__last_name__iexact=last_name, check_in=arrival))
        return found

    def describe(self, instance: Reservation) -> SharedReservation:
        """A reservation as channels may see it."""
        guest = instance.guest
        return SharedReservation(
            id=instance.id,
            property_id=instance.hotel_id,
            room_type_id=instance.room_type_id,
            status=TO_CHANNEL[ReservationStatus(instance.status)],
            check_in=instance.check_in,
            check_out=instance.check_out,
            units=instance.units,
            adults=instance.adults,
            children=instance.children,
            guest=BookingGuest(**{name: getattr(guest, name) for name in GUEST_LENGTHS}) if guest else BookingGuest(),
            price=instance.price,
            notes=instance.notes,
            phase=PHASES.get(instance.phase),
            group=instance.group_reference,
            currency=instance.currency,
        )

    def create_reservations(self, property_id: UUID, sold: Sequence[tuple[UUID, Booking]]) -> Sequence[UUID]:
        """The channel has sold them: there is no look at free rooms."""
        # Ids are made here: bulk_create does not read back what the database would make.
        currency = HotelSettings.objects.values_list("currency", flat=True).get(id=property_id)
        staying = [booking for _, booking in sold if booking.status is not BookingStatus.BLOCKED]
        guests = iter(Guest.objects.bulk_create(Guest(id=uuid4(), **_guest_columns(booking)) for booking in staying))
        reservations = []
        for room_type_id, booking in sold:
            reservation = Reservation(
                id=uuid4(),
                hotel_id=property_id,
                guest=None if booking.status is BookingStatus.BLOCKED else next(guests),
                source="channel",
                currency=currency,
            )
            _apply(reservation, room_type_id, booking)
            reservations.append(reservation)
        Reservation.objects.bulk_create(reservations)
        # At once: until they know, other channels sell the same rooms.
        reservations_changed([ReservationChange(None, self.describe(reservation)) for reservation in reservations])
        return [reservation.id for reservation in reservations]

    def modify_reservation(self, reservation_id: UUID, room_type_id: UUID, booking: Booking) -> None:
        """Set a reservation to the state of the booking; saves nothing where nothing changes."""
        reservation = Reservation.objects.select_for_update(of=("self",)).select_related("guest").get(id=reservation_id)
        before = self.describe(reservation), _details(reservation)
        if reservation.guest is None and booking.status is not BookingStatus.BLOCKED:
            reservation.guest = Guest.objects.create(**_guest_columns(booking))
        elif reservation.guest is not None:
            change_guest(reservation, reservation.guest, _guest_columns(booking))
        _apply(reservation, room_type_id, booking)
        if (self.describe(reservation), _details(reservation)) != before:
            reservation.save()

    def cancel_reservation(self, reservation_id: UUID) -> None:
        """Cancel a reservation for the channel."""
        cancel_reservation(reservation_id)

    def keep_reservation(self, reservation_id: UUID, until: datetime) -> None:
        """Show until when the rooms are held."""
        Reservation.objects.filter(id=reservation_id).update(hold_expires_at=until)

    def confirm_reservations(self, reservation_ids: Collection[UUID]) -> None:
        """Pending reservations, and those whose hold had expired, become confirmed."""
        self._settle(reservation_ids, CONFIRMABLE, ReservationStatus.CONFIRMED, "")

    def fail_reservation(self, reservation_id: UUID, reason: str) -> None:
        """A pending reservation becomes failed."""
        self._settle([reservation_id], (ReservationStatus.PENDING_SYNC,), ReservationStatus.FAILED, reason)

    def reopen_reservation(self, reservation_id: UUID) -> None:
        """A failed reservation becomes pending again."""
        self._settle([reservation_id], (ReservationStatus.FAILED,), ReservationStatus.PENDING_SYNC, "")

    def _settle(
        self,
        reservation_ids: Collection[UUID],
        waiting: Sequence[ReservationStatus],
        status: ReservationStatus,
        reason: str,
    ) -> None:
        found = Reservation.objects.select_for_update().filter(id__in=reservation_ids, status__in=waiting)
        for reservation in found.order_by("id"):
            reservation.status = status
            reservation.failure_reason = reason
            reservation.hold_expires_at = None
            reservation.save()


def _apply(reservation: Reservation, room_type_id: UUID, booking: Booking) -> None:
    reservation.room_type_id = room_type_id
    reservation.status = FROM_CHANNEL[booking.status]
    reservation.check_in = booking.check_in
    reservation.check_out = booking.check_out
    reservation.units = booking.units
    reservation.adults = booking.adults
    reservation.children = booking.children
    reservation.price = booking.price
    reservation.notes = booking.notes
    if booking.guest_comments is not None:
        reservation.guest_comments = booking.guest_comments
    if booking.group_id is not None:
        reservation.group_reference = booking.group_id[:255]
    reservation.source = booking.ota[:50] or reservation.source
    reservation.channel_reference = booking.ota_reference[:255] or reservation.channel_reference
    reservation.currency = booking.currency[:3] or reservation.currency


def _details(reservation: Reservation) -> tuple[str, ...]:
    """What channels change and are never sent."""
    return (
        reservation.guest_comments,
        reservation.group_reference,
        reservation.source,
        reservation.channel_reference,
        reservation.currency,
    )


def _guest_columns(booking: Booking) -> dict[str, str]:
    return {name: getattr(booking.guest, name)[:length] for name, length in GUEST_LENGTHS.items()}


def _maintenance_span(block: MaintenanceBlock) -> NightSpan:
    return NightSpan(block.room.room_type.hotel_id, block.room.room_type_id, block.start, block.end)


def _room_type_span(room_type: RoomType) -> NightSpan:
    return NightSpan(room_type.hotel_id, room_type.id, timezone.localdate() - timedelta(days=1), date.max)


def _rate_span(rate: DailyRate) -> RateSpan:
    plan = rate.rate_plan
    return RateSpan(plan.room_type.hotel_id, plan.room_type_id, rate.night, rate.night + timedelta(days=1), plan.id)
