"""The port over these models."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import DateField, ExpressionWrapper, F, QuerySet, Value
from django.utils import timezone

from channel_sync.channels.canonical import Booking, BookingStatus, Guest
from channel_sync.pms import (
    NightlyRate,
    NightSpan,
    PropertyFacts,
    RatePlanFacts,
    Reservation,
    RoomFacts,
    RoomTypeFacts,
    Watched,
    WatchedModels,
)
from tests.second_host.lodge.models import Hotel, RoomKind, Stay

NIGHT = timedelta(days=1)
CHECK_OUT = ExpressionWrapper(F("first_night") + F("nights") * Value(NIGHT), output_field=DateField())


class Lodge:
    """Prices are per stay, guests are a name, and every room is sold by the kind."""

    def property_facts(self, property_id: UUID) -> PropertyFacts:
        hotel = Hotel.objects.get(pk=property_id)
        return PropertyFacts(hotel.pk, hotel.title, "Pacific/Auckland", "NZD")

    def room_types(self, property_id: UUID) -> Sequence[RoomTypeFacts]:
        kinds = RoomKind.objects.filter(house=property_id)
        return [RoomTypeFacts(kind.pk, kind.label, kind.quantity) for kind in kinds]

    def rooms(self, property_id: UUID) -> Sequence[RoomFacts]:
        return []

    def rate_plans(self, property_id: UUID) -> Sequence[RatePlanFacts]:
        return []

    def watched_models(self) -> WatchedModels:
        return WatchedModels(availability={RoomKind: Watched(_all_nights, ("quantity",))}, rates={})

    def units(self, room_type_ids: Sequence[UUID]) -> QuerySet[Any, Any]:
        return RoomKind.objects.filter(pk__in=room_type_ids).values_list("pk", "quantity")

    def reserved(self, room_type_ids: Sequence[UUID], start: date, end: date) -> QuerySet[Any, Any]:
        taking = Stay.objects.annotate(check_out=CHECK_OUT).filter(
            kind_id__in=room_type_ids, is_cancelled=False, first_night__lt=end, check_out__gt=start
        )
        return taking.values_list("pk", "kind_id", "first_night", "check_out", Value(1))

    def maintenance(self, room_type_ids: Sequence[UUID], start: date, end: date) -> QuerySet[Any, Any]:
        return Stay.objects.none().values_list("pk", "kind_id", "first_night", "first_night")

    def nightly_rates(self, rate_plan_ids: Sequence[UUID], start: date, end: date) -> list[NightlyRate]:
        return []

    def lock_room_types(self, room_type_ids: Sequence[UUID]) -> None:
        list(RoomKind.objects.filter(pk__in=room_type_ids).order_by("pk").select_for_update())

    def lock_reservation(self, reservation_id: UUID) -> Reservation | None:
        found = Stay.objects.select_for_update().filter(pk=reservation_id).first()
        return self.describe(found) if found else None

    def reservation(self, reservation_id: UUID) -> Reservation | None:
        return self.reservations([reservation_id]).get(reservation_id)

    def reservations(self, reservation_ids: Collection[UUID]) -> Mapping[UUID, Reservation]:
        stays = Stay.objects.select_related("kind").filter(pk__in=reservation_ids)
        return {stay.pk: self.describe(stay) for stay in stays}

    def arriving_reservations(self, property_id: UUID, first: date, last: date) -> Iterator[Reservation]:
        stays = Stay.objects.select_related("kind").filter(
            kind__house=property_id, first_night__gte=first, first_night__lte=last
        )
        return (self.describe(stay) for stay in stays.order_by("pk").iterator(chunk_size=500))

    def describe(self, instance: Stay) -> Reservation:
        return Reservation(
            id=instance.pk,
            property_id=instance.kind.house_id,
            room_type_id=instance.kind_id,
            status=BookingStatus.CANCELLED if instance.is_cancelled else BookingStatus.CONFIRMED,
            check_in=instance.first_night,
            check_out=instance.first_night + instance.nights * NIGHT,
            adults=instance.persons,
            guest=Guest(last_name=instance.who),
            price=instance.total,
        )

    def create_reservations(self, property_id: UUID, sold: Sequence[tuple[UUID, Booking]]) -> Sequence[UUID]:
        made = []
        for room_type_id, booking in sold:
            stay = Stay()
            _apply(stay, room_type_id, booking)
            made.append(UUID(str(stay.pk)))
        return made

    def modify_reservation(self, reservation_id: UUID, room_type_id: UUID, booking: Booking) -> None:
        _apply(Stay.objects.select_for_update().get(pk=reservation_id), room_type_id, booking)

    def cancel_reservation(self, reservation_id: UUID) -> None:
        stay = Stay.objects.select_for_update().get(pk=reservation_id)
        stay.is_cancelled = True
        stay.save()

    def keep_reservation(self, reservation_id: UUID, until: datetime) -> None:
        """Nothing here waits for its channel."""

    def confirm_reservations(self, reservation_ids: Collection[UUID]) -> None:
        Stay.objects.filter(pk__in=reservation_ids).update(trouble="")

    def fail_reservation(self, reservation_id: UUID, reason: str) -> None:
        Stay.objects.filter(pk=reservation_id).update(trouble=reason)

    def reopen_reservation(self, reservation_id: UUID) -> None:
        """Nothing here waits for its channel, and nothing fails."""


def _apply(stay: Stay, room_type_id: UUID, booking: Booking) -> None:
    stay.kind_id = room_type_id
    stay.first_night = booking.check_in
    stay.nights = (booking.check_out - booking.check_in).days
    stay.who = booking.guest.last_name
    stay.persons = booking.adults
    stay.total = booking.price
    stay.is_cancelled = booking.status is BookingStatus.CANCELLED
    stay.save()


def _all_nights(kind: RoomKind) -> NightSpan:
    return NightSpan(kind.house_id, kind.pk, timezone.localdate() - NIGHT, date.max)
