"""Many at once want the last rooms: never one too many, never one refused who would have had a room, no deadlock."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from uuid import UUID

import pytest
from django.db import transaction

from channel_sync.channels.ranges import ONE_NIGHT, nights
from channel_sync.errors import NotYet
from channel_sync.inventory.availability import free_units
from channel_sync.inventory.confirmation import confirm_at_channel
from channel_sync.inventory.reaper import expire_holds
from channel_sync.models import ChannelEvent, InventoryHold
from pms_project.pms.models import Reservation, RoomType, StaleReservation
from pms_project.pms.services.errors import NotEnoughRooms, PmsError
from pms_project.pms.services.reservations import (
    NewReservation,
    cancel_reservation,
    change_reservation,
    create_group,
    create_reservation,
)
from tests.crowd import Crowd
from tests.factories import ChannelConnectionFactory, HotelFactory, RoomTypeFactory, RoomTypeMappingFactory

# 64 threads want 64 connections: with a whole installation beside them they would be too many for PostgreSQL.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.alone, pytest.mark.timeout(600)]

GUESTS, ROUNDS, UNITS = 64, 50, 5
START = date.today() + timedelta(days=300)
WINDOW = 8

Request = list[NewReservation]


@pytest.fixture
def room_types(topology_at_broker: None) -> list[RoomType]:
    """Three room types with five rooms left; two are sold by a channel, so that their reservations hold first."""
    hotel = HotelFactory()
    made: list[RoomType] = [RoomTypeFactory(hotel=hotel, units=UNITS) for _ in range(3)]
    channel_property = ChannelConnectionFactory(channel_property__property=hotel).channel_property
    for room_type in made[:2]:
        RoomTypeMappingFactory(channel_property=channel_property, internal_id=room_type.id)
    return made


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    made = Crowd(GUESTS)
    yield made
    made.leave()


def stay(chance: random.Random, room_type: RoomType) -> NewReservation:
    check_in = START + timedelta(days=chance.randrange(WINDOW - 1))
    check_out = min(check_in + timedelta(days=chance.randint(1, 4)), START + timedelta(days=WINDOW))
    return NewReservation(room_type.id, check_in, check_out, units=chance.choice([1, 1, 1, 2]))


def request(chance: random.Random, room_types: list[RoomType]) -> Request:
    """One stay, or a group in several room types, named in any order."""
    wanted = chance.sample(room_types, chance.choice([1, 1, 2, 3]))
    return [stay(chance, room_type) for room_type in wanted]


def what_is_free(room_types: list[RoomType]) -> dict[tuple[UUID, date], int]:
    ids = [room_type.id for room_type in room_types]
    nights = free_units(ids, START, START + timedelta(days=WINDOW + 6))
    return {(night.room_type_id, night.night): night.free for night in nights}


def fits(wanted: Request, free: dict[tuple[UUID, date], int]) -> bool:
    """Whether there is room for all of a request, each part of it of another room type."""
    return all(
        free[one.room_type_id, night] >= one.units
        for one in wanted
        for night in nights(one.check_in, one.check_out - ONE_NIGHT)
    )


def test_the_last_rooms_are_sold_once_and_to_everybody_they_suffice_for(
    room_types: list[RoomType], crowd: Crowd
) -> None:
    chance = random.Random(20271228)
    sold = 0
    for _ in range(ROUNDS):
        refused: list[Request] = []

        def ask(wanted: Request, refused: list[Request] = refused) -> None:
            try:
                create_group(wanted) if len(wanted) > 1 else create_reservation(wanted[0])
            except NotEnoughRooms:
                refused.append(wanted)

        requests = [request(chance, room_types) for _ in range(GUESTS)]
        crowd.all_at_once([lambda wanted=wanted: ask(wanted) for wanted in requests])  # type: ignore[misc]

        free = what_is_free(room_types)
        assert min(free.values()) >= 0
        # Rooms are only taken in a round: who does not fit in the end may have been refused, who does was not to be.
        assert refused
        assert not [wanted for wanted in refused if fits(wanted, free)]
        sold += Reservation.objects.count()
        InventoryHold.objects.all().delete()
        ChannelEvent.objects.all().delete()
        Reservation.objects.all().delete()
    assert sold > ROUNDS * UNITS


def test_changes_cancellations_confirmations_and_the_reaper_do_not_lock_each_other_out(
    room_types: list[RoomType], crowd: Crowd
) -> None:
    chance = random.Random(20280101)
    for _ in range(10):
        known = list(Reservation.objects.values_list("id", flat=True))

        def anything(seed: int, known: list[UUID] = known) -> None:
            mine = random.Random(seed)
            choice = mine.choice(["reserve", "group", "change", "cancel", "confirm", "confirm", "reap"])
            try:
                if choice == "reap":
                    expire_holds()
                elif choice in ("reserve", "group") or not known:
                    create_group(request(mine, room_types))
                elif choice == "change":
                    to = stay(mine, mine.choice(room_types))
                    moved = {"room_type_id": to.room_type_id, "check_in": to.check_in, "check_out": to.check_out}
                    change_reservation(mine.choice(known), moved)
                elif choice == "cancel":
                    cancel_reservation(mine.choice(known))
                else:
                    confirm_one(mine.choice(known))
            except (PmsError, StaleReservation, NotYet):
                return

        seeds = [chance.randrange(10**6) for _ in range(GUESTS)]
        crowd.all_at_once([lambda seed=seed: anything(seed) for seed in seeds])  # type: ignore[misc]

        assert min(what_is_free(room_types).values()) >= 0


def confirm_one(reservation_id: UUID) -> None:
    with transaction.atomic():
        confirm_at_channel(reservation_id)
