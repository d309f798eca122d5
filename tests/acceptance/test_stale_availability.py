"""OTAs sell last rooms while the PMS changes the same nights, and the webhooks come a minute late.

MARKET_ROUNDS makes it longer.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import OPEN_STATUSES, ChannelEvent, Direction, EventStatus, RateLimitBucket
from pms_project.pms.models import MaintenanceBlock, Reservation, ReservationStatus, Room
from tests.end_to_end.installation import Installation, installation, models_of
from tests.factories import MaintenanceBlockFactory

pytestmark = [pytest.mark.processes, pytest.mark.timeout(600)]

ROUNDS = int(os.environ.get("MARKET_ROUNDS", "50"))
# Without the pull it takes luck: one round in some is enough.
ROUNDS_WITHOUT = 200
WEBHOOK_DELAY_SECONDS = 60
ROOM_TYPE, UNITS = "Single Room", 5
FIRST = date.today() + timedelta(days=30)
NIGHTS = [FIRST + timedelta(days=offset) for offset in range(3)]
PLENTY = 1_000_000


class Market:
    """One room type that is nearly sold out, and everybody who wants it."""

    def __init__(self, site: Installation) -> None:
        self.site = site
        self.random = random.Random(7)
        self.room_type, self.room = site.room_types[ROOM_TYPE], site.rooms[ROOM_TYPE]
        self.blocked = Room.objects.filter(room_type=self.room_type).order_by("number")[0]

    def one_round(self) -> None:
        """A sale or a cancellation at an OTA, then a change in the PMS of that night, which cannot know of it yet."""
        night = self.random.choice(NIGHTS)
        sold = [found for found in self.taking(night) if found["status"] == "new"]
        if self.at_beds24(night) > 0:
            self.site.beds24.book(roomId=int(self.room), arrival=str(night), departure=str(night + timedelta(days=1)))
        elif sold:
            self.site.beds24.change(self.random.choice(sold)["id"], status="cancelled")
        # Every round ends with a push of the night: what Beds24 counts by itself until then is not what is tested.
        if self.random.random() < 0.5 or not self.walk_in(night):
            self.toggle_maintenance(night)
        self.site.eventually(self.nothing_waits, "everything that waits to go out is out")

    def toggle_maintenance(self, night: date) -> None:
        block = MaintenanceBlock.objects.filter(start=night).first()
        if block is not None:
            block.delete()
        else:
            MaintenanceBlockFactory(room=self.blocked, start=night, end=night + timedelta(days=1))

    def walk_in(self, night: date) -> bool:
        """A guest of the front desk comes or goes; false when there is no room, as far as both sides know."""
        staying = Reservation.objects.filter(check_in=night, source="PMS", status=ReservationStatus.CONFIRMED).first()
        if staying is not None:
            self.site.pms.cancel(str(staying.id))
            return True
        end = night + timedelta(days=1)
        if min(self.at_beds24(night), self.site.pms.availability(self.room_type, night, end)[str(night)]) < 1:
            return False
        self.site.pms.reserve(room_type=self.room_type, check_in=str(night), check_out=str(end), guest={})
        return True

    def nothing_waits(self) -> bool:
        return not ChannelEvent.objects.filter(direction=Direction.OUTBOUND, status__in=OPEN_STATUSES).exists()

    def at_beds24(self, night: date) -> int:
        return self.site.beds24.availability(self.room, night, night + timedelta(days=1))[str(night)]

    def taking(self, night: date) -> list[dict[str, object]]:
        return [
            found
            for found in self.site.beds24.bookings()
            if found["arrival"] == str(night) and found["status"] != "cancelled"
        ]

    def truly_free(self, night: date) -> int:
        """Every taking booking is at Beds24 by now, whoever made it."""
        return UNITS - len(self.taking(night)) - MaintenanceBlock.objects.filter(start=night).count()

    def oversold(self) -> list[str]:
        return [
            f"{night}: {self.at_beds24(night)} can be sold, {self.truly_free(night)} are free"
            for night in NIGHTS
            if self.at_beds24(night) > max(self.truly_free(night), 0)
        ]


Open = Callable[[bool], AbstractContextManager[Market]]


@pytest.fixture
def open_market(broker_url: str, tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Open:
    @contextmanager
    def opened(pull_before_push: bool) -> Iterator[Market]:
        running = installation(
            os.environ["DATABASE_URL"],
            broker_url,
            tmp_path,
            credit_limit=PLENTY,
            pull_before_push=pull_before_push,
            pace_interval=0,
        )
        with running as site, django_db_blocker.unblock(), models_of(site):
            site.beds24.behave(delay_seconds=WEBHOOK_DELAY_SECONDS)
            RateLimitBucket.objects.update_or_create(
                channel_property=site.channel_property,
                defaults={"tokens": PLENTY, "capacity": PLENTY, "refill_rate": PLENTY},
            )
            yield Market(site)

    return opened


def test_a_push_never_offers_a_room_that_is_sold(open_market: Open) -> None:
    with open_market(True) as market:
        for number in range(ROUNDS):
            market.one_round()
            assert market.oversold() == [], f"round {number}"
        late = ChannelEvent.objects.filter(direction=Direction.INBOUND, source="beds24")
        assert late.filter(status=EventStatus.DONE).exists()
        assert not ChannelEvent.objects.filter(status=EventStatus.FAILED).exists()


@pytest.mark.control
def test_without_the_pull_it_would(open_market: Open) -> None:
    with open_market(False) as market:
        for _ in range(ROUNDS_WITHOUT):
            market.one_round()
            if market.oversold():
                return
    pytest.fail(f"no room was offered twice in {ROUNDS_WITHOUT} rounds: this test cannot tell")
