"""A pause ended without anybody resuming it, or missed what was saved at the moment in which it ended."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from channel_sync.broker import hand_over as broker_hand_over
from channel_sync.events import processing
from channel_sync.events.store import hand_over, snooze
from channel_sync.models import (
    OPEN_STATUSES,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    Direction,
    EntityType,
    EventStatus,
)
from channel_sync.operations.properties import NewConnection, connect, pause
from pms_project.pms.models import MaintenanceBlock, Reservation, Room
from pms_project.pms.services.reservations import NewReservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import work_only
from tests.dangers.working import NIGHT, resume_and_go_live, units_at_beds24, work_everything
from tests.drift import plenty_of_credits
from tests.factories import MaintenanceBlockFactory, RoomFactory

SOON = timedelta(seconds=15)
LAST = NIGHT + timedelta(days=2)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


def reserve(hotel: ConnectedHotel) -> Reservation:
    return create_reservation(NewReservation(hotel.double.id, NIGHT, LAST))


def connect_again(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.simulator.state.accounts[901].invite_codes.add("ANOTHER")
    connect(NewConnection(hotel.hotel.id, "beds24", "ANOTHER"), by="ada")


def work_what_is_due() -> None:
    """What the relay publishes now, and nothing whose time has not come."""
    for message in hand_over():
        work_only(Direction.OUTBOUND, id=message.event_id)


@pytest.mark.django_db
def test_connecting_again_keeps_a_pause(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    pause(hotel.channel_property, by="ada")
    reserve(hotel)

    connect_again(hotel, beds24)
    work_what_is_due()

    assert ChannelProperty.objects.get().status == ChannelPropertyStatus.INACTIVE
    assert (beds24.bookings, units_at_beds24(beds24)) == ([], 10)


@pytest.mark.django_db
def test_a_pause_that_was_kept_ends_whole_when_it_is_resumed(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    pause(hotel.channel_property, by="ada")
    reserve(hotel)
    MaintenanceBlockFactory(room=RoomFactory(room_type=hotel.double), start=NIGHT, end=LAST)
    connect_again(hotel, beds24)

    resume_and_go_live(ChannelProperty.objects.get())
    work_what_is_due()
    work_everything()

    assert len(beds24.bookings) == 1
    assert units_at_beds24(beds24) == 8


@pytest.mark.django_db
def test_connecting_again_sends_at_once_what_waited_for_a_login(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    ChannelProperty.objects.update(status=ChannelPropertyStatus.ERROR)
    reserve(hotel)
    work_only(Direction.OUTBOUND)
    waiting = ChannelEvent.objects.get(entity_type=EntityType.BOOKING)
    assert (waiting.status, beds24.bookings) == (EventStatus.RETRYING, [])
    assert hand_over() == []

    connect_again(hotel, beds24)
    work_what_is_due()

    assert ChannelProperty.objects.get().status == ChannelPropertyStatus.ACTIVE
    assert len(beds24.bookings) == 1


@pytest.mark.django_db(transaction=True)
def test_what_is_saved_while_a_pause_is_ended_is_sent_once_and_soon(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sale began in the pause and commits when somebody has pressed "resume" already."""
    # Nothing goes to the broker by itself: what is due is what the relay finds.
    monkeypatch.setattr(broker_hand_over, "_hand_over", lambda messages: None)
    pause(hotel.channel_property, by="ada")
    room: Room = RoomFactory(room_type=hotel.double)
    is_saved, may_commit = threading.Event(), threading.Event()

    def sell_slowly() -> None:
        try:
            with transaction.atomic():
                reserve(hotel)
                MaintenanceBlock.objects.create(room=room, start=NIGHT, end=LAST)
                is_saved.set()
                may_commit.wait(30)
        finally:
            connection.close()

    def resume_meanwhile() -> None:
        try:
            resume_and_go_live(ChannelProperty.objects.get())
        finally:
            connection.close()

    selling, resuming = threading.Thread(target=sell_slowly), threading.Thread(target=resume_meanwhile)
    selling.start()
    assert is_saved.wait(30)
    resuming.start()
    resuming.join(1)
    may_commit.set()
    for thread in (selling, resuming):
        thread.join(30)
        assert not thread.is_alive()

    work_what_is_due()
    assert len(beds24.bookings) == 1
    late = ChannelEvent.objects.filter(status__in=OPEN_STATUSES, next_attempt_at__gt=timezone.now() + SOON)
    assert not late.exists()

    work_everything()
    assert len(beds24.posts("/bookings")) == 1
    assert units_at_beds24(beds24) == 8


@pytest.mark.django_db
def test_what_is_saved_just_after_a_pause_is_due_at_once(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    pause(hotel.channel_property, by="ada")
    resume_and_go_live(ChannelProperty.objects.get())
    work_everything()

    reserve(hotel)
    for _ in range(2):
        work_only(Direction.OUTBOUND)

    assert len(beds24.bookings) == len(beds24.posts("/bookings")) == 1
    assert units_at_beds24(beds24) == 9


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("resumes", ["before it is put off", "while it is put off"])
def test_what_a_worker_puts_off_while_the_pause_ends_goes_out(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch, resumes: str
) -> None:
    """A worker has seen the pause, and puts its event off when the pause is over, or at that very moment."""
    pause(hotel.channel_property, by="ada")
    reserve(hotel)
    threads: list[threading.Thread] = []

    def resume_it() -> None:
        try:
            resume_and_go_live(ChannelProperty.objects.get())
        finally:
            connection.close()

    def put_off(event: ChannelEvent, delay: timedelta, error: Exception) -> None:
        threads.append(threading.Thread(target=resume_it))
        if resumes == "before it is put off":
            threads[0].start()
            threads[0].join()
            snooze(event, delay, error)
        else:
            with transaction.atomic():
                snooze(event, delay, error)
                threads[0].start()
                threads[0].join(timeout=0.3)
                assert threads[0].is_alive(), "it waits for what is put off"

    with monkeypatch.context() as patched:
        patched.setattr(processing, "snooze", put_off)
        work_only(Direction.OUTBOUND, entity_type=EntityType.BOOKING)
    threads[0].join()

    work_what_is_due()

    assert len(beds24.bookings) == 1
