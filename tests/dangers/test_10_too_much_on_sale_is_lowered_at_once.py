"""A channel that showed two units too many was only flagged, and went on selling them."""

from __future__ import annotations

import pytest

from channel_sync.models import Conflict, ConflictKind, ConflictStatus
from channel_sync.outbound.full_sync import request_full_sync
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.runs import RunOptions
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    request_full_sync(connected.channel_property)
    work_everything()
    # Beds24 shows no more than it has units: it has been told of more than the PMS.
    beds24.simulator.state.rooms[2001].qty = 20
    return connected


def test_more_than_is_free_is_lowered_and_flagged(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms[2001].num_avail[NIGHT] = 14

    run = reconcile_availability(hotel.channel_property, NOW)
    work_everything()

    assert units_at_beds24(beds24) == 10
    assert (run.fixed, run.flagged) == (1, 1)
    conflict = Conflict.objects.get()
    assert (conflict.kind, conflict.status) == (ConflictKind.AVAILABILITY, ConflictStatus.OPEN)
    assert conflict.channel_side["free_units"] == {str(NIGHT): 14}


def test_much_less_than_is_free_is_only_flagged(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms[2001].num_avail[NIGHT] = 6

    run = reconcile_availability(hotel.channel_property, NOW)
    work_everything()

    assert units_at_beds24(beds24) == 6
    assert (run.fixed, run.flagged) == (0, 1)


def test_a_dry_run_only_counts(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.simulator.state.rooms[2001].num_avail[NIGHT] = 14

    run = reconcile_availability(hotel.channel_property, RunOptions(wait=do_not_wait, dry_run=True))
    work_everything()

    assert units_at_beds24(beds24) == 14
    assert (run.fixed, run.flagged) == (1, 1)
