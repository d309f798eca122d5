"""Pairs of timings: the two sides take turns, so that what else the machine does meets both."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median


def taking_turns(ours: Callable[[], object], bare: Callable[[], object], rounds: int = 7) -> tuple[float, float]:
    """The median seconds of both sides, after one round that does not count."""
    ours(), bare()
    seconds: list[tuple[float, float]] = [(_seconds(ours), _seconds(bare)) for _ in range(rounds)]
    return median(pair[0] for pair in seconds), median(pair[1] for pair in seconds)


def _seconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
