"""A comparison that ran made live pushes wait: each of its calls renewed the distance that pushes keep."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.conf import LazySettings
from django.utils import timezone

from channel_sync.connections.account import calling
from channel_sync.connections.rate_limit import require_pace
from channel_sync.errors import NotYet
from channel_sync.events.processing import process
from channel_sync.models import ChannelAccount, ChannelEvent, ChannelMapping, EventStatus, EventType, RateLimitBucket
from channel_sync.operations.suggestions import rooms_at_channel
from channel_sync.reconciliation.availability import reconcile_availability
from channel_sync.reconciliation.bookings import reconcile_bookings
from channel_sync.reconciliation.rates import reconcile_rates
from channel_sync.reconciliation.runs import RunOptions
from pms_project.pms.models import ReservationStatus
from tests.conftest import ConnectedHotel, RunningSimulator
from tests.factories import RateMappingFactory, RatePlanFactory, ReservationFactory
from tests.integration.test_outbound_calendar import block, waiting

pytestmark = pytest.mark.django_db

LONG_AGO = timezone.now() - timedelta(hours=1)


@pytest.fixture
def bucket(connected: ConnectedHotel, settings: LazySettings) -> UUID:
    """Half of the bucket is spent; the last push was long ago."""
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "reconciliation_reserve": 0.1, "pace_interval": 400}
    property_id: UUID = connected.channel_property.id
    RateLimitBucket.objects.create(channel_property_id=property_id, tokens=50, last_refill_at=timezone.now())
    RateLimitBucket.objects.update(updated_at=LONG_AGO)
    return property_id


def last_paced() -> datetime | None:
    return RateLimitBucket.objects.get().updated_at


@pytest.mark.parametrize("compare", [reconcile_bookings, reconcile_availability, reconcile_rates])
def test_a_comparison_does_not_put_off_a_push(
    connected: ConnectedHotel, beds24: RunningSimulator, bucket: UUID, compare: Any
) -> None:
    plan = RatePlanFactory(room_type=connected.double)
    RateMappingFactory(channel_property=connected.channel_property, internal_id=plan.id, external_id="2001:1")
    beds24.controls.forget_calls()

    compare(connected.channel_property, RunOptions(dry_run=True))

    assert beds24.controls.calls()
    require_pace(bucket)


def test_a_comparison_does_spend_credits(connected: ConnectedHotel, bucket: UUID) -> None:
    reconcile_bookings(connected.channel_property, RunOptions(dry_run=True))

    assert RateLimitBucket.objects.get().tokens < 50


def test_a_bucket_that_a_comparison_makes_puts_nothing_off(connected: ConnectedHotel, settings: LazySettings) -> None:
    settings.CHANNEL_SYNC = {**settings.CHANNEL_SYNC, "pace_interval": 400}
    reconcile_bookings(connected.channel_property, RunOptions(dry_run=True))
    RateLimitBucket.objects.update(tokens=50)

    require_pace(connected.channel_property.id)


def test_what_a_person_asks_does_not_put_off_a_push(connected: ConnectedHotel, bucket: UUID) -> None:
    rooms_at_channel(connected.channel_property)

    require_pace(bucket)


def test_a_probe_does_not_put_off_a_push(connected: ConnectedHotel, beds24: RunningSimulator, bucket: UUID) -> None:
    ChannelAccount.objects.update(unavailable_since=timezone.now(), probe_at=timezone.now())
    beds24.controls.fail_next(kind="status", status=503)

    with pytest.raises(NotYet), calling(connected.channel_property):
        pass

    assert len(beds24.simulator.state.calls) > 0
    assert last_paced() == LONG_AGO


def test_a_booking_that_does_not_wait_for_the_pace_does_not_set_it(connected: ConnectedHotel, bucket: UUID) -> None:
    ReservationFactory(room_type=connected.double, status=ReservationStatus.PENDING_SYNC)
    event = ChannelEvent.objects.get(event_type=EventType.BOOKING_CREATE)

    assert process(event.id) is EventStatus.DONE

    assert last_paced() == LONG_AGO


def test_a_push_puts_off_the_next(connected: ConnectedHotel, bucket: UUID) -> None:
    start = date.today() + timedelta(days=30)
    block(connected.double, start, 2)
    block(connected.single, start, 2)
    first, second = waiting(EventType.AVAILABILITY_UPDATE)
    ChannelEvent.objects.filter(id=second.id).update(status=EventStatus.IGNORED)

    assert process(first.id) is EventStatus.DONE
    ChannelEvent.objects.filter(id=second.id).update(status=EventStatus.RECEIVED)

    assert process(second.id) is EventStatus.RETRYING
    with pytest.raises(NotYet, match="distance"):
        require_pace(bucket)


def test_the_look_for_bookings_before_a_push_is_a_part_of_it(
    connected: ConnectedHotel, beds24: RunningSimulator, bucket: UUID
) -> None:
    block(connected.double, date.today() + timedelta(days=30), 2)
    (event,) = waiting(EventType.AVAILABILITY_UPDATE)
    ChannelMapping.objects.update(is_active=False)

    assert process(event.id) is EventStatus.IGNORED

    assert [call["path"] for call in beds24.simulator.state.calls][-1] == "/bookings"
    with pytest.raises(NotYet, match="distance"):
        require_pace(bucket)
