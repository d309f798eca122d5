"""A comparison whose login was refused slept and asked again for ever, and held the only worker there is for them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from channel_sync.errors import NotYet, WaitsFor
from channel_sync.models import (
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    EventStatus,
    ReconciliationRun,
    RunStatus,
)
from channel_sync.operations.properties import pause
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.first_sync import first_sync
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import one_round
from tests.drift import plenty_of_credits
from tests.factories import RateMappingFactory, RatePlanFactory

pytestmark = pytest.mark.django_db

COMPARISONS: list[Callable[[ChannelProperty, RunOptions], object]] = [
    reconcile_bookings,
    reconcile_availability,
    reconcile_rates,
    first_sync,
]


def never_wait(delay: timedelta, reason: str) -> None:
    raise AssertionError(f"It would sleep for {delay}: {reason}")


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    plan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id="2001:1")
    return connected


@pytest.mark.parametrize("compare", COMPARISONS)
def test_it_ends_at_once_and_says_what_to_do(
    hotel: ConnectedHotel, beds24: RunningSimulator, compare: Callable[[ChannelProperty, RunOptions], object]
) -> None:
    for account in beds24.simulator.state.accounts.values():
        account.refresh_tokens.clear()
        account.tokens.clear()

    with pytest.raises(NotYet, match="channel_sync_connect") as ended:
        compare(hotel.channel_property, RunOptions(wait=never_wait))

    assert ended.value.waits_for == WaitsFor.LOGIN
    assert ChannelProperty.objects.get().status == ChannelPropertyStatus.ERROR
    assert not ReconciliationRun.objects.filter(status=RunStatus.DONE).exists()


@pytest.mark.parametrize("compare", COMPARISONS)
def test_it_ends_at_once_in_a_pause(
    hotel: ConnectedHotel, compare: Callable[[ChannelProperty, RunOptions], object]
) -> None:
    pause(hotel.channel_property, by="ada")

    with pytest.raises(NotYet, match="paused") as ended:
        compare(hotel.channel_property, RunOptions(wait=never_wait))

    assert ended.value.waits_for == WaitsFor.PAUSE


def test_the_events_of_the_property_wait_and_none_fails(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.simulator.state.accounts[901].refresh_tokens.clear()
    beds24.simulator.state.accounts[901].tokens.clear()
    with pytest.raises(NotYet):
        reconcile_availability(hotel.channel_property, RunOptions(wait=never_wait))

    request_full_sync(hotel.channel_property)
    one_round()

    assert set(ChannelEvent.objects.values_list("status", "attempts", "waits_for")) == {
        (EventStatus.RETRYING, 0, WaitsFor.LOGIN)
    }
