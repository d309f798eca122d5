"""No POST of the calendar is larger than Beds24 takes, and nothing is lost where it is split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

import pytest

from channel_sync.channels.beds24.calendar import Room, availability_rooms, batches, rate_rooms
from channel_sync.channels.beds24.transport import Beds24Options, Transport
from channel_sync.channels.canonical import AvailabilityRange, RateRange, RateTerms
from channel_sync.channels.http_pool import encoded
from tests.conformance.account import connected_account
from tests.conftest import RunningSimulator
from tests.http_counter import counting

CALENDAR = "/inventory/rooms/calendar"
MEGABYTE = 1_000_000
MOST_ITEMS = 10_000
NIGHTS = [date(2027, 1, 1) + timedelta(days=day) for day in range(365)]


def rates(rooms: int, plans: int) -> Iterator[RateRange]:
    """Every night of every plan differs from its neighbours, and is opened anew."""
    for room in range(rooms):
        for plan in range(1, plans + 1):
            for day, night in enumerate(NIGHTS):
                terms = RateTerms(price=Decimal(f"{1000 + day}.{plan:02}"), min_stay=1 + day % 2, max_stay=300)
                yield RateRange(
                    external_rate_id=f"{123_456_789_000 + room}:{plan}",
                    first_night=night,
                    last_night=night,
                    terms=terms,
                    resend=True,
                    units=9,
                )


def days(rooms: list[Room]) -> Counter[tuple[object, ...]]:
    return Counter((room["roomId"], *map(str, day.items())) for room in rooms for day in room["calendar"])


@pytest.mark.parametrize(("rooms", "plans"), [(20, 3), (20, 16), (1, 16)])
def test_a_year_of_a_hotel(rooms: int, plans: int) -> None:
    wanted = rate_rooms(list(rates(rooms, plans)))
    posts = list(batches(wanted))
    sizes = [len(encoded(post)) for post in posts]
    assert max(sizes) <= MEGABYTE
    assert days([room for post in posts for room in post]) == days(wanted)
    # Filled as far as they can be: a call costs credits.
    assert len(posts) <= len(encoded(wanted)) // (MEGABYTE - 200_000) + 1


def test_many_rooms_of_one_day() -> None:
    ranges = [
        AvailabilityRange(external_room_id=str(room), first_night=NIGHTS[0], last_night=NIGHTS[0], units=1)
        for room in range(1, 20_002)
    ]
    posts = list(batches(availability_rooms(ranges)))
    assert max(map(len, posts)) <= MOST_ITEMS
    assert max(len(encoded(post)) for post in posts) <= MEGABYTE
    assert len({room["roomId"] for post in posts for room in post}) == 20_001


def test_a_call_sends_what_was_measured() -> None:
    (post,) = batches(rate_rooms(list(rates(1, 3))))
    with counting() as server:
        Transport(Beds24Options(base_url=server.url)).call("POST", CALENDAR, headers={}, json=post)
    _, _, headers = server.requests[-1]
    assert int(headers["Content-Length"]) == len(encoded(post))
    assert headers["Content-Type"] == "application/json"


def test_each_post_of_a_push_has_a_key_of_its_own(beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("channel_sync.channels.beds24.calendar.MOST_BYTES", 200)
    channel = connected_account(beds24).channel
    ranges = [
        AvailabilityRange(external_room_id="2001", first_night=night, last_night=night, units=day % 3)
        for day, night in enumerate(NIGHTS[:9])
    ]
    channel.push_availability(ranges, idempotency_key="a key")
    sent = [one for one in beds24.simulator.exchanges if one.endpoint == f"POST {CALENDAR}"]
    keys = [one.headers["X-Idempotency-Key"] for one in sent]
    assert len(keys) > 1
    assert keys[0] == "a key"
    assert len(set(keys)) == len(keys)
