"""A channel that answered the probe and failed the real call burned the attempts of every event: bookings were lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from channel_sync.connections.account import calling
from channel_sync.errors import NotYet
from channel_sync.events.processing import process
from channel_sync.events.store import hand_over
from channel_sync.models import ChannelAccount, ChannelEvent, EventStatus, EventType, RateLimitBucket
from channel_sync.operations.status import property_status
from pms_project.pms.models import Reservation, ReservationStatus
from pms_project.pms.services.rates import RateChange, set_rates
from pms_project.pms.services.reservations import NewReservation, cancel_reservation, create_reservation
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import RateMappingFactory, RatePlanFactory, ReservationFactory

pytestmark = pytest.mark.django_db

START = date.today() + timedelta(days=30)
LONG_AGO = "2020-01-01T00:00Z"


def time_passes() -> list[ChannelEvent]:
    """Every waiting event is due, the next probe too; each is worked once, as the worker does."""
    ChannelEvent.objects.filter(status=EventStatus.RETRYING).update(next_attempt_at=LONG_AGO)
    hand_over()
    waiting = list(
        ChannelEvent.objects.filter(
            status__in=[EventStatus.RECEIVED, EventStatus.RETRYING], direction="outbound"
        ).order_by("received_at")
    )
    for event in waiting:
        ChannelAccount.objects.update(probe_at=LONG_AGO)
        RateLimitBucket.objects.update(tokens=100, updated_at=None)
        process(event.id)
    return list(ChannelEvent.objects.filter(id__in=[event.id for event in waiting]))


def reserve(hotel: ConnectedHotel, number: int) -> list[Reservation]:
    return [
        create_reservation(NewReservation(hotel.double.id, START, START + timedelta(days=2), price=Decimal(100)))
        for _ in range(number)
    ]


@pytest.fixture(autouse=True)
def many_credits(beds24: RunningSimulator) -> None:
    """More than the calls of a test cost."""
    beds24.simulator.state.accounts[901].credit_limit = 10_000


@pytest.fixture
def price(connected: ConnectedHotel) -> Callable[[int], None]:
    """Set a price, which goes out as a rate."""
    plan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id="2001:1")

    def set_price(amount: int) -> None:
        set_rates([RateChange(plan.id, START, START + timedelta(days=1), price=Decimal(amount))])

    return set_price


def failures() -> list[int]:
    """How often each event was tried in vain; the attempt that succeeds is counted too."""
    events = ChannelEvent.objects.filter(direction="outbound")
    return [(event.attempts or 0) - (event.status == EventStatus.DONE) for event in events]


@pytest.mark.parametrize("fault", [{"method": ""}, {"method": "POST"}])
def test_what_fails_while_the_probe_is_answered_burns_no_attempts(
    connected: ConnectedHotel,
    beds24: RunningSimulator,
    price: Callable[[int], None],
    fault: dict[str, str],
) -> None:
    price(99)  # A first price would wait for the bookings: its units go along.
    time_passes()
    reserve(connected, 4)
    beds24.controls.fail_next(kind="status", path="/bookings", times=-1, **fault)

    for number in range(8):
        price(100 + number)  # It is sent all the while: the calendar answers.
        if number == 3:
            reserve(connected, 2)
        time_passes()

    assert max(failures()) == 1
    assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()
    assert set(Reservation.objects.values_list("status", flat=True)) == {ReservationStatus.PENDING_SYNC}
    assert not property_status(connected.channel_property).is_connected
    rates = ChannelEvent.objects.filter(event_type=EventType.RATE_UPDATE)
    assert set(rates.values_list("status", flat=True)) <= {EventStatus.DONE, EventStatus.RETRYING}
    assert rates.filter(status=EventStatus.DONE).count() > 1

    beds24.controls.clear_faults()
    for _ in range(3):
        time_passes()

    assert set(ChannelEvent.objects.filter(direction="outbound").values_list("status", flat=True)) <= {
        EventStatus.DONE,
        EventStatus.IGNORED,
    }
    assert len(beds24.bookings) == 6
    assert set(Reservation.objects.values_list("status", flat=True)) == {ReservationStatus.CONFIRMED}
    account = ChannelAccount.objects.get()
    assert (account.unavailable_since, account.failed_probes, account.failing_calls) == (None, 0, {})
    assert property_status(connected.channel_property).is_connected


def test_the_wait_grows_while_the_call_goes_on_failing(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    beds24.controls.fail_next(kind="status", path="/bookings", method="POST", times=-1)
    waits = []
    for _ in range(3):
        (event,) = [one for one in time_passes() if one.event_type == EventType.BOOKING_CREATE]
        assert event.next_attempt_at is not None
        waits.append(event.next_attempt_at - timezone.now())

    assert timedelta(seconds=8) < waits[1] < waits[2]
    assert waits[2] > timedelta(seconds=25)


def test_two_calls_that_fail_in_turn_burn_no_attempts(
    connected: ConnectedHotel, beds24: RunningSimulator, price: Callable[[int], None]
) -> None:
    reserve(connected, 1)
    price(100)
    for path in ("/bookings", "/inventory/rooms/calendar"):
        beds24.controls.fail_next(kind="status", path=path, method="POST", times=-1)

    for _ in range(6):
        time_passes()
    beds24.controls.clear_faults()
    beds24.controls.fail_next(kind="status", path="/inventory/rooms/calendar", method="POST", times=-1)
    for _ in range(6):
        time_passes()

    assert max(failures()) == 1
    assert len(beds24.bookings) == 1


def test_an_answered_probe_alone_does_not_close_the_breaker(connected: ConnectedHotel) -> None:
    ChannelAccount.objects.update(unavailable_since=timezone.now(), probe_at=timezone.now())

    with calling(connected.channel_property):
        pass
    assert ChannelAccount.objects.get().unavailable_since is not None

    with calling(connected.channel_property) as channel:
        channel.properties()
    assert ChannelAccount.objects.get().unavailable_since is None


def test_a_booking_goes_alone_while_the_channel_is_tried_again(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    for _ in range(3):
        ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    ChannelAccount.objects.update(unavailable_since=timezone.now(), probe_at=timezone.now())
    beds24.controls.fail_next(kind="status", path="/bookings", method="POST")
    created = ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE).order_by("received_at")

    process(created[0].id)

    assert [(event.status, event.attempts) for event in created] == [
        (EventStatus.RETRYING, 0),
        (EventStatus.RECEIVED, 0),
        (EventStatus.RECEIVED, 0),
    ]


def test_a_failed_call_that_nothing_makes_again_leaves_no_breaker_open(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    """Its reservation was cancelled: no call like the lost one shows any more that all is well."""
    (reservation,) = reserve(connected, 1)
    beds24.controls.fail_next(kind="status", path="/bookings", method="POST")
    process(ChannelEvent.objects.get(event_type=EventType.BOOKING_CREATE).id)
    cancel_reservation(reservation.id)

    for _ in range(3):
        time_passes()

    assert beds24.posts("/bookings") == []
    assert ChannelEvent.objects.filter(event_type=EventType.BOOKING_CREATE, status=EventStatus.IGNORED).exists()
    assert ChannelAccount.objects.get().unavailable_since is None


def test_a_call_that_nobody_makes_again_is_forgotten(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    reserve(connected, 1)
    beds24.controls.fail_next(kind="status", path="/properties")
    with pytest.raises(Exception, match="500"), calling(connected.channel_property, is_urgent=True) as channel:
        channel.properties()
    ChannelAccount.objects.update(probe_at=timezone.now())

    def read() -> None:
        with calling(connected.channel_property, is_urgent=True) as channel:
            channel.booking("1")

    read()
    assert ChannelAccount.objects.get().unavailable_since is not None
    long_ago = {"GET /properties": (timezone.now() - timedelta(minutes=16)).isoformat()}
    ChannelAccount.objects.update(failing_calls=long_ago)
    read()

    assert ChannelAccount.objects.get().unavailable_since is None


def test_the_first_failure_is_told_as_it_is_and_the_next_waits(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    beds24.controls.fail_next(kind="status", path="/bookings", times=-1)
    with pytest.raises(Exception, match="500") as first, calling(connected.channel_property) as channel:
        channel.booking("1")
    ChannelAccount.objects.update(probe_at=timezone.now())

    with pytest.raises(NotYet, match="500"), calling(connected.channel_property) as channel:
        channel.booking("1")

    assert not isinstance(first.value, NotYet)
