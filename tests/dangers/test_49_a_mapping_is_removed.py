"""The mapping of a room was removed, and the last number that the channel had heard stayed on sale there."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.utils import timezone

from channel_sync.events.processing import process
from channel_sync.models import (
    AlertKind,
    ChannelAccount,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    EventStatus,
    EventType,
    MappingType,
)
from channel_sync.monitoring.pause_rules import closing_findings
from channel_sync.operations.mapping_rules import WantedMapping
from channel_sync.operations.mappings import change_mapping, create_mapping, remove_mapping
from channel_sync.operations.properties import pause
from channel_sync.operations.room_removal import changing_means, removing_means
from channel_sync.outbound import closing as outbound_closing
from pms_project.pms.models import RoomType
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.desk_sales import reserve
from tests.dangers.working import NIGHT, go_live, one_round, resume_and_go_live, units_at_beds24, work_everything
from tests.drift import plenty_of_credits
from tests.factories import RoomTypeFactory

pytestmark = pytest.mark.django_db

LAST = date.today() + timedelta(days=499)


@pytest.fixture
def hotel(connected: ConnectedHotel, beds24: RunningSimulator) -> ConnectedHotel:
    plenty_of_credits(beds24.simulator.state, connected)
    return connected


def mapping_of(hotel: ConnectedHotel) -> ChannelMapping:
    return ChannelMapping.objects.get(internal_id=hotel.double.id)


def wanted(hotel: ConnectedHotel, room: str, room_type: RoomType | None = None) -> WantedMapping:
    internal_id = (room_type or hotel.double).id
    return WantedMapping(hotel.channel_property, MappingType.ROOM_TYPE, internal_id, room)


def closings() -> list[str]:
    return [event.status for event in ChannelEvent.objects.filter(event_type=EventType.ROOM_CLOSE)]


def test_its_room_is_closed_to_the_end_of_the_calendar(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    remove_mapping(mapping_of(hotel), by="ada")
    work_everything()

    for night in (date.today(), NIGHT, LAST):
        assert units_at_beds24(beds24, night=night) == 0
    assert units_at_beds24(beds24, 2002) == 5
    assert closings() == [EventStatus.DONE]


def test_one_that_is_switched_off_too(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    change_mapping(mapping_of(hotel), wanted(hotel, "2001"), by="ada", is_active=False)
    work_everything()

    assert units_at_beds24(beds24) == 0


def test_a_channel_that_is_silent_hears_of_it_later(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    ChannelAccount.objects.update(unavailable_since=timezone.now(), probe_at="2099-01-01T00:00Z")
    remove_mapping(mapping_of(hotel), by="ada")
    event = ChannelEvent.objects.get(event_type=EventType.ROOM_CLOSE)
    outbound_calls = len(beds24.simulator.state.calls)
    process(event.id)
    assert len(beds24.simulator.state.calls) == outbound_calls
    assert closings() == [EventStatus.RETRYING]

    work_everything()
    assert units_at_beds24(beds24) == 0


def test_one_that_the_channel_refuses_to_close_is_an_alert(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    remove_mapping(mapping_of(hotel), by="ada")
    ChannelEvent.objects.filter(event_type=EventType.ROOM_CLOSE).update(status=EventStatus.FAILED, last_error="No.")

    (found,) = closing_findings()
    assert (found.kind, found.channel_property) == (AlertKind.TOO_MANY_FOR_SALE, hotel.channel_property)
    assert "Room 2001" in found.message
    assert "retry the event" in found.message
    ChannelEvent.objects.filter(event_type=EventType.ROOM_CLOSE).update(status=EventStatus.IGNORED)
    assert not list(closing_findings())


def test_one_that_is_made_again_before_stays_open(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    remove_mapping(mapping_of(hotel), by="ada")
    create_mapping(wanted(hotel, "2001"), by="ada")
    go_live(hotel.channel_property)
    reserve(hotel)
    work_everything()

    assert units_at_beds24(beds24) == 9
    assert closings() == [EventStatus.IGNORED]


def test_one_that_is_made_again_at_that_very_moment_is_opened_by_its_own_push(
    hotel: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = outbound_closing.find_room_type

    def looked_up_too_early(channel_property: ChannelProperty, room: str) -> object:
        found = find(channel_property, room)
        create_mapping(wanted(hotel, "2001"), by="ada")
        return found

    remove_mapping(mapping_of(hotel), by="ada")
    monkeypatch.setattr(outbound_closing, "find_room_type", looked_up_too_early)
    one_round()
    assert units_at_beds24(beds24) == 0
    go_live(hotel.channel_property)
    work_everything()

    assert units_at_beds24(beds24) == 10


def test_a_room_that_another_room_type_takes_over_stays_open(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    suite = RoomTypeFactory(hotel=hotel.hotel, name="Suite", units=3)
    remove_mapping(mapping_of(hotel), by="ada")
    create_mapping(wanted(hotel, "2001", suite), by="ada")
    go_live(hotel.channel_property)
    work_everything()

    assert units_at_beds24(beds24) == 3


def test_a_room_type_that_moves_leaves_no_room_on_sale(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    remove_mapping(ChannelMapping.objects.get(internal_id=hotel.single.id), by="ada")
    work_everything()

    change_mapping(mapping_of(hotel), wanted(hotel, "2002"), by="ada")
    go_live(hotel.channel_property)
    work_everything()

    assert (units_at_beds24(beds24), units_at_beds24(beds24, 2002)) == (0, 5)
    assert change_is_silent(hotel, "2002")


def change_is_silent(hotel: ConnectedHotel, room: str) -> bool:
    return changing_means(mapping_of(hotel), wanted(hotel, room), is_active=True) == ()


def test_a_change_that_keeps_the_room_closes_nothing(hotel: ConnectedHotel) -> None:
    change_mapping(mapping_of(hotel), wanted(hotel, "2001"), by="ada")

    assert closings() == []
    assert change_is_silent(hotel, "2001")


def test_removing_twice_closes_once(hotel: ConnectedHotel) -> None:
    mapping = mapping_of(hotel)
    for _ in range(2):
        remove_mapping(mapping, by="ada")

    assert closings() == [EventStatus.RECEIVED]


def test_in_a_pause_it_waits_for_its_end(hotel: ConnectedHotel, beds24: RunningSimulator) -> None:
    pause(hotel.channel_property, by="ada")
    mapping = mapping_of(hotel)
    assert any("sends nothing now" in sentence for sentence in removing_means(mapping))
    remove_mapping(mapping, by="ada")
    one_round()
    assert units_at_beds24(beds24) == 10

    resume_and_go_live(ChannelProperty.objects.get())
    work_everything()
    assert units_at_beds24(beds24) == 0


def test_what_follows_is_said_first(hotel: ConnectedHotel) -> None:
    reserve(hotel)
    work_everything()

    said = " ".join(removing_means(mapping_of(hotel)))

    assert "Channel room 2001 (Double Room) is closed" in said
    assert "9 to 10 units a night" in said
    assert "1 booking of this room is open" in said
    assert removing_means(ChannelMapping(mapping_type=MappingType.ROOM, is_active=True)) == ()
