"""The owners' table, field by field: both sides change one before they hear of each other, and the owner's stands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.conf import LazySettings

from channel_sync.merge.fields import Field
from channel_sync.models import ChannelMapping, Conflict, ConflictKind, EventType, MappingType
from channel_sync.reconciliation.resolution import Resolution, resolve_conflict
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.reservations import NewReservation, change_reservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.one_way import at_beds24, webhook_of
from tests.dangers.working import NIGHT, stay, work_everything
from tests.drift import plenty_of_credits
from tests.factories import RoomTypeFactory

pytestmark = pytest.mark.django_db

SOON = timedelta(seconds=10)
LEAVES = {"three": NIGHT + timedelta(days=3), "four": NIGHT + timedelta(days=4)}


@dataclass(frozen=True)
class Change:
    """What either side makes of a field, as the desk and as Beds24 names it."""

    desk: Mapping[str, Any]
    ota: Mapping[str, Any]


def table(hotel: ConnectedHotel) -> dict[Field, Change]:
    return {
        Field.DATES: Change({"check_out": LEAVES["three"]}, {"departure": str(LEAVES["four"])}),
        Field.ROOM: Change({"room_type_id": hotel.single.id}, {"roomId": 2003}),
        Field.UNITS: Change({"units": 2}, {"roomQty": 3}),
        Field.ADULTS: Change({"adults": 2}, {"numAdult": 3}),
        Field.CHILDREN: Change({"children": 1}, {"numChild": 2}),
        Field.PRICE: Change({"price": Decimal(300)}, {"price": 400}),
        Field.NOTES: Change({"notes": "a cot"}, {"notes": "two cots"}),
        Field.GUEST_NAME: Change({"guest": {"last_name": "Desk"}}, {"lastName": "Channel"}),
        Field.EMAIL: Change({"guest": {"email": "desk@example.org"}}, {"email": "ota@example.org"}),
        Field.PHONE: Change({"guest": {"phone": "34600000001"}}, {"phone": "34600000002"}),
        Field.COUNTRY: Change({"guest": {"country": "ES"}}, {"country2": "DE"}),
    }


# Everything of an OTA's booking belongs to the channel but the notes; everything of the desk's to the PMS.
OF_AN_OTA = {one: "desk" if one is Field.NOTES else "ota" for one in Field if one is not Field.STATUS}


@pytest.fixture
def suite(connected: ConnectedHotel) -> ConnectedHotel:
    """A third room to move to."""
    found = RoomTypeFactory(hotel=connected.hotel, name="Suite", units=2)
    ChannelMapping.objects.create(
        channel_property=connected.channel_property,
        mapping_type=MappingType.ROOM_TYPE,
        internal_id=found.id,
        external_id="2003",
    )
    return connected


def both_have(hotel: ConnectedHotel, beds24: RunningSimulator, *, made_by: str) -> int:
    plenty_of_credits(beds24.simulator.state, hotel)
    if made_by == "ota":
        made = beds24.controls.book(
            roomId=2001,
            channel="booking",
            price=200,
            firstName="Ada",
            lastName="L",
            notes="quiet",
            numAdult=1,
            **stay(),
        )
        webhook_of(hotel, at_beds24(beds24, made["id"], after=-timedelta(minutes=2)))
    else:
        guest = {"first_name": "Ada", "last_name": "L"}
        wanted = NewReservation(hotel.double.id, NIGHT, LEAVES["three"] - timedelta(days=1), guest=guest, notes="quiet")
        create_reservation(wanted)
    work_everything()
    return int(beds24.bookings[0]["id"])


def both_change(hotel: ConnectedHotel, beds24: RunningSimulator, number: int, change: Change) -> None:
    webhook = at_beds24(beds24, number, after=SOON, **change.ota)
    change_reservation(Reservation.objects.get().id, dict(change.desk))
    webhook_of(hotel, webhook, EventType.BOOKING_MODIFIED)
    work_everything()


def shown(hotel: ConnectedHotel, beds24: RunningSimulator) -> tuple[dict[Field, Any], dict[Field, Any]]:
    """Every field here and there, in the same words."""
    (booking,), reservation = beds24.bookings, Reservation.objects.select_related("guest").get()
    guest = reservation.guest
    here = {
        Field.DATES: str(reservation.check_out),
        Field.ROOM: hotel.room_id(reservation.room_type),
        Field.UNITS: reservation.units,
        Field.ADULTS: reservation.adults,
        Field.CHILDREN: reservation.children,
        Field.PRICE: float(reservation.price or 0),
        Field.NOTES: reservation.notes,
        Field.GUEST_NAME: guest.last_name,
        Field.EMAIL: guest.email,
        Field.PHONE: guest.phone,
        Field.COUNTRY: guest.country,
    }
    names = (
        "departure", "roomId", "roomQty", "numAdult", "numChild", "price", "notes", "lastName", "email", "phone",
        "country2",
    )  # fmt: skip
    there = {one: booking[name] for one, name in zip(here, names, strict=True)}
    return here, {**there, Field.ROOM: str(there[Field.ROOM]), Field.COUNTRY: there[Field.COUNTRY] or ""}


def value_of(hotel: ConnectedHotel, one: Field, change: Change, side: str) -> Any:
    value = next(iter((change.desk if side == "desk" else change.ota).values()))
    if isinstance(value, dict):
        value = next(iter(value.values()))
    if one is Field.ROOM:
        return "2002" if side == "desk" else "2003"
    return float(value) if one is Field.PRICE else str(value) if one is Field.DATES else value


@pytest.mark.parametrize("made_by", ["ota", "desk"])
@pytest.mark.parametrize("one", list(OF_AN_OTA))
def test_the_owner_of_a_field_wins_and_the_loser_is_kept(
    suite: ConnectedHotel, beds24: RunningSimulator, one: Field, made_by: str
) -> None:
    number, change = both_have(suite, beds24, made_by=made_by), table(suite)[one]
    before, _ = shown(suite, beds24)

    both_change(suite, beds24, number, change)

    winner = OF_AN_OTA[one] if made_by == "ota" else "desk"
    here, there = shown(suite, beds24)
    assert here == there
    assert here == {**before, one: value_of(suite, one, change, winner)}
    found = Conflict.objects.get(kind=ConflictKind.CONCURRENT_CHANGE)
    assert found.pms_side["stands"] == ([one.value] if winner == "desk" else [])

    lost = Resolution.TAKE_CHANNEL if winner == "desk" else Resolution.KEEP_PMS
    resolve_conflict(found.id, lost, by="ada")
    work_everything()
    here, there = shown(suite, beds24)
    assert here == there
    assert here == {**before, one: value_of(suite, one, change, "ota" if winner == "desk" else "desk")}


def test_the_setting_of_a_property_goes_before_all(
    suite: ConnectedHotel, beds24: RunningSimulator, settings: LazySettings
) -> None:
    settings.CHANNEL_SYNC = {
        **settings.CHANNEL_SYNC,
        "owners": {"ota": {"price": "channel"}},
        "owners_by_property": {str(suite.hotel.id): {"ota": {"price": "pms"}}},
    }
    number = both_have(suite, beds24, made_by="ota")
    both_change(suite, beds24, number, table(suite)[Field.PRICE])

    assert Reservation.objects.get().price == Decimal(300) == Decimal(str(beds24.bookings[0]["price"]))


@pytest.mark.parametrize("made_by", ["ota", "desk"])
def test_a_status_that_only_one_side_changes_is_carried_whoever_owns_it(
    suite: ConnectedHotel, beds24: RunningSimulator, made_by: str
) -> None:
    number = both_have(suite, beds24, made_by=made_by)
    webhook = at_beds24(beds24, number, after=SOON, status="cancelled")
    change_reservation(Reservation.objects.get().id, {"notes": "a cot"})
    webhook_of(suite, webhook, EventType.BOOKING_CANCELLED)
    work_everything()

    assert Reservation.objects.get().status == ReservationStatus.CANCELLED
    assert beds24.bookings[0]["status"] == "cancelled"
