"""Bookings that one call has sent are settled together, and those that need a look of their own one by one."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from channel_sync.channels.beds24.client import Client
from channel_sync.events.outbound_events import booking_event
from channel_sync.events.processing import process
from channel_sync.events.store import hand_over, record
from channel_sync.inventory.holds import create_hold
from channel_sync.models import (
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    EventStatus,
    EventType,
    HoldStatus,
    InventoryHold,
    ReservationLink,
)
from channel_sync.outbound.changes import consume_captured
from channel_sync.pms import host_pms
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import ReservationFactory

pytestmark = pytest.mark.django_db

STAY = timedelta(days=2)


def reservations(connected: ConnectedHotel, number: int) -> list[Reservation]:
    """Confirmed, as an import makes them: no hold waits for the channel."""
    first = timezone.localdate() + timedelta(days=30 + 2 * Reservation.objects.count())
    return [
        ReservationFactory(
            room_type=connected.double, status=ReservationStatus.CONFIRMED, check_in=arrival, check_out=arrival + STAY
        )
        for arrival in (first + number * STAY for number in range(number))
    ]


def booking_events(event_type: EventType = EventType.BOOKING_CREATE) -> list[ChannelEvent]:
    return list(ChannelEvent.objects.filter(event_type=event_type).order_by("received_at"))


def work_first(event_type: EventType = EventType.BOOKING_CREATE) -> list[ChannelEvent]:
    """Work the first of the waiting events; all of them as they are afterwards."""
    waiting = [event for event in booking_events(event_type) if event.status == EventStatus.RECEIVED]
    process(waiting[0].id)
    return booking_events(event_type)


def change_prices(made: Sequence[Reservation]) -> None:
    for reservation in made:
        reservation.refresh_from_db()
        reservation.price = Decimal(777)
        reservation.save()


def statements_for(connected: ConnectedHotel, number: int) -> int:
    made = reservations(connected, number)
    with CaptureQueriesContext(
        connection,
    ) as creates:
        work_first()
    change_prices(made)
    with CaptureQueriesContext(connection) as updates:
        work_first(EventType.BOOKING_UPDATE)
    assert ReservationLink.objects.filter(reservation__in=made).exclude(bases={}).count() == number
    return len(creates) + len(updates)


@pytest.mark.usefixtures("beds24")
def test_twice_as_many_bookings_take_hardly_more_statements(connected: ConnectedHotel) -> None:
    few = statements_for(connected, 10)
    many = statements_for(connected, 20)

    assert many - few < 10
    assert {event.status for event in booking_events()} == {EventStatus.DONE}
    assert {event.status for event in booking_events(EventType.BOOKING_UPDATE)} == {EventStatus.DONE}
    assert all(event.entity_external_id for event in booking_events())


@pytest.mark.usefixtures("beds24")
def test_a_hold_is_confirmed_beside_those_that_have_none(connected: ConnectedHotel) -> None:
    reservations(connected, 3)
    (held,) = ReservationFactory.create_batch(1, room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    create_hold(held.id, connected.double.id, held.check_in, held.check_out)

    events = work_first()

    held.refresh_from_db()
    assert {event.status for event in events} == {EventStatus.DONE}
    assert held.status == ReservationStatus.CONFIRMED
    assert InventoryHold.objects.get().status == HoldStatus.CONFIRMED


@pytest.mark.usefixtures("beds24")
def test_later_events_of_a_reservation_are_completed_into_the_first(connected: ConnectedHotel) -> None:
    change_prices(reservations(connected, 3))

    creates = work_first()

    updates = booking_events(EventType.BOOKING_UPDATE)
    assert {update.status for update in updates} == {EventStatus.DONE}
    assert {update.coalesced_into_id for update in updates} == {create.id for create in creates}


def test_what_goes_wrong_with_one_is_no_matter_of_the_others(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """Another booking is linked to the reservation already, which nobody expects."""
    made = reservations(connected, 4)
    process(booking_events()[0].id)
    taken, other = ReservationLink.objects.filter(reservation__in=made[:2]).order_by("external_id")
    taken.reservation, swapped = None, taken.reservation
    taken.save()
    ReservationLink.objects.filter(id=other.id).update(reservation=swapped)
    change_prices(made[2:])
    for reservation in made[:2]:
        event = booking_event(
            connected.channel_property.id,
            EventType.BOOKING_UPDATE,
            host_pms().reservations([reservation.id])[reservation.id],
            taken.external_id,
        )
        record(event)

    events = work_first(EventType.BOOKING_UPDATE)

    by_reservation = {event.entity_internal_id: event for event in events}
    assert {by_reservation[reservation.id].status for reservation in made[2:]} == {EventStatus.DONE}
    assert all(event.status != EventStatus.PROCESSING for event in events)


def test_more_than_a_call_takes_goes_on_in_the_next(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "bookings_per_call": 3}
    reservations(connected, 8)

    events = work_first()

    assert {event.status for event in events} == {EventStatus.DONE}
    assert [len(call["body"]) for call in beds24.posts("/bookings")] == [3, 3, 2]


def test_long_notes_make_more_calls_and_none_that_is_too_large(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    first = timezone.localdate() + timedelta(days=30)
    Reservation.objects.bulk_create(
        Reservation(
            hotel_id=connected.double.hotel_id,
            room_type=connected.double,
            status=ReservationStatus.CONFIRMED,
            check_in=arrival,
            check_out=arrival + STAY,
            notes="ü" * 2000,
        )
        for arrival in (first + number * STAY for number in range(150))
    )
    consume_captured()

    events = work_first()

    assert {event.status for event in events} == {EventStatus.DONE}
    sizes = [len(call["body"]) for call in beds24.posts("/bookings")]
    assert sum(sizes) == 150
    assert len(sizes) == 3


def test_what_is_put_off_is_not_taken_again_by_the_same_worker(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    """A change of the channel that failed comes first: until somebody settles it, the reservation waits."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "bookings_per_call": 2}
    made = reservations(connected, 4)
    work_first()
    blocked = ReservationLink.objects.get(reservation=made[1])
    ChannelEvent.objects.create(
        channel_property=connected.channel_property,
        direction="inbound",
        source="beds24",
        event_type=EventType.BOOKING_MODIFIED,
        entity_type="booking",
        entity_external_id=blocked.external_id,
        idempotency_key="failed-one",
        payload={},
        status=EventStatus.FAILED,
    )
    change_prices(made)
    before = len(beds24.simulator.state.calls)

    events = work_first(EventType.BOOKING_UPDATE)

    statuses = {event.entity_internal_id: event.status for event in events}
    assert statuses.pop(made[1].id) == EventStatus.RETRYING
    assert set(statuses.values()) == {EventStatus.DONE}
    assert len(beds24.simulator.state.calls) - before < 10


