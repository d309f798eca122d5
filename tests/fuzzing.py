"""Generated input: the same each time in `make test`; with FUZZ_TIMES=20 as much more, and new each time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

TIMES = int(os.environ.get("FUZZ_TIMES", "1"))


def examples(number: int) -> settings:
    """Settings of a test that tries this many examples, or a multiple of them."""
    return settings(
        max_examples=number * TIMES,
        derandomize=TIMES == 1,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
