"""Sales of the desk of a connected hotel, and a channel that is silent or refuses them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from channel_sync.channels.beds24.simulator import booking_writes as simulated_bookings
from channel_sync.database_clock import database_now
from channel_sync.events.processing import process
from channel_sync.inventory.availability import check_availability
from channel_sync.models import (
    AlertKind,
    ChannelAccount,
    ChannelEvent,
    Conflict,
    EventStatus,
    EventType,
    HoldStatus,
    InventoryHold,
)
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.finding import Finding
from channel_sync.outbound.changes import consume_captured
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import (
    NewReservation,
    change_reservation,
    create_reservation,
)
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import LONG_AGO, NIGHT, work_everything
from tests.integration.test_alerts import health

LAST = NIGHT + timedelta(days=2)
QUARTER = timedelta(minutes=16)
HOUR = timedelta(hours=1)
ALL_ROOMS = 10
REFUSED, GOOD = "full@example.com", "grace@example.com"


def reserve(hotel: ConnectedHotel, **wanted: Any) -> Reservation:
    """Sell a double room at the desk."""
    return create_reservation(NewReservation(hotel.double.id, NIGHT, LAST, **wanted))


def free(hotel: ConnectedHotel, **options: Any) -> int:
    """Double rooms that could be sold."""
    return check_availability(hotel.double.id, NIGHT, LAST, **options)


def state(reservation: Reservation) -> tuple[str, str]:
    """How it stands, and its last hold."""
    reservation.refresh_from_db()
    hold = InventoryHold.objects.filter(reservation_id=reservation.id).order_by("hold_expires_at").last()
    return reservation.status, (hold.status or "") if hold else ""


def create_event(reservation: Reservation) -> ChannelEvent:
    """The event that is to create its booking."""
    return ChannelEvent.objects.get(event_type=EventType.BOOKING_CREATE, entity_internal_id=reservation.id)


def try_once() -> None:
    """A worker takes the bookings that wait."""
    ChannelAccount.objects.update(probe_at=LONG_AGO)
    events = ChannelEvent.objects.filter(entity_type="booking", direction="outbound")
    events.filter(status__in=(EventStatus.RECEIVED, EventStatus.RETRYING)).update(published_at=LONG_AGO)
    for event_id in list(events.order_by("received_at").values_list("id", flat=True)):
        process(event_id)


def passes(span: timedelta) -> datetime:
    """So much time goes by: the holds were made that much earlier, and the relay has been there."""
    consume_captured()
    for hold in InventoryHold.objects.all():
        InventoryHold.objects.filter(id=hold.id).update(
            hold_expires_at=hold.hold_expires_at - span, created_at=(hold.created_at or timezone.now()) - span
        )
    return database_now()


def alerts(*, now: datetime | None = None) -> list[Finding]:
    """What is found of sales that wait."""
    now = now or database_now()
    return [one for one in findings(health(), now=now) if one.kind is AlertKind.BOOKING_WAITS]


def refuse_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the channel refuse bookings with the address `REFUSED`."""
    accept = simulated_bookings.problem_of
    monkeypatch.setattr(
        simulated_bookings,
        "problem_of",
        lambda booking, rooms: (
            ("email", "mailbox not available") if booking.get("email") == REFUSED else accept(booking, rooms)
        ),
    )


def refused(hotel: ConnectedHotel) -> Reservation:
    """A reservation that has failed for the address of its guest."""
    reservation = reserve(hotel, guest={"first_name": "Grace", "last_name": "Hopper", "email": REFUSED})
    work_everything()
    assert state(reservation) == (ReservationStatus.FAILED, HoldStatus.RELEASED)
    assert "mailbox not available" in reservation.failure_reason
    assert create_event(reservation).status == EventStatus.FAILED
    return reservation


def fix(reservation: Reservation) -> None:
    """Correct the address."""
    change_reservation(reservation.id, {"guest": {"email": GOOD}})


def assert_booked_once(reservation: Reservation, beds24: RunningSimulator) -> None:
    """It is confirmed, the channel has one booking, and nothing is left to do."""
    assert state(reservation) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)
    assert reservation.failure_reason == ""
    assert [booking["status"] for booking in beds24.bookings] == ["confirmed"]
    assert not ChannelEvent.objects.filter(entity_internal_id=reservation.id, status=EventStatus.FAILED).exists()
    assert not Conflict.objects.exists()
