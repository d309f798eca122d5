"""An inbound booking that failed took no room in the PMS, and the next push put its room on sale again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from channel_sync.channels.beds24.webhook import listed_booking
from channel_sync.events.idempotency import inbound_key
from channel_sync.events.processing import process
from channel_sync.models import ChannelEvent, Direction, EntityType, EventStatus, EventType
from channel_sync.operations.event_actions import ignore_event
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.channel_port import Pms
from pms_project.pms.models import MaintenanceBlock
from tests.beds24_webhooks import webhook
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.dangers.working import NIGHT, one_round, stay, units_at_beds24, work_everything
from tests.drift import do_not_wait, plenty_of_credits
from tests.factories import EventFactory, MaintenanceBlockFactory, RoomFactory

pytestmark = pytest.mark.django_db

NOW = RunOptions(wait=do_not_wait)


@pytest.fixture
def failed(connected: ConnectedHotel, beds24: RunningSimulator, monkeypatch: pytest.MonkeyPatch) -> ChannelEvent:
    """Eight double rooms are on sale, an OTA sells one of them, and the host cannot take it in."""
    plenty_of_credits(beds24.simulator.state, connected)
    for _ in range(2):
        MaintenanceBlockFactory(
            room=RoomFactory(room_type=connected.double), start=NIGHT, end=NIGHT + timedelta(days=2)
        )
    work_everything()
    assert units_at_beds24(beds24) == 8

    def refuse(*args: object) -> None:
        raise ValueError("this host has a fault")

    monkeypatch.setattr(Pms, "create_reservations", refuse)
    booking = beds24.controls.book(roomId=2001, **stay())
    shown = {name: value for name, value in booking.items() if name not in ("infoItems", "invoiceItems")}
    event: ChannelEvent = EventFactory(
        channel_property=connected.channel_property,
        entity_external_id=str(booking["id"]),
        idempotency_key=_key(connected, shown),
        payload={"booking": shown, "infoItems": []},
    )
    for _ in range(3):
        ChannelEvent.objects.filter(id=event.id).exclude(status="failed").update(status="received")
        process(event.id)
    event.refresh_from_db()
    assert (event.status, units_at_beds24(beds24)) == (EventStatus.FAILED, 7)
    return event


def _key(connected: ConnectedHotel, shown: dict[str, Any]) -> str:
    """The key that the booking's webhook has, so that a pull does not record it a second time."""
    return inbound_key(connected.channel_property.id, listed_booking(shown).dedupe_key)


def test_a_push_does_not_raise_them(failed: ChannelEvent, beds24: RunningSimulator) -> None:
    MaintenanceBlock.objects.all().delete()
    for block in MaintenanceBlock.objects.all():
        block.delete()

    work_everything()

    assert units_at_beds24(beds24) == 7
    assert units_at_beds24(beds24, night=NIGHT + timedelta(days=2)) == 10


def test_a_push_still_lowers_them(failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator) -> None:
    for _ in range(4):
        MaintenanceBlockFactory(
            room=RoomFactory(room_type=connected.double), start=NIGHT, end=NIGHT + timedelta(days=2)
        )

    work_everything()

    assert units_at_beds24(beds24) <= 4


def test_a_comparison_does_not_raise_them(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    run = reconcile_availability(connected.channel_property, NOW)
    work_everything()

    assert run.fixed == 0
    assert units_at_beds24(beds24) == 7


def test_a_calendar_webhook_does_not_raise_them(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    EventFactory(
        channel_property=connected.channel_property,
        event_type=EventType.AVAILABILITY_UPDATED,
        entity_type=EntityType.AVAILABILITY,
        entity_external_id="2001",
    )

    work_everything()

    assert units_at_beds24(beds24) == 7
    assert not ChannelEvent.objects.filter(direction=Direction.OUTBOUND, received_at__gt=failed.received_at).exists()


def test_once_it_is_ignored_they_are_sold_again(
    failed: ChannelEvent, connected: ConnectedHotel, beds24: RunningSimulator
) -> None:
    ignore_event(failed, by="ada", reason="a test booking, cancelled at the channel")

    reconcile_availability(connected.channel_property, NOW)
    work_everything()

    assert units_at_beds24(beds24) == 8


@pytest.mark.parametrize(
    "garbage", [{"arrival": "", "departure": None}, {"roomId": {"a": 1}}, {"arrival": "2027-13-45"}]
)
def test_one_that_cannot_be_read_keeps_every_night_it_might_be(
    connected: ConnectedHotel, beds24: RunningSimulator, garbage: dict[str, Any]
) -> None:
    block = MaintenanceBlockFactory(
        room=RoomFactory(room_type=connected.double), start=NIGHT, end=NIGHT + timedelta(days=2)
    )
    work_everything()
    EventFactory(
        channel_property=connected.channel_property,
        status=EventStatus.FAILED,
        entity_external_id="5000099",
        payload=webhook(id=5000099, **garbage),
    )

    block.delete()
    one_round()

    assert units_at_beds24(beds24) == 9
