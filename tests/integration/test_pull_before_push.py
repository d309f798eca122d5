"""A push of availability first looks for bookings that the PMS does not know yet."""

from __future__ import annotations

import threading
import time
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import DataError, OperationalError, ProgrammingError, connection
from django.db.models.functions import Now
from django.utils import timezone

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.channels.canonical import BookingNotification
from channel_sync.connections.account import calling
from channel_sync.connections.registry import account_id_of
from channel_sync.database_lock import is_held
from channel_sync.errors import NotYet
from channel_sync.events.message import EventMessage
from channel_sync.events.new_event import NewEvent
from channel_sync.events.processing import process
from channel_sync.events.store import hand_over
from channel_sync.inbound import pull
from channel_sync.inbound.pull import pull_bookings
from channel_sync.inbound.receipt import receive_notification
from channel_sync.inventory.availability import free_units
from channel_sync.models import (
    WAITING_STATUSES,
    AlertKind,
    ChannelConnection,
    ChannelEvent,
    ChannelProperty,
    Direction,
    EventStatus,
    EventType,
    ReservationLink,
)
from channel_sync.monitoring.event_rules import event_findings
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


def store_webhook(connected: ConnectedHotel, booking: dict[str, Any]) -> ChannelEvent:
    """The event of a webhook, which nobody works yet."""
    shown = {name: value for name, value in booking.items() if name != "infoItems"}
    notification = Beds24Channel.parse_webhook(webhook(**shown))
    event, _ = receive_notification(connected.channel_property, notification)
    return ChannelEvent.objects.get(idempotency_key=event.idempotency_key)


def process_webhook(connected: ConnectedHotel, booking: dict[str, Any]) -> None:
    process(store_webhook(connected, booking).id)


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
    # Beds24 never shows more than it has left, which is no help where it has been told of more units than there are.
    beds24.simulator.state.rooms[2002].qty = 9
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


