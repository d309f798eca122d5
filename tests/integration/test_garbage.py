"""Random garbage in the fields of bookings, by webhook, pull and listing: every case is stored, cleaned or named."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import count
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from channel_sync.channels.beds24.simulator.app import Simulator
from channel_sync.events.processing import process
from channel_sync.models import ChannelConnection, ChannelEvent, Direction, EventStatus, ReservationLink, RunStatus
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.first_sync import first_sync
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import Reservation, RoomType
from tests.beds24_webhooks import booking, webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import MaintenanceBlockFactory, RoomFactory
from tests.fuzzing import examples

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.nonconforming("answers", "webhooks", reason="garbage is listed"),
]

NOW = RunOptions(wait=do_not_wait)
WEBHOOKS, PULLED, COMPARED = 800, 750, 500
IN_ONE_LIST = 50
FIRST_NIGHT = date.today() + timedelta(days=40)
NAMED = re.compile(r"Field '[\w.]+'|Room '\d+' of channel property")
MISSING = object()
# What a property, its secret and its sender are known by stays right: garbage there is another sender's.
FIELDS = sorted({*booking(), "mobile", "country2", "notes", "comments", "currency", "custom1"} - {"propertyId"})

odd_texts = st.sampled_from(
    [
        "",
        " ",
        "0",
        "-1",
        "NaN",
        "1e400",
        "Infinity",
        "0000-00-00",
        "0000-00-00 00:00:00",
        "9999-12-31",
        "0001-01-01",
        "2099-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "2027-02-30",
        "9" * 300,
        "a\x00b",
        "\ud800",
        "cancelled",
        "null",
        "\u202e",
        "x" * 5000,
        "12:00",
        "2027-13-01",
        "1/2/2027",
        "new",
        "black",
        "inquiry",
        "\U0001f468\u200d",
    ]
)
odd_numbers = st.sampled_from([0, -1, 1, 2**31, 2**63, 10**10, 10**18, 10**299, 10**400, -(10**12), 0.5, 1e308, -0.0])
scalars = (
    odd_texts
    | odd_numbers
    | st.none()
    | st.booleans()
    | st.text(st.characters(), max_size=20)
    | st.integers()
    | st.floats()
)
garbage = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=3), scalars, max_size=2)
garbled = st.dictionaries(st.sampled_from(FIELDS), garbage | st.just(MISSING), min_size=1, max_size=4)


def cases(number: int) -> list[dict[str, Any]]:
    """Changes of so many bookings, each of its own id unless that is garbled."""
    found: list[dict[str, Any]] = []

    @examples(number)
    @given(garbled)
    def collect(changes: dict[str, Any]) -> None:
        found.append(changes)

    collect()
    assert len(found) >= number
    return found


def garbled_booking(number: int, changes: dict[str, Any]) -> dict[str, Any]:
    whole = booking(id=number) | changes
    return {name: value for name, value in whole.items() if value is not MISSING}


def require_named(events: Sequence[ChannelEvent]) -> None:
    """Each event has ended well, or says which field is wrong."""
    for event in events:
        told = f"{event.entity_external_id} {event.status} {event.last_error}"
        assert event.status in (EventStatus.DONE, EventStatus.IGNORED, EventStatus.FAILED), told
        assert event.status != EventStatus.FAILED or NAMED.search(event.last_error or ""), told


def inbound() -> list[ChannelEvent]:
    return list(ChannelEvent.objects.filter(direction=Direction.INBOUND).order_by("received_at"))


def batches(found: Sequence[dict[str, Any]], numbers: Iterator[int]) -> Iterator[list[dict[str, Any]]]:
    """Lists of garbled bookings with a good one among them, which comes last."""
    for start in range(0, len(found), IN_ONE_LIST):
        garbage = [garbled_booking(next(numbers), changes) for changes in found[start : start + IN_ONE_LIST]]
        yield [*garbage, booking(id=next(numbers))]


def lists(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> list[dict[str, Any]]:
    """What the simulator lists from now on, whatever was asked for; fill it to change it."""
    listed: list[dict[str, Any]] = []
    answer = simulator._list

    def instead(request: Any, kind: str, read: Any) -> Any:
        if kind != "booking":
            return answer(request, kind, read)
        wanted = set(request.args.getlist("id"))
        return answer(
            request, kind, lambda account: [one for one in listed if not wanted or str(one.get("id")) in wanted]
        )

    monkeypatch.setattr(simulator, "_list", instead)
    return listed


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    """With room for all of them: what overbooks it is pushed, too."""
    RoomType.objects.filter(id=connected.double.id).update(units=1_000_000)
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


@pytest.mark.timeout(300)
def test_every_webhook_is_stored_and_ends_well_or_names_its_field(hotel: ConnectedHotel) -> None:
    client, headers = Client(), {"X-Channel-Sync-Secret": hotel.webhook_secret}
    numbers = count(6_000_001)
    posted = 0
    for changes in cases(WEBHOOKS):
        body = webhook() | {"booking": garbled_booking(next(numbers), changes)}
        answer = client.post("/webhooks/beds24/", json.dumps(body), content_type="application/json", headers=headers)
        assert answer.status_code == 200, changes
        # Two that are garbled alike, number and all, are one webhook.
        posted += json.loads(answer.content)["status"] == "accepted"

    stored = inbound()
    assert len(stored) == posted >= WEBHOOKS * 9 // 10
    for event in stored:
        process(event.id)

    ended = inbound()
    require_named(ended)
    assert {event.status for event in ended} >= {EventStatus.DONE, EventStatus.FAILED}


@pytest.mark.timeout(300)
def test_a_pull_applies_the_good_booking_of_every_list_and_the_push_goes_out(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = lists(monkeypatch, beds24.simulator)
    room = RoomFactory(room_type=hotel.single)
    for number, batch in enumerate(batches(cases(PULLED), count(7_000_001))):
        listed[:] = batch
        night = FIRST_NIGHT + timedelta(days=number)
        MaintenanceBlockFactory(room=room, start=night, end=night + timedelta(days=1))
        before = ChannelConnection.objects.get().bookings_pulled_at

        # Two garbled bookings may have come to one id: its nights are pushed again.
        waiting = ChannelEvent.objects.filter(direction=Direction.OUTBOUND, status=EventStatus.RECEIVED)
        for event in list(waiting):
            process(event.id)
            event.refresh_from_db()
            assert event.status == EventStatus.DONE

        assert ChannelConnection.objects.get().bookings_pulled_at != before
        assert beds24.controls.availability("2002", night, night + timedelta(days=1)) == {str(night): 4}
        assert ReservationLink.objects.get(external_id=str(batch[-1]["id"])).reservation_id is not None
    require_named(inbound())


@pytest.mark.timeout(300)
def test_a_comparison_takes_in_the_good_booking_of_every_list(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = lists(monkeypatch, beds24.simulator)
    for number, batch in enumerate(batches(cases(COMPARED), count(8_000_001))):
        listed[:] = batch
        plenty_of_credits(beds24.simulator.state, hotel)

        if number % 5 == 4:
            run, _ = first_sync(hotel.channel_property, NOW)
        else:
            run = reconcile_bookings(hotel.channel_property, NOW)

        assert run.status == RunStatus.DONE
        link = ReservationLink.objects.get(external_id=str(batch[-1]["id"]))
        assert Reservation.objects.filter(id=link.reservation_id).exists()
        # The next list does not have them, and each would be looked at as one that the channel lacks.
        ReservationLink.objects.all().delete()
        Reservation.objects.all()._raw_delete(Reservation.objects.db)
    require_named(inbound())
