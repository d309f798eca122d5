"""OpenTelemetry spans, where its API is installed (`pip install channel-sync[tracing]`) and the host has set it up.

The id of a trace is the correlation id of the event: what a webhook, a worker and a call to the channel do meets in one
trace without anything being handed on, a retry after an hour and a log line included.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

try:
    from opentelemetry import trace
except ImportError:
    trace = None  # type: ignore[assignment]

LOWER_HALF = (1 << 64) - 1
NANOSECONDS_PER_MILLISECOND = 1_000_000

Attributes = Mapping[str, object]


@contextmanager
def span(name: str, correlation_id: UUID, attributes: Attributes) -> Iterator[None]:
    """Run a block as a span of the trace of a correlation id; an error marks it and goes on."""
    tracer = _tracer()
    if tracer is None:
        yield
        return
    with tracer.start_as_current_span(name, context=_context(correlation_id), attributes=_told(attributes)):
        yield


def note_span(name: str, correlation_id: UUID, milliseconds: int, attributes: Attributes) -> None:
    """A span of something that has just ended; below the current span, where there is one of this trace."""
    tracer = _tracer()
    if tracer is None:
        return
    now = time.time_ns()
    current = trace.get_current_span().get_span_context()
    context = None if current.trace_id == correlation_id.int else _context(correlation_id)
    begun = now - milliseconds * NANOSECONDS_PER_MILLISECOND
    tracer.start_span(name, context=context, attributes=_told(attributes), start_time=begun).end(now)


def _told(attributes: Attributes) -> dict[str, str]:
    return {f"channel_sync.{name}": str(value) for name, value in attributes.items()}


def _tracer() -> trace.Tracer | None:
    """None where nothing takes spans: one that goes nowhere costs a webhook a twentieth of its time."""
    if trace is None:
        return None
    provider = trace.get_tracer_provider()
    return None if isinstance(provider, trace.ProxyTracerProvider) else provider.get_tracer("channel_sync")


def _context(correlation_id: UUID) -> Any:
    """As if a span of this trace, somewhere else, had called us."""
    somewhere = trace.SpanContext(
        trace_id=correlation_id.int,
        span_id=correlation_id.int & LOWER_HALF or 1,
        is_remote=True,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(trace.NonRecordingSpan(somewhere))
