"""The token bucket of a property and the credits of its account."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import connection
from django.utils import timezone

from channel_sync.channels.canonical import Credits, ObservedCall
from channel_sync.connections.rate_limit import (
    check_rate_limit,
    consume_token,
    note_credits,
    refill_tokens,
    require_credits,
)
from channel_sync.errors import RateLimited
from channel_sync.models import ChannelAccount, RateLimitBucket
from tests.factories import (
    ChannelAccountFactory,
    ChannelConnectionFactory,
    ChannelPropertyFactory,
    OutboundEventFactory,
)

NOW = timezone.now()


def spend(property_id: UUID, tokens: int) -> None:
    for _ in range(tokens):
        consume_token(property_id, now=NOW)


@pytest.mark.django_db
def test_a_new_bucket_has_the_defaults_of_the_plan() -> None:
    property_id = ChannelPropertyFactory().id

    assert consume_token(property_id, now=NOW) == 99
    bucket = RateLimitBucket.objects.get()
    assert (bucket.capacity, bucket.refill_rate) == (100, 100)


@pytest.mark.django_db
def test_an_empty_bucket_says_when_there_is_a_token_again() -> None:
    property_id = ChannelPropertyFactory().id
    spend(property_id, 100)

    assert not check_rate_limit(property_id, now=NOW)
    with pytest.raises(RateLimited) as caught:
        consume_token(property_id, now=NOW)
    assert caught.value.retry_after == timedelta(seconds=3)
    assert consume_token(property_id, now=NOW + timedelta(seconds=3)) == 0


@pytest.mark.django_db
def test_time_refills_at_the_rate_and_no_second_is_lost() -> None:
    property_id = ChannelPropertyFactory().id
    spend(property_id, 100)

    left = [refill_tokens(property_id, now=NOW + timedelta(seconds=seconds)) for seconds in (2, 4, 6, 150, 300, 900)]

    assert left == [0, 1, 2, 50, 100, 100]


@pytest.mark.django_db
def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    property_id = ChannelPropertyFactory().id
    spend(property_id, 10)

    assert refill_tokens(property_id, now=NOW - timedelta(hours=1)) == 90


@pytest.mark.django_db
def test_a_dear_call_is_charged_what_it_cost() -> None:
    channel_property = ChannelConnectionFactory().channel_property
    consume_token(channel_property.id, now=NOW)
    call = ObservedCall(
        method="POST", path="/bookings", status=201, milliseconds=1, credits=Credits(cost=Decimal("7.5"))
    )

    note_credits(channel_property.connection.account_id, channel_property.id, call)

    assert RateLimitBucket.objects.get().tokens == 92


@pytest.mark.django_db
def test_a_busy_property_leaves_its_neighbour_a_share() -> None:
    account = ChannelAccountFactory()
    busy, quiet = [ChannelConnectionFactory(account=account).channel_property for _ in range(2)]
    OutboundEventFactory(channel_property=quiet)
    spend(busy.id, 50)

    with pytest.raises(RateLimited):
        consume_token(busy.id, now=NOW)
    assert consume_token(quiet.id, now=NOW) == 99


@pytest.mark.django_db
def test_a_property_alone_may_use_everything() -> None:
    account = ChannelAccountFactory()
    busy = ChannelConnectionFactory(account=account).channel_property
    OutboundEventFactory()

    spend(busy.id, 100)

    assert not check_rate_limit(busy.id, now=NOW)


@pytest.mark.django_db
def test_the_channels_own_credits_go_before_the_bucket() -> None:
    account = ChannelAccountFactory(credits_remaining=Decimal(3), credits_reset_at=NOW + timedelta(seconds=80))

    with pytest.raises(RateLimited) as caught:
        require_credits(account.id, now=NOW)
    assert caught.value.retry_after == timedelta(seconds=80)
    require_credits(account.id, now=NOW + timedelta(seconds=80))


@pytest.mark.django_db
def test_a_429_means_no_credits_until_the_reset() -> None:
    account = ChannelAccountFactory()
    refused = ObservedCall(
        method="GET", path="/bookings", status=429, milliseconds=1, credits=Credits(resets_in_seconds=100)
    )

    note_credits(account.id, None, refused)

    stored = ChannelAccount.objects.get()
    assert stored.credits_remaining == 0
    with pytest.raises(RateLimited):
        require_credits(account.id)


@pytest.mark.django_db(transaction=True)
def test_no_token_is_spent_twice_by_workers_at_once() -> None:
    property_id = ChannelPropertyFactory().id
    consume_token(property_id, now=NOW)

    def work(_: int) -> int:
        taken = 0
        try:
            for _ in range(25):
                consume_token(property_id, now=NOW)
                taken += 1
        except RateLimited:
            pass
        finally:
            connection.close()
        return taken

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(work, range(8))) == 99
    assert RateLimitBucket.objects.get().tokens == 0
