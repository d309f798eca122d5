"""The oracle of the year finds what is wrong, night by night; and finds nothing where nothing is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from channel_sync.conflicts import flag_conflict
from channel_sync.models import Conflict, ConflictKind, Severity
from pms_project.pms.models import DailyRate, MaintenanceBlock
from tests.year.game import Game
from tests.year.hotel import ROOM_IDS
from tests.year.oracle import Fault, Kind, Oracle

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]


def faults(game: Game) -> list[Fault]:
    return list(Oracle(game.hotel, game.today).faults())


def out_of_order(game: Game, night: date) -> None:
    """All double rooms, and nobody has told the channel."""
    rooms = game.hotel.rooms["Double"]
    MaintenanceBlock.objects.bulk_create(MaintenanceBlock(room=one, start=night, end=night + DAY) for one in rooms)


def set_there(room: str, **values: Any) -> Callable[[Game, date], None]:
    """Somebody changes the channel's calendar."""
    return lambda game, night: game.channel.controls.set_calendar(str(ROOM_IDS[room]), night, night, **values)


def change_rate(**values: Any) -> Callable[[Game, date], None]:
    """The PMS has other terms, and nobody has told the channel."""

    def change(game: Game, night: date) -> None:
        DailyRate.objects.filter(rate_plan=game.hotel.plans["Single Flexible"], night=night).update(**values)

    return change


def delete_rate(game: Game, night: date) -> None:
    DailyRate.objects.filter(rate_plan=game.hotel.plans["Single Flexible"], night=night).delete()


def book(game: Game, night: date) -> None:
    """An OTA sells, and nobody hears of it."""
    assert game.channel.book("Double", night, 1)


DAY = timedelta(days=1)
SPOILT: dict[str, tuple[Callable[[Game, date], None], Kind]] = {
    "out of order": (out_of_order, Kind.TAKEN_IS_ON_SALE),
    "none offered": (set_there("Double", numAvail=0), Kind.FREE_IS_CLOSED),
    "blackout": (set_there("Double", override="blackout"), Kind.CLOSED_BY_HAND),
    "price there": (set_there("Single", price1=1), Kind.PRICE),
    "price here": (change_rate(price=999), Kind.PRICE),
    "stop sell": (change_rate(stop_sell=True), Kind.STOPPED_IS_ON_SALE),
    "no rate": (delete_rate, Kind.DELETED_RATE),
    "booking": (book, Kind.BOOKING),
}


def test_what_is_wrong_is_found_and_nothing_else(game: Game) -> None:
    game.begin()
    nights = {name: game.today + timedelta(days=200 + 2 * place) for place, name in enumerate(SPOILT)}
    assert faults(game) == []

    for name, (spoil, _) in SPOILT.items():
        spoil(game, nights[name])

    found = faults(game)
    for name, (_, kind) in SPOILT.items():
        assert [one.kind for one in found if str(nights[name]) in one.what] == [kind], name
    assert len(found) == len(SPOILT)


def test_what_a_page_names_is_no_fault_and_without_it_is_one(game: Game) -> None:
    """A booking that is not in the PMS, and the conflict that says so."""
    game.begin()
    spoil, kind = SPOILT["booking"]
    spoil(game, game.today + timedelta(days=200))
    number = max(game.hotel.simulator.state.bookings)
    conflict = {"pms_side": {}, "channel_side": {"booking_id": str(number)}}
    flag_conflict(game.hotel.channel_property, ConflictKind.STATUS, Severity.HIGH, f"booking:{number}", **conflict)
    assert faults(game) == []

    Conflict.objects.all().delete()

    assert [one.kind for one in faults(game)] == [kind]
