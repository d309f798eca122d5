"""A push waited nearly four minutes behind a comparison of many pages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connection, connections
from django.utils import timezone

from channel_sync.channels.base import Channel
from channel_sync.connections.rate_limit import require_pace, require_spare
from channel_sync.connections.registry import account_id_of
from channel_sync.errors import NotYet, RateLimited, WaitsFor
from channel_sync.events.processing import process
from channel_sync.models import ChannelEvent, EventStatus, EventType, RateLimitBucket
from channel_sync.reconciliation import availability, snapshot
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.runs import RunOptions
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT
from tests.drift import Drift, do_not_wait, plenty_of_credits
from tests.factories import MaintenanceBlockFactory, OutboundEventFactory, RoomFactory

WAITING = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
PATIENCE = 20
LONG_AGO = "2026-01-01T10:00:00Z"


class ArrivingPush:
    """A push that arrives while a comparison has the account, and waits for it before the comparison goes on."""

    def __init__(self, hotel: ConnectedHotel) -> None:
        room = RoomFactory(room_type=hotel.double)
        MaintenanceBlockFactory(room=room, start=NIGHT, end=NIGHT + timedelta(days=1))
        self.event = ChannelEvent.objects.get(event_type=EventType.AVAILABILITY_UPDATE)
        self._thread = Thread(target=self._push)

    def arrive(self) -> None:
        self._thread.start()
        until = monotonic() + PATIENCE
        while monotonic() < until:
            with connection.cursor() as cursor:
                cursor.execute(WAITING)
                if cursor.fetchone()[0]:
                    return
            sleep(0.01)
        raise AssertionError("the push does not wait for the account")

    def leave(self) -> None:
        self._thread.join(PATIENCE)

    def _push(self) -> None:
        try:
            process(self.event.id)
        finally:
            connections.close_all()


@pytest.mark.django_db(transaction=True)
def test_a_push_gets_the_call_after_the_page_that_is_read(
    connected: ConnectedHotel, beds24: RunningSimulator, topology_at_broker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    drift = Drift(connected, beds24.simulator.state)
    for number in range(350):
        drift.booking(drift.today + timedelta(days=number % 80))["modifiedTime"] = LONG_AGO
    push = ArrivingPush(connected)
    read: Callable[..., Any] = snapshot._page

    def page(channel: Channel, **which: Any) -> Any:
        if which["number"] == 2:
            push.arrive()
        return read(channel, **which)

    monkeypatch.setattr(snapshot, "_page", page)
    beds24.controls.forget_calls()

    reconcile_bookings(connected.channel_property, RunOptions(wait=do_not_wait, dry_run=True))
    push.leave()

    push.event.refresh_from_db()
    assert push.event.status == EventStatus.DONE
    calls = [(call["method"], call["path"]) for call in beds24.simulator.state.calls]
    # Two pages; then the push, with its look before and after; then the other pages.
    pushed = calls.index(("POST", "/inventory/rooms/calendar"))
    before, after = calls[:pushed], calls[pushed + 1 :]
    assert before.count(("GET", "/bookings")) <= 2 + 4
    assert len(after) >= 2


@pytest.mark.django_db(transaction=True)
def test_a_push_goes_between_two_calls_of_an_availability_comparison(
    connected: ConnectedHotel, beds24: RunningSimulator, topology_at_broker: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    push = ArrivingPush(connected)
    pull: Callable[..., Any] = availability.pull_bookings
    arrived = []

    def look(*args: Any) -> Any:
        if not arrived:
            arrived.append(True)
            push.arrive()
        return pull(*args)

    monkeypatch.setattr(availability, "pull_bookings", look)
    beds24.controls.forget_calls()

    reconcile_availability(connected.channel_property, RunOptions(wait=do_not_wait, dry_run=True))
    push.leave()

    calls = [(call["method"], call["path"]) for call in beds24.simulator.state.calls]
    assert calls.index(("POST", "/inventory/rooms/calendar")) < calls.index(("GET", "/inventory/rooms/calendar"))


@pytest.mark.django_db
def test_a_comparison_spends_nothing_while_a_push_waits_for_credits(connected: ConnectedHotel) -> None:
    channel_property = connected.channel_property
    RateLimitBucket.objects.create(channel_property=channel_property, tokens=60, last_refill_at=timezone.now())
    RateLimitBucket.objects.update(updated_at=timezone.now())
    with pytest.raises(NotYet):
        require_pace(channel_property.id)
    event = OutboundEventFactory(
        channel_property=channel_property,
        event_type=EventType.AVAILABILITY_UPDATE,
        status=EventStatus.RETRYING,
        waits_for=WaitsFor.CREDITS,
        next_attempt_at=timezone.now() + timedelta(seconds=5),
    )

    with pytest.raises(RateLimited, match="A push waits"):
        require_spare(channel_property.id, account_id_of(channel_property), 0.5)

    ChannelEvent.objects.filter(id=event.id).update(status=EventStatus.DONE)
    require_spare(channel_property.id, account_id_of(channel_property), 0.5)


@pytest.mark.django_db
def test_a_push_that_nobody_takes_up_keeps_no_comparison(connected: ConnectedHotel) -> None:
    channel_property = connected.channel_property
    OutboundEventFactory(
        channel_property=channel_property,
        status=EventStatus.RETRYING,
        waits_for=WaitsFor.CREDITS,
        next_attempt_at=timezone.now() - timedelta(minutes=5),
    )

    require_spare(channel_property.id, account_id_of(channel_property), 0.5)
