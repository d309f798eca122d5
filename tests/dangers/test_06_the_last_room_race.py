"""An OTA and the desk sell the last room at the same moment, and the OTA's webhook is late: it is sold once.

RACE_ROUNDS of them, each of other nights, on PostgreSQL that commits and a simulator over HTTP. Whoever comes second is
told: the OTA as the channel offers nothing any more, the desk by a reservation that has failed and says why, within
seconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from threading import Event

import pytest

from channel_sync.broker import publisher
from channel_sync.channels.beds24.simulator import booking_writes
from channel_sync.channels.beds24.simulator.state import TAKES_A_ROOM, Json
from channel_sync.channels.beds24.simulator.webhook_payloads import Change, story_of
from channel_sync.conf import channel_sync_settings
from channel_sync.events.processing import process
from channel_sync.models import (
    ChannelEvent,
    Conflict,
    ConflictStatus,
    EventStatus,
    EventType,
    HoldStatus,
    InventoryHold,
)
from pms_project.pms.models import RESERVED_STATUSES, Reservation, ReservationStatus
from pms_project.pms.services.errors import NotEnoughRooms
from pms_project.pms.services.reservations import NewReservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.crowd import Crowd
from tests.dangers.working import NIGHT, units_at_beds24, work_everything
from tests.year.webhooks import URL, HeldWebhooks

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]

ROUNDS = int(os.environ.get("RACE_ROUNDS", "16"))
NIGHTS = 2
ROOM = 2002
WAIT = 60.0
SECONDS_TO_BE_TOLD = 20.0


class OtaSells(StrEnum):
    """When the OTA sells, seen from the desk."""

    BEFORE = "before the desk looks"
    AT_ONCE = "at the same moment"
    BETWEEN = "when the desk has saved its reservation and nobody has sent it"
    AFTER = "when the channel has the desk's booking"


@dataclass
class Round:
    """What became of the last room of some nights."""

    check_in: date
    ota_sells: OtaSells
    ota: Json | None = None
    desk: Reservation | None = None
    told_after: float = 0.0
    ota_is_done: Event = field(default_factory=Event)
    desk_has_saved: Event = field(default_factory=Event)
    desk_is_done: Event = field(default_factory=Event)

    @property
    def check_out(self) -> date:
        return self.check_in + timedelta(days=NIGHTS)


@pytest.fixture
def last_room(connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> ConnectedHotel:
    """There is one single room, on either side; no broker has a part in it."""
    monkeypatch.setattr(publisher, "publish_recorded", lambda messages: None)
    beds24.simulator.state.rooms[ROOM].qty = 1
    for account in beds24.simulator.state.accounts.values():
        # Fifty rounds within seconds: credits are not what this is about.
        account.credit_limit = 1_000_000
    connected.single.units = 1
    connected.single.save()
    work_everything()
    return connected


@pytest.fixture
def webhooks(last_room: ConnectedHotel, beds24: RunningSimulator) -> HeldWebhooks:
    """They come when the test says so."""
    secret = {channel_sync_settings().webhook_secret_header: last_room.webhook_secret}
    beds24.controls.set_webhook(last_room.channel_property.channel_property_id, URL, secret)
    held = HeldWebhooks()
    held.instead_of(beds24.simulator.sender)
    return held


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    made = Crowd(2)
    yield made
    made.leave()


def sell_at_an_ota(beds24: RunningSimulator, played: Round) -> None:
    """As an OTA does: if the channel offers it, in one step; the webhook is held back."""
    state = beds24.simulator.state
    stay = {"arrival": str(played.check_in), "departure": str(played.check_out)}
    with state.lock:
        if all(state.rooms[ROOM].on_sale(played.check_in + timedelta(days=night)) > 0 for night in range(NIGHTS)):
            made = booking_writes.new_booking(state) | {"channel": "booking", "apiSource": "Booking.com"}
            guest = {"firstName": "Grace", "lastName": "Hopper", "status": "new", "price": 200}
            played.ota = booking_writes.save(state, made, {"roomId": ROOM, **stay, **guest})
            owner = state.properties[played.ota["propertyId"]]
            beds24.simulator.sender.booking_changed(owner, story_of(state, played.ota), Change.NEW)


def sell_at_the_desk(hotel: ConnectedHotel, played: Round) -> None:
    """The desk saves it, and the worker that its event is handed to sends it."""
    if played.ota_sells is OtaSells.BEFORE:
        assert played.ota_is_done.wait(WAIT)
    started = time.monotonic()
    try:
        played.desk = create_reservation(NewReservation(hotel.single.id, played.check_in, played.check_out))
    except NotEnoughRooms:
        return
    finally:
        played.desk_has_saved.set()
    if played.ota_sells is OtaSells.BETWEEN:
        assert played.ota_is_done.wait(WAIT)
    event = ChannelEvent.objects.get(event_type=EventType.BOOKING_CREATE, entity_internal_id=played.desk.id)
    process(event.id)
    played.desk.refresh_from_db()
    played.told_after = time.monotonic() - started


def play(played: Round, hotel: ConnectedHotel, beds24: RunningSimulator, crowd: Crowd) -> None:
    """Both begin at the same moment; who has to wait for the other does."""
    awaited = {OtaSells.BETWEEN: played.desk_has_saved, OtaSells.AFTER: played.desk_is_done}.get(played.ota_sells)

    def at_an_ota() -> None:
        assert awaited is None or awaited.wait(WAIT)
        sell_at_an_ota(beds24, played)
        played.ota_is_done.set()

    def at_the_desk() -> None:
        try:
            sell_at_the_desk(hotel, played)
        finally:
            played.desk_is_done.set()

    crowd.all_at_once([at_an_ota, at_the_desk])


def test_the_last_room_is_sold_once(
    last_room: ConnectedHotel, beds24: RunningSimulator, webhooks: HeldWebhooks, crowd: Crowd
) -> None:
    kinds = list(OtaSells)
    rounds = [Round(NIGHT + timedelta(days=NIGHTS * one), kinds[one % len(kinds)]) for one in range(ROUNDS)]
    for played in rounds:
        play(played, last_room, beds24, crowd)
        webhooks.deliver()
        work_everything()

    for played in rounds:
        assert_sold_once(played, beds24)
    assert not Conflict.objects.filter(status=ConflictStatus.OPEN).exists()
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exclude(last_error__startswith="SoldElsewhere:")
    assert max(played.told_after for played in rounds) < SECONDS_TO_BE_TOLD


def assert_sold_once(played: Round, beds24: RunningSimulator) -> None:
    """One booking at the channel, one reservation in the PMS, and the desk knows which of the two it is."""
    here = Reservation.objects.filter(check_in=played.check_in)
    there = [
        booking
        for booking in beds24.bookings
        if booking["arrival"] == str(played.check_in) and booking["status"] in TAKES_A_ROOM
    ]
    assert len(there) == 1
    assert [one.status for one in here if one.status in RESERVED_STATUSES] == [ReservationStatus.CONFIRMED]
    assert not here.filter(status=ReservationStatus.PENDING_SYNC).exists()
    assert units_at_beds24(beds24, ROOM, played.check_in) == 0
    if played.ota is None:
        assert played.desk is not None
        assert played.desk.status == ReservationStatus.CONFIRMED
    elif played.desk is not None:
        assert played.desk.status == ReservationStatus.FAILED
        assert "other dates or another room type" in played.desk.failure_reason
        hold = InventoryHold.objects.get(reservation_id=played.desk.id)
        assert hold.status == HoldStatus.RELEASED
    # Without a webhook the PMS cannot know before it asks the channel: the desk may save it, and is told then.
    assert (played.ota is None) is (played.ota_sells is OtaSells.AFTER) or played.ota_sells is OtaSells.AT_ONCE