@pytest.mark.django_db(transaction=True)
def test_a_group_that_has_to_wait_lets_others_through(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    """The host deletes a reservation in a long transaction: bookings of the same call are not locked as long."""
    made = reservations(connected, 3)
    work_first()
    change_prices(made)
    first, *_, last = [ReservationLink.objects.get(reservation=reservation) for reservation in made]
    is_held, waited = threading.Event(), []

    def hold_the_last() -> None:
        with transaction.atomic():
            ReservationLink.objects.select_for_update().get(id=last.id)
            is_held.set()
            time.sleep(2.5)
        connection.close()

    def want_the_first() -> None:
        is_held.wait()
        time.sleep(1)
        begun = time.monotonic()
        with transaction.atomic():
            ReservationLink.objects.select_for_update().get(id=first.id)
        waited.append(time.monotonic() - begun)
        connection.close()

    threads = [threading.Thread(target=hold_the_last), threading.Thread(target=want_the_first)]
    for thread in threads:
        thread.start()
    is_held.wait()
    events = work_first(EventType.BOOKING_UPDATE)
    for thread in threads:
        thread.join()

    assert {event.status for event in events} == {EventStatus.DONE}
    assert waited[0] < timedelta(seconds=1).total_seconds()


def test_a_pause_ends_it_after_the_call_that_is_under_way(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "bookings_per_call": 3}
    reservations(connected, 8)
    post = Client.post_items

    def pause_meanwhile(client: Client, *args: Any, **kwargs: Any) -> Any:
        ChannelProperty.objects.update(status=ChannelPropertyStatus.INACTIVE)
        return post(client, *args, **kwargs)

    monkeypatch.setattr(Client, "post_items", pause_meanwhile)

    events = work_first()

    assert [event.status for event in events] == [EventStatus.DONE] * 3 + [EventStatus.RECEIVED] * 5


def test_one_that_cannot_be_described_costs_no_other_its_call(
    connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = reservations(connected, 6)
    describe = Pms.describe

    def broken(pms: Pms, instance: Reservation) -> Any:
        if instance.id == made[2].id:
            raise ValueError("cannot be described")
        return describe(pms, instance)

    monkeypatch.setattr(Pms, "describe", broken)

    events = work_first()

    statuses = {event.entity_internal_id: event.status for event in events}
    assert statuses.pop(made[2].id) == EventStatus.RETRYING
    assert set(statuses.values()) == {EventStatus.DONE}
    assert [len(call["body"]) for call in beds24.posts("/bookings")] == [5]


def test_what_failed_together_is_tried_in_smaller_groups(
    connected: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "bookings_per_call": 9, "max_attempts": 3}
    reservations(connected, 9)
    beds24.controls.fail_next(kind="status", status=400, method="POST", path="/bookings", times=2)
    assert {event.status for event in work_first()} == {EventStatus.RETRYING}

    for _ in range(2):
        ChannelEvent.objects.filter(status=EventStatus.RETRYING).update(next_attempt_at="2020-01-01T00:00Z")
        hand_over()
        for event in booking_events():
            process(event.id)

    assert {event.status for event in booking_events()} == {EventStatus.DONE}
    assert [len(call["body"]) for call in beds24.posts("/bookings")] == [3, 3, 1, 1, 1]
