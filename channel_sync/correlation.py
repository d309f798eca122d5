"""The correlation id that follows a webhook or a save to its last effect, in every log line."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID, uuid4

_current: ContextVar[UUID | None] = ContextVar("channel_sync_correlation_id", default=None)


def correlation_id() -> UUID:
    """The id of the work in hand; a new one when no work has begun."""
    return _current.get() or uuid4()


@contextmanager
def correlated(identity: UUID | None) -> Iterator[UUID]:
    """Run a block of work under an id; without one, under a new one."""
    bound = identity or uuid4()
    token = _current.set(bound)
    try:
        yield bound
    finally:
        _current.reset(token)


class CorrelationFilter(logging.Filter):
    """Logging filter: gives every record the attribute `correlation_id`."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Add the attribute; never drops a record."""
        record.correlation_id = _current.get() or "-"
        return True
