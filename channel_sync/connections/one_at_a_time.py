"""One person at a time connects a property, and one property at a time takes its place at the channel.

Who comes second looks at what the first has made, before the invite code is spent.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from uuid import UUID

from channel_sync.database_lock import session_lock

# The one before may close rooms and wait for its account.
WAIT = timedelta(minutes=1)


@contextmanager
def connecting(property_id: UUID, channel_name: str, channel_property_id: str | None) -> Iterator[None]:
    """Nobody else connects this property of the PMS, or the one of the channel; unnamed ones come one by one.

    May be entered again inside. Raises `NotYet` when somebody else is at it for long.
    """
    with ExitStack() as stack:
        stack.enter_context(session_lock("connecting the property", channel_name, property_id, wait=WAIT))
        stack.enter_context(session_lock(*_place(channel_name, channel_property_id), wait=WAIT))
        yield


@contextmanager
def taking_place(channel_name: str, channel_property_id: str) -> Iterator[None]:
    """The same for a property of the channel that showed only when the invite code was spent."""
    with session_lock(*_place(channel_name, channel_property_id), wait=WAIT):
        yield


def _place(channel_name: str, channel_property_id: str | None) -> tuple[str, str, str]:
    return "the property at the channel", channel_name, channel_property_id or ""