@pytest.mark.parametrize("change", ["sold", "cancelled"])
def test_a_webhook_that_is_applied_while_a_push_is_under_way_has_its_nights_pushed_again(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """The push overwrites what the channel has counted by itself; the look after it finds the booking applied."""
    booking = beds24.controls.book(roomId=2002, **STAY)
    process_webhook(connected, booking)
    change_maintenance(connected)
    push = Beds24Channel.push_availability

    def overtaken(channel: Beds24Channel, *args: Any, **options: Any) -> Any:
        monkeypatch.setattr(Beds24Channel, "push_availability", push)
        if change == "sold":
            changed = beds24.controls.book(roomId=2002, **STAY)
        else:
            changed = beds24.controls.change(booking["id"], status="cancelled")
        warnings = push(channel, *args, **options)
        process_webhook(connected, changed)
        return warnings

    monkeypatch.setattr(Beds24Channel, "push_availability", overtaken)

    work_outbound()

    (night,) = free_units([connected.single.id], NIGHT, NIGHT + timedelta(days=1))
    assert at_beds24(beds24) == night.free


def test_nights_that_a_late_webhook_kept_closed_are_opened_once_it_is_settled(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """The booking is cancelled within its second, and its creation waits in the queue until after a push."""
    booking = beds24.controls.book(roomId=2002, **STAY)
    cancelled = beds24.controls.change(booking["id"], status="cancelled")
    process_webhook(connected, cancelled)
    late = store_webhook(connected, {**booking, "modifiedTime": cancelled["modifiedTime"]})
    change_maintenance(connected)
    work_outbound()
    before = at_beds24(beds24)

    process(late.id)
    work_outbound()

    late.refresh_from_db()
    assert (late.status, before, at_beds24(beds24)) == (EventStatus.IGNORED, 3, 4), late.last_error


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


def rename_column(old: str, new: str) -> None:
    """A column of the event log has another name, as in the tables of another release."""
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE channel_events RENAME COLUMN {old} TO {new}")


def sell_half_an_hour_ago(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    """Too long ago for the overlap of two pulls; the last one was before that."""
    sell(beds24, 1)
    (booking,) = beds24.bookings
    ago = timezone.now() - timedelta(minutes=30)
    booking["modifiedTime"] = booking["bookingTime"] = ago.strftime("%Y-%m-%dT%H:%M:%SZ")
    pulled = ChannelConnection.objects.filter(channel_property=connected.channel_property)
    pulled.update(bookings_pulled_at=Now() - timedelta(hours=1))


def pull_now(connected: ConnectedHotel) -> None:
    with calling(connected.channel_property) as channel:
        pull_bookings(connected.channel_property, channel)


@pytest.mark.django_db(transaction=True)
def test_a_booking_that_the_database_did_not_take_is_read_again(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    sell_half_an_hour_ago(connected, beds24)
    changed_bookings = Beds24Channel.changed_bookings

    def then_a_migration(channel: Beds24Channel, *args: Any, **options: Any) -> list[BookingNotification]:
        found = list(changed_bookings(channel, *args, **options))
        rename_column("attempts", "attempts_of_later")
        return found

    with monkeypatch.context() as patched:
        patched.setattr(Beds24Channel, "changed_bookings", then_a_migration)
        with pytest.raises(ProgrammingError):
            pull_now(connected)
        rename_column("attempts_of_later", "attempts")
    assert not ChannelEvent.objects.exists()

    pull_now(connected)

    assert Reservation.objects.count() == 1


def cannot_be_stored(monkeypatch: pytest.MonkeyPatch, error: Exception, *, price: int) -> None:
    """Bookings at a price cannot be kept by PostgreSQL for a reason of their own."""
    receive = pull.receive_notification

    def receive_notification(
        channel_property: ChannelProperty, notification: BookingNotification
    ) -> tuple[NewEvent, EventMessage | None]:
        if notification.payload["booking"]["price"] == price:
            raise error
        return receive(channel_property, notification)

    monkeypatch.setattr(pull, "receive_notification", receive_notification)


@pytest.mark.parametrize("error", [DataError("value too long"), ValueError("a fault of ours")])
def test_a_booking_that_cannot_be_stored_has_a_failed_event_and_keeps_every_night_as_it_is(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    for price in (199, 250):
        beds24.controls.book(roomId=2002, price=price, **STAY)
    beds24.controls.set_availability("2002", NIGHT, 1)
    change_maintenance(connected)

    with monkeypatch.context() as faulty:
        cannot_be_stored(faulty, error, price=199)
        work_outbound()

    failed, done = ChannelEvent.objects.filter(direction=Direction.INBOUND).order_by("-status")
    assert (failed.status, failed.payload) == (EventStatus.FAILED, {})
    assert done.status == EventStatus.DONE
    assert at_beds24(beds24) == 1, "the room that it sold is not opened"
    assert [found.kind for found in event_findings(now=timezone.now())].count(AlertKind.BOOKING_NOT_APPLIED) == 1


def test_a_booking_that_can_be_stored_after_all_replaces_its_failed_event(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    beds24.controls.book(roomId=2002, price=199, **STAY)
    with monkeypatch.context() as faulty:
        cannot_be_stored(faulty, DataError("value too long"), price=199)
        pull_now(connected)
    beds24.controls.set_availability("2002", NIGHT, 1)

    change_maintenance(connected)
    work_outbound()

    assert Reservation.objects.count() == 1
    assert at_beds24(beds24) == 3


def test_a_turn_of_several_calls_lists_only_once_what_it_has_read(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    """What an OTA changes between two calls of the turn is still found by the second look."""
    for number in range(5):
        ReservationFactory(
            room_type=connected.double,
            status=ReservationStatus.CONFIRMED,
            check_in=NIGHT + timedelta(days=number),
            check_out=NIGHT + timedelta(days=number + 1),
        )
    work_outbound()
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "bookings_per_call": 2}
    old = beds24.controls.book(roomId=2002, **STAY)
    beds24.simulator.state.bookings[int(old["id"])]["modifiedTime"] = ago(minutes=3)
    for reservation in Reservation.objects.filter(room_type=connected.double):
        change_reservation(reservation.id, {"price": Decimal(300)})
    before = len(beds24.simulator.state.calls)
    sold: list[str] = []
    write = Beds24Channel.write_bookings

    def sell_meanwhile(channel: Beds24Channel, *args: Any, **kwargs: Any) -> Any:
        if not sold:
            sold.append(str(beds24.controls.book(roomId=2002, **STAY)["id"]))
        return write(channel, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Beds24Channel, "write_bookings", sell_meanwhile)
        work_outbound()

    calls = beds24.simulator.state.calls[before:]
    looks = [
        call["query"]["modifiedFrom"][0] for call in calls if call["path"] == "/bookings" and call["method"] == "GET"
    ]
    assert len(looks) == 3
    assert looks[0] <= ago(minutes=5)
    assert all(look > ago(minutes=1) for look in looks[1:])
    assert ReservationLink.objects.filter(external_id=sold[0], reservation__isnull=False).exists()


def ago(**time: int) -> str:
    return (timezone.now() - timedelta(**time)).strftime("%Y-%m-%dT%H:%M:%SZ")
