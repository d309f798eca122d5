"""Rows to test with; each factory makes what it depends on."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import factory
from factory.django import DjangoModelFactory

from channel_sync.models import (
    ChannelAccount,
    ChannelConnection,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    Direction,
    EntityType,
    EventType,
    MappingType,
    ReservationLink,
)
from pms_project.pms.models import (
    DailyRate,
    Guest,
    HotelSettings,
    MaintenanceBlock,
    RatePlan,
    Reservation,
    ReservationStatus,
    Room,
    RoomType,
)

WEBHOOK_SECRET = "webhook-secret"


class HotelFactory(DjangoModelFactory):
    class Meta:
        model = HotelSettings

    name = factory.Sequence("Hotel {}".format)


class RoomTypeFactory(DjangoModelFactory):
    class Meta:
        model = RoomType

    hotel = factory.SubFactory(HotelFactory)
    name = factory.Sequence("Room type {}".format)
    units = 10


class RoomFactory(DjangoModelFactory):
    class Meta:
        model = Room

    room_type = factory.SubFactory(RoomTypeFactory)
    number = factory.Sequence(str)


class MaintenanceBlockFactory(DjangoModelFactory):
    class Meta:
        model = MaintenanceBlock

    room = factory.SubFactory(RoomFactory)
    start = factory.LazyFunction(lambda: date.today() + timedelta(days=30))
    end = factory.LazyAttribute(lambda block: block.start + timedelta(days=2))


class RatePlanFactory(DjangoModelFactory):
    class Meta:
        model = RatePlan

    room_type = factory.SubFactory(RoomTypeFactory)
    name = factory.Sequence("Rate plan {}".format)


class DailyRateFactory(DjangoModelFactory):
    class Meta:
        model = DailyRate

    rate_plan = factory.SubFactory(RatePlanFactory)
    night = factory.LazyFunction(lambda: date.today() + timedelta(days=30))
    price = Decimal("120.00")


class GuestFactory(DjangoModelFactory):
    class Meta:
        model = Guest

    first_name = "Grace"
    last_name = "Hopper"
    email = "grace@example.org"


class ReservationFactory(DjangoModelFactory):
    class Meta:
        model = Reservation

    room_type = factory.SubFactory(RoomTypeFactory)
    hotel = factory.SelfAttribute("room_type.hotel")
    guest = factory.SubFactory(GuestFactory)
    status = ReservationStatus.CONFIRMED
    check_in = factory.LazyFunction(lambda: date.today() + timedelta(days=30))
    check_out = factory.LazyAttribute(lambda reservation: reservation.check_in + timedelta(days=2))
    price = Decimal("240.00")


class ChannelPropertyFactory(DjangoModelFactory):
    class Meta:
        model = ChannelProperty

    property = factory.SubFactory(HotelFactory)
    channel_name = "beds24"
    channel_property_id = factory.Sequence(lambda number: str(1001 + number))


class ChannelAccountFactory(DjangoModelFactory):
    class Meta:
        model = ChannelAccount

    channel_name = "beds24"
    external_id = factory.Sequence(str)
    refresh_token = "refresh-token"
    access_token = "access-token"
    access_token_expires_at = factory.LazyFunction(lambda: datetime.now(UTC) + timedelta(hours=24))


class ChannelConnectionFactory(DjangoModelFactory):
    class Meta:
        model = ChannelConnection

    channel_property = factory.SubFactory(ChannelPropertyFactory)
    account = factory.SubFactory(ChannelAccountFactory)
    webhook_secret = WEBHOOK_SECRET


class RoomTypeMappingFactory(DjangoModelFactory):
    class Meta:
        model = ChannelMapping

    channel_property = factory.SubFactory(ChannelPropertyFactory)
    mapping_type = MappingType.ROOM_TYPE
    internal_id = factory.LazyAttribute(lambda mapping: RoomTypeFactory(hotel=mapping.channel_property.property).id)
    external_id = factory.Sequence(lambda number: str(2001 + number))


class RateMappingFactory(DjangoModelFactory):
    class Meta:
        model = ChannelMapping

    channel_property = factory.SubFactory(ChannelPropertyFactory)
    mapping_type = MappingType.RATE
    internal_id = factory.LazyAttribute(lambda mapping: RatePlanFactory().id)
    external_id = factory.Sequence(lambda number: f"{2001 + number}:1")


class ReservationLinkFactory(DjangoModelFactory):
    class Meta:
        model = ReservationLink

    channel_property = factory.SubFactory(ChannelPropertyFactory)
    external_id = factory.Sequence(lambda number: str(5_000_001 + number))


class EventFactory(DjangoModelFactory):
    """An inbound booking that waits for its worker."""

    class Meta:
        model = ChannelEvent

    channel_property = factory.SubFactory(ChannelPropertyFactory)
    direction = Direction.INBOUND
    source = "beds24"
    event_type = EventType.BOOKING_CREATED
    entity_type = EntityType.BOOKING
    idempotency_key = factory.Sequence("key-{}".format)
    payload = factory.LazyFunction(dict)
    received_at = factory.LazyFunction(lambda: datetime.now(UTC))


class OutboundEventFactory(EventFactory):
    """A reservation that waits to be sent."""

    direction = Direction.OUTBOUND
    source = "pms"
    event_type = EventType.BOOKING_CREATE
