"""Saves that are made together are followed together: their receiver asks the database once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

Change = TypeVar("Change")

_waiting: ContextVar[dict[Callable[[list[Any]], None], list[Any]] | None] = ContextVar(
    "channel_sync_saves", default=None
)


def follow(receiver: Callable[[list[Change]], None], change: Change) -> None:
    """Hand a change to its receiver: at once, or with the others at the end of the block that gathers them."""
    waiting = _waiting.get()
    if waiting is None:
        receiver([change])
    else:
        waiting.setdefault(receiver, []).append(change)


@contextmanager
def followed_together() -> Iterator[None]:
    """Gather the changes made in this block, which is part of a transaction; an error drops them."""
    waiting: dict[Callable[[list[Any]], None], list[Any]] = {}
    token = _waiting.set(waiting)
    try:
        yield
    finally:
        _waiting.reset(token)
    for receiver, changes in waiting.items():
        receiver(changes)
