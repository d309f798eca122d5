"""Spans of nights, as few as will do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import TypeVar

from channel_sync.pms import NightSpan

Span = TypeVar("Span", bound=NightSpan)


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same nights, with spans of the same rooms or rate plan that touch or overlap made one."""
    by_subject: dict[Span, list[Span]] = {}
    for span in sorted(spans, key=lambda one: one.start):
        runs = by_subject.setdefault(replace(span, start=date.min, end=date.min), [])
        if runs and span.start <= runs[-1].end:
            runs[-1] = replace(runs[-1], end=max(runs[-1].end, span.end))
        else:
            runs.append(span)
    return [span for runs in by_subject.values() for span in runs]
