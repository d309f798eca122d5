"""A host's own booking path: what is sold is locked, checked and, where a channel confirms, held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from channel_sync.errors import NotEnoughUnits
from channel_sync.host import InvalidStay, SoldOut, TakenStay, UnknownRoomType, sell
from channel_sync.inventory.availability import check_availability
from channel_sync.models import HoldStatus, InventoryHold
from pms_project.pms.models import Guest, Reservation, ReservationStatus, RoomType
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.crowd import Crowd
from tests.dangers.one_way import webhook_of
from tests.dangers.working import NIGHT, stay
from tests.factories import HotelFactory, ReservationFactory, RoomTypeFactory

UNTIL = NIGHT + timedelta(days=2)
DESKS, ROUNDS = 6, 20


def two_nights(room_type: RoomType, units: int = 1, first: date = NIGHT) -> TakenStay:
    return TakenStay(room_type.id, first, first + timedelta(days=2), units)


def save(room_type: RoomType, sold: TakenStay, status: ReservationStatus = ReservationStatus.CONFIRMED) -> Reservation:
    """The row of a host that knows no service of ours."""
    made: Reservation = Reservation.objects.create(
        hotel_id=room_type.hotel_id,
        room_type=room_type,
        guest=Guest.objects.create(last_name="Hopper"),
        status=status,
        check_in=sold.check_in,
        check_out=sold.check_out,
        units=sold.units,
        price=Decimal("100.00"),
    )
    return made


@pytest.fixture
def alone(db: None) -> RoomType:
    """A room type with two rooms that no channel sells."""
    made: RoomType = RoomTypeFactory(units=2)
    return made


def test_what_is_free_is_sold(alone: RoomType) -> None:
    sold = two_nights(alone, 2)
    with sell(sold) as sale:
        assert not sale.waits_for_channel(alone.id)
        save(alone, sold)

    assert check_availability(alone.id, NIGHT, UNTIL) == 0


def test_what_is_not_free_is_refused_in_words_for_the_desk(alone: RoomType) -> None:
    ReservationFactory(room_type=alone, units=2, check_in=NIGHT, check_out=NIGHT + timedelta(days=1))

    with pytest.raises(SoldOut) as refused, sell(two_nights(alone)):
        raise AssertionError("nothing is sold here")

    assert isinstance(refused.value, NotEnoughUnits)
    assert (refused.value.free, refused.value.wanted, refused.value.nights) == (0, 1, [NIGHT])
    assert str(refused.value) == (
        f"There are not enough free rooms of this type on {NIGHT}: none left, 1 wanted. Offer other dates or another "
        "room type."
    )


def test_stays_of_one_sale_add_up(alone: RoomType) -> None:
    with sell(two_nights(alone), two_nights(alone)):
        pass
    with pytest.raises(SoldOut, match="only 2 left, 3 wanted"), sell(two_nights(alone, 2), two_nights(alone)):
        pass
    with sell(two_nights(alone, 2), two_nights(alone, 2, UNTIL)):
        pass


def test_a_sale_that_fails_keeps_nothing(alone: RoomType) -> None:
    sold = two_nights(alone)
    with pytest.raises(NotEnoughUnits), sell(sold) as sale:
        sale.hold(save(alone, sold).id, two_nights(alone, 3))

    assert not Reservation.objects.exists()


def test_stays_that_cannot_be_are_refused(alone: RoomType) -> None:
    for impossible in (TakenStay(alone.id, NIGHT, NIGHT, 1), TakenStay(alone.id, NIGHT, UNTIL, 0)):
        with pytest.raises(InvalidStay), sell(impossible):
            pass
    with pytest.raises(UnknownRoomType), sell(TakenStay(alone.hotel_id, NIGHT, UNTIL, 1)):
        pass


def test_where_a_channel_sells_too_a_hold_keeps_the_rooms(connected: ConnectedHotel) -> None:
    sold = two_nights(connected.single, 2)
    with sell(sold) as sale:
        assert sale.waits_for_channel(connected.single.id)
        sale.hold(save(connected.single, sold, ReservationStatus.PENDING_SYNC).id, sold)

    assert InventoryHold.objects.get().status == HoldStatus.ACTIVE
    assert check_availability(connected.single.id, NIGHT, UNTIL) == 3


def test_what_a_channel_has_sold_and_the_pms_has_not_is_not_free(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    event = webhook_of(connected, beds24.controls.book(roomId=2002, roomQty=5, **stay()))
    event.claimed_room, event.claimed_from, event.claimed_until, event.claimed_units = "2002", NIGHT, UNTIL, 5
    event.save()

    with pytest.raises(SoldOut), sell(two_nights(connected.single)):
        pass


@pytest.fixture
def desks() -> Iterator[Crowd]:
    made = Crowd(DESKS)
    yield made
    made.leave()


@pytest.mark.django_db(transaction=True)
def test_the_last_room_is_sold_once(desks: Crowd) -> None:
    room_type = RoomTypeFactory(hotel=HotelFactory(), units=1)

    for number in range(ROUNDS):
        sold = two_nights(room_type, first=NIGHT + timedelta(days=2 * number))
        refused: list[SoldOut] = []

        def at_the_desk(sold: TakenStay = sold, refused: list[SoldOut] = refused) -> None:
            try:
                with sell(sold):
                    save(room_type, sold)
            except SoldOut as error:
                refused.append(error)

        actions: list[Callable[[], None]] = [at_the_desk] * DESKS
        desks.all_at_once(actions)

        assert len(refused) == DESKS - 1
        assert check_availability(room_type.id, sold.check_in, sold.check_out) == 0
