"""A pause left every room on sale at the channel: what the desk sold meanwhile was sold twice."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from channel_sync.connections import account
from channel_sync.errors import ClosingUnderWay
from channel_sync.events.outbound_events import property_pause_event
from channel_sync.events.store import claim, record
from channel_sync.models import (
    AuditEntry,
    ChannelAccount,
    ChannelEvent,
    ChannelProperty,
    ChannelPropertyStatus,
    EventStatus,
    EventType,
)
from channel_sync.operations.pausing import pause_of, pause_with_rooms_closed, pauses
from channel_sync.operations.properties import pause
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.desk_sales import reserve
from tests.dangers.one_way import at_beds24
from tests.dangers.test_45_not_in_the_pms_yet import told
from tests.dangers.working import NIGHT, one_round, resume_and_go_live, stay, units_at_beds24, work_everything
from tests.drift import plenty_of_credits

pytestmark = pytest.mark.django_db

LAST = date.today() + timedelta(days=499)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


def on_sale(beds24: RunningSimulator, night: date = NIGHT) -> tuple[int, int]:
    """Units of both rooms at Beds24."""
    return units_at_beds24(beds24, 2001, night), units_at_beds24(beds24, 2002, night)


def closing() -> ChannelEvent:
    return ChannelEvent.objects.get(event_type=EventType.PROPERTY_PAUSE)


def channel_is_silent() -> None:
    ChannelAccount.objects.update(unavailable_since="2020-01-01T00:00Z", probe_at="2099-01-01T00:00Z")


def is_paused() -> bool:
    return ChannelProperty.objects.get().status == ChannelPropertyStatus.INACTIVE


def test_every_mapped_room_is_closed_to_the_end_of_the_calendar(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    made = pause_with_rooms_closed(hotel.channel_property, by="ada")

    assert made is not None
    assert (made.has_begun, made.rooms_closed, made.by, made.closing) == (True, True, "ada", None)
    assert made.since is not None
    assert hotel.channel_property.status == ChannelPropertyStatus.INACTIVE
    for night in (date.today(), NIGHT, LAST):
        assert on_sale(beds24, night) == (0, 0)
    assert AuditEntry.objects.get(action="property.paused").details["close_rooms"] is True


def test_a_pause_without_it_leaves_them_on_sale_and_says_so(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    pause(hotel.channel_property, by="ada")

    made = pause_of(hotel.channel_property)
    assert made is not None
    assert (made.by, made.rooms_closed) == ("ada", False)
    assert "goes on selling" in made.in_words
    assert on_sale(beds24) == (10, 5)


def test_resuming_opens_what_is_free(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    pause_with_rooms_closed(hotel.channel_property, by="ada")
    reserve(hotel)
    one_round()
    assert on_sale(beds24) == (0, 0)

    resume_and_go_live(hotel.channel_property)
    work_everything()

    assert on_sale(beds24) == (9, 5)
    found = ChannelProperty.objects.get()
    assert (found.paused_at, found.paused_by, found.rooms_closed) == (None, None, False)
    assert pauses() == []


def test_while_the_channel_is_silent_the_pause_has_not_begun(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    channel_is_silent()

    made = pause_with_rooms_closed(hotel.channel_property, by="ada")

    assert made is not None
    assert not made.has_begun
    assert made.closing is not None
    assert "being closed" in made.in_words
    assert not is_paused()
    ChannelAccount.objects.update(unavailable_since=None)
    work_everything()
    assert is_paused()
    assert on_sale(beds24) == (0, 0)


def test_a_process_that_dies_with_rooms_half_closed_has_not_paused(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Died(BaseException):
        """The process is gone: nothing catches it."""

    def die(*_: object, **__: object) -> None:
        raise Died

    with monkeypatch.context() as patched:
        patched.setattr("channel_sync.outbound.closing.note_paused", die)
        with pytest.raises(Died):
            pause_with_rooms_closed(hotel.channel_property, by="ada")
    assert not is_paused()
    assert closing().status == EventStatus.PROCESSING

    ChannelEvent.objects.update(status=EventStatus.RETRYING, lease_holder=None, lease_expires_at=None)
    work_everything()
    assert is_paused()
    assert on_sale(beds24) == (0, 0)


def test_a_push_that_waited_for_its_turn_opens_nothing_again(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has seen an active property, and gets its turn when the rooms are closed and the property is paused."""
    reserve(hotel)
    work_everything()
    pace = account.require_pace

    def closed_meanwhile(channel_property_id: object) -> None:
        monkeypatch.setattr(account, "require_pace", pace)
        pause_with_rooms_closed(ChannelProperty.objects.get(), by="ada")

    monkeypatch.setattr(account, "require_pace", closed_meanwhile)
    reserve(hotel)
    one_round()

    assert is_paused()
    assert on_sale(beds24) == (0, 0)


