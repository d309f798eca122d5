"""Bookings whose states carry no time, or one that has not come yet, end as the channel has them now."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest
import requests
from django.test import Client
from django.utils import timezone

from channel_sync.events.processing import process
from channel_sync.models import ChannelEvent, Direction, EventStatus, ReservationLink
from channel_sync.moments import CLOCK_TOLERANCE
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import MaintenanceBlockFactory, RoomFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.nonconforming("answers", "webhooks", reason="bookings without times"),
]

ARRIVAL = date.today() + timedelta(days=30)
SHORT, LONG = str(ARRIVAL + timedelta(days=2)), str(ARRIVAL + timedelta(days=5))
NEVER = "2099-01-01T00:00:00Z"


class Sender:
    """Beds24, with a booking whose states it describes without a time, or with one of its own choice."""

    def __init__(self, hotel: ConnectedHotel, beds24: RunningSimulator, modified: str | None) -> None:
        self.hotel, self.modified = hotel, modified
        booking = beds24.controls.book(roomId=2001, arrival=str(ARRIVAL), departure=SHORT, price=100)
        self.stored = beds24.simulator.state.bookings[booking["id"]]
        self.change()

    def change(self, **changes: Any) -> dict[str, Any]:
        """Change the booking at the channel; the webhook of that state."""
        self.stored.update(changes, modifiedTime=self.modified, bookingTime=None, cancelTime=None)
        shown = {name: value for name, value in self.stored.items() if name != "infoItems"}
        return {"booking": shown, "infoItems": []}

    def deliver(self, body: dict[str, Any], **envelope: Any) -> str:
        """Post a webhook; whether it was accepted or a duplicate."""
        answer = Client().post(
            "/webhooks/beds24/",
            json.dumps(body | envelope),
            content_type="application/json",
            headers={"X-Channel-Sync-Secret": self.hotel.webhook_secret},
        )
        assert answer.status_code == 200
        return str(json.loads(answer.content)["status"])


@pytest.fixture(params=[None, NEVER], ids=["no time", "a time to come"])
def sender(connected: ConnectedHotel, beds24: RunningSimulator, request: pytest.FixtureRequest) -> Sender:
    plenty_of_credits(beds24.simulator.state, connected)
    return Sender(connected, beds24, request.param)


def work() -> None:
    for event in ChannelEvent.objects.filter(direction=Direction.INBOUND, status=EventStatus.RECEIVED).order_by(
        "received_at"
    ):
        process(event.id)


def departure() -> str:
    return str(Reservation.objects.get().check_out)


def test_a_state_that_a_booking_comes_back_to_is_applied(sender: Sender) -> None:
    for departs in (SHORT, LONG, SHORT, LONG, SHORT):
        assert sender.deliver(sender.change(departure=departs)) == "accepted"
        work()

        assert departure() == departs


def test_a_state_comes_back_before_the_one_between_was_worked(sender: Sender) -> None:
    sender.deliver(sender.change(departure=SHORT))
    work()

    assert sender.deliver(sender.change(departure=LONG)) == "accepted"
    assert sender.deliver(sender.change(departure=SHORT)) == "accepted"
    work()

    assert departure() == SHORT


def test_a_cancelled_booking_comes_back(sender: Sender) -> None:
    for status in ("new", "cancelled", "new"):
        assert sender.deliver(sender.change(status=status)) == "accepted"
        work()

    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED


@pytest.mark.parametrize("order", [(0, 2, 1), (1, 2, 0), (2, 0, 1), (2, 1, 0)])
def test_whatever_order_they_come_in_the_present_state_stands(sender: Sender, order: tuple[int, ...]) -> None:
    bodies = [json.loads(json.dumps(sender.change(departure=departs))) for departs in (SHORT, LONG, SHORT)]

    for number in order:
        sender.deliver(bodies[number])
        work()
    sender.deliver(bodies[order[0]])
    work()

    assert departure() == SHORT


def test_a_booking_comes_back_after_a_cancellation_that_cannot_be_read_and_is_cancelled_again(sender: Sender) -> None:
    readable = {"arrival": str(ARRIVAL), "departure": SHORT}
    for _ in range(2):
        assert sender.deliver(sender.change(status="new", **readable)) == "accepted"
        work()
        assert Reservation.objects.get().status == ReservationStatus.CONFIRMED

        assert sender.deliver(sender.change(status="cancelled", arrival="", departure="")) == "accepted"
        work()
        assert Reservation.objects.get().status == ReservationStatus.CANCELLED


def test_a_late_cancellation_does_not_undo_what_came_after_it(sender: Sender) -> None:
    cancelled = json.loads(json.dumps(sender.change(status="cancelled")))
    sender.deliver(sender.change(status="new"))
    work()
    sender.deliver(cancelled)
    work()

    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED


def test_a_redelivery_is_a_duplicate(sender: Sender) -> None:
    first = json.loads(json.dumps(sender.change(departure=SHORT)))
    sent = {"timeStamp": "2026-11-01T12:00:05Z", "retries": 0}
    sender.deliver(first, **sent)
    work()
    assert sender.deliver(first, **sent) == "duplicate"

    sender.deliver(sender.change(departure=LONG), timeStamp="2026-11-01T12:05:00Z", retries=0)
    work()

    assert sender.deliver(first, **sent | {"retries": 1}) == "duplicate"
    assert departure() == LONG


def test_copies_of_a_state_that_came_back_are_one_event(sender: Sender) -> None:
    for departs in (SHORT, LONG):
        sender.deliver(sender.change(departure=departs))
        work()
    body = sender.change(departure=SHORT)

    assert [sender.deliver(body) for _ in range(3)] == ["accepted", "duplicate", "duplicate"]


def test_a_time_to_come_is_never_kept(sender: Sender) -> None:
    sender.deliver(sender.change(departure=LONG))
    work()

    assert ReservationLink.objects.get().applied_modified_at is None
    assert ChannelEvent.objects.get(direction=Direction.INBOUND).occurred_at is None


def test_a_state_with_a_true_time_follows(sender: Sender) -> None:
    sender.deliver(sender.change(departure=SHORT))
    work()
    sender.modified = "2026-11-01T10:00:00Z"
    sender.deliver(sender.change(departure=LONG))
    work()

    assert departure() == LONG
    assert ReservationLink.objects.get().applied_modified_at is not None


def test_a_pull_applies_a_state_that_a_booking_comes_back_to(sender: Sender, beds24: RunningSimulator) -> None:
    """A listing has to find it by its time, which is then one that has not come yet."""
    sender.modified = NEVER
    room = RoomFactory(room_type=sender.hotel.single)
    for number, departs in enumerate((SHORT, LONG, SHORT)):
        sender.change(departure=departs)
        night = ARRIVAL + timedelta(days=number)
        MaintenanceBlockFactory(room=room, start=night, end=night + timedelta(days=1))
        work_everything()

        assert departure() == departs


def test_a_comparison_takes_the_present_state_over(sender: Sender) -> None:
    sender.deliver(sender.change(status="new"))
    work()
    sender.change(status="cancelled")

    run = reconcile_bookings(sender.hotel.channel_property, RunOptions(wait=do_not_wait))

    assert run.fixed == 1
    assert Reservation.objects.get().status == ReservationStatus.CANCELLED


def test_a_time_that_was_kept_before_it_came_does_not_make_all_others_stale(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    sender = Sender(connected, beds24, "2026-11-01T10:00:00Z")
    sender.deliver(sender.change(departure=SHORT))
    work()
    ReservationLink.objects.update(applied_modified_at=NEVER)

    sender.modified = "2026-11-01T11:00:00Z"
    sender.deliver(sender.change(departure=LONG))
    work()

    assert departure() == LONG


def test_a_deleted_booking_stays_away_without_a_time(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    sender = Sender(connected, beds24, None)
    late = json.loads(json.dumps(sender.change(departure=LONG)))
    sender.deliver(sender.change(departure=SHORT))
    work()
    data = {"id": sender.stored["id"], "propertyId": 1001}
    requests.delete(f"{beds24.address}/simulator/bookings/{data['id']}", timeout=5).raise_for_status()
    sender.deliver({"event_id": "e1", "event": "booking.deleted", "data": data})
    work()

    sender.deliver(late)
    work()

    assert Reservation.objects.get().status == ReservationStatus.CANCELLED


def test_the_channel_may_be_ahead_by_a_little(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    """Clocks differ by seconds; such a time is as good as any, and the channel is not asked."""
    ahead = (timezone.now() + CLOCK_TOLERANCE / 2).strftime("%Y-%m-%dT%H:%M:%SZ")
    sender = Sender(connected, beds24, "2026-11-01T10:00:00Z")
    sender.deliver(sender.change(departure=SHORT))
    work()
    beds24.controls.forget_calls()
    sender.modified = ahead
    sender.deliver(sender.change(departure=LONG))
    work()

    assert departure() == LONG
    assert beds24.controls.calls() == []


@pytest.mark.parametrize("change", [{"departure": LONG}, {"status": "cancelled"}])
def test_what_follows_a_state_whose_time_is_a_little_ahead_is_applied(
    connected: ConnectedHotel, beds24: RunningSimulator, change: dict[str, Any]
) -> None:
    """A clock that was four minutes ahead made all later states stale, and sold nights stayed on sale."""
    plenty_of_credits(beds24.simulator.state, connected)
    sender = Sender(connected, beds24, (timezone.now() + timedelta(minutes=4)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    sender.deliver(sender.change(departure=SHORT))
    work()

    sender.modified = (timezone.now() + timedelta(seconds=10)).strftime("%Y-%m-%dT%H:%M:%SZ")
    sender.deliver(sender.change(**change))
    work()

    assert departure() == change.get("departure", SHORT)
    is_cancelled = Reservation.objects.get().status == ReservationStatus.CANCELLED
    assert is_cancelled == ("status" in change)


def test_a_state_of_the_second_of_a_cancellation_is_asked_for(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    plenty_of_credits(beds24.simulator.state, connected)
    sender = Sender(connected, beds24, timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ"))
    for status in ("new", "cancelled", "confirmed"):
        sender.deliver(sender.change(status=status))
        work()

    assert Reservation.objects.get().status == ReservationStatus.CONFIRMED
