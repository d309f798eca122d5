"""Saves in the PMS become events in the same transaction, and only when a channel would see a change."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from channel_sync.channels.canonical import content_hash
from channel_sync.models import ChannelEvent, ChannelProperty, ChannelPropertyStatus, EventType, ReservationLink
from channel_sync.pms import host_pms
from pms_project.pms.models import Reservation, ReservationStatus, RoomType
from tests.factories import (
    DailyRateFactory,
    MaintenanceBlockFactory,
    RateMappingFactory,
    RatePlanFactory,
    ReservationFactory,
    ReservationLinkFactory,
    RoomFactory,
    RoomTypeFactory,
    RoomTypeMappingFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def double(channel_property: ChannelProperty) -> RoomType:
    room_type: RoomType = RoomTypeFactory(hotel=channel_property.property)
    RoomTypeMappingFactory(channel_property=channel_property, internal_id=room_type.id, external_id="2001")
    return room_type


def types() -> list[str]:
    """The types of the events made since the last call."""
    found = list(ChannelEvent.objects.order_by("received_at").values_list("event_type", flat=True))
    ChannelEvent.objects.all().delete()
    return found


def linked(channel_property: ChannelProperty, room_type: RoomType, **columns: Any) -> Reservation:
    """A reservation that the channel has as it is."""
    reservation: Reservation = ReservationFactory(room_type=room_type, **columns)
    ReservationLinkFactory(
        channel_property=channel_property,
        reservation=reservation,
        external_id="5000001",
        pushed_hash=content_hash(host_pms().describe(reservation).push("2001")),
    )
    types()
    return reservation


def test_a_new_reservation_is_a_create_and_an_availability(double: RoomType) -> None:
    reservation = ReservationFactory(room_type=double)

    create, availability = ChannelEvent.objects.order_by("received_at")
    assert create.event_type == EventType.BOOKING_CREATE
    assert create.entity_internal_id == reservation.id
    assert create.idempotency_key.startswith(f"{create.channel_property_id}-booking-{reservation.id}-")
    assert availability.payload == {
        "room_type_id": str(double.id),
        "start": str(reservation.check_in),
        "end": str(reservation.check_out),
    }


def test_the_event_goes_with_the_transaction(double: RoomType) -> None:
    with transaction.atomic():
        ReservationFactory(room_type=double)
        transaction.set_rollback(True)

    assert types() == []


def test_saving_without_a_change_makes_no_event(channel_property: ChannelProperty, double: RoomType) -> None:
    reservation = linked(channel_property, double)

    reservation.save()
    Reservation.objects.get().save()

    assert types() == []


def test_what_channels_do_not_see_makes_no_event(channel_property: ChannelProperty, double: RoomType) -> None:
    reservation = linked(channel_property, double, status=ReservationStatus.PENDING_SYNC)

    reservation.status = ReservationStatus.CONFIRMED
    reservation.save()

    assert types() == []


@pytest.mark.parametrize("change", [{"price": Decimal(1)}, {"adults": 4}, {"notes": "late arrival"}])
def test_a_change_of_the_booking_alone_is_an_update(
    channel_property: ChannelProperty, double: RoomType, change: dict[str, Any]
) -> None:
    reservation = linked(channel_property, double)

    for name, value in change.items():
        setattr(reservation, name, value)
    reservation.save()

    assert types() == [EventType.BOOKING_UPDATE]


def test_a_change_of_dates_moves_the_old_and_the_new_nights(
    channel_property: ChannelProperty, double: RoomType
) -> None:
    reservation = linked(channel_property, double)
    old = reservation.check_in

    reservation.check_in += timedelta(days=10)
    reservation.check_out += timedelta(days=10)
    reservation.save()

    moved = ChannelEvent.objects.filter(event_type=EventType.AVAILABILITY_UPDATE)
    assert set(moved.values_list("payload__start", flat=True)) == {str(old), str(reservation.check_in)}
    assert ChannelEvent.objects.filter(event_type=EventType.BOOKING_UPDATE).count() == 1


def test_a_cancellation_is_a_cancel(channel_property: ChannelProperty, double: RoomType) -> None:
    reservation = linked(channel_property, double)

    reservation.status = ReservationStatus.CANCELLED
    reservation.save()

    assert types() == [EventType.BOOKING_CANCEL, EventType.AVAILABILITY_UPDATE]


def test_a_deleted_reservation_cancels_its_booking(channel_property: ChannelProperty, double: RoomType) -> None:
    reservation = linked(channel_property, double)

    reservation.delete()

    cancel = ChannelEvent.objects.get(event_type=EventType.BOOKING_CANCEL)
    assert cancel.entity_external_id == "5000001"
    assert ReservationLink.objects.get().reservation_id is None


def test_a_change_before_the_create_was_sent_is_an_update(double: RoomType) -> None:
    reservation = ReservationFactory(room_type=double)
    types_before = list(ChannelEvent.objects.values_list("event_type", flat=True))
    assert EventType.BOOKING_CREATE in types_before

    reservation.price = Decimal(1)
    reservation.save()

    assert EventType.BOOKING_UPDATE in types()


def test_a_reservation_that_no_channel_ever_had_is_cancelled_in_silence(double: RoomType) -> None:
    reservation = ReservationFactory(room_type=RoomTypeFactory(hotel=double.hotel))
    reservation.status = ReservationStatus.CANCELLED
    reservation.save()

    assert types() == []


@pytest.mark.parametrize("status", [ChannelPropertyStatus.ACTIVE, ChannelPropertyStatus.ERROR])
def test_a_property_in_error_keeps_what_happens_meanwhile(
    channel_property: ChannelProperty, double: RoomType, status: ChannelPropertyStatus
) -> None:
    channel_property.status = status
    channel_property.save()

    ReservationFactory(room_type=double)

    assert types() != []


def test_a_paused_property_remembers_bookings_and_no_calendar(
    channel_property: ChannelProperty, double: RoomType
) -> None:
    channel_property.status = ChannelPropertyStatus.INACTIVE
    channel_property.save()

    ReservationFactory(room_type=double)

    assert types() == ["booking.create"]


def test_maintenance_moves_availability(double: RoomType) -> None:
    block = MaintenanceBlockFactory(room=RoomFactory(room_type=double))
    assert types() == [EventType.AVAILABILITY_UPDATE]

    block.reason = "painting"
    block.save()
    assert types() == []

    block.end += timedelta(days=1)
    block.save()
    assert types() == [EventType.AVAILABILITY_UPDATE]

    block.delete()
    assert types() == [EventType.AVAILABILITY_UPDATE]


def test_the_size_of_a_room_type_moves_availability_and_its_name_does_not(double: RoomType) -> None:
    double.name = "Twin"
    double.save()
    assert types() == []

    double.units += 1
    double.save()
    assert types() == [EventType.AVAILABILITY_UPDATE]


def test_a_rate_is_told_where_its_plan_is_mapped(channel_property: ChannelProperty, double: RoomType) -> None:
    plan = RatePlanFactory(room_type=double)
    DailyRateFactory(rate_plan=plan)
    assert types() == []

    RateMappingFactory(channel_property=channel_property, internal_id=plan.id)
    rate = DailyRateFactory(rate_plan=plan, night=date(2027, 5, 1))
    rate.save()
    assert types() == [EventType.RATE_UPDATE]

    rate.stop_sell = True
    rate.save()
    assert types() == [EventType.RATE_UPDATE]


def test_nothing_is_sent_for_a_room_type_that_no_channel_sells() -> None:
    ReservationFactory()
    MaintenanceBlockFactory()

    assert types() == []
