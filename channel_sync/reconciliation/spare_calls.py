"""Calls that can wait: they are made from credits that live pushes do not need now."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from channel_sync.channels.base import Channel
from channel_sync.conf import channel_sync_settings
from channel_sync.connections.account import calling
from channel_sync.connections.rate_limit import require_spare
from channel_sync.connections.registry import account_id_of
from channel_sync.errors import ChannelUnavailable, NotYet, RateLimited, WaitsFor
from channel_sync.models import ChannelProperty

Answer = TypeVar("Answer")
Wait = Callable[[timedelta, str], None]

UNAVAILABLE_RETRY = timedelta(seconds=3)
LONGEST_SLEEP = timedelta(minutes=10)


def sleep(delay: timedelta, reason: str) -> None:
    """Wait for credits, or for an account that is in use. Raises `NotYet` where that takes too long."""
    if delay > LONGEST_SLEEP:
        raise NotYet(reason, retry_after=delay)
    time.sleep(max(delay.total_seconds(), 0))


def call_with_spare_credits(
    channel_property: ChannelProperty, call: Callable[[Channel], Answer], *, wait: Wait
) -> Answer:
    """The answer of a call, made once credits are plenty, the account is free and the channel is up.

    The account is free again for live pushes between one call and the next. `wait` may raise to give up.
    """
    reserve = channel_sync_settings().reconciliation_reserve
    while True:
        try:
            require_spare(channel_property.id, account_id_of(channel_property), reserve)
            with calling(channel_property, is_urgent=True) as channel:
                return call(channel)
        except (RateLimited, NotYet) as error:
            if error.waits_for in (WaitsFor.PAUSE, WaitsFor.LOGIN):
                # Somebody has to do something first: no worker is held for that.
                raise
            wait(error.retry_after or UNAVAILABLE_RETRY, str(error))
        except ChannelUnavailable as error:
            wait(UNAVAILABLE_RETRY, str(error))
