"""What closes rooms at the channel, or leaves them on sale there, is done only when a person has said yes to it."""

from __future__ import annotations

from collections.abc import Sequence

from channel_sync.errors import NotConfirmed


def require_confirmed(consequences: Sequence[str], *, is_confirmed: bool) -> None:
    """Raise `NotConfirmed` with what would follow, unless somebody has confirmed it, or nothing does."""
    if consequences and not is_confirmed:
        raise NotConfirmed(consequences)
