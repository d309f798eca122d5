"""After an erasure neither a comparison under way nor a late webhook blanks the guest of a reservation."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from channel_sync.events.processing import process
from channel_sync.models import (
    ChannelEvent,
    Conflict,
    EventStatus,
    EventType,
    ReconciliationRun,
    ReservationLink,
    StagedBooking,
)
from channel_sync.operations.guest_data_erasure import erase_guest
from channel_sync.operations.guest_data_search import GuestSearch, find_bookings
from channel_sync.reconciliation import bookings as comparison
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import Reservation
from tests.beds24_webhooks import webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import Drift, Pair, do_not_wait, plenty_of_credits
from tests.factories import EventFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)


@pytest.fixture
def over(connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> Pair:
    """A stay that is over and in sync, as an event has brought it."""
    plenty_of_credits(beds24.simulator.state, connected)
    drift = Drift(connected, beds24.simulator.state)
    monkeypatch.setattr(drift.random, "randrange", lambda *bounds: -10)
    pair = drift.pair(has_begun=True)
    # What has agreed once has bases, digests of the guest among them.
    reconcile_bookings(connected.channel_property, NOW)
    assert apply(connected, pair) is EventStatus.DONE
    assert "email" in ReservationLink.objects.get().bases["channel"]
    return pair


def apply(connected: ConnectedHotel, pair: Pair, **changes: Any) -> EventStatus | None:
    """A webhook of the booking, worked."""
    modified = timezone.now() + timedelta(seconds=len(changes))
    said = {name: value for name, value in {**pair.booking, **changes}.items() if value is not ...}
    event = EventFactory(
        channel_property=connected.channel_property, event_type=EventType.BOOKING_MODIFIED, occurred_at=modified,
        entity_external_id=str(pair.booking["id"]),
        payload={**webhook(), "booking": {**said, "modifiedTime": f"{modified:%Y-%m-%dT%H:%M:%SZ}"}},
    )  # fmt: skip
    return process(event.id)


def erase(connected: ConnectedHotel, pair: Pair) -> dict[str, int]:
    named = GuestSearch(bookings=[str(pair.booking["id"])])
    (erased,) = erase_guest(find_bookings(named, [connected.channel_property]), by="clerk")
    assert erased.refused == ()
    return dict(erased.rows)


def guest_of(pair: Pair) -> tuple[str, str, str]:
    guest = Reservation.objects.select_related("guest").get(id=pair.reservation.id).guest
    assert guest is not None
    return guest.first_name, guest.last_name, guest.email


def test_a_comparison_that_has_read_the_booking_already(
    connected: ConnectedHotel, over: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    suspects, rows = comparison.suspects, {}

    def erased_before(run: ReconciliationRun, *arguments: Any) -> Iterator[Any]:
        assert StagedBooking.objects.filter(run=run).exists()
        rows.update(erase(connected, over))
        yield from suspects(run, *arguments)

    monkeypatch.setattr(comparison, "suspects", erased_before)
    run = reconcile_bookings(connected.channel_property, NOW)

    assert rows["channel_reconciliation_bookings"] == 1
    assert (run.compared, run.fixed, run.flagged) == (1, 0, 0)
    assert guest_of(over) == ("Grace", "Hopper", "grace@example.org")
    assert not Conflict.objects.exists()


@pytest.mark.parametrize("names_the_guest", [True, False])
def test_a_late_webhook(connected: ConnectedHotel, over: Pair, names_the_guest: bool) -> None:
    erase(connected, over)
    assert "email" not in ReservationLink.objects.get().bases["channel"]
    unnamed = {} if names_the_guest else dict.fromkeys(("firstName", "lastName", "email", "phone"), ...)

    assert apply(connected, over, price=205.0, **unnamed) is EventStatus.DONE

    assert guest_of(over) == ("Grace", "Hopper", "grace@example.org")
    assert Reservation.objects.get(id=over.reservation.id).price == 205
    assert reconcile_bookings(connected.channel_property, NOW).status == "done"
    assert guest_of(over) == ("Grace", "Hopper", "grace@example.org")


def test_a_guest_that_the_pms_blanks_afterwards_is_not_blanked_at_the_channel(
    connected: ConnectedHotel, over: Pair, beds24: RunningSimulator
) -> None:
    erase(connected, over)
    stay = Reservation.objects.select_related("guest").get(id=over.reservation.id)
    assert stay.guest is not None
    for name in ("first_name", "last_name", "email"):
        setattr(stay.guest, name, "")
    stay.guest.save()
    stay.price = stay.price + 5 if stay.price is not None else None
    stay.save()

    event = ChannelEvent.objects.get(direction="outbound")
    assert process(event.id) is EventStatus.DONE

    (call,) = beds24.posts("/bookings")
    assert call["body"][0]["price"] == 205
    assert not {"firstName", "lastName", "email"} & call["body"][0].keys()
