"""Which event shows what the channel has at this moment: a list was read under the account's lock a moment ago.

A webhook may be older than our own last write, and the channel is asked; a list is not, and need not be.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

_listed: ContextVar[UUID | None] = ContextVar("channel_sync_listed_event", default=None)


@contextmanager
def listed_now(event_id: UUID) -> Iterator[None]:
    """While an event is worked whose state was just listed."""
    token = _listed.set(event_id)
    try:
        yield
    finally:
        _listed.reset(token)


def is_listed_now(event_id: UUID) -> bool:
    """Whether the state of an event is the present one."""
    return _listed.get() == event_id