def test_what_a_cancellation_at_the_channel_gives_back_is_closed_again(
    hotel: ConnectedHotel, beds24: RunningSimulator
) -> None:
    made = beds24.controls.book(roomId=2001, **stay())
    told(hotel, made)
    work_everything()
    pause_with_rooms_closed(hotel.channel_property, by="ada")
    hotel.channel_property.refresh_from_db()
    cancelled = at_beds24(beds24, made["id"], after=timedelta(minutes=2), status="cancelled")
    assert on_sale(beds24) == (1, 0)
    told(hotel, cancelled)

    one_round()
    one_round()

    assert on_sale(beds24) == (0, 0)
    assert is_paused()


def test_closing_again_begins_no_pause(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    """The booking was taken up in the pause, and its event is recorded a moment after the end."""
    event = property_pause_event(hotel.channel_property.id, by="ada", again=True)
    record(event)
    work_everything()

    assert closing().status == EventStatus.IGNORED
    assert not is_paused()
    assert on_sale(beds24) == (10, 5)


def test_asking_twice_closes_once(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    channel_is_silent()
    for _ in range(2):
        pause_with_rooms_closed(hotel.channel_property, by="ada")

    assert closing().status == EventStatus.RETRYING


def test_a_closing_that_waits_is_given_up_by_not_pausing(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    channel_is_silent()
    pause_with_rooms_closed(hotel.channel_property, by="ada")

    resume_and_go_live(hotel.channel_property)
    ChannelAccount.objects.update(unavailable_since=None)
    work_everything()

    assert closing().status == EventStatus.IGNORED
    assert not is_paused()
    assert on_sale(beds24) == (10, 5)


def test_nobody_resumes_while_a_worker_closes(hotel: ConnectedHotel) -> None:
    channel_is_silent()
    pause_with_rooms_closed(hotel.channel_property, by="ada")
    ChannelEvent.objects.update(published_at="2020-01-01T00:00Z")
    assert claim(closing().id) is not None

    with pytest.raises(ClosingUnderWay, match="at this moment"):
        resume_and_go_live(hotel.channel_property)


def test_rooms_of_a_pause_that_is_on_can_be_closed_later(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    pause(hotel.channel_property, by="ada")
    begun = ChannelProperty.objects.get().paused_at

    pause_with_rooms_closed(hotel.channel_property, by="grace")

    found = ChannelProperty.objects.get()
    assert on_sale(beds24) == (0, 0)
    assert (found.paused_at, found.paused_by, found.rooms_closed) == (begun, "ada", True)


def test_what_the_channel_refuses_is_said(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    del beds24.simulator.state.rooms[2002]

    made = pause_with_rooms_closed(hotel.channel_property, by="ada")

    assert made is not None
    assert (made.has_begun, is_paused()) == (False, False)
    assert "failed" in made.in_words
    pause(hotel.channel_property, by="ada")
    assert closing().status == EventStatus.IGNORED
    assert is_paused()
