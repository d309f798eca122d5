from datetime import timedelta

import pytest

from channel_sync.events.retry import RetrySchedule, error_schedule, rate_limit_schedule

SECONDS = tuple(timedelta(seconds=seconds) for seconds in (5, 25, 125))


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 25), (3, 125), (4, 125), (0, 5)])
def test_the_delay_grows_by_attempt_and_stays_at_the_last(attempts: int, seconds: int) -> None:
    assert RetrySchedule(SECONDS, jitter=0).delay(attempts) == timedelta(seconds=seconds)


def test_jitter_adds_at_most_its_share() -> None:
    delays = {RetrySchedule(SECONDS, jitter=0.1).delay(1) for _ in range(50)}

    assert len(delays) > 1
    assert all(timedelta(seconds=5) <= delay <= timedelta(seconds=5.5) for delay in delays)


def test_the_schedules_of_the_plan() -> None:
    assert error_schedule().delays == SECONDS
    assert rate_limit_schedule().delays == tuple(timedelta(seconds=seconds) for seconds in (60, 300, 900))
