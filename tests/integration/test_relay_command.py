"""`manage.py channel_sync_relay` says what it did: captured changes that it took, and events that it published."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from io import StringIO

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.utils import timezone

from channel_sync.broker import publisher
from channel_sync.models import CapturedChange, ChannelEvent
from channel_sync.outbound.changes import consume_captured
from pms_project.pms.models import Reservation
from tests.conftest import ConnectedHotel
from tests.factories import EventFactory
from tests.integration.test_capture import broken_description, unsaved
from tests.integration.test_publisher import broker_away

__all__ = ["broker_away"]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("topology_at_broker")]


@pytest.fixture(autouse=True)
def nothing_waits(connected: ConnectedHotel) -> None:
    consume_captured()
    ChannelEvent.objects.all().delete()


def relay() -> list[str]:
    printed = StringIO()
    call_command("channel_sync_relay", stdout=printed)
    return printed.getvalue().splitlines()


def said(*, taken: int, put_off: int, events: int, new: int, due: int) -> list[str]:
    return [
        f"Captured changes: {taken} taken, {put_off} put off; {events} new events of them.",
        f"Events published: {new} of the new ones, {due} that were due.",
    ]


def due(connected: ConnectedHotel, number: int) -> None:
    long_ago = timezone.now() - timedelta(hours=1)
    EventFactory.create_batch(number, channel_property=connected.channel_property, next_attempt_at=long_ago)


def test_captured_writes_and_due_events_are_both_counted(connected: ConnectedHotel) -> None:
    Reservation.objects.bulk_create(unsaved(connected.single, 3))
    due(connected, 2)

    assert relay() == said(taken=3, put_off=0, events=6, new=6, due=2)

    assert ChannelEvent.objects.filter(published_at=None).count() == 0
    assert ChannelEvent.objects.count() == 8
    assert relay() == said(taken=0, put_off=0, events=0, new=0, due=0)


def test_what_cannot_be_described_is_counted_as_put_off(connected: ConnectedHotel) -> None:
    first, unlucky, last = unsaved(connected.single, 3)
    unlucky.price = Decimal(13)
    Reservation.objects.bulk_create([first, unlucky, last])

    with broken_description():
        assert relay() == said(taken=2, put_off=1, events=4, new=4, due=0)

    assert CapturedChange.objects.count() == 1


@pytest.mark.usefixtures("broker_away")
def test_the_captured_changes_are_counted_though_the_broker_is_away(connected: ConnectedHotel) -> None:
    Reservation.objects.bulk_create(unsaved(connected.single, 1))
    due(connected, 1)
    printed = StringIO()

    with pytest.raises(CommandError, match="run it again when the broker is back"):
        call_command("channel_sync_relay", stdout=printed)

    assert printed.getvalue().splitlines() == said(taken=1, put_off=0, events=2, new=0, due=0)[:1]
    assert ChannelEvent.objects.filter(published_at=None).count() == 3
    publisher.close()


@pytest.mark.usefixtures("broker_away")
@pytest.mark.parametrize("in_background", [False, True])
def test_new_events_that_the_broker_does_not_take_are_an_error(
    connected: ConnectedHotel, settings: LazySettings, in_background: bool
) -> None:
    """Nothing was due before, and nothing is in a queue: exit code 0 would say that it is."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "publish_in_background": in_background}
    Reservation.objects.bulk_create(unsaved(connected.single, 1))
    printed = StringIO()

    with pytest.raises(CommandError, match="run it again when the broker is back"):
        call_command("channel_sync_relay", stdout=printed)

    assert printed.getvalue().splitlines() == said(taken=1, put_off=0, events=2, new=0, due=0)[:1]
    assert ChannelEvent.objects.filter(published_at=None).count() == 2
    publisher.close()
