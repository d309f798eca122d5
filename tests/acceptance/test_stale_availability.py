"""OTAs sell last rooms while the PMS changes the same nights, and no webhook has come yet (design 6)."""

from __future__ import annotations

import random
from datetime import date, timedelta

import pytest
from django.conf import LazySettings

from channel_sync.events.processing import process
from channel_sync.events.relay import take_due
from channel_sync.models import WAITING_STATUSES, ChannelAccount, ChannelEvent, Direction, RateLimitBucket
from channel_sync.outbound.tasks import push
from pms_project.pms.models import MaintenanceBlock, Reservation, ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import MaintenanceBlockFactory, ReservationFactory, RoomFactory

pytestmark = [pytest.mark.django_db, pytest.mark.timeout(180)]

ROUNDS = 200
FIRST = date.today() + timedelta(days=30)
NIGHTS = [FIRST + timedelta(days=offset) for offset in range(3)]
PLENTY = 1_000_000


class Market:
    """One room type that is nearly sold out, and everybody who wants it."""

    def __init__(self, connected: ConnectedHotel, beds24: RunningSimulator) -> None:
        self.connected, self.beds24 = connected, beds24
        self.random = random.Random(7)
        self.rooms = RoomFactory.create_batch(5, room_type=connected.single)
        beds24.simulator.state.accounts[901].credit_limit = PLENTY
        ChannelAccount.objects.update(credits_remaining=None, credits_reset_at=None)
        RateLimitBucket.objects.update_or_create(
            channel_property=connected.channel_property,
            defaults={"tokens": PLENTY, "capacity": PLENTY, "refill_rate": PLENTY},
        )

    def one_round(self) -> None:
        """A sale or a cancellation at an OTA that the PMS does not hear of, then a change in the PMS of that night."""
        night = self.random.choice(NIGHTS)
        sold = [b for b in self.beds24.bookings if b["arrival"] == str(night) and b["status"] == "new"]
        if self.at_beds24(night) > 0:
            self.beds24.controls.book(roomId=2002, arrival=str(night), departure=str(night + timedelta(days=1)))
        elif sold:
            self.beds24.controls.change(self.random.choice(sold)["id"], status="cancelled")
        self.random.choice([self.toggle_maintenance, self.walk_in])(night)
        self.work()

    def toggle_maintenance(self, night: date) -> None:
        block = MaintenanceBlock.objects.filter(start=night).first()
        if block is not None:
            block.delete()
        else:
            MaintenanceBlockFactory(room=self.rooms[0], start=night, end=night + timedelta(days=1))

    def walk_in(self, night: date) -> None:
        staying = Reservation.objects.filter(check_in=night, source="PMS", status=ReservationStatus.CONFIRMED).first()
        if staying is not None:
            staying.status = ReservationStatus.CANCELLED
            staying.save()
        elif self.at_beds24(night) > 0:
            ReservationFactory(
                room_type=self.connected.single,
                check_in=night,
                check_out=night + timedelta(days=1),
                status=ReservationStatus.PENDING_SYNC,
            )

    def work(self) -> None:
        """Everything that waits to go out, at once."""
        while ChannelEvent.objects.filter(direction=Direction.OUTBOUND, status__in=WAITING_STATUSES).exists():
            ChannelEvent.objects.filter(status__in=WAITING_STATUSES).update(next_attempt_at="2020-01-01T00:00Z")
            for message in take_due():
                process(message.event_id, push)

    def at_beds24(self, night: date) -> int:
        return self.beds24.controls.availability("2002", night, night + timedelta(days=1))[str(night)]

    def truly_free(self, night: date) -> int:
        """Every taking booking is at Beds24 by now, whoever made it."""
        taken = [b for b in self.beds24.bookings if b["arrival"] == str(night) and b["status"] != "cancelled"]
        return 5 - len(taken) - MaintenanceBlock.objects.filter(start=night).count()

    def oversold(self) -> list[str]:
        return [
            f"{night}: {self.at_beds24(night)} can be sold, {self.truly_free(night)} are free"
            for night in NIGHTS
            if self.at_beds24(night) > max(self.truly_free(night), 0)
        ]


@pytest.fixture
def market(connected: ConnectedHotel, beds24: RunningSimulator) -> Market:
    return Market(connected, beds24)


def test_a_push_never_offers_a_room_that_is_sold(market: Market) -> None:
    for number in range(ROUNDS):
        market.one_round()
        assert market.oversold() == [], f"round {number}"


def test_without_the_pull_it_would(market: Market, settings: LazySettings) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pull_before_push": False}

    for _ in range(ROUNDS):
        market.one_round()
        if market.oversold():
            return
    pytest.fail("no room was offered twice in 200 rounds: this test cannot tell")
