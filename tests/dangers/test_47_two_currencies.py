"""Amounts of two currencies were compared: 96 EUR was "fixed" to 100, since the booking said 100 USD."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from channel_sync.channels.canonical import Booking, BookingStatus
from channel_sync.errors import ResolutionImpossible
from channel_sync.models import (
    ChannelEvent,
    ChannelProperty,
    Conflict,
    ConflictKind,
    ConflictStatus,
    EventStatus,
)
from channel_sync.operations.conflicts import resolve
from channel_sync.pms import host_pms
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.resolution import Resolution
from channel_sync.reconciliation.rules import PRICE, Fix, compare_prices
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import HotelSettings, RatePlan
from pms_project.pms.services.rates import RateChange, set_rates
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, units_at_beds24, work_everything
from tests.drift import Drift, Pair, do_not_wait, plenty_of_credits
from tests.factories import RateMappingFactory, RatePlanFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)
CALENDAR = "/inventory/rooms/calendar"


@pytest.fixture
def pair(connected: ConnectedHotel, beds24: RunningSimulator) -> Pair:
    """A booking of 100 and its reservation of 96 EUR."""
    plenty_of_credits(beds24.simulator.state, connected)
    made = Drift(connected, beds24.simulator.state).pair()
    made.at_beds24(price=100.0)
    made.in_pms(price=Decimal("96.00"), currency="EUR")
    return made


@pytest.fixture
def plan(connected: ConnectedHotel, beds24: RunningSimulator) -> RatePlan:
    """A plan at 100 on two nights, which both sides have, and euros on both."""
    plenty_of_credits(beds24.simulator.state, connected)
    made: RatePlan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=made.id, external_id="2001:1")
    sell(made)
    work_everything()
    beds24.controls.forget_calls()
    return made


def sell(plan: RatePlan, price: str = "100.00", **terms: Any) -> None:
    set_rates([RateChange(plan.id, NIGHT, NIGHT + timedelta(days=2), Decimal(price), **terms)])


def at_beds24(beds24: RunningSimulator, name: str) -> Any:
    return beds24.simulator.state.rooms[2001].days[NIGHT].get(name)


def price_of(pair: Pair) -> tuple[Decimal | None, str]:
    pair.reservation.refresh_from_db()
    return pair.reservation.price, pair.reservation.currency


def in_dollars(beds24: RunningSimulator) -> None:
    beds24.simulator.state.properties[1001].currency = "USD"


def refreshed(connected: ConnectedHotel) -> ChannelProperty:
    return ChannelProperty.objects.get(id=connected.channel_property.id)


@pytest.mark.nonconforming("answers")
def test_a_booking_in_another_currency_is_for_a_person(pair: Pair, connected: ConnectedHotel) -> None:
    pair.at_beds24(currency="USD")

    first, second = (reconcile_bookings(connected.channel_property, NOW) for _ in range(2))

    assert [(run.fixed, run.flagged) for run in (first, second)] == [(0, 1), (0, 1)]
    assert price_of(pair) == (Decimal("96.00"), "EUR")
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.status) == (ConflictKind.PRICE, ConflictStatus.OPEN)
    assert (conflict.pms_side["price"], conflict.pms_side["currency"]) == ("96.00", "EUR")
    assert (conflict.channel_side["price"], conflict.channel_side["currency"]) == ("100.00", "USD")


@pytest.mark.nonconforming("answers")
def test_the_same_amount_in_another_currency_is_not_the_same_price(pair: Pair, connected: ConnectedHotel) -> None:
    pair.at_beds24(currency="USD", price=96.0)

    assert reconcile_bookings(connected.channel_property, NOW).flagged == 1


@pytest.mark.nonconforming("answers")
def test_a_person_takes_the_amount_with_its_currency_or_not_at_all(pair: Pair, connected: ConnectedHotel) -> None:
    pair.at_beds24(currency="USD")
    reconcile_bookings(connected.channel_property, NOW)
    conflict = Conflict.objects.get()

    with pytest.raises(ResolutionImpossible):
        resolve(conflict, Resolution.KEEP_PMS, by="ada")
    resolve(conflict, Resolution.TAKE_CHANNEL, by="ada")

    assert price_of(pair) == (Decimal("100.00"), "USD")
    assert reconcile_bookings(connected.channel_property, NOW).flagged == 0


@pytest.mark.nonconforming("answers")
def test_the_same_currency_is_compared_as_ever(pair: Pair, connected: ConnectedHotel) -> None:
    pair.at_beds24(currency="eur")

    assert reconcile_bookings(connected.channel_property, NOW).fixed == 1
    assert price_of(pair)[0] == Decimal("100.00")


def test_a_booking_without_a_currency_is_in_that_of_its_property(
    pair: Pair, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    in_dollars(beds24)
    RateMappingFactory(
        channel_property=connected.channel_property,
        internal_id=RatePlanFactory(room_type=connected.double).id,
        external_id="2001:1",
    )
    reconcile_rates(refreshed(connected), NOW)

    run = reconcile_bookings(refreshed(connected), NOW)

    # The property has its conflict: not each of its bookings.
    assert (run.fixed, run.flagged) == (0, 0)
    assert price_of(pair) == (Decimal("96.00"), "EUR")
    assert Conflict.objects.get().kind == ConflictKind.CURRENCY


@pytest.mark.parametrize(("of_booking", "of_property", "of_reservation"), [("", "", "EUR"), ("USD", "USD", "")])
def test_what_is_not_known_is_compared_as_ever(of_booking: str, of_property: str, of_reservation: str) -> None:
    booking = Booking.model_construct(price=Decimal(100), currency=of_booking, status=BookingStatus.CONFIRMED)
    reservation = booking.model_copy(update={"price": Decimal(96), "currency": of_reservation})

    assert compare_prices(booking, reservation, of_property) is Fix.PRICE  # type: ignore[arg-type]
    assert compare_prices(booking.model_copy(update={"currency": "USD"}), reservation, "") is (
        PRICE if of_reservation else Fix.PRICE
    )  # type: ignore[arg-type]


def test_rates_are_neither_sent_nor_compared_in_another_currency(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    in_dollars(beds24)
    first = reconcile_rates(refreshed(connected), NOW)
    sell(plan, "104.00")
    work_everything()
    second = reconcile_rates(refreshed(connected), NOW)

    assert [(run.compared, run.fixed, run.flagged) for run in (first, second)] == [(0, 0, 1), (0, 0, 1)]
    assert "USD at the channel, EUR in the PMS" in first.note
    assert beds24.posts(CALENDAR) == []
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.status) == (ConflictKind.CURRENCY, ConflictStatus.OPEN)
    assert (conflict.pms_side, conflict.channel_side) == ({"currency": "EUR"}, {"currency": "USD"})
    assert conflict.next_step()


@pytest.mark.parametrize("corrected_in", ["channel", "pms"])
def test_what_changed_meanwhile_goes_out_when_the_currencies_agree(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator, corrected_in: str
) -> None:
    in_dollars(beds24)
    reconcile_rates(refreshed(connected), NOW)
    sell(plan, "150.00")
    work_everything()
    if corrected_in == "channel":
        beds24.simulator.state.properties[1001].currency = "EUR"
    else:
        HotelSettings.objects.update(currency="USD")

    run = reconcile_rates(refreshed(connected), NOW)
    work_everything()

    assert (run.note, Conflict.objects.get().status) == ("", ConflictStatus.RESOLVED)
    assert at_beds24(beds24, "price1") == 150


def test_a_push_asks_again_before_it_keeps_a_price(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    ChannelProperty.objects.update(currency="USD")

    sell(plan, "150.00")
    work_everything()

    assert at_beds24(beds24, "price1") == 150
    assert refreshed(connected).currency == "EUR"


def test_a_stop_sell_goes_out_in_whatever_currency(
    plan: RatePlan, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    in_dollars(beds24)
    reconcile_rates(refreshed(connected), NOW)
    sell(plan, "150.00", stop_sell=True)
    work_everything()
    assert (at_beds24(beds24, "override"), at_beds24(beds24, "price1")) == ("blackout", 100)

    sell(plan, "150.00")
    work_everything()
    assert (at_beds24(beds24, "override"), at_beds24(beds24, "price1")) == ("none", 100)
    assert units_at_beds24(beds24) == 10

    beds24.simulator.state.properties[1001].currency = "EUR"
    reconcile_rates(refreshed(connected), NOW)
    work_everything()
    assert at_beds24(beds24, "price1") == 150


def test_connecting_keeps_the_currency_of_the_channel(connected: ConnectedHotel) -> None:
    assert refreshed(connected).currency == "EUR"
    assert host_pms().property_facts(connected.hotel.id).currency == "EUR"
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()
