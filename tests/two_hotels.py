"""Two hotels with a row of everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Model

from channel_sync.models import (
    Alert,
    AlertKind,
    AuditAction,
    AuditEntry,
    CapturedChange,
    ChannelMapping,
    ChannelProperty,
    Conflict,
    ConflictKind,
    EventStatus,
    NotificationKind,
    PropertyRole,
    ReconciliationKind,
    ReconciliationRun,
    Role,
    Severity,
    WebhookDelivery,
    WebhookSubscription,
)
from channel_sync.subscriptions.message import new_secret
from pms_project.pms.models import HotelMembership, HotelSettings, RoomType
from tests.factories import (
    ChannelConnectionFactory,
    ChannelPropertyFactory,
    DailyRateFactory,
    EventFactory,
    HotelFactory,
    MaintenanceBlockFactory,
    RatePlanFactory,
    ReservationFactory,
    ReservationLinkFactory,
    RoomFactory,
    RoomTypeFactory,
    RoomTypeMappingFactory,
)
from tests.staff import works_in

RECEIVED = datetime(2026, 11, 1, 12, 30, tzinfo=UTC)


@dataclass(frozen=True)
class Rows:
    """A row of each kind of one hotel; `marks` are words and numbers that only this hotel has."""

    of: Mapping[str, Model]
    marks: tuple[str, ...]

    def __getattr__(self, kind: str) -> str:
        try:
            return str(self.of[kind].pk)
        except KeyError:
            raise AttributeError(kind) from None

    def ids(self) -> set[str]:
        return {str(row.pk) for row in self.of.values() if len(str(row.pk)) > 30}

    def external(self, kind: str, column: str) -> str:
        return str(getattr(self.of[kind], column))

    def stored(self) -> list[Any]:
        """Each row, and whatever else is of the property or the hotel, as the database has it now; one statement."""
        parts, keys = [], []
        for row in self.of.values():
            parts.append(f"SELECT t::text FROM {row._meta.db_table} t WHERE {row._meta.pk.column} = %s")
            keys.append(row.pk)
        for model in apps.get_models():
            for column, kind in (("channel_property", "property"), ("hotel", "hotel"), ("room_type", "room_type")):
                field = next((one for one in model._meta.fields if one.name == column), None)
                if field is not None:
                    parts.append(f"SELECT t::text FROM {model._meta.db_table} t WHERE {field.column} = %s")
                    keys.append(self.of[kind].pk)
        with connection.cursor() as cursor:
            cursor.execute(" UNION ".join(parts) + " ORDER BY 1", keys)
            return cursor.fetchall()

    def remove(self) -> None:
        """As if the hotel had never been there."""
        for row in reversed(self.of.values()):
            type(row)._default_manager.filter(pk=row.pk)._raw_delete("default")
        CapturedChange.objects.all().delete()


def hotel_a(hotel: HotelSettings, channel_property: ChannelProperty, room_type: RoomType) -> Rows:
    return _rows(hotel, channel_property, room_type, "Alma", 71)


def hotel_b() -> Rows:
    """Its property, account and guests are its own; nobody of hotel A has heard of it."""
    hotel = HotelFactory(name="Bravissimo Palace")
    channel_property = ChannelPropertyFactory(property=hotel, channel_property_id="880088")
    connection = ChannelConnectionFactory(channel_property=channel_property, account__external_id="account-of-b")
    room_type = RoomTypeFactory(hotel=hotel, name="Bravissimo Suite")
    rows = _rows(hotel, channel_property, room_type, "Bravissimo", 88)
    of = dict(rows.of)
    first = {kind: of.pop(kind) for kind in ("user", "hotel", "property")}
    return Rows({**first, "account": connection.account, "connection": connection, **of}, rows.marks)


def _rows(hotel: HotelSettings, channel_property: ChannelProperty, room_type: RoomType, mark: str, number: int) -> Rows:
    user = works_in(hotel, Role.VIEWER, name=f"{mark}-staff")
    booking = f"{number}00{number}"
    reservation = ReservationFactory(
        room_type=room_type, check_in=date(2027, 3, 1), check_out=date(2027, 3, 3), group_reference=f"{mark}-group",
        guest__last_name=f"{mark}-guest", guest__email=f"{mark}@guests.example", notes=f"{mark}-notes",
        channel_reference=f"{mark}-reference",
    )  # fmt: skip
    mapping = ChannelMapping.objects.filter(channel_property=channel_property, internal_id=room_type.pk).first()
    subscription = WebhookSubscription.objects.create(
        channel_property=channel_property, url=f"https://127.0.0.1/{mark}", secret=new_secret()
    )
    room, plan = RoomFactory(room_type=room_type, number=f"{mark}-1"), RatePlanFactory(room_type=room_type, name=mark)
    return Rows(
        {
            "user": user,
            "hotel": hotel,
            "property": channel_property,
            "room_type": room_type,
            "guest": reservation.guest,
            "reservation": reservation,
            "room": room,
            "rate_plan": plan,
            "daily_rate": DailyRateFactory(rate_plan=plan, night=date(2027, 3, 1)),
            "block": MaintenanceBlockFactory(room=room, start=date(2027, 4, 1), reason=f"{mark}-repair"),
            "membership": HotelMembership.objects.get(user=user),
            "role": PropertyRole.objects.get(user=user),
            "mapping": mapping
            or RoomTypeMappingFactory(
                channel_property=channel_property, internal_id=room_type.pk, external_id=f"{number}77"
            ),
            "event": EventFactory(
                channel_property=channel_property,
                status=EventStatus.FAILED,
                last_error=f"{mark}-error",
                entity_external_id=booking,
                entity_internal_id=reservation.pk,
                received_at=RECEIVED,
                payload={"booking": {"id": booking, "email": f"{mark}@guests.example", "lastName": f"{mark}-guest"}},
            ),
            "conflict": Conflict.objects.create(
                channel_property=channel_property,
                kind=ConflictKind.DATES,
                severity=Severity.HIGH,
                subject=f"booking:{booking}",
                pms_side={"last_name": f"{mark}-guest"},
                channel_side={"price": "7"},
            ),
            "run": ReconciliationRun.objects.create(
                channel_property=channel_property,
                kind=ReconciliationKind.RATES,
                window_start="2027-01-01",
                window_end="2027-01-02",
                cursor={},
                note=f"{mark}-note",
                status="done",
            ),
            "booking": ReservationLinkFactory(
                channel_property=channel_property,
                external_id=booking,
                reservation_id=reservation.pk,
                ota="booking",
                ota_reference=f"{mark}-ota",
            ),
            "alert": Alert.objects.create(
                channel_property=channel_property,
                kind=AlertKind.FAILED_EVENTS,
                subject=f"{mark}-subject",
                message=f"{mark}-message",
            ),
            "audit": AuditEntry.objects.create(
                channel_property=channel_property,
                actor=f"{mark}-actor",
                action=AuditAction.EVENT_RETRIED,
                subject=f"event:{mark}",
            ),
            "subscription": subscription,
            "delivery": WebhookDelivery.objects.create(
                subscription=subscription,
                channel_property=channel_property,
                notification_id=0,
                succeeded=False,
                kind=NotificationKind.EVENT_FAILED,
                webhook_id=f"{mark}-webhook",
                duration_ms=1,
            ),
        },
        (mark, booking, channel_property.channel_property_id),
    )


def staff_of(hotel: HotelSettings, name: str, role: Role | None = None) -> Any:
    """A user who gets into the admin, and works in one hotel."""
    return works_in(hotel, role, name=name, is_staff=True)


def administrator_of_all() -> Any:
    user, _ = get_user_model().objects.get_or_create(username="all", defaults={"is_staff": True})
    return user
