"""Bookings of Beds24 applied to the PMS: once, in order, none lost."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from channel_sync.channels.beds24.normalization import KEY_INFO_CODE
from channel_sync.events.processing import process
from channel_sync.models import (
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ConflictKind,
    Direction,
    EventStatus,
    EventType,
    ReservationLink,
)
from pms_project.pms.models import Reservation, ReservationStatus, RoomType
from tests.beds24_webhooks import LATER, LATEST, TIME, webhook
from tests.factories import (
    ChannelConnectionFactory,
    EventFactory,
    OutboundEventFactory,
    ReservationFactory,
    ReservationLinkFactory,
    RoomTypeFactory,
    RoomTypeMappingFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def double(channel_property: ChannelProperty) -> RoomType:
    room_type: RoomType = RoomTypeFactory(hotel=channel_property.property, units=2)
    RoomTypeMappingFactory(channel_property=channel_property, internal_id=room_type.id, external_id="2001")
    return room_type


def deliver(
    channel_property: ChannelProperty, event_type: EventType = EventType.BOOKING_CREATED, **changes: Any
) -> ChannelEvent:
    """Work the event of a webhook and return it as it ended."""
    payload = webhook(**changes)
    event = EventFactory(
        channel_property=channel_property,
        event_type=event_type,
        entity_external_id=str(payload["booking"]["id"]),
        payload=payload,
    )
    process(event.id)
    event.refresh_from_db()
    return event


def test_a_booking_becomes_a_reservation(channel_property: ChannelProperty, double: RoomType) -> None:
    event = deliver(channel_property)

    reservation = Reservation.objects.get()
    assert event.status == EventStatus.DONE
    assert event.entity_internal_id == reservation.id
    assert event.normalized_payload["external_id"] == "5000001"
    assert (reservation.room_type, reservation.status) == (double, ReservationStatus.CONFIRMED)
    assert (reservation.source, reservation.channel_reference) == ("booking", "BDC-1")
    assert (reservation.price, reservation.currency) == (Decimal("240.00"), "EUR")
    assert (reservation.guest.first_name, reservation.guest.email) == ("Ada", "ada@example.org")
    link = ReservationLink.objects.get()
    assert (link.external_id, link.reservation) == ("5000001", reservation)


def test_a_change_is_applied(channel_property: ChannelProperty, double: RoomType) -> None:
    suite = RoomTypeFactory(hotel=channel_property.property)
    RoomTypeMappingFactory(channel_property=channel_property, internal_id=suite.id, external_id="2002")
    deliver(channel_property)
    later = str(date.today() + timedelta(days=40))

    deliver(
        channel_property,
        EventType.BOOKING_MODIFIED,
        modifiedTime=LATER,
        departure=later,
        roomId=2002,
        firstName="Augusta",
        price=900,
        numAdult=3,
    )

    reservation = Reservation.objects.get()
    assert (str(reservation.check_out), reservation.room_type, reservation.adults) == (later, suite, 3)
    assert (reservation.price, reservation.guest.first_name, reservation.version) == (Decimal("900.00"), "Augusta", 2)


def test_a_booking_that_changes_its_room_locks_both_room_types_at_once(
    channel_property: ChannelProperty, double: RoomType
) -> None:
    """One after the other they could meet a front desk that has the second and waits for the first."""
    single = RoomTypeFactory(hotel=double.hotel)
    RoomTypeMappingFactory(channel_property=channel_property, internal_id=single.id, external_id="2002")
    deliver(channel_property)

    with CaptureQueriesContext(connection) as statements:
        deliver(channel_property, roomId=2002, modifiedTime=LATER)

    assert Reservation.objects.get().room_type_id == single.id
    first_lock = next(
        query["sql"] for query in statements if "room_types" in query["sql"] and "FOR UPDATE" in query["sql"]
    )
    assert single.id.hex in first_lock
    assert double.id.hex in first_lock


def test_a_cancellation_cancels(channel_property: ChannelProperty, double: RoomType) -> None:
    deliver(channel_property)

    deliver(channel_property, EventType.BOOKING_CANCELLED, status="cancelled", modifiedTime=LATER)

    assert Reservation.objects.get().status == ReservationStatus.CANCELLED


def test_a_deletion_cancels(channel_property: ChannelProperty, double: RoomType) -> None:
    deliver(channel_property)

    deliver(channel_property, EventType.BOOKING_DELETED, modifiedTime=LATER)

    assert Reservation.objects.get().status == ReservationStatus.CANCELLED


def test_an_older_state_that_comes_late_is_ignored(channel_property: ChannelProperty, double: RoomType) -> None:
    deliver(channel_property, modifiedTime=LATER, price=300)

    event = deliver(channel_property, modifiedTime=TIME, price=200)

    assert (event.status, event.last_error[:5]) == (EventStatus.IGNORED, "stale")
    assert Reservation.objects.get().price == Decimal("300.00")


def test_the_same_state_again_is_ignored(channel_property: ChannelProperty, double: RoomType) -> None:
    deliver(channel_property)

    event = deliver(channel_property)

    assert (event.status, event.last_error[:9]) == (EventStatus.IGNORED, "unchanged")
    assert Reservation.objects.count() == 1


def test_cancelled_then_modified_out_of_order_ends_cancelled(
    channel_property: ChannelProperty, double: RoomType
) -> None:
    deliver(channel_property, EventType.BOOKING_CANCELLED, status="cancelled", modifiedTime=LATEST)
    deliver(channel_property, EventType.BOOKING_MODIFIED, modifiedTime=LATER)
    deliver(channel_property)

    assert Reservation.objects.get().status == ReservationStatus.CANCELLED


def test_a_booking_that_was_deleted_before_we_knew_it_stays_away(
    channel_property: ChannelProperty, double: RoomType
) -> None:
    deliver(channel_property, EventType.BOOKING_DELETED, modifiedTime=LATEST)

    event = deliver(channel_property, modifiedTime=TIME)

    assert event.status == EventStatus.IGNORED
    assert not Reservation.objects.exists()


@pytest.mark.parametrize(
    ("event_type", "status"),
    [
        (EventType.BOOKING_MODIFIED, ReservationStatus.CONFIRMED),
        (EventType.BOOKING_CANCELLED, ReservationStatus.CANCELLED),
    ],
)
def test_a_change_of_an_unknown_booking_creates_it(
    channel_property: ChannelProperty, double: RoomType, event_type: EventType, status: ReservationStatus
) -> None:
    changes = {"status": "cancelled"} if event_type is EventType.BOOKING_CANCELLED else {}

    deliver(channel_property, event_type, **changes)

    assert Reservation.objects.get().status == status


def test_a_created_of_a_known_booking_changes_it(channel_property: ChannelProperty, double: RoomType) -> None:
    deliver(channel_property)

    deliver(channel_property, EventType.BOOKING_CREATED, modifiedTime=LATER, price=1)

    assert Reservation.objects.get().price == Decimal("1.00")


@pytest.mark.parametrize(
    ("theirs", "ours", "has_guest"),
    [
        ("request", ReservationStatus.REQUEST, True),
        ("inquiry", ReservationStatus.INQUIRY, True),
        ("black", ReservationStatus.BLOCKED, False),
        ("confirmed", ReservationStatus.CONFIRMED, True),
    ],
)
def test_each_status_is_kept(
    channel_property: ChannelProperty, double: RoomType, theirs: str, ours: ReservationStatus, has_guest: bool
) -> None:
    deliver(channel_property, status=theirs)

    reservation = Reservation.objects.get()
    assert (reservation.status, reservation.guest is not None) == (ours, has_guest)


def test_a_booking_without_a_free_room_is_created_and_flagged(
    channel_property: ChannelProperty, double: RoomType
) -> None:
    ReservationFactory(room_type=double, units=2)

    event = deliver(channel_property)

    assert event.status == EventStatus.DONE
    assert Reservation.objects.count() == 2
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.subject) == (ConflictKind.OVERBOOKING, "booking:5000001")
    assert set(conflict.pms_side["free_units"].values()) == {-1}
    assert "Lovelace" not in str(conflict.pms_side) + str(conflict.channel_side)


def test_the_same_overbooking_is_one_open_conflict(channel_property: ChannelProperty, double: RoomType) -> None:
    ReservationFactory(room_type=double, units=2)

    deliver(channel_property)
    deliver(channel_property, modifiedTime=LATER, price=1)

    assert Conflict.objects.count() == 1


@pytest.mark.parametrize("status", ["inquiry", "cancelled"])
def test_what_takes_no_room_overbooks_nothing(channel_property: ChannelProperty, double: RoomType, status: str) -> None:
    ReservationFactory(room_type=double, units=2)

    deliver(channel_property, status=status)

    assert not Conflict.objects.exists()


def test_an_unmapped_room_fails_and_names_the_room(channel_property: ChannelProperty) -> None:
    event = deliver(channel_property, roomId=2099)

    assert (event.status, event.attempts) == (EventStatus.FAILED, 1)
    assert "Room '2099'" in event.last_error
    assert not Reservation.objects.exists()


def test_saving_the_missing_mapping_retries_the_event(channel_property: ChannelProperty) -> None:
    event = deliver(channel_property)
    room_type = RoomTypeFactory(hotel=channel_property.property)

    RoomTypeMappingFactory(channel_property=channel_property, internal_id=room_type.id, external_id="2001")

    event.refresh_from_db()
    assert (event.status, event.attempts) == (EventStatus.RECEIVED, 0)
    assert process(event.id) is EventStatus.DONE


def test_a_mapping_that_is_switched_off_does_not_count(channel_property: ChannelProperty, double: RoomType) -> None:
    ChannelMapping.objects.update(is_active=False)

    assert deliver(channel_property).status == EventStatus.FAILED


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"arrival": "2027-01-05", "departure": "2027-01-01"}, "booking.departure"),
        ({"status": "on hold"}, "booking.status"),
    ],
)
def test_a_booking_that_makes_no_sense_fails_and_names_the_field(
    channel_property: ChannelProperty, double: RoomType, changes: dict[str, str], field: str
) -> None:
    event = deliver(channel_property, **changes)

    assert event.status == EventStatus.FAILED
    assert f"Field '{field}'" in event.last_error


def test_what_a_channel_changes_does_not_go_back_to_it(channel_property: ChannelProperty, double: RoomType) -> None:
    deliver(channel_property)
    deliver(channel_property, modifiedTime=LATER, price=1)
    deliver(channel_property, status="cancelled", modifiedTime=LATEST)

    assert not ChannelEvent.objects.filter(direction=Direction.OUTBOUND).exists()


def test_what_a_channel_changes_goes_to_the_other_channels_as_availability(
    channel_property: ChannelProperty, double: RoomType
) -> None:
    other = ChannelConnectionFactory(
        channel_property__property=channel_property.property, channel_property__channel_name="other"
    ).channel_property
    RoomTypeMappingFactory(channel_property=other, internal_id=double.id, external_id="9")

    deliver(channel_property)

    outbound = ChannelEvent.objects.filter(direction=Direction.OUTBOUND)
    assert list(outbound.values_list("channel_property", "event_type")) == [(other.id, EventType.AVAILABILITY_UPDATE)]


def test_the_webhook_of_our_own_create_finds_its_reservation(
    channel_property: ChannelProperty, double: RoomType
) -> None:
    """It may overtake the worker that made the call and has not saved the link yet."""
    reservation = ReservationFactory(room_type=double, status=ReservationStatus.PENDING_SYNC)
    ChannelEvent.objects.all().delete()
    OutboundEventFactory(
        channel_property=channel_property, idempotency_key="our-key", entity_internal_id=reservation.id
    )

    deliver(channel_property, info_items=[{"code": KEY_INFO_CODE, "text": "our-key"}])

    assert Reservation.objects.get().id == reservation.id
    assert ReservationLink.objects.get().reservation_id == reservation.id


def test_the_key_of_another_property_is_worth_nothing(channel_property: ChannelProperty, double: RoomType) -> None:
    foreign = OutboundEventFactory(idempotency_key="foreign-key", entity_internal_id=ReservationFactory().id)
    assert foreign.channel_property != channel_property

    deliver(channel_property, info_items=[{"code": KEY_INFO_CODE, "text": "foreign-key"}])

    assert Reservation.objects.count() == 2


def test_two_properties_may_have_bookings_of_one_number(channel_property: ChannelProperty, double: RoomType) -> None:
    ReservationLinkFactory(external_id="5000001")

    deliver(channel_property)

    assert ReservationLink.objects.filter(external_id="5000001").count() == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"arrival": "2020-01-01", "departure": "2020-01-03"},
        {"price": 0},
        {"price": None},
        {"currency": "USD"},
        {"firstName": "", "lastName": ""},
        {"lastName": "عمر 👩‍🚀 渡辺"},
        {"arrival": "2027-03-27", "departure": "2027-03-29"},
        {"arrival": "2027-01-01", "departure": "2027-02-01"},
        {"firstName": "x" * 5000, "phone": "1" * 500},
        {"roomQty": 2, "masterId": 5000000},
    ],
    ids=["past", "zero", "no price", "currency", "no name", "scripts", "dst", "31 nights", "long", "two rooms"],
)
def test_odd_but_real_bookings_are_taken(
    channel_property: ChannelProperty, double: RoomType, changes: dict[str, Any]
) -> None:
    assert deliver(channel_property, **changes).status == EventStatus.DONE
    assert Reservation.objects.count() == 1
