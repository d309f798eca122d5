"""Rate plans were mapped by hand among three that were all called "Standard": one went to the slot of another room."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from channel_sync.connections.rate_suggestions import SuggestedRate
from channel_sync.errors import InvalidMapping
from channel_sync.models import ChannelMapping, MappingType
from channel_sync.operations.mapping_rules import WantedMapping, internal_names
from channel_sync.operations.mappings import create_mapping
from channel_sync.operations.roles import Role
from channel_sync.operations.suggestions import accept_suggestions, look_for_suggestions
from pms_project.pms.models import RatePlan, RoomType
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import plenty_of_credits
from tests.factories import DailyRateFactory, HotelFactory, RateMappingFactory, RatePlanFactory, RoomTypeFactory

pytestmark = pytest.mark.django_db

TONIGHT = date.today()
DASH = " \N{EN DASH} "


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    """The slots of the double room have names, those of the single room have none."""
    plenty_of_credits(beds24.simulator.state, connected)
    beds24.simulator.state.rooms[2001].price_names = {1: "Standard", 3: "non  refundable"}
    return connected


def plan(room_type: RoomType, name: str = "Standard", price: str = "", night: date = TONIGHT) -> RatePlan:
    made: RatePlan = RatePlanFactory(room_type=room_type, name=name)
    if price:
        DailyRateFactory(rate_plan=made, night=night, price=Decimal(price))
    return made


def suggested(hotel: ConnectedHotel) -> dict[str, str]:
    return {one.name: one.external_rate_id for one in look_for_suggestions(hotel.channel_property).rates}


def test_a_plan_goes_to_the_slot_that_is_named_like_it(hotel: ConnectedHotel) -> None:
    for name in ("Standard", "Non refundable", "Long stay"):
        plan(hotel.double, name)

    assert suggested(hotel) == {
        f"Double Room{DASH}Standard": "2001:1",
        f"Double Room{DASH}Non refundable": "2001:3",
    }


def test_the_only_plan_of_a_room_goes_to_its_first_slot(hotel: ConnectedHotel) -> None:
    plan(hotel.single)
    assert suggested(hotel) == {f"Single Room{DASH}Standard": "2002:1"}

    plan(hotel.single, "Long stay")
    assert suggested(hotel) == {}


def test_what_is_mapped_on_either_side_is_not_suggested(hotel: ConnectedHotel) -> None:
    plan(hotel.double)
    other = plan(hotel.double, "Other")
    RateMappingFactory(channel_property=hotel.channel_property, internal_id=other.id, external_id="2001:1")

    assert suggested(hotel) == {}


def test_both_prices_of_a_night_are_shown(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    night = TONIGHT + timedelta(days=3)
    made = plan(hotel.double, "Standard", "120.00", night)
    DailyRateFactory(rate_plan=made, night=night + timedelta(days=1), price=Decimal("500.00"))
    beds24.simulator.state.rooms[2001].days[night]["price1"] = 80.0

    assert list(look_for_suggestions(hotel.channel_property).rates) == [
        SuggestedRate(
            made.id, f"Double Room{DASH}Standard", "2001:1", "Standard", night, Decimal("120.00"), Decimal("80.00")
        )
    ]


def test_only_what_is_named_is_mapped(hotel: ConnectedHotel) -> None:
    of_double, _ = plan(hotel.double), plan(hotel.single)

    (made,) = accept_suggestions(hotel.channel_property, {"2001:1"}, by="ada")

    assert (made.mapping_type, made.internal_id, made.external_id) == (MappingType.RATE, of_double.id, "2001:1")


def test_a_plan_is_not_mapped_to_the_slot_of_another_room(hotel: ConnectedHotel) -> None:
    of_double = plan(hotel.double)

    with pytest.raises(InvalidMapping, match="Choose a slot of room 2001"):
        create_mapping(WantedMapping(hotel.channel_property, MappingType.RATE, of_double.id, "2002:1"), by="ada")


def test_a_plan_of_a_room_type_without_a_mapping_is_not_mapped(hotel: ConnectedHotel) -> None:
    of_suite = plan(RoomTypeFactory(hotel=hotel.hotel, name="Penthouse"))

    with pytest.raises(InvalidMapping, match="Map it to its room at the channel first"):
        create_mapping(WantedMapping(hotel.channel_property, MappingType.RATE, of_suite.id, "2003:1"), by="ada")


def test_plans_are_named_with_their_room_types(hotel: ConnectedHotel) -> None:
    plan(hotel.double)
    plan(hotel.single)

    names = internal_names(hotel.channel_property, MappingType.RATE)

    assert sorted(names.values()) == [f"Double Room{DASH}Standard", f"Single Room{DASH}Standard"]


def test_the_api_suggests_and_accepts_rates(hotel: ConnectedHotel, api_of: Callable[[Role | None], APIClient]) -> None:
    plan(hotel.double, "Standard", "120.00")
    client = api_of(Role.ADMINISTRATOR)
    address = f"/api/admin/properties/{hotel.channel_property.id}/suggestions"

    (rate,) = client.get(address).json()["rates"]
    assert (rate["external_rate_id"], rate["price"], rate["channel_price"]) == ("2001:1", "120.00", None)
    assert client.post(address, {}, format="json").status_code == 400
    saved = client.post(address, {"external_rate_ids": ["2001:1"]}, format="json").json()
    assert (saved["mappings_saved"], saved["external_rate_ids"]) == (1, ["2001:1"])


def test_connecting_maps_rooms_and_their_rate_plans(db: None, beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms[2001].price_names = {2: "Standard"}
    made = HotelFactory()
    double = RoomTypeFactory(hotel=made, name="Double Room", units=10)
    plan(double, "Standard", "120.00")
    out = StringIO()

    call_command(
        "channel_sync_connect", str(made.id), "--invite-code", "DEMO-INVITE-CODE", "--accept-suggestions", "--json",
        stdout=out,
    )  # fmt: skip

    told = json.loads(out.getvalue())
    assert told["mappings_saved"] == 2
    assert [(one["rate"], one["price"]) for one in told["rate_suggestions"]] == [("2001:2", "120.00")]
    assert ChannelMapping.objects.get(mapping_type=MappingType.RATE).external_id == "2001:2"
