"""A property was moved in silence: old links pointed into the new property, and codes were spent on what was taken."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from channel_sync.channels.beds24.simulator.state import DEFAULT_SEED
from channel_sync.connections.connect import connect_property
from channel_sync.connections.suggestions import save_suggestions
from channel_sync.database_lock import is_held
from channel_sync.errors import BookingsNotSettled, ConfigurationError, ConnectedElsewhere, MoveNotConfirmed
from channel_sync.events.outbound_events import room_close_event
from channel_sync.events.store import record
from channel_sync.inbound.senders import forget_senders
from channel_sync.models import (
    AuditAction,
    AuditEntry,
    ChannelConnection,
    ChannelEvent,
    ChannelMapping,
    ChannelProperty,
    ChannelPropertyStatus,
    Direction,
    EventStatus,
    ParityCheck,
    ParityReason,
    ReservationLink,
)
from channel_sync.operations import moving
from channel_sync.operations.moving import AfterMove
from channel_sync.operations.properties import NewConnection, connect
from channel_sync.operations.roles import Role
from pms_project.pms.models import HotelSettings, ReservationStatus
from tests.beds24_webhooks import webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import units_at_beds24
from tests.factories import EventFactory, HotelFactory, ReservationFactory, RoomTypeFactory
from tests.integration.test_webhook_view import HEADER, post

pytestmark = pytest.mark.django_db

CODE = "ANOTHER"
URL = "/api/admin/properties/connect"


@pytest.fixture
def beds24(start_simulator: Callable[[dict[str, Any]], RunningSimulator], settings: Any) -> RunningSimulator:
    """One account with two properties, 1001 and 1002."""
    seed = copy.deepcopy(DEFAULT_SEED)
    first = seed["accounts"][0]["properties"][0]
    rooms = [{**room, "id": room["id"] + 1000} for room in first["rooms"]]
    seed["accounts"][0]["properties"].append({"id": 1002, "name": "Garden Hotel", "rooms": rooms})
    seed["accounts"][0]["invite_codes"].append(CODE)
    running = start_simulator(seed)
    options = {"beds24": {"base_url": f"{running.address}/v2", "read_timeout": 5.0}}
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "channel_options": options}
    return running


@pytest.fixture
def connected(db: None, beds24: RunningSimulator) -> ConnectedHotel:
    """Connected to 1001, mapped, with one linked booking to come."""
    hotel = HotelFactory()
    double = RoomTypeFactory(hotel=hotel, name="Double Room", units=10)
    single = RoomTypeFactory(hotel=hotel, name="Single Room", units=5)
    made = connect_property(hotel.id, channel_name="beds24", invite_code="DEMO-INVITE-CODE", channel_property_id="1001")
    save_suggestions(made.channel_property, made.suggestions.matches)
    reservation = ReservationFactory(room_type=double, status=ReservationStatus.CONFIRMED)
    ChannelEvent.objects.all().delete()
    ReservationLink.objects.create(
        channel_property=made.channel_property, external_id="5000001", reservation_id=reservation.id
    )
    return ConnectedHotel(hotel, made.channel_property, double, single, made.webhook_secret)


def is_spent(beds24: RunningSimulator) -> bool:
    return CODE not in beds24.simulator.state.accounts[901].invite_codes


def move(hotel: HotelSettings, to: str | None = "1002", **changes: Any) -> ChannelProperty:
    return connect(NewConnection(hotel.id, "beds24", CODE, to, **changes), by="ada").connected.channel_property


def kept() -> tuple[int, int]:
    """Mappings and links that count."""
    return ChannelMapping.objects.filter(is_active=True).count(), ReservationLink.objects.count()


def test_a_move_is_asked_about_before_the_code_is_spent(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    with pytest.raises(MoveNotConfirmed) as asked:
        move(connected.hotel)

    said = str(asked.value)
    assert "is connected to beds24 1001, and would be moved to beds24 1002" in said
    assert "2 mappings and 1 linked bookings" in said
    assert "stay on sale at beds24 1001" in said
    assert "Double Room (room 2001)" in said
    assert "'keep' or 'retire'" in said
    assert not is_spent(beds24)
    assert ChannelProperty.objects.get().channel_property_id == "1001"


def test_kept_mappings_and_links_hold_for_the_new_property(connected: ConnectedHotel) -> None:
    moved = move(connected.hotel, after_move=AfterMove.KEEP)

    assert (moved.id, moved.channel_property_id) == (connected.channel_property.id, "1002")
    assert kept() == (2, 1)
    assert moved.held_since is not None
    assert ParityCheck.objects.get().reason == ParityReason.MOVED


def test_retired_links_point_into_no_property(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    record(room_close_event(connected.channel_property.id, connected.double.id, "2001"))
    beds24.controls.forget_calls()

    moved = move(connected.hotel, after_move=AfterMove.RETIRE)

    assert moved.channel_property_id == "1002"
    assert kept() == (0, 0)
    assert ChannelMapping.objects.filter(is_active=False).count() == 2
    (event,) = ChannelEvent.objects.filter(direction=Direction.OUTBOUND)
    assert (event.status, event.last_error) == (EventStatus.IGNORED, moving.MOVED)
    assert not [call for call in beds24.controls.calls() if call["method"] == "POST"]
    entry = AuditEntry.objects.get(action=AuditAction.PROPERTY_MOVED)
    assert entry.details == {
        "was": "1001", "after_move": "retire", "mappings": 2, "links": 1, "events": 1, "conflicts": 0,
    }  # fmt: skip


def test_webhooks_of_the_old_property_are_refused_after_a_move(connected: ConnectedHotel) -> None:
    assert post(webhook(), headers={HEADER: connected.webhook_secret}).status_code == 200
    ChannelEvent.objects.all().delete()

    move(connected.hotel, after_move=AfterMove.RETIRE)
    forget_senders()

    assert post(webhook(), headers={HEADER: connected.webhook_secret}).status_code == 401
    assert post(webhook(propertyId=1002), headers={HEADER: connected.webhook_secret}).status_code == 200


def test_bookings_that_are_not_in_the_pms_are_settled_before_their_links_end(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    EventFactory(channel_property=connected.channel_property, status=EventStatus.FAILED, payload=webhook())

    with pytest.raises(BookingsNotSettled, match="1 bookings of beds24 1001"):
        move(connected.hotel, after_move=AfterMove.RETIRE)

    assert not is_spent(beds24)
    move(connected.hotel, after_move=AfterMove.KEEP)


def test_the_rooms_are_closed_first_where_that_is_wanted(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    assert units_at_beds24(beds24, 2001) != 0

    moved = move(connected.hotel, after_move=AfterMove.RETIRE, close_old_rooms=True)

    assert [units_at_beds24(beds24, room) for room in (2001, 2002)] == [0, 0]
    assert units_at_beds24(beds24, 3001) != 0
    assert (moved.status, moved.rooms_closed, moved.paused_at) == (ChannelPropertyStatus.ACTIVE, False, None)
    assert moved.held_since is not None


def test_a_channel_that_does_not_close_them_stops_the_move(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    beds24.controls.fail_next(kind="status", status=503, method="POST", path="/inventory/rooms/calendar", times=3)

    with pytest.raises(CommandError, match="could not be closed first"):
        call_command(
            "channel_sync_connect", str(connected.hotel.id), "--invite-code", CODE, "--channel-property-id", "1002",
            "--after-move", "retire", "--close-old-rooms",
        )  # fmt: skip

    assert not is_spent(beds24)
    found = ChannelProperty.objects.get()
    assert (found.channel_property_id, found.status) == ("1001", ChannelPropertyStatus.ACTIVE)
    assert not ChannelEvent.objects.filter(event_type="property.pause", status__in=("received", "retrying")).exists()


def test_connecting_again_without_a_name_moves_nothing(connected: ConnectedHotel) -> None:
    again = move(connected.hotel, None)

    assert again.channel_property_id == "1001"
    assert kept() == (2, 1)


def test_what_is_connected_elsewhere_is_said_before_the_code_is_spent(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    other = HotelFactory()

    with pytest.raises(ConnectedElsewhere, match=f"connected to property {connected.hotel.id} .*'take_over'"):
        move(other, "1001")
    with pytest.raises(ConfigurationError, match="name the one that this is to be connected to"):
        move(other, None)

    assert not is_spent(beds24)


def test_who_may_not_see_the_other_property_hears_nothing_of_it(
    connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    new = NewConnection(HotelFactory().id, "beds24", CODE, "1001", take_over=True)

    with pytest.raises(ConnectedElsewhere) as refused:
        connect(new, by="bob", may_displace=lambda other: False)

    assert str(connected.hotel.id) not in str(refused.value)
    assert "Double Room" not in str(refused.value)
    assert not is_spent(beds24)


def test_a_connection_is_taken_over_and_its_old_links_end(connected: ConnectedHotel) -> None:
    other = HotelFactory()

    taken = move(other, "1001", take_over=True)

    assert (taken.property_id, taken.channel_property_id) == (other.id, "1001")
    assert kept() == (0, 0)
    connected.channel_property.refresh_from_db()
    assert connected.channel_property.channel_property_id.startswith("1001 (taken over")
    assert ChannelConnection.objects.get().channel_property == taken
    assert AuditEntry.objects.get(action=AuditAction.PROPERTY_MOVED).channel_property == connected.channel_property


def test_who_lost_a_connection_can_be_connected_again(connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    move(HotelFactory(), "1001", take_over=True)
    beds24.simulator.state.accounts[901].invite_codes.add(CODE)

    with pytest.raises(ConfigurationError, match="name the one"):
        move(connected.hotel, None)
    again = move(connected.hotel, "1002")

    assert (again.id, again.channel_property_id) == (connected.channel_property.id, "1002")


def test_the_api_answers_409_with_what_to_decide(
    connected: ConnectedHotel, beds24: RunningSimulator, api_of: Callable[[Role | None], APIClient]
) -> None:
    client = api_of(Role.ADMINISTRATOR)
    asked = {"property_id": str(connected.hotel.id), "invite_code": CODE, "channel_property_id": "1002"}

    answer = client.post(URL, asked, format="json")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "move_not_confirmed")
    assert "keep" in answer.json()["errors"][0]["detail"]
    taken = client.post(
        URL, {**asked, "property_id": str(HotelFactory().id), "channel_property_id": "1001"}, format="json"
    )
    assert (taken.status_code, taken.json()["errors"][0]["code"]) == (409, "connected_elsewhere")
    assert not is_spent(beds24)
    assert client.post(URL, {**asked, "after_move": "retire"}, format="json").status_code == 201
    assert kept() == (0, 0)


def test_the_admin_asks_and_offers_the_choice(
    connected: ConnectedHotel, beds24: RunningSimulator, admin_client: Client
) -> None:
    page = "/admin/channel_sync/channelproperty/connect/"
    form = {
        "property": connected.hotel.id, "channel_name": "beds24", "invite_code": CODE, "channel_property_id": "1002",
    }  # fmt: skip

    assert 'name="after_move"' not in admin_client.get(page).content.decode()
    asked = admin_client.post(page, form).content.decode()

    assert "stay on sale at beds24 1001" in asked
    assert 'name="after_move"' in asked
    assert not is_spent(beds24)
    admin_client.post(page, {**form, "after_move": "keep"})
    assert ChannelProperty.objects.get().channel_property_id == "1002"
    assert kept() == (2, 1)


def test_no_worker_calls_for_the_old_property_while_it_is_moved(
    connected: ConnectedHotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer would make a link to a booking of the old property that nobody ends."""
    account = ChannelConnection.objects.get().account_id
    seen = []
    retire = moving.retire
    monkeypatch.setattr(
        moving, "retire", lambda found: seen.append(is_held("channel account", account)) or retire(found)
    )

    move(connected.hotel, after_move=AfterMove.RETIRE)

    assert seen == [True]
