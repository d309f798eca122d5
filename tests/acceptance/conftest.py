"""An installation for each part of the certification checklist: three room types, two rate plans each, many credits."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from channel_sync.models import ChannelEvent, ChannelMapping, EventStatus, MappingType
from pms_project.pms.models import RatePlan
from tests.end_to_end.installation import Installation, installation, models_of

CALENDAR = "/inventory/rooms/calendar"
BOOKINGS = "/bookings"


@dataclass
class Hotel:
    """The PMS side of the property, and the calls that reach Beds24."""

    site: Installation
    plans: dict[str, RatePlan]

    def room_type(self, name: str) -> str:
        return self.site.room_types[name]

    def room_id(self, name: str) -> int:
        return int(self.site.rooms[name])

    def set_rate(self, plan: str, start: date, nights: int, price: str, **terms: Any) -> dict[str, Any]:
        """One change of rates, for `site.pms.set_rates`."""
        return {
            "rate_plan": str(self.plans[plan].id),
            "start": str(start),
            "end": str(start + timedelta(days=nights)),
            "price": price,
            **terms,
        }

    def reserve(self, room_type: str, check_in: date, nights: int, **wanted: Any) -> dict[str, Any]:
        return self.site.pms.reserve(
            room_type=self.room_type(room_type),
            check_in=str(check_in),
            check_out=str(check_in + timedelta(days=nights)),
            guest={"last_name": "Hopper"},
            **wanted,
        )

    def posts(self, path: str) -> list[list[dict[str, Any]]]:
        """The bodies of the POST calls since the test began, once everything is settled."""
        self.site.settle()
        return [call["body"] for call in self.site.beds24.calls() if (call["method"], call["path"]) == ("POST", path)]

    def one_calendar_post(self) -> dict[int, list[dict[str, Any]]]:
        """The days by room of the one POST there was."""
        (body,) = self.posts(CALENDAR)
        return {room["roomId"]: room["calendar"] for room in body}

    def booked(self, check_in: date) -> list[dict[str, Any]]:
        return [booking for booking in self.site.beds24.bookings() if booking["arrival"] == str(check_in)]


@pytest.fixture(scope="module")
def certified(
    broker_url: str, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[Hotel]:
    directory = tmp_path_factory.mktemp("certification")
    with installation(os.environ["DATABASE_URL"], broker_url, directory, credit_limit=100_000) as site:
        with django_db_blocker.unblock(), models_of(site):
            plans = {}
            for room_type, room_type_id in site.room_types.items():
                standard = RatePlan.objects.get(room_type=room_type_id)
                saver = RatePlan.objects.create(room_type_id=room_type_id, name="Saver")
                for slot, (name, plan) in enumerate((("Standard", standard), ("Saver", saver)), start=1):
                    plans[f"{room_type} {name}"] = plan
                    # The only plan of a room type was mapped as suggested.
                    ChannelMapping.objects.get_or_create(
                        channel_property=site.channel_property,
                        mapping_type=MappingType.RATE,
                        internal_id=plan.id,
                        defaults={"external_id": f"{site.rooms[room_type]}:{slot}"},
                    )
        yield Hotel(site, plans)


@pytest.fixture
def hotel(certified: Hotel, django_db_blocker: DjangoDbBlocker) -> Iterator[Hotel]:
    """The hotel at rest, with no call counted yet."""
    with django_db_blocker.unblock(), models_of(certified.site):
        certified.site.settle()
        certified.site.beds24.forget_calls()
        yield certified
        assert (
            not ChannelEvent.objects.filter(status=EventStatus.FAILED)
            .exclude(last_error__startswith="UnmappedRoom")
            .exists()
        )
