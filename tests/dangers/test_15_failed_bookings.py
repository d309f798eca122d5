"""An OTA's booking that could not be applied was one of many failed events, and nobody was called for it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.core import mail
from django.utils import timezone
from hypothesis import given, strategies

from channel_sync.channels.beds24.channel import Beds24Channel
from channel_sync.events.processing import process
from channel_sync.models import Alert, AlertKind, ChannelEvent, ChannelProperty, EventStatus, EventType
from channel_sync.monitoring.alert_rules import findings
from channel_sync.monitoring.alerts import follow
from channel_sync.monitoring.finding import Finding
from channel_sync.monitoring.watch import Watch
from channel_sync.operations.event_actions import ignore_event, retry_event
from tests.beds24_webhooks import booking, envelope, webhook
from tests.conftest import ConnectedHotel
from tests.factories import EventFactory
from tests.fuzzing import examples
from tests.integration.test_alerts import health
from tests.integration.test_security import JSON

pytestmark = pytest.mark.django_db

ARRIVAL = date.today() + timedelta(days=30)
DEPARTURE = ARRIVAL + timedelta(days=2)


def failed(
    channel_property: ChannelProperty, payload: Any, external_id: str = "5000001", **columns: Any
) -> ChannelEvent:
    made: ChannelEvent = EventFactory(
        channel_property=channel_property,
        entity_external_id=external_id,
        payload=payload,
        status=EventStatus.FAILED,
        **columns,
    )
    return made


def found(now: datetime | None = None) -> list[Finding]:
    every = findings(health(), now=now or timezone.now())
    return [finding for finding in every if finding.kind is AlertKind.BOOKING_NOT_APPLIED]


def look(minutes: int = 0) -> None:
    now = timezone.now() + timedelta(minutes=minutes)
    follow(found(now), now=now)


@pytest.fixture
def email(settings: LazySettings) -> list[Any]:
    options = {"alert_channels": ["email"], "alert_email_to": ["night-shift@hotel.example"]}
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, **options}
    return mail.outbox


def test_one_failed_booking_is_told_at_once_by_the_watch_and_without_its_guest(
    connected: ConnectedHotel, email: list[Any]
) -> None:
    event = EventFactory(
        channel_property=connected.channel_property,
        entity_external_id="5000001",
        payload=webhook(roomId=9999),
    )
    assert process(event.id) is EventStatus.FAILED

    Watch("watch", lambda _: False, ask=health).look_once(timezone.now())

    (sent,) = [message for message in email if "booking not applied" in message.subject]
    for word in ("booking", "BDC-1", str(ARRIVAL), str(DEPARTURE), "5000001", str(connected.channel_property)):
        assert word in sent.body
    for personal in ("Ada", "Lovelace", "ada@example.org", "7946"):
        assert personal not in sent.body + sent.subject


def test_several_failed_events_of_a_booking_are_one_alert_and_two_bookings_are_two(
    channel_property: ChannelProperty,
) -> None:
    failed(channel_property, webhook())
    failed(
        channel_property, webhook(departure=str(DEPARTURE + timedelta(days=1))), event_type=EventType.BOOKING_MODIFIED
    )
    failed(channel_property, webhook(id=5000002, apiReference="BDC-2"), "5000002")

    first, second = sorted(found(), key=lambda finding: finding.subject)

    assert str(DEPARTURE + timedelta(days=1)) in first.message
    assert "BDC-2" in second.message
    assert {first.channel_property, second.channel_property} == {channel_property}


def test_the_same_number_at_two_properties_is_two_bookings(channel_property: ChannelProperty) -> None:
    failed(channel_property, webhook())
    failed(EventFactory().channel_property, webhook())

    assert len({finding.subject for finding in found()}) == 2


def test_the_alert_ends_when_the_event_is_ignored_and_not_while_it_is_tried_again(
    connected: ConnectedHotel, email: list[Any]
) -> None:
    event = failed(connected.channel_property, webhook(roomId=9999))
    look()
    retry_event(event, by="tests")
    look(1)
    assert Alert.objects.get().resolved_at is None
    process(event.id)
    look(2)
    assert len(email) == 1

    event.refresh_from_db()
    ignore_event(event, by="tests", reason="entered by hand")
    look(3)

    assert Alert.objects.get().resolved_at is not None
    assert [message.subject.split()[2] for message in email] == ["fired:", "resolved:"]


def test_the_alert_ends_when_the_event_is_done(connected: ConnectedHotel, email: list[Any]) -> None:
    event = failed(connected.channel_property, webhook())
    look()
    retry_event(event, by="tests")

    assert process(event.id) is EventStatus.DONE
    look(1)

    assert Alert.objects.get().resolved_at is not None


def test_other_failed_events_are_no_failed_bookings(channel_property: ChannelProperty) -> None:
    failed(channel_property, {"roomId": "2001"}, "2001", event_type="availability.updated", entity_type="availability")
    failed(channel_property, {}, direction="outbound", source="pms", event_type="booking.create")

    assert found() == []


def test_a_channel_that_is_not_listed_any_more_stops_no_alert(channel_property: ChannelProperty) -> None:
    ChannelProperty.objects.update(channel_name="gone")
    failed(channel_property, webhook())

    assert len(found()) == 1


def test_more_than_a_hundred_are_each_told(channel_property: ChannelProperty) -> None:
    events = EventFactory.build_batch(150, channel_property=channel_property, status=EventStatus.FAILED)
    for number, event in enumerate(events):
        event.entity_external_id, event.received_at = str(number), timezone.now()
    ChannelEvent.objects.bulk_create(events)

    assert len(found()) == 150


@pytest.mark.parametrize("external_id", ["5\n6\r\nBcc: x@example.org", "x" * 255, "é:1"])
def test_an_odd_number_stops_no_alert(channel_property: ChannelProperty, email: list[Any], external_id: str) -> None:
    failed(channel_property, webhook(), external_id)

    look()

    assert len(email) == 1


@pytest.mark.parametrize(
    "payload", [webhook(), envelope("booking.created"), {"booking": booking()}, webhook(numAdult="many", roomId=None)]
)
def test_a_payload_says_which_stay_it_is_about(payload: dict[str, Any]) -> None:
    assert Beds24Channel.outline(payload) == {
        "ota": "booking",
        "reference": "BDC-1",
        "arrival": str(ARRIVAL),
        "departure": str(DEPARTURE),
    }


def test_what_cannot_be_read_is_left_out() -> None:
    odd = webhook(channel=["x"], apiReference={"a": 1}, arrival="Ada Lovelace", departure=None)

    assert Beds24Channel.outline(odd) == {"ota": "Booking.com"}


@pytest.mark.handmade("no webhook that is stored is anything but an object")
def test_a_payload_of_any_type_raises_nothing(channel_property: ChannelProperty) -> None:
    @examples(300)
    @given(
        payload=JSON | strategies.fixed_dictionaries({"booking": JSON}),
        field=strategies.sampled_from(list(booking())),
        value=JSON,
    )
    def fuzz(payload: Any, field: str, value: Any) -> None:
        for one in (payload, webhook(**{field: value})):
            outline = Beds24Channel.outline(one)
            assert set(outline) <= {"ota", "reference", "arrival", "departure"}
            assert all(isinstance(text, str) and text.isprintable() for text in outline.values())

    fuzz()
    for payload in ([], ["x"], "text", 7, {"booking": 7}, {"data": None}):
        failed(channel_property, payload, str(payload))
    assert len(found()) == 6
