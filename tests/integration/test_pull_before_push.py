"""A push of availability first looks for bookings that the PMS does not know yet (design 6)."""

from __future__ import annotations

import threading
import time
from datetime import date, timedelta

import pytest
from django.conf import LazySettings
from django.db import OperationalError, connection

from channel_sync.connections.account import calling
from channel_sync.connections.registry import account_id_of
from channel_sync.database_lock import is_held
from channel_sync.errors import NotYet
from channel_sync.events.processing import process
from channel_sync.events.store import hand_over
from channel_sync.inbound.pull import pull_bookings
from channel_sync.inventory.availability import free_units
from channel_sync.models import WAITING_STATUSES, ChannelEvent, Direction, EventStatus, EventType
from channel_sync.outbound import availability
from channel_sync.pms import NightSpan
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import cancel_reservation, change_reservation
from tests.beds24_webhooks import webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import EventFactory, MaintenanceBlockFactory, ReservationFactory, RoomFactory

pytestmark = pytest.mark.django_db

NIGHT = date.today() + timedelta(days=30)
STAY = {"arrival": str(NIGHT), "departure": str(NIGHT + timedelta(days=1))}


def change_maintenance(connected: ConnectedHotel) -> None:
    """A change in the PMS of the night of the single rooms."""
    room = RoomFactory(room_type=connected.single)
    MaintenanceBlockFactory(room=room, start=NIGHT, end=NIGHT + timedelta(days=1))


def sell(beds24: RunningSimulator, rooms: int) -> None:
    """An OTA sells single rooms, and its webhook does not come."""
    for _ in range(rooms):
        beds24.controls.book(roomId=2002, **STAY)


def work_outbound() -> None:
    while waiting := ChannelEvent.objects.filter(direction=Direction.OUTBOUND, status=EventStatus.RECEIVED).first():
        process(waiting.id)


def at_beds24(beds24: RunningSimulator) -> int:
    return beds24.controls.availability("2002", NIGHT, NIGHT + timedelta(days=1))[str(NIGHT)]


def test_a_room_that_an_ota_has_just_sold_is_not_reopened(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    sell(beds24, 4)
    change_maintenance(connected)

    work_outbound()

    assert at_beds24(beds24) == 0
    assert Reservation.objects.filter(room_type=connected.single).count() == 4


def test_without_the_pull_the_room_would_be_reopened(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pull_before_push": False}
    sell(beds24, 4)
    change_maintenance(connected)

    work_outbound()

    assert at_beds24(beds24) == 4


def test_a_booking_during_the_push_has_its_nights_pushed_again(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    change_maintenance(connected)
    beds24.controls.fail_next(kind="slow", seconds=0.5, method="POST", path="/inventory/rooms/calendar")

    def sell_while_the_push_is_under_way() -> None:
        while beds24.controls.state()["faults"]:
            time.sleep(0.01)
        sell(beds24, 1)

    ota = threading.Thread(target=sell_while_the_push_is_under_way)
    ota.start()
    work_outbound()
    ota.join()

    assert at_beds24(beds24) == 3
    assert len(beds24.posts("/inventory/rooms/calendar")) == 2


def test_the_webhook_that_comes_later_is_a_duplicate(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    sell(beds24, 1)
    change_maintenance(connected)
    work_outbound()
    (pulled,) = ChannelEvent.objects.filter(direction=Direction.INBOUND)

    (booking,) = beds24.bookings
    shown = {name: value for name, value in booking.items() if name != "infoItems"}
    late = EventFactory(
        channel_property=connected.channel_property,
        entity_external_id=str(booking["id"]),
        payload={"booking": shown, "infoItems": []},
    )
    process(late.id)

    late.refresh_from_db()
    assert pulled.status == EventStatus.DONE
    assert (late.status, late.last_error[:9]) == (EventStatus.IGNORED, "unchanged")
    assert Reservation.objects.count() == 1


def test_our_own_bookings_are_no_news(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    ReservationFactory(room_type=connected.single, status=ReservationStatus.PENDING_SYNC)
    work_outbound()
    ChannelEvent.objects.filter(status=EventStatus.RETRYING).update(next_attempt_at="2020-01-01T00:00Z")
    for message in hand_over():
        process(message.event_id)

    assert not ChannelEvent.objects.filter(direction=Direction.INBOUND).exists()
    assert beds24.posts("/inventory/rooms/calendar") != []


def test_two_states_of_one_second_end_in_the_one_that_beds24_has(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    booking = beds24.controls.book(roomId=2002, price=200, **STAY)
    for price in (200, 100):
        event = EventFactory(
            channel_property=connected.channel_property,
            event_type=EventType.BOOKING_MODIFIED,
            entity_external_id=str(booking["id"]),
            payload=webhook(**{**booking, "price": price}),
        )
        process(event.id)

    assert [str(found.price) for found in Reservation.objects.all()] == ["200.00"]


@pytest.mark.parametrize("change", ["made", "cancelled", "shortened"])
def test_a_booking_that_changes_while_a_push_is_under_way_is_counted_once(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The push reads what is free after the change, and the channel is told of the booking after the push."""
    stay = {"room_type": connected.single, "check_in": NIGHT, "check_out": NIGHT + timedelta(days=2)}
    reservation = ReservationFactory(**stay)
    work_outbound()
    change_maintenance(connected)

    def meanwhile(*args: object) -> list[NightSpan]:
        monkeypatch.setattr(availability, "pull_bookings", pull_bookings)
        if change == "made":
            ReservationFactory(**stay)
        elif change == "cancelled":
            cancel_reservation(reservation.id)
        else:
            change_reservation(reservation.id, {"check_in": NIGHT + timedelta(days=1)})
        return []

    monkeypatch.setattr(availability, "pull_bookings", meanwhile)
    process(ChannelEvent.objects.get(status=EventStatus.RECEIVED).id)
    for _ in range(3):
        ChannelEvent.objects.filter(status=EventStatus.RETRYING).update(next_attempt_at="2020-01-01T00:00Z")
        hand_over()
        for event in ChannelEvent.objects.filter(status__in=WAITING_STATUSES).order_by("received_at"):
            process(event.id)

    ours = {night.night: night.free for night in free_units([connected.single.id], NIGHT, NIGHT + timedelta(days=2))}
    theirs = beds24.controls.availability("2002", NIGHT, NIGHT + timedelta(days=2))
    assert theirs == {str(night): free for night, free in ours.items()}
    assert not ChannelEvent.objects.filter(status__in=WAITING_STATUSES).exists()


def test_a_deadlock_in_a_pull_leaves_the_account_in_the_same_hands(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell(beds24, 1)
    account = ("channel account", account_id_of(connected.channel_property))

    def deadlock(*_: object) -> None:
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(Pms, "create_reservations", deadlock)

    with calling(connected.channel_property) as channel:
        pull_bookings(connected.channel_property, channel)
        assert is_held(*account)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("beds24")
def test_who_has_lost_the_account_calls_no_more(connected: ConnectedHotel) -> None:
    """The connection that held the lock was cut, and another was opened: a second worker may be calling already."""
    with calling(connected.channel_property) as channel:
        connection.close()
        with pytest.raises(NotYet, match="session was lost"):
            channel.properties()
