"""Nights and ranges of nights."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import TypeVar

Value = TypeVar("Value")

ONE_NIGHT = timedelta(days=1)


def nights(first: date, last: date) -> Iterator[date]:
    """Every night from the first to the last, both included; none when the last is before the first."""
    return (first + timedelta(days=offset) for offset in range((last - first).days + 1))


def equal_ranges(values: Iterable[tuple[date, Value]]) -> Iterator[tuple[date, date, Value]]:
    """Nights in order with their values -> (first night, last night, value) for each run of equal neighbours."""
    run: tuple[date, date, Value] | None = None
    for night, value in values:
        if run is not None and value == run[2] and night == run[1] + timedelta(days=1):
            run = (run[0], night, value)
            continue
        if run is not None:
            yield run
        run = (night, night, value)
    if run is not None:
        yield run
