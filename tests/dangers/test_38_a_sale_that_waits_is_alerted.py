"""A sale of the desk waited for its channel, and nobody knew."""

from __future__ import annotations

import pytest

from channel_sync.errors import WaitsFor
from channel_sync.inventory.reaper import expire_holds
from channel_sync.models import (
    Alert,
    AlertKind,
    ChannelEvent,
    EventStatus,
    HoldStatus,
)
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.alerts import follow
from channel_sync.operations.event_actions import ignore_event, retry_event
from channel_sync.outbound import booking_batch
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.desk_sales import (
    ALL_ROOMS,
    HOUR,
    LAST,
    QUARTER,
    alerts,
    create_event,
    free,
    passes,
    reserve,
    state,
    try_once,
)
from tests.dangers.working import NIGHT, work_everything
from tests.drift import plenty_of_credits
from tests.integration.test_alerts import health

pytestmark = pytest.mark.django_db


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


@pytest.fixture
def silent(hotel: ConnectedHotel, beds24: RunningSimulator) -> Reservation:
    """All double rooms sold at the desk to one group, and a channel that does not answer."""
    beds24.controls.fail_next(kind="status", status=503, times=100)
    reservation = reserve(hotel, units=ALL_ROOMS)
    try_once()
    return reservation


def answers_again(beds24: RunningSimulator) -> None:
    beds24.controls.clear_faults()


@pytest.mark.parametrize("waits_for", list(WaitsFor))
@pytest.mark.parametrize("status", [EventStatus.RECEIVED, EventStatus.RETRYING, EventStatus.PROCESSING])
def test_a_sale_stands_whatever_its_event_waits_for(
    hotel: ConnectedHotel, status: EventStatus, waits_for: WaitsFor
) -> None:
    """A broker that is down, credits that are used up, a login that is refused, a worker that hangs."""
    reservation = reserve(hotel)
    ChannelEvent.objects.update(status=status, waits_for=waits_for)
    passes(QUARTER)
    (found,) = alerts()

    assert expire_holds() == 0

    assert state(reservation) == (ReservationStatus.PENDING_SYNC, HoldStatus.ACTIVE)
    assert str(NIGHT) in found.message


def test_a_sale_whose_event_gave_up_stands_until_a_person_settles_it(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The channel may have the booking: a room that is given back could be sold twice."""
    reservation = reserve(hotel, units=ALL_ROOMS)
    with monkeypatch.context() as faulty:
        faulty.setattr(booking_batch, "push_of", _fault)
        for _ in range(4):
            try_once()
    event = create_event(reservation)
    assert event.status == EventStatus.FAILED
    passes(QUARTER)

    assert expire_holds() == 0
    assert (state(reservation)[0], free(hotel)) == (ReservationStatus.PENDING_SYNC, 0)
    (found,) = alerts()
    assert "ValueError" in found.message
    assert "retry" in found.message.lower()

    retry_event(event, by="ada")
    work_everything()
    assert state(reservation) == (ReservationStatus.CONFIRMED, HoldStatus.CONFIRMED)
    assert (len(beds24.bookings), alerts()) == (1, [])


def test_a_person_who_ignores_an_event_that_gave_up_gives_the_room_back(
    hotel: ConnectedHotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    reservation = reserve(hotel)
    monkeypatch.setattr(booking_batch, "push_of", _fault)
    for _ in range(4):
        try_once()
    passes(QUARTER)
    ignore_event(create_event(reservation), by="ada", reason="entered twice")

    assert expire_holds() == 1
    assert (state(reservation)[0], free(hotel)) == (ReservationStatus.FAILED, ALL_ROOMS)


def test_an_alert_says_which_sale_waits_and_resolves_itself(
    silent: Reservation, hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    assert alerts() == [], "a channel may take its time"
    now = passes(QUARTER)
    expire_holds()

    follow(findings(health(), now=now), now=now)
    (alert,) = Alert.objects.filter(kind=AlertKind.BOOKING_WAITS)
    assert alert.channel_property == hotel.channel_property
    for part in (str(hotel.channel_property), str(NIGHT), str(LAST), "the channel to answer", "kept"):
        assert part in alert.message
    assert alert.fired_to == ["log"]

    answers_again(beds24)
    work_everything()
    follow(findings(health(), now=now), now=now + QUARTER)
    alert.refresh_from_db()
    assert alert.resolved_at is not None
    assert alert.resolved_to == ["log"]


def test_one_alert_names_all_sales_of_a_property_and_no_guest(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.controls.fail_next(kind="status", status=503, times=100)
    for _ in range(7):
        reserve(hotel, guest={"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"})
    try_once()
    passes(QUARTER)

    (found,) = alerts()

    assert "7 bookings" in found.message
    assert "2 more" in found.message
    assert "Lovelace" not in found.message
    assert "ada@" not in found.message


def test_a_sale_that_has_its_own_alert_is_not_alerted_as_an_event_that_is_held_up(silent: Reservation) -> None:
    now = passes(HOUR)
    ChannelEvent.objects.update(received_at=now - HOUR, reopened_at=None)
    ChannelEvent.objects.exclude(entity_type="booking").delete()

    kinds = [one.kind for one in findings(health(), now=now)]

    assert kinds.count(AlertKind.BOOKING_WAITS) == 1
    assert AlertKind.EVENT_WAITING not in kinds


def _fault(*_: object) -> None:
    raise ValueError("this host has a fault")
