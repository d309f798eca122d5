"""The token bucket of a channel property, and the credits that its account really has.

One token is one credit. Every statement is one atomic UPDATE on the bucket's own columns: two workers never spend the
same token. The account's credits come from the channel's headers and go before the bucket: all properties share them.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import F
from django.db.models.functions import Now

from channel_sync.channels.canonical import ObservedCall
from channel_sync.conf import channel_sync_settings
from channel_sync.database_clock import database_now
from channel_sync.errors import NotYet, RateLimited, WaitsFor
from channel_sync.models import (
    WAITING_STATUSES,
    ChannelAccount,
    ChannelConnection,
    ChannelEvent,
    Direction,
    RateLimitBucket,
)

REFILL_SECONDS = 300
FULL_SPEED_ABOVE = 0.75
TOO_MANY_REQUESTS = 429
# What can wait looks so often whether pushes have had their turn.
GIVE_WAY = timedelta(seconds=2)

GAINED = f"""least(greatest(floor(
    extract(epoch FROM %(now)s - last_refill_at) * refill_rate / {REFILL_SECONDS}), 0), capacity - tokens)::integer"""
REFILLED = f"(tokens + {GAINED})"
# Time that did not make a whole token yet is kept for the next one; a full bucket keeps none.
REFILLED_AT = f"""CASE WHEN {REFILLED} >= capacity THEN %(now)s
    ELSE last_refill_at + {GAINED} * interval '{REFILL_SECONDS} seconds' / refill_rate END"""

REFILL = f"""
UPDATE rate_limit_buckets
SET tokens = {REFILLED}, last_refill_at = {REFILLED_AT}
WHERE channel_property_id = %(property)s
RETURNING tokens, capacity, refill_rate, last_refill_at
"""

# `updated_at` is when a call that keeps the pace was made last: no other call, and no other statement, moves it.
MAKE = """
INSERT INTO rate_limit_buckets (channel_property_id, last_refill_at, updated_at) VALUES (%(property)s, %(now)s, NULL)
ON CONFLICT (channel_property_id) DO NOTHING
"""

CONSUME = f"""
UPDATE rate_limit_buckets
SET tokens = {REFILLED} - 1, last_refill_at = {REFILLED_AT},
    updated_at = CASE WHEN %(is_paced)s THEN %(now)s ELSE updated_at END
WHERE channel_property_id = %(property)s AND {REFILLED} - 1 >= capacity - capacity / %(sharers)s
RETURNING tokens
"""


def check_rate_limit(channel_property_id: UUID, *, now: datetime | None = None) -> bool:
    """Whether a call may be made now; spends nothing."""
    tokens, capacity, _, _ = _refill(channel_property_id, now or database_now())
    return tokens - 1 >= _floor(capacity, _sharers(channel_property_id))


def consume_token(channel_property_id: UUID, *, is_paced: bool = False, now: datetime | None = None) -> int:
    """Spend one token; returns how many are left. Raises `RateLimited` with the time until there is one.

    While other properties of the account have events waiting, a property spends no more than its equal share of a
    full bucket, so that a busy one leaves credits to the others. The next push keeps its distance from a call that
    is paced, as pushes are, and from no other.
    """
    now = now or database_now()
    sharers = _sharers(channel_property_id)
    parameters: dict[str, Any] = {
        "now": now,
        "property": channel_property_id,
        "sharers": sharers,
        "is_paced": is_paced,
    }
    with connection.cursor() as cursor:
        cursor.execute(MAKE, parameters)
        cursor.execute(CONSUME, parameters)
        row = cursor.fetchone()
    if row is not None:
        return int(row[0])
    tokens, capacity, refill_rate, refilled_at = _refill(channel_property_id, now)
    missing = _floor(capacity, sharers) + 1 - tokens
    ready = refilled_at + timedelta(seconds=missing * REFILL_SECONDS / refill_rate)
    raise RateLimited(
        f"Channel property {channel_property_id} has used its share of credits; the event is put off.",
        retry_after=max(ready - now, timedelta(seconds=1)),
    )


def refill_tokens(channel_property_id: UUID, *, now: datetime | None = None) -> int:
    """Add the tokens that time has brought, `refill_rate` in five minutes; returns how many there are."""
    return _refill(channel_property_id, now or database_now())[0]


def require_pace(channel_property_id: UUID, *, now: datetime | None = None) -> None:
    """Raise `NotYet` when the next push would come too soon after the last one.

    The first quarter of a bucket may be spent at full speed. From there calls keep a distance that grows as the bucket
    empties: what changes meanwhile is gathered, and goes in one call.
    """
    now = now or database_now()
    bucket = RateLimitBucket.objects.filter(channel_property_id=channel_property_id).first()
    if bucket is None or bucket.updated_at is None or bucket.last_refill_at is None:
        return
    gained = (now - bucket.last_refill_at).total_seconds() * bucket.refill_rate / REFILL_SECONDS
    full = min((bucket.tokens + gained) / bucket.capacity, 1)
    ready = bucket.updated_at + channel_sync_settings().pace_interval * max(FULL_SPEED_ABOVE - full, 0)
    if ready > now:
        raise NotYet(
            "Credits run low: calls keep a distance, so that more goes in each.",
            retry_after=ready - now,
            waits_for=WaitsFor.CREDITS,
        )


def require_spare(channel_property_id: UUID, account_id: UUID, share: float, *, now: datetime | None = None) -> None:
    """Raise `RateLimited` when less than a share of the property's bucket or of the account's window is left.

    For work that can wait, so that what cannot finds credits: it also waits while a push of the account waits for them.
    """
    now = now or database_now()
    if _pushes_wait_for_credits(account_id, now):
        raise RateLimited("A push waits for credits, which are left to it.", retry_after=GIVE_WAY)
    tokens, capacity, refill_rate, _ = _refill(channel_property_id, now)
    missing = math.ceil(share * capacity) - tokens
    if missing > 0:
        raise RateLimited(
            "Credits run low and are left to what cannot wait.",
            retry_after=timedelta(seconds=missing * REFILL_SECONDS / refill_rate),
        )
    account = ChannelAccount.objects.only("credits_remaining", "credits_reset_at").get(id=account_id)
    if account.credits_remaining is None or account.credits_reset_at is None or account.credits_reset_at <= now:
        return
    if account.credits_remaining < share * capacity:
        raise RateLimited(
            "The account's credits run low and are left to what cannot wait.",
            retry_after=account.credits_reset_at - now,
        )


def require_credits(account_id: UUID, *, now: datetime | None = None) -> None:
    """Raise `RateLimited` when the channel has said that the account's window is nearly used up."""
    now = now or database_now()
    remaining, reset_at = ChannelAccount.objects.values_list("credits_remaining", "credits_reset_at").get(id=account_id)
    if remaining is None or reset_at is None or reset_at <= now:
        return
    if remaining - 1 < channel_sync_settings().credit_reserve:
        raise RateLimited(
            "The account's credits are used up until the channel's window resets; the event is put off.",
            retry_after=reset_at - now,
        )


