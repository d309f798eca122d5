"""Which channel a change is made for, so that the change is not sent back to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID

_origin: ContextVar[UUID | None] = ContextVar("channel_sync_origin", default=None)


def change_origin() -> UUID | None:
    """The channel property whose change is being applied; None for changes of the PMS itself."""
    return _origin.get()


@contextmanager
def on_behalf_of(channel_property_id: UUID) -> Iterator[None]:
    """Mark the changes made in this block as those of a channel."""
    token = _origin.set(channel_property_id)
    try:
        yield
    finally:
        _origin.reset(token)
