"""When to try again, if at all."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import timedelta

from channel_sync.conf import channel_sync_settings


@dataclass(frozen=True)
class RetrySchedule:
    """Delays by attempt; the last one repeats, jitter keeps retries from coming together."""

    delays: tuple[timedelta, ...]
    jitter: float

    def delay(self, attempts: int) -> timedelta:
        """The wait after the given number of attempts, at least one."""
        base = self.delays[min(max(attempts, 1), len(self.delays)) - 1]
        return base * (1 + random.uniform(0, self.jitter))


def error_schedule() -> RetrySchedule:
    """After an error: 5 s, 25 s, 125 s."""
    settings = channel_sync_settings()
    return RetrySchedule(settings.retry_delays, settings.retry_jitter)


def probe_schedule() -> RetrySchedule:
    """While a channel does not answer."""
    settings = channel_sync_settings()
    return RetrySchedule(settings.probe_delays, settings.retry_jitter)


def rate_limit_schedule() -> RetrySchedule:
    """When rate limited without being told how long: 60 s, 300 s, 900 s."""
    settings = channel_sync_settings()
    return RetrySchedule(settings.rate_limit_delays, settings.retry_jitter)