def note_credits(account_id: UUID, channel_property_id: UUID | None, call: ObservedCall) -> None:
    """Keep what the channel said about its credits, and charge the property what the call cost beyond one token."""
    if call.credits.resets_in_seconds is not None:
        refused = call.status == TOO_MANY_REQUESTS
        remaining = Decimal(0) if refused else call.credits.remaining
        if remaining is not None:
            ChannelAccount.objects.filter(id=account_id).update(
                credits_remaining=remaining,
                credits_reset_at=Now() + timedelta(seconds=call.credits.resets_in_seconds),
            )
    extra = math.ceil(call.credits.cost or 1) - 1
    if extra > 0 and channel_property_id is not None:
        RateLimitBucket.objects.filter(channel_property_id=channel_property_id).update(tokens=F("tokens") - extra)


def _refill(channel_property_id: UUID, now: datetime) -> tuple[int, int, int, datetime]:
    parameters: dict[str, Any] = {"now": now, "property": channel_property_id}
    with connection.cursor() as cursor:
        cursor.execute(MAKE, parameters)
        cursor.execute(REFILL, parameters)
        tokens, capacity, refill_rate, refilled_at = cursor.fetchone()
    return tokens, capacity, refill_rate, refilled_at


def _sharers(channel_property_id: UUID) -> int:
    """How many properties of the account want to call: this one, and those with outbound events open."""
    account = ChannelConnection.objects.filter(channel_property_id=channel_property_id).values("account_id")
    neighbours = ChannelConnection.objects.filter(account_id__in=account).exclude(
        channel_property_id=channel_property_id
    )
    waiting = (
        ChannelEvent.objects.filter(
            channel_property_id__in=neighbours.values("channel_property_id"),
            status__in=WAITING_STATUSES,
            direction=Direction.OUTBOUND,
        )
        .values("channel_property_id")
        .distinct()
        .count()
    )
    return 1 + waiting


def _pushes_wait_for_credits(account_id: UUID, now: datetime) -> bool:
    """Whether a push is put off until there are credits; one that nobody takes up for a minute keeps nobody waiting."""
    properties = ChannelConnection.objects.filter(account_id=account_id).values("channel_property_id")
    return ChannelEvent.objects.filter(
        channel_property_id__in=properties,
        direction=Direction.OUTBOUND,
        status__in=WAITING_STATUSES,
        waits_for=WaitsFor.CREDITS,
        next_attempt_at__gt=now - timedelta(minutes=1),
    ).exists()


def _floor(capacity: int, sharers: int) -> int:
    return capacity - capacity // sharers
